/** What a WARC record of sijill looks like: types, named fields, their one order and grammar (ISO 28500, WARC/1.1). */

import { quoted } from "./text.js";

/** The one name of a capture's WARC. */
export const WARC_NAME = "data.warc.gz";
/** What URIs of files begin with that a browser made of a page. */
export const RENDERING = "urn:sijill:rendering:";

/** @typedef {[name: string, value: string][]} Fields named fields in order; a name may be repeated */

export const WARCINFO = "warcinfo";
export const RESPONSE = "response";
export const REQUEST = "request";
export const METADATA = "metadata";
export const RESOURCE = "resource";
export const REVISIT = "revisit";

/** `WARC-Profile` of each kind of revisit. */
export const REVISIT_PROFILES = {
  reused: "https://sijill.org/warc/1.1/revisit/reused",
  identical: "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
  "not-modified": "http://netpreserve.org/warc/1.1/revisit/server-not-modified",
};

const UUID = "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const DIGEST = "sha256:[0-9a-f]{64}";
const URI = "[A-Za-z][A-Za-z0-9+.-]*:[!-~]+";
const DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z";
const WORD = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";

/** Every named field, in the order in which a record has them, and what its value may be. */
const GRAMMAR = new Map(
  Object.entries({
    "WARC-Type": [WARCINFO, RESPONSE, REQUEST, METADATA, RESOURCE, REVISIT].join("|"),
    "WARC-Record-ID": `<${UUID}>`,
    "WARC-Date": DATE,
    "WARC-Filename": "[a-z0-9][a-z0-9.-]*",
    "WARC-Warcinfo-ID": `<${UUID}>`,
    "WARC-Concurrent-To": `<${UUID}>`,
    "WARC-Target-URI": URI,
    "WARC-Refers-To": `<${UUID}>`,
    "WARC-Refers-To-Target-URI": URI,
    "WARC-Refers-To-Date": DATE,
    "WARC-Profile": Object.values(REVISIT_PROFILES)
      .map((profile) => profile.replaceAll(".", "\\."))
      .join("|"),
    "WARC-IP-Address": "[0-9a-f.:]+",
    "WARC-Protocol": "(?:http|tls|ssl)/[0-9](?:\\.[0-9])?",
    "WARC-Cipher-Suite": WORD,
    "WARC-Truncated": "length|time|disconnect|unspecified",
    "WARC-Payload-Digest": DIGEST,
    "WARC-Block-Digest": DIGEST,
    "Content-Type": `${WORD}/${WORD}(?:;${WORD}=${WORD})?`,
    "Content-Length": "0|[1-9][0-9]*",
  }).map(([name, pattern]) => [name, new RegExp(`^(?:${pattern})$`, "u")]),
);

const ORDER = new Map([...GRAMMAR.keys()].map((name, place) => [name, place]));
const REPEATED = "WARC-Protocol";

const ALWAYS = ["WARC-Type", "WARC-Record-ID", "WARC-Date", "WARC-Block-Digest", "Content-Type", "Content-Length"];
const ABOUT_A_URI = [...ALWAYS, "WARC-Warcinfo-ID", "WARC-Target-URI"];
const CONNECTION = ["WARC-IP-Address", "WARC-Protocol", "WARC-Cipher-Suite"];
const REFERENCE = [
  "WARC-Refers-To",
  "WARC-Refers-To-Target-URI",
  "WARC-Refers-To-Date",
  "WARC-Profile",
  "WARC-Payload-Digest",
];

const REQUIRED = new Map([
  [WARCINFO, [...ALWAYS, "WARC-Filename"]],
  [RESPONSE, ABOUT_A_URI],
  [REQUEST, ABOUT_A_URI],
  [METADATA, ABOUT_A_URI],
  [RESOURCE, ABOUT_A_URI],
  [REVISIT, [...ABOUT_A_URI, ...REFERENCE]],
]);
const ALLOWED = new Map([
  ...[...REQUIRED].map(([type, names]) => [type, new Set(names)]),
  [RESPONSE, new Set([...ABOUT_A_URI, ...CONNECTION, "WARC-Truncated", "WARC-Payload-Digest"])],
  [REQUEST, new Set([...ABOUT_A_URI, ...CONNECTION, "WARC-Concurrent-To"])],
  [REVISIT, new Set([...ABOUT_A_URI, ...REFERENCE, ...CONNECTION])],
]);
/** The only content type of a record type; the others may have any. */
const CONTENT_TYPE = new Map([
  [WARCINFO, "application/warc-fields"],
  [RESPONSE, "application/http;msgtype=response"],
  [REQUEST, "application/http;msgtype=request"],
  [REVISIT, "application/http;msgtype=response"],
]);

/**
 * @param {Fields} fields
 * @param {string} name
 * @returns {string | null} the value of the first field called exactly `name`
 */
export function first(fields, name) {
  return fields.find(([key]) => key === name)?.[1] ?? null;
}

/**
 * @param {string} captureId
 * @param {string} name of the subject
 * @returns {string} `WARC-Target-URI` of a file that a browser made of the page
 */
export function renderingUri(captureId, name) {
  return `${RENDERING}${captureId}:${name}`;
}

/**
 * @param {string} mediaType
 * @returns {string} `Content-Type` of such a file
 */
export function renderingContentType(mediaType) {
  const plain = mediaType.split(";")[0].trim().toLowerCase();
  return plain.startsWith("text/") ? `${plain};charset=utf-8` : plain;
}

/**
 * What is wrong with the fields of a record, as a finding says it; null if they are those of a record that sijill writes.
 *
 * @param {Fields} fields
 * @returns {string | null}
 */
export function badField(fields) {
  let place = -1;
  for (const [name, value] of fields) {
    const grammar = GRAMMAR.get(name);
    if (!grammar) return problem(name, value, "no field of ours");
    if (!grammar.test(value)) return problem(name, value, "not of the form that this field has");
    const own = ORDER.get(name);
    if (own < place || (own === place && name !== REPEATED)) return problem(name, value, "repeated or out of order");
    place = own;
  }
  return badType(fields);
}

function badType(fields) {
  const type = first(fields, "WARC-Type");
  if (type === null) return problem("WARC-Type", "", "missing");
  for (const name of REQUIRED.get(type)) {
    if (first(fields, name) === null) return problem(name, "", `missing in a ${type} record`);
  }
  for (const [name, value] of fields) {
    if (!ALLOWED.get(type).has(name)) return problem(name, value, `not for a ${type} record`);
  }
  const contentType = first(fields, "Content-Type");
  if (contentType !== (CONTENT_TYPE.get(type) ?? contentType)) {
    return problem("Content-Type", contentType, `not that of a ${type} record`);
  }
  return null;
}

function problem(name, value, reason) {
  return `${name}: ${quoted(value.slice(0, 200))}: ${reason}`;
}
