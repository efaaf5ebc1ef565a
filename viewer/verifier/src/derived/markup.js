/**
 * HTML for reports: escaping, tables, facts. The same input gives the same bytes on every machine, for good, so nothing
 * here may depend on a locale, a clock, or the Unicode tables of the engine.
 */

import { beginning, lengthOf } from "../text.js";

/** Characters of one foreign text that are shown. */
export const MAX_SHOWN = 1_000;
/** Rows of the longest table; what is left out is counted. */
export const MAX_ROWS = 1_000;

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };

// Controls, invisible formatting, direction overrides and isolates, tags, private use, noncharacters, by fixed ranges.
// U+200C and U+200D stay, Arabic needs them.
const ACTIVE = new RegExp(
  "[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u115f\\u1160\\u180b-\\u180f\\u200b\\u200e\\u200f\\u2028-\\u202e" +
    "\\u2060-\\u206f\\u3164\\u{d800}-\\u{f8ff}\\ufdd0-\\ufdef\\ufeff\\uffa0\\ufff0-\\uffff\\u{e0000}-\\u{e0fff}" +
    "\\u{effff}-\\u{10ffff}]",
  "gu",
);

/**
 * Text from outside, escaped, set apart from the direction of what surrounds it, and cut at `limit` characters.
 *
 * @param {string} value
 * @param {number} [limit]
 */
export function text(value, limit = MAX_SHOWN) {
  const length = lengthOf(value);
  const cut = length > limit ? ` <i>(cut; ${number(length)} characters in all)</i>` : "";
  return `<bdi dir="auto">${escaped(beginning(value, limit))}</bdi>${cut}`;
}

/** Our own words, escaped. @param {string} value */
export function plain(value) {
  return value.replace(/[&<>"']/g, (found) => ENTITIES[found]);
}

/** A digest, key or name: to be compared character by character; left to right. @param {string} value */
export function code(value) {
  return `<code dir="ltr">${escaped(beginning(value, MAX_SHOWN))}</code>`;
}

/** A URL as text; never a link. @param {string} value @param {number} [limit] */
export function url(value, limit = MAX_SHOWN) {
  return `<span class="url" dir="ltr">${text(value, limit)}</span>`;
}

/** A number with its thousands apart. @param {number | bigint} value */
export function number(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `3 exchanges`, `1 exchange`. @param {number} value @param {string} noun */
export function count(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** A paragraph, of a class if `kind` names one. @param {string} markup @param {string} [kind] */
export function paragraph(markup, kind = "") {
  return kind ? `<p class="${kind}">${markup}</p>\n` : `<p>${markup}</p>\n`;
}

/** A line of its own in small print, of a class if `kind` names one. @param {string} markup @param {string} [kind] */
export function small(markup, kind = "") {
  return `<span class="${`small ${kind}`.trimEnd()}">${markup}</span>`;
}

/** A list of points. @param {string[]} markup */
export function items(markup) {
  return `<ul>\n${markup.map((item) => `<li>${item}</li>\n`).join("")}</ul>\n`;
}

/** A table of names (our words) and values (markup). @param {[string, string][]} rows */
export function facts(rows) {
  const body = rows.map(([name, value]) => `<tr><th scope="row">${plain(name)}</th><td>${value}</td></tr>\n`);
  return `<table class="facts">\n${body.join("")}</table>\n`;
}

/**
 * A table of headings (our words) and cells (markup).
 *
 * @param {string[]} headings
 * @param {string[][]} rows
 * @param {{kind?: string, limit?: number}} [options]
 */
export function table(headings, rows, { kind = "", limit = MAX_ROWS } = {}) {
  const head = headings.map((heading) => `<th scope="col">${plain(heading)}</th>`).join("");
  const body = rows.slice(0, limit).map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join("")}</tr>\n`);
  const made =
    `<table class="${kind}">\n<thead><tr>${head}</tr></thead>\n<tbody>\n` + `${body.join("")}</tbody>\n</table>\n`;
  return made + more(rows.length - limit);
}

/** A line that says how many rows are not shown, if any are not. @param {number} left */
export function more(left) {
  return left > 0 ? paragraph(`${number(left)} more are in the attestation and not shown here.`, "note") : "";
}

/** A section under its heading. @param {string} name @param {string} title @param {...string} parts */
export function section(name, title, ...parts) {
  return `<section id="${name}">\n<h2>${plain(title)}</h2>\n${parts.join("")}</section>\n`;
}

/** @param {string} value */
function escaped(value) {
  return plain(value).replace(ACTIVE, (found) => {
    const hex = found.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    return `<mark>U+${hex}</mark>`;
  });
}
