/** The derived files of a package, made again from what was verified. */

import { sha256 } from "@noble/hashes/sha2";

import { hex, utf8 } from "../encoding.js";
import { MalformedCheckpoint, MalformedNote, MalformedTimestampResponse } from "../errors.js";
import { digestBytes } from "../hashing.js";
import { parseCheckpoint } from "../log/checkpoint.js";
import { parseNote } from "../log/note.js";
import { parseProof } from "../log/proof.js";
import { derive, subjectPath, tokenPath } from "../package.js";
import { parseResponse } from "../timestamp.js";
import { formatTimestamp } from "../timestamps.js";
import { instructions } from "./instructions.js";
import { reportHtml } from "./report.js";

/**
 * @typedef {object} Verified
 * @property {import("../attestation_checks.js").Attestation} attestation
 * @property {import("../inclusion.js").Inclusion} inclusion
 * @property {import("../survey.js").Survey} survey
 * @property {{token: import("../package.js").Token, data: Uint8Array}[]} tokens
 * @property {Map<string, Uint8Array>} pictures the subjects that the report shows
 * @property {import("../package.js").Signed["taken"]} taken
 * @property {Uint8Array | null} page the page in the package that verifies it
 *
 * @param {Verified} verified
 * @returns {Promise<Map<string, Uint8Array>>} the files by name
 */
export async function derivedFiles({ attestation, inclusion, survey, tokens, pictures, taken, page }) {
  const { statement } = attestation;
  const [key] = attestation.keys;
  const { vkey } = inclusion.keys[0];
  const freshness = statement.predicate.freshness === null ? null : utf8(statement.predicate.freshness);
  return derive({
    statement,
    envelope: attestation.data,
    proof: inclusion.data,
    checkpoint: inclusion.signed.data,
    pem: key.pem,
    vkey,
    responses: survey.responses,
    taken,
    tokens,
    verifyPage: page,
    instructions: utf8(
      instructions(
        statement.predicate.captureId,
        key.keyid,
        statement.subject.map(({ name, mediaType }) => ({ name, path: subjectPath(name), mediaType })),
        {
          timestamped: tokens.length > 0,
          cosigned: cosigned(inclusion.signed.data) || (freshness !== null && cosigned(freshness)),
          quoted: freshness !== null,
          dependent: taken !== null,
          page: page !== null,
        },
      ),
    ),
    report: utf8(
      reportHtml({
        statement,
        envelope: await digestBytes(attestation.data),
        proof: placeOf(inclusion.data),
        quoted: freshness && quotedHead(freshness),
        keyid: key.keyid,
        logVkey: vkey,
        tokens: [...tokens].sort(byToken).map(stampOf),
        pictures,
      }),
    ),
  });
}

/** Whether a note has more than one signature. @param {Uint8Array} note */
function cosigned(note) {
  try {
    return parseNote(note).signatures.length > 1;
  } catch (error) {
    if (error instanceof MalformedNote) return false;
    throw error;
  }
}

/** @param {import("../log/checkpoint.js").SignedCheckpoint} signed @returns {import("./report.js").Head} */
function headOf({ checkpoint, note }) {
  return { origin: checkpoint.origin, size: checkpoint.size, root: checkpoint.root, signatures: note.signatures };
}

/** @param {Uint8Array} freshness @returns {import("./report.js").Head | null} */
function quotedHead(freshness) {
  try {
    return headOf(parseCheckpoint(freshness));
  } catch (error) {
    if (error instanceof MalformedCheckpoint) return null;
    throw error;
  }
}

/** @param {Uint8Array} data of a proof */
function placeOf(data) {
  const proof = parseProof(data);
  return { index: proof.index, hashes: proof.hashes.length, checkpoint: headOf(proof.checkpoint) };
}

/** What a timestamp says of itself. @returns {import("./report.js").Stamp} */
function stampOf({ token, data }) {
  const stamp = { about: token.about, path: tokenPath(token), sha256: hex(sha256(data)) };
  try {
    const { time, accuracy, signerSha256 } = parseResponse(data);
    return {
      ...stamp,
      time: formatTimestamp(time),
      accuracy: accuracy === null ? null : Number(accuracy),
      signerSha256,
    };
  } catch (error) {
    if (!(error instanceof MalformedTimestampResponse)) throw error;
    return { ...stamp, time: null, accuracy: null, signerSha256: null };
  }
}

/** In the order of what they are over, then of their names. */
function byToken({ token: one }, { token: other }) {
  const [first, second] = one.about === other.about ? [one.name, other.name] : [one.about, other.about];
  return first < second ? -1 : Number(first > second);
}
