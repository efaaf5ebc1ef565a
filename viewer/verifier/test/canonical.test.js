import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { MAX_DEPTH, canonical, parseCanonical, parseJsonStrict } from "../src/canonical.js";
import { MalformedJson, NotCanonicalisable } from "../src/errors.js";

const JCS = new URL("../../../tests/vectors/jcs/", import.meta.url);
const WITH_FLOATS = ["structures.json", "values.json"];
const NAMES = readdirSync(new URL("input/", JCS));

const bytes = (text) => new TextEncoder().encode(text);
const text = (data) => new TextDecoder().decode(data);
const read = (folder, name) => new Uint8Array(readFileSync(new URL(`${folder}/${name}`, JCS)));

test("the vectors of RFC 8785", () => {
  assert.equal(NAMES.length, 6);
  for (const name of NAMES.filter((one) => !WITH_FLOATS.includes(one))) {
    const expected = read("output", name);
    assert.deepEqual(canonical(parseJsonStrict(read("input", name))), expected, name);
    assert.deepEqual(canonical(parseCanonical(expected)), expected, name);
  }
});

test("floats are refused even where the standard knows them", () => {
  for (const name of WITH_FLOATS) {
    assert.throws(() => parseJsonStrict(read("input", name)), /not an integer/, name);
  }
});

const REFUSED = [
  ["", "not JSON: Expecting value at character 0"],
  [" {}", "not in canonical form (RFC 8785)"],
  ["{}\n", "not in canonical form (RFC 8785)"],
  ["{}{}", "not JSON: Extra data at character 2"],
  ['{"b":1,"a":2}', "not in canonical form (RFC 8785)"],
  ['{"a":1,"a":1}', "duplicate key 'a'"],
  ['{"a":{"b":1,"b":2}}', "duplicate key 'b'"],
  ['{"__proto__":1,"__proto__":2}', "duplicate key '__proto__'"],
  ["[1,]", "not JSON: Expecting value at character 3"],
  ["1.0", "not an integer: 1.0"],
  ["1e3", "not an integer: 1e3"],
  ["-0", "not in canonical form (RFC 8785)"],
  ["01", "not JSON: Extra data at character 1"],
  ["NaN", "not an integer: NaN"],
  ["-Infinity", "not an integer: -Infinity"],
  ["9007199254740992", "$: integer beyond 2^53 - 1"],
  ["-9007199254740993", "$: integer beyond 2^53 - 1"],
  ["1".repeat(5_000), "integer of 5000 characters"],
  ['"\\u0041"', "not in canonical form (RFC 8785)"],
  ['"\\ud800"', "$: lone surrogate at character 0"],
  ['{"\\udfff":1}', "$: lone surrogate at character 0"],
  ['["\u{1f600}\\ud83d"]', "$[0]: lone surrogate at character 1"],
  ["\ufeff{}", "not JSON: Unexpected UTF-8 BOM (decode using utf-8-sig) at character 0"],
  ['"\u0001"', "not JSON: Invalid control character at at character 1"],
  ['"\\/"', "not in canonical form (RFC 8785)"],
  ['"a', "not JSON: Unterminated string starting at at character 0"],
  ['["\\x"]', "not JSON: Invalid \\escape at character 2"],
  ["nul", "not JSON: Expecting value at character 0"],
  ["[".repeat(100_000), `deeper than ${MAX_DEPTH}`],
  [`${"[".repeat(MAX_DEPTH + 1)}${"]".repeat(MAX_DEPTH + 1)}`, `deeper than ${MAX_DEPTH}`],
];

test("what is not canonical is refused, in the words of the other verifier", () => {
  for (const [data, reason] of REFUSED) {
    assert.throws(() => parseCanonical(bytes(data)), { name: "MalformedJson", reason }, data.slice(0, 80));
  }
  for (const [data, place] of [
    [[0x22, 0xff, 0x22], 1],
    [[0x22, 0xed, 0xa0, 0x80, 0x22], 1],
    [[0x22, 0xc3, 0xa9, 0xe2, 0x82], 3],
    [[0xf5, 0x80, 0x80, 0x80], 0],
  ]) {
    assert.throws(() => parseCanonical(Uint8Array.from(data)), { reason: `not UTF-8 at byte ${place}` });
  }
});

test("a string that never ends does not take long to refuse", () => {
  const data = bytes(`${"[".repeat(MAX_DEPTH + 1)}"${'\\"'.repeat(1 << 20)}`);
  assert.throws(() => parseCanonical(data), MalformedJson);
  assert.throws(() => parseCanonical(bytes(`[${"[],".repeat(64)}"${'\\"'.repeat(1 << 20)}`)), MalformedJson);
});

test("limits are exact", () => {
  const deepest = bytes(`${"[".repeat(MAX_DEPTH)}${"]".repeat(MAX_DEPTH)}`);
  assert.deepEqual(canonical(parseCanonical(deepest, { limit: deepest.length })), deepest);
  assert.throws(() => parseCanonical(deepest, { limit: deepest.length - 1 }), /limit/);
  assert.equal(parseCanonical(bytes("9007199254740991")), Number.MAX_SAFE_INTEGER);
  const brackets = { "[[[[": `${"{".repeat(100)}\\"` };
  assert.deepEqual(parseCanonical(canonical(brackets)), brackets);
});

test("members are in the order of UTF-16, and named by anything", () => {
  const value = JSON.parse('{"10":1,"9":2,"\\uffff":3,"\\ud83d\\ude00":4,"__proto__":5,"":6}');
  const written = '{"":6,"10":1,"9":2,"__proto__":5,"\u{1f600}":4,"\uffff":3}';
  assert.equal(text(canonical(value)), written);
  const parsed = parseCanonical(bytes(written));
  assert.equal(Object.getOwnPropertyDescriptor(parsed, "__proto__")?.value, 5);
  assert.equal(Object.getPrototypeOf(parsed), Object.prototype);
});

test("values without a canonical form", () => {
  for (const value of [1.5, NaN, 2 ** 53, "\ud800", { "\ud800": 1 }, undefined, 1n, { a: undefined }]) {
    assert.throws(() => canonical(value), NotCanonicalisable);
  }
});
