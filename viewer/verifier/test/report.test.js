import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { CODES, Code, PREREQUISITES, SENTENCES } from "../src/codes.js";
import { printable } from "../src/printable.js";
import { renderText } from "../src/render.js";
import { MAX_FINDINGS, Report } from "../src/report.js";
import { beginning, byCodePoints, lengthOf, quoted } from "../src/text.js";
import { parseTrust } from "../src/trust.js";

const ROOT = new URL("../../../", import.meta.url);
const TRUST = parseTrust(new Uint8Array(readFileSync(new URL("tests/vectors/trust.json", ROOT))));
const PYTHON = readFileSync(new URL("provenance/verify/codes.py", ROOT), "utf8");

test("codes, sentences and what they presuppose are those of the other verifier", () => {
  const named = [...PYTHON.matchAll(/^    ([A-Z]+_\d\d) = "(.*)"$/gm)].map(([, name, code]) => [name, code]);
  assert.deepEqual(Object.entries(Code), named);
  assert.deepEqual(CODES, Object.values(Code));
  const sentences = [...PYTHON.matchAll(/Code\.(\w+): Sentences\(\s*"(.*)",\s*"(.*)",?\s*\)/g)];
  const expected = sentences.map(([, name, holds, fails]) => [Code[name], { holds, fails }]);
  assert.deepEqual(Object.entries(SENTENCES), expected);
  const table = PYTHON.slice(PYTHON.indexOf("PREREQUISITES"));
  for (const [, name, earlier] of table.matchAll(/^    Code\.(\w+): \((.*)\),$/gm)) {
    const found = [...earlier.matchAll(/Code\.(\w+)/g)].map(([, one]) => Code[one]);
    assert.deepEqual(PREREQUISITES[Code[name]], found, name);
  }
  assert.equal(Object.keys(PREREQUISITES).length, CODES.length);
});

test("what was never reached is not checked, and nothing follows", () => {
  const report = new Report(TRUST, [Code.LOG_05]);
  report.pass(Code.PKG_01);
  report.fail(Code.ATT_01, "file", "found");
  const facts = report.toJSON();
  assert.deepEqual(
    facts.checks.map((check) => check.code),
    CODES,
  );
  const check = (code) => facts.checks.find((one) => one.code === code);
  assert.deepEqual(check(Code.ATT_05).findings, [{ about: Code.ATT_05, found: "needs E-ATT-02, E-ATT-04" }]);
  assert.deepEqual(check(Code.PKG_02).findings, [{ about: Code.PKG_02, found: "was not reached" }]);
  assert.equal(check(Code.ATT_01).sentence, SENTENCES[Code.ATT_01].fails);
  assert.equal(check(Code.LOG_05).required, false);
  assert.equal(facts.verified, false);
  assert.deepEqual(facts.statement, ["Not every required check passed, so nothing follows from this evidence."]);
  assert.deepEqual(report.failed, [Code.ATT_01]);
});

test("a report holds only if every required check passed", () => {
  const report = new Report(TRUST, [Code.LOG_05]);
  for (const code of CODES.filter((one) => one !== Code.LOG_05)) {
    assert.equal(report.holds, false);
    report.pass(code);
  }
  assert.equal(report.holds, true);
  report.notChecked(Code.TIM_01, "times", "nobody says", { required: false });
  assert.equal(report.holds, true);
  report.notChecked(Code.WIT_01, "witnesses", "nobody says");
  assert.equal(report.holds, false);
});

test("many findings are shortened", () => {
  const report = new Report(TRUST);
  report.record(
    Code.PKG_02,
    Array.from({ length: 250 }, (_, place) => ({ about: `${place}`, found: "is missing" })),
  );
  const { findings } = report.checks[1];
  assert.equal(findings.length, MAX_FINDINGS);
  assert.deepEqual(findings.at(-1), { about: "findings", found: "250 in all" });
});

test("no digit of a large number is lost", () => {
  const report = new Report(TRUST);
  report.place = { origin: "log", index: 7n, size: 2n ** 63n - 1n };
  assert.deepEqual(JSON.parse(JSON.stringify(report)).log, { origin: "log", index: 7, size: "9223372036854775807" });
});

test("text of the evidence can do no harm", () => {
  const report = new Report(TRUST);
  report.fail(Code.PKG_02, "a\u001b[31m", "b\u202ec\n");
  const text = renderText(report.toJSON(), { name: "x\u0007" });
  assert.ok(text.includes("a\\u{1b}[31m: b\\u{202e}c\\u{a}"));
  assert.ok(text.includes("x\\u{7}: NOT VERIFIED"));
  assert.equal(printable("سجل\u200c🙂"), "سجل\u200c🙂");
  assert.equal(printable("🙂".repeat(1_001)), `${"🙂".repeat(1_000)}…`);
});

test("text as Python writes it", () => {
  assert.equal(quoted("it's"), `"it's"`);
  assert.equal(quoted(`it's "so"`), `'it\\'s "so"'`);
  assert.equal(quoted("\n\t\\\u0000\u00ad\u2028\u{e0001}é"), "'\\n\\t\\\\\\x00\\xad\\u2028\\U000e0001é'");
  assert.equal(beginning("🙂🙂🙂", 2), "🙂🙂");
  assert.equal(lengthOf("🙂a\ud83d"), 3);
  assert.deepEqual(["\uffff", "🙂", "b", "a", "ab"].sort(byCodePoints), ["a", "ab", "b", "\uffff", "🙂"]);
});
