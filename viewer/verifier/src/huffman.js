/**
 * The codes of deflate (RFC 1951 §3.2.2, §3.2.5 and §3.2.6) as tables, which give for the next bits of the input what
 * they stand for.
 */

import { Broken } from "./malformed.js";

/** Bits that choose an entry of the first table. */
export const LITERAL_BITS = 10;
export const DISTANCE_BITS = 9;
export const LONGEST = 15;
const CODE_BITS = 7;

// An entry of a table: bits 0 to 3 how many bits the code takes, 4 to 7 how many follow it, 8 to 10 what it is, and
// from 16 on its value: a byte, the base of a length or distance, or the place of a further table.
export const LITERAL = 0 << 8;
export const BASE = 1 << 8;
export const END = 2 << 8;
export const FURTHER = 3 << 8;
export const UNUSED = 4 << 8;
export const KIND = 7 << 8;

const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_EXTRA = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
/** How many code lengths have a code. */
const LENGTHS = 19;

const LITERALS = literals();
const DISTANCES = DISTANCE_EXTRA.map((extra, place) => BASE | (extra << 4) | (bases(DISTANCE_EXTRA, 1)[place] << 16));
const CODES = Array.from({ length: LENGTHS }, (_, place) => LITERAL | (place << 16));

/** @typedef {{table: Int32Array, bits: number}} Table `bits` choose an entry of the first of the tables */

/**
 * @param {Uint8Array} lengths of the codes of all literals and lengths
 * @returns {Table}
 * @throws {Broken} they make no code
 */
export function literalTable(lengths) {
  return build(lengths, LITERALS, LITERAL_BITS, true, "invalid literal/lengths set");
}

/**
 * @param {Uint8Array} lengths of the codes of all distances
 * @returns {Table}
 * @throws {Broken} they make no code
 */
export function distanceTable(lengths) {
  return build(lengths, DISTANCES, DISTANCE_BITS, true, "invalid distances set");
}

/**
 * @param {Uint8Array} lengths of the codes of all code lengths
 * @returns {Table} without further ones
 * @throws {Broken} they make no code
 */
export function lengthTable(lengths) {
  return build(lengths, CODES, CODE_BITS, false, "invalid code lengths set");
}

/** RFC 1951 §3.2.6. */
export const FIXED = {
  literals: literalTable(new Uint8Array(288).fill(8).fill(9, 144).fill(7, 256).fill(8, 280)),
  distances: distanceTable(new Uint8Array(32).fill(5)),
};

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
