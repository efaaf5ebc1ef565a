/** What is in the WARC under test: its digests, and of every record what the checks need. */

import { BlobReader } from "./blob.js";
import { hex } from "./encoding.js";
import { Examiner } from "./examine.js";
import { GzipMembers } from "./gzip.js";
import { MalformedWarc } from "./malformed.js";
import { METADATA, RENDERING, REQUEST, RESOURCE, WARCINFO } from "./record.js";
import { WORTH_A_WORKER, digestFile } from "./threads.js";
import { isAnswer, readRecords } from "./warc.js";

/** The most bytes of a block other than a response's that are kept to be looked into. */
const MAX_KEPT = 64 << 20;
/** The longest method of an attested exchange, and a space. */
const METHOD = 21;
/** More certificates than an attested chain has. */
const MAX_CHAIN = 100;
/** The most bytes of blocks whose digests are on their way while the next record is read. */
const MOST_ON_THE_WAY = 32 << 20;
const MOST_RECORDS_ON_THE_WAY = 256;

/** @typedef {import("./examine.js").ExaminedRecord} ExaminedRecord */
/**
 * @typedef {object} OtherRecord a record that is neither a response nor stands for one
 * @property {string} type
 * @property {string} id
 * @property {import("./record.js").Fields} fields
 * @property {number} size bytes of the block
 * @property {string} sha256 of the block, computed
 * @property {Uint8Array | null} block of a warcinfo and of the first metadata record; of a request its first bytes; null
 *   if it need not be looked into, or is larger than 64 MiB
 * @property {string[]} certificates of a resource: SHA-256 of each, if the block is certificates in PEM, else none
 * @property {boolean} blockDigestHolds
 */
/**
 * @typedef {object} Survey a whole file that should be a WARC
 * @property {import("./hashing.js").FileDigests} digests of the file, whatever it holds
 * @property {MalformedWarc | null} problem the first thing in it that sijill would not have written
 * @property {ExaminedRecord[]} responses the response and revisit records in their order; none if there is a problem
 * @property {OtherRecord[]} others
 */

/**
 * Read a file as a WARC.
 *
 * If its size or digests are not the attested ones, nobody will ask for its records, and there are none in the survey: so
 * what a stranger put in its place is never read for long.
 *
 * @param {Blob} blob
 * @param {object} options
 * @param {number} options.maxRecords with more records than this, the WARC counts as malformed
 * @param {import("./hashing.js").Digests} [options.attested]
 * @param {import("./hashing.js").Reading} [options.reading]
 * @returns {Promise<Survey>}
 */
export async function surveyWarc(blob, { maxRecords, attested, reading = {} }) {
  const wanted = !attested || attested.size === blob.size;
  const given = new AbortController();
  const stop = () => given.abort(reading.signal.reason);
  reading.signal?.addEventListener("abort", stop, { once: true });
  if (reading.signal?.aborted) stop();
  const inStep = { ...reading, signal: given.signal };
  const digesting = digestFile(blob, inStep).then((digests) => {
    if (attested && !sameDigests(digests, attested)) given.abort(NOT_ATTESTED);
    return digests;
  });
  digesting.catch((err) => given.abort(err));
  // Without a thread of their own the digests come first; with one, both at once.
  if (!reading.spawn) await digesting;
  try {
    const records = wanted ? await scan(blob, maxRecords, inStep) : nothing(null);
    return { digests: await digesting, ...records };
  } catch (err) {
    if (err !== NOT_ATTESTED) throw err;
    return { digests: await digesting, ...nothing(null) };
  } finally {
    reading.signal?.removeEventListener("abort", stop);
    given.abort(NOT_ATTESTED);
  }
}

const NOT_ATTESTED = new Error("not the attested bytes");

function sameDigests(one, other) {
  return one.size === other.size && one.sha256 === other.sha256 && one.blake3 === other.blake3;
}

function nothing(problem) {
  return { problem, responses: [], others: [] };
}

async function scan(blob, maxRecords, reading) {
  const examiner = await Examiner.create(blob.size < WORTH_A_WORKER ? undefined : reading.spawn);
  const members = await GzipMembers.of(new BlobReader(blob, reading));
  const onTheWay = new OnTheWay();
  const responses = [];
  const others = [];
  let logs = 0;
  try {
    for await (const record of readRecords(members)) {
      if (responses.length + others.length === maxRecords) {
        throw new MalformedWarc(record.offset, `more than ${maxRecords} records`);
      }
      if (isAnswer(record.type)) {
        const place = responses.length;
        responses.push(null);
        const { bytes, found } = await examiner.examine(record);
        await onTheWay.add(
          bytes,
          found.then((one) => void (responses[place] = one)),
        );
      } else {
        others.push(await examineOther(record, examiner, record.type === METADATA && !logs));
        logs += record.type === METADATA ? 1 : 0;
      }
    }
    await onTheWay.settle();
    return { problem: null, responses, others };
  } catch (err) {
    await onTheWay.settle();
    if (!(err instanceof MalformedWarc)) throw err;
    return nothing(err);
  } finally {
    examiner.end();
  }
}

/** What is still being worked at elsewhere: bounded, so that memory is. */
class OnTheWay {
  constructor() {
    /** @type {{bytes: number, done: Promise<void>}[]} */
    this._waiting = [];
    this._bytes = 0;
  }

  async add(bytes, done) {
    // What goes wrong is thrown when its turn comes.
    done.catch(() => undefined);
    this._waiting.push({ bytes, done });
    this._bytes += bytes;
    while (this._bytes > MOST_ON_THE_WAY || this._waiting.length > MOST_RECORDS_ON_THE_WAY) {
      const oldest = this._waiting.shift();
      await oldest.done;
      this._bytes -= oldest.bytes;
    }
  }

  async settle() {
    await Promise.all(this._waiting.map(({ done }) => done));
    this._waiting = [];
    this._bytes = 0;
  }
}

async function examineOther(record, examiner, isLog) {
  const kept = new Kept(record, isLog);
  const sha256 = await examiner.digestBlock(record, (piece) => kept.add(piece));
  const block = kept.bytes();
  const isResource = record.type === RESOURCE;
  return {
    type: record.type,
    id: record.id,
    fields: record.fields,
    size: record.size,
    sha256,
    block: isResource ? null : block,
    certificates: isResource && block ? await certificates(block) : [],
    blockDigestHolds: record.field("WARC-Block-Digest") === `sha256:${sha256}`,
  };
}

/** As much of a block as will be looked into. */
class Kept {
  constructor(record, isLog) {
    const uri = record.field("WARC-Target-URI") ?? "";
    const whole = record.type === WARCINFO || isLog || (record.type === RESOURCE && !uri.startsWith(RENDERING));
    this._room = null;
    if (record.type === REQUEST) this._room = new Uint8Array(Math.min(record.size, METHOD));
    else if (whole && record.size <= MAX_KEPT) this._room = new Uint8Array(record.size);
    this._held = 0;
  }

  add(piece) {
    if (!this._room) return;
    const taken = piece.subarray(0, this._room.length - this._held);
    this._room.set(taken, this._held);
    this._held += taken.length;
  }

  bytes() {
    return this._room;
  }
}

const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";
const LINE = /^[A-Za-z0-9+/]{1,64}={0,2}$/;

/** SHA-256 of each DER certificate; none if `pem` is not certificates in PEM from its first byte to its last. */
async function certificates(pem) {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(pem);
  const found = [];
  let lines = null;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    const line = text.slice(at, end);
    if (end < 0) return [];
    at = end + 1;
    if (lines === null) {
      if (line !== BEGIN || found.length === MAX_CHAIN) return [];
      lines = [];
    } else if (line === END) {
      const der = lines.length ? decoded(lines.join("")) : null;
      if (!der) return [];
      found.push(hex(new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", der))));
      lines = null;
    } else {
      if (!LINE.test(line)) return [];
      lines.push(line);
    }
  }
  return lines === null ? found : [];
}

/** What base64 stands for: padded, though there may be too much of it, as in the other verifier; null if it is none. */
function decoded(text) {
  const [, body, padding] = /^([A-Za-z0-9+/]*)(={0,2})$/.exec(text) ?? [];
  if (body === undefined || body.length % 4 === 1) return null;
  if (body.length % 4 && (body.length % 4) + padding.length < 4) return null;
  return Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
}
