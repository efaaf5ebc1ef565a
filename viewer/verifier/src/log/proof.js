/** The proof an auditor keeps: index, audit path and checkpoint in one text (`c2sp.org/tlog-proof@v1`). */

import { NotBase64, fromBase64, fromUtf8 } from "../encoding.js";
import { MalformedCheckpoint, MalformedProof } from "../errors.js";
import { beginning, quoted } from "../text.js";
import { parseCheckpoint, parseDecimal } from "./checkpoint.js";
import { HASH_SIZE, leafHash, verifyInclusion } from "./merkle.js";

export const HEADER = "c2sp.org/tlog-proof@v1";

/** The largest proof accepted, in bytes. */
export const MAX_PROOF = 2 ** 20 + 8_192;
export const MAX_HASHES = 63;

const NEWLINE = 10;

/** That an entry is in a log, if its checkpoint is genuine: verify the checkpoint's signature first. */
export class LogProof {
  /**
   * @param {bigint} index
   * @param {Uint8Array[]} hashes
   * @param {import("./checkpoint.js").SignedCheckpoint} checkpoint
   */
  constructor(index, hashes, checkpoint) {
    this.index = index;
    this.hashes = hashes;
    this.checkpoint = checkpoint;
  }

  /**
   * Check that `entry` is the leaf at `index` under the checkpoint's root.
   *
   * @param {Uint8Array} entry
   */
  verify(entry) {
    const tree = this.checkpoint.checkpoint;
    verifyInclusion(leafHash(entry), this.index, tree.size, this.hashes, tree.root);
  }
}

/**
 * Parse a proof. Nothing is verified.
 *
 * The format allows a line of extra data that nothing authenticates. sijill writes none and refuses it, so that no byte
 * of a package is without meaning.
 *
 * @param {Uint8Array} data
 * @returns {LogProof}
 */
export function parseProof(data) {
  if (data.length > MAX_PROOF) {
    throw new MalformedProof(`${data.length} bytes, limit ${MAX_PROOF}`);
  }
  const end = data.findIndex((byte, place) => byte === NEWLINE && data[place + 1] === NEWLINE);
  if (end < 0) {
    throw new MalformedProof("no empty line before the checkpoint");
  }
  const head = data.subarray(0, end);
  const beyond = head.findIndex((byte) => byte > 0x7f);
  if (beyond >= 0) {
    throw new MalformedProof(`not ASCII at byte ${beyond}`);
  }
  const [header, ...lines] = fromUtf8(head).split("\n");
  if (header !== HEADER) {
    throw new MalformedProof(`the first line is not ${HEADER}`);
  }
  const index = indexOf(lines);
  if (lines.length > MAX_HASHES + 1) {
    throw new MalformedProof(`more than ${MAX_HASHES} hashes`);
  }
  const checkpoint = checkpointOf(data.subarray(end + 2));
  return new LogProof(index, lines.slice(1).map(hashOf), checkpoint);
}

/** @param {string[]} lines */
function indexOf(lines) {
  if (lines[0]?.startsWith("extra ")) {
    throw new MalformedProof("extra data");
  }
  if (!lines[0]?.startsWith("index ")) {
    throw new MalformedProof("no index");
  }
  const digits = lines[0].slice("index ".length);
  const index = parseDecimal(digits);
  if (index === null) {
    throw new MalformedProof(`index ${quoted(beginning(digits, 40))}`);
  }
  return index;
}

/** @param {Uint8Array} note */
function checkpointOf(note) {
  try {
    return parseCheckpoint(note);
  } catch (error) {
    throw error instanceof MalformedCheckpoint ? new MalformedProof(`checkpoint: ${error.reason}`) : error;
  }
}

/** @param {string} line */
function hashOf(line) {
  try {
    const value = fromBase64(line);
    if (value.length === HASH_SIZE) {
      return value;
    }
  } catch (error) {
    if (!(error instanceof NotBase64)) {
      throw error;
    }
    if (!error.spare) {
      throw new MalformedProof("a hash is not base64");
    }
  }
  throw new MalformedProof(`a hash is not the standard base64 of ${HASH_SIZE} bytes`);
}
