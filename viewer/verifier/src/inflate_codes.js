/** What stands in a compressed block of deflate (RFC 1951 §3.2.3): literals, and matches with what was given before. */

import { BASE, DISTANCE_BITS, END, FURTHER, KIND, LITERAL, LITERAL_BITS, LONGEST, UNUSED } from "./huffman.js";
import { Broken } from "./malformed.js";

/** More input bytes than one symbol, with its distance and extra bits, takes; from so many on nothing is counted. */
const AHEAD = 16;

/**
 * The codes of a block, until it, the input or the room for output ends.
 *
 * @param {import("./inflate.js").Inflater} stream
 * @param {number} limit place in the output up to which there is room
 * @returns {boolean} whether it came further; if not, it needs more input
 * @throws {Broken}
 */
export function readCodes(stream, limit) {
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
      stream.endBlock();
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
    stream.endBlock();
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
