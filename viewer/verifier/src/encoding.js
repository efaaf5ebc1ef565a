/** Bytes as text and back: UTF-8, hexadecimal, and base64 in its one standard form (RFC 4648 §4). */

import { Invalid } from "./errors.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = new Int8Array(128).fill(-1);
for (let value = 0; value < ALPHABET.length; value += 1) {
  VALUES[ALPHABET.charCodeAt(value)] = value;
}
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();
const SLICE = 0x8000;

/** Text is not base64; `spare` if it can be read all the same: the bits that no byte takes are not zero. */
export class NotBase64 extends Invalid {
  /** @param {boolean} spare */
  constructor(spare) {
    super(spare ? "not the standard base64 of its bytes" : "not standard base64");
    this.spare = spare;
  }
}

/** Bytes are not UTF-8. `place` is where the first wrong sequence begins. */
export class NotUtf8 extends Invalid {
  /** @param {number} place */
  constructor(place) {
    super(`not UTF-8 at byte ${place}`);
    this.place = place;
  }
}

/**
 * @param {string} text without lone surrogates
 * @returns {Uint8Array}
 */
export function utf8(text) {
  return ENCODER.encode(text);
}

/**
 * The text of `data`; a byte order mark is a character like others.
 *
 * @param {Uint8Array} data
 * @returns {string}
 */
export function fromUtf8(data) {
  try {
    return STRICT.decode(data);
  } catch (error) {
    if (error instanceof TypeError) {
      throw new NotUtf8(firstBadSequence(data));
    }
    throw error;
  }
}

/**
 * Lowercase hexadecimal.
 *
 * @param {Uint8Array} data
 * @returns {string}
 */
export function hex(data) {
  let text = "";
  for (const byte of data) {
    text += HEX[byte];
  }
  return text;
}

/**
 * The number that `data` is, most significant byte first.
 *
 * @param {Uint8Array} data
 * @returns {bigint}
 */
export function bigEndian(data) {
  return data.length ? BigInt(`0x${hex(data)}`) : 0n;
}

/**
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 * @returns {boolean}
 */
export function sameBytes(one, other) {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

/**
 * @param {...Uint8Array} parts
 * @returns {Uint8Array}
 */
export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/**
 * The bytes that `text` is the one standard base64 of.
 *
 * @param {string} text
 * @returns {Uint8Array}
 */
export function fromBase64(text) {
  let end = text.length;
  while (text[end - 1] === "=") {
    end -= 1;
  }
  const padding = text.length - end;
  // Padding after what needs none is not standard, and takes nothing from the bytes.
  const surplus = padding > 0 && end > 0 && end % 4 === 0;
  if (!surplus && (padding > 2 || text.length % 4)) {
    throw new NotBase64(false);
  }
  const data = new Uint8Array(Math.floor((end * 3) / 4));
  let [bits, held, place] = [0, 0, 0];
  for (let index = 0; index < end; index += 1) {
    const unit = text.charCodeAt(index);
    const value = unit < 128 ? VALUES[unit] : -1;
    if (value < 0) {
      throw new NotBase64(false);
    }
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      data[place] = (bits >> held) & 0xff;
      place += 1;
    }
  }
  if (surplus || bits & ((1 << held) - 1)) {
    throw new NotBase64(true);
  }
  return data;
}

/**
 * @param {Uint8Array} data
 * @returns {string}
 */
export function base64(data) {
  let binary = "";
  for (let place = 0; place < data.length; place += SLICE) {
    binary += String.fromCharCode(...data.subarray(place, place + SLICE));
  }
  return btoa(binary);
}

/** @param {Uint8Array} data */
function firstBadSequence(data) {
  let place = 0;
  while (place < data.length) {
    const size = sequenceSize(data, place);
    if (!size) {
      return place;
    }
    place += size;
  }
  return place;
}

/**
 * Bytes of the sequence at `place` (RFC 3629 §4), 0 if it is none.
 *
 * @param {Uint8Array} data
 * @param {number} place
 */
function sequenceSize(data, place) {
  const [first, second] = [data[place], data[place + 1]];
  if (first < 0x80) {
    return 1;
  }
  if (first < 0xc2 || first > 0xf4 || !isTail(second)) {
    return 0;
  }
  if (first < 0xe0) {
    return 2;
  }
  if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f) || !isTail(data[place + 2])) {
    return 0;
  }
  if (first < 0xf0) {
    return 3;
  }
  const outside = (first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f);
  return outside || !isTail(data[place + 3]) ? 0 : 4;
}

/** @param {number | undefined} byte */
function isTail(byte) {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
