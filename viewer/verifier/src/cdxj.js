/**
 * The index of a WARC: one CDXJ line per response or revisit, as `archive/warc/cdxj.py` writes it.
 *
 * Answers to anything but GET have no line, since replay would give them to whoever asks for the URL; nor has a revisit
 * with status 304, which has no payload to show.
 */

import { utf8 } from "./encoding.js";
import { WARC_NAME, first } from "./record.js";
import { surt } from "./surt.js";

/** The name of the file beside the WARC that holds what its revisit records stand for. */
export const DEPENDENCIES_NAME = "dependencies.warc.gz";
const NOT_MODIFIED = 304;
const NAMED = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b" };

/** @typedef {import("./examine.js").ExaminedRecord} ExaminedRecord */

/**
 * The CDXJ lines, sorted bytewise; empty if there are none.
 *
 * @param {ExaminedRecord[]} records of the WARC
 * @param {ExaminedRecord[]} dependencies of the file with what its revisit records stand for
 * @param {{method: string, record: string | null}[]} exchanges as attested
 * @returns {Uint8Array}
 */
export function indexLines(records, dependencies, exchanges) {
  const leftOut = new Set(exchanges.filter(({ method }) => method !== "GET").map(({ record }) => record));
  const lines = [
    ...records.filter(({ id }) => !leftOut.has(id)).map((record) => lineOf(record, WARC_NAME)),
    ...dependencies.map((record) => lineOf(record, DEPENDENCIES_NAME)),
  ];
  // ASCII, so that the order of UTF-16 is that of bytes.
  return utf8([...new Set(lines)].sort().join(""));
}

/** The line with its end; empty if the record has none. */
function lineOf(record, filename) {
  const { response, revisit } = record;
  if (!response && (!revisit || revisit.head?.status === NOT_MODIFIED)) return "";
  const head = response ? response.head : revisit.head;
  const mime = response ? (head?.mediaType ?? null) : "warc/revisit";
  const digest = response ? `sha256:${response.payload.sha256}` : (first(record.fields, "WARC-Payload-Digest") ?? "");
  const url = first(record.fields, "WARC-Target-URI") ?? "";
  const date = first(record.fields, "WARC-Date") ?? "";
  const entry = asciiJson([
    ["url", url],
    ...(mime === null ? [] : [["mime", mime]]),
    ...(head ? [["status", String(head.status)]] : []),
    ["digest", digest],
    ["length", String(record.length)],
    ["offset", String(record.offset)],
    ["filename", filename],
  ]);
  return `${surt(url)} ${date.replace(/[^0-9]/g, "").slice(0, 14)} ${entry}\n`;
}

/**
 * A JSON object with its members in this order, separators `, ` and `: `, and escapes for all but printable ASCII.
 *
 * @param {[string, string | number][]} members
 * @returns {string}
 */
export function asciiJson(members) {
  const value = (one) => (typeof one === "number" ? String(one) : asciiString(one));
  return `{${members.map(([name, one]) => `${asciiString(name)}: ${value(one)}`).join(", ")}}`;
}

function asciiString(text) {
  return `"${text.replace(/[^ -~]|["\\]/g, (unit) => NAMED[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}"`;
}
