/** The section of a report about bytes that other captures received, and what that is worth. */

import {
  MAX_ROWS,
  code,
  count,
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

const SHORT = 300;
const KINDS = ["reused", "identical", "not-modified"];

/** What each kind of revisit says of the server, in words. */
export const REVISITS = {
  reused:
    "no request was sent: in the same run the collector had received it, or been told that it has not changed, for " +
    "another page",
  identical: "asked for again, and the payload was the one that another capture holds",
  "not-modified": "asked for again, and the server answered that it has not changed",
};

/** What is not proven of a capture that takes anything from others. */
export const NOT_PROVEN =
  "That the server would have sent, at the time of this capture, what was taken from other captures without asking " +
  "it. Where the server was asked and answered that nothing has changed, that is its word.";

/** What was taken from other captures, and when those received it; empty if nothing was. */
export function taken(statement) {
  const { dependencies, exchanges } = statement.predicate;
  if (!dependencies.length) return "";
  const listed = dependencies.flatMap((one) => one.records.map((record) => [one, record]));
  const rows = listed.slice(0, MAX_ROWS).map(([one, record]) => row(one, record));
  const kinds = exchanges.flatMap((exchange) => (exchange.revisit === null ? [] : [exchange.revisit.kind]));
  const of = (kind) => kinds.filter((one) => one === kind).length;
  return section(
    "dependencies",
    "Bytes that other captures received",
    paragraph(
      `${count(kinds.length, "part")} of the page ${kinds.length === 1 ? "was" : "were"} not stored again, because ` +
        `the archive held the same bytes already. They are in ${code("archive/dependencies.warc.gz")}: records cut ` +
        "out of the WARCs of the captures named here, each bound by the attestation of this capture with its length " +
        "and two digests.",
    ),
    items(KINDS.filter((kind) => of(kind)).map((kind) => `${number(of(kind))}: ${plain(REVISITS[kind])}`)),
    paragraph(
      "The attestations of those captures are not in this package. Each is named by its SHA-256, under which it is in " +
        "the log; the archive can hand it over, with its own proof and times. Until then the time at which these " +
        "bytes were received rests on the statement of this capture.",
    ),
    table(["Address and facts", "Received", "By capture"], rows, { kind: "exchanges" }),
    more(listed.length - MAX_ROWS),
  );
}

function row(dependency, record) {
  const { payload } = record;
  const mediaType = record.mediaType === null ? "no type stated" : text(record.mediaType, 80);
  const lines = [
    `${mediaType}, ${number(payload.size)} bytes of payload, SHA-256 ${code(payload.digest.sha256)}`,
    `record ${code(record.record)}, ${number(record.length)} bytes in the WARC at ${number(record.offset)}`,
    `SHA-256 ${code(record.digest.sha256)}`,
    `BLAKE3 ${code(record.digest.blake3)}`,
  ];
  return [
    `${url(record.url, SHORT)}${lines.map((line) => small(line)).join("")}`,
    code(record.date),
    `${code(dependency.captureId)}${small(`attestation, SHA-256 ${code(dependency.envelopeSha256)}`)}`,
  ];
}
