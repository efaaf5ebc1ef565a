/** X.509 certificates (RFC 5280) as trust roots and timestamps hold them. */

import { algorithmOf } from "./algorithms.js";
import {
  BIT_STRING,
  BOOLEAN,
  GENERALIZED_TIME,
  INTEGER,
  OCTET_STRING,
  OID,
  Row,
  SEQUENCE,
  UTC_TIME,
  bitsOf,
  booleanOf,
  bytesOfBits,
  integerOf,
  oidOf,
  single,
  tagged,
  timeOf,
} from "./der.js";
import { NotBase64, base64, fromBase64 } from "./encoding.js";
import { MalformedCertificate, MalformedDer } from "./errors.js";
import { relativeNames } from "./names.js";

export const SUBJECT_KEY = "2.5.29.14";
export const KEY_USAGE = "2.5.29.15";
export const SUBJECT_NAMES = "2.5.29.17";
export const BASIC_CONSTRAINTS = "2.5.29.19";
export const NAME_CONSTRAINTS = "2.5.29.30";
export const AUTHORITY_KEY = "2.5.29.35";
export const EXTENDED_USAGE = "2.5.29.37";

/** The tag of a GeneralName that is a distinguished name (RFC 5280 §4.2.1.6). */
export const DIRECTORY_NAME = tagged(4);

const NOT_IN_PEM = "not a certificate in PEM";
const PEM = /-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----/;
const LINE = 64;
const ISSUER_ID = 0x81;
const SUBJECT_ID = 0x82;
const KEY_ID = 0x80;
const SERIAL = 0x82;
// X.509 has versions 1 and 3 in use, written as 0 and 2.
const VERSIONS = [0n, 2n];

/** A certificate says that it is of a version that is not in use. */
export class UnknownVersion extends MalformedCertificate {}

/**
 * @typedef {object} Extension
 * @property {boolean} critical
 * @property {Uint8Array} value
 */

/** A certificate, all parts of it read but its extensions. Nothing of it is verified. */
export class Certificate {
  /** @param {Uint8Array} der */
  constructor(der) {
    this.der = der;
    const parts = readable(() => partsOf(der));
    /** What is signed. */
    this.body = parts.body;
    this.signatureAlgorithm = parts.signatureAlgorithm;
    this.signature = parts.signature;
    this.version = parts.version;
    this.serial = parts.serial;
    /** In DER, as the subject. */
    this.issuer = parts.issuer;
    this.subject = parts.subject;
    /** Microseconds since 1970. */
    this.notBefore = parts.notBefore;
    this.notAfter = parts.notAfter;
    /** The SubjectPublicKeyInfo, DER. */
    this.spki = parts.spki;
    this.keyAlgorithm = parts.keyAlgorithm;
    this.key = parts.key;
    this.listed = parts.listed;
  }

  /**
   * The extensions by their object identifiers.
   *
   * @returns {Map<string, Extension>}
   */
  get extensions() {
    return readable(() => {
      const found = new Map(this.listed.map(({ oid, critical, value }) => [oid, { critical, value }]));
      if (found.size !== this.listed.length) {
        throw new MalformedDer("an extension twice");
      }
      return found;
    });
  }

  /** Refuse extensions of the types known here that cannot be read. */
  checkExtensions() {
    return [this.keyUsage, this.basicConstraints, this.subjectKeyId, this.authorityKey, this.subjectNames];
  }

  /**
   * The purposes of the extended key usage, or null if there is none.
   *
   * @returns {{critical: boolean, purposes: string[]} | null}
   */
  get extendedUsage() {
    return this.#extension(EXTENDED_USAGE, ({ critical, value }) => ({
      critical,
      purposes: single(value, SEQUENCE).elements.map((purpose) => oidOf(purpose.as(OID))),
    }));
  }

  /**
   * The bits of the key usage (RFC 5280 §4.2.1.3), or null if there is none.
   *
   * @returns {Set<number> | null}
   */
  get keyUsage() {
    return this.#extension(KEY_USAGE, ({ value }) => bitsOf(single(value, BIT_STRING)));
  }

  /**
   * @returns {{isAuthority: boolean, pathLength: bigint | null} | null}
   */
  get basicConstraints() {
    return this.#extension(BASIC_CONSTRAINTS, ({ value }) => {
      const row = new Row(single(value, SEQUENCE).elements);
      const authority = row.maybe(BOOLEAN);
      const length = row.maybe(INTEGER);
      row.end();
      return {
        isAuthority: authority !== null && booleanOf(authority),
        pathLength: length === null ? null : integerOf(length),
      };
    });
  }

  /** @returns {Uint8Array | null} */
  get subjectKeyId() {
    return this.#extension(SUBJECT_KEY, ({ value }) => single(value, OCTET_STRING).contents);
  }

  /**
   * What the certificate says of its issuer's key.
   *
   * @returns {{keyId: Uint8Array | null, issuer: Uint8Array | null, serial: bigint | null} | null}
   */
  get authorityKey() {
    return this.#extension(AUTHORITY_KEY, ({ value }) => {
      const parts = single(value, SEQUENCE).elements;
      const serial = parts.find((part) => part.tag === SERIAL);
      const names = parts.find((part) => part.tag === tagged(1))?.elements ?? [];
      return {
        keyId: parts.find((part) => part.tag === KEY_ID)?.contents ?? null,
        issuer: names.find((name) => name.tag === DIRECTORY_NAME)?.contents ?? null,
        serial: serial === undefined ? null : integerOf(serial),
      };
    });
  }

  /**
   * The subject's further names, each in DER.
   *
   * @returns {Uint8Array[]}
   */
  get subjectNames() {
    return (
      this.#extension(SUBJECT_NAMES, ({ value }) => single(value, SEQUENCE).elements.map(({ whole }) => whole)) ?? []
    );
  }

  /**
   * @template T
   * @param {string} oid
   * @param {(extension: Extension) => T} read
   * @returns {T | null}
   */
  #extension(oid, read) {
    const extension = this.extensions.get(oid);
    return extension === undefined ? null : readable(() => read(extension));
  }
}

/**
 * The DER of the first certificate in `pem`.
 *
 * @param {string} pem
 * @returns {Uint8Array}
 */
export function derOfPem(pem) {
  const match = PEM.exec(pem);
  try {
    const der = fromBase64((match?.[1] ?? "").replaceAll(/\s/g, ""));
    if (der.length) {
      return der;
    }
  } catch (error) {
    if (!(error instanceof NotBase64)) {
      throw error;
    }
  }
  throw new MalformedCertificate(NOT_IN_PEM);
}

/**
 * A certificate in PEM, as OpenSSL writes it.
 *
 * @param {Uint8Array} der
 * @returns {string}
 */
export function pemOfDer(der) {
  const lines = base64(der).match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

/**
 * The parts of a certificate (RFC 5280 §4.1).
 *
 * @param {Uint8Array} der
 */
function partsOf(der) {
  const [body, algorithm, signature, ...more] = single(der, SEQUENCE).elements;
  if (signature === undefined || more.length) {
    throw new MalformedDer("not body, algorithm and signature");
  }
  const row = new Row(body.as(SEQUENCE).elements);
  const version = versionOf(row.maybe(tagged(0)));
  const serial = integerOf(row.next(INTEGER));
  algorithmOf(row.next(SEQUENCE));
  const issuer = nameOf(row.next(SEQUENCE));
  const [begins, ends, ...moments] = row.next(SEQUENCE).elements;
  if (ends === undefined || moments.length) {
    throw new MalformedDer("not two times of validity");
  }
  const subject = nameOf(row.next(SEQUENCE));
  const spki = row.next(SEQUENCE);
  const [keyAlgorithm, key, ...others] = spki.elements;
  if (key === undefined || others.length) {
    throw new MalformedDer("a key that is not algorithm and bits");
  }
  row.maybe(ISSUER_ID);
  row.maybe(SUBJECT_ID);
  const extensions = row.maybe(tagged(3));
  row.end();
  return {
    body: body.whole,
    signatureAlgorithm: algorithmOf(algorithm),
    signature: bytesOfBits(signature.as(BIT_STRING)),
    version,
    serial,
    issuer,
    subject,
    notBefore: certificateTime(begins),
    notAfter: certificateTime(ends),
    spki: spki.whole,
    keyAlgorithm: algorithmOf(keyAlgorithm),
    key: bytesOfBits(key.as(BIT_STRING)),
    listed: extensions === null ? [] : single(extensions.contents, SEQUENCE).elements.map(extensionOf),
  };
}

/**
 * One extension (RFC 5280 §4.1).
 *
 * @param {import("./der.js").Element} found
 * @returns {{oid: string} & Extension}
 */
export function extensionOf(found) {
  const row = new Row(found.as(SEQUENCE).elements);
  const oid = oidOf(row.next(OID));
  const flag = row.maybe(BOOLEAN);
  const critical = flag !== null && booleanOf(flag);
  if (flag !== null && !critical) {
    throw new MalformedDer("a default that is written out");
  }
  const { contents } = row.next(OCTET_STRING);
  row.end();
  return { oid, critical, value: contents };
}

/** @param {import("./der.js").Element | null} explicit */
function versionOf(explicit) {
  const version = explicit === null ? 0n : integerOf(single(explicit.contents, INTEGER));
  if (!VERSIONS.includes(version)) {
    throw new UnknownVersion("a certificate of an unknown version");
  }
  if (explicit !== null && version === 0n) {
    throw new MalformedDer("a default that is written out");
  }
  return Number(version) + 1;
}

/** @param {import("./der.js").Element} found */
function nameOf(found) {
  relativeNames(found.whole);
  return found.whole;
}

/** @param {import("./der.js").Element} found */
function certificateTime(found) {
  // RFC 5280 §4.1.2.5.2: no fractions of seconds.
  const size = found.tag === UTC_TIME ? "YYMMDDHHMMSSZ".length : "YYYYMMDDHHMMSSZ".length;
  if (![UTC_TIME, GENERALIZED_TIME].includes(found.tag) || found.contents.length !== size) {
    throw new MalformedDer("a time that is not written as certificates have it");
  }
  return timeOf(found);
}

/**
 * What `read` gives; that it cannot is told of the certificate.
 *
 * @template T
 * @param {() => T} read
 * @returns {T}
 */
function readable(read) {
  try {
    return read();
  } catch (error) {
    throw error instanceof MalformedDer ? new MalformedCertificate(error.reason) : error;
  }
}
