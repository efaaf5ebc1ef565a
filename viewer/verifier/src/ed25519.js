/**
 * Ed25519 (RFC 8032) as OpenSSL verifies it, in every browser alike: without cofactor, by comparing the encoding of R,
 * with S below the order. Browsers' own differ in what they do with points of small order.
 */

import { ed25519 } from "@noble/curves/ed25519";
import { sha512 } from "@noble/hashes/sha2";

import { bigEndian, joined, sameBytes } from "./encoding.js";

export const KEY_SIZE = 32;
export const SIGNATURE_SIZE = 64;

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;

/**
 * Whether `signature` is the pure Ed25519 signature of `message` by the key.
 *
 * @param {Uint8Array} publicKey 32 bytes
 * @param {Uint8Array} message
 * @param {Uint8Array} signature
 * @returns {Promise<boolean>}
 */
export async function verifyEd25519(publicKey, message, signature) {
  return verifies(publicKey, message, signature);
}

/**
 * The same, at once.
 *
 * @param {Uint8Array} publicKey
 * @param {Uint8Array} message
 * @param {Uint8Array} signature
 * @returns {boolean}
 */
export function verifies(publicKey, message, signature) {
  if (publicKey.length !== KEY_SIZE || signature.length !== SIGNATURE_SIZE) {
    return false;
  }
  const encoded = signature.subarray(0, KEY_SIZE);
  const factor = littleEndian(signature.subarray(KEY_SIZE));
  // RFC 8032 §5.1.7: without this, one signature could be written in several ways.
  if (factor >= ORDER) {
    return false;
  }
  const key = pointOf(publicKey);
  if (key === null) {
    return false;
  }
  const challenge = littleEndian(sha512(joined(encoded, publicKey, message))) % ORDER;
  const expected = Point.BASE.multiplyUnsafe(factor).add(key.negate().multiplyUnsafe(challenge));
  return sameBytes(expected.toBytes(), encoded);
}

/** @param {Uint8Array} publicKey */
function pointOf(publicKey) {
  try {
    // Leniently, as OpenSSL does: the auditor's own keys are taken as they are written.
    return Point.fromBytes(publicKey, true);
  } catch {
    // The library throws plain errors for bytes that are no point.
    return null;
  }
}

/** @param {Uint8Array} data */
function littleEndian(data) {
  return bigEndian(data.slice().reverse());
}
