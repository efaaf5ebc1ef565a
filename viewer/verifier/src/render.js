/** A report as text for people. Text from the evidence is shown so that it can do no harm. */

import { printable } from "./printable.js";
import { Status } from "./report.js";

const MARKS = {
  [Status.PASSED]: "passed     ",
  [Status.FAILED]: "FAILED     ",
  [Status.NOT_CHECKED]: "not checked",
};

/**
 * The text that `sijill-verify` prints, without a newline at its end.
 *
 * @param {import("./report.js").ReportFacts} report
 * @param {object} [options]
 * @param {string} [options.name] what was verified
 * @param {(text: string, status: string) => string} [options.style] colours a text, or gives it back as it is
 * @returns {string}
 */
export function renderText(report, { name = "package", style = (text) => text } = {}) {
  const verdict = report.verified ? "VERIFIED" : "NOT VERIFIED";
  return [
    ...(report.attested ? [...attestedLines(report.attested), ""] : []),
    ...report.checks.flatMap((check) => checkLines(check, style)),
    "",
    ...trustLines(report.trustRoot),
    "",
    style(`${printable(name)}: ${verdict}`, report.verified ? Status.PASSED : Status.FAILED),
    ...report.statement.map(printable),
  ].join("\n");
}

/** @param {import("./report.js").AttestedFacts} attested */
function attestedLines(attested) {
  const { collector } = attested;
  const lines = [`capture    ${attested.captureId}`, `target     ${printable(attested.target)}`];
  if (attested.finalUrl !== null && attested.finalUrl !== attested.target) {
    lines.push(`led to     ${printable(attested.finalUrl)}`);
  }
  if (attested.title !== null) {
    lines.push(`title      ${printable(attested.title)}`);
  }
  lines.push(`outcome    ${attested.outcome}, ${count(attested.exchanges, "exchange")}`);
  lines.push(...attested.reasons.map((reason) => `           ${printable(reason)}`));
  lines.push(`collector  ${printable(collector.name ?? `commitment ${collector.commitment}`)}`);
  lines.push(...attested.keyids.map((keyid) => `key        ${keyid}`));
  return lines;
}

/**
 * @param {import("./report.js").Check} check
 * @param {(text: string, status: string) => string} style
 */
function checkLines(check, style) {
  const remark = check.required ? "" : " (not required)";
  const line = `${MARKS[check.status]}  ${check.code.padEnd(9)}  ${check.sentence}${remark}`;
  const findings = check.status === Status.PASSED ? [] : check.findings;
  return [
    style(line, check.status),
    ...findings.map(({ about, found }) => `${" ".repeat(24)}${printable(about)}: ${printable(found)}`),
  ];
}

/** @param {import("./report.js").ReportFacts["trustRoot"]} trust */
function trustLines(trust) {
  return [
    `trust root: attestation ${count(trust.attestationKeys.length, "key")}`,
    ...trust.attestationKeys.map((keyid) => `            ${keyid}`),
    `            log ${count(trust.logKeys.length, "key")}`,
    ...trust.logKeys.map((vkey) => `            ${printable(vkey)}`),
    ...trust.tsaRoots.map((root, place) => `            timestamping authority ${place + 1}: certificate ${root}`),
    ...trust.witnesses.map((vkey) => `            witness ${printable(vkey)}`),
  ];
}

/**
 * @param {number} number
 * @param {string} noun
 */
function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
