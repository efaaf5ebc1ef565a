import assert from "node:assert/strict";
import { test } from "node:test";

import { disagreements, maxRecords } from "../src/agreement.js";
import { attestedDependencies, examineDependencies } from "../src/dependencies.js";
import { compareFetchLog, requestRecords } from "../src/fetch_log.js";
import { surveyWarc } from "../src/survey.js";
import { ARCHIVE, DEPENDENCIES } from "../src/wacz.js";
import { opened, vectors } from "./packages.js";

async function found(kind, name) {
  const { files, statement } = await opened(kind, name);
  const survey = await surveyWarc(files.blob(ARCHIVE), { maxRecords: maxRecords(statement) });
  assert.equal(survey.problem, null, name);
  return disagreements(statement, survey);
}

test("good packages agree with themselves", async () => {
  for (const name of vectors("good")) assert.deepEqual(await found("good", name), [], name);
});

for (const name of vectors("bad", "E-WARC-04_")) {
  test(name, async () => {
    const findings = await found("bad", name);
    assert.ok(findings.length);
    assert.ok(findings.every((one) => typeof one.about === "string" && typeof one.found === "string"));
  });
}

async function taken(kind, name) {
  const { files, statement } = await opened(kind, name);
  if (!files.has(DEPENDENCIES)) return null;
  const result = await examineDependencies(statement, files.blob(DEPENDENCIES), DEPENDENCIES);
  files.check(DEPENDENCIES, result.digests);
  return { ...result, attested: attestedDependencies(statement) };
}

test("what is taken from others is there", async () => {
  const { problems, records, attested } = await taken("good", "taken-from-others");
  assert.deepEqual(problems, []);
  assert.ok(records.length);
  assert.deepEqual(
    records.map(({ id }) => id),
    attested.map(({ record }) => record),
  );
});

for (const name of vectors("bad", "E-WARC-05_")) {
  test(name, async () => {
    const result = await taken("bad", name);
    assert.ok(result === null || result.problems.length);
  });
}

const EXCHANGE = {
  number: 1,
  url: "https://a.example/",
  status: 200,
  ok: true,
  failure: { kind: "dns", detail: "d?" },
  none: null,
};
const PREDICATE = {
  captureId: "c",
  target: "t",
  finalUrl: null,
  title: `${"ب".repeat(999)}😀`,
  outcome: "partial",
  reasons: ["r"],
  times: { started: "s", ended: "e" },
  settings: { userAgent: "u", limits: { a: 1 } },
  exchanges: [EXCHANGE],
};
const LOG = {
  captureId: "c",
  target: "t",
  finalUrl: null,
  title: `${PREDICATE.title} and more`,
  outcome: "partial",
  reasons: ["r"],
  started: "s",
  ended: "e",
  userAgent: "u",
  limits: { a: 1 },
  exchanges: [{ ...EXCHANGE, failure: { kind: "dns", detail: "d\ud800" }, requestRecord: "urn:1", interim: "x" }],
};

function compared(log) {
  const text = typeof log === "string" ? log : JSON.stringify(log);
  return compareFetchLog(PREDICATE, Buffer.from(text), "log").map((one) => `${one.about}: ${one.found}`);
}

const LOGS = [
  ["the same, long texts cut", LOG, []],
  ["another title", { ...LOG, title: "x" }, ["log: title: not what the attestation says"]],
  [
    "a member less and one more",
    { ...LOG, target: undefined, zzz: 1 },
    ["log: target: only in the attestation", "log: zzz: only in the fetch log"],
  ],
  ["a float", JSON.stringify(LOG).replace('"a":1', '"a":1.0'), ["log: limits: not what the attestation says"]],
  [
    "a large number",
    JSON.stringify(LOG).replace('"a":1', '"a":100000000000000000000'),
    ["log: limits: not what the attestation says"],
  ],
  ["no exchanges", { ...LOG, exchanges: [] }, ["log: the fetch log does not list the attested exchanges"]],
  ["an exchange that is none", { ...LOG, exchanges: [1] }, ["log exchanges.0: not an object"]],
  [
    "true for one",
    { ...LOG, exchanges: [{ ...EXCHANGE, number: true }] },
    ["log exchanges.0: number: not what the attestation says"],
  ],
  ["a key twice", '{"a":{"b":1,"b":1}}', ["log: the fetch log is not JSON without duplicate keys"]],
  ["a list", "[]", ["log: the fetch log is not a JSON object"]],
  ["no JSON", "{]", ["log: the fetch log is not JSON"]],
  ["very deep", "[".repeat(100_000), ["log: the fetch log is not JSON"]],
  ["a mark before it", "\ufeff{}", ["log: the fetch log is not JSON"]],
  ["a bare control character", '{"a":"\t"}', ["log: the fetch log is not JSON"]],
];

for (const [name, log, expected] of LOGS) {
  test(`fetch log: ${name}`, () => assert.deepEqual(compared(log), expected));
}

test("a fetch log that was not kept, or is no text", () => {
  assert.deepEqual(compareFetchLog(PREDICATE, null, "log"), [{ about: "log", found: "the fetch log is too large" }]);
  assert.deepEqual(compareFetchLog(PREDICATE, Uint8Array.of(0xff), "log")[0].found, "the fetch log is not JSON");
  assert.equal(requestRecords(null).size, 0);
});

test("the requests that the log names", () => {
  const block = Buffer.from('{"exchanges":[{"number":1,"requestRecord":"a"},{"number":2,"requestRecord":null},3]}');
  assert.deepEqual([...requestRecords(block)], [[1, "a"]]);
});
