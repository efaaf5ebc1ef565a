/**
 * JSON (RFC 8259) read one character after another, so that what is wrong is told in the words, and with the place,
 * of the other verifier: those of Python's `json`. Floats, and keys that occur twice, are refused.
 */

import { MalformedJson } from "./errors.js";
import { beginning, lengthOf, quoted } from "./text.js";

const SPACE = " \t\n\r";
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const WORDS = { null: null, true: true, false: false };
const NUMBERS = ["NaN", "Infinity", "-Infinity"];
const NUMBER = /(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const QUAD = /^[0-9a-fA-F]{4}$/;
const LONGEST_INTEGER = String(-Number.MAX_SAFE_INTEGER).length;
const OPENING = /[[{]/g;

/**
 * The value of `text`. Its integers may be beyond 2^53 - 1, its strings may have lone surrogates.
 *
 * @param {string} text
 * @returns {any}
 */
export function readJson(text) {
  const reader = new Reader(text);
  if (text.startsWith("\ufeff")) {
    reader.refuse("Unexpected UTF-8 BOM (decode using utf-8-sig)", 0);
  }
  reader.skipSpace();
  const value = reader.value();
  reader.skipSpace();
  if (reader.place !== text.length) {
    reader.refuse("Extra data", reader.place);
  }
  return value;
}

/**
 * Refuse what has more than `most` objects and arrays inside one another.
 *
 * @param {string} text JSON or not
 * @param {number} most
 */
export function checkDepth(text, most) {
  if ((text.match(OPENING) ?? []).length <= most) {
    return;
  }
  let depth = 0;
  let place = 0;
  while (place < text.length) {
    const character = text[place];
    if (character === '"') {
      place = endOfString(text, place);
    } else {
      depth += character === "[" || character === "{" ? 1 : character === "]" || character === "}" ? -1 : 0;
      place += 1;
    }
    if (depth > most) {
      throw new MalformedJson(`deeper than ${most}`);
    }
  }
}

/**
 * Where the string that begins at `start` ends. One that does not end is no JSON, so that nothing after it counts.
 *
 * @param {string} text
 * @param {number} start
 */
function endOfString(text, start) {
  let place = start + 1;
  while (place < text.length && text[place] !== '"') {
    place += text[place] === "\\" ? 2 : 1;
  }
  return place + 1;
}

class Reader {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.place = 0;
  }

  /**
   * @param {string} reason
   * @param {number} place
   * @returns {never}
   */
  refuse(reason, place) {
    throw new MalformedJson(`not JSON: ${reason} at character ${lengthOf(this.text.slice(0, place))}`);
  }

  skipSpace() {
    while (this.place < this.text.length && SPACE.includes(this.text[this.place])) {
      this.place += 1;
    }
  }

  /** @returns {any} */
  value() {
    const { text, place } = this;
    const first = text[place];
    if (first === '"') {
      this.place += 1;
      return this.string();
    }
    if (first === "{" || first === "[") {
      this.place += 1;
      return first === "{" ? this.object() : this.array();
    }
    for (const [word, value] of Object.entries(WORDS)) {
      if (text.startsWith(word, place)) {
        this.place += word.length;
        return value;
      }
    }
    const number = NUMBERS.find((name) => text.startsWith(name, place));
    if (number !== undefined) {
      throw new MalformedJson(`not an integer: ${number}`);
    }
    return this.number();
  }

  number() {
    NUMBER.lastIndex = this.place;
    const match = NUMBER.exec(this.text);
    if (!match) {
      return this.refuse("Expecting value", this.place);
    }
    const [whole, integer] = match;
    this.place += whole.length;
    if (whole !== integer) {
      throw new MalformedJson(`not an integer: ${beginning(whole, 40)}`);
    }
    if (integer.length > LONGEST_INTEGER) {
      throw new MalformedJson(`integer of ${integer.length} characters`);
    }
    return Number(integer);
  }

  object() {
    /** @type {Record<string, any>} */
    const members = {};
    /** @type {string | null} */
    let twice = null;
    this.skipSpace();
    if (this.text[this.place] === "}") {
      this.place += 1;
      return members;
    }
    for (;;) {
      if (this.text[this.place] !== '"') {
        this.refuse("Expecting property name enclosed in double quotes", this.place);
      }
      this.place += 1;
      const key = this.string();
      this.skipSpace();
      if (this.text[this.place] !== ":") {
        this.refuse("Expecting ':' delimiter", this.place);
      }
      this.place += 1;
      this.skipSpace();
      twice ??= Object.hasOwn(members, key) ? key : null;
      // Not by assignment, which would take `__proto__` for something else.
      const value = this.value();
      Object.defineProperty(members, key, { value, configurable: true, enumerable: true, writable: true });
      this.skipSpace();
      const next = this.text[this.place];
      if (next === "}") {
        break;
      }
      if (next !== ",") {
        this.refuse("Expecting ',' delimiter", this.place);
      }
      this.place += 1;
      this.skipSpace();
    }
    this.place += 1;
    if (twice !== null) {
      throw new MalformedJson(`duplicate key ${quoted(beginning(twice, 80))}`);
    }
    return members;
  }

  array() {
    /** @type {any[]} */
    const items = [];
    this.skipSpace();
    if (this.text[this.place] === "]") {
      this.place += 1;
      return items;
    }
    for (;;) {
      items.push(this.value());
      this.skipSpace();
      const next = this.text[this.place];
      if (next === "]") {
        break;
      }
      if (next !== ",") {
        this.refuse("Expecting ',' delimiter", this.place);
      }
      this.place += 1;
      this.skipSpace();
    }
    this.place += 1;
    return items;
  }

  /** The rest of the string whose quotation mark has been read. */
  string() {
    const { text } = this;
    const start = this.place - 1;
    let value = "";
    for (;;) {
      let end = this.place;
      while (end < text.length && text[end] !== '"' && text[end] !== "\\") {
        if (text[end] < " ") {
          this.refuse("Invalid control character at", end);
        }
        end += 1;
      }
      value += text.slice(this.place, end);
      if (end >= text.length || (text[end] === "\\" && end + 1 >= text.length)) {
        this.refuse("Unterminated string starting at", start);
      }
      this.place = end + 1;
      if (text[end] === '"') {
        return value;
      }
      value += this.escaped();
    }
  }

  /** The character that the escape stands for whose backslash has been read. */
  escaped() {
    const { text, place } = this;
    if (text[place] !== "u") {
      if (!Object.hasOwn(ESCAPES, text[place])) {
        this.refuse("Invalid \\escape", place - 1);
      }
      this.place += 1;
      return ESCAPES[/** @type {keyof typeof ESCAPES} */ (text[place])];
    }
    const digits = text.slice(place + 1, place + 5);
    // A string cannot end with these digits, so that one more character must follow.
    if (!QUAD.test(digits) || place + 5 >= text.length) {
      this.refuse("Invalid \\uXXXX escape", place);
    }
    this.place += 5;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
}
