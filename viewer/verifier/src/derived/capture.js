/** The sections of a report about the capture itself: what, where, when, by whom, with what, and what came. */

import { byCodePoints } from "../text.js";
import { changes } from "./browser.js";
import { REVISITS } from "./dependencies.js";
import {
  MAX_ROWS,
  code,
  count,
  facts,
  items,
  more,
  number,
  paragraph,
  plain,
  section,
  small,
  table,
  text,
  url,
} from "./markup.js";

/** Characters of a URL in a table. */
const SHORT = 300;
/** Entries of lists that are rarely long. */
const FEW = 100;
const TRIGGERS = { "on-demand": "on demand", schedule: "by schedule", browser: "on demand, in a browser" };
const ITEMS = {
  url: "Web address",
  "html-source": "HTML source code",
  screenshot: "Full-page capture with date and time",
  "embedded-media": "Embedded media files",
  metadata: "Embedded metadata",
  context: "Contextual data",
  collector: "Collection data",
  hashes: "Hash values",
};

/** What was captured, from where, when, by whom, and how it ended. */
export function overview(evidence) {
  const { predicate } = evidence.statement;
  const { times } = predicate;
  /** @type {[string, string][]} */
  const rows = [
    ["Title of the page", predicate.title === null ? "none stated" : text(predicate.title)],
    ["Address asked for", url(predicate.target)],
    ["Address it led to", predicate.finalUrl === null ? "no page was reached" : url(predicate.finalUrl)],
    ["Outcome", outcome(predicate)],
    ["Began", code(times.started)],
    ["Ended", code(times.ended)],
    ["Clock", clock(times.clock.offsetMicroseconds)],
    ["Collected by", collector(predicate)],
    ["Signed with key", code(evidence.keyid)],
    ["Requests came from", predicate.egress === null ? "not stated" : code(predicate.egress)],
    ["Started", TRIGGERS[predicate.trigger]],
    ["Capture", code(predicate.captureId)],
  ];
  if (predicate.supersedes !== null) rows.push(["Supersedes", code(predicate.supersedes)]);
  return section(
    "overview",
    "What was captured, where, when, and by whom",
    paragraph("All of this is stated by the collector, in the signed attestation."),
    facts(rows),
  );
}

/** Every file that the attestation binds, and the attestation. */
export function digests(evidence) {
  const rows = evidence.statement.subject.map((subject) => {
    const path = subject.name === "data.warc.gz" ? "archive/data.warc.gz" : `provenance/${subject.name}`;
    return [file(path, text(subject.mediaType), subject.annotations.size), pair(subject.digest)];
  });
  const { envelope } = evidence;
  rows.push([file("provenance/attestation.dsse.json", "the attestation", envelope.size), pair(envelope)]);
  return table(["File in the package", "Digests"], rows, { kind: "digests" });
}

/** @param {string} path @param {string} what @param {number} size */
function file(path, what, size) {
  return `${code(path)}${small(`${what}, ${number(size)} bytes`)}`;
}

/** @param {{sha256: string, blake3: string}} found */
function pair(found) {
  return small(`SHA-256 ${code(found.sha256)}`) + small(`BLAKE3 ${code(found.blake3)}`);
}

/** The section on files and digests. */
export function files(evidence) {
  return section(
    "files",
    "Files and their digests",
    paragraph(
      "The attestation names each file with its size and two digests; both must match. The log names the " +
        "attestation by its SHA-256.",
    ),
    digests(evidence),
  );
}

/** Redirects, outcome with reasons, and robots.txt. */
export function course(statement) {
  const { exchanges: listed, outcome: ended, reasons, robots } = statement.predicate;
  const consulted = robots.consulted ? "was read" : "was not read";
  const hops = listed
    .filter((exchange) => exchange.purpose === "page")
    .map((hop) => [number(hop.number), url(hop.url, SHORT), result(hop)]);
  const decision = robots.decision === null ? "" : `Decision: ${text(robots.decision)}. `;
  return section(
    "course",
    "From the address asked for to the page",
    hops.length ? table(["No.", "Address", "Answer"], hops, { limit: FEW }) : paragraph("Nothing was asked for."),
    `<h3>Outcome: ${plain(ended)}</h3>\n`,
    reasons.length
      ? items(reasons.slice(0, FEW).map((reason) => text(reason))) + more(reasons.length - FEW)
      : paragraph("The page and all that it asked for were received whole."),
    "<h3>robots.txt</h3>\n",
    paragraph(`It ${consulted}. ${decision}Reason: ${text(robots.reason)}`),
  );
}

/** Every request with what came of it, and the certificates that were sent. */
export function exchanges(statement) {
  const listed = statement.predicate.exchanges;
  const asked = listed.filter((exchange) => !reused(exchange));
  const chains = chainsOf(listed);
  const rows = listed.slice(0, MAX_ROWS).map((exchange) => row(exchange, chains));
  const answered = asked.filter((exchange) => exchange.status !== null).length;
  const made =
    table(["No.", "Address and facts", "Status", "Type", "Bytes"], rows, { kind: "exchanges" }) +
    more(listed.length - MAX_ROWS);
  return (
    section(
      "exchanges",
      "Requests and responses",
      paragraph(
        `${count(asked.length, "request")}, ${number(answered)} answered. Digests are those of the payload: the ` +
          "body as sent, without the framing of chunks. The bytes are in the WARC record named.",
      ),
      listed.length ? made : paragraph("No request was sent."),
    ) + section("certificates", "TLS certificates that servers sent", certificates(chains))
  );
}

/** With what software and settings. */
export function software(statement) {
  const { orchestrator, settings, software: programs } = statement.predicate;
  const { limits } = settings;
  return section(
    "software",
    "Software and settings",
    facts([
      ["Software", programs.map((item) => `${text(item.name)} ${text(item.version)}`).join("<br>")],
      [
        "Run by",
        orchestrator === null
          ? "no workflow server"
          : `${plain(orchestrator.name)} ${text(orchestrator.version)}, run ${text(orchestrator.flowRunId)}`,
      ],
      ["User-Agent sent", text(settings.userAgent)],
      [
        "Limits",
        `${number(limits.exchangeBytes)} bytes and ${number(limits.exchangeMilliseconds)} ms an exchange; ` +
          `${number(limits.captureBytes)} bytes and ${number(limits.captureMilliseconds)} ms in all; ` +
          `${number(limits.redirects)} redirects; ${number(limits.requisites)} parts of a page; ` +
          `${number(limits.headerBytes)} bytes of headers; ${number(limits.parallel)} at once`,
      ],
      [
        "Invalid certificates",
        settings.rejectInvalidCertificates ? "were refused" : "were recorded, and the response kept",
      ],
      ["Allowed private networks", few(settings.allowedNetworks.map((network) => text(network)))],
      [
        "Addresses set by hand",
        few(
          Object.keys(settings.pins)
            .sort(byCodePoints)
            .map((name) => `${text(name)} is ${code(settings.pins[name])}`),
        ),
      ],
      ["Changes to the bytes received", changes(statement)],
    ]),
  );
}

/** The checklist of the Berkeley Protocol. */
export function berkeley(statement) {
  const rows = statement.predicate.berkeley.map((entry) => [
    plain(ITEMS[entry.item]),
    entry.met ? '<span class="met">met</span>' : '<span class="unmet">not met</span>',
    text(entry.reason),
  ]);
  return section(
    "berkeley",
    "Checklist of the Berkeley Protocol",
    paragraph(
      "What the Berkeley Protocol on Digital Open Source Investigations (2022), paragraph 155, asks to collect. The " +
        "collector's software worked it out from what was captured; where the Protocol leaves room, an item counts " +
        "as not met.",
    ),
    table(["Item", "", "Why"], rows, { kind: "berkeley" }),
  );
}

function outcome(predicate) {
  const asked = predicate.exchanges.filter((exchange) => !reused(exchange)).length;
  return `<b>${plain(predicate.outcome)}</b>, ${count(asked, "request")}`;
}

/** @param {number | null} offset */
function clock(offset) {
  const claim = "the collector's own; its times are a claim";
  if (offset === null) return `${claim}, and it was compared with no other clock`;
  const side = offset >= 0 ? "ahead of" : "behind";
  const off = number(Math.abs(offset));
  return `${claim}; it was ${off} microseconds ${side} the reference that it was compared with`;
}

function collector(predicate) {
  const who = predicate.collector;
  if ("commitment" in who) {
    return `someone who is bound by the commitment ${code(who.commitment)} and can open it`;
  }
  return `<b>${text(who.name)}</b>${who.contact === null ? "" : small(text(who.contact))}`;
}

function result(exchange) {
  if (exchange.failure !== null) return `${plain(exchange.failure.kind)}: ${text(exchange.failure.detail)}`;
  const onwards = exchange.redirectTo === null ? "" : `, leads to ${url(exchange.redirectTo, SHORT)}`;
  return `status ${exchange.status}${onwards}`;
}

/** @param {any} exchange @param {Map<string, number>} chains */
function row(exchange, chains) {
  return [
    number(exchange.number),
    `${url(exchange.url, SHORT)}${lines(exchange, chains).join("")}`,
    exchange.status === null ? "none" : String(exchange.status),
    exchange.mediaType === null ? "" : text(exchange.mediaType, 80),
    exchange.payload === null ? "" : number(exchange.payload.size),
  ];
}

/** @param {any} exchange @param {Map<string, number>} chains */
function lines(exchange, chains) {
  const { failure, revisit } = exchange;
  const via = exchange.via === null ? "" : `, asked for by ${url(exchange.via, SHORT)}`;
  const found = [
    small(`${plain(exchange.method)}, ${plain(exchange.purpose)}${via}`),
    small(`${exchange.started} to ${exchange.ended}`),
  ];
  if (revisit !== null) {
    found.push(
      small(
        `${plain(REVISITS[revisit.kind])}; the payload is that of capture ${code(revisit.captureId)}, record ` +
          code(revisit.record),
      ),
    );
  }
  if (!reused(exchange)) found.push(small(`${server(exchange)}; ${tls(exchange, chains)}`));
  if (failure !== null) found.push(small(`${plain(failure.kind)}: ${text(failure.detail)}`, "failed"));
  if (exchange.truncated !== null) found.push(small(`cut short: ${plain(exchange.truncated)}`, "failed"));
  if (exchange.surplus) found.push(small(`${number(exchange.surplus)} bytes after the end of the body`));
  if (exchange.payload !== null) found.push(pair(exchange.payload.digest));
  if (exchange.record !== null) found.push(small(`record ${code(exchange.record)}`));
  return found;
}

/** Whether no request was made, because another capture had received it. */
function reused(exchange) {
  return exchange.revisit !== null && exchange.revisit.kind === "reused";
}

function server(exchange) {
  const from = exchange.server;
  if (from === null) return "no connection";
  return `from ${code(from.ip)} port ${from.port}${from.pinned ? ", an address set by hand" : ""}`;
}

/** @param {any} exchange @param {Map<string, number>} chains */
function tls(exchange, chains) {
  const found = exchange.tls;
  if (found === null) {
    return exchange.url.startsWith("https:") ? "TLS not established" : "plain HTTP, no TLS";
  }
  const verified = found.verified
    ? "certificate verified by the collector"
    : `certificate <b>not verified</b>: ${text(found.verifyError ?? "")}`;
  const chain = found.chain.length ? `, chain ${chains.get(found.chain.join())}` : "";
  return `${text(found.version)}, ${text(found.cipher)}, ${verified}${chain}`;
}

/** The certificate chains that were met, numbered from 1 in their order. @returns {Map<string, number>} */
function chainsOf(listed) {
  const chains = new Map();
  for (const exchange of listed) {
    const key = exchange.tls?.chain.join();
    if (key && !chains.has(key)) chains.set(key, chains.size + 1);
  }
  return chains;
}

/** @param {Map<string, number>} chains */
function certificates(chains) {
  if (!chains.size) return paragraph("None: nothing was received over TLS.");
  const rows = [...chains].flatMap(([chain, order]) =>
    chain
      .split(",")
      .map((fingerprint, place) => [
        String(order),
        plain(place === 0 ? "of the server" : `${place} above it`),
        code(fingerprint),
      ]),
  );
  return (
    table(["Chain", "Certificate", "SHA-256 of its DER"], rows) +
    paragraph("The certificates themselves are in the WARC.", "note")
  );
}

/** @param {string[]} listed */
function few(listed) {
  const left = listed.length - FEW;
  return (listed.slice(0, FEW).join("<br>") || "none") + (left > 0 ? `<br>${number(left)} more` : "");
}
