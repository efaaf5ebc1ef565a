/**
 * What the records of a WARC hold, recomputed from their bytes in one pass: digests, heads, payloads.
 *
 * Nothing here is taken from what a record says of itself; `blockDigestHolds` and `payloadDigestHolds` compare.
 */

import { Hasher, Sha256 } from "./hashing.js";
import { ResponseParser } from "./http.js";
import { RESPONSE, REVISIT } from "./record.js";
import { BlockDigester } from "./threads.js";

/** Blocks of at most so many bytes are held as a whole, so that WebCrypto can take them. */
const HELD = 16 << 20;
const SLOT = 64 << 10;

/**
 * @typedef {object} ExaminedRecord one response or revisit record, read to its end
 * @property {string} type
 * @property {string} id `urn:uuid:…`
 * @property {import("./record.js").Fields} fields
 * @property {number} offset
 * @property {number} length compressed bytes
 * @property {number} size bytes of the block
 * @property {boolean} blockDigestHolds whether `WARC-Block-Digest` is that of the block
 * @property {boolean | null} payloadDigestHolds null if the record has no such field, or no payload
 * @property {ExaminedResponse | null} response of a response record
 * @property {ExaminedRevisit | null} revisit of a revisit record
 */
/**
 * @typedef {object} ExaminedResponse
 * @property {import("./http.js").ResponseHead | null} head
 * @property {import("./hashing.js").Digests} payload of as much of it as is there
 * @property {number} surplus bytes beyond the end of the body
 * @property {string | null} problem why the payload is not whole
 */
/**
 * @typedef {object} ExaminedRevisit
 * @property {import("./http.js").ResponseHead | null} head
 * @property {number} rest bytes of the block that do not belong to that head
 */

/** Examines records one after the other; digests may still be on their way when the next record is read. */
export class Examiner {
  /**
   * @param {import("./hashing.js").Reading["spawn"]} [spawn] without it there is no further thread
   * @returns {Promise<Examiner>} to be ended, if there may be one
   */
  static async create(spawn) {
    return new Examiner(await Sha256.create(), await Hasher.create(), await BlockDigester.create(spawn));
  }

  /**
   * @param {Sha256} block
   * @param {Hasher} payload
   * @param {BlockDigester} held
   */
  constructor(block, payload, held) {
    this._block = block;
    this._payload = payload;
    this._held = held;
    /** @type {Uint8Array[]} */
    this._free = [];
  }

  /**
   * Read the whole block of a record.
   *
   * @param {import("./warc.js").Record} record
   * @returns {Promise<{bytes: number, found: Promise<ExaminedRecord>}>} what it holds, and how much memory that takes
   *   until it is there
   * @throws {import("./malformed.js").MalformedWarc} the record is not whole
   */
  async examine(record) {
    return record.size <= HELD ? this._examineHeld(record) : this._examineInPieces(record);
  }

  /**
   * Read the whole block of a record whose payload is not asked for.
   *
   * @param {import("./warc.js").Record} record
   * @param {((piece: Uint8Array) => void)} [keep] is given the block in pieces, as views
   * @returns {Promise<string>} the block's SHA-256
   */
  async digestBlock(record, keep) {
    this._block.reset();
    for (let piece = await record.read(); piece.length; piece = await record.read()) {
      this._block.update(piece);
      keep?.(piece);
    }
    return this._block.digest();
  }

  /** No more is examined. */
  end() {
    this._held.end();
  }

  async _examineInPieces(record) {
    const parser = new ResponseParser();
    this._payload.reset();
    const take = (piece) => this._payload.update(piece);
    const block = await this.digestBlock(record, (piece) => parser.feed(piece, take));
    parser.finish();
    return {
      bytes: 0,
      found: Promise.resolve(examined(record, record.length, parser, block, this._payload.digests())),
    };
  }

  async _examineHeld(record) {
    const held = this._room(record.size);
    const payload = new Ranges(this._payload);
    const parser = new ResponseParser();
    let size = 0;
    let at = 0;
    for (let piece = await record.read(); piece.length; piece = await record.read()) {
      held.set(piece, size);
      size += piece.length;
      at = parser.go(held, at, size, (body) => payload.add(body));
    }
    parser.finish();
    const { length } = record;
    const bytes = held.length;
    const scattered = payload.range ? null : this._payload.digests();
    const found = this._held.digest(held, size, payload.range).then(({ room, found: { sha256, payload: whole } }) => {
      this._free.push(room);
      return examined(record, length, parser, sha256, whole ?? scattered);
    });
    return { bytes, found };
  }

  /** Room for so many bytes, used before if possible: new memory has to be made empty, and collected. */
  _room(size) {
    const place = this._free.findIndex((room) => room.length >= size);
    if (place >= 0) return this._free.splice(place, 1)[0];
    this._free = [];
    return new Uint8Array(Math.ceil((size + 1) / SLOT) * SLOT);
  }
}

/** The payload as a range of the block; if chunk framing stands in between, the hasher has taken it. */
class Ranges {
  /** @param {Hasher} hasher */
  constructor(hasher) {
    this._hasher = hasher;
    /** @type {import("./hashing.js").Range | null} null once it is known to be scattered */
    this.range = { start: 0, end: 0 };
  }

  /** @param {Uint8Array} body a view of the block, which has a buffer of its own */
  add(body) {
    const { range } = this;
    const start = body.byteOffset;
    const end = start + body.length;
    if (!range) {
      this._hasher.update(body);
    } else if (range.start === range.end) {
      this.range = { start, end };
    } else if (range.end === start) {
      this.range = { start: range.start, end };
    } else {
      this.range = null;
      this._hasher.reset();
      this._hasher.update(new Uint8Array(body.buffer, range.start, range.end - range.start));
      this._hasher.update(body);
    }
  }
}

/** @returns {ExaminedRecord} */
function examined(record, length, parser, block, payload) {
  const response = record.type === RESPONSE;
  const stated = record.type === REVISIT ? null : record.field("WARC-Payload-Digest");
  return {
    type: record.type,
    id: record.id,
    fields: record.fields,
    offset: record.offset,
    length,
    size: record.size,
    blockDigestHolds: record.field("WARC-Block-Digest") === `sha256:${block}`,
    payloadDigestHolds: stated === null ? null : response && stated === `sha256:${payload.sha256}`,
    response: response ? { head: parser.head, payload, surplus: parser.surplus, problem: parser.problem } : null,
    revisit: response ? null : { head: parser.head, rest: record.size - (parser.head?.size ?? 0) },
  };
}
