/** Reading a WARC strictly, in one pass and constant memory: what sijill would not have written is refused. */

import { joined, sameBytes } from "./encoding.js";
import { MalformedWarc } from "./malformed.js";
import { quotedBytes } from "./quoted.js";
import { METADATA, RESPONSE, REVISIT, WARCINFO, badField } from "./record.js";

const HEADER_LIMIT = 64 << 10;
/** The most decompressed bytes of all blocks of a WARC. */
export const CONTENT_LIMIT = 16 * 2 ** 30;

const VERSION_LINE = new TextEncoder().encode("WARC/1.1\r\n");
const EMPTY_LINE = new TextEncoder().encode("\r\n\r\n");
const LENGTH_DIGITS = 19;
const CR = 0x0d;
const LF = 0x0a;
const EMPTY = new Uint8Array(0);
const ASCII = new TextDecoder("utf-8", { ignoreBOM: true });

/** @typedef {import("./record.js").Fields} Fields */

/**
 * @param {string} type
 * @returns {boolean} whether such a record holds or stands for what came in an exchange
 */
export function isAnswer(type) {
  return type === RESPONSE || type === REVISIT;
}

/**
 * Checks record by record that a file has those that it must, in their order, and not too much in them.
 *
 * The first is the one warcinfo record; all others name it; record ids are unique; a request is concurrent to a response
 * or revisit before it; the last is a metadata record, the fetch log, so that a file cut between two records is noticed.
 */
export class Order {
  /** @param {number} limit how many bytes of blocks there may be in all */
  constructor(limit) {
    this._left = limit;
    this._seen = new Map();
    this._warcinfo = null;
    this._last = null;
  }

  /**
   * Take the next record in.
   *
   * @param {Record} record
   * @throws {MalformedWarc} it may not stand here
   */
  admit(record) {
    const { offset, id, type } = record;
    this._left -= record.size;
    if (this._left < 0) throw tooMuch(offset);
    if (this._seen.has(id)) throw new MalformedWarc(offset, "WARC-Record-ID is that of an earlier record");
    if ((this._warcinfo === null) !== (type === WARCINFO)) {
      throw new MalformedWarc(offset, "warcinfo must be the first record and only the first");
    }
    if (this._warcinfo === null) this._warcinfo = `<${id}>`;
    else if (record.field("WARC-Warcinfo-ID") !== this._warcinfo) {
      throw new MalformedWarc(offset, "WARC-Warcinfo-ID is not that of the first record");
    }
    const concurrentTo = record.field("WARC-Concurrent-To");
    if (concurrentTo !== null && !isAnswer(this._seen.get(concurrentTo.slice(1, -1)))) {
      throw new MalformedWarc(offset, "WARC-Concurrent-To names no response before it");
    }
    this._seen.set(id, type);
    this._last = type;
  }

  /**
   * @param {number} offset at which the file ends
   * @throws {MalformedWarc} it may not end here
   */
  end(offset) {
    if (this._last === null) throw new MalformedWarc(0, "no records");
    if (this._last !== METADATA) {
      throw new MalformedWarc(offset, "the last record is not the fetch log: the file is cut short");
    }
  }
}

/** One record while it is read. Its block can be read once. */
export class Record {
  /**
   * @param {import("./gzip.js").Member} member
   * @param {Fields} fields checked against the grammar
   * @param {Uint8Array} begun what was read behind the header
   */
  constructor(member, fields, begun) {
    this.fields = fields;
    this.type = this.field("WARC-Type");
    /** `urn:uuid:…`, without the angle brackets. */
    this.id = this.field("WARC-Record-ID").slice(1, -1);
    /** Bytes of the block. */
    this.size = Number(this.field("Content-Length"));
    this._member = member;
    this._begun = begun;
    this._left = this.size;
    this._finished = false;
  }

  /** Place of the record's gzip member in the file. */
  get offset() {
    return this._member.offset;
  }

  /** Compressed bytes of the record, once it has been read to its end. */
  get length() {
    return this._member.length;
  }

  /**
   * @param {string} name
   * @returns {string | null} the value of the first field called exactly `name`
   */
  field(name) {
    for (const [key, value] of this.fields) if (key === name) return value;
    return null;
  }

  /**
   * The next bytes of the block, a view that holds until the next call; none once the record is known to be whole.
   *
   * @returns {Promise<Uint8Array>}
   * @throws {MalformedWarc} the block is shorter or longer than Content-Length, or the gzip member is not whole
   */
  async read() {
    if (this._left) {
      const piece = this._begun.length ? this._begun : await this._member.read();
      if (!piece.length) {
        throw new MalformedWarc(this.offset, `record ends ${this._left} bytes before its Content-Length`);
      }
      this._begun = piece.subarray(Math.min(this._left, piece.length));
      const taken = piece.subarray(0, this._left);
      this._left -= taken.length;
      return taken;
    }
    if (!this._finished) await this._finish();
    return EMPTY;
  }

  /** ISO 28500 §4: two CRLF after the block; then, by us, the member ends. */
  async _finish() {
    let tail = this._begun;
    this._begun = EMPTY;
    while (tail.length <= EMPTY_LINE.length) {
      tail = tail.slice();
      const piece = await this._member.read();
      if (!piece.length) break;
      tail = joined(tail, piece);
    }
    if (!sameBytes(tail, EMPTY_LINE)) {
      throw new MalformedWarc(this.offset, "record does not end with two CRLF right after its block");
    }
    this._finished = true;
  }
}

/**
 * The records of a WARC from its first byte to its last, in the order that `Order` demands.
 *
 * All of the file has been checked once the iteration has ended, and only then. Each record must be read to its end.
 *
 * @param {import("./gzip.js").GzipMembers} members
 * @returns {AsyncGenerator<Record>}
 * @throws {MalformedWarc} at the first thing that sijill would not have written
 */
export async function* readRecords(members) {
  const order = new Order(CONTENT_LIMIT);
  for (let record = await nextRecord(members); record; record = await nextRecord(members)) {
    order.admit(record);
    yield record;
  }
  order.end(members.offset);
}

/**
 * The next record, its fields checked, whether or not it may stand here; null if the file ends.
 *
 * @param {import("./gzip.js").GzipMembers} members
 * @returns {Promise<Record | null>}
 * @throws {MalformedWarc} what follows is not the header of a record
 */
export async function nextRecord(members) {
  const member = await members.next();
  return member && readHeader(member);
}

/**
 * @param {number} offset
 * @returns {MalformedWarc} the record there goes beyond what all blocks together may hold
 */
export function tooMuch(offset) {
  return new MalformedWarc(offset, "more content than the limit");
}

async function readHeader(member) {
  let read = await member.read();
  let end = endOfHeader(read);
  let piece = read;
  while (end < 0 && read.length <= HEADER_LIMIT && piece.length) {
    const before = read.slice();
    piece = await member.read();
    read = joined(before, piece);
    end = endOfHeader(read);
  }
  if (end < 0 && read.length <= HEADER_LIMIT) throw new MalformedWarc(member.offset, "record header is cut short");
  if (end < 0 || end > HEADER_LIMIT) throw new MalformedWarc(member.offset, "record header is too long");
  if (!sameBytes(read.subarray(0, VERSION_LINE.length), VERSION_LINE)) {
    throw new MalformedWarc(member.offset, "record does not begin with WARC/1.1");
  }
  // The lines of an empty header begin behind its end.
  const fields = parseFields(read.subarray(VERSION_LINE.length, Math.max(end, VERSION_LINE.length)), member.offset);
  return new Record(member, fields, read.subarray(end + EMPTY_LINE.length));
}

function endOfHeader(read) {
  for (let at = read.indexOf(CR); at >= 0; at = read.indexOf(CR, at + 1)) {
    if (read[at + 1] === LF && read[at + 2] === CR && read[at + 3] === LF) return at;
    if (at > HEADER_LIMIT) return at;
  }
  return -1;
}

/** Exactly `Name: value` lines: nothing folded, no other white space around a value (ISO 28500 §4). */
function parseFields(text, offset) {
  const fields = lines(text).map((line) => {
    const decoded = isAscii(line) ? ASCII.decode(line) : "";
    const at = decoded.indexOf(": ");
    if (at < 0) throw new MalformedWarc(offset, `not a named field: ${quotedBytes(line.subarray(0, 80))}`);
    return /** @type {[string, string]} */ ([decoded.slice(0, at), decoded.slice(at + 2)]);
  });
  const problem = badField(fields);
  if (problem !== null) throw new MalformedWarc(offset, problem);
  if (fields.some(([name, value]) => name === "Content-Length" && value.length > LENGTH_DIGITS)) {
    throw new MalformedWarc(offset, "Content-Length has more digits than the size of any file");
  }
  return fields;
}

function lines(text) {
  const found = [];
  let start = 0;
  for (let at = text.indexOf(CR); at >= 0; at = text.indexOf(CR, at + 1)) {
    if (text[at + 1] !== LF) continue;
    found.push(text.subarray(start, at));
    start = at + 2;
  }
  found.push(text.subarray(start));
  return found;
}

function isAscii(bytes) {
  return bytes.every((byte) => byte < 0x80);
}
