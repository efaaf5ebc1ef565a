/** Text as Python writes it: its `repr`, its order, its length. Findings of both verifiers must read the same. */

// What str.isprintable() refuses, the space apart.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}]/u;
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" };

/**
 * The text in quotes, with whatever cannot be seen by its number.
 *
 * @param {string} text
 * @returns {string}
 */
export function quoted(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let shown = "";
  for (const character of text) {
    if (character === quote) {
      shown += `\\${character}`;
    } else if (Object.hasOwn(NAMED, character)) {
      shown += NAMED[character];
    } else if (character !== " " && UNPRINTABLE.test(character)) {
      shown += byNumber(character.codePointAt(0) ?? 0);
    } else {
      shown += character;
    }
  }
  return `${quote}${shown}${quote}`;
}

/**
 * A value of JSON as Python's `repr` writes it.
 *
 * @param {unknown} value
 * @returns {string}
 */
export function represented(value) {
  if (typeof value === "string") {
    return quoted(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map(represented).join(", ")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${members.map(([key, member]) => `${quoted(key)}: ${represented(member)}`).join(", ")}}`;
  }
  return value === null ? "None" : value === true ? "True" : value === false ? "False" : String(value);
}

/**
 * The first `count` characters (code points) of a text.
 *
 * @param {string} text
 * @param {number} count
 * @returns {string}
 */
export function beginning(text, count) {
  if (text.length <= count) {
    return text;
  }
  // A character has at most two units, so that no more of a long text needs to be taken apart.
  return [...text.slice(0, 2 * count)].slice(0, count).join("");
}

/**
 * How many characters (code points) a text has.
 *
 * @param {string} text
 * @returns {number}
 */
export function lengthOf(text) {
  let pairs = 0;
  for (let place = 0; place < text.length; place += 1) {
    if ((text.codePointAt(place) ?? 0) > 0xffff) {
      pairs += 1;
      place += 1;
    }
  }
  return text.length - pairs;
}

/**
 * Whether a text has a surrogate that is no half of a pair.
 *
 * @param {string} text
 * @returns {boolean}
 */
export function hasLoneSurrogate(text) {
  return /[\ud800-\udfff]/.test(text) && /\p{Cs}/u.test(text);
}

/**
 * Orders texts by their characters' numbers, as Python does.
 *
 * @param {string} one
 * @param {string} other
 * @returns {number}
 */
export function byCodePoints(one, other) {
  const end = Math.min(one.length, other.length);
  let place = 0;
  while (place < end && one.charCodeAt(place) === other.charCodeAt(place)) {
    place += 1;
  }
  if (place === end) {
    return one.length - other.length;
  }
  const [left, right] = [one.charCodeAt(place), other.charCodeAt(place)];
  // UTF-16 puts what lies beyond U+FFFF, in surrogates, before U+E000.
  const [leftHigh, rightHigh] = [isSurrogate(left), isSurrogate(right)];
  return leftHigh === rightHigh ? left - right : leftHigh ? 1 : -1;
}

/** @param {number} unit */
function isSurrogate(unit) {
  return unit >= 0xd800 && unit <= 0xdfff;
}

/** @param {number} point */
function byNumber(point) {
  const digits = point.toString(16);
  if (point <= 0xff) {
    return `\\x${digits.padStart(2, "0")}`;
  }
  return point <= 0xffff ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
}
