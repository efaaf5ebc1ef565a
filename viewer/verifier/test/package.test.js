import assert from "node:assert/strict";
import { test } from "node:test";

import { maxRecords } from "../src/agreement.js";
import { examineDependencies } from "../src/dependencies.js";
import { TooLarge } from "../src/malformed.js";
import {
  ATTESTATION,
  ATTESTATION_KEY,
  CHECKPOINT,
  DERIVED,
  INSTRUCTIONS,
  LOG_KEY,
  PROOF,
  REPORT,
  VERIFY_PAGE,
  badSubject,
  derive,
  memberNames,
  nameProblems,
  surelyWrongNames,
  tokenAt,
} from "../src/package.js";
import { surveyWarc } from "../src/survey.js";
import { ARCHIVE, DEPENDENCIES } from "../src/wacz.js";
import { opened, vectors } from "./packages.js";

const LIMIT = 1 << 26;

/** The derived files of a vector, made from its signed ones, and from the texts that others make. */
async function derived(kind, name) {
  const { files, statement } = await opened(kind, name);
  const survey = await surveyWarc(files.blob(ARCHIVE), { maxRecords: maxRecords(statement) });
  const taken = files.has(DEPENDENCIES)
    ? await examineDependencies(statement, files.blob(DEPENDENCIES), DEPENDENCIES)
    : null;
  const tokens = [];
  for (const path of files.names) {
    const token = tokenAt(path);
    if (token) tokens.push({ token, data: await files.read(path, LIMIT) });
  }
  const text = async (path) => new TextDecoder().decode(await files.read(path, LIMIT));
  const made = await derive({
    statement,
    envelope: await files.read(ATTESTATION, LIMIT),
    proof: await files.read(PROOF, LIMIT),
    checkpoint: await files.read(CHECKPOINT, LIMIT),
    pem: await text(ATTESTATION_KEY),
    vkey: (await text(LOG_KEY)).trimEnd(),
    responses: survey.responses,
    taken,
    tokens,
    instructions: await files.read(INSTRUCTIONS, LIMIT),
    report: await files.read(REPORT, LIMIT),
  });
  const differing = [];
  for (const path of DERIVED) if (!(await files.holds(path, made.get(path)))) differing.push(path);
  return differing;
}

test("the derived files of good packages are what the signed files give", async () => {
  for (const name of vectors("good")) {
    assert.deepEqual(await derived("good", name), [], name);
    const { files, statement } = await opened("good", name);
    assert.deepEqual(nameProblems(files.names, statement), []);
    assert.deepEqual(surelyWrongNames(files.names), []);
  }
});

for (const name of [
  "b3sums",
  "datapackage",
  "datapackage-digest",
  "index",
  "index-summary",
  "pages-title",
  "sha256sums",
]) {
  test(`an altered file: ${name}`, async () => assert.ok((await derived("bad", `E-PKG-03_${name}`)).length));
}

test("names that are missing or do not belong", async () => {
  const { files, statement } = await opened("good", "first-entry");
  const names = [...files.names.filter((name) => name !== PROOF), "provenance/checkpoint.x.tsr", VERIFY_PAGE, "x"];
  const expected = [
    { about: PROOF, found: "is missing" },
    { about: "x", found: "does not belong" },
  ];
  assert.deepEqual(nameProblems(names, statement), expected);
  assert.deepEqual(surelyWrongNames(names), expected);
  assert.deepEqual(nameProblems([...files.names, "provenance/freshness.x.tsr"], statement), [
    { about: "provenance/freshness.x.tsr", found: "does not belong" },
  ]);
  assert.ok(memberNames(statement, [], { verifyPage: true }).includes(VERIFY_PAGE));
});

test("subjects that no package can hold", () => {
  assert.equal(badSubject("page.pdf", "application/pdf"), null);
  assert.match(badSubject("verify.html", "text/html"), /has this name/);
  assert.match(badSubject("attestation.a.tsr", "application/x"), /has this name/);
  assert.match(badSubject("page.pdf", "Application/pdf"), /media type/);
});

test("a file is not read beyond a limit", async () => {
  const { files } = await opened("good", "first-entry");
  await assert.rejects(files.read(PROOF, 10), TooLarge);
});
