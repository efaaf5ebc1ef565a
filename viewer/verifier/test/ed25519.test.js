import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { verifies, verifyEd25519 } from "../src/ed25519.js";
import { PublicKey } from "../src/keys.js";

const CASES = JSON.parse(readFileSync(new URL("cases/ed25519.json", import.meta.url), "utf8"));
// RFC 8032 §7.1, tests 1 and 2: key, message, signature.
const STANDARD = [
  [
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
].map((row) => row.map(bytes));

function bytes(hex) {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

test("the vectors of RFC 8032", async () => {
  for (const [key, message, signature] of STANDARD) {
    assert.equal(await verifyEd25519(key, message, signature), true);
    for (let place = 0; place < 64; place += 7) {
      const damaged = signature.map((byte, at) => (at === place ? byte ^ 1 : byte));
      assert.equal(await verifyEd25519(key, message, damaged), false);
    }
    assert.equal(await verifyEd25519(key, message, signature.subarray(1)), false);
    assert.equal(await verifyEd25519(key.subarray(1), message, signature), false);
  }
});

test("points of small order, their other spellings, and S beyond the order, as OpenSSL has them", () => {
  assert.ok(CASES.some((one) => one.verifies) && CASES.some((one) => !one.verifies));
  for (const { key, message, signature, verifies: expected } of CASES) {
    assert.equal(verifies(bytes(key), bytes(message), bytes(signature)), expected, `${key} ${signature}`);
  }
});

test("a key in PEM has one form", () => {
  const key = new PublicKey(STANDARD[0][0]);
  assert.deepEqual(PublicKey.fromPem(key.pem).raw, key.raw);
  const rsa = "-----BEGIN PUBLIC KEY-----\nMA0wCAYGKQECAwQFAwEA\n-----END PUBLIC KEY-----\n";
  for (const [pem, reason] of [
    ["", /not a public key/],
    [rsa, /not an Ed25519 key/],
    [key.pem.trimEnd(), /not written as OpenSSL/],
    [key.pem.replaceAll("\n", "\r\n"), /not written as OpenSSL/],
    [key.pem + key.pem, /more than one/],
  ]) {
    assert.throws(() => PublicKey.fromPem(pem), reason);
  }
});
