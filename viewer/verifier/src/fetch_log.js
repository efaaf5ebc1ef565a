/** The fetch log inside the WARC against the attestation: two accounts of one capture that must not differ. */

import { MalformedJson } from "./errors.js";
import { beginning, byCodePoints } from "./text.js";

const MAX_TEXT = 1_000;
/** Members whose text the attestation shortens and the log does not. */
const TEXTS = new Set(["detail", "reasons", "title", "verifyError"]);
/** Where Python's parser gives up, or somewhere near. */
const MAX_DEPTH = 900;
/** The most digits of an integer that Python reads. */
const MAX_DIGITS = 4300;

const NUMBER = /(-?)(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const TEXT = /[^"\\\u0000-\u001f]*/y;
const SPACES = /[ \t\n\r]*/y;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** @typedef {import("./report.js").Finding} Finding */
/**
 * A JSON value as the log has it: objects are maps, integers beyond 2^53 - 1 and floats keep their digits.
 *
 * @typedef {null | boolean | string | number | Numeral | Value[] | Map<string, Value>} Value
 */

/** A number that no attestation can have. */
class Numeral {
  /** @param {string} digits */
  constructor(digits) {
    this.digits = digits;
  }
}

/**
 * The record of the request of each exchange number, as far as the log says; empty if it cannot be read.
 *
 * @param {Uint8Array | null} block
 * @returns {Map<number, string>}
 */
export function requestRecords(block) {
  const found = new Map();
  const log = parsedOrNull(block);
  const exchanges = log?.get("exchanges");
  for (const exchange of Array.isArray(exchanges) ? exchanges : []) {
    if (!(exchange instanceof Map)) continue;
    const number = exchange.get("number");
    const record = exchange.get("requestRecord");
    // In Python True is 1.
    const counted = typeof number === "boolean" ? Number(number) : number;
    if (typeof counted === "number" && typeof record === "string") found.set(counted, record);
  }
  return found;
}

/**
 * Each member of the fetch log that is missing, too many, or says something else than the attestation.
 *
 * @param {any} predicate of the attestation, as JSON
 * @param {Uint8Array | null} block the log as it stands in the WARC; null if it was too large to be kept
 * @param {string} about what findings name
 * @returns {Finding[]}
 */
export function compareFetchLog(predicate, block, about) {
  let log;
  try {
    log = parse(block);
  } catch (err) {
    if (!(err instanceof MalformedJson)) throw err;
    return [{ about, found: `the fetch log is ${err.reason}` }];
  }
  const { captureId, target, finalUrl, title, outcome, reasons, times, settings } = predicate;
  const attested = {
    captureId,
    target,
    finalUrl,
    title,
    outcome,
    reasons,
    started: times.started,
    ended: times.ended,
    userAgent: settings.userAgent,
    limits: settings.limits,
  };
  const exchanges = log.get("exchanges");
  log.delete("exchanges");
  const findings = differences(about, attested, log);
  if (!Array.isArray(exchanges) || exchanges.length !== predicate.exchanges.length) {
    return [...findings, { about, found: "the fetch log does not list the attested exchanges" }];
  }
  exchanges.forEach((said, place) => {
    if (said instanceof Map) {
      said.delete("requestRecord");
      said.delete("interim");
    }
    findings.push(...differences(`${about} exchanges.${place}`, predicate.exchanges[place], said));
  });
  return findings;
}

function differences(about, attested, said) {
  if (!(said instanceof Map)) return [{ about, found: "not an object" }];
  const names = [...new Set([...Object.keys(attested), ...said.keys()])].sort(byCodePoints);
  return names.flatMap((name) => {
    const inBoth = Object.hasOwn(attested, name) && said.has(name);
    if (inBoth && same(attested[name], shortened(said.get(name), name))) return [];
    const only = Object.hasOwn(attested, name) ? "attestation" : "fetch log";
    return [{ about, found: inBoth ? `${name}: not what the attestation says` : `${name}: only in the ${only}` }];
  });
}

/** The value as the attestation has it: some texts are cut, and what no UTF-8 can carry becomes `?`. */
function shortened(value, name) {
  if (typeof value === "string" && TEXTS.has(name)) return beginning(value.replace(/\p{Cs}/gu, "?"), MAX_TEXT);
  if (Array.isArray(value)) return value.map((item) => shortened(item, name));
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, shortened(item, key)]));
  return value;
}

/** Whether an attested value, of plain JSON, is the same as one of the log. */
function same(attested, said) {
  if (Array.isArray(attested)) {
    return Array.isArray(said) && attested.length === said.length && attested.every((one, at) => same(one, said[at]));
  }
  if (attested !== null && typeof attested === "object") {
    const members = Object.entries(attested);
    return (
      said instanceof Map &&
      members.length === said.size &&
      members.every(([name, value]) => said.has(name) && same(value, said.get(name)))
    );
  }
  return attested === said;
}

function parsedOrNull(block) {
  try {
    return parse(block);
  } catch (err) {
    if (err instanceof MalformedJson) return null;
    throw err;
  }
}

/**
 * The log. Unlike in what is signed on its own, a lone surrogate may be in it, escaped, and so may floats.
 *
 * @param {Uint8Array | null} block
 * @returns {Map<string, Value>}
 * @throws {MalformedJson} it is not a JSON object without duplicate keys
 */
function parse(block) {
  if (block === null) throw new MalformedJson("too large");
  const value = new Reader(decoded(block)).read();
  if (!(value instanceof Map)) throw new MalformedJson("not a JSON object");
  return value;
}

function decoded(block) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(block);
  } catch (err) {
    if (err instanceof TypeError) throw new MalformedJson("not JSON");
    throw err;
  }
}

/** Reads one JSON text as Python's `json` does. */
class Reader {
  /** @param {string} text */
  constructor(text) {
    this._text = text;
    this._at = 0;
    this._depth = 0;
  }

  /** @returns {Value} */
  read() {
    this._skip(SPACES);
    const value = this._value();
    this._skip(SPACES);
    if (this._at !== this._text.length) this._refuse();
    return value;
  }

  _refuse() {
    throw new MalformedJson("not JSON");
  }

  _skip(pattern) {
    pattern.lastIndex = this._at;
    const [found] = pattern.exec(this._text);
    this._at += found.length;
    return found;
  }

  _takes(word) {
    if (!this._text.startsWith(word, this._at)) return false;
    this._at += word.length;
    return true;
  }

  _value() {
    if (this._takes('"')) return this._string();
    if (this._takes("{")) return this._inside(() => this._object());
    if (this._takes("[")) return this._inside(() => this._array());
    if (this._takes("null")) return null;
    if (this._takes("true")) return true;
    if (this._takes("false")) return false;
    for (const word of ["NaN", "Infinity", "-Infinity"]) if (this._takes(word)) return new Numeral(word);
    return this._number();
  }

  _inside(read) {
    this._depth += 1;
    if (this._depth > MAX_DEPTH) this._refuse();
    const value = read();
    this._depth -= 1;
    return value;
  }

  _number() {
    NUMBER.lastIndex = this._at;
    const found = NUMBER.exec(this._text);
    if (!found) return this._refuse();
    const [all, sign, digits, fraction, exponent] = found;
    this._at += all.length;
    if (fraction !== undefined || exponent !== undefined) return new Numeral(all);
    if (digits.length > MAX_DIGITS) this._refuse();
    const number = Number(sign + digits);
    // There is one zero among integers.
    return Number.isSafeInteger(number) ? number + 0 : new Numeral(all);
  }

  _string() {
    let value = this._skip(TEXT);
    while (!this._takes('"')) {
      if (!this._takes("\\")) this._refuse();
      value += this._escaped() + this._skip(TEXT);
    }
    return value;
  }

  _escaped() {
    const letter = this._text[this._at];
    this._at += 1;
    if (letter !== "u") return Object.hasOwn(ESCAPES, letter ?? "") ? ESCAPES[letter] : this._refuse();
    const digits = this._text.slice(this._at, this._at + 4);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) this._refuse();
    this._at += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  _array() {
    const items = [];
    this._skip(SPACES);
    if (this._takes("]")) return items;
    for (;;) {
      items.push(this._value());
      this._skip(SPACES);
      if (this._takes("]")) return items;
      if (!this._takes(",")) this._refuse();
      this._skip(SPACES);
    }
  }

  _object() {
    const members = new Map();
    let count = 0;
    this._skip(SPACES);
    while (!this._takes("}")) {
      if (count && !this._takes(",")) this._refuse();
      this._skip(SPACES);
      if (!this._takes('"')) this._refuse();
      const name = this._string();
      this._skip(SPACES);
      if (!this._takes(":")) this._refuse();
      this._skip(SPACES);
      members.set(name, this._value());
      count += 1;
      this._skip(SPACES);
    }
    if (members.size !== count) throw new MalformedJson("not JSON without duplicate keys");
    return members;
  }
}
