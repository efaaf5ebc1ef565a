/** A report as elements of the page. All text goes in as text: nothing of it is ever read as markup. */

import { LIMITS } from "./derived/checks.js";
import { printable } from "./printable.js";
import { renderText } from "./render.js";

/**
 * @typedef {Record<string, string>} Words
 * @typedef {import('./report.js').ReportFacts} ReportFacts
 * @typedef {Node | string} Part
 */

/**
 * @param {ReportFacts} report
 * @param {string} name of the file
 * @param {Words} words
 * @returns {HTMLElement}
 */
export function showReport(report, name, words) {
  const kind = report.verified ? "good" : "bad";
  const open = report.checks.filter((check) => check.required && check.status === "not-checked");
  return made(
    "article",
    { class: "result" },
    made(
      "div",
      { class: `verdict ${kind}` },
      heading(words[report.verified ? "verified" : "notVerified"], name, kind),
      ...failures(report),
      report.verified || !open.length
        ? ""
        : made("p", { dir: "auto" }, `${words.openChecks}: ${open.map((check) => check.code).join(", ")}`),
    ),
    made(
      "details",
      { class: "told", open: "" },
      made("summary", {}, words.details),
      made("h3", {}, words.shows),
      ...report.statement.map((sentence) => english("p", printable(sentence))),
      ...(report.verified ? [times(report, words), limits(words)] : []),
      checks(report, words),
      attested(report, words),
      believed(report, words),
      made("details", {}, made("summary", {}, words.asText), english("pre", renderText(report, { name }))),
      actions(report, name, words),
    ),
  );
}

/**
 * @param {string} reason
 * @param {string} name of the file
 * @param {Words} words
 * @returns {HTMLElement}
 */
export function showUnusable(reason, name, words) {
  return made(
    "article",
    { class: "result" },
    made("div", { class: "verdict bad" }, heading(words.unusable, name, "bad"), english("p", printable(reason))),
  );
}

/** @param {string} verdict @param {string} name @param {string} kind */
function heading(verdict, name, kind) {
  const shown = made("bdi", { class: "name", dir: "ltr" }, printable(name));
  return made("h2", { tabindex: "-1" }, made("span", { class: kind }, verdict), " ", shown);
}

/** The checks that failed, required or not. @param {ReportFacts} report */
function failures(report) {
  const failed = report.checks.filter((check) => check.status === "failed");
  if (!failed.length) return [];
  const items = failed.map((check) => made("li", {}, made("b", {}, check.code), ` ${check.sentence}`));
  return [made("ul", { class: "failures", lang: "en", dir: "ltr" }, ...items)];
}

/** @param {ReportFacts} report @param {Words} words */
function times(report, words) {
  const { attested: said, notAfter, notBefore } = report;
  /** @param {import('./report.js').BoundFacts | null} bound */
  const bound = (bound) =>
    bound === null
      ? [words.none]
      : [code(bound.time), ` ${words.vouch} `, made("bdi", { lang: "en" }, bound.vouchers.map(printable).join(", "))];
  const rows = [
    [words.t0, ...bound(notBefore)],
    [words.t1, ...bound(notAfter)],
  ];
  if (said) rows.push([words.clock, code(said.started), ` ${words.to} `, code(said.ended)]);
  return part(made("h3", {}, words.times), facts(rows));
}

/** @param {Words} words */
function limits(words) {
  return part(
    made("h3", {}, words.notProven),
    made("ul", { lang: "en", dir: "ltr" }, ...LIMITS.map((limit) => made("li", {}, limit))),
  );
}

/** @param {ReportFacts} report @param {Words} words */
function checks(report, words) {
  const head = [words.status, words.code, words.check].map((text) => made("th", { scope: "col" }, text));
  const rows = report.checks.map((check) =>
    made(
      "tr",
      { class: check.status },
      made("td", {}, made("span", { class: "mark" }, words[check.status])),
      made("td", { dir: "ltr" }, check.code),
      made(
        "td",
        { lang: "en", dir: "ltr" },
        check.sentence,
        check.required ? "" : ` (${words.notRequired})`,
        check.status === "passed" ? "" : findings(check),
      ),
    ),
  );
  return part(
    made("h3", {}, words.checks),
    made(
      "table",
      { class: "checks", "aria-label": words.checks },
      made("thead", {}, made("tr", {}, ...head)),
      made("tbody", {}, ...rows),
    ),
  );
}

/** @param {import('./report.js').Check} check */
function findings(check) {
  const items = check.findings.map(({ about, found }) => made("li", {}, `${printable(about)}: ${printable(found)}`));
  return made("ul", { class: "findings" }, ...items);
}

/** @param {ReportFacts} report @param {Words} words */
function attested(report, words) {
  const said = report.attested;
  if (!said) return "";
  const { collector } = said;
  const who = collector.name ?? `${words.commitment} ${collector.commitment}`;
  const rows = [
    [words.capture, code(said.captureId)],
    [words.address, code(printable(said.target))],
    ...(said.finalUrl === null ? [] : [[words.led, code(printable(said.finalUrl))]]),
    ...(said.title === null ? [] : [[words.pageTitle, foreign(said.title)]]),
    [
      words.outcome,
      `${said.outcome}, ${said.exchanges} ${words.exchanges}`,
      ...said.reasons.map((reason) => made("div", {}, foreign(reason))),
    ],
    [words.collector, foreign(who)],
    [words.keys, ...said.keyids.map((keyid) => made("div", {}, code(keyid)))],
  ];
  if (report.log) {
    const { index, origin, size } = report.log;
    rows.push([words.place, code(printable(origin)), ` ${words.index} ${index}, ${words.size} ${size}`]);
  }
  return part(made("h3", {}, words.what), facts(rows));
}

/** @param {ReportFacts} report @param {Words} words */
function believed(report, words) {
  const { trustRoot } = report;
  const rows = ["attestationKeys", "logKeys", "tsaRoots", "witnesses"].map((name) => {
    const keys = trustRoot[/** @type {keyof typeof trustRoot} */ (name)];
    return [words[name], ...(keys.length ? keys.map((key) => made("div", {}, code(printable(key)))) : [words.nobody])];
  });
  return part(made("h3", {}, words.believed), facts(rows));
}

/** @param {ReportFacts} report @param {string} name @param {Words} words */
function actions(report, name, words) {
  const save = made("button", { type: "button", class: "quiet" }, words.save);
  save.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${JSON.stringify(report, null, 2)}\n`], { type: "application/json" }));
    link.download = `${name.replace(/[^A-Za-z0-9._-]/g, "_")}.report.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
  const print = made("button", { type: "button", class: "quiet" }, words.print);
  print.addEventListener("click", () => globalThis.print());
  return made("div", { class: "actions" }, save, print);
}

/** @param {Part[][]} rows each a name and what is said under it */
function facts(rows) {
  const body = rows.map(([name, ...values]) =>
    made("tr", {}, made("th", { scope: "row" }, name), made("td", {}, ...values)),
  );
  return made("table", { class: "facts" }, made("tbody", {}, ...body));
}

/** @param {...Part} parts */
function part(...parts) {
  return made("section", {}, ...parts);
}

/** Text from outside, apart from the direction of what surrounds it. @param {string} text */
function foreign(text) {
  return made("bdi", { dir: "auto" }, printable(text));
}

/** @param {string} text */
function code(text) {
  return made("code", { dir: "ltr" }, text);
}

/** @param {string} tag @param {string} text */
function english(tag, text) {
  return made(tag, { lang: "en", dir: "ltr" }, text);
}

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes our own words
 * @param {...Part} parts texts go in as text
 * @returns {HTMLElement}
 */
function made(tag, attributes, ...parts) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...parts);
  return element;
}
