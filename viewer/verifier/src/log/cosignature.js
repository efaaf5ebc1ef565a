/** Witness cosignatures of checkpoints, Ed25519, version 1 (c2sp.org/tlog-cosignature). */

import { bigEndian, utf8 } from "../encoding.js";
import { UnverifiedNote } from "../errors.js";
import { Algorithm } from "./note.js";

const TIME_SIZE = 8;
const LATEST = 2n ** 63n - 1n;

/**
 * Check that `witness` cosigned the checkpoint `note`, and return when it says it did, in POSIX seconds.
 *
 * It shows that the witness had seen no larger tree of this log, and none inconsistent with this one, by then.
 *
 * @param {import("./note.js").Note} note
 * @param {import("./note.js").NoteVerifier} witness
 * @returns {bigint}
 */
export function verifyCosignature(note, witness) {
  if (witness.algorithm !== Algorithm.COSIGNATURE_V1) {
    throw new UnverifiedNote(witness.name, "the key is not for cosignatures");
  }
  const line = witness.signatureIn(note);
  if (line === null) {
    throw new UnverifiedNote(witness.name, "no cosignature of this key");
  }
  const seconds = bigEndian(line.value.subarray(0, TIME_SIZE));
  if (seconds === 0n) {
    // c2sp.org/tlog-witness, add-checkpoint: a witness must not omit the time.
    throw new UnverifiedNote(witness.name, "the cosignature states no time");
  }
  const message = utf8(`cosignature/v1\ntime ${seconds}\n${note.text}`);
  if (seconds > LATEST || !witness.key.verify(line.value.subarray(TIME_SIZE), message)) {
    throw new UnverifiedNote(witness.name, "the cosignature does not verify");
  }
  return seconds;
}
