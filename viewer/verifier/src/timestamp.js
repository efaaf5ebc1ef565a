/**
 * Timestamps of authorities (RFC 3161, RFC 5816): reading a response, verifying it offline.
 *
 * Of the certificates that a token brings none but its signer's is looked at. Whether a certificate was revoked is not
 * looked at: no list is at hand offline.
 */

import { sha256 } from "@noble/hashes/sha2";

import { digestName, signatureKind } from "./algorithms.js";
import { leadsToRoot } from "./certificate_path.js";
import { Certificate, derOfPem } from "./certificates.js";
import { BIT_STRING, INTEGER, OID, Row, SEQUENCE, bitsOf, integerOf, oidOf, single, utf8Of } from "./der.js";
import { hex, sameBytes } from "./encoding.js";
import { MalformedCertificate, MalformedDer, MalformedTimestampResponse, UnverifiedTimestamp } from "./errors.js";
import { nameText } from "./names.js";
import { checkOf } from "./signatures.js";
import { beginning } from "./text.js";
import { DIGESTS, checkSigned, checkSigner, digestOf } from "./timestamp_checks.js";
import { TST_INFO, firstOf, infoOf, signedDataOf, signerOf } from "./timestamp_token.js";
import { SECOND } from "./timestamps.js";

/** The largest response accepted, in bytes. */
export const MAX_RESPONSE = 64 * 1024;

const LARGEST_ACCURACY = 366n * 86_400n;
const STATUSES = [
  "granted",
  "granted_with_mods",
  "rejection",
  "waiting",
  "revocation_warning",
  "revocation_notification",
];
const FAILURES = new Map([
  [0, "bad_alg"],
  [2, "bad_request"],
  [5, "bad_data_format"],
  [14, "time_not_available"],
  [15, "unaccepted_policy"],
  [16, "unaccepted_extensions"],
  [17, "add_info_not_available"],
  [25, "system_failure"],
]);
const NO_PATH = "no path leads from the certificate of its signer to a trusted root, as of its time";
const UNKNOWN_STEP = "; a certificate has a signature or name constraints of a kind that this verifier does not know";

/**
 * @typedef {import("./der.js").Element} Element
 *
 * @typedef {object} TimestampResponse what a granted response says; nothing of it is verified
 * @property {bigint} time microseconds since 1970, with the fraction that the authority gave
 * @property {bigint | null} accuracy microseconds
 * @property {bigint} serial
 * @property {string} policy the object identifier of the authority's policy
 * @property {string} imprintAlgorithm
 * @property {Uint8Array} imprint
 * @property {bigint | null} nonce
 * @property {string | null} signerSha256 SHA-256 of its signer's certificate; null if that was not sent along
 * @property {string | null} signerSubject
 *
 * @typedef {object} Timestamp a verified one: an authority says that the message existed at this time
 * @property {bigint} time
 * @property {bigint | null} accuracy
 * @property {bigint} earliest the earliest time that the authority's statement allows
 * @property {bigint} latest
 * @property {string} signerSha256
 * @property {string} signerSubject
 * @property {bigint} serial
 * @property {string} policy
 *
 * @typedef {object} Token
 * @property {TimestampResponse} response
 * @property {import("./timestamp_token.js").SignedData} signed
 * @property {import("./timestamp_token.js").Info} info
 * @property {import("./timestamp_token.js").SignerInfo} signer
 * @property {Certificate | null} certificate the signer's
 * @property {boolean} bringsMore whether other certificates were sent along
 */

/**
 * Parse a granted response (RFC 3161 §2.4.2). Nothing is verified.
 *
 * @param {Uint8Array} data
 * @returns {TimestampResponse}
 */
export function parseResponse(data) {
  return read(data).response;
}

/**
 * Whether the imprint is that of `message`.
 *
 * @param {TimestampResponse} response
 * @param {Uint8Array} message
 * @returns {boolean}
 */
export function isOver(response, message) {
  return sameBytes(digestOf(response.imprintAlgorithm, message), response.imprint);
}

/**
 * Verify a stored response over `message` as of the time that it states, so that it outlives its certificates.
 *
 * A certificate path must lead to one of `roots`, through `intermediates` alone. If there are `certificates`, the
 * signer must be one of them. All are PEM, one in each text.
 *
 * @param {Uint8Array} data
 * @param {Uint8Array} message
 * @param {{roots: string[], intermediates?: string[], certificates?: string[]}} trusted
 * @returns {Promise<Timestamp>}
 */
export async function verifyTimestamp(data, message, { roots, intermediates = [], certificates = [] }) {
  const token = read(data);
  const { response, certificate } = token;
  if (!isOver(response, message)) {
    throw new UnverifiedTimestamp("it is over other bytes");
  }
  const { signerSha256, signerSubject } = response;
  if (certificate === null || signerSha256 === null || signerSubject === null) {
    throw new UnverifiedTimestamp("it does not bring the certificate of its signer");
  }
  checkSigner(certificate, response.time);
  if (certificates.length && !certificates.some((pem) => hex(sha256(derOfPem(pem))) === signerSha256)) {
    throw new UnverifiedTimestamp(`its signer ${signerSubject} is none of the certificates that are pinned`);
  }
  try {
    checkSigned(token.signed, token.signer, token.info, certificate);
  } catch (error) {
    if (error instanceof MalformedDer || error instanceof MalformedCertificate) {
      throw new MalformedTimestampResponse(`what is signed cannot be read: ${error.reason}`);
    }
    throw error;
  }
  await checkPath(token, certificate, roots.map(loaded), intermediates.map(loaded));
  const { time, accuracy, serial, policy } = response;
  const margin = accuracy ?? 0n;
  const [earliest, latest] = [time - margin, time + margin];
  return { time, accuracy, earliest, latest, signerSha256, signerSubject, serial, policy };
}

/**
 * @param {Uint8Array} data
 * @returns {Token}
 */
function read(data) {
  if (data.length > MAX_RESPONSE) {
    throw new MalformedTimestampResponse(`larger than ${MAX_RESPONSE} bytes`);
  }
  try {
    const [status, token, ...more] = single(data, SEQUENCE).elements;
    if (status === undefined || more.length) {
      throw new MalformedDer("not status and token");
    }
    checkGranted(status.as(SEQUENCE));
    return tokenOf(token);
  } catch (error) {
    if (error instanceof MalformedDer || error instanceof MalformedCertificate) {
      const reason = beginning(error.reason, 200);
      throw new MalformedTimestampResponse(`not a timestamp response in DER: ${reason}`);
    }
    throw error;
  }
}

/** @param {Element} info */
function checkGranted(info) {
  const row = new Row(info.elements);
  const status = integerOf(row.next(INTEGER));
  const texts = row.maybe(SEQUENCE)?.elements.map(utf8Of) ?? [];
  const failure = row.maybe(BIT_STRING);
  const failures = failure === null ? [] : [...bitsOf(failure)].map((bit) => FAILURES.get(bit) ?? String(bit));
  row.end();
  // RFC 3161 §2.4.2: only these carry a token.
  if (status === 0n || status === 1n) {
    return;
  }
  const named = STATUSES[Number(status)] ?? String(status);
  const said = [named, ...failures.sort(), ...texts.map((text) => beginning(text, 200))];
  throw new MalformedTimestampResponse(`the authority did not grant it: ${said.join("; ")}`);
}

/**
 * @param {Element | undefined} content
 * @returns {Token}
 */
function tokenOf(content) {
  const signed = content === undefined ? null : signedDataOf(content);
  if (signed === null) {
    throw new MalformedTimestampResponse("there is no token, or it is not signed");
  }
  // RFC 5652 §5.1: version 3, because the content is not plain data.
  if (signed.version !== 3n || signed.contentType !== TST_INFO) {
    throw new MalformedTimestampResponse("what is signed is no timestamp");
  }
  const info = infoOf(signed.content);
  if (info.version !== 1n) {
    throw new MalformedTimestampResponse("a timestamp of an unknown version");
  }
  const imprintAlgorithm = digestName(oidOf(firstOf(info.imprintAlgorithm).as(OID)));
  checkImprint(imprintAlgorithm, info.imprint);
  const { signer, certificate } = signerOf(signed);
  const response = {
    time: info.time,
    accuracy: accuracyOf(info.accuracy),
    serial: info.serial,
    policy: info.policy,
    imprintAlgorithm,
    imprint: info.imprint,
    nonce: info.nonce,
    signerSha256: certificate && hex(sha256(certificate.der)),
    signerSubject: certificate && nameText(certificate.subject),
  };
  return { response, signed, info, signer, certificate, bringsMore: signed.certificates.length > 1 };
}

/**
 * @param {string} algorithm
 * @param {Uint8Array} imprint
 */
function checkImprint(algorithm, imprint) {
  if (!DIGESTS.includes(algorithm)) {
    throw new MalformedTimestampResponse(`the imprint is by ${algorithm}, which is weaker than SHA-256 or unknown`);
  }
  if (imprint.length !== digestOf(algorithm, new Uint8Array()).length) {
    throw new MalformedTimestampResponse(`an imprint of ${imprint.length} bytes, which ${algorithm} does not give`);
  }
}

/** @param {import("./timestamp_token.js").Accuracy | null} accuracy */
function accuracyOf(accuracy) {
  if (accuracy === null) {
    return null;
  }
  const { seconds, millis, micros } = accuracy;
  // RFC 3161 §2.4.2: millis and micros are 1 to 999.
  const impossible = [seconds, millis, micros].some((part) => part < 0n) || millis > 999n || micros > 999n;
  if (impossible || seconds > LARGEST_ACCURACY) {
    throw new MalformedTimestampResponse("an impossible accuracy");
  }
  return seconds * SECOND + millis * 1_000n + micros;
}

/**
 * @param {Token} token
 * @param {Certificate} certificate the signer's
 * @param {Certificate[]} roots
 * @param {Certificate[]} intermediates
 */
async function checkPath({ response, signer, bringsMore }, certificate, roots, intermediates) {
  if (!roots.length) {
    throw new UnverifiedTimestamp("no root certificate of an authority is given");
  }
  const paths = await Promise.all(roots.map((root) => leadsToRoot(certificate, root, intermediates, response.time)));
  if (!paths.includes(true)) {
    const remark = bringsMore ? "; certificates that only the timestamp brings do not count" : "";
    throw new UnverifiedTimestamp(NO_PATH + remark + (paths.includes(null) ? UNKNOWN_STEP : ""));
  }
  const digest = digestName(signer.digestAlgorithm.oid);
  const check = checkOf(certificate, signatureKind(signer.signatureAlgorithm.oid)?.kind ?? "", digest);
  if (check === null) {
    throw new UnverifiedTimestamp("its signature is by a key of a kind that browsers do not know");
  }
  if (!(await check(signer.signature, signer.signed))) {
    throw new UnverifiedTimestamp(`its signature does not verify, or ${NO_PATH}`);
  }
}

/** @param {string} pem */
function loaded(pem) {
  return new Certificate(derOfPem(pem));
}
