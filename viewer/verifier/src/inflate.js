/**
 * Inflating raw deflate (RFC 1951) in pieces and constant memory, saying where the stream ends in its input.
 *
 * The browser's `DecompressionStream` does not say how much of its input it used, so it cannot tell where a gzip member
 * ends and the next begins. What counts as broken is what zlib takes for broken.
 */

import { FIXED, KIND, UNUSED, distanceTable, lengthTable, literalTable } from "./huffman.js";
import { readCodes } from "./inflate_codes.js";
import { Broken } from "./malformed.js";

const WINDOW = 1 << 15;
/** More than the longest match, which may be written beyond the limit of one call. */
const SLACK = 258 + 6;

const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A raw deflate stream while it is read; `reset` makes it ready for another. */
export class Inflater {
  /** @param {number} piece the most bytes that one call gives */
  constructor(piece) {
    this._piece = piece;
    this._output = new Uint8Array(WINDOW + piece + SLACK);
    this._lengths = new Uint8Array(320);
    this.reset();
  }

  /** Begin a new stream. */
  reset() {
    /** Whether the end of the stream was reached. */
    this.ended = false;
    /** How many of the last bytes given stand behind the end of the stream. */
    this.unused = 0;
    /** Whether there may be more output without more input, since a call gives no more than `piece` bytes. */
    this.pending = false;
    this._input = new Uint8Array(0);
    this._at = 0;
    this._out = 0;
    this._hold = 0;
    this._bits = 0;
    this.endBlock();
    this._last = false;
    this._left = 0;
    /** @type {import("./huffman.js").Table} */
    this._literals = FIXED.literals;
    /** @type {import("./huffman.js").Table} */
    this._distances = FIXED.distances;
  }

  /**
   * Take in the next bytes; give some of the output, a view that holds until the next call.
   *
   * @param {Uint8Array} coded empty while `pending`, unless the input ended
   * @returns {Uint8Array}
   * @throws {Broken}
   */
  decompress(coded) {
    this._take(coded);
    if (this._out + this._piece + SLACK > this._output.length) this._slide();
    const start = this._out;
    const limit = start + this._piece;
    this.pending = false;
    while (!this.ended && this._out < limit) {
      if (!this._state(this, limit)) break;
    }
    if (this.ended) this._end();
    else this.pending = this._out >= limit;
    return this._output.subarray(start, this._out);
  }

  /** What follows is a block, or nothing if the one before was the last. */
  endBlock() {
    this._state = readBlock;
  }

  _take(coded) {
    const left = this._input.length - this._at;
    if (!coded.length) return;
    if (!left) {
      this._input = coded;
    } else {
      const joined = new Uint8Array(left + coded.length);
      joined.set(this._input.subarray(this._at));
      joined.set(coded, left);
      this._input = joined;
    }
    this._at = 0;
  }

  _slide() {
    const kept = Math.min(this._out, WINDOW);
    this._output.copyWithin(0, this._out - kept, this._out);
    this._out = kept;
  }

  _end() {
    this.unused = this._input.length - this._at + (this._bits >> 3);
    this._input = new Uint8Array(0);
    this._at = 0;
  }

  /** At least `count` bits, at most 24, in `_hold`; false if the input has not as many. */
  _need(count) {
    while (this._bits < count) {
      if (this._at === this._input.length) return false;
      this._hold |= this._input[this._at] << this._bits;
      this._at += 1;
      this._bits += 8;
    }
    return true;
  }

  _drop(count) {
    const value = this._hold & ((1 << count) - 1);
    this._hold >>>= count;
    this._bits -= count;
    return value;
  }
}

/** What reading does in each state: true if it came further, false if it needs more input. */

/** RFC 1951 §3.2.3. A header is taken in whole or not at all. */
function readBlock(stream) {
  if (stream._last) {
    stream.ended = true;
    return true;
  }
  const { _hold, _bits, _at } = stream;
  if (!readHeader(stream)) {
    stream._hold = _hold;
    stream._bits = _bits;
    stream._at = _at;
    return false;
  }
  return true;
}

function readHeader(stream) {
  if (!stream._need(3)) return false;
  const last = stream._drop(1) === 1;
  const kind = stream._drop(2);
  if (kind === 3) throw new Broken("invalid block type");
  if (kind === 0) {
    stream._drop(stream._bits & 7);
    if (!stream._need(16)) return false;
    const size = stream._drop(16);
    if (!stream._need(16)) return false;
    if (stream._drop(16) !== (size ^ 0xffff)) throw new Broken("invalid stored block lengths");
    stream._left = size;
    stream._state = copyStored;
  } else if (kind === 1) {
    stream._literals = FIXED.literals;
    stream._distances = FIXED.distances;
    stream._state = readCodes;
  } else {
    if (!readTables(stream)) return false;
    stream._state = readCodes;
  }
  stream._last = last;
  return true;
}

/** RFC 1951 §3.2.4. After the lengths no bits are held. */
function copyStored(stream, limit) {
  const size = Math.min(stream._left, stream._input.length - stream._at, limit - stream._out);
  stream._output.set(stream._input.subarray(stream._at, stream._at + size), stream._out);
  stream._at += size;
  stream._out += size;
  stream._left -= size;
  if (!stream._left) {
    stream.endBlock();
    return true;
  }
  return size > 0;
}

/** RFC 1951 §3.2.7. */
function readTables(stream) {
  if (!stream._need(14)) return false;
  const literals = stream._drop(5) + 257;
  const distances = stream._drop(5) + 1;
  const codes = stream._drop(4) + 4;
  if (literals > 286 || distances > 30) throw new Broken("too many length or distance symbols");
  const lengths = stream._lengths;
  lengths.fill(0, 0, CODE_ORDER.length);
  for (let place = 0; place < codes; place += 1) {
    if (!stream._need(3)) return false;
    lengths[CODE_ORDER[place]] = stream._drop(3);
  }
  const coding = lengthTable(lengths.slice(0, CODE_ORDER.length));
  const total = literals + distances;
  let at = 0;
  while (at < total) {
    if (!peek(stream, coding)) return false;
    const entry = stream._entry;
    if ((entry & KIND) === UNUSED) throw new Broken("invalid code lengths set");
    const symbol = entry >>> 16;
    if (symbol < 16) {
      stream._drop(entry & 15);
      lengths[at] = symbol;
      at += 1;
      continue;
    }
    const extra = symbol === 16 ? 2 : symbol === 17 ? 3 : 7;
    if (!stream._need((entry & 15) + extra)) return false;
    stream._drop(entry & 15);
    if (symbol === 16 && at === 0) throw new Broken("invalid bit length repeat");
    const repeated = symbol === 16 ? lengths[at - 1] : 0;
    const times = stream._drop(extra) + (symbol === 18 ? 11 : 3);
    if (at + times > total) throw new Broken("invalid bit length repeat");
    lengths.fill(repeated, at, at + times);
    at += times;
  }
  if (!lengths[256]) throw new Broken("invalid code -- missing end-of-block");
  stream._literals = literalTable(lengths.slice(0, literals));
  stream._distances = distanceTable(lengths.slice(literals, total));
  return true;
}

/** Put the next code's entry of a table without further ones into `_entry`; false if the input ends before it does. */
function peek(stream, coding) {
  const mask = (1 << coding.bits) - 1;
  for (;;) {
    const entry = coding.table[stream._hold & mask];
    if ((entry & 15) <= stream._bits) {
      stream._entry = entry;
      return true;
    }
    if (!stream._need(stream._bits + 1)) return false;
  }
}
