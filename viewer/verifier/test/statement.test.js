import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { isAddress } from "../src/addresses.js";
import { canonical } from "../src/canonical.js";
import { parseStatement } from "../src/statement.js";
import { captureIdTime, formatTimestamp, parseTimestamp } from "../src/timestamps.js";

const VECTORS = new URL("../../../tests/vectors/statement/", import.meta.url);
const CASES = JSON.parse(readFileSync(new URL("cases/statements.json", import.meta.url), "utf8"));
const BASES = Object.fromEntries(
  ["plain.json", "rich.json", "failed.json"].map((name) => [name, readFileSync(new URL(name, VECTORS), "utf8")]),
);

function changed({ base, path, remove, value }) {
  const statement = JSON.parse(BASES[base]);
  const inside = path.slice(0, -1).reduce((member, step) => member[step], statement);
  if (remove) delete inside[path.at(-1)];
  else inside[path.at(-1)] = value;
  return statement;
}

test("statements are accepted", () => {
  for (const text of Object.values(BASES)) {
    assert.deepEqual(parseStatement(canonical(JSON.parse(text))), JSON.parse(text));
  }
});

test("statements with one thing changed, in the words of the other verifier", () => {
  assert.ok(CASES.length > 500);
  for (const one of CASES) {
    const label = JSON.stringify(one).slice(0, 200);
    const data = canonical(changed(one));
    if (one.refusal === null) {
      assert.ok(parseStatement(data), label);
    } else {
      const [path, reason] = one.refusal;
      assert.throws(() => parseStatement(data), { name: "MalformedStatement", path, reason }, label);
    }
  }
});

test("times have one form, to the microsecond, in the years 1 to 9999", () => {
  for (const text of [
    "2026-11-21T01:16:30.123456Z",
    "1969-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00.000000Z",
    "9999-12-31T23:59:59.999999Z",
    "2024-02-29T12:00:00.000001Z",
  ]) {
    assert.equal(formatTimestamp(parseTimestamp(text)), text);
  }
  for (const text of [
    "2026-11-21T01:16:30Z",
    "2026-11-21T01:16:30.123456Z\n",
    "2026-11-21T24:00:00.000000Z",
    "2026-11-21T23:59:60.000000Z",
    "2025-02-29T00:00:00.000000Z",
    "0000-01-01T00:00:00.000000Z",
  ]) {
    assert.throws(() => parseTimestamp(text), { name: "MalformedTimestamp" }, text);
  }
  assert.equal(formatTimestamp(captureIdTime("20261121t011630z-k3j5x2m4q7ab")), "2026-11-21T01:16:30.000000Z");
  assert.throws(() => captureIdTime("20261321t011630z-k3j5x2m4q7ab"), /no such moment/);
});

test("addresses", () => {
  for (const text of ["192.0.2.1", "::", "::1", "2001:db8::1", "fe80::1%eth0", "::ffff:192.0.2.1", "1:2:3:4:5:6:7::"]) {
    assert.ok(isAddress(text), text);
  }
  for (const text of [
    "",
    "192.0.2",
    "192.0.2.01",
    "192.0.2.256",
    ":::",
    "1::2::3",
    "1:2:3",
    "g::",
    "::1%",
    "::1%a/b",
  ]) {
    assert.ok(!isAddress(text), text);
  }
});
