/** Checkpoints: what a log says its tree is at one size (c2sp.org/tlog-checkpoint). */

import { NotBase64, fromBase64, sameBytes } from "../encoding.js";
import { MalformedCheckpoint, MalformedNote } from "../errors.js";
import { beginning, quoted } from "../text.js";
import { EMPTY_ROOT, HASH_SIZE, MAX_SIZE } from "./merkle.js";
import { formatNote, parseNote } from "./note.js";

const DECIMAL = /^(?:0|[1-9][0-9]{0,18})$/;

/**
 * @typedef {object} Checkpoint a tree head; signed by nobody as such
 * @property {string} origin
 * @property {bigint} size
 * @property {Uint8Array} root
 * @property {string[]} extensions further lines
 */

/** A checkpoint with the note it was read from. Its signatures are unverified until `verify` returns. */
export class SignedCheckpoint {
  /**
   * @param {Checkpoint} checkpoint
   * @param {import("./note.js").Note} note
   */
  constructor(checkpoint, note) {
    this.checkpoint = checkpoint;
    this.note = note;
  }

  /** The note, byte for byte as it was parsed. */
  get data() {
    return formatNote(this.note);
  }

  /** The note with its first signature alone: what a log keeps of a checkpoint, and what authorities timestamp. */
  get firstSigned() {
    return formatNote({ text: this.note.text, signatures: this.note.signatures.slice(0, 1) });
  }

  /**
   * Check that the log whose key `verifier` is signed this checkpoint.
   *
   * @param {import("./note.js").NoteVerifier} verifier
   */
  verify(verifier) {
    if (verifier.name !== this.checkpoint.origin) {
      const [origin, name] = [this.checkpoint.origin, verifier.name].map(quoted);
      throw new MalformedCheckpoint(`origin ${origin}, the key is for ${name}`);
    }
    verifier.verify(this.note);
  }
}

/**
 * Parse a checkpoint. Nothing is verified.
 *
 * @param {Uint8Array} data
 * @returns {SignedCheckpoint}
 */
export function parseCheckpoint(data) {
  let note;
  try {
    note = parseNote(data);
  } catch (error) {
    throw error instanceof MalformedNote ? new MalformedCheckpoint(error.reason) : error;
  }
  return new SignedCheckpoint(parseText(note.text), note);
}

/**
 * The number that `text` is in ASCII digits without leading zeroes, at most `MAX_SIZE`; null if it is not.
 *
 * @param {string} text
 * @returns {bigint | null}
 */
export function parseDecimal(text) {
  const number = DECIMAL.test(text) ? BigInt(text) : null;
  return number !== null && number <= MAX_SIZE ? number : null;
}

/**
 * @param {string} text
 * @returns {Checkpoint}
 */
function parseText(text) {
  const lines = text.split("\n");
  if (lines.length < 4 || lines.pop() !== "" || lines.includes("")) {
    throw new MalformedCheckpoint("not three or more lines, each with text");
  }
  const [origin, digits, encoded, ...extensions] = lines;
  const size = parseDecimal(digits);
  if (size === null) {
    throw new MalformedCheckpoint(`size ${quoted(beginning(digits, 40))}`);
  }
  const root = rootOf(encoded);
  if (size === 0n && !sameBytes(root, EMPTY_ROOT)) {
    throw new MalformedCheckpoint("size 0 with the root of something");
  }
  return { origin, size, root, extensions };
}

/** @param {string} text */
function rootOf(text) {
  try {
    const root = fromBase64(text);
    if (root.length === HASH_SIZE) {
      return root;
    }
  } catch (error) {
    if (!(error instanceof NotBase64)) {
      throw error;
    }
    if (!error.spare) {
      throw new MalformedCheckpoint("root: not base64");
    }
  }
  throw new MalformedCheckpoint(`root: not the standard base64 of ${HASH_SIZE} bytes`);
}
