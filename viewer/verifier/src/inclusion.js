/** The checks of the log: proof, checkpoint, inclusion, and the checkpoint that the attestation quotes. */

import { Code } from "./codes.js";
import { hex, utf8 } from "./encoding.js";
import { envelopeSha256 } from "./envelope.js";
import { InvalidProof, MalformedCheckpoint, MalformedProof, UnverifiedNote } from "./errors.js";
import { parseCheckpoint } from "./log/checkpoint.js";
import { captureEntry } from "./log/entry.js";
import { parseProof } from "./log/proof.js";

/**
 * @typedef {import("./attestation_checks.js").Attestation} Attestation
 * @typedef {import("./log/checkpoint.js").SignedCheckpoint} SignedCheckpoint
 * @typedef {import("./log/note.js").NoteVerifier} NoteVerifier
 * @typedef {import("./log/proof.js").LogProof} LogProof
 * @typedef {import("./report.js").Finding} Finding
 * @typedef {import("./report.js").Report} Report
 *
 * @typedef {object} Inclusion a proof whose checkpoint is signed by a log of the trust root
 * @property {Uint8Array} data the proof file
 * @property {SignedCheckpoint} signed the note inside it
 * @property {NoteVerifier[]} keys the keys of the log that signed it
 */

/**
 * Run the E-LOG checks; null unless a log of the trust root signed the proof's checkpoint.
 *
 * @param {Report} report takes the outcome
 * @param {Uint8Array} data the proof file
 * @param {string} name what findings call it
 * @param {Attestation | null} attestation what should be in the log; null if it is not worth looking for
 * @returns {Promise<Inclusion | null>}
 */
export async function checkInclusion(report, data, name, attestation) {
  const proof = parsed(report, data, name);
  if (proof === null) {
    return null;
  }
  report.pass(Code.LOG_01);
  const signed = proof.checkpoint;
  const keys = logKeys(report, signed);
  if (!report.record(Code.LOG_02, keys.length ? [] : strangers(signed, name))) {
    return null;
  }
  if (!report.record(Code.LOG_03, falseSignatures(signed, keys, name))) {
    return null;
  }
  if (attestation !== null) {
    checkLeaf(report, proof, attestation, name);
    checkQuoted(report, proof, attestation);
  }
  return { data, signed, keys };
}

/**
 * @param {Report} report
 * @param {Uint8Array} data
 * @param {string} name
 */
function parsed(report, data, name) {
  try {
    return parseProof(data);
  } catch (error) {
    if (error instanceof MalformedProof) {
      report.fail(Code.LOG_01, name, error.reason);
      return null;
    }
    throw error;
  }
}

/**
 * The keys of this log in the trust root that the note's signatures name.
 *
 * @param {Report} report
 * @param {SignedCheckpoint} signed
 */
function logKeys(report, signed) {
  const named = new Set(signed.note.signatures.map(({ name, keyId }) => `${name} ${hex(keyId)}`));
  const { origin } = signed.checkpoint;
  return report.trust.logKeys.filter((key) => key.name === origin && named.has(`${key.name} ${hex(key.keyId)}`));
}

/**
 * @param {SignedCheckpoint} signed
 * @param {string} about
 * @returns {Finding[]}
 */
function strangers(signed, about) {
  const { origin } = signed.checkpoint;
  return signed.note.signatures.map(({ name, keyId }) => ({
    about,
    found: `origin ${origin}, signed by ${name} with key id ${hex(keyId)}`,
  }));
}

/**
 * @param {SignedCheckpoint} signed
 * @param {NoteVerifier[]} keys
 * @param {string} about
 * @returns {Finding[]}
 */
function falseSignatures(signed, keys, about) {
  // c2sp.org/signed-note: one bad signature of a known key is reason to refuse the note.
  return keys.flatMap((key) => {
    try {
      signed.verify(key);
      return [];
    } catch (error) {
      if (error instanceof UnverifiedNote || error instanceof MalformedCheckpoint) {
        return [{ about, found: error.message }];
      }
      throw error;
    }
  });
}

/**
 * @param {Report} report
 * @param {LogProof} proof
 * @param {Attestation} attestation
 * @param {string} name
 */
function checkLeaf(report, proof, attestation, name) {
  try {
    proof.verify(captureEntry(attestation.predicate.captureId, envelopeSha256(attestation.data)));
  } catch (error) {
    if (error instanceof InvalidProof) {
      report.fail(Code.LOG_04, name, error.reason);
      return;
    }
    throw error;
  }
  report.pass(Code.LOG_04);
  const { origin, size } = proof.checkpoint.checkpoint;
  report.place = { origin, index: proof.index, size };
}

/**
 * @param {Report} report
 * @param {LogProof} proof
 * @param {Attestation} attestation
 */
function checkQuoted(report, proof, attestation) {
  const quoted = attestation.predicate.freshness;
  if (quoted === null) {
    report.notChecked(Code.LOG_05, "freshness", "the attestation quotes no checkpoint");
    return;
  }
  if (!report.ready(Code.LOG_05)) {
    return;
  }
  let signed;
  try {
    signed = parseCheckpoint(utf8(quoted));
  } catch (error) {
    if (error instanceof MalformedCheckpoint) {
      report.fail(Code.LOG_05, "freshness", error.reason);
      return;
    }
    throw error;
  }
  const keys = logKeys(report, signed);
  const problems = keys.length ? [] : strangers(signed, "freshness");
  problems.push(...falseSignatures(signed, keys, "freshness"));
  const { origin, size } = signed.checkpoint;
  if (origin === proof.checkpoint.checkpoint.origin && size > proof.index) {
    problems.push({ about: "freshness", found: `size ${size}, but the attestation's entry is ${proof.index}` });
  }
  if (report.record(Code.LOG_05, problems)) {
    report.quoted = { origin, size };
  }
}
