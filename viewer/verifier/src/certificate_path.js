/** Whether a certificate leads to a root (RFC 5280 §6), as OpenSSL decides it for the purpose of timestamps. */

import {
  AUTHORITY_KEY,
  BASIC_CONSTRAINTS,
  EXTENDED_USAGE,
  KEY_USAGE,
  NAME_CONSTRAINTS,
  SUBJECT_KEY,
  SUBJECT_NAMES,
} from "./certificates.js";
import { sameBytes } from "./encoding.js";
import { MalformedCertificate, MalformedDer } from "./errors.js";
import { areSameNames } from "./names.js";
import { isIssuedBy } from "./signatures.js";
import { SECOND } from "./timestamps.js";

/** @typedef {import("./certificates.js").Certificate} Certificate */

const MOST_STEPS = 10;
// RFC 5280 §4.2.1.3
const DIGITAL_SIGNATURE = 0;
const NON_REPUDIATION = 1;
const SIGNS_CERTIFICATES = 5;
/** Extensions that may be critical: looked at here, or without effect on a timestamp. */
const KNOWN = [
  SUBJECT_KEY,
  KEY_USAGE,
  SUBJECT_NAMES,
  BASIC_CONSTRAINTS,
  AUTHORITY_KEY,
  EXTENDED_USAGE,
  "2.5.29.31", // CRL distribution points
  "2.5.29.32", // certificate policies
  "2.5.29.33", // policy mappings
  "2.5.29.36", // policy constraints
  "2.5.29.54", // inhibit anyPolicy
];

/**
 * Whether a path of valid certificates leads from `signer` to `root`, through `intermediates` alone; null if none was
 * found, but one may be there for a verifier that knows more kinds of signatures, or name constraints.
 *
 * @param {Certificate} signer
 * @param {Certificate} root
 * @param {Certificate[]} intermediates
 * @param {bigint} time at which they must be valid, in microseconds since 1970
 * @returns {Promise<boolean | null>}
 */
export async function leadsToRoot(signer, root, intermediates, time) {
  try {
    // One that signed itself is no step of a path, and must not become its end.
    const between = intermediates.filter((certificate) => !isSelfIssued(certificate));
    const search = new Search(root, between, time - (time % SECOND));
    return (isSelfIssued(root) && (await search.from([signer]))) || (search.metUnknown ? null : false);
  } catch (error) {
    if (error instanceof MalformedCertificate || error instanceof MalformedDer) {
      return false;
    }
    throw error;
  }
}

class Search {
  /** Whether a step could not be judged. */
  metUnknown = false;

  /**
   * @param {Certificate} root
   * @param {Certificate[]} between
   * @param {bigint} time
   */
  constructor(root, between, time) {
    this.root = root;
    this.between = between;
    this.time = time;
  }

  /**
   * @param {Certificate[]} path from the signer on
   * @returns {Promise<boolean>}
   */
  async from(path) {
    const last = path[path.length - 1];
    if (sameBytes(last.der, this.root.der)) {
      return this.#isValid(path);
    }
    if (path.length > MOST_STEPS) {
      return false;
    }
    for (const issuer of [this.root, ...this.between]) {
      const again = path.some((step) => sameBytes(step.der, issuer.der));
      if (!again && mayHaveIssued(issuer, last)) {
        const issued = await isIssuedBy(last, issuer);
        this.metUnknown ||= issued === null;
        if (issued && (await this.from([...path, issuer]))) {
          return true;
        }
      }
    }
    return false;
  }

  /** @param {Certificate[]} path */
  #isValid(path) {
    const [signer, ...authorities] = path;
    const isConstrained = path.some(({ extensions }) => extensions.has(NAME_CONSTRAINTS));
    this.metUnknown ||= isConstrained;
    return (
      !isConstrained &&
      path.every((certificate) => isInForce(certificate, this.time) && isUnderstood(certificate)) &&
      maySignTimestamps(signer) &&
      authorities.every((authority, place) => isAuthority(authority, place + 1 === authorities.length)) &&
      areWithinLengths(authorities)
    );
  }
}

/**
 * @param {Certificate} issuer
 * @param {Certificate} certificate
 */
function mayHaveIssued(issuer, certificate) {
  if (!areSameNames(certificate.issuer, issuer.subject)) {
    return false;
  }
  const said = certificate.authorityKey;
  const { subjectKeyId, keyUsage } = issuer;
  const otherKey = said?.keyId && subjectKeyId && !sameBytes(said.keyId, subjectKeyId);
  const otherSerial = typeof said?.serial === "bigint" && said.serial !== issuer.serial;
  const otherIssuer = said?.issuer && !areSameNames(said.issuer, issuer.issuer);
  const maySign = keyUsage === null || keyUsage.has(SIGNS_CERTIFICATES);
  return !otherKey && !otherSerial && !otherIssuer && maySign;
}

/**
 * @param {Certificate} certificate
 * @param {bigint} time
 */
function isInForce({ notBefore, notAfter }, time) {
  // OpenSSL counts a certificate as expired in its last second already.
  return notBefore <= time && time < notAfter;
}

/** @param {Certificate} certificate */
function isUnderstood({ extensions }) {
  return [...extensions].every(([oid, { critical }]) => !critical || KNOWN.includes(oid));
}

/** @param {Certificate} certificate */
function maySignTimestamps({ keyUsage }) {
  if (keyUsage === null) {
    return true;
  }
  // RFC 3161 §2.3: nothing beside these two.
  return keyUsage.size > 0 && [...keyUsage].every((bit) => [DIGITAL_SIGNATURE, NON_REPUDIATION].includes(bit));
}

/**
 * @param {Certificate} certificate
 * @param {boolean} isRoot
 */
function isAuthority(certificate, isRoot) {
  const { keyUsage, basicConstraints, version } = certificate;
  if (keyUsage !== null && !keyUsage.has(SIGNS_CERTIFICATES)) {
    return false;
  }
  if (basicConstraints !== null) {
    return basicConstraints.isAuthority;
  }
  // Version 1 knows no extensions; a root is one by being named as such.
  return isRoot && (keyUsage !== null || version === 1);
}

/**
 * RFC 5280 §4.2.1.9: how many authorities may follow, those that issued themselves not counted.
 *
 * @param {Certificate[]} authorities
 */
function areWithinLengths(authorities) {
  let below = 0n;
  for (const authority of authorities) {
    const most = authority.basicConstraints?.pathLength ?? null;
    if (most !== null && below > most) {
      return false;
    }
    below += isSelfIssued(authority) ? 0n : 1n;
  }
  return true;
}

/** @param {Certificate} certificate */
function isSelfIssued(certificate) {
  return areSameNames(certificate.subject, certificate.issuer);
}
