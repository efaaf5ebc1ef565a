/** A timestamp token read element by element (RFC 3161, RFC 5652): what it says, whose signature it is, over what. */

import { algorithmOf } from "./algorithms.js";
import { Certificate, UnknownVersion, extensionOf } from "./certificates.js";
import {
  BOOLEAN,
  GENERALIZED_TIME,
  INTEGER,
  OCTET_STRING,
  OID,
  Row,
  SEQUENCE,
  SET,
  booleanOf,
  element,
  integerOf,
  oidOf,
  single,
  tagged,
  timeOf,
} from "./der.js";
import { sameBytes } from "./encoding.js";
import { MalformedDer, MalformedTimestampResponse, UnverifiedTimestamp } from "./errors.js";
import { relativeNames } from "./names.js";

export const SIGNED_DATA = "1.2.840.113549.1.7.2";
export const TST_INFO = "1.2.840.113549.1.9.16.1.4";

const CERTIFICATES = tagged(0);
const REVOCATIONS = tagged(1);
const MILLIS = 0x80;
const MICROS = 0x81;

/**
 * @typedef {import("./der.js").Element} Element
 * @typedef {import("./algorithms.js").Algorithm} Algorithm
 *
 * @typedef {object} Accuracy
 * @property {bigint} seconds
 * @property {bigint} millis
 * @property {bigint} micros
 *
 * @typedef {object} Info a TSTInfo
 * @property {bigint} version
 * @property {string} policy
 * @property {Element} imprintAlgorithm
 * @property {Uint8Array} imprint
 * @property {bigint} serial
 * @property {bigint} time microseconds since 1970
 * @property {Accuracy | null} accuracy
 * @property {bigint | null} nonce
 * @property {Element | null} ordering
 * @property {Element | null} tagged the GeneralName `tsa`, tagged
 * @property {Element | null} extensions
 * @property {number} surplus elements after those
 *
 * @typedef {{oid: string, values: Element[]}} Attribute
 *
 * @typedef {object} SignerInfo
 * @property {Algorithm} digestAlgorithm
 * @property {Attribute[] | null} attributes the signed ones; null if there are none
 * @property {Uint8Array} signed what is signed: the attributes as a set (RFC 5652 §5.4)
 * @property {Algorithm} signatureAlgorithm
 * @property {Uint8Array} signature
 *
 * @typedef {object} SignedData
 * @property {bigint} version
 * @property {string[]} digestAlgorithms
 * @property {string} contentType
 * @property {Uint8Array} content
 * @property {Element[]} certificates as they came
 * @property {Element} signers
 */

/**
 * The SignedData of a token, its signers and certificates not yet read.
 *
 * @param {Element} token a ContentInfo
 * @returns {SignedData | null} null if it is of another type
 */
export function signedDataOf(token) {
  const row = new Row(token.as(SEQUENCE).elements);
  if (oidOf(row.next(OID)) !== SIGNED_DATA) {
    return null;
  }
  const inside = single(row.next(tagged(0)).contents, SEQUENCE);
  row.end();
  const parts = new Row(inside.elements);
  const version = integerOf(parts.next(INTEGER));
  const digestAlgorithms = inOrder(parts.next(SET)).map((found) => algorithmOf(found).oid);
  const encapsulated = new Row(parts.next(SEQUENCE).elements);
  const contentType = oidOf(encapsulated.next(OID));
  const content = single(encapsulated.next(tagged(0)).contents, OCTET_STRING).contents;
  encapsulated.end();
  const certificates = parts.maybe(CERTIFICATES)?.elements ?? [];
  parts.maybe(REVOCATIONS);
  const signers = parts.next(SET);
  parts.end();
  return { version, digestAlgorithms, contentType, content, certificates, signers };
}

/**
 * @param {Uint8Array} content
 * @returns {Info}
 */
export function infoOf(content) {
  const row = new Row(single(content, SEQUENCE).elements);
  const version = integerOf(row.next(INTEGER));
  const policy = oidOf(row.next(OID));
  const [algorithm, hashed, ...more] = row.next(SEQUENCE).elements;
  if (hashed === undefined || more.length) {
    throw new MalformedDer("an imprint that is not algorithm and digest");
  }
  const info = {
    version,
    policy,
    imprintAlgorithm: algorithm.as(SEQUENCE),
    imprint: hashed.as(OCTET_STRING).contents,
    serial: integerOf(row.next(INTEGER)),
    time: timeOf(row.next(GENERALIZED_TIME)),
    accuracy: accuracyOf(row.maybe(SEQUENCE)),
  };
  const ordering = row.maybe(BOOLEAN);
  const nonce = row.maybe(INTEGER);
  const authority = row.maybe(tagged(0));
  const extensions = row.maybe(tagged(1));
  const surplus = row.rest.length;
  return { ...info, nonce: nonce === null ? null : integerOf(nonce), ordering, tagged: authority, extensions, surplus };
}

/**
 * What a TSTInfo says beside what it is for. It is read only once the rest has been found good.
 *
 * @param {Info} info
 * @returns {{authority: Element | null, hasCriticalExtension: boolean}}
 */
export function remarksOf(info) {
  algorithmOf(info.imprintAlgorithm);
  if (info.nonce !== null && info.nonce < 0n) {
    throw new UnverifiedTimestamp("its nonce is negative");
  }
  if (info.surplus) {
    throw new MalformedDer(`${info.surplus} elements more than known`);
  }
  if (info.ordering !== null && !booleanOf(info.ordering)) {
    throw new MalformedDer("a default that is written out");
  }
  const extensions = info.extensions?.elements.map(extensionOf) ?? [];
  return {
    authority: info.tagged && onlyOf(info.tagged),
    hasCriticalExtension: extensions.some(({ critical }) => critical),
  };
}

/**
 * The signer, and the certificate among those sent along that it names; null if it is not among them.
 *
 * @param {SignedData} signed
 * @returns {{signer: SignerInfo, certificate: Certificate | null}}
 */
export function signerOf({ signers, certificates }) {
  const found = signers.elements;
  if (found.length !== 1) {
    throw new MalformedTimestampResponse(`${found.length} signers, expected one`);
  }
  const row = new Row(found[0].as(SEQUENCE).elements);
  const version = row.next(INTEGER);
  const named = row.rest[0];
  // RFC 5652 §5.3: version 1 goes with this way of naming the signer.
  if (integerOf(version) !== 1n || named?.tag !== SEQUENCE) {
    throw new MalformedTimestampResponse("its signer is not named by issuer and serial number");
  }
  const [issuer, serial, ...more] = row.next(SEQUENCE).elements;
  if (serial === undefined || more.length) {
    throw new MalformedDer("a signer that is not issuer and serial number");
  }
  relativeNames(issuer.whole);
  integerOf(serial.as(INTEGER));
  const certificate = namedCertificate(issuer, serial, certificates);
  const digestAlgorithm = algorithmOf(row.next(SEQUENCE));
  const attributes = row.maybe(tagged(0));
  const signer = {
    digestAlgorithm,
    attributes: attributes && inOrder(attributes).map(attributeOf),
    signed: element(SET, attributes?.contents ?? new Uint8Array()),
    signatureAlgorithm: algorithmOf(row.next(SEQUENCE)),
    signature: row.next(OCTET_STRING).contents,
  };
  const unsigned = row.maybe(tagged(1));
  if (unsigned !== null) {
    inOrder(unsigned).forEach(attributeOf);
  }
  row.end();
  return { signer, certificate };
}

/**
 * @param {Element} issuer
 * @param {Element} serial
 * @param {Element[]} certificates
 */
function namedCertificate(issuer, serial, certificates) {
  const found = certificates.filter((certificate) => {
    if (certificate.tag !== SEQUENCE) {
      throw new MalformedTimestampResponse("it brings something else than X.509 certificates");
    }
    // RFC 5280 §4.1: version unless it is 1, serial number, signature algorithm, issuer.
    const row = new Row(firstOf(certificate).elements);
    row.maybe(tagged(0));
    const [number, , authority] = row.rest;
    if (authority === undefined) {
      throw new MalformedDer("a certificate without issuer");
    }
    return sameBytes(number.whole, serial.whole) && sameBytes(authority.whole, issuer.whole);
  });
  if (found.length > 1) {
    // Signature and usage could otherwise be checked against different ones.
    throw new MalformedTimestampResponse("it brings several certificates that could be its signer's");
  }
  return found.length ? loaded(found[0].whole) : null;
}

/** @param {Uint8Array} der */
function loaded(der) {
  try {
    return new Certificate(der);
  } catch (error) {
    throw error instanceof UnknownVersion ? new MalformedTimestampResponse(error.reason) : error;
  }
}

/**
 * @param {Element | null} found
 * @returns {Accuracy | null}
 */
function accuracyOf(found) {
  if (found === null) {
    return null;
  }
  const row = new Row(found.elements);
  const [seconds, millis, micros] = [INTEGER, MILLIS, MICROS].map((tag) => {
    const part = row.maybe(tag);
    return part === null ? 0n : integerOf(part);
  });
  row.end();
  return { seconds, millis, micros };
}

/**
 * @param {Element} found
 * @returns {Attribute}
 */
function attributeOf(found) {
  const [type, values, ...more] = found.as(SEQUENCE).elements;
  if (values === undefined || more.length) {
    throw new MalformedDer("an attribute that is not type and values");
  }
  return { oid: oidOf(type.as(OID)), values: inOrder(values.as(SET)) };
}

/**
 * The elements of a set, which DER has in one order (X.690 §11.6).
 *
 * @param {Element} set
 */
function inOrder(set) {
  const found = set.elements;
  found.slice(1).forEach((one, place) => {
    if (compare(found[place].whole, one.whole) > 0) {
      throw new MalformedDer("a set that is not in order");
    }
  });
  return found;
}

/**
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 */
function compare(one, other) {
  const place = one.findIndex((byte, at) => byte !== other[at]);
  return place < 0 ? one.length - other.length : one[place] - (other[place] ?? -1);
}

/**
 * The first element of a constructed one.
 *
 * @param {Element} found
 */
export function firstOf(found) {
  const [first] = found.elements;
  if (first === undefined) {
    throw new MalformedDer("an element is empty");
  }
  return first;
}

/** @param {Element} found */
function onlyOf(found) {
  const [one, ...more] = found.elements;
  if (one === undefined || more.length) {
    throw new MalformedDer("not one name");
  }
  return one;
}
