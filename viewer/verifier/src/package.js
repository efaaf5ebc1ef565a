/**
 * The files of the package under test: which there must be (E-PKG-02), how they are read, and how everything unsigned in
 * them is derived from what is signed (E-PKG-03). See `provenance/package_layout.py`, `provenance/package.py` and
 * `provenance/verify/package.py`.
 */

import { indexLines } from "./cdxj.js";
import { sameBytes, utf8 } from "./encoding.js";
import { digestBytes } from "./hashing.js";
import { TooLarge } from "./malformed.js";
import { WARC_NAME } from "./record.js";
import { digestFile } from "./threads.js";
import {
  ARCHIVE,
  DATAPACKAGE,
  DATAPACKAGE_DIGEST,
  DEPENDENCIES,
  INDEX,
  INDEX_SUMMARY,
  PAGES,
  deriveDatapackage,
  deriveDatapackageDigest,
  deriveIndex,
  derivePages,
} from "./wacz.js";
import { openZip } from "./zip.js";

const FOLDER = "provenance/";
export const ATTESTATION = `${FOLDER}attestation.dsse.json`;
export const ATTESTATION_KEY = `${FOLDER}attestation.pem`;
export const PROOF = `${FOLDER}inclusion.tlog-proof`;
export const CHECKPOINT = `${FOLDER}checkpoint`;
export const LOG_KEY = `${FOLDER}log.vkey`;
export const SHA256SUMS = `${FOLDER}SHA256SUMS`;
export const B3SUMS = `${FOLDER}B3SUMS`;
export const INSTRUCTIONS = `${FOLDER}VERIFY.txt`;
export const REPORT = `${FOLDER}report.html`;
/** The verifier as a page for a browser, which a package may hold. */
export const VERIFY_PAGE = `${FOLDER}verify.html`;

/** Files that hold nothing which is not made from the others and the keys of the trust root, in the order of names. */
export const DERIVED = [
  INDEX,
  INDEX_SUMMARY,
  PAGES,
  DATAPACKAGE,
  DATAPACKAGE_DIGEST,
  ATTESTATION_KEY,
  CHECKPOINT,
  LOG_KEY,
  SHA256SUMS,
  B3SUMS,
  INSTRUCTIONS,
  REPORT,
].sort();
/** Files that every package holds. */
const FIXED = [...DERIVED, ARCHIVE, ATTESTATION, PROOF];

/** The largest response of a timestamping authority that a package holds, in bytes. */
export const MAX_TOKEN = 64 << 10;
const TOKEN = /^provenance\/(checkpoint|attestation|freshness)\.([a-z][a-z0-9-]{0,63})\.tsr$/;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9.+-]*\/[a-z0-9][a-z0-9.+-]*$/;

const TITLE = "Evidence package of one capture";
const DESCRIPTION = "`provenance/VERIFY.txt` says how to verify it and what it shows.";

/** @typedef {import("./report.js").Finding} Finding */
/** @typedef {import("./hashing.js").Digests} Digests */
/** @typedef {import("./hashing.js").Reading} Reading */
/** @typedef {{about: "attestation" | "checkpoint" | "freshness", name: string}} Token a timestamp, by what it is over */

/**
 * @param {string} name of a subject
 * @returns {string} where it lies in a package
 */
export function subjectPath(name) {
  return name === WARC_NAME ? ARCHIVE : `${FOLDER}${name}`;
}

/**
 * @param {Token} token
 * @returns {string} where it lies in a package
 */
export function tokenPath({ about, name }) {
  return `${FOLDER}${about}.${name}.tsr`;
}

/**
 * @param {string} path
 * @returns {Token | null} the timestamp that has this place in a package
 */
export function tokenAt(path) {
  const found = TOKEN.exec(path);
  return found && { about: /** @type {Token["about"]} */ (found[1]), name: found[2] };
}

/**
 * @param {string} name
 * @param {string} mediaType
 * @returns {string | null} why a package cannot hold such a subject beside its fixed files
 */
export function badSubject(name, mediaType) {
  const path = subjectPath(name);
  const taken = [...FIXED, VERIFY_PAGE].some((fixed) => fixed.toLowerCase() === path.toLowerCase());
  if (name !== WARC_NAME && (taken || tokenAt(path))) return "a file of the package has this name";
  return MEDIA_TYPE.test(mediaType) ? null : "the media type is not one in lower case without parameters";
}

/**
 * The names of all files of the package of this capture, in their order.
 *
 * @param {any} statement about the capture
 * @param {Iterable<Token>} tokens the timestamps that the package has
 * @param {{verifyPage?: boolean}} [options] whether it holds the page that verifies it
 * @returns {string[]}
 */
export function memberNames(statement, tokens, { verifyPage = false } = {}) {
  const { subject, predicate } = statement;
  const quoted = predicate.freshnessTimestamps.map(({ name }) => tokenPath({ about: "freshness", name }));
  const others = [...tokens].filter(({ about }) => about !== "freshness").map(tokenPath);
  const names = [
    ...FIXED,
    ...subject.map(({ name }) => subjectPath(name)),
    ...(predicate.dependencies.length ? [DEPENDENCIES] : []),
    ...(verifyPage ? [VERIFY_PAGE] : []),
    ...quoted,
    ...others,
  ];
  return [...new Set(names)].sort();
}

/**
 * E-PKG-02 when the attestation is known: which files are missing and which do not belong.
 *
 * @param {string[]} names of the files that there are
 * @param {any} statement
 * @returns {Finding[]}
 */
export function nameProblems(names, statement) {
  const tokens = names.map(tokenAt).filter((token) => token !== null);
  const expected = memberNames(statement, tokens, { verifyPage: names.includes(VERIFY_PAGE) });
  const unfit = statement.subject.flatMap(({ name, mediaType }) => {
    const reason = badSubject(name, mediaType);
    return reason ? [{ about: name, found: reason }] : [];
  });
  return [...unfit, ...missing(expected, names), ...strange([...names].sort(), (name) => expected.includes(name))];
}

/**
 * E-PKG-02 when it is not: only what is surely wrong.
 *
 * @param {string[]} names of the files that there are
 * @returns {Finding[]}
 */
export function surelyWrongNames(names) {
  const known = (name) => FIXED.includes(name) || name === DEPENDENCIES || name.startsWith(FOLDER);
  return [...missing([...FIXED].sort(), names), ...strange(names, known)];
}

function missing(expected, names) {
  return expected.filter((name) => !names.includes(name)).map((name) => ({ about: name, found: "is missing" }));
}

function strange(names, known) {
  return names.filter((name) => !known(name)).map((name) => ({ about: name, found: "does not belong" }));
}

/** The files of a package by name. Reading any of them throws MalformedPackage if the zip is not as it should be. */
export class PackageFiles {
  /**
   * @param {Blob} file
   * @param {Reading} [reading] how long readings go
   * @returns {Promise<PackageFiles>}
   * @throws {import("./malformed.js").MalformedPackage}
   */
  static async open(file, reading = {}) {
    return new PackageFiles((await openZip(file)).entries, reading);
  }

  /**
   * @param {Map<string, import("./zip.js").Member>} members
   * @param {Reading} reading
   */
  constructor(members, reading) {
    this._members = members;
    this._reading = reading;
    /** @type {Set<string>} */
    this._checked = new Set();
  }

  /** All names, in their order in the zip. */
  get names() {
    return [...this._members.keys()];
  }

  /** @param {string} name */
  has(name) {
    return this._members.has(name);
  }

  /**
   * The data of a file, not checked. Who reads it may hand its CRC-32 to `check`, or else `checkUnopened` reads it again.
   *
   * @param {string} name
   * @returns {Blob}
   */
  blob(name) {
    return this._member(name).blob;
  }

  /**
   * @param {string} name
   * @param {{size: number, crc32: number}} found
   * @throws {import("./malformed.js").MalformedPackage} the data is not what its headers say
   */
  check(name, found) {
    this._member(name).check(found);
    this._checked.add(name);
  }

  /**
   * @param {string} name
   * @returns {Promise<import("./hashing.js").FileDigests>} of the file's data
   * @throws {import("./malformed.js").MalformedPackage}
   */
  async digests(name) {
    const found = await digestFile(this.blob(name), this._reading);
    this.check(name, found);
    return found;
  }

  /**
   * The contents of a file.
   *
   * @param {string} name
   * @param {number} limit
   * @returns {Promise<Uint8Array>}
   * @throws {import("./malformed.js").MalformedPackage}
   * @throws {TooLarge} they are more than `limit` bytes
   */
  async read(name, limit) {
    if (this._member(name).size > limit) throw new TooLarge(limit);
    const contents = await this._member(name).read(this._reading);
    this._checked.add(name);
    return contents;
  }

  /**
   * Whether the contents of a file are exactly `expected`.
   *
   * @param {string} name
   * @param {Uint8Array} expected
   * @returns {Promise<boolean>}
   * @throws {import("./malformed.js").MalformedPackage}
   */
  async holds(name, expected) {
    return this._member(name).size === expected.length && sameBytes(await this.read(name, expected.length), expected);
  }

  /**
   * Read the files whose CRC-32 was not compared yet.
   *
   * @throws {import("./malformed.js").MalformedPackage}
   */
  async checkUnopened() {
    for (const name of this.names.filter((one) => !this._checked.has(one))) await this.digests(name);
  }

  _member(name) {
    const member = this._members.get(name);
    if (!member) throw new RangeError(`no file ${name}`);
    return member;
  }
}

/**
 * @typedef {object} Signed all that derived files are made from, verified
 * @property {any} statement
 * @property {Uint8Array} envelope the file
 * @property {Uint8Array} proof the file
 * @property {Uint8Array} checkpoint the note inside `proof`, byte for byte
 * @property {string} pem of the first key of the trust root among the envelope's signatures
 * @property {string} vkey of the log that signed the checkpoint
 * @property {import("./examine.js").ExaminedRecord[]} responses of the WARC
 * @property {{digests: Digests, records: import("./examine.js").ExaminedRecord[]} | null} taken from other captures
 * @property {{token: Token, data: Uint8Array}[]} tokens
 * @property {Uint8Array} instructions the text in VERIFY.txt
 * @property {Uint8Array} report the page in report.html
 * @property {Uint8Array | null} [verifyPage] the page that verifies the package, if it holds one
 */

/**
 * The derived files by name: see `DERIVED`, and the page if there is one.
 *
 * @param {Signed} signed
 * @returns {Promise<Map<string, Uint8Array>>}
 */
export async function derive(signed) {
  const { statement, taken } = signed;
  const { index, summary } = await deriveIndex(
    indexLines(signed.responses, taken ? taken.records : [], statement.predicate.exchanges),
  );
  const page = pageOf(statement);
  const files = new Map([
    [ATTESTATION_KEY, utf8(signed.pem)],
    [CHECKPOINT, signed.checkpoint],
    [LOG_KEY, utf8(`${signed.vkey}\n`)],
    [INDEX, index],
    [INDEX_SUMMARY, summary],
    [PAGES, derivePages(page ? [pageEntry(statement, page)] : [])],
    [INSTRUCTIONS, signed.instructions],
    [REPORT, signed.report],
  ]);
  if (signed.verifyPage) files.set(VERIFY_PAGE, signed.verifyPage);
  const digests = await digestsOf(signed, files);
  const listed = [...digests].sort(byName);
  files.set(SHA256SUMS, utf8(listed.map(([name, found]) => `${found.sha256}  ${name}\n`).join("")));
  files.set(B3SUMS, utf8(listed.map(([name, found]) => `${found.blake3}  ${name}\n`).join("")));
  for (const name of [SHA256SUMS, B3SUMS]) digests.set(name, await digestBytes(files.get(name)));
  files.set(DATAPACKAGE, datapackage(statement, page, [...digests].sort(byName)));
  files.set(DATAPACKAGE_DIGEST, await deriveDatapackageDigest(files.get(DATAPACKAGE)));
  return files;
}

async function digestsOf(signed, files) {
  /** @type {Map<string, Digests>} */
  const digests = new Map();
  for (const { name, digest, annotations } of signed.statement.subject) {
    digests.set(subjectPath(name), { size: annotations.size, sha256: digest.sha256, blake3: digest.blake3 });
  }
  const whole = [
    ...files,
    [ATTESTATION, signed.envelope],
    [PROOF, signed.proof],
    ...signed.tokens.map(({ token, data }) => [tokenPath(token), data]),
  ];
  for (const [name, bytes] of whole) digests.set(name, await digestBytes(bytes));
  if (signed.taken) digests.set(DEPENDENCIES, signed.taken.digests);
  return digests;
}

/** The exchange that brought the page itself; null if the capture failed. */
function pageOf({ predicate }) {
  if (predicate.finalUrl === null) return null;
  const last = predicate.exchanges.filter(({ purpose }) => purpose === "page").at(-1);
  return last && last.record !== null ? last : null;
}

function pageEntry({ predicate }, page) {
  return { id: predicate.captureId, url: page.url, ts: page.started, title: predicate.title };
}

function datapackage({ predicate }, page, digests) {
  const maker = predicate.software.find(({ name }) => name === "sijill") ?? predicate.software[0];
  return deriveDatapackage(
    digests.map(([path, { size, sha256 }]) => ({ path, size, sha256 })),
    {
      created: predicate.times.ended,
      software: `${maker.name} ${maker.version}`,
      title: TITLE,
      description: DESCRIPTION,
      mainPageUrl: page ? page.url : null,
      mainPageDate: page ? page.started : null,
    },
  );
}

function byName([one], [other]) {
  return one < other ? -1 : 1;
}
