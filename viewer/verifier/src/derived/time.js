/** The sections of a report about the log and time: where the attestation stands, and who says when it was there. */

import { base64, hex } from "../encoding.js";
import { byCodePoints } from "../text.js";
import { code, facts, number, paragraph, plain, section, small, table, text } from "./markup.js";

// c2sp.org/tlog-cosignature: 8 bytes of POSIX time, then an Ed25519 signature.
const COSIGNATURE_SIZE = 72;
/** The last second that is written, that of 9999-12-31T00:00:00Z. */
const LATEST = 253_402_214_400n;
const OVER = {
  checkpoint: "the checkpoint that includes the attestation",
  attestation: "the attestation",
  freshness: "the checkpoint that the attestation quotes",
};

/** Where the attestation stands in the log, and who signed the checkpoint. */
export function logPlace(evidence) {
  const { index, hashes, checkpoint } = evidence.proof;
  return section(
    "log",
    "Place in the log",
    paragraph(
      "The log is append-only: each checkpoint commits to all entries before it, and a proof leads from the " +
        "attestation's entry to the root of the tree.",
    ),
    facts([
      ["Log", code(checkpoint.origin)],
      ["Entry", `index ${number(index)}, counted from 0`],
      ["Checkpoint", `of ${number(checkpoint.size)} ${String(checkpoint.size) === "1" ? "entry" : "entries"}`],
      ["Root of the tree", code(base64(checkpoint.root))],
      ["Key of the log", code(evidence.logVkey)],
      ["Hashes in the proof", number(hashes)],
    ]),
    "<h3>Signatures on the checkpoint</h3>\n",
    table(["Name", "Key id", "Says that it signed at"], signatures(checkpoint)),
    "<h3>The checkpoint that the attestation quotes</h3>\n",
    quoted(evidence.quoted),
  );
}

/** Between which moments the attestation was made, as others claim. */
export function bracket(evidence) {
  const { times } = evidence.statement.predicate;
  return section(
    "time",
    "When: the time bracket",
    paragraph(
      plain(
        "As the timestamps and cosignatures in the package state it. On this page none of them is verified, and " +
          "whether their authors deserve belief is for the reader to decide.",
      ),
    ),
    facts([
      ["T0, not made before", claimedFirst(evidence)],
      ["Collector's own clock", `${code(times.started)} to ${code(times.ended)}, a claim`],
      ["T1, not made after", claimedLast(evidence)],
    ]),
    paragraph(
      "T1: someone outside the archive put a time on the attestation, or on a checkpoint that includes it, so it " +
        "existed then. T0: the attestation quotes something that nobody could know before it was made, a timestamp " +
        "or cosignature over an earlier checkpoint, so it is younger.",
      "note",
    ),
    evidence.tokens.length
      ? table(
          ["Timestamp", "States the time", "SHA-256 of its signer's certificate"],
          evidence.tokens.map((stamp) => token(stamp)),
          { kind: "stamps" },
        )
      : paragraph("There is no timestamp in the package."),
  );
}

function signatures(checkpoint) {
  return checkpoint.signatures.map((signature) => {
    const moment = cosigned(signature);
    return [text(signature.name), code(hex(signature.keyId)), moment === null ? "says no time" : code(moment)];
  });
}

function quoted(checkpoint) {
  if (checkpoint === null) return paragraph("It quotes none that could be read.");
  return (
    facts([
      ["Log", code(checkpoint.origin)],
      ["Entries", number(checkpoint.size)],
      ["Root", code(base64(checkpoint.root))],
    ]) + table(["Name", "Key id", "Says that it signed at"], signatures(checkpoint))
  );
}

/** When a witness says that it signed; null if the line has not the form of a cosignature. */
function cosigned(signature) {
  const { value } = signature;
  if (value.length !== COSIGNATURE_SIZE) return null;
  const seconds = new DataView(value.buffer, value.byteOffset).getBigUint64(0);
  if (seconds > LATEST) return null;
  return new Date(Number(seconds) * 1000).toISOString().replace("Z", "000Z");
}

/** @returns {[string, string][]} moments with who claims them */
function cosignatures(checkpoint) {
  const claims = [];
  for (const signature of checkpoint === null ? [] : checkpoint.signatures) {
    const moment = cosigned(signature);
    if (moment !== null) claims.push([moment, `a cosignature in the name of ${text(signature.name)}`]);
  }
  return claims;
}

/** @param {any} evidence @param {string[]} about @returns {[string, string][]} */
function stamped(evidence, about) {
  return evidence.tokens
    .filter((stamp) => about.includes(stamp.about) && stamp.time !== null)
    .map((stamp) => [stamp.time, `the timestamp ${code(stamp.path)}${accuracy(stamp)}`]);
}

function claimedFirst(evidence) {
  const claims = [...stamped(evidence, ["freshness"]), ...cosignatures(evidence.quoted)];
  if (!claims.length) return "no claim: the attestation quotes nothing that an outside party dated";
  return claim(claims.sort(byMoment).at(-1));
}

function claimedLast(evidence) {
  const claims = [...stamped(evidence, ["checkpoint", "attestation"]), ...cosignatures(evidence.proof.checkpoint)];
  if (!claims.length) return "no claim: no outside party put a time on it";
  return claim(claims.sort(byMoment)[0]);
}

/** Times are written so that they sort as text; what claims the same one is put in order by its words. */
function byMoment([one, words], [other, others]) {
  if (one !== other) return one < other ? -1 : 1;
  return byCodePoints(words, others);
}

function claim([moment, claimedBy]) {
  return `${code(moment)} by the claim of ${claimedBy}`;
}

function accuracy(stamp) {
  if (stamp.accuracy === null) return "";
  const seconds = Math.floor(stamp.accuracy / 1_000_000);
  return `, accurate to ${seconds}.${String(stamp.accuracy % 1_000_000).padStart(6, "0")} s`;
}

function token(stamp) {
  const over = small(`over ${plain(OVER[stamp.about])}`);
  const moment = stamp.time === null ? "nothing that could be read" : code(stamp.time);
  const certificate = stamp.signerSha256 === null ? "not sent along" : code(stamp.signerSha256);
  return [
    `${code(stamp.path)}${over}${small(`SHA-256 ${code(stamp.sha256)}`)}`,
    `${moment}${small(accuracy(stamp).replace(/^, /, ""))}`,
    small(certificate),
  ];
}
