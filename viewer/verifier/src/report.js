/** What a verification says: every check with how it ended, and what all of it shows and does not show. */

import { sha256 } from "@noble/hashes/sha2";

import { derOfPem } from "./certificates.js";
import { CODES, PREREQUISITES, SENTENCES } from "./codes.js";
import { hex } from "./encoding.js";
import { statementOf } from "./sentences.js";
import { formatTimestamp } from "./timestamps.js";

export const FORMAT = "https://sijill.org/verification-report/v1";

/** The most findings that a check keeps; the last one then says how many there were. */
export const MAX_FINDINGS = 100;

/** How a check ended. */
export const Status = Object.freeze({ PASSED: "passed", FAILED: "failed", NOT_CHECKED: "not-checked" });

/**
 * @typedef {object} Finding where something was found, and what; both may hold text from the evidence
 * @property {string} about
 * @property {string} found
 *
 * @typedef {object} Check one check; if it is required, nothing but `passed` is good enough
 * @property {string} code
 * @property {string} sentence what is so, or what was found if it failed
 * @property {string} status
 * @property {boolean} required
 * @property {Finding[]} findings
 *
 * @typedef {object} Place where the attestation stands in the log
 * @property {string} origin
 * @property {bigint} index
 * @property {bigint} size entries that the log had at the checkpoint
 *
 * @typedef {object} Head a log at one size
 * @property {string} origin
 * @property {bigint} size
 *
 * @typedef {object} Bound a moment that outside parties of the trust root vouch for
 * @property {bigint} time microseconds since 1970
 * @property {string[]} vouchers
 *
 * @typedef {object} AttestedFacts
 * @property {string} captureId
 * @property {string} target
 * @property {string | null} finalUrl
 * @property {string | null} title
 * @property {string} outcome
 * @property {string[]} reasons
 * @property {number} exchanges
 * @property {string} started
 * @property {string} ended
 * @property {{name?: string, commitment?: string}} collector
 * @property {string[]} keyids keys of the trust root whose signatures verify
 *
 * @typedef {{origin: string, size: number | string}} HeadFacts
 * @typedef {{origin: string, index: number | string, size: number | string}} PlaceFacts
 * @typedef {{time: string, vouchers: string[]}} BoundFacts
 *
 * @typedef {object} ReportFacts the report as JSON, as `sijill-verify --json` writes it
 * @property {string} format
 * @property {boolean} verified
 * @property {string[]} statement
 * @property {Check[]} checks
 * @property {AttestedFacts | null} attested
 * @property {PlaceFacts | null} log
 * @property {HeadFacts | null} quoted
 * @property {BoundFacts | null} notBefore
 * @property {BoundFacts | null} notAfter
 * @property {{attestationKeys: string[], logKeys: string[], tsaRoots: string[], witnesses: string[]}} trustRoot
 */

/** Collects checks while a verification runs and sees to it that none is left out. */
export class Report {
  /** @type {AttestedFacts | null} null unless signature and statement are good */
  attested = null;
  /** @type {Place | null} null unless the attestation was shown to be in the log */
  place = null;
  /** @type {Head | null} the checkpoint inside the attestation, if a log of the trust root signed it */
  quoted = null;
  /** @type {Bound | null} T0: it was made after this */
  notBefore = null;
  /** @type {Bound | null} T1: it existed by then */
  notAfter = null;
  /** @type {Set<string>} */
  #notRequired;
  /** @type {Map<string, {status: string, findings: Finding[]}>} */
  #checks = new Map();

  /**
   * @param {import("./trust_root.js").TrustRoot} trust
   * @param {Iterable<string>} [notRequired] codes that the verdict does not need
   */
  constructor(trust, notRequired = []) {
    this.trust = trust;
    this.#notRequired = new Set(notRequired);
  }

  /**
   * Whether all that `code` presupposes has passed.
   *
   * @param {string} code
   * @returns {boolean}
   */
  ready(code) {
    return PREREQUISITES[code].every((earlier) => this.passed(earlier));
  }

  /**
   * Whether the check ran and passed.
   *
   * @param {string} code
   * @returns {boolean}
   */
  passed(code) {
    return this.#checks.get(code)?.status === Status.PASSED;
  }

  /**
   * Record that `code` passed if there are no problems, else that it failed; whether it passed.
   *
   * @param {string} code
   * @param {Iterable<Finding>} problems
   * @returns {boolean}
   */
  record(code, problems) {
    const findings = shortened([...problems]);
    this.#checks.set(code, { status: findings.length ? Status.FAILED : Status.PASSED, findings });
    return !findings.length;
  }

  /**
   * Record that `code` passed.
   *
   * @param {string} code
   */
  pass(code) {
    this.record(code, []);
  }

  /**
   * Record that `code` failed by one finding.
   *
   * @param {string} code
   * @param {string} about
   * @param {string} found
   */
  fail(code, about, found) {
    this.record(code, [{ about, found }]);
  }

  /**
   * Record that `code` was not checked, and why; if it is not required here, the verdict does not need it.
   *
   * @param {string} code
   * @param {string} about
   * @param {string} reason
   * @param {{required?: boolean}} [options]
   */
  notChecked(code, about, reason, { required = true } = {}) {
    if (!required) {
      this.#notRequired.add(code);
    }
    this.#checks.set(code, { status: Status.NOT_CHECKED, findings: [{ about, found: reason }] });
  }

  /**
   * Every check there is, in its order; those that were never reached as not checked.
   *
   * @returns {Check[]}
   */
  get checks() {
    return CODES.map((code) => {
      const { status, findings } = this.#checks.get(code) ?? this.#unreached(code);
      const sentence = SENTENCES[code][status === Status.FAILED ? "fails" : "holds"];
      return { code, sentence, status, required: !this.#notRequired.has(code), findings };
    });
  }

  /** Whether every required check ran and passed. Absence is not success. */
  get holds() {
    return this.checks.every((check) => !check.required || check.status === Status.PASSED);
  }

  /** The codes of the checks that failed, required or not. */
  get failed() {
    return this.checks.filter((check) => check.status === Status.FAILED).map((check) => check.code);
  }

  /**
   * The report as FORMAT.md lays it down: JSON values only, no floats.
   *
   * @returns {ReportFacts}
   */
  toJSON() {
    const { trust, place, quoted } = this;
    const facts = {
      format: FORMAT,
      verified: this.holds,
      /** @type {string[]} */
      statement: [],
      checks: this.checks,
      attested: this.attested,
      log: place && { origin: place.origin, index: exact(place.index), size: exact(place.size) },
      quoted: quoted && { origin: quoted.origin, size: exact(quoted.size) },
      notBefore: boundFacts(this.notBefore),
      notAfter: boundFacts(this.notAfter),
      trustRoot: {
        attestationKeys: trust.attestationKeys.map((key) => key.keyid),
        logKeys: trust.logKeys.map((key) => key.vkey),
        tsaRoots: trust.tsaRoots.map((root) => hex(sha256(derOfPem(root)))),
        witnesses: trust.witnesses.map((key) => key.vkey),
      },
    };
    facts.statement = statementOf(facts);
    return facts;
  }

  /** @param {string} code */
  #unreached(code) {
    const missing = PREREQUISITES[code].filter((earlier) => !this.passed(earlier));
    const found = missing.length ? `needs ${missing.join(", ")}` : "was not reached";
    return { status: Status.NOT_CHECKED, findings: [{ about: code, found }] };
  }
}

/** @param {Finding[]} findings */
function shortened(findings) {
  if (findings.length <= MAX_FINDINGS) {
    return findings;
  }
  return [...findings.slice(0, MAX_FINDINGS - 1), { about: "findings", found: `${findings.length} in all` }];
}

/** @param {Bound | null} bound */
function boundFacts(bound) {
  return bound && { time: formatTimestamp(bound.time), vouchers: [...bound.vouchers] };
}

/**
 * A number that loses no digit: beyond 2^53 - 1 in digits, as a text.
 *
 * @param {bigint} number
 */
function exact(number) {
  return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : String(number);
}
