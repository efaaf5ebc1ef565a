/** Distinguished names (RFC 5280 §4.1.2.4): what they say, in text, and when two are the same. */

import { BIT_STRING, OID, SEQUENCE, SET, UTF8_STRING, oidOf, single, utf8Of } from "./der.js";
import { hex } from "./encoding.js";
import { MalformedDer } from "./errors.js";

const NUMERIC_STRING = 0x12;
const PRINTABLE_STRING = 0x13;
const TELETEX_STRING = 0x14;
const IA5_STRING = 0x16;
const VISIBLE_STRING = 0x1a;
const UNIVERSAL_STRING = 0x1c;
const BMP_STRING = 0x1e;
const IN_BYTES = [UTF8_STRING, NUMERIC_STRING, PRINTABLE_STRING, TELETEX_STRING, IA5_STRING, VISIBLE_STRING];

// RFC 4514 §3.
const SHORT = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["2.5.4.6", "C"],
  ["2.5.4.9", "STREET"],
  ["0.9.2342.19200300.100.1.25", "DC"],
  ["0.9.2342.19200300.100.1.1", "UID"],
]);

/**
 * @typedef {object} Attribute
 * @property {string} oid
 * @property {import("./der.js").Element} value
 */

/**
 * The relative names of a name, each of one attribute or more.
 *
 * @param {Uint8Array} name DER
 * @returns {Attribute[][]}
 */
export function relativeNames(name) {
  return single(name, SEQUENCE).elements.map((relative) => {
    const attributes = relative.as(SET).elements.map(attributeOf);
    if (!attributes.length) {
      throw new MalformedDer("a relative name without attributes");
    }
    return attributes;
  });
}

/**
 * A name as RFC 4514 writes it, e.g. `CN=timestamps,O=Authority`.
 *
 * @param {Uint8Array} name DER
 * @returns {string}
 */
export function nameText(name) {
  const relatives = relativeNames(name).reverse();
  return relatives.map((attributes) => attributes.map(attributeText).join("+")).join(",");
}

/**
 * Whether two names are the same, letter case and spacing apart (RFC 5280 §7.1).
 *
 * @param {Uint8Array} one DER
 * @param {Uint8Array} other DER
 * @returns {boolean}
 */
export function areSameNames(one, other) {
  return hex(one) === hex(other) || comparable(one) === comparable(other);
}

/** @param {Uint8Array} name */
function comparable(name) {
  return relativeNames(name)
    .map((attributes) => attributes.map(comparableAttribute).sort().join("+"))
    .join(",");
}

/** @param {Attribute} attribute */
function comparableAttribute({ oid, value }) {
  const text = textOf(value);
  if (text === null) {
    return `${oid}#${hex(value.whole)}`;
  }
  const folded = text.replace(/[\t-\r ]+/g, " ").replace(/^ | $/g, "");
  return `${oid}=${JSON.stringify(folded.replace(/[A-Z]/g, (letter) => letter.toLowerCase()))}`;
}

/**
 * @param {import("./der.js").Element} found
 * @returns {Attribute}
 */
function attributeOf(found) {
  const [type, value, ...more] = found.as(SEQUENCE).elements;
  if (value === undefined || more.length) {
    throw new MalformedDer("an attribute that is not type and value");
  }
  return { oid: oidOf(type.as(OID)), value };
}

/**
 * What an attribute says; null if it is not of a type that holds text.
 *
 * @param {import("./der.js").Element} value
 */
function textOf(value) {
  const { tag, contents } = value;
  if (tag === BMP_STRING || tag === UNIVERSAL_STRING) {
    return wideText(contents, tag === BMP_STRING ? 2 : 4);
  }
  return IN_BYTES.includes(tag) ? utf8Of(value) : null;
}

/**
 * @param {Uint8Array} contents
 * @param {number} width bytes of a character
 */
function wideText(contents, width) {
  if (contents.length % width) {
    throw new MalformedDer("a string that is not of whole characters");
  }
  let text = "";
  for (let place = 0; place < contents.length; place += width) {
    const point = contents.subarray(place, place + width).reduce((sum, byte) => sum * 256 + byte, 0);
    if (point > 0x10ffff) {
      throw new MalformedDer("a character that there is not");
    }
    text += String.fromCodePoint(point);
  }
  return text;
}

/** @param {Attribute} attribute */
function attributeText({ oid, value }) {
  const text = textOf(value);
  const shown = text === null ? `#${hex(value.as(BIT_STRING).contents.slice(1))}` : escaped(text);
  return `${SHORT.get(oid) ?? oid}=${shown}`;
}

/**
 * RFC 4514 §2.4.
 *
 * @param {string} text
 */
function escaped(text) {
  let value = text.replace(/[\\"+,;<>]/g, "\\$&").replaceAll("\0", "\\00");
  if (value.startsWith("#") || (value.startsWith(" ") && value.length > 1)) {
    value = `\\${value}`;
  }
  return value.endsWith(" ") ? `${value.slice(0, -1)}\\ ` : value;
}
