/**
 * The checks of time: what witnesses and timestamping authorities vouch for, and what follows from it.
 *
 * Two moments bound a statement. T1: it existed then, because someone outside the archive put a time on the checkpoint
 * that includes it, or on the statement itself. T0: it was made after that, because it quotes what nobody could know
 * earlier: a witness's cosignature, or the digest of an authority's timestamp, over a checkpoint of the log. The quoted
 * checkpoint alone would not do: the archive made it itself.
 */

import { sha256 } from "@noble/hashes/sha2";

import { first, last, notAfter, notBefore } from "./bounds.js";
import { Code } from "./codes.js";
import { hex, utf8 } from "./encoding.js";
import { MalformedCheckpoint, MalformedTimestampResponse, UnverifiedTimestamp } from "./errors.js";
import { parseCheckpoint } from "./log/checkpoint.js";
import { tokenPath } from "./package.js";
import { byCodePoints } from "./text.js";
import { SECOND, formatTimestamp, parseTimestamp } from "./timestamps.js";
import { stamped, witnessed } from "./vouchers.js";

/** How far the collector's clock may be off before its times contradict those of others, in microseconds. */
export const CLOCK_TOLERANCE = 600n * SECOND;

/** What a timestamp in a package is over. */
export const About = Object.freeze({
  /** The checkpoint in the proof, with the log's signature alone. */
  CHECKPOINT: "checkpoint",
  /** The envelope file. */
  ATTESTATION: "attestation",
  /** The checkpoint that the attestation quotes, with the log's signature alone. */
  FRESHNESS: "freshness",
});

/**
 * @typedef {import("./attestation_checks.js").Attestation} Attestation
 * @typedef {import("./inclusion.js").Inclusion} Inclusion
 * @typedef {import("./log/checkpoint.js").SignedCheckpoint} SignedCheckpoint
 * @typedef {import("./report.js").Bound} Bound
 * @typedef {import("./report.js").Finding} Finding
 * @typedef {import("./report.js").Report} Report
 * @typedef {import("./vouchers.js").Vouched} Vouched
 *
 * @typedef {import("./package.js").Token} Token
 *
 * @typedef {object} TokenFile
 * @property {Token} token
 * @property {Uint8Array} data the whole response of an authority
 *
 * @typedef {object} Tokens the timestamps that count, and what was wrong with the others
 * @property {Record<string, Vouched[]>} counted by what they are over
 * @property {Finding[]} strange those over the checkpoint that no authority of the trust root vouches for
 */

/**
 * Run the checks of cosignatures, timestamps, keys' validity and the collector's times, and set the bracket.
 *
 * @param {Report} report takes the outcome
 * @param {object} evidence
 * @param {Attestation | null} evidence.attestation whose signature was verified; null if it was not
 * @param {Inclusion | null} evidence.inclusion whose checkpoint's signature was verified; null if it was not
 * @param {TokenFile[]} evidence.tokens the timestamps at hand
 */
export async function checkTimes(report, { attestation, inclusion, tokens }) {
  const { trust } = report;
  if (inclusion === null) {
    return;
  }
  const quoted = attestation && quotedBy(attestation);
  const found = await checkTokens(report, { attestation, inclusion, quoted, tokens });
  const overCheckpoint = found.counted[About.CHECKPOINT];
  const cosigned = witnessed(trust, inclusion.signed);
  checkEnough(report, Code.TSA_01, "tsaRoots", trust.timestampsNeeded, overCheckpoint, found.strange, false);
  checkEnough(report, Code.WIT_01, "witnesses", trust.witnessesNeeded, cosigned.vouched, cosigned.false, true);
  const checkpoint = first(
    notAfter(overCheckpoint, trust.timestampsNeeded),
    notAfter(cosigned.vouched, trust.witnessesNeeded),
  );
  checkValidity(
    report,
    Code.LOG_06,
    inclusion.keys.map((key) => key.vkey),
    checkpoint,
  );
  if (attestation === null || !report.passed(Code.LOG_04)) {
    return;
  }
  const stamps = [...overCheckpoint, ...found.counted[About.ATTESTATION]];
  const known = quoted === null ? [] : witnessed(trust, quoted).vouched;
  report.notBefore = last(
    notBefore(found.counted[About.FRESHNESS], trust.timestampsNeeded),
    notBefore(known, trust.witnessesNeeded),
  );
  report.notAfter = first(notAfter(stamps, trust.timestampsNeeded), checkpoint);
  checkValidity(
    report,
    Code.ATT_06,
    attestation.keys.map((key) => key.keyid),
    report.notAfter,
  );
  checkClock(report, attestation);
}

/** @param {Attestation} attestation */
function quotedBy({ predicate }) {
  if (predicate.freshness === null) {
    return null;
  }
  try {
    return parseCheckpoint(utf8(predicate.freshness));
  } catch (error) {
    if (error instanceof MalformedCheckpoint) {
      return null;
    }
    throw error;
  }
}

/**
 * E-TSA-02, and which of the timestamps count.
 *
 * @param {Report} report
 * @param {object} evidence
 * @param {Attestation | null} evidence.attestation
 * @param {Inclusion} evidence.inclusion
 * @param {SignedCheckpoint | null} evidence.quoted
 * @param {TokenFile[]} evidence.tokens
 * @returns {Promise<Tokens>}
 */
async function checkTokens(report, { attestation, inclusion, quoted, tokens }) {
  /** @type {Map<string, Uint8Array>} */
  const messages = new Map([[About.CHECKPOINT, inclusion.signed.firstSigned]]);
  if (attestation !== null) {
    messages.set(About.ATTESTATION, attestation.data);
  }
  if (quoted !== null) {
    messages.set(About.FRESHNESS, quoted.firstSigned);
  }
  const attested = attestedTokens(attestation);
  /** @type {Tokens} */
  const found = { counted: { checkpoint: [], attestation: [], freshness: [] }, strange: [] };
  /** @type {Finding[]} */
  const problems = [];
  for (const { token, data } of inOrder(tokens)) {
    const message = messages.get(token.about);
    if (message === undefined) {
      // Nothing is known of what it is over: other checks have failed then.
      continue;
    }
    if (token.about === About.FRESHNESS && hex(sha256(data)) !== attested.get(token.name)) {
      problems.push({ about: tokenPath(token), found: "not the response that the attestation names" });
      continue;
    }
    try {
      found.counted[token.about].push(await stamped(report.trust, data, message));
    } catch (error) {
      if (error instanceof MalformedTimestampResponse) {
        problems.push({ about: tokenPath(token), found: error.reason });
      } else if (error instanceof UnverifiedTimestamp) {
        found.strange.push({ about: tokenPath(token), found: error.reason });
      } else {
        throw error;
      }
    }
  }
  if (tokens.length) {
    report.record(Code.TSA_02, problems);
  } else {
    report.notChecked(Code.TSA_02, "timestamps", "there are none", { required: false });
  }
  return found;
}

/** @param {TokenFile[]} tokens */
function inOrder(tokens) {
  return [...tokens].sort(({ token: one }, { token: other }) => {
    return byCodePoints(one.about, other.about) || byCodePoints(one.name, other.name);
  });
}

/**
 * @param {Attestation | null} attestation
 * @returns {Map<string, string>}
 */
function attestedTokens(attestation) {
  const named = attestation === null ? [] : attestation.predicate.freshnessTimestamps;
  return new Map(named.map((/** @type {{name: string, sha256: string}} */ one) => [one.name, one.sha256]));
}

/**
 * @param {Report} report
 * @param {string} code
 * @param {string} member
 * @param {number} needed
 * @param {Vouched[]} vouched
 * @param {Finding[]} refused
 * @param {boolean} allMustVerify
 */
function checkEnough(report, code, member, needed, vouched, refused, allMustVerify) {
  if (!needed) {
    report.notChecked(code, member, "the trust root names none", { required: false });
    return;
  }
  const parties = [...new Set(vouched.map(({ party }) => party))].sort(byCodePoints);
  /** @type {Finding[]} */
  const problems = [];
  if (parties.length < needed) {
    const names = parties.length ? `: ${parties.join(", ")}` : "";
    problems.push({ about: member, found: `${needed} needed, ${parties.length} found${names}` });
  }
  // c2sp.org/signed-note: one bad signature of a known key is reason to refuse the note.
  if (problems.length || allMustVerify) {
    problems.push(...refused);
  }
  report.record(code, problems);
}

/**
 * E-ATT-06 and E-LOG-06: one of `keys` was valid when what they signed was shown to exist.
 *
 * @param {Report} report
 * @param {string} code
 * @param {string[]} keys
 * @param {Bound | null} shown
 */
function checkValidity(report, code, keys, shown) {
  const limited = keys.filter((key) => isLimited(report.trust, key));
  if (limited.length < keys.length) {
    report.pass(code);
  } else if (shown === null) {
    report.notChecked(code, limited[0], "the key is limited in time, and nobody outside vouches for a time");
  } else {
    const faults = limited.map((key) => faultsOf(report.trust, key, shown.time));
    report.record(code, faults.every((fault) => fault.length) ? faults.flat() : []);
  }
}

/**
 * @param {import("./trust_root.js").TrustRoot} trust
 * @param {string} key
 */
function isLimited(trust, key) {
  const validity = trust.validityOf(key);
  return validity.notBefore !== null || validity.notAfter !== null || trust.revocationOf(key) !== null;
}

/**
 * @param {import("./trust_root.js").TrustRoot} trust
 * @param {string} key
 * @param {bigint} time
 * @returns {Finding[]}
 */
function faultsOf(trust, key, time) {
  const validity = trust.validityOf(key);
  const revocation = trust.revocationOf(key);
  const shown = `shown to exist at ${formatTimestamp(time)}`;
  const found = [];
  if (validity.notBefore !== null && time < validity.notBefore) {
    found.push(`${shown}, before the key was in use`);
  }
  if (validity.notAfter !== null && time > validity.notAfter) {
    found.push(`${shown} only, the key was in use until ${formatTimestamp(validity.notAfter)}`);
  }
  if (revocation !== null && time >= revocation.at) {
    found.push(`${shown} only, the key was revoked as of ${formatTimestamp(revocation.at)}: ${revocation.reason}`);
  }
  return found.map((fault) => ({ about: key, found: fault }));
}

/**
 * E-TIM-01: what the collector says of the time, against what others say.
 *
 * @param {Report} report
 * @param {Attestation} attestation
 */
function checkClock(report, { predicate }) {
  const { notBefore: earliest, notAfter: latest } = report;
  if (earliest === null && latest === null) {
    report.notChecked(Code.TIM_01, "times", "nobody outside vouches for a time", { required: false });
    return;
  }
  const { started, ended } = predicate.times;
  const problems = [];
  if (earliest !== null && parseTimestamp(started) < earliest.time - CLOCK_TOLERANCE) {
    problems.push(`begun at ${started}, but made after ${formatTimestamp(earliest.time)}`);
  }
  if (latest !== null && parseTimestamp(ended) > latest.time + CLOCK_TOLERANCE) {
    problems.push(`ended at ${ended}, but there by ${formatTimestamp(latest.time)}`);
  }
  if (earliest !== null && latest !== null && earliest.time > latest.time + CLOCK_TOLERANCE) {
    problems.push(`made after ${formatTimestamp(earliest.time)}, but there by ${formatTimestamp(latest.time)}`);
  }
  report.record(
    Code.TIM_01,
    problems.map((found) => ({ about: "times", found })),
  );
}
