/** The checks of the attestation: envelope, trusted signature, statement. */

import { Code } from "./codes.js";
import { PAYLOAD_TYPE, parseEnvelope, verifiedBy } from "./envelope.js";
import { MalformedEnvelope, MalformedStatement } from "./errors.js";
import { parseStatement } from "./statement.js";

/**
 * @typedef {import("./keys.js").PublicKey} PublicKey
 * @typedef {import("./report.js").Report} Report
 *
 * @typedef {object} Attestation one whose signature was verified and whose statement is well formed
 * @property {Uint8Array} data the envelope file
 * @property {any} statement as JSON
 * @property {any} predicate as JSON
 * @property {PublicKey[]} keys the keys of the trust root among the signatures, in their order
 */

/**
 * Run the E-ATT checks on an envelope file; null unless all of them passed.
 *
 * @param {Report} report takes the outcome
 * @param {Uint8Array} data the file
 * @param {string} name what findings call it
 * @returns {Promise<Attestation | null>}
 */
export async function checkAttestation(report, data, name) {
  const envelope = parsed(report, data, name);
  if (envelope === null) {
    return null;
  }
  report.pass(Code.ATT_01);
  const known = envelope.payloadType === PAYLOAD_TYPE;
  report.record(Code.ATT_02, known ? [] : [{ about: name, found: `payload type ${envelope.payloadType}` }]);
  const keys = checkSignatures(report, envelope, name);
  // A payload is read only after its signature was verified (DSSE v1, protocol, "Verification").
  if (!keys.length || !report.ready(Code.ATT_05)) {
    return null;
  }
  let statement;
  try {
    statement = parseStatement(envelope.payload);
  } catch (error) {
    if (error instanceof MalformedStatement) {
      report.fail(Code.ATT_05, error.path || name, error.reason);
      return null;
    }
    throw error;
  }
  report.pass(Code.ATT_05);
  report.attested = attestedFacts(statement.predicate, keys);
  return { data, statement, predicate: statement.predicate, keys };
}

/**
 * @param {Report} report
 * @param {Uint8Array} data
 * @param {string} name
 */
function parsed(report, data, name) {
  try {
    return parseEnvelope(data);
  } catch (error) {
    if (error instanceof MalformedEnvelope) {
      report.fail(Code.ATT_01, name, error.reason);
      return null;
    }
    throw error;
  }
}

/**
 * The keys of the trust root that are named by signatures, in their order; none unless all of those verify.
 *
 * @param {Report} report
 * @param {import("./envelope.js").Envelope} envelope
 * @param {string} name
 * @returns {PublicKey[]}
 */
function checkSignatures(report, envelope, name) {
  const keys = envelope.signatures.flatMap(({ keyid }) => report.trust.attestationKey(keyid) ?? []);
  const strangers = envelope.signatures.map(({ keyid }) => ({ about: name, found: `signed by ${keyid}` }));
  if (!report.record(Code.ATT_03, keys.length ? [] : strangers)) {
    return [];
  }
  const verified = verifiedBy(envelope, keys);
  const wrong = keys
    .filter(({ keyid }) => !verified.has(keyid))
    .map(({ keyid }) => ({ about: name, found: `the signature of ${keyid} does not verify` }));
  return report.record(Code.ATT_04, wrong) ? keys : [];
}

/**
 * @param {any} predicate
 * @param {PublicKey[]} keys
 * @returns {import("./report.js").AttestedFacts}
 */
function attestedFacts(predicate, keys) {
  const { collector } = predicate;
  return {
    captureId: predicate.captureId,
    target: predicate.target,
    finalUrl: predicate.finalUrl,
    title: predicate.title,
    outcome: predicate.outcome,
    reasons: predicate.reasons,
    exchanges: predicate.exchanges.length,
    started: predicate.times.started,
    ended: predicate.times.ended,
    collector: collector.name === undefined ? { commitment: collector.commitment } : { name: collector.name },
    keyids: keys.map(({ keyid }) => keyid),
  };
}
