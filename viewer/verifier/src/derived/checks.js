/** The sections of a report about what a verifier checks, and what is not proven. */

import { HOLDS } from "./listed.js";
import { NOT_PROVEN as NOT_PROVEN_OF_OTHERS } from "./dependencies.js";
import { code, items, paragraph, plain, section, table } from "./markup.js";

const DESCRIPTION =
  "This page was made from the signed files of the evidence package in which it lies. It is not signed, and nothing " +
  "on it was checked. Whoever forges a package can forge this page; a verifier makes it again and compares. Verify " +
  "the package with keys that you have from elsewhere.";
/** What no verification proves. */
export const LIMITS = [
  "What the server sent. The collector signed that it received these bytes; a TLS connection leaves no proof of " +
    "its contents for third parties. The server's address and certificate are recorded, so that others can compare.",
  "That others were shown the same page. Servers answer by place, time, language and browser.",
  "Who wrote the text, who controlled the site, and whether what the page says is true.",
  "The collector's times. They are read from the collector's own clock; only T0 and T1 come from others, and only " +
    "as far as those others are believed. Without T1, the holder of the keys could have made all of this later.",
  "Who the collector is. The name stands for whoever holds the signing key; that the key belongs to the one named is " +
    "known from wherever the key was published.",
  "That nobody else held the signing key. From the moment a key is stolen, what it signs proves nothing; what was " +
    "timestamped before stays good.",
  "That the log is shown to all alike, unless witnesses cosigned the checkpoint: without them a log can be made for " +
    "one reader.",
  "That nothing else was captured. A capture that was never entered in the log leaves no trace in it.",
];
const NO_SCREENSHOT =
  "How the page looked. It was fetched, not rendered; scripts were not run, and what only they would load is missing.";
const SCREENSHOT =
  "How the page looked to others. The screenshot shows how the collector's browser rendered what was received; that " +
  "it rendered it so is the collector's word, and pages can tell such a browser from a person's.";

/** What stands at the top of the report in a package. */
export function notice(evidence) {
  const command = `sijill-verify ${evidence.statement.predicate.captureId}.wacz --trust trust.json`;
  return (
    '<div class="box">\n' +
    paragraph("<strong>A description, not a verification</strong>") +
    paragraph(plain(DESCRIPTION)) +
    paragraph(`To verify: ${code(command)}, or by stock tools as ${code("VERIFY.txt")} says.`) +
    "</div>\n"
  );
}

/** The checks that a verifier makes. */
export function listedChecks(evidence) {
  const dependent = evidence.statement.predicate.dependencies.length > 0;
  const rows = HOLDS.filter(([name]) => dependent || name !== "E-WARC-05").map(([name, holds]) => [
    code(name),
    plain(holds),
  ]);
  return section(
    "checks",
    "What a verifier checks",
    paragraph(
      "This page is a description made from signed files; it is not a verification itself, and none of this was " +
        "checked on it. A verifier finds of each of these whether it is so:",
    ),
    table(["Code", "Check"], rows, { kind: "checks" }),
  );
}

/** What none of this proves. */
export function limits(evidence) {
  const { browser, dependencies } = evidence.statement.predicate;
  const others = dependencies.length ? [NOT_PROVEN_OF_OTHERS] : [];
  const listed = [...LIMITS, ...others, browser === null ? NO_SCREENSHOT : SCREENSHOT];
  return section("limits", "What is not proven", items(listed.map((limit) => plain(limit))));
}
