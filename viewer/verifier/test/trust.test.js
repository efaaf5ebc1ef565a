import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { parseTrust } from "../src/trust.js";

const DATA = readFileSync(new URL("../../../tests/vectors/trust.json", import.meta.url), "utf8");
const trust = () => JSON.parse(DATA);
const parsed = (value) => parseTrust(new TextEncoder().encode(JSON.stringify(value)));

function refused(change, path, reason) {
  const value = trust();
  change(value);
  assert.throws(() => parsed(value), { name: "MalformedTrustRoot", path, reason });
}

test("a trust root is read", () => {
  const root = parsed(trust());
  assert.equal(root.attestationKeys[0].keyid, trust().attestationKeys[0].keyid);
  assert.deepEqual(
    root.witnesses.map((key) => key.vkey),
    trust().witnesses,
  );
  assert.deepEqual([root.witnessesNeeded, root.timestampsNeeded], [2, 2]);
});

test("what is no trust root is refused by name", () => {
  const first = trust().attestationKeys[0].keyid;
  refused((value) => delete value.logKeys, "", "no member 'logKeys'");
  refused((value) => (value.tsaRoot = []), "", "unknown member 'tsaRoot'");
  refused((value) => (value.logKeys = []), "logKeys", "names no key, so that nothing could be verified");
  refused((value) => value.logKeys.push(value.logKeys[0]), "logKeys.1", "is there twice");
  refused((value) => (value.logKeys = value.witnesses), "logKeys.0", "a key of type 4, expected 1");
  refused(
    (value) => (value.attestationKeys[0].keyid = "x"),
    "attestationKeys.0.keyid",
    `not that of the key, which is ${first}`,
  );
  refused((value) => (value.tsaRoots[0] = "x"), "tsaRoots.0", "not a certificate in PEM");
  const spelling = "PEM holds more than one certificate, or is not written as OpenSSL writes it";
  refused((value) => (value.tsaRoots[0] += "\n"), "tsaRoots.0", spelling);
  refused((value) => (value.policy = { witnesses: 0 }), "policy.witnesses", "not a number from 1 on");
  refused((value) => (value.policy = { witnesses: true }), "policy.witnesses", "not a number from 1 on");
  refused((value) => (value.policy = { witnesses: 3 }), "policy.witnesses", "more than the 2 that are named");
  refused((value) => (value.tsaRoots = []), "policy.timestamps", "has no effect, because no tsaRoots are named");
  refused((value) => (value.validity = [{ key: first }]), "validity.0", "neither notBefore nor notAfter");
  const [earlier, later] = ["2026-01-01T00:00:00.000000Z", "2027-01-01T00:00:00.000000Z"];
  const late = { key: first, notBefore: later, notAfter: earlier };
  refused((value) => (value.validity = [late]), "validity.0", "notBefore is after notAfter");
  const strange = { key: "x", notBefore: earlier };
  refused((value) => (value.validity = [strange]), "validity.0.key", "no key of this trust root");
  const untimed = { key: first, at: 1, reason: "" };
  refused((value) => (value.revocations = [untimed]), "revocations.0.at", "not a string");
  assert.throws(() => parseTrust(new TextEncoder().encode('{"a":1,"a":2}')), { reason: "duplicate key 'a'" });
});

test("one key is one witness", () => {
  const log = "archive.example/log";
  const value = trust();
  const [name] = value.witnesses[0].split("+");
  assert.notEqual(name, log);
  value.witnesses[1] = value.witnesses[0];
  assert.throws(() => parsed(value), { path: "witnesses.1", reason: "is there twice" });
});
