/**
 * Inflating raw deflate (RFC 1951) in pieces and constant memory, saying where the stream ends in its input.
 *
 * The browser's `DecompressionStream` does not say how much of its input it used, so it cannot tell where a gzip member
 * ends and the next begins. What counts as broken is what zlib takes for broken.
 */

import { Invalid } from "./errors.js";

/** Bytes are not deflate. */
export class Broken extends Invalid {}

const WINDOW = 1 << 15;
/** More than the longest match, which may be written beyond the limit of one call. */
const SLACK = 258 + 6;
/** More input bytes than one symbol, with its distance and extra bits, takes; from so many on nothing is counted. */
const AHEAD = 16;

const LITERAL_BITS = 10;
const DISTANCE_BITS = 9;
const LONGEST = 15;

// An entry of a table: bits 0 to 3 how many bits the code takes, 4 to 7 how many follow it, 8 to 10 what it is, and
// from 16 on its value: a byte, the base of a length or distance, or the place of a further table.
const LITERAL = 0 << 8;
const BASE = 1 << 8;
const END = 2 << 8;
const FURTHER = 3 << 8;
const UNUSED = 4 << 8;
const KIND = 7 << 8;

const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const LITERALS = literals();
const DISTANCES = DISTANCE_EXTRA.map((extra, place) => BASE | (extra << 4) | (bases(DISTANCE_EXTRA, 1)[place] << 16));
const CODES = CODE_ORDER.map((_, place) => LITERAL | (place << 16));

/** @typedef {{table: Int32Array, bits: number}} Table */

const FIXED = fixedTables();

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
    this._state = readBlock;
    this._last = false;
    this._left = 0;
    /** @type {Table} */
    this._literals = FIXED.literals;
    /** @type {Table} */
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
    stream._state = readBlock;
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
  const coding = build(lengths.slice(0, CODE_ORDER.length), CODES, 7, false, "invalid code lengths set");
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
  stream._literals = build(lengths.slice(0, literals), LITERALS, LITERAL_BITS, true, "invalid literal/lengths set");
  stream._distances = build(lengths.slice(literals, total), DISTANCES, DISTANCE_BITS, true, "invalid distances set");
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

/** The codes of a block, until it, the input or the room for output ends. */
function readCodes(stream, limit) {
  const came = stream._at;
  const held = stream._bits;
  const wrote = stream._out;
  if (stream._at + AHEAD <= stream._input.length) readFast(stream, limit);
  while (stream._state === readCodes && stream._out < limit && stream._at + AHEAD > stream._input.length) {
    if (!readOne(stream)) return false;
  }
  return stream._at !== came || stream._bits !== held || stream._out !== wrote;
}

/** As many codes as the input surely holds whole. */
function readFast(stream, limit) {
  const input = stream._input;
  const output = stream._output;
  const safe = input.length - AHEAD;
  const literals = stream._literals.table;
  const literalMask = (1 << stream._literals.bits) - 1;
  const distances = stream._distances.table;
  const distanceMask = (1 << stream._distances.bits) - 1;
  let at = stream._at;
  let out = stream._out;
  let hold = stream._hold;
  let bits = stream._bits;
  while (at <= safe && out < limit) {
    if (bits < 15) {
      hold |= (input[at] | (input[at + 1] << 8)) << bits;
      at += 2;
      bits += 16;
    }
    let entry = literals[hold & literalMask];
    if ((entry & KIND) === FURTHER) entry = literals[(entry >>> 16) + ((hold >>> LITERAL_BITS) & 31)];
    hold >>>= entry & 15;
    bits -= entry & 15;
    if ((entry & KIND) === LITERAL) {
      output[out] = entry >>> 16;
      out += 1;
      continue;
    }
    if ((entry & KIND) !== BASE) {
      if ((entry & KIND) === UNUSED) throw new Broken("invalid literal/length code");
      stream._state = readBlock;
      break;
    }
    let extra = (entry >>> 4) & 15;
    if (bits < 15) {
      hold |= (input[at] | (input[at + 1] << 8)) << bits;
      at += 2;
      bits += 16;
    }
    const length = (entry >>> 16) + (hold & ((1 << extra) - 1));
    hold >>>= extra;
    bits -= extra;
    if (bits < 15) {
      hold |= (input[at] | (input[at + 1] << 8)) << bits;
      at += 2;
      bits += 16;
    }
    entry = distances[hold & distanceMask];
    if ((entry & KIND) === FURTHER) entry = distances[(entry >>> 16) + ((hold >>> DISTANCE_BITS) & 63)];
    if ((entry & KIND) === UNUSED) throw new Broken("invalid distance code");
    hold >>>= entry & 15;
    bits -= entry & 15;
    extra = (entry >>> 4) & 15;
    if (bits < 15) {
      hold |= (input[at] | (input[at + 1] << 8)) << bits;
      at += 2;
      bits += 16;
    }
    const distance = (entry >>> 16) + (hold & ((1 << extra) - 1));
    hold >>>= extra;
    bits -= extra;
    if (distance > out) throw new Broken("invalid distance too far back");
    out = copyMatch(output, out, distance, length);
  }
  stream._at = at;
  stream._out = out;
  stream._hold = hold;
  stream._bits = bits;
}

function copyMatch(output, out, distance, length) {
  const end = out + length;
  if (distance >= length && length > 48) {
    output.copyWithin(out, out - distance, end - distance);
    return end;
  }
  let from = out - distance;
  let to = out;
  while (to < end) {
    output[to] = output[from];
    to += 1;
    from += 1;
  }
  return end;
}

/** One code near the end of the input, taken in whole or not at all; false if the input ends before it does. */
function readOne(stream) {
  const { _hold, _bits, _at } = stream;
  if (readSymbol(stream)) return true;
  stream._hold = _hold;
  stream._bits = _bits;
  stream._at = _at;
  return false;
}

function readSymbol(stream) {
  if (!next(stream, stream._literals, LITERAL_BITS)) return false;
  let entry = stream._entry;
  if ((entry & KIND) === LITERAL) {
    stream._output[stream._out] = entry >>> 16;
    stream._out += 1;
    return true;
  }
  if ((entry & KIND) === UNUSED) throw new Broken("invalid literal/length code");
  if ((entry & KIND) === END) {
    stream._state = readBlock;
    return true;
  }
  let extra = (entry >>> 4) & 15;
  if (!stream._need(extra)) return false;
  const length = (entry >>> 16) + stream._drop(extra);
  if (!next(stream, stream._distances, DISTANCE_BITS)) return false;
  entry = stream._entry;
  if ((entry & KIND) === UNUSED) throw new Broken("invalid distance code");
  extra = (entry >>> 4) & 15;
  if (!stream._need(extra)) return false;
  const distance = (entry >>> 16) + stream._drop(extra);
  if (distance > stream._out) throw new Broken("invalid distance too far back");
  stream._out = copyMatch(stream._output, stream._out, distance, length);
  return true;
}

/** Take in the next code; its entry is then in `_entry`. False if the input ends before it does. */
function next(stream, { table, bits }, first) {
  for (;;) {
    let entry = table[stream._hold & ((1 << bits) - 1)];
    if ((entry & KIND) === FURTHER) {
      const further = (entry >>> 16) + ((stream._hold >>> first) & ((1 << (LONGEST - first)) - 1));
      // As long as not all bits are there that choose the further table, the code cannot be whole either.
      entry = stream._bits > first ? table[further] : LONGEST;
    }
    if ((entry & 15) <= stream._bits) {
      stream._drop(entry & 15);
      stream._entry = entry;
      return true;
    }
    if (!stream._need(stream._bits + 1)) return false;
  }
}

/**
 * The table of a code (RFC 1951 §3.2.2), by its next bits.
 *
 * @param {Uint8Array} lengths of the codes of all symbols; 0 of one that has none
 * @param {number[]} entries of the symbols, without the bits that their codes take
 * @param {number} first bits that choose an entry of the first table
 * @param {boolean} lone whether one symbol may have the only code, of one bit
 * @param {string} problem what is wrong if the code is none
 * @returns {Table}
 */
function build(lengths, entries, first, lone, problem) {
  const counts = new Int32Array(LONGEST + 1);
  for (const length of lengths) counts[length] += 1;
  let longest = LONGEST;
  while (longest && !counts[longest]) longest -= 1;
  let free = 1;
  for (let length = 1; length <= LONGEST; length += 1) {
    free = free * 2 - counts[length];
    if (free < 0) throw new Broken(problem);
  }
  if (longest && free && !(lone && longest === 1)) throw new Broken(problem);
  const next = new Int32Array(LONGEST + 2);
  for (let length = 1; length <= LONGEST; length += 1) next[length + 1] = (next[length] + counts[length]) << 1;
  const size = 1 << first;
  const rest = LONGEST - first;
  const tables = new Int32Array(size + (longest > first ? lengths.length << rest : 0));
  tables.fill(UNUSED | 1, 0, size);
  let end = size;
  counts[0] = 0;
  for (let symbol = 0; symbol < lengths.length; symbol += 1) {
    const length = lengths[symbol];
    if (!length) continue;
    const code = reversed(next[length], length);
    next[length] += 1;
    const entry = (entries[symbol] ?? UNUSED) | length;
    if (length <= first) {
      for (let at = code; at < size; at += 1 << length) tables[at] = entry;
      continue;
    }
    const root = code & (size - 1);
    if ((tables[root] & KIND) !== FURTHER) {
      tables[root] = FURTHER | (end << 16);
      end += 1 << rest;
    }
    const further = tables[root] >>> 16;
    for (let at = code >>> first; at < 1 << rest; at += 1 << (length - first)) tables[further + at] = entry;
  }
  return { table: tables, bits: first };
}

function reversed(code, length) {
  let left = code;
  let found = 0;
  for (let bit = 0; bit < length; bit += 1) {
    found = (found << 1) | (left & 1);
    left >>>= 1;
  }
  return found;
}

/** RFC 1951 §3.2.5: the bases of lengths and distances. */
function bases(extras, first) {
  let base = first;
  return extras.map((extra) => {
    const own = base;
    base += 1 << extra;
    return own;
  });
}

function literals() {
  const bytes = Array.from({ length: 256 }, (_, byte) => LITERAL | (byte << 16));
  const lengths = bases(LENGTH_EXTRA, 3);
  lengths[28] = 258;
  return [...bytes, END, ...LENGTH_EXTRA.map((extra, place) => BASE | (extra << 4) | (lengths[place] << 16))];
}

/** RFC 1951 §3.2.6. */
function fixedTables() {
  const lengths = new Uint8Array(288).fill(8).fill(9, 144).fill(7, 256).fill(8, 280);
  return {
    literals: build(lengths, LITERALS, LITERAL_BITS, true, ""),
    distances: build(new Uint8Array(32).fill(5), DISTANCES, DISTANCE_BITS, true, ""),
  };
}
