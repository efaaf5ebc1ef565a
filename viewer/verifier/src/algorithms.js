/** Algorithm identifiers (RFC 5280 §4.1.1.2) and the names of those in use. */

import { INTEGER, NULL, OID, Row, SEQUENCE, integerOf, oidOf, single, tagged } from "./der.js";
import { MalformedDer } from "./errors.js";

export const RSA_KEY = "1.2.840.113549.1.1.1";
export const RSA_PSS = "1.2.840.113549.1.1.10";
export const EC_KEY = "1.2.840.10045.2.1";
export const ED25519 = "1.3.101.112";

const MGF1 = "1.2.840.113549.1.1.8";
const DEFAULT_SALT = 20n;

const DIGEST_NAMES = new Map([
  ["1.2.840.113549.2.2", "md2"],
  ["1.2.840.113549.2.5", "md5"],
  ["1.3.14.3.2.26", "sha1"],
  ["2.16.840.1.101.3.4.2.4", "sha224"],
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
  ["2.16.840.1.101.3.4.2.5", "sha512_224"],
  ["2.16.840.1.101.3.4.2.6", "sha512_256"],
  ["2.16.840.1.101.3.4.2.7", "sha3_224"],
  ["2.16.840.1.101.3.4.2.8", "sha3_256"],
  ["2.16.840.1.101.3.4.2.9", "sha3_384"],
  ["2.16.840.1.101.3.4.2.10", "sha3_512"],
  ["2.16.840.1.101.3.4.2.11", "shake128"],
  ["2.16.840.1.101.3.4.2.12", "shake256"],
  ["2.16.840.1.101.3.4.2.17", "shake128_len"],
  ["2.16.840.1.101.3.4.2.18", "shake256_len"],
]);

/** Signatures: their kinds, and the digests that they name; null where the identifier names none. */
const SIGNATURES = new Map([
  [RSA_KEY, { kind: "rsassa_pkcs1v15", digest: null }],
  ["1.2.840.113549.1.1.4", { kind: "rsassa_pkcs1v15", digest: "md5" }],
  ["1.2.840.113549.1.1.5", { kind: "rsassa_pkcs1v15", digest: "sha1" }],
  ["1.2.840.113549.1.1.14", { kind: "rsassa_pkcs1v15", digest: "sha224" }],
  ["1.2.840.113549.1.1.11", { kind: "rsassa_pkcs1v15", digest: "sha256" }],
  ["1.2.840.113549.1.1.12", { kind: "rsassa_pkcs1v15", digest: "sha384" }],
  ["1.2.840.113549.1.1.13", { kind: "rsassa_pkcs1v15", digest: "sha512" }],
  [RSA_PSS, { kind: "rsassa_pss", digest: null }],
  ["1.2.840.10040.4.3", { kind: "dsa", digest: "sha1" }],
  ["2.16.840.1.101.3.4.3.2", { kind: "dsa", digest: "sha256" }],
  ["1.2.840.10045.4.1", { kind: "ecdsa", digest: "sha1" }],
  ["1.2.840.10045.4.3.1", { kind: "ecdsa", digest: "sha224" }],
  ["1.2.840.10045.4.3.2", { kind: "ecdsa", digest: "sha256" }],
  ["1.2.840.10045.4.3.3", { kind: "ecdsa", digest: "sha384" }],
  ["1.2.840.10045.4.3.4", { kind: "ecdsa", digest: "sha512" }],
  [ED25519, { kind: "ed25519", digest: "sha512" }],
]);

const KEY_KINDS = new Map([
  [RSA_KEY, "rsa"],
  [RSA_PSS, "rsassa_pss"],
  ["1.2.840.10040.4.1", "dsa"],
  [EC_KEY, "ec"],
  [ED25519, "ed25519"],
  ["1.2.840.113549.1.1.7", "rsaes_oaep"],
  ["1.2.840.10046.2.1", "dh"],
  ["1.3.101.110", "x25519"],
  ["1.3.101.111", "x448"],
  ["1.3.101.113", "ed448"],
]);

/** Those that take parameters; others that are known take NULL at most (RFC 5754 §2, RFC 5758 §3.2). */
const WITH_PARAMETERS = [RSA_PSS, "1.2.840.113549.2.2", "2.16.840.1.101.3.4.2.17", "2.16.840.1.101.3.4.2.18"];

/**
 * @typedef {object} Algorithm an AlgorithmIdentifier
 * @property {string} oid
 * @property {import("./der.js").Element | null} parameters
 */

/**
 * @param {import("./der.js").Element | undefined} found
 * @returns {Algorithm}
 */
export function algorithmOf(found) {
  if (found === undefined) {
    throw new MalformedDer("an algorithm is missing");
  }
  const [identifier, parameters, ...more] = found.as(SEQUENCE).elements;
  if (identifier === undefined || more.length) {
    throw new MalformedDer("an algorithm of more than identifier and parameters");
  }
  const oid = oidOf(identifier.as(OID));
  const isPlain = (DIGEST_NAMES.has(oid) || SIGNATURES.has(oid)) && !WITH_PARAMETERS.includes(oid);
  const isNull = parameters?.tag === NULL && !parameters.contents.length;
  const isOdd = isPlain && parameters !== undefined && (oid === ED25519 || !isNull);
  // RFC 5480 §2.1.1: a curve by its name, or by all that it is.
  if (isOdd || (oid === EC_KEY && ![OID, SEQUENCE, NULL].includes(parameters?.tag ?? 0))) {
    throw new MalformedDer("an algorithm with parameters that it does not take");
  }
  if (oid === EC_KEY && parameters?.tag === OID) {
    oidOf(parameters);
  }
  return { oid, parameters: parameters ?? null };
}

/**
 * What a digest is called; its object identifier if it is not known.
 *
 * @param {string} oid
 * @returns {string}
 */
export function digestName(oid) {
  return DIGEST_NAMES.get(oid) ?? oid;
}

/**
 * Of which kind a signature is, and by which digest, if it names one; null if it is not known.
 *
 * @param {string} oid
 * @returns {{kind: string, digest: string | null} | null}
 */
export function signatureKind(oid) {
  return SIGNATURES.get(oid) ?? null;
}

/**
 * Of which kind a key is; null if it is not known.
 *
 * @param {string} oid
 * @returns {string | null}
 */
export function keyKind(oid) {
  return KEY_KINDS.get(oid) ?? null;
}

/**
 * Digest and salt of an RSASSA-PSS signature (RFC 4055 §3.1); null if it uses two digests, as nobody does.
 *
 * @param {Algorithm} algorithm
 * @returns {{digest: string, saltLength: number} | null}
 */
export function pssParameters({ parameters }) {
  const row = new Row(parameters?.as(SEQUENCE).elements ?? []);
  const [hash, mask, salt, trailer] = [0, 1, 2, 3].map((number) => row.maybe(tagged(number)));
  row.end();
  const digest = hash ? digestName(algorithmOf(single(hash.contents, SEQUENCE)).oid) : "sha1";
  const masked = mask ? maskDigest(algorithmOf(single(mask.contents, SEQUENCE))) : "sha1";
  const size = salt ? integerOf(single(salt.contents, INTEGER)) : DEFAULT_SALT;
  const isUsual = !trailer || integerOf(single(trailer.contents, INTEGER)) === 1n;
  return digest === masked && isUsual && size >= 0n && size < 1_000n ? { digest, saltLength: Number(size) } : null;
}

/** @param {Algorithm} algorithm */
function maskDigest({ oid, parameters }) {
  return oid === MGF1 && parameters ? digestName(algorithmOf(parameters).oid) : null;
}
