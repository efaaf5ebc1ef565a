import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Certificate, derOfPem, pemOfDer } from "../src/certificates.js";
import { bitsOf, elements, integerOf, oidOf, single, timeOf } from "../src/der.js";
import { Invalid } from "../src/errors.js";
import { nameText } from "../src/names.js";
import { MAX_RESPONSE, parseResponse, verifyTimestamp } from "../src/timestamp.js";
import { formatTimestamp } from "../src/timestamps.js";

// Node 18 has it only by a flag.
globalThis.crypto ??= webcrypto;

const read = (name) => JSON.parse(readFileSync(new URL(`cases/${name}.json`, import.meta.url), "utf8"));
const CASES = read("timestamps");
const RSA = read("rsa");
const MESSAGE = new TextEncoder().encode("sijill.example/log\n42\nroot\n");
const GOOD = CASES.find((one) => one.time !== undefined);

const responseOf = (one) => new Uint8Array(Buffer.from(one.response, "base64"));
const bytes = (...values) => Uint8Array.from(values);

function verify(one, response = responseOf(one)) {
  return verifyTimestamp(response, MESSAGE, { roots: one.roots, intermediates: one.intermediates });
}

async function verdictOn(one) {
  try {
    const { time, signerSha256 } = await verify(one);
    return { time: formatTimestamp(time).replace("Z", "+00:00"), signer: signerSha256 };
  } catch (error) {
    assert.ok(error instanceof Invalid, `${one.label}: ${error.stack}`);
    return { error: error.name, reason: error.message };
  }
}

test("timestamps of odd certificates, as OpenSSL has them", async () => {
  assert.ok(CASES.some((one) => one.time) && CASES.some((one) => one.error));
  for (const one of CASES) {
    const { time, signer, error, reason } = one;
    assert.deepEqual(await verdictOn(one), time === undefined ? { error, reason } : { time, signer }, one.label);
  }
});

test("an authority with an RSA key", async () => {
  const stamp = await verify(RSA);
  assert.equal(stamp.accuracy, BigInt(RSA.accuracy));
  assert.deepEqual([stamp.earliest, stamp.latest], [stamp.time - stamp.accuracy, stamp.time + stamp.accuracy]);
  assert.deepEqual(await verdictOn(RSA), { time: RSA.time, signer: RSA.signer });
  await assert.rejects(verify({ ...RSA, roots: GOOD.roots }), /no path leads/);
  await assert.rejects(verify({ ...RSA, roots: [] }), /no root certificate/);
});

test("no damaged response verifies", async () => {
  for (const one of [GOOD, RSA]) {
    const good = responseOf(one);
    // The status is not signed: granted may become granted with modifications, and nothing else.
    const status = Buffer.from(good).indexOf(Buffer.from([0x30, 0x03, 0x02, 0x01, 0x00])) + 4;
    for (let place = 0; place < good.length; place += 1) {
      const damaged = good.slice();
      damaged[place] ^= place === status ? 2 : 1 << place % 8;
      await assert.rejects(verify(one, damaged), Invalid, `byte ${place}`);
    }
  }
});

test("any bytes are refused in order", () => {
  for (let size = 0; size < 300; size += 1) {
    const noise = Uint8Array.from({ length: size }, (_, place) => (place * 197 + size * 31) % 256);
    assert.throws(() => parseResponse(noise), { name: "MalformedTimestampResponse" });
  }
  assert.throws(() => parseResponse(new Uint8Array(MAX_RESPONSE + 1)), /larger than 65536 bytes/);
  const good = responseOf(GOOD);
  for (let end = 0; end < good.length; end += 1) {
    assert.throws(() => parseResponse(good.subarray(0, end)), { name: "MalformedTimestampResponse" });
  }
});

test("a rejection says why", () => {
  // SEQUENCE { SEQUENCE { 2, SEQUENCE { "no clock" }, BIT STRING with bit 14 } }
  const text = new TextEncoder().encode("no clock");
  const info = [0x02, 1, 2, 0x30, text.length + 2, 0x0c, text.length, ...text, 0x03, 3, 1, 0, 2];
  const response = bytes(0x30, info.length + 2, 0x30, info.length, ...info);
  assert.throws(() => parseResponse(response), {
    reason: "the authority did not grant it: rejection; time_not_available; no clock",
  });
});

test("only a pinned certificate counts if there are any", async () => {
  const trusted = { roots: GOOD.roots, certificates: GOOD.roots };
  await assert.rejects(verifyTimestamp(responseOf(GOOD), MESSAGE, trusted), /none of the certificates that are pinned/);
});

test("DER has one form", () => {
  for (const data of [
    bytes(0x30),
    bytes(0x30, 0x80, 0, 0),
    bytes(0x30, 0x81, 0x01, 0),
    bytes(0x30, 0x82, 0x00, 0x80),
    bytes(0x1f, 1, 0),
    bytes(0x30, 2, 0),
    bytes(0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1),
  ]) {
    assert.throws(() => elements(data), { name: "MalformedDer" });
  }
  const value = (...data) => elements(bytes(...data))[0];
  assert.equal(integerOf(value(2, 1, 0x80)), -128n);
  assert.equal(integerOf(value(2, 2, 0, 0x80)), 128n);
  assert.equal(oidOf(value(6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2)), "1.2.840.113549.1.7.2");
  assert.deepEqual([...bitsOf(value(3, 2, 1, 6))], [5, 6]);
  for (const read of [
    () => integerOf(value(2, 0)),
    () => integerOf(value(2, 2, 0, 1)),
    () => oidOf(value(6, 2, 0x80, 1)),
    () => oidOf(value(6, 1, 0x81)),
    () => bitsOf(value(3, 2, 1, 7)),
    () => single(bytes(5, 0, 5, 0), 5),
    () => timeOf(value(0x18, 5, ...Buffer.from("2025Z"))),
    () => timeOf(value(0x18, 17, ...Buffer.from("20250601120000.0Z"))),
  ]) {
    assert.throws(read, { name: "MalformedDer" });
  }
});

test("certificates are read, and written as OpenSSL writes them", () => {
  const der = derOfPem(RSA.roots[0]);
  assert.equal(pemOfDer(der), RSA.roots[0]);
  const root = new Certificate(der);
  assert.equal(root.version, 3);
  assert.equal(nameText(root.subject), nameText(root.issuer));
  assert.equal(root.basicConstraints?.isAuthority, true);
  for (let end = 0; end < der.length; end += 7) {
    assert.throws(() => new Certificate(der.subarray(0, end)), { name: "MalformedCertificate" });
  }
});
