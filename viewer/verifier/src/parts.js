/**
 * What members of statements are made of: numbers, texts, times, digests, with their bounds; and how an object is
 * checked to have exactly the members named: none missing, none more, none converted.
 *
 * A part is a function that takes a value and the path to it, and throws MalformedStatement. What is told first, and in
 * which words, is as the library of the other verifier has it.
 */

import { Malformed, MalformedStatement } from "./errors.js";
import { isAddress } from "./addresses.js";
import { lengthOf, quoted, represented } from "./text.js";
import { CAPTURE_ID, parseTimestamp } from "./timestamps.js";

/** @typedef {(value: unknown, path: string) => void} Part */

/** Characters of a URL, a media type or another line that a server may have chosen. */
export const MAX_LINE = 65_536;
/** Characters of a title, a reason, a failure's detail. */
export const MAX_TEXT = 1_000;

/**
 * @param {string} path
 * @param {string} reason
 * @returns {never}
 */
function refuse(path, reason) {
  throw new MalformedStatement(path, reason);
}

/**
 * @param {string} path
 * @param {string | number} step
 */
function inside(path, step) {
  return path ? `${path}.${step}` : `${step}`;
}

/**
 * @param {number} count
 * @param {string} noun
 */
function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * An integer between two bounds, both included.
 *
 * @param {number} least
 * @param {number} most
 * @returns {Part}
 */
export function integer(least, most) {
  return (value, path) => {
    if (typeof value !== "number" || !Number.isSafeInteger(value)) {
      refuse(path, "Input should be a valid integer");
    }
    if (value > most) {
      refuse(path, `Input should be less than or equal to ${most}`);
    }
    if (value < least) {
      refuse(path, `Input should be greater than or equal to ${least}`);
    }
  };
}

/**
 * A string of so many characters.
 *
 * @param {number} least
 * @param {number} most
 * @returns {Part}
 */
export function string(least, most) {
  return (value, path) => {
    if (typeof value !== "string") {
      return refuse(path, "Input should be a valid string");
    }
    const length = lengthOf(value);
    if (length < least) {
      refuse(path, `String should have at least ${counted(least, "character")}`);
    }
    if (length > most) {
      refuse(path, `String should have at most ${counted(most, "character")}`);
    }
  };
}

/**
 * A string of a pattern.
 *
 * @param {RegExp} pattern matches whole strings
 * @returns {Part}
 */
export function matching(pattern) {
  const told = pattern.source.replace(/^\^/, "\\A").replace(/\$$/, "\\z");
  return (value, path) => {
    if (typeof value !== "string") {
      return refuse(path, "Input should be a valid string");
    }
    if (!pattern.test(value)) {
      refuse(path, `String should match pattern '${told}'`);
    }
  };
}

/** @type {Part} */
export function boolean(value, path) {
  if (typeof value !== "boolean") {
    refuse(path, "Input should be a valid boolean");
  }
}

/**
 * One of the strings named.
 *
 * @param {...string} names
 * @returns {Part}
 */
export function oneOf(...names) {
  const all = names.map(quoted);
  const told = all.length === 1 ? all[0] : `${all.slice(0, -1).join(", ")} or ${all[all.length - 1]}`;
  return (value, path) => {
    if (typeof value !== "string" || !names.includes(value)) {
      refuse(path, `Input should be ${told}`);
    }
  };
}

/**
 * @param {Part} part
 * @returns {Part}
 */
export function nullable(part) {
  return (value, path) => {
    if (value !== null) {
      part(value, path);
    }
  };
}

/**
 * What one of several parts accepts.
 *
 * @param {Record<string, Part>} parts by what they are called
 * @returns {Part}
 */
export function anyOf(parts) {
  return (value, path) => {
    /** @type {MalformedStatement | null} */
    let first = null;
    for (const [name, part] of Object.entries(parts)) {
      try {
        part(value, inside(path, name));
        return;
      } catch (error) {
        if (!(error instanceof MalformedStatement)) {
          throw error;
        }
        first ??= error;
      }
    }
    throw first;
  };
}

/**
 * A list of so many items.
 *
 * @param {Part} item
 * @param {{least?: number, most: number}} bounds
 * @returns {Part}
 */
export function list(item, { least = 0, most }) {
  return (value, path) => {
    if (!Array.isArray(value)) {
      return refuse(path, "Input should be a valid tuple");
    }
    checkEach(
      value.map((one, place) => () => item(one, inside(path, place))),
      most,
      () => refuse(path, `Tuple should have at most ${counted(most, "item")} after validation, not ${value.length}`),
    );
    if (value.length < least) {
      refuse(path, `Tuple should have at least ${counted(least, "item")} after validation, not ${value.length}`);
    }
  };
}

/**
 * An object whose members are named by what they are about.
 *
 * @param {Part} name
 * @param {Part} member
 * @param {number} most members
 * @returns {Part}
 */
export function named(name, member, most) {
  return (value, path) => {
    if (!isObject(value)) {
      return refuse(path, "Input should be a valid dictionary");
    }
    // The order of canonical JSON; an object of this language may have another.
    const keys = Object.keys(value).sort();
    checkEach(
      keys.map((key) => () => {
        name(key, inside(inside(path, key), "[key]"));
        member(value[key], inside(path, key));
      }),
      most,
      () => refuse(path, `Dictionary should have at most ${counted(most, "item")} after validation, not more`),
    );
  };
}

/**
 * An object with exactly these members.
 *
 * @param {string} title what the other verifier calls it
 * @param {Record<string, Part>} members
 * @returns {Part}
 */
export function object(title, members) {
  const parts = Object.entries(members);
  return (value, path) => {
    if (!isObject(value)) {
      return refuse(path, `Input should be a valid dictionary or instance of ${title}`);
    }
    for (const [name, part] of parts) {
      if (!Object.hasOwn(value, name)) {
        refuse(inside(path, name), "Field required");
      }
      part(value[name], inside(path, name));
    }
    const unknown = Object.keys(value).filter((name) => !Object.hasOwn(members, name));
    if (unknown.length) {
      refuse(inside(path, unknown.sort()[0]), "Extra inputs are not permitted");
    }
  };
}

/**
 * Run checks, and tell what is wrong: that more of them pass than may, else what the first of the others found.
 *
 * @param {(() => void)[]} checks
 * @param {number} most
 * @param {() => never} tooMany
 */
function checkEach(checks, most, tooMany) {
  /** @type {MalformedStatement | null} */
  let first = null;
  let passed = 0;
  for (const check of checks) {
    try {
      check();
      passed += 1;
    } catch (error) {
      if (!(error instanceof MalformedStatement)) {
        throw error;
      }
      first ??= error;
    }
    if (passed > most) {
      tooMany();
    }
  }
  if (first !== null) {
    throw first;
  }
}

/** @type {Part} */
function moment(value, path) {
  try {
    parseTimestamp(asText(value));
  } catch (error) {
    throw error instanceof Malformed ? new MalformedStatement(path, `Value error, ${error.reason}`) : error;
  }
}

/**
 * What is no string, as the other verifier would show it.
 *
 * @param {unknown} value
 */
function asText(value) {
  return typeof value === "string" ? value : represented(value);
}

/** @type {Part} */
function address(value, path) {
  string(0, 64)(value, path);
  if (!isAddress(String(value))) {
    refuse(path, `Value error, ${quoted(String(value))} does not appear to be an IPv4 or IPv6 address`);
  }
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const count = integer(0, Number.MAX_SAFE_INTEGER);
export const line = string(1, MAX_LINE);
export const text = string(0, MAX_TEXT);
export const hexadecimal = matching(/^[0-9a-f]{64}$/);
export const timestamp = moment;
export const ipAddress = address;
export const captureId = matching(CAPTURE_ID);
export const recordId = matching(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
export const tokenName = matching(/^[a-z][a-z0-9-]{0,63}$/);
export const subjectName = matching(/^[a-z0-9][a-z0-9._-]{0,99}$/);

/** Both digests of some bytes, lowercase hexadecimal. */
export const digests = object("Digests", { sha256: hexadecimal, blake3: hexadecimal });

/**
 * A list of at most 1,000 items.
 *
 * @param {Part} item
 * @returns {Part}
 */
export function lines(item) {
  return list(item, { most: 1_000 });
}
