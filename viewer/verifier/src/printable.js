/** Text from outside, made fit to be shown to a person. */

/** Characters of one text from the evidence that are shown to people. */
export const MAX_SHOWN = 1_000;

// Arabic and Indic scripts need these two to be read rightly, and they reorder nothing.
const JOINERS = "\u200c\u200d";
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;

/**
 * `text` without anything that a terminal acts on: controls and direction overrides are shown by their numbers.
 *
 * @param {string} text
 * @returns {string}
 */
export function printable(text) {
  let shown = "";
  let count = 0;
  for (const character of text) {
    if (count === MAX_SHOWN) {
      return `${shown}…`;
    }
    count += 1;
    const safe = JOINERS.includes(character) || !UNSAFE.test(character);
    shown += safe ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  }
  return shown;
}
