/**
 * Whether the records of the WARC and the exchanges of the attestation say the same, with nothing left over.
 *
 * Every record has to be accounted for: the warcinfo, one response per exchange that has one, or the revisit that stands
 * for it, its request, one resource per certificate chain, and the fetch log. What the records should say is worked out
 * here from the attestation alone.
 */

import { utf8 } from "./encoding.js";
import { compareFetchLog, requestRecords } from "./fetch_log.js";
import {
  METADATA,
  REQUEST,
  RESOURCE,
  REVISIT_PROFILES,
  WARCINFO,
  first,
  renderingContentType,
  renderingUri,
} from "./record.js";

const REUSED = "reused";
const COMPARED = [
  "WARC-Date",
  "WARC-Target-URI",
  "WARC-IP-Address",
  "WARC-Protocol",
  "WARC-Cipher-Suite",
  "WARC-Truncated",
  "WARC-Concurrent-To",
];
const OF_REVISITS = [
  ...COMPARED,
  "WARC-Profile",
  "WARC-Refers-To",
  "WARC-Refers-To-Target-URI",
  "WARC-Refers-To-Date",
  "WARC-Payload-Digest",
];

/** @typedef {import("./report.js").Finding} Finding */
/** @typedef {import("./record.js").Fields} Fields */

/**
 * @param {any} statement
 * @returns {number} the most records that the WARC of this capture can have
 */
export function maxRecords(statement) {
  return 3 * statement.predicate.exchanges.length + 2 + statement.subject.length - 1;
}

/**
 * Everything in which the WARC and the attestation differ.
 *
 * @param {any} statement the attestation's, as JSON
 * @param {import("./survey.js").Survey} survey of the WARC, which must be well formed
 * @returns {Finding[]}
 */
export function disagreements(statement, survey) {
  const { predicate } = statement;
  const others = (type) => survey.others.filter((record) => record.type === type);
  const logs = others(METADATA);
  const requests = requestRecords(logs.length ? logs[0].block : null);
  const files = new Map(
    statement.subject.slice(1).map((subject) => [renderingUri(predicate.captureId, subject.name), subject]),
  );
  const isMade = (record) => files.has(uriOf(record));
  return [
    ...warcinfo(predicate, others(WARCINFO)),
    ...responses(predicate, survey.responses),
    ...requestsOf(predicate.exchanges, requests, others(REQUEST)),
    ...rendering(predicate, files, others(RESOURCE).filter(isMade)),
    ...chains(
      predicate.exchanges,
      others(RESOURCE).filter((record) => !isMade(record)),
    ),
    ...fetchLog(predicate, logs),
  ];
}

function uriOf(record) {
  return first(record.fields, "WARC-Target-URI");
}

/** @returns {Finding} */
function finding(about, found) {
  return { about, found };
}

function warcinfo(predicate, records) {
  return records.flatMap((record) => {
    const lines = new TextDecoder("utf-8", { ignoreBOM: true }).decode(record.block ?? new Uint8Array(0)).split("\r\n");
    const stated = lines.filter((line) => line.startsWith("isPartOf:"));
    const wanted = `isPartOf: ${predicate.captureId}`;
    const agrees = stated.length === 1 && stated[0] === wanted;
    return [
      ...compare(record.id, [["WARC-Date", predicate.times.started]], record.fields),
      ...(agrees ? [] : [finding(record.id, `warcinfo does not say ${wanted}`)]),
    ];
  });
}

function responses(predicate, records) {
  const attested = new Map(
    predicate.exchanges.filter(({ record }) => record !== null).map((exchange) => [exchange.record, exchange]),
  );
  const found = new Set(records.map(({ id }) => id));
  const originals = new Map(
    predicate.dependencies.flatMap(({ captureId, records: listed }) =>
      listed.map((original) => [`${captureId} ${original.record}`, original]),
    ),
  );
  const missing = [...attested].filter(([id]) => !found.has(id));
  const findings = missing.map(([id, { number }]) =>
    finding(`exchange ${number}`, `no response or revisit record ${id}`),
  );
  for (const record of records) {
    const exchange = attested.get(record.id);
    if (!exchange) {
      findings.push(finding(record.id, `a ${record.type} that the attestation does not name`));
    } else if (!exchange.revisit) {
      findings.push(...response(exchange, record));
    } else {
      const original = originals.get(`${exchange.revisit.captureId} ${exchange.revisit.record}`);
      findings.push(...revisit(exchange, original, record));
    }
  }
  const same = !missing.length && found.size === attested.size;
  if (same && [...attested.keys()].some((id, place) => id !== records[place].id)) {
    findings.push(finding("responses", "not in the order of the exchanges"));
  }
  return findings;
}

function response(exchange, record) {
  const about = record.id;
  const { response: found } = record;
  if (!found?.head || !exchange.payload) return [finding(about, "no HTTP response")];
  const { head, payload } = found;
  const truncated = exchange.truncated === null ? [] : [["WARC-Truncated", exchange.truncated]];
  // What answers HEAD tells the length of a body that is not sent (RFC 9110 §9.3.2).
  const finished = found.problem === null || exchange.method === "HEAD";
  const whole = finished || exchange.truncated !== null || exchange.failure !== null;
  return [
    ...compare(about, [...connection(exchange, head.version), ...truncated], record.fields),
    ...differ(about, "status", exchange.status, head.status),
    ...differ(about, "media type", exchange.mediaType, head.plainMediaType),
    ...differ(about, "bytes of payload", exchange.payload.size, payload.size),
    ...differ(about, "payload's SHA-256", exchange.payload.digest.sha256, payload.sha256),
    ...differ(about, "payload's BLAKE3", exchange.payload.digest.blake3, payload.blake3),
    ...differ(about, "bytes of surplus", exchange.surplus, found.surplus),
    ...(whole ? [] : [finding(about, `attested as whole, but: ${found.problem}`)]),
  ];
}

/** A record that says where the payload is kept, and holds of the response its head, if there was one. */
function revisit(exchange, original, record) {
  const about = record.id;
  const { revisit: found } = record;
  if (!found) return [finding(about, `a ${record.type}, attested is a revisit`)];
  const asked = exchange.revisit.kind !== REUSED;
  const head = asked ? found.head : null;
  const reference = [
    ["WARC-Profile", REVISIT_PROFILES[exchange.revisit.kind]],
    ["WARC-Refers-To", `<${original.record}>`],
    ["WARC-Refers-To-Target-URI", original.url],
    ["WARC-Refers-To-Date", original.date],
    ["WARC-Payload-Digest", `sha256:${original.payload.digest.sha256}`],
  ];
  const findings = compare(
    about,
    [...connection(exchange, head?.version ?? null), ...reference],
    record.fields,
    OF_REVISITS,
  );
  if (asked && !head) findings.push(finding(about, "no head of an HTTP response"));
  else if (head) findings.push(...differ(about, "status", exchange.status, head.status));
  return [...findings, ...differ(about, "bytes beside the head", 0, asked ? found.rest : record.size)];
}

/** `named` are the request records by exchange number, as the fetch log has them. */
function requestsOf(exchanges, named, records) {
  const left = new Map(records.map((record) => [record.id, record]));
  const findings = exchanges.flatMap((exchange) => {
    const name = named.get(exchange.number);
    const record = left.get(name);
    left.delete(name);
    if (record && isReused(exchange)) return [finding(record.id, "a request of an exchange in which none was sent")];
    if (record) return request(exchange, record);
    const wanted = name !== undefined || (exchange.record !== null && !isReused(exchange));
    return wanted ? [finding(`exchange ${exchange.number}`, "no request record")] : [];
  });
  return [...findings, ...[...left.keys()].map((id) => finding(id, "a request that belongs to no exchange"))];
}

function request(exchange, record) {
  const answer = exchange.record === null ? [] : [["WARC-Concurrent-To", `<${exchange.record}>`]];
  // The HTTP version of a request is its own; that of the response is checked with the response.
  const protocols = record.fields.filter(([name, value]) => name === "WARC-Protocol" && value.startsWith("http/"));
  const versions = new Set(protocols.map(([, value]) => value.slice("http/".length)));
  const version = versions.size === 1 ? [...versions][0] : "1.1";
  const begins = utf8(`${exchange.method} `).every((byte, place) => record.block?.[place] === byte);
  return [
    ...compare(record.id, [...answer, ...connection(exchange, version)], record.fields),
    ...(begins ? [] : [finding(record.id, `not a ${exchange.method} request`)]),
  ];
}

function isReused(exchange) {
  return exchange.revisit?.kind === REUSED;
}

/** The fields of a record that say when, from where and how the bytes came; `version` is null if none came. */
function connection({ started, url, server, tls }, version) {
  return [
    ["WARC-Date", started],
    ["WARC-Target-URI", url],
    ...(server ? [["WARC-IP-Address", server.ip]] : []),
    ...(version === null ? [] : [["WARC-Protocol", `http/${version}`]]),
    ...(tls
      ? [
          ["WARC-Protocol", tlsProtocol(tls.version)],
          ["WARC-Cipher-Suite", tls.cipher],
        ]
      : []),
  ];
}

/**
 * What of the fields `names`, which the attestation decides, is missing, different or too many.
 *
 * @param {string} about
 * @param {Fields} expected
 * @param {Fields} fields
 * @param {string[]} [names]
 * @returns {Finding[]}
 */
function compare(about, expected, fields, names = COMPARED) {
  const found = fields.filter(([name]) => names.includes(name));
  const less = beyond(expected, found).map(([name, value]) => finding(about, `does not say ${name}: ${value}`));
  const more = beyond(found, expected).map(([name, value]) =>
    finding(about, `says ${name}: ${value}, which the attestation does not`),
  );
  return [...less, ...more];
}

/** The fields of `some` that are there more often than in `others`, each once. */
function beyond(some, others) {
  const counts = new Map();
  for (const field of some)
    counts.set(field.join(": "), { field, count: (counts.get(field.join(": "))?.count ?? 0) + 1 });
  for (const field of others) if (counts.has(field.join(": "))) counts.get(field.join(": ")).count -= 1;
  return [...counts.values()].filter(({ count }) => count > 0).map(({ field }) => field);
}

function differ(about, what, attested, found) {
  return attested === found
    ? []
    : [finding(about, `${what}: attested ${attested ?? "None"}, found ${found ?? "None"}`)];
}

/** `TLSv1.3` is `tls/1.3`, `TLSv1` is `tls/1.0`, `SSLv3` is `ssl/3`. */
function tlsProtocol(version) {
  const at = version.indexOf("v");
  const name = at < 0 ? version : version.slice(0, at);
  const number = at < 0 ? "" : version.slice(at + 1);
  return `${name.toLowerCase()}/${number}${name === "TLS" && !number.includes(".") ? ".0" : ""}`;
}

/** Each distinct certificate chain is one resource, dated by the first exchange that met it. */
function chains(exchanges, records) {
  const expected = new Map();
  for (const { tls, started } of exchanges) {
    const key = tls?.chain.join(" ");
    if (key && !expected.has(key)) expected.set(key, started);
  }
  const findings = records.flatMap((record) => {
    const key = record.certificates.join(" ");
    const date = expected.get(key);
    expected.delete(key);
    if (date === undefined) return [finding(record.id, "a resource that the attestation does not account for")];
    const uri = `urn:sijill:certificates:${record.sha256}`;
    return compare(
      record.id,
      [
        ["WARC-Date", date],
        ["WARC-Target-URI", uri],
      ],
      record.fields,
    );
  });
  const left = [...expected.keys()].map((key) => key.split(" ")[0]);
  return [...findings, ...left.map((leaf) => finding(`certificate ${leaf}`, "no resource record holds its chain"))];
}

/** Each file that the browser made is a subject and a resource: the same bytes, made when the attestation says. */
function rendering(predicate, files, records) {
  const made = new Map((predicate.browser?.files ?? []).map((file) => [file.name, file.made]));
  const missing = new Map(files);
  const findings = records.flatMap((record) => {
    const uri = uriOf(record);
    const { name, mediaType, digest, annotations } = files.get(uri);
    const another = missing.delete(uri) ? [] : [finding(record.id, `another resource holds ${name}, too`)];
    const contentType = first(record.fields, "Content-Type");
    return [
      ...another,
      ...compare(
        record.id,
        [
          ["WARC-Date", made.get(name)],
          ["WARC-Target-URI", uri],
        ],
        record.fields,
      ),
      ...differ(record.id, "Content-Type", renderingContentType(mediaType), contentType),
      ...differ(record.id, `${name}: bytes`, annotations.size, record.size),
      ...differ(record.id, `${name}: SHA-256`, digest.sha256, record.sha256),
    ];
  });
  findings.push(...[...missing.values()].map(({ name }) => finding(name, "no resource record holds it")));
  const order = [...files.keys()];
  const inOrder = records.length === order.length && records.every((record, place) => uriOf(record) === order[place]);
  if (!missing.size && !inOrder) findings.push(finding("resources", "not in the order of the subjects"));
  return findings;
}

function fetchLog(predicate, records) {
  if (records.length !== 1) return [finding("fetch log", `${records.length} metadata records, expected 1`)];
  const [record] = records;
  const fields = [
    ["WARC-Date", predicate.times.ended],
    ["WARC-Target-URI", `urn:sijill:capture:${predicate.captureId}`],
  ];
  return [...compare(record.id, fields, record.fields), ...compareFetchLog(predicate, record.block, record.id)];
}
