/** DER (X.690 §10): its elements as they came, and the values of the types that certificates and timestamps use. */

import { bigEndian, fromUtf8, joined, NotUtf8 } from "./encoding.js";
import { MalformedDer } from "./errors.js";
import { momentOf } from "./timestamps.js";

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const NULL = 0x05;
export const OID = 0x06;
export const UTF8_STRING = 0x0c;
export const UTC_TIME = 0x17;
export const GENERALIZED_TIME = 0x18;
export const SEQUENCE = 0x30;
export const SET = 0x31;

const MOST_ELEMENTS = 100;
const LONG_LENGTH = 0x80;
const MOST_OCTETS = 4;
const LARGEST_ARC = 2n ** 128n;
const UTC = /^([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})Z$/;
const GENERALIZED = /^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.([0-9]{0,8}[1-9]))?Z$/;

/** The tag of a context-specific element, constructed. */
export function tagged(/** @type {number} */ number) {
  return 0xa0 + number;
}

/** One element. */
export class Element {
  /**
   * @param {number} tag the identifier octet
   * @param {Uint8Array} whole
   * @param {Uint8Array} contents
   */
  constructor(tag, whole, contents) {
    this.tag = tag;
    this.whole = whole;
    this.contents = contents;
  }

  /** What a constructed element consists of. */
  get elements() {
    return elements(this.contents);
  }

  /**
   * The same, if the element has this tag.
   *
   * @param {number} tag
   */
  as(tag) {
    if (this.tag !== tag) {
      throw new MalformedDer(`a tag of ${this.tag}, expected ${tag}`);
    }
    return this;
  }
}

/**
 * The elements that `data` is a row of.
 *
 * @param {Uint8Array} data
 * @returns {Element[]}
 */
export function elements(data) {
  const found = [];
  let place = 0;
  while (place < data.length) {
    if (found.length === MOST_ELEMENTS) {
      throw new MalformedDer(`more than ${MOST_ELEMENTS} elements in one`);
    }
    const { begin, end } = contentsAt(data, place);
    found.push(new Element(data[place], data.slice(place, end), data.slice(begin, end)));
    place = end;
  }
  return found;
}

/**
 * The one element that `data` is.
 *
 * @param {Uint8Array} data
 * @param {number} tag
 * @returns {Element}
 */
export function single(data, tag) {
  const found = elements(data);
  if (found.length !== 1) {
    throw new MalformedDer(`${found.length} elements, expected one`);
  }
  return found[0].as(tag);
}

/**
 * An element of DER with these contents, one after the other.
 *
 * @param {number} tag
 * @param {...Uint8Array} contents
 * @returns {Uint8Array}
 */
export function element(tag, ...contents) {
  const whole = joined(...contents);
  if (whole.length < LONG_LENGTH) {
    return joined(Uint8Array.of(tag, whole.length), whole);
  }
  const octets = [];
  for (let rest = whole.length; rest > 0; rest = Math.floor(rest / 256)) {
    octets.unshift(rest % 256);
  }
  return joined(Uint8Array.of(tag, LONG_LENGTH + octets.length, ...octets), whole);
}

/**
 * A cursor over the elements of a sequence, for what may or may not be there.
 */
export class Row {
  /** @param {Element[]} found */
  constructor(found) {
    this.rest = [...found];
  }

  /**
   * The next element, which must have this tag.
   *
   * @param {number} tag
   * @returns {Element}
   */
  next(tag) {
    const found = this.rest.shift();
    if (found === undefined) {
      throw new MalformedDer("an element is missing");
    }
    return found.as(tag);
  }

  /**
   * The next element if it has this tag, else null.
   *
   * @param {number} tag
   * @returns {Element | null}
   */
  maybe(tag) {
    return this.rest[0]?.tag === tag ? this.next(tag) : null;
  }

  /** Refuse elements that nothing has asked for. */
  end() {
    if (this.rest.length) {
      throw new MalformedDer(`${this.rest.length} elements more than known`);
    }
  }
}

/**
 * @param {Element} found
 * @returns {bigint}
 */
export function integerOf(found) {
  const { contents } = found;
  // X.690 §8.3.2: the first nine bits are neither all ones nor all zeros.
  const padded = contents.length > 1 && [0, 0xff].includes(contents[0]) && contents[0] >> 7 === contents[1] >> 7;
  if (!contents.length || padded) {
    throw new MalformedDer("an integer that is not in its shortest form");
  }
  const magnitude = bigEndian(contents);
  return contents[0] & 0x80 ? magnitude - (1n << BigInt(8 * contents.length)) : magnitude;
}

/**
 * @param {Element} found
 * @returns {boolean}
 */
export function booleanOf(found) {
  const { contents } = found;
  // X.690 §11.1: nothing but these two.
  if (contents.length !== 1 || ![0, 0xff].includes(contents[0])) {
    throw new MalformedDer("a boolean that is neither");
  }
  return contents[0] === 0xff;
}

/**
 * An object identifier, its numbers with dots between them.
 *
 * @param {Element} found
 * @returns {string}
 */
export function oidOf(found) {
  const arcs = [];
  let arc = 0n;
  let inside = false;
  for (const octet of found.contents) {
    if (!inside && octet === 0x80) {
      throw new MalformedDer("an object identifier that is not in its shortest form");
    }
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    inside = octet >= 0x80;
    if (arc >= LARGEST_ARC) {
      throw new MalformedDer("an object identifier of too large a number");
    }
    if (!inside) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  if (inside || !arcs.length) {
    throw new MalformedDer("an object identifier that does not end");
  }
  // X.690 §8.19.4: the first number stands for two.
  const first = arcs[0] < 80n ? arcs[0] / 40n : 2n;
  return [first, arcs[0] - 40n * first, ...arcs.slice(1)].join(".");
}

/**
 * The bytes of a bit string of whole bytes.
 *
 * @param {Element} found
 * @returns {Uint8Array}
 */
export function bytesOfBits(found) {
  if (found.contents[0] !== 0) {
    throw new MalformedDer("a bit string that is not of whole bytes");
  }
  return found.contents.slice(1);
}

/**
 * Which bits of a bit string are set.
 *
 * @param {Element} found
 * @returns {Set<number>}
 */
export function bitsOf(found) {
  const [unused, ...octets] = found.contents;
  const last = octets[octets.length - 1];
  const clean = octets.length ? unused < 8 && !(last & ((1 << unused) - 1)) : unused === 0;
  if (!clean) {
    throw new MalformedDer("a bit string with bits that it does not use");
  }
  const bits = octets.flatMap((octet, place) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => octet & (0x80 >> bit)).map((bit) => 8 * place + bit),
  );
  return new Set(bits);
}

/**
 * The moment of a UTCTime or GeneralizedTime, in microseconds since 1970; finer digits are rounded.
 *
 * @param {Element} found
 * @returns {bigint}
 */
export function timeOf(found) {
  const text = String.fromCharCode(...found.contents);
  const match = (found.tag === UTC_TIME ? UTC : GENERALIZED).exec(text);
  if (!match || ![UTC_TIME, GENERALIZED_TIME].includes(found.tag)) {
    throw new MalformedDer("a time that is not written as DER has it");
  }
  const [year, ...others] = match.slice(1, 7).map(Number);
  // RFC 5280 §4.1.2.5.1: the years from 1950 to 2049.
  const full = found.tag === UTC_TIME ? year + (year < 50 ? 2000 : 1900) : year;
  const moment = momentOf([full, ...others]);
  if (moment === null) {
    throw new MalformedDer("a time that there is not");
  }
  const nanoseconds = BigInt((match[7] ?? "").padEnd(9, "0"));
  return moment + (nanoseconds + 499n) / 1_000n;
}

/**
 * @param {Element} found
 * @returns {string}
 */
export function utf8Of(found) {
  try {
    return fromUtf8(found.contents);
  } catch (error) {
    throw error instanceof NotUtf8 ? new MalformedDer(error.reason) : error;
  }
}

/**
 * Where the contents of the element at `place` begin and end.
 *
 * @param {Uint8Array} data
 * @param {number} place
 */
function contentsAt(data, place) {
  if ((data[place] & 0x1f) === 0x1f) {
    throw new MalformedDer("a tag of several octets");
  }
  let begin = place + 2;
  let length = place + 1 < data.length ? data[place + 1] : data.length;
  if (length >= LONG_LENGTH) {
    const size = length - LONG_LENGTH;
    const octets = data.subarray(begin, begin + size);
    begin += size;
    length = octets.reduce((sum, octet) => sum * 256 + octet, 0);
    // X.690 §10.1: as few octets as the length takes.
    if (length < LONG_LENGTH || octets[0] === 0 || size > MOST_OCTETS) {
      throw new MalformedDer("a length that is not in its shortest form");
    }
  }
  if (begin + length > data.length) {
    throw new MalformedDer("an element is longer than what it is in");
  }
  return { begin, end: begin + length };
}
