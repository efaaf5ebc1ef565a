/**
 * Verification of an evidence package: everything is worked out again from the bytes. See
 * `provenance/verify/verify.py`, which gives the same report.
 */

import { disagreements, maxRecords } from "./agreement.js";
import { checkAttestation } from "./attestation_checks.js";
import { checkTimes } from "./bracket.js";
import { Code } from "./codes.js";
import { attestedDependencies, examineDependencies } from "./dependencies.js";
import { derivedFiles } from "./derived/files.js";
import { shownPictures } from "./derived/report.js";
import { MAX_ENVELOPE } from "./envelope.js";
import { digestBytes } from "./hashing.js";
import { checkInclusion } from "./inclusion.js";
import { MAX_PROOF } from "./log/proof.js";
import { MalformedPackage, TooLarge } from "./malformed.js";
import {
  ATTESTATION,
  CHECKPOINT,
  DERIVED,
  MAX_TOKEN,
  PROOF,
  PackageFiles,
  VERIFY_PAGE,
  nameProblems,
  subjectPath,
  surelyWrongNames,
  tokenAt,
} from "./package.js";
import { WARC_NAME } from "./record.js";
import { Report } from "./report.js";
import { surveyWarc } from "./survey.js";
import { parseTrust } from "./trust.js";
import { ARCHIVE, DEPENDENCIES } from "./wacz.js";

/** The largest page of a package that is looked at, in bytes. */
const MAX_PAGE = 8 << 20;

/**
 * @typedef {object} Task
 * @property {Blob} file the package
 * @property {Uint8Array} trust `trust.json`: whom the auditor believes
 * @property {readonly string[]} [pages] SHA-256, lowercase hexadecimal, of the pages that a package may hold
 * @property {(progress: {done: number, all: number}) => void} [onProgress] bytes; some are read twice
 * @property {AbortSignal} [signal] ends it; its reason is then thrown
 * @property {() => Worker} [spawn] starts a further worker of this program
 */

/**
 * Verify the evidence package in `file`. Nothing in the package can make this throw.
 *
 * @param {Task} task
 * @returns {Promise<import("./report.js").ReportFacts>} the report as `sijill-verify --json` writes it
 * @throws {import("./errors.js").MalformedTrustRoot} the trust root cannot be used
 * @throws what a blob throws that cannot be read, and the reason of the signal
 */
export async function verify({ file, trust, pages = [], onProgress, signal, spawn }) {
  const root = parseTrust(trust);
  const progress = new Progress(file.size, onProgress);
  const reading = { onBytes: (/** @type {number} */ bytes) => progress.add(bytes), signal, spawn };
  // The checkpoint that an attestation quotes is looked at, and never required.
  const report = new Report(root, [Code.LOG_05]);
  try {
    const files = await PackageFiles.open(file, reading);
    await new Verification(report, files, reading, pages, progress).run();
    await files.checkUnopened();
  } catch (error) {
    if (!(error instanceof MalformedPackage)) throw error;
    // Whatever was found so far came from bytes that may be anything.
    const fresh = new Report(root, [Code.LOG_05]);
    fresh.fail(Code.PKG_01, "package", error.reason);
    return fresh.toJSON();
  }
  return report.toJSON();
}

/** How far it has come; said each time a hundredth more was read. */
class Progress {
  #done = 0;
  #said = 0;

  /**
   * @param {number} all bytes
   * @param {Task["onProgress"]} say
   */
  constructor(all, say) {
    this.all = all;
    this.say = say;
  }

  /** @param {number} bytes */
  add(bytes) {
    this.#done += bytes;
    if (this.#done - this.#said < this.all / 100) return;
    this.#said = this.#done;
    this.say?.({ done: Math.min(this.#done, this.all), all: this.all });
  }
}

class Verification {
  /**
   * @param {Report} report
   * @param {PackageFiles} files
   * @param {import("./hashing.js").Reading} reading
   * @param {readonly string[]} pages
   * @param {Progress} progress
   */
  constructor(report, files, reading, pages, progress) {
    this.report = report;
    this.files = files;
    this.reading = reading;
    this.pages = pages;
    this.progress = progress;
  }

  /** All checks of a package. */
  async run() {
    const { report, files } = this;
    report.pass(Code.PKG_01);
    const envelope = await this.#read(ATTESTATION, MAX_ENVELOPE, Code.ATT_01);
    const attestation = envelope && (await checkAttestation(report, envelope, ATTESTATION));
    const statement = attestation ? attestation.statement : null;
    this.#checkNames(statement);
    const proof = await this.#read(PROOF, MAX_PROOF, Code.LOG_01);
    const inclusion = proof && (await checkInclusion(report, proof, PROOF, attestation));
    const tokens = await this.#tokens();
    await checkTimes(report, { attestation, inclusion, tokens });
    if (!attestation) return;
    const survey = await this.#checkSubjects(statement);
    const taken = await this.#checkDependencies(statement);
    if (statement.predicate.dependencies.length && !taken) {
      report.notChecked(Code.PKG_03, DEPENDENCIES, `needs ${Code.WARC_05}`);
    } else if (survey && inclusion && report.ready(Code.PKG_03)) {
      await this.#checkDerived({ attestation, inclusion, survey, tokens, taken });
    }
  }

  /**
   * @param {string} name
   * @param {number} limit
   * @param {string} code the check that the file is for
   * @returns {Promise<Uint8Array | null>}
   */
  async #read(name, limit, code) {
    if (!this.files.has(name)) {
      this.report.notChecked(code, name, "is missing");
      return null;
    }
    try {
      return await this.files.read(name, limit);
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      this.report.fail(code, name, error.message);
      return null;
    }
  }

  /** The timestamps at hand, in the order of the zip. */
  async #tokens() {
    const tokens = [];
    for (const name of this.files.names) {
      const token = tokenAt(name);
      if (token) tokens.push({ token, data: (await this.#read(name, MAX_TOKEN, Code.TSA_02)) ?? new Uint8Array() });
    }
    return tokens;
  }

  /** E-PKG-02: which files belong is known once the attestation names its subjects; before, only some things are. */
  #checkNames(statement) {
    const { names } = this.files;
    if (statement) {
      this.report.record(Code.PKG_02, nameProblems(names, statement));
      return;
    }
    const problems = surelyWrongNames(names);
    if (problems.length) this.report.record(Code.PKG_02, problems);
    else this.report.notChecked(Code.PKG_02, "subjects", `needs ${Code.ATT_05}`);
  }

  /** E-SUB and E-WARC checks; what is in the WARC, or null if it is not the attested one or not well formed. */
  async #checkSubjects(statement) {
    const { report, files } = this;
    const missing = statement.subject.filter(({ name }) => !files.has(subjectPath(name)));
    const found = missing.map(({ name }) => ({ about: name, found: "is missing" }));
    if (!report.record(Code.SUB_01, found)) return null;
    const [warc] = statement.subject;
    // The WARC is read twice: for its own digests, and record by record.
    this.progress.all += warc.annotations.size;
    const survey = await surveyWarc(files.blob(ARCHIVE), {
      maxRecords: maxRecords(statement),
      attested: attestedDigests(warc),
      reading: this.reading,
    });
    files.check(ARCHIVE, survey.digests);
    const differences = { sha256: [], blake3: [], size: [] };
    for (const subject of statement.subject) {
      const digests = subject.name === WARC_NAME ? survey.digests : await files.digests(subjectPath(subject.name));
      compare(subject, digests, differences);
    }
    report.record(Code.SUB_02, differences.sha256);
    report.record(Code.SUB_03, differences.blake3);
    report.record(Code.SUB_04, differences.size);
    return report.ready(Code.WARC_01) ? this.#checkWarc(statement, survey) : null;
  }

  #checkWarc(statement, survey) {
    const { report } = this;
    if (survey.problem) {
      report.fail(Code.WARC_01, WARC_NAME, survey.problem.message);
      return null;
    }
    report.pass(Code.WARC_01);
    const blocks = [...survey.responses, ...survey.others].filter((record) => !record.blockDigestHolds);
    const payloads = survey.responses.filter((record) => record.payloadDigestHolds === false);
    report.record(
      Code.WARC_02,
      blocks.map(({ id }) => ({ about: id, found: "block digest differs" })),
    );
    report.record(
      Code.WARC_03,
      payloads.map(({ id }) => ({ about: id, found: "payload digest differs" })),
    );
    report.record(Code.WARC_04, disagreements(statement, survey));
    return survey;
  }

  /** E-WARC-05; null if it did not pass, or the capture takes nothing from others. */
  async #checkDependencies(statement) {
    const { files, report } = this;
    if (!attestedDependencies(statement).length) {
      const reason = "the capture takes nothing from other captures";
      report.notChecked(Code.WARC_05, "dependencies", reason, { required: false });
      return null;
    }
    if (!files.has(DEPENDENCIES)) {
      report.fail(Code.WARC_05, DEPENDENCIES, "is missing");
      return null;
    }
    const taken = await examineDependencies(statement, files.blob(DEPENDENCIES), DEPENDENCIES, this.reading);
    files.check(DEPENDENCIES, taken.digests);
    return report.record(Code.WARC_05, taken.problems) ? taken : null;
  }

  /** E-PKG-03. */
  async #checkDerived({ attestation, inclusion, survey, tokens, taken }) {
    const { files, report } = this;
    const { statement } = attestation;
    const sizes = new Map(statement.subject.map(({ name, annotations }) => [name, annotations.size]));
    const pictures = new Map();
    for (const name of shownPictures(statement)) {
      pictures.set(name, await files.read(subjectPath(name), sizes.get(name)));
    }
    const { page, problems } = await this.#page();
    const expected = await derivedFiles({ attestation, inclusion, survey, tokens, pictures, taken, page });
    for (const name of DERIVED) {
      if (!(await files.holds(name, expected.get(name)))) problems.push({ about: name, found: "differs" });
    }
    const { note } = inclusion.signed;
    if (inclusion.keys[0].signatureIn(note) !== note.signatures[0]) {
      problems.push({ about: CHECKPOINT, found: "the log's signature is not the first" });
    }
    report.record(Code.PKG_03, problems);
  }

  /** The page in the package that verifies it, if there is one, and what is wrong with it. */
  async #page() {
    if (!this.files.has(VERIFY_PAGE)) return { page: null, problems: [] };
    try {
      const page = await this.files.read(VERIFY_PAGE, MAX_PAGE);
      const { sha256 } = await digestBytes(page);
      const known = this.pages.includes(sha256);
      return { page, problems: known ? [] : [{ about: VERIFY_PAGE, found: "not a page that this verifier knows" }] };
    } catch (error) {
      if (!(error instanceof TooLarge)) throw error;
      return { page: null, problems: [{ about: VERIFY_PAGE, found: error.message }] };
    }
  }
}

/** Size and both digests of a subject, as the statement has them. */
function attestedDigests({ annotations, digest }) {
  return { size: annotations.size, sha256: digest.sha256, blake3: digest.blake3 };
}

/** Note in what a subject that was found differs from the attested one. */
function compare(subject, found, differences) {
  const attested = attestedDigests(subject);
  const about = subject.name;
  for (const name of ["sha256", "blake3"]) {
    if (found[name] !== attested[name]) {
      differences[name].push({ about, found: `attested ${attested[name]}, found ${found[name]}` });
    }
  }
  if (found.size !== attested.size) {
    differences.size.push({ about, found: `attested ${attested.size} bytes, found ${found.size}` });
  }
}
