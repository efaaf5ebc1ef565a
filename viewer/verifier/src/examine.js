/**
 * What the records of a WARC hold, recomputed from their bytes in one pass: digests, heads, payloads.
 *
 * Nothing here is taken from what a record says of itself; `blockDigestHolds` and `payloadDigestHolds` compare.
 */

import { Hasher, Sha256, WholeHasher } from "./hashing.js";
import { ResponseParser } from "./http.js";
import { RESPONSE, REVISIT } from "./record.js";

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
  static async create() {
    return new Examiner(await Sha256.create(), await Hasher.create(), await WholeHasher.create());
  }

  /**
   * @param {Sha256} block
   * @param {Hasher} payload
   * @param {WholeHasher} whole
   */
  constructor(block, payload, whole) {
    this._block = block;
    this._payload = payload;
    this._whole = whole;
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
    const block = this._whole.sha256(held.subarray(0, size));
    const digests = payload.digests(this._whole);
    const found = Promise.all([block, digests]).then(([sha256, of]) => {
      this._free.push(held);
      return examined(record, length, parser, sha256, of);
    });
    return { bytes: held.length, found };
  }

  /** Room for so many bytes, used before if possible: new memory has to be made empty, and collected. */
  _room(size) {
    const place = this._free.findIndex((room) => room.length >= size);
    if (place >= 0) return this._free.splice(place, 1)[0];
    this._free = [];
    return new Uint8Array(Math.ceil((size + 1) / SLOT) * SLOT);
  }
}

/** The payload as a range of the block, or, if chunk framing stands in between, as what was hashed of it. */
class Ranges {
  /** @param {Hasher} hasher */
  constructor(hasher) {
    this._hasher = hasher;
    /** @type {Uint8Array | null} */
    this._range = null;
    this._scattered = false;
  }

  /** @param {Uint8Array} body a view of the block */
  add(body) {
    const range = this._range;
    if (this._scattered) {
      this._hasher.update(body);
    } else if (!range) {
      this._range = body;
    } else if (range.byteOffset + range.length === body.byteOffset) {
      this._range = new Uint8Array(range.buffer, range.byteOffset, range.length + body.length);
    } else {
      this._scattered = true;
      this._hasher.reset();
      this._hasher.update(range);
      this._hasher.update(body);
    }
  }

  /**
   * @param {WholeHasher} whole
   * @returns {Promise<import("./hashing.js").Digests>}
   */
  async digests(whole) {
    if (this._scattered) return this._hasher.digests();
    const bytes = this._range ?? new Uint8Array(0);
    const sha256 = whole.sha256(bytes);
    const blake3 = whole.blake3(bytes);
    return { size: bytes.length, sha256: await sha256, blake3 };
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
