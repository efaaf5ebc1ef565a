/**
 * Canonical JSON (RFC 8785) without floats, and parsers that accept nothing else.
 *
 * A float has no place in what is signed: two languages may print it differently, and 3 must not come back as 3.0.
 */

import { NotUtf8, fromUtf8, utf8 } from "./encoding.js";
import { MalformedJson, NotCanonicalisable } from "./errors.js";
import { checkDepth, readJson } from "./json.js";
import { beginning, hasLoneSurrogate, lengthOf, quoted } from "./text.js";

/** Objects and arrays inside one another, the outermost counted. */
export const MAX_DEPTH = 32;

/** RFC 8785 §3.2.2.3 with RFC 7493 §2.2: beyond it a reader may lose digits. */
export const LARGEST_INTEGER = Number.MAX_SAFE_INTEGER;

const MAX_BYTES = 64 * 2 ** 20;
const IDENTIFIER = /^[\p{XID_Start}_][\p{XID_Continue}]*$/u;

/**
 * The RFC 8785 bytes of `value`.
 *
 * @param {unknown} value made of objects, arrays, strings, safe integers, booleans and null
 * @returns {Uint8Array}
 */
export function canonical(value) {
  check(value, "$", 1);
  return utf8(written(value));
}

/**
 * The value of `data`, which must be exactly what `canonical` writes for it.
 *
 * @param {Uint8Array} data
 * @param {{limit?: number}} [options] the most bytes to accept
 * @returns {any}
 */
export function parseCanonical(data, { limit = MAX_BYTES } = {}) {
  const text = textOf(data, limit);
  checkDepth(text, MAX_DEPTH);
  const quick = quickly(text);
  if (quick !== null) {
    return quick;
  }
  const value = slowly(text);
  if (written(value) !== text) {
    throw new MalformedJson("not in canonical form (RFC 8785)");
  }
  return value;
}

/**
 * The value of `data`, whose spacing, key order and escapes are free; all else is as for `parseCanonical`.
 *
 * @param {Uint8Array} data
 * @param {{limit?: number}} [options] the most bytes to accept
 * @returns {any}
 */
export function parseJsonStrict(data, { limit = MAX_BYTES } = {}) {
  const text = textOf(data, limit);
  checkDepth(text, MAX_DEPTH);
  return slowly(text);
}

/**
 * @param {Uint8Array} data
 * @param {number} limit
 */
function textOf(data, limit) {
  if (data.length > limit) {
    throw new MalformedJson(`${data.length} bytes, limit ${limit}`);
  }
  try {
    return fromUtf8(data);
  } catch (error) {
    throw error instanceof NotUtf8 ? new MalformedJson(error.reason) : error;
  }
}

/**
 * The value of canonical JSON; null if the text is anything else, or the value null.
 *
 * The parser of the language is fast, and passes over duplicate keys and over what a number looked like. Both show when
 * the value is written again.
 *
 * @param {string} text
 */
function quickly(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) {
      return null;
    }
    throw error;
  }
  try {
    check(value, "$", 1);
  } catch (error) {
    if (error instanceof NotCanonicalisable) {
      return null;
    }
    throw error;
  }
  return written(value) === text ? value : null;
}

/**
 * The value of JSON; of what is wrong, the first thing is told.
 *
 * @param {string} text
 */
function slowly(text) {
  const value = readJson(text);
  try {
    check(value, "$", 1);
  } catch (error) {
    throw error instanceof NotCanonicalisable ? new MalformedJson(error.message) : error;
  }
  return value;
}

/**
 * @param {any} value checked
 * @returns {string}
 */
function written(value) {
  if (Array.isArray(value)) {
    return `[${value.map(written).join(",")}]`;
  }
  if (typeof value === "object" && value !== null) {
    // RFC 8785 §3.2.3: by UTF-16 code units, which is how this sorts.
    const members = Object.keys(value).sort();
    return `{${members.map((key) => `${JSON.stringify(key)}:${written(value[key])}`).join(",")}}`;
  }
  // RFC 8785 §3.2.2.2 takes its escapes from here.
  return JSON.stringify(value);
}

/**
 * @param {unknown} value
 * @param {string} path
 * @param {number} depth
 */
function check(value, path, depth) {
  if (value === null || typeof value === "boolean") {
    return;
  }
  if (typeof value === "string") {
    checkText(value, path);
  } else if (typeof value === "number") {
    if (!Number.isInteger(value)) {
      throw new NotCanonicalisable(path, "a float has no canonical form");
    }
    if (Math.abs(value) > LARGEST_INTEGER) {
      throw new NotCanonicalisable(path, "integer beyond 2^53 - 1");
    }
  } else if (typeof value === "object") {
    if (depth > MAX_DEPTH) {
      throw new NotCanonicalisable(path, `deeper than ${MAX_DEPTH}`);
    }
    if (Array.isArray(value)) {
      value.forEach((member, place) => check(member, `${path}[${place}]`, depth + 1));
    } else {
      checkMembers(value, path, depth);
    }
  } else {
    throw new NotCanonicalisable(path, `a ${typeof value} has no canonical form`);
  }
}

/**
 * @param {object} value
 * @param {string} path
 * @param {number} depth
 */
function checkMembers(value, path, depth) {
  for (const [key, member] of Object.entries(value)) {
    checkText(key, path);
    // Most members hold nothing that could be wrong, and no path is made for them.
    if (member !== null && typeof member !== "boolean") {
      check(member, IDENTIFIER.test(key) ? `${path}.${key}` : `${path}[${quoted(beginning(key, 80))}]`, depth + 1);
    }
  }
}

/**
 * @param {string} text
 * @param {string} path
 */
function checkText(text, path) {
  if (hasLoneSurrogate(text)) {
    const place = lengthOf(text.slice(0, text.search(/\p{Cs}/u)));
    throw new NotCanonicalisable(path, `lone surrogate at character ${place}`);
  }
}
