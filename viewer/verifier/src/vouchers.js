/** What outside parties of the trust root say of a moment: timestamps of authorities, cosignatures of witnesses. */

import { MalformedTimestampResponse, UnverifiedNote, UnverifiedTimestamp } from "./errors.js";
import { verifyCosignature } from "./log/cosignature.js";
import { isOver, parseResponse, verifyTimestamp } from "./timestamp.js";
import { SECOND } from "./timestamps.js";

// 9999-12-31T23:59:59Z: times beyond it are not written.
const LAST_SECOND = 253_402_300_799n;
const SECONDS_OF_YEAR = 31_556_952n;

/**
 * @typedef {import("./trust_root.js").TrustRoot} TrustRoot
 * @typedef {import("./report.js").Finding} Finding
 *
 * @typedef {object} Vouched what one outside party says of one moment, by the party's own clock
 * @property {string} party who; the same name is the same party
 * @property {bigint} earliest microseconds since 1970
 * @property {bigint} latest
 */

/**
 * What the timestamp in the response `data` says of `message`.
 *
 * Authorities are told apart by the root certificate that vouches for them, in the order of the trust root.
 *
 * @param {TrustRoot} trust
 * @param {Uint8Array} data
 * @param {Uint8Array} message
 * @returns {Promise<Vouched>}
 */
export async function stamped(trust, data, message) {
  if (!isOver(parseResponse(data), message)) {
    throw new MalformedTimestampResponse("it is over other bytes");
  }
  let reason = "the trust root names no authority";
  for (const [place, root] of trust.tsaRoots.entries()) {
    try {
      const { earliest, latest } = await verifyTimestamp(data, message, {
        roots: [root],
        intermediates: trust.tsaIntermediates,
        certificates: trust.tsaCertificates,
      });
      return { party: `timestamping authority ${place + 1}`, earliest, latest };
    } catch (error) {
      if (!(error instanceof UnverifiedTimestamp)) {
        throw error;
      }
      reason = error.reason;
    }
  }
  throw new UnverifiedTimestamp(reason);
}

/**
 * What the witnesses of the trust root say of a checkpoint by their cosignatures, and which of those are false.
 *
 * @param {TrustRoot} trust
 * @param {import("./log/checkpoint.js").SignedCheckpoint} signed
 * @returns {{vouched: Vouched[], false: Finding[]}}
 */
export function witnessed(trust, signed) {
  /** @type {{vouched: Vouched[], false: Finding[]}} */
  const found = { vouched: [], false: [] };
  for (const witness of trust.witnesses) {
    try {
      if (witness.signatureIn(signed.note) !== null) {
        const moment = momentOf(verifyCosignature(signed.note, witness), witness.name);
        found.vouched.push({ party: witness.name, earliest: moment, latest: moment });
      }
    } catch (error) {
      if (!(error instanceof UnverifiedNote)) {
        throw error;
      }
      found.false.push({ about: witness.name, found: error.message });
    }
  }
  return found;
}

/**
 * @param {bigint} seconds
 * @param {string} name
 */
function momentOf(seconds, name) {
  if (seconds > LAST_SECOND) {
    const error = new UnverifiedNote(name, `year ${1970n + seconds / SECONDS_OF_YEAR} is out of range`);
    error.message = error.reason;
    throw error;
  }
  return seconds * SECOND;
}
