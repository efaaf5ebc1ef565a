/**
 * The report on one capture, as a page for people: `report.html` as it lies in each package. It is derived: it is made
 * again from the signed files, and the bytes are compared.
 */

import { screenshot, showing } from "./browser.js";
import { berkeley, course, digests, exchanges, files, overview, software } from "./capture.js";
import { certification } from "./certification.js";
import { limits, listedChecks, notice } from "./checks.js";
import { taken } from "./dependencies.js";
import { code, facts, paragraph, plain } from "./markup.js";
import { STYLE } from "./style.js";
import { bracket, logPlace } from "./time.js";

export { shownPictures } from "./browser.js";

/**
 * @typedef {object} Head a checkpoint with the signatures on it
 * @property {string} origin
 * @property {number | bigint} size
 * @property {Uint8Array} root
 * @property {{name: string, keyId: Uint8Array, value: Uint8Array}[]} signatures
 */

/**
 * @typedef {object} Stamp what a timestamp says of itself
 * @property {string} about `checkpoint`, `attestation` or `freshness`
 * @property {string} path
 * @property {string} sha256 of the file
 * @property {string | null} time null if the file is no granted response of an authority
 * @property {number | null} accuracy microseconds
 * @property {string | null} signerSha256 null if the signer's certificate is not sent along
 */

/**
 * @typedef {object} Evidence the signed parts of a capture that its report describes
 * @property {any} statement
 * @property {{sha256: string, blake3: string, size: number}} envelope digests of the envelope file
 * @property {{index: number | bigint, hashes: number, checkpoint: Head}} proof
 * @property {Head | null} quoted the checkpoint that the attestation quotes, if it can be read
 * @property {string} keyid of the attestation key
 * @property {string} logVkey
 * @property {Stamp[]} tokens in the order of what they are over and their names
 * @property {Map<string, Uint8Array>} pictures the subjects that `shownPictures` names
 */

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/**
 * The report as one HTML file that needs no other, without scripts and without links.
 *
 * @param {Evidence} evidence
 * @returns {string}
 */
export function reportHtml(evidence) {
  const { statement } = evidence;
  const id = statement.predicate.captureId;
  const title = `Evidence report ${id}`;
  const parts = [
    `<h1>Evidence report</h1>\n${paragraph(`Capture ${code(id)}`, "lead")}`,
    notice(evidence),
    overview(evidence),
    bracket(evidence),
    files(evidence),
    screenshot(statement, evidence.pictures),
    course(statement),
    exchanges(statement),
    taken(statement),
    showing(statement),
    logPlace(evidence),
    software(statement),
    berkeley(statement),
    listedChecks(evidence),
    limits(evidence),
    certification(identified(evidence)),
  ];
  // The id has only letters, digits and a hyphen, so it can stand in a style.
  const margin = `@page { @bottom-left { content: "${title}"; font: 8pt sans-serif; color: #5b6470; } }\n`;
  return (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
    `<meta http-equiv="Content-Security-Policy" content="${plain(POLICY)}">\n` +
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n' +
    '<meta name="referrer" content="no-referrer">\n' +
    `<title>${plain(title)}</title>\n<style>${STYLE}${margin}</style>\n</head>\n<body>\n` +
    `${parts.join("")}</body>\n</html>\n`
  );
}

/** Part B of the form: ids and digests, no more. @param {Evidence} evidence */
function identified(evidence) {
  const { checkpoint, index } = evidence.proof;
  return (
    digests(evidence) +
    facts([
      ["Capture", code(evidence.statement.predicate.captureId)],
      ["Attestation key", code(evidence.keyid)],
      ["Log and entry", `${code(checkpoint.origin)}, index ${index}`],
    ])
  );
}
