/** What is checked of a timestamp beside its signature and its certificate path (RFC 3161, RFC 5652, RFC 5816). */

import { sha1 } from "@noble/hashes/legacy";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2";

import { algorithmOf, digestName, keyKind, signatureKind } from "./algorithms.js";
import { DIRECTORY_NAME } from "./certificates.js";
import { INTEGER, OCTET_STRING, OID, Row, SEQUENCE, integerOf, oidOf } from "./der.js";
import { sameBytes } from "./encoding.js";
import { MalformedCertificate, MalformedDer, UnverifiedTimestamp } from "./errors.js";
import { areSameNames } from "./names.js";
import { TST_INFO, remarksOf } from "./timestamp_token.js";

const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";

/** Digests that imprints and signatures may be by. */
export const DIGESTS = ["sha256", "sha384", "sha512"];

/** @type {Record<string, (data: Uint8Array) => Uint8Array>} */
const FUNCTIONS = { sha1, sha256, sha384, sha512 };

/** Kinds of signatures that count, and the kinds of keys that make them. */
const SIGNING_KEYS = new Map([
  ["rsassa_pkcs1v15", "rsa"],
  ["ecdsa", "ec"],
]);

const CONTENT_TYPE = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
const SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12";
const SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47";
const ATTRIBUTE_NAMES = new Map([
  [CONTENT_TYPE, "content_type"],
  [MESSAGE_DIGEST, "message_digest"],
  ["1.2.840.113549.1.9.5", "signing_time"],
  ["1.2.840.113549.1.9.52", "cms_algorithm_protection"],
  [SIGNING_CERTIFICATE, "signing_certificate"],
  [SIGNING_CERTIFICATE_V2, "signing_certificate_v2"],
]);

/**
 * @typedef {import("./certificates.js").Certificate} Certificate
 * @typedef {import("./der.js").Element} Element
 * @typedef {import("./timestamp_token.js").SignedData} SignedData
 * @typedef {import("./timestamp_token.js").SignerInfo} SignerInfo
 * @typedef {import("./timestamp_token.js").Attribute} Attribute
 * @typedef {import("./timestamp_token.js").Info} Info
 */

/**
 * The digest of `data`.
 *
 * @param {string} name one of `DIGESTS`, or `sha1`
 * @param {Uint8Array} data
 * @returns {Uint8Array}
 */
export function digestOf(name, data) {
  return FUNCTIONS[name](data);
}

/**
 * Check that the certificate was valid at `time` and is for timestamps alone.
 *
 * @param {Certificate} certificate
 * @param {bigint} time microseconds since 1970
 */
export function checkSigner(certificate, time) {
  if (time < certificate.notBefore || time > certificate.notAfter) {
    throw new UnverifiedTimestamp("the certificate of its signer was not valid at its time");
  }
  // RFC 3161 §2.3: one extended key usage, timeStamping, and it must be critical.
  const usage = usageOf(certificate);
  if (usage === null) {
    throw new UnverifiedTimestamp("the certificate of its signer is not for timestamps: no extended key usage");
  }
  if (usage.purposes.length !== 1 || usage.purposes[0] !== TIME_STAMPING) {
    throw new UnverifiedTimestamp("the certificate of its signer is not for timestamps, or not for them alone");
  }
  if (!usage.critical) {
    throw new UnverifiedTimestamp("the certificate of its signer is for timestamps, but does not say so critically");
  }
}

/** @param {Certificate} certificate */
function usageOf(certificate) {
  try {
    // What is not asked for here must be readable, too.
    certificate.checkExtensions();
    return certificate.extendedUsage;
  } catch (error) {
    if (error instanceof MalformedCertificate) {
      throw new UnverifiedTimestamp(`the certificate of its signer cannot be read: ${error.reason}`);
    }
    throw error;
  }
}

/**
 * Check that all that is signed agrees: with the content, the signer's certificate and the algorithms named.
 *
 * @param {SignedData} signed
 * @param {SignerInfo} signer
 * @param {Info} info what the content says
 * @param {Certificate} certificate the signer's
 */
export function checkSigned(signed, signer, info, certificate) {
  const digest = digestName(signer.digestAlgorithm.oid);
  if (!DIGESTS.includes(digest)) {
    throw new UnverifiedTimestamp(`its signature is by ${digest}, which is weaker than SHA-256 or unknown`);
  }
  if (!signed.digestAlgorithms.includes(signer.digestAlgorithm.oid)) {
    throw new UnverifiedTimestamp("its signature is by a digest that it does not name");
  }
  checkAlgorithm(signer.signatureAlgorithm.oid, digest, certificate);
  const attributes = distinct(signer.attributes);
  if (!isOfType(onlyOf(attributes, CONTENT_TYPE).as(OID), TST_INFO)) {
    throw new UnverifiedTimestamp("its signature is for another type of content");
  }
  const said = onlyOf(attributes, MESSAGE_DIGEST).as(OCTET_STRING).contents;
  if (!sameBytes(said, digestOf(digest, signed.content))) {
    throw new UnverifiedTimestamp("its signature is over other content");
  }
  checkBinding(attributes, certificate);
  const { hasCriticalExtension, authority } = remarksOf(info);
  if (hasCriticalExtension) {
    throw new UnverifiedTimestamp("it has a critical extension that is not known");
  }
  if (!isNamed(authority, certificate)) {
    throw new UnverifiedTimestamp("the authority that it names is not that of the certificate");
  }
}

/**
 * Whether an object identifier is this one; one that is not well formed is another.
 *
 * @param {Element} found
 * @param {string} oid
 */
function isOfType(found, oid) {
  try {
    return oidOf(found) === oid;
  } catch (error) {
    if (error instanceof MalformedDer) {
      return false;
    }
    throw error;
  }
}

/**
 * @param {string} oid
 * @param {string} digest
 * @param {Certificate} certificate
 */
function checkAlgorithm(oid, digest, certificate) {
  // Not protected by the signature, so it must say what the rest says.
  const algorithm = signatureKind(oid);
  if (algorithm === null) {
    throw new MalformedDer(`a signature of the unknown kind ${oid}`);
  }
  const key = keyKind(certificate.keyAlgorithm.oid);
  if (key === null) {
    throw new MalformedDer(`'${certificate.keyAlgorithm.oid}'`);
  }
  if (key !== SIGNING_KEYS.get(algorithm.kind)) {
    throw new UnverifiedTimestamp(`a signature of kind ${algorithm.kind} by a key of kind ${key}`);
  }
  // RFC 3370 §3.2: rsaEncryption alone names no digest.
  if (algorithm.digest !== null && algorithm.digest !== digest) {
    throw new UnverifiedTimestamp(`a signature by ${algorithm.digest} over attributes by ${digest}`);
  }
}

/** @param {Attribute[] | null} signed */
function distinct(signed) {
  if (!signed?.length) {
    // RFC 5652 §5.3: they must be there if the content is not plain data.
    throw new UnverifiedTimestamp("it has no signed attributes");
  }
  /** @type {Map<string, Element[]>} */
  const attributes = new Map();
  for (const { oid, values } of signed) {
    if (attributes.has(oid)) {
      throw new UnverifiedTimestamp(`it has two signed attributes of type ${ATTRIBUTE_NAMES.get(oid) ?? oid}`);
    }
    attributes.set(oid, values);
  }
  return attributes;
}

/**
 * @param {Map<string, Element[]>} attributes
 * @param {string} oid
 */
function onlyOf(attributes, oid) {
  const values = attributes.get(oid);
  if (values?.length !== 1) {
    throw new UnverifiedTimestamp(`it has not exactly one signed attribute ${ATTRIBUTE_NAMES.get(oid)}`);
  }
  return values[0];
}

/**
 * RFC 3161 §2.4.2, RFC 5816 §2.2.1: the signature names the certificate that it is to be verified with.
 *
 * @param {Map<string, Element[]>} attributes
 * @param {Certificate} certificate
 */
function checkBinding(attributes, certificate) {
  const named = [SIGNING_CERTIFICATE_V2, SIGNING_CERTIFICATE].filter((oid) => attributes.has(oid));
  if (!named.length) {
    throw new UnverifiedTimestamp("its signature is bound to no certificate");
  }
  for (const oid of named) {
    const { algorithm, hash, issuer } = boundTo(onlyOf(attributes, oid), oid === SIGNING_CERTIFICATE_V2);
    if (![...DIGESTS, "sha1"].includes(algorithm)) {
      throw new UnverifiedTimestamp(`its signature is bound to a certificate by ${algorithm}`);
    }
    if (!sameBytes(hash, digestOf(algorithm, certificate.der)) || !isIssuer(issuer, certificate)) {
      throw new UnverifiedTimestamp("its signature is bound to another certificate");
    }
  }
}

/**
 * The first certificate that the attribute names: ESSCertID or ESSCertIDv2.
 *
 * @param {Element} value
 * @param {boolean} isSecondForm
 */
function boundTo(value, isSecondForm) {
  const listed = new Row(new Row(value.as(SEQUENCE).elements).next(SEQUENCE).elements);
  const row = new Row(listed.next(SEQUENCE).elements);
  // RFC 2634 §5.4.1: the first form is always by SHA-1, and needs no collision resistance.
  const named = isSecondForm ? row.maybe(SEQUENCE) : null;
  const unnamed = isSecondForm ? "sha256" : "sha1";
  const algorithm = named === null ? unnamed : digestName(algorithmOf(named).oid);
  const hash = row.next(OCTET_STRING).contents;
  const issuer = row.maybe(SEQUENCE);
  row.end();
  return { algorithm, hash, issuer };
}

/**
 * @param {Element | null} named IssuerSerial
 * @param {Certificate} certificate
 */
function isIssuer(named, certificate) {
  if (named === null) {
    return true;
  }
  const row = new Row(named.elements);
  const names = row.next(SEQUENCE).elements;
  const serial = integerOf(row.next(INTEGER));
  const same = names.length === 1 && isDirectoryName(names[0], certificate.issuer);
  return same && serial === certificate.serial;
}

/**
 * RFC 3161 §2.4.2: the name, if there is one, must be one of those in the certificate.
 *
 * @param {Element | null} authority
 * @param {Certificate} certificate
 */
function isNamed(authority, certificate) {
  if (authority === null) {
    return true;
  }
  const { subject, subjectNames } = certificate;
  return isDirectoryName(authority, subject) || subjectNames.some((name) => sameBytes(name, authority.whole));
}

/**
 * @param {Element} general a GeneralName
 * @param {Uint8Array} name
 */
function isDirectoryName(general, name) {
  return general.tag === DIRECTORY_NAME && areSameNames(general.contents, name);
}
