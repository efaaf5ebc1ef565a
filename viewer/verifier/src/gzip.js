/** Gzip members: read strictly, with one fixed header and whole trailers, and written by stored blocks. */

import { joined, sameBytes } from "./encoding.js";
import { Crc32 } from "./hashing.js";
import { Inflater } from "./inflate.js";
import { Broken, MalformedWarc } from "./malformed.js";

/** RFC 1952 §2.3: magic, method 8, no flags, mtime 0, XFL 0, OS 255. */
export const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);
const TRAILER = 8;
// The same as in the other verifier, so that both come upon the same problem first.
const LEAST_FEED = 32 << 10;
const MOST_FEED = 512 << 10;
const PIECE = 1 << 20;
const EMPTY = new Uint8Array(0);

/** @typedef {{read: () => Promise<Uint8Array>}} Source gives the next bytes, none only at the end */

/** The members of a gzip file, one after the other. */
export class GzipMembers {
  /**
   * @param {Source} source
   * @param {number} [offset] of its first byte in the file
   * @returns {Promise<GzipMembers>}
   */
  static async of(source, offset = 0) {
    return new GzipMembers(source, offset, new Inflater(PIECE), await Crc32.create());
  }

  /**
   * @param {Source} source
   * @param {number} offset
   * @param {Inflater} inflater
   * @param {Crc32} crc
   */
  constructor(source, offset, inflater, crc) {
    this._source = source;
    this._buffer = EMPTY;
    this._at = 0;
    /** What was read and stands behind the buffer. */
    this._behind = EMPTY;
    /** Place in the file of the first byte not yet consumed. */
    this.offset = offset;
    this.inflater = inflater;
    this.crc = crc;
  }

  /**
   * Read members from another source; the one before is done with.
   *
   * @param {Source} source
   * @param {number} offset
   */
  turnTo(source, offset) {
    this._source = source;
    this._buffer = EMPTY;
    this._at = 0;
    this._behind = EMPTY;
    this.offset = offset;
  }

  /**
   * The next member, or null if the file ends here. The one before must have been read to its end.
   *
   * @returns {Promise<Member | null>}
   * @throws {MalformedWarc} what follows is not a member with our header
   */
  async next() {
    const start = this.offset;
    const header = await this.take(HEADER.length);
    if (!header.length) return null;
    if (header.length !== HEADER.length || header.some((byte, place) => byte !== HEADER[place])) {
      throw new MalformedWarc(start, "not the gzip member header that sijill writes");
    }
    return new Member(this, start);
  }

  /**
   * The next `limit` bytes, consumed; fewer only if the file ends.
   *
   * @param {number} limit
   * @returns {Promise<Uint8Array>}
   */
  async take(limit) {
    if (this._buffer.length - this._at < limit) await this._fill(limit);
    const piece = this._buffer.subarray(this._at, this._at + limit);
    this._at += piece.length;
    this.offset += piece.length;
    return piece;
  }

  /** @param {number} size undo so many bytes of the last `take` */
  giveBack(size) {
    this._at -= size;
    this.offset -= size;
  }

  /** Put `size` bytes into the buffer if the file has as many; of what is read in large pieces little is copied. */
  async _fill(size) {
    const pieces = [this._buffer.subarray(this._at)];
    let held = this._buffer.length - this._at;
    while (held < size) {
      if (!this._behind.length) this._behind = await this._source.read();
      if (!this._behind.length) break;
      const piece = held ? this._behind.subarray(0, size - held) : this._behind;
      this._behind = this._behind.subarray(piece.length);
      pieces.push(piece);
      held += piece.length;
    }
    const found = pieces.filter((piece) => piece.length);
    this._buffer = found.length === 1 ? found[0] : joined(...found);
    this._at = 0;
  }
}

/** One gzip member while it is read. */
export class Member {
  /**
   * @param {GzipMembers} members
   * @param {number} offset of the member in the file
   */
  constructor(members, offset) {
    this.offset = offset;
    /** Whether the member was read to its end, trailer included, and is whole. */
    this.ended = false;
    this._members = members;
    this._size = 0;
    members.inflater.reset();
    members.crc.reset();
  }

  /**
   * The next decompressed bytes, a view that holds until the next call; none once the member has ended.
   *
   * @returns {Promise<Uint8Array>}
   * @throws {MalformedWarc} not deflate, cut short, or the trailer does not fit what was read
   */
  async read() {
    const { inflater, crc } = this._members;
    while (!this.ended) {
      const more = inflater.pending;
      const coded = more ? EMPTY : await this._members.take(this._nextFeed());
      const data = this._decompress(coded);
      crc.update(data);
      this._size += data.length;
      if (inflater.ended) await this._end();
      if (data.length) return data;
      if (!coded.length && !more) throw new MalformedWarc(this.offset, "gzip member is cut short");
    }
    return EMPTY;
  }

  /** Compressed bytes, header and trailer included, of an ended member. */
  get length() {
    return this._members.offset - this.offset;
  }

  _nextFeed() {
    return Math.min(Math.max(LEAST_FEED, this._members.offset - this.offset), MOST_FEED);
  }

  _decompress(coded) {
    try {
      return this._members.inflater.decompress(coded);
    } catch (err) {
      if (!(err instanceof Broken)) throw err;
      throw new MalformedWarc(this.offset, `gzip member does not decompress: ${err.reason}`);
    }
  }

  /** RFC 1952 §2.3.1: CRC-32 and the size modulo 2^32 of what was compressed. */
  async _end() {
    this._members.giveBack(this._members.inflater.unused);
    const trailer = await this._members.take(TRAILER);
    const expected = new DataView(new ArrayBuffer(TRAILER));
    expected.setUint32(0, this._members.crc.value(), true);
    expected.setUint32(4, this._size % 2 ** 32, true);
    if (!sameBytes(trailer, new Uint8Array(expected.buffer))) {
      throw new MalformedWarc(this.offset, "gzip trailer missing, or its CRC-32 or size is not that of the content");
    }
    this.ended = true;
  }
}

/** RFC 1951 §3.2.4: a stored block holds at most this many bytes. */
const STORED_MAX = 0xffff;

/**
 * One gzip member holding `data` in stored deflate blocks: the same bytes on every machine.
 *
 * @param {Uint8Array} data
 * @param {Crc32} crc
 * @returns {Uint8Array}
 */
export function gzipStored(data, crc) {
  const blocks = Math.max(1, Math.ceil(data.length / STORED_MAX));
  const member = new Uint8Array(HEADER.length + data.length + 5 * blocks + TRAILER);
  const view = new DataView(member.buffer);
  member.set(HEADER);
  let at = HEADER.length;
  for (let block = 0; block < blocks; block += 1) {
    const stored = data.subarray(block * STORED_MAX, (block + 1) * STORED_MAX);
    member[at] = block === blocks - 1 ? 1 : 0;
    view.setUint16(at + 1, stored.length, true);
    view.setUint16(at + 3, stored.length ^ STORED_MAX, true);
    member.set(stored, at + 5);
    at += 5 + stored.length;
  }
  crc.reset();
  crc.update(data);
  view.setUint32(at, crc.value(), true);
  view.setUint32(at + 4, data.length % 2 ** 32, true);
  return member;
}
