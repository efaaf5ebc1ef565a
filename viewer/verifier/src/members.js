/** The members of a `https://sijill.org/capture/v1` statement, their types and bounds. */

import { BROWSER, TRANSFORMATION } from "./browser.js";
import {
  MAX_TEXT,
  anyOf,
  boolean,
  captureId,
  count,
  digests,
  hexadecimal,
  integer,
  ipAddress,
  line,
  lines,
  list,
  matching,
  named,
  nullable,
  object,
  oneOf,
  recordId,
  string,
  subjectName,
  text,
  timestamp,
  tokenName,
} from "./parts.js";

export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
export const PREDICATE_TYPE = "https://sijill.org/capture/v1";
export const WARC_NAME = "data.warc.gz";
export const WARC_TYPE = "application/warc";
export const MAX_EXCHANGES = 20_000;

/** What the Berkeley Protocol (2022), paragraph 155, asks to collect, in its order. */
export const BERKELEY_ITEMS = Object.freeze([
  "url",
  "html-source",
  "screenshot",
  "embedded-media",
  "metadata",
  "context",
  "collector",
  "hashes",
]);

const label = string(1, 200);

const subject = object("Subject", {
  name: subjectName,
  mediaType: line,
  digest: digests,
  annotations: object("Annotations", { size: count }),
});

const payload = object("Payload", { digest: digests, size: count });

const failure = object("Failure", {
  kind: oneOf(
    "refused-address",
    "refused-url",
    "dns",
    "connect",
    "tls",
    "timeout",
    "reset",
    "malformed",
    "header-limit",
    "redirect-limit",
    "capture-limit",
  ),
  detail: text,
});

const server = object("Server", { ip: ipAddress, port: integer(1, 65_535), pinned: boolean });

const tls = object("Tls", {
  version: line,
  cipher: line,
  verified: boolean,
  verifyError: nullable(text),
  chain: list(hexadecimal, { most: 100 }),
});

const revisit = object("Revisit", {
  kind: oneOf("reused", "identical", "not-modified"),
  captureId,
  record: recordId,
});

const exchange = object("Exchange", {
  number: count,
  url: line,
  method: matching(/^[A-Z]{1,20}$/),
  purpose: oneOf("page", "requisite", "document"),
  via: nullable(line),
  started: timestamp,
  ended: timestamp,
  status: nullable(integer(0, 999)),
  mediaType: nullable(line),
  payload: nullable(payload),
  surplus: count,
  truncated: nullable(oneOf("length", "time", "disconnect", "unspecified")),
  failure: nullable(failure),
  redirectTo: nullable(line),
  server: nullable(server),
  tls: nullable(tls),
  record: nullable(recordId),
  revisit: nullable(revisit),
});

const times = object("Times", {
  started: timestamp,
  ended: timestamp,
  clock: object("Clock", {
    source: oneOf("system"),
    offsetMicroseconds: nullable(integer(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)),
  }),
});

const collector = anyOf({
  NamedCollector: object("NamedCollector", { name: string(1, MAX_TEXT), contact: nullable(text) }),
  CommittedCollector: object("CommittedCollector", { commitment: hexadecimal }),
});

const settings = object("Settings", {
  limits: object("Limits", {
    exchangeBytes: count,
    exchangeMilliseconds: count,
    captureBytes: count,
    captureMilliseconds: count,
    redirects: count,
    requisites: count,
    headerBytes: count,
    parallel: count,
  }),
  userAgent: line,
  allowedNetworks: lines(string(0, 64)),
  pins: named(string(1, 300), ipAddress, 1_000),
  rejectInvalidCertificates: boolean,
});

const dependency = object("Dependency", {
  captureId,
  envelopeSha256: hexadecimal,
  warc: object("DependencyWarc", { digest: digests, size: count }),
  records: list(
    object("DependencyRecord", {
      record: recordId,
      url: line,
      date: timestamp,
      mediaType: nullable(line),
      payload,
      offset: count,
      length: integer(1, Number.MAX_SAFE_INTEGER),
      digest: digests,
    }),
    { least: 1, most: MAX_EXCHANGES },
  ),
});

const predicate = object("Predicate", {
  captureId,
  trigger: oneOf("on-demand", "schedule", "browser"),
  target: line,
  finalUrl: nullable(line),
  redirectChain: lines(line),
  title: nullable(text),
  outcome: oneOf("complete", "partial", "failed"),
  reasons: list(text, { most: MAX_EXCHANGES }),
  exchanges: list(exchange, { most: MAX_EXCHANGES }),
  times,
  collector,
  egress: nullable(ipAddress),
  software: list(object("Software", { name: label, version: label }), { least: 1, most: 200 }),
  settings,
  robots: object("Robots", { consulted: boolean, decision: nullable(text), reason: text }),
  orchestrator: nullable(object("Orchestrator", { name: oneOf("prefect"), version: label, flowRunId: label })),
  freshness: nullable(line),
  freshnessTimestamps: list(object("FreshnessTimestamp", { name: tokenName, sha256: hexadecimal }), { most: 32 }),
  dependencies: list(dependency, { most: MAX_EXCHANGES }),
  supersedes: nullable(captureId),
  browser: nullable(BROWSER),
  browserFallback: nullable(text),
  transformations: list(TRANSFORMATION, { most: 100 }),
  berkeley: list(object("BerkeleyItem", { item: string(0, 40), met: boolean, reason: text }), {
    most: BERKELEY_ITEMS.length,
  }),
});

/** A statement, each member by itself; `statement.js` says how they must agree with one another. */
export const CAPTURE_STATEMENT = object("CaptureStatement", {
  _type: oneOf(STATEMENT_TYPE),
  subject: list(subject, { least: 1, most: 100 }),
  predicateType: oneOf(PREDICATE_TYPE),
  predicate,
});
