/** The page's own bytes: put together again from the template and the text of the program. */

import { sha256 } from "@noble/hashes/sha2";

import { base64, hex, joined, utf8 } from "./encoding.js";

/* global PAGE_HEAD, PAGE_TAIL */

/**
 * SHA-256 of earlier pages that were released, in lower case hexadecimal. A package may hold one of these instead.
 *
 * @type {readonly string[]}
 */
export const EARLIER_PAGES = Object.freeze([]);

/**
 * SHA-256 of the page that this program is in.
 *
 * @param {string} program the text of the page's script element
 * @returns {string} in lower case hexadecimal
 */
export function pageDigest(program) {
  const text = utf8(program);
  const head = PAGE_HEAD.replace("@SCRIPT@", `sha256-${base64(sha256(text))}`);
  return hex(sha256(joined(utf8(head), text, utf8(PAGE_TAIL))));
}
