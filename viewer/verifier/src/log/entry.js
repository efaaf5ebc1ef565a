/** What the log holds of a capture's attestation: its id and digest, and nothing that says what was captured. */

import { canonical } from "../canonical.js";
import { MalformedCaptureId, MalformedEntry } from "../errors.js";
import { captureIdTime } from "../timestamps.js";

export const ENTRY_TYPE = "https://sijill.org/log-entry/v1";

const SHA256 = /^[0-9a-f]{64}$/;

/**
 * The leaf data of a capture's attestation: RFC 8785 bytes.
 *
 * @param {string} id the capture id
 * @param {string} envelopeSha256 lowercase hexadecimal SHA-256 of the envelope file exactly as stored
 * @returns {Uint8Array}
 */
export function captureEntry(id, envelopeSha256) {
  try {
    captureIdTime(id);
  } catch (error) {
    throw error instanceof MalformedCaptureId ? new MalformedEntry(`id: ${error.reason}`) : error;
  }
  if (!SHA256.test(envelopeSha256)) {
    throw new MalformedEntry("envelopeSha256: not 64 lowercase hexadecimal digits");
  }
  return canonical({ type: ENTRY_TYPE, kind: "capture", id, envelopeSha256 });
}
