/** The parser of `trust.json`. */

import { parseJsonStrict } from "./canonical.js";
import { Certificate, derOfPem, pemOfDer } from "./certificates.js";
import {
  MalformedCertificate,
  MalformedJson,
  MalformedKey,
  MalformedNote,
  MalformedTimestamp,
  MalformedTrustRoot,
} from "./errors.js";
import { PublicKey } from "./keys.js";
import { Algorithm, NoteVerifier } from "./log/note.js";
import { sameBytes } from "./encoding.js";
import { beginning, byCodePoints, quoted } from "./text.js";
import { parseTimestamp } from "./timestamps.js";
import { TrustRoot } from "./trust_root.js";

/** The largest trust root accepted, in bytes. */
export const MAX_TRUST = 2 ** 20;
/** The most items of any of its lists. */
export const MAX_KEYS = 1_000;

const REQUIRED = ["attestationKeys", "logKeys"];
const OPTIONAL = ["tsaRoots", "tsaIntermediates", "tsaCertificates", "witnesses", "validity", "revocations", "policy"];

/**
 * @typedef {import("./trust_root.js").Validity} Validity
 * @typedef {import("./trust_root.js").Revocation} Revocation
 * @typedef {import("./trust_root.js").Policy} Policy
 */

/**
 * Parse `trust.json`. Spacing and the order of members are free; the lists keep their order.
 *
 * @param {Uint8Array} data
 * @returns {TrustRoot}
 */
export function parseTrust(data) {
  const members = membersOf(parsed(data), "", REQUIRED, OPTIONAL);
  const trust = new TrustRoot({
    attestationKeys: itemsOf(members, "attestationKeys", attestationKey, (one, other) => sameBytes(one.raw, other.raw)),
    logKeys: itemsOf(members, "logKeys", noteKey(Algorithm.ED25519), areSameKeys),
    tsaRoots: itemsOf(members, "tsaRoots", certificate, Object.is),
    witnesses: itemsOf(members, "witnesses", noteKey(Algorithm.COSIGNATURE_V1), areSameKeys),
    tsaIntermediates: itemsOf(members, "tsaIntermediates", certificate, Object.is),
    tsaCertificates: itemsOf(members, "tsaCertificates", certificate, Object.is),
    validity: itemsOf(members, "validity", validity, (one, other) => {
      return one.key === other.key && one.notBefore === other.notBefore && one.notAfter === other.notAfter;
    }),
    revocations: itemsOf(members, "revocations", revocation, (one, other) => {
      return one.key === other.key && one.at === other.at && one.reason === other.reason;
    }),
    policy: policy(members.policy ?? (Object.hasOwn(members, "policy") ? null : {})),
  });
  for (const name of /** @type {const} */ (["attestationKeys", "logKeys"])) {
    if (!trust[name].length) {
      throw new MalformedTrustRoot(name, "names no key, so that nothing could be verified");
    }
  }
  checkKeysSpokenOf(trust);
  checkParties(trust);
  return trust;
}

/** @param {Uint8Array} data */
function parsed(data) {
  try {
    return parseJsonStrict(data, { limit: MAX_TRUST });
  } catch (error) {
    throw error instanceof MalformedJson ? new MalformedTrustRoot("", error.reason) : error;
  }
}

/**
 * @param {unknown} value
 * @param {string} path
 * @param {string[]} required
 * @param {string[]} [optional]
 * @returns {Record<string, any>}
 */
function membersOf(value, path, required, optional = []) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MalformedTrustRoot(path, "not an object");
  }
  const unknown = Object.keys(value).filter((name) => ![...required, ...optional].includes(name));
  if (unknown.length) {
    const first = unknown.sort(byCodePoints)[0];
    throw new MalformedTrustRoot(path, `unknown member ${quoted(beginning(first, 80))}`);
  }
  const missing = required.filter((name) => !Object.hasOwn(value, name)).sort();
  if (missing.length) {
    throw new MalformedTrustRoot(path, `no member ${quoted(missing[0])}`);
  }
  return value;
}

/**
 * @template T
 * @param {Record<string, any>} members
 * @param {string} name
 * @param {(value: unknown, path: string) => T} parse
 * @param {(one: T, other: T) => boolean} areSame
 * @returns {T[]}
 */
function itemsOf(members, name, parse, areSame) {
  const listed = Object.hasOwn(members, name) ? members[name] : [];
  if (!Array.isArray(listed) || listed.length > MAX_KEYS) {
    throw new MalformedTrustRoot(name, `not a list of at most ${MAX_KEYS}`);
  }
  /** @type {T[]} */
  const items = [];
  listed.forEach((value, place) => {
    const item = parse(value, `${name}.${place}`);
    if (items.some((earlier) => areSame(earlier, item))) {
      throw new MalformedTrustRoot(`${name}.${place}`, "is there twice");
    }
    items.push(item);
  });
  return items;
}

/**
 * @param {unknown} value
 * @param {string} path
 */
function attestationKey(value, path) {
  const members = membersOf(value, path, ["keyid", "publicKey"]);
  const key = told(`${path}.publicKey`, MalformedKey, () =>
    PublicKey.fromPem(textOf(members.publicKey, `${path}.publicKey`)),
  );
  if (members.keyid !== key.keyid) {
    throw new MalformedTrustRoot(`${path}.keyid`, `not that of the key, which is ${key.keyid}`);
  }
  return key;
}

/**
 * @param {number} algorithm
 * @returns {(value: unknown, path: string) => NoteVerifier}
 */
function noteKey(algorithm) {
  return (value, path) => {
    const key = told(path, MalformedNote, () => NoteVerifier.fromVkey(textOf(value, path)));
    if (key.algorithm !== algorithm) {
      throw new MalformedTrustRoot(path, `a key of type ${key.algorithm}, expected ${algorithm}`);
    }
    return key;
  };
}

/**
 * @param {unknown} value
 * @param {string} path
 */
function certificate(value, path) {
  const text = textOf(value, path);
  if (!holdsCertificate(text)) {
    throw new MalformedTrustRoot(path, "not a certificate in PEM");
  }
  if (pemOfDer(derOfPem(text)) !== text) {
    throw new MalformedTrustRoot(path, "PEM holds more than one certificate, or is not written as OpenSSL writes it");
  }
  return text;
}

/** @param {string} text */
function holdsCertificate(text) {
  try {
    return new Certificate(derOfPem(text)).version > 0;
  } catch (error) {
    if (error instanceof MalformedCertificate) {
      return false;
    }
    throw error;
  }
}

/**
 * @param {unknown} value
 * @param {string} path
 * @returns {Validity}
 */
function validity(value, path) {
  const members = membersOf(value, path, ["key"], ["notBefore", "notAfter"]);
  const notBefore = timeOf(members.notBefore, `${path}.notBefore`);
  const notAfter = timeOf(members.notAfter, `${path}.notAfter`);
  if (notBefore === null && notAfter === null) {
    throw new MalformedTrustRoot(path, "neither notBefore nor notAfter");
  }
  if (notBefore !== null && notAfter !== null && notBefore > notAfter) {
    throw new MalformedTrustRoot(path, "notBefore is after notAfter");
  }
  return { key: textOf(members.key, `${path}.key`), notBefore, notAfter };
}

/**
 * @param {unknown} value
 * @param {string} path
 * @returns {Revocation}
 */
function revocation(value, path) {
  const members = membersOf(value, path, ["key", "at", "reason"]);
  const at = timeOf(textOf(members.at, `${path}.at`), `${path}.at`);
  if (at === null) {
    throw new MalformedTrustRoot(`${path}.at`, "not a time");
  }
  return { key: textOf(members.key, `${path}.key`), at, reason: textOf(members.reason, `${path}.reason`) };
}

/**
 * @param {unknown} value
 * @param {string} path
 */
function timeOf(value, path) {
  if (value === null || value === undefined) {
    return null;
  }
  return told(path, MalformedTimestamp, () => parseTimestamp(textOf(value, path)));
}

/**
 * @param {unknown} value
 * @returns {Policy}
 */
function policy(value) {
  const members = membersOf(value, "policy", [], ["witnesses", "timestamps"]);
  for (const [name, number] of Object.entries(members)) {
    if (typeof number !== "number" || number < 1) {
      throw new MalformedTrustRoot(`policy.${name}`, "not a number from 1 on");
    }
  }
  return { witnesses: members.witnesses ?? null, timestamps: members.timestamps ?? null };
}

/**
 * Refuse what would quietly have no effect: times of keys that it does not name.
 *
 * @param {TrustRoot} trust
 */
function checkKeysSpokenOf(trust) {
  const named = [...trust.attestationKeys.map((key) => key.keyid), ...trust.logKeys.map((key) => key.vkey)];
  for (const name of /** @type {const} */ (["validity", "revocations"])) {
    const keys = trust[name].map((item) => item.key);
    keys.forEach((key, place) => {
      if (!named.includes(key)) {
        throw new MalformedTrustRoot(`${name}.${place}.key`, "no key of this trust root");
      }
      if (keys.indexOf(key) < place) {
        throw new MalformedTrustRoot(`${name}.${place}.key`, "is there twice");
      }
    });
  }
}

/**
 * Refuse a policy that could never be met, and parties that would not be counted as they seem to be.
 *
 * @param {TrustRoot} trust
 */
function checkParties(trust) {
  // One key under two names would count as two witnesses, and a log's own key as none at all.
  const keys = [...trust.logKeys, ...trust.witnesses].map((key) => key.key.raw);
  trust.witnesses.forEach((witness, place) => {
    if (keys.slice(0, place + trust.logKeys.length).some((key) => sameBytes(key, witness.key.raw))) {
      throw new MalformedTrustRoot(`witnesses.${place}`, "the key of a log, or of another witness");
    }
  });
  if (trust.witnessesNeeded > trust.witnesses.length) {
    throw new MalformedTrustRoot("policy.witnesses", `more than the ${trust.witnesses.length} that are named`);
  }
  if (trust.tsaRoots.length) {
    return;
  }
  const idle = {
    "policy.timestamps": trust.policy.timestamps !== null,
    tsaIntermediates: trust.tsaIntermediates.length > 0,
    tsaCertificates: trust.tsaCertificates.length > 0,
  };
  for (const [name, isThere] of Object.entries(idle)) {
    if (isThere) {
      throw new MalformedTrustRoot(name, "has no effect, because no tsaRoots are named");
    }
  }
}

/**
 * What `parse` gives; an error of `kind` is told as one of the trust root.
 *
 * @template T
 * @param {string} path
 * @param {new (...args: any[]) => import("./errors.js").Malformed} kind
 * @param {() => T} parse
 * @returns {T}
 */
function told(path, kind, parse) {
  try {
    return parse();
  } catch (error) {
    throw error instanceof kind ? new MalformedTrustRoot(path, error.reason) : error;
  }
}

/**
 * @param {NoteVerifier} one
 * @param {NoteVerifier} other
 */
function areSameKeys(one, other) {
  return one.vkey === other.vkey;
}

/**
 * @param {unknown} value
 * @param {string} path
 */
function textOf(value, path) {
  if (typeof value !== "string") {
    throw new MalformedTrustRoot(path, "not a string");
  }
  return value;
}
