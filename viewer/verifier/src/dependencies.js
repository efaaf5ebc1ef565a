/** The check of what a capture takes from other captures: each record where it should be, byte for byte as attested. */

import { BlobReader } from "./blob.js";
import { Code } from "./codes.js";
import { Examiner } from "./examine.js";
import { GzipMembers } from "./gzip.js";
import { Crc32, Hasher } from "./hashing.js";
import { MalformedWarc } from "./malformed.js";
import { first } from "./record.js";
import { CONTENT_LIMIT, nextRecord, tooMuch } from "./warc.js";

const EMPTY = new Uint8Array(0);
const READ = 1 << 20;

/** @typedef {import("./examine.js").ExaminedRecord} ExaminedRecord */
/** @typedef {import("./hashing.js").Digests} Digests */
/** @typedef {import("./report.js").Finding} Finding */
/**
 * @typedef {object} Taken the file with the records of other captures
 * @property {Finding[]} problems of E-WARC-05; if there are none the file is as attested
 * @property {import("./hashing.js").FileDigests} digests of the file
 * @property {ExaminedRecord[]} records
 */

/**
 * @param {any} statement
 * @returns {any[]} the records that the capture takes from others, in their order; none if it takes nothing
 */
export function attestedDependencies(statement) {
  return statement.predicate.dependencies.flatMap(({ records }) => records);
}

/**
 * Run E-WARC-05; null if it did not pass, or the capture takes nothing from others.
 *
 * @param {import("./report.js").Report} report takes the outcome
 * @param {any} statement says what is taken from others
 * @param {Blob | null} blob the file that holds it; null if there is none
 * @param {{name: string, reading?: import("./hashing.js").Reading}} options what findings call the file
 * @returns {Promise<Taken | null>}
 */
export async function checkDependencies(report, statement, blob, { name, reading }) {
  if (!attestedDependencies(statement).length) {
    report.notChecked(Code.WARC_05, "dependencies", "the capture takes nothing from other captures", {
      required: false,
    });
    return null;
  }
  if (!blob) {
    report.fail(Code.WARC_05, name, "is missing");
    return null;
  }
  const taken = await examineDependencies(statement, blob, name, reading);
  return report.record(Code.WARC_05, taken.problems) ? taken : null;
}

/**
 * Look at the file that holds what is taken from other captures, which is read once.
 *
 * @param {any} statement says what is taken from others
 * @param {Blob} blob
 * @param {string} name what findings call the file
 * @param {import("./hashing.js").Reading} [reading]
 * @returns {Promise<Taken>}
 */
export async function examineDependencies(statement, blob, name, reading = {}) {
  const source = new Source(new BlobReader(blob, reading), await Hasher.create(), await Crc32.create());
  const examiner = await Examiner.create();
  const part = new Part(source, await Hasher.create());
  const members = await GzipMembers.of(part);
  const problems = [];
  const records = [];
  const allowance = { left: CONTENT_LIMIT };
  for (const attested of attestedDependencies(statement)) {
    const found = await examine(attested.length, { source, part, members, examiner, allowance });
    problems.push(...differences(attested, found));
    if (found.record) records.push(found.record);
  }
  const surplus = await source.readOver();
  if (surplus) problems.push({ about: name, found: `${surplus} bytes after what is attested` });
  return { problems, digests: source.digests(), records };
}

/** The bytes where one record should be; `reason` says why they are not exactly one record of ours. */
async function examine(length, { source, part, members, examiner, allowance }) {
  const offset = source.size;
  part.begin(length);
  members.turnTo(part, offset);
  let record = null;
  let reason = null;
  try {
    record = await onlyRecord(members, offset, examiner, allowance);
  } catch (err) {
    if (!(err instanceof MalformedWarc)) throw err;
    reason = err.reason;
  }
  return { record, reason, digests: await part.digests() };
}

async function onlyRecord(members, offset, examiner, allowance) {
  const found = await nextRecord(members);
  if (!found) throw new MalformedWarc(offset, "there is nothing");
  allowance.left -= found.size;
  if (allowance.left < 0) throw tooMuch(offset);
  const record = await (await examiner.examine(found)).found;
  if ((await members.take(1)).length) throw new MalformedWarc(offset + record.length, "more than one record");
  return record;
}

/** A file, hashed while it is read. */
class Source {
  constructor(reader, hasher, crc) {
    this._reader = reader;
    this._hasher = hasher;
    this._crc = crc;
    this._held = EMPTY;
    this.size = 0;
  }

  /** The next bytes, at most `limit`; none only at the end. */
  async read(limit) {
    if (!this._held.length) this._held = await this._reader.read();
    const piece = this._held.subarray(0, limit);
    this._held = this._held.subarray(piece.length);
    this._hasher.update(piece);
    this._crc.update(piece);
    this.size += piece.length;
    return piece;
  }

  /** Read what is left of the file; how many bytes that was. */
  async readOver() {
    const before = this.size;
    while ((await this.read(READ)).length);
    return this.size - before;
  }

  digests() {
    return { ...this._hasher.digests(), crc32: this._crc.value() };
  }
}

/** The next so many bytes of a source, hashed on the way. */
class Part {
  constructor(source, hasher) {
    this._source = source;
    this._hasher = hasher;
    this._left = 0;
  }

  begin(length) {
    this._left = length;
    this._hasher.reset();
  }

  async read() {
    const piece = this._left ? await this._source.read(Math.min(this._left, READ)) : EMPTY;
    this._left -= piece.length;
    this._hasher.update(piece);
    return piece;
  }

  /** Of all of them, those included that nobody asked for; of fewer if the file ends before. */
  async digests() {
    while ((await this.read()).length);
    return this._hasher.digests();
  }
}

/** In what the bytes where a record should be are not that record, or it cannot stand for a whole response. */
function differences(attested, { record, reason, digests }) {
  const about = attested.record;
  return [
    ...differ(about, "bytes", attested.length, digests.size),
    ...differ(about, "SHA-256", attested.digest.sha256, digests.sha256),
    ...differ(about, "BLAKE3", attested.digest.blake3, digests.blake3),
    ...(record ? recordDifferences(attested, record) : [{ about, found: reason }]),
  ];
}

function recordDifferences(attested, record) {
  const about = attested.record;
  const { response } = record;
  const named = [
    ...differ(about, "record", attested.record, record.id),
    ...differ(about, "URL", attested.url, first(record.fields, "WARC-Target-URI")),
    ...differ(about, "date", attested.date, first(record.fields, "WARC-Date")),
  ];
  if (!response?.head) {
    return [...named, { about, found: `a ${record.type}, not a response with an HTTP head` }];
  }
  const { head, payload } = response;
  const digestsHold = record.blockDigestHolds && record.payloadDigestHolds;
  const whole = response.problem === null && !response.surplus && first(record.fields, "WARC-Truncated") === null;
  const plain = whole && !head.members("transfer-encoding").length;
  return [
    ...named,
    ...differ(about, "media type", attested.mediaType, head.plainMediaType),
    ...differ(about, "bytes of payload", attested.payload.size, payload.size),
    ...differ(about, "payload's SHA-256", attested.payload.digest.sha256, payload.sha256),
    ...differ(about, "payload's BLAKE3", attested.payload.digest.blake3, payload.blake3),
    ...differ(about, "status", 200, head.status),
    ...(digestsHold ? [] : [{ about, found: "a digest in it is missing, or not that of its bytes" }]),
    ...(plain ? [] : [{ about, found: "not a whole response in plain framing" }]),
  ];
}

function differ(about, what, attested, found) {
  return attested === found
    ? []
    : [{ about, found: `${what}: attested ${attested ?? "None"}, found ${found ?? "None"}` }];
}
