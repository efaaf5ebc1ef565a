/**
 * DSSE v1 envelopes as RFC 8785 files: strict parsing, and which trusted keys signed.
 *
 * The form, protocol and pre-authentication encoding are those of github.com/secure-systems-lab/dsse, v1.0.
 */

import { sha256 } from "@noble/hashes/sha2";

import { parseCanonical } from "./canonical.js";
import { NotBase64, fromBase64, hex, joined, utf8 } from "./encoding.js";
import { MalformedEnvelope, MalformedJson } from "./errors.js";
import { SIGNATURE_SIZE } from "./ed25519.js";
import { beginning, byCodePoints, lengthOf, quoted } from "./text.js";

/** The payload type of an in-toto Statement. */
export const PAYLOAD_TYPE = "application/vnd.in-toto+json";

/** The largest envelope file accepted, in bytes. */
export const MAX_ENVELOPE = 64 * 2 ** 20;
export const MAX_SIGNATURES = 16;

const KEYID = /^[0-9a-f]{64}$/;
const MAX_PAYLOAD_TYPE = 200;

/**
 * @typedef {object} Signature one signature; `keyid` is a claim until it is verified
 * @property {string} keyid
 * @property {Uint8Array} sig
 *
 * @typedef {object} Envelope a payload with its signatures, none of them verified yet
 * @property {string} payloadType
 * @property {Uint8Array} payload
 * @property {Signature[]} signatures
 */

/**
 * The DSSE v1 pre-authentication encoding of a payload: what is signed in its place.
 *
 * @param {string} payloadType
 * @param {Uint8Array} payload
 * @returns {Uint8Array}
 */
export function signedBytes(payloadType, payload) {
  const kind = utf8(payloadType);
  return joined(utf8(`DSSEv1 ${kind.length} `), kind, utf8(` ${payload.length} `), payload);
}

/**
 * The keyids among `trusted` whose signature is here and verifies. A signature counts only under the key it names.
 *
 * @param {Envelope} envelope
 * @param {Iterable<import("./keys.js").PublicKey>} trusted
 * @returns {Set<string>}
 */
export function verifiedBy(envelope, trusted) {
  const keys = new Map([...trusted].map((key) => [key.keyid, key]));
  const message = signedBytes(envelope.payloadType, envelope.payload);
  const good = envelope.signatures.filter(({ keyid, sig }) => keys.get(keyid)?.verify(sig, message));
  return new Set(good.map(({ keyid }) => keyid));
}

/**
 * Parse an envelope file, accepting only the one form of it (signatures in any order).
 *
 * @param {Uint8Array} data
 * @returns {Envelope}
 */
export function parseEnvelope(data) {
  const members = membersOf(parsed(data), "envelope", ["payload", "payloadType", "signatures"]);
  const payloadType = textOf(members.payloadType, "payloadType", MAX_PAYLOAD_TYPE);
  const listed = members.signatures;
  if (!Array.isArray(listed) || listed.length < 1 || listed.length > MAX_SIGNATURES) {
    throw new MalformedEnvelope(`signatures: not a list of 1 to ${MAX_SIGNATURES}`);
  }
  const signatures = listed.map((item, place) => signatureOf(item, `signatures.${place}`));
  if (new Set(signatures.map(({ keyid }) => keyid)).size !== signatures.length) {
    throw new MalformedEnvelope("signatures: a keyid occurs twice");
  }
  return { payloadType, payload: bytesOf(members.payload, "payload"), signatures };
}

/**
 * `envelopeSha256`: lowercase hexadecimal SHA-256 of the envelope file exactly as stored.
 *
 * @param {Uint8Array} data
 * @returns {string}
 */
export function envelopeSha256(data) {
  return hex(sha256(data));
}

/** @param {Uint8Array} data */
function parsed(data) {
  try {
    return parseCanonical(data, { limit: MAX_ENVELOPE });
  } catch (error) {
    throw error instanceof MalformedJson ? new MalformedEnvelope(error.reason) : error;
  }
}

/**
 * @param {unknown} value
 * @param {string} path
 * @returns {Signature}
 */
function signatureOf(value, path) {
  const members = membersOf(value, path, ["keyid", "sig"]);
  const keyid = textOf(members.keyid, `${path}.keyid`, 64);
  if (!KEYID.test(keyid)) {
    throw new MalformedEnvelope(`${path}.keyid: not 64 lowercase hexadecimal digits`);
  }
  const sig = bytesOf(members.sig, `${path}.sig`);
  if (sig.length !== SIGNATURE_SIZE) {
    throw new MalformedEnvelope(`${path}.sig: ${sig.length} bytes, an Ed25519 signature has ${SIGNATURE_SIZE}`);
  }
  return { keyid, sig };
}

/**
 * @param {unknown} value
 * @param {string} path
 * @param {string[]} names in their order
 * @returns {Record<string, any>}
 */
function membersOf(value, path, names) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MalformedEnvelope(`${path}: not an object`);
  }
  const unknown = Object.keys(value).filter((name) => !names.includes(name));
  if (unknown.length) {
    const first = unknown.sort(byCodePoints)[0];
    throw new MalformedEnvelope(`${path}: unknown member ${quoted(beginning(first, 80))}`);
  }
  const missing = names.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) {
    throw new MalformedEnvelope(`${path}: no member ${quoted(missing)}`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @param {string} path
 * @param {number} limit
 */
function textOf(value, path, limit) {
  if (typeof value !== "string" || !value || lengthOf(value) > limit) {
    throw new MalformedEnvelope(`${path}: not a string of 1 to ${limit} characters`);
  }
  return value;
}

/**
 * @param {unknown} value
 * @param {string} path
 */
function bytesOf(value, path) {
  if (typeof value !== "string") {
    throw new MalformedEnvelope(`${path}: not a string`);
  }
  try {
    return fromBase64(value);
  } catch (error) {
    throw error instanceof NotBase64 ? new MalformedEnvelope(`${path}: ${error.reason}`) : error;
  }
}
