/** Signatures by the keys of certificates: RSA and ECDSA by the browser's own WebCrypto, Ed25519 by ours. */

import { EC_KEY, ED25519, RSA_KEY, pssParameters, signatureKind } from "./algorithms.js";
import { INTEGER, OID, SEQUENCE, integerOf, oidOf, single } from "./der.js";
import { verifies } from "./ed25519.js";
import { MalformedDer } from "./errors.js";

/** Names of curves in WebCrypto, with the bytes of a number. */
const CURVES = new Map([
  ["1.2.840.10045.3.1.7", { namedCurve: "P-256", size: 32 }],
  ["1.3.132.0.34", { namedCurve: "P-384", size: 48 }],
  ["1.3.132.0.35", { namedCurve: "P-521", size: 66 }],
]);

/** Names of digests in WebCrypto. */
const HASHES = new Map([
  ["sha1", "SHA-1"],
  ["sha256", "SHA-256"],
  ["sha384", "SHA-384"],
  ["sha512", "SHA-512"],
]);

/**
 * @typedef {import("./certificates.js").Certificate} Certificate
 *
 * @typedef {(signature: Uint8Array, message: Uint8Array) => Promise<boolean>} Check whether a signature verifies
 */

/**
 * Whether `certificate` was signed with the key in `issuer`; null if the signature is of a kind that is not known here.
 *
 * @param {Certificate} certificate
 * @param {Certificate} issuer
 * @returns {Promise<boolean | null>}
 */
export async function isIssuedBy({ signatureAlgorithm, signature, body }, issuer) {
  const kind = signatureKind(signatureAlgorithm.oid);
  if (kind?.kind === "ed25519") {
    return issuer.keyAlgorithm.oid === ED25519 && verifies(issuer.key, body, signature);
  }
  if (kind?.kind === "rsassa_pss") {
    const parameters = pssParameters(signatureAlgorithm);
    const hash = parameters && HASHES.get(parameters.digest);
    if (!parameters || !hash || issuer.keyAlgorithm.oid !== RSA_KEY) {
      return null;
    }
    const { saltLength } = parameters;
    return holds(issuer, { name: "RSA-PSS", hash }, { name: "RSA-PSS", saltLength }, signature, body);
  }
  const check = kind && kind.digest !== null ? checkOf(issuer, kind.kind, kind.digest) : null;
  return check && check(signature, body);
}

/**
 * How signatures of a kind and by a digest are checked with the key in `certificate`; null if such keys, or such
 * signatures, are not known here.
 *
 * @param {Certificate} certificate
 * @param {string} kind `rsassa_pkcs1v15` or `ecdsa`
 * @param {string} digest
 * @returns {Check | null}
 */
export function checkOf(certificate, kind, digest) {
  const hash = HASHES.get(digest);
  const { oid, parameters } = certificate.keyAlgorithm;
  if (hash !== undefined && kind === "rsassa_pkcs1v15" && oid === RSA_KEY) {
    const name = "RSASSA-PKCS1-v1_5";
    return (signature, message) => holds(certificate, { name, hash }, { name }, signature, message);
  }
  const curve = parameters?.tag === OID ? CURVES.get(oidOf(parameters)) : undefined;
  if (hash === undefined || kind !== "ecdsa" || oid !== EC_KEY || curve === undefined) {
    return null;
  }
  const { namedCurve, size } = curve;
  return async (signature, message) => {
    const numbers = plainSignature(signature, size);
    const [name, use] = ["ECDSA", { name: "ECDSA", hash }];
    return numbers !== null && holds(certificate, { name, namedCurve }, use, numbers, message);
  };
}

/**
 * @param {Certificate} certificate
 * @param {any} kind
 * @param {any} use
 * @param {Uint8Array} signature
 * @param {Uint8Array} message
 */
async function holds(certificate, kind, use, signature, message) {
  const { subtle } = globalThis.crypto;
  try {
    const key = await subtle.importKey("spki", certificate.spki, kind, false, ["verify"]);
    return await subtle.verify(use, key, signature, message);
  } catch (error) {
    // WebCrypto §14.3: what it throws for a key that is none.
    if (error instanceof DOMException) {
      return false;
    }
    throw error;
  }
}

/**
 * An ECDSA signature in DER (RFC 3279 §2.2.3) as WebCrypto takes it: its two numbers, one after the other; null if it
 * is none.
 *
 * @param {Uint8Array} signature
 * @param {number} size bytes of a number
 */
function plainSignature(signature, size) {
  let numbers;
  try {
    numbers = single(signature, SEQUENCE).elements.map((number) => integerOf(number.as(INTEGER)));
  } catch (error) {
    if (error instanceof MalformedDer) {
      return null;
    }
    throw error;
  }
  const beyond = 1n << BigInt(8 * size);
  if (numbers.length !== 2 || numbers.some((number) => number <= 0n || number >= beyond)) {
    return null;
  }
  const digits = numbers.map((number) => number.toString(16).padStart(2 * size, "0")).join("");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
