import assert from "node:assert/strict";
import { test } from "node:test";

import { canonical } from "../src/canonical.js";
import { base64, fromBase64 } from "../src/encoding.js";
import { MAX_SIGNATURES, parseEnvelope, signedBytes } from "../src/envelope.js";

const SIGNATURE = { keyid: "a".repeat(64), sig: base64(new Uint8Array(64)) };
const GOOD = { payload: "e30=", payloadType: "application/vnd.in-toto+json", signatures: [SIGNATURE] };

const refused = (value, reason) => {
  assert.throws(() => parseEnvelope(canonical(value)), { name: "MalformedEnvelope", reason });
};

test("an envelope is read", () => {
  const envelope = parseEnvelope(canonical(GOOD));
  assert.equal(envelope.payloadType, GOOD.payloadType);
  assert.deepEqual(envelope.payload, new TextEncoder().encode("{}"));
  assert.deepEqual(envelope.signatures, [{ keyid: SIGNATURE.keyid, sig: new Uint8Array(64) }]);
});

test("what is signed is the encoding of DSSE", () => {
  // github.com/secure-systems-lab/dsse, protocol.md
  const signed = signedBytes("http://example.com/HelloWorld", new TextEncoder().encode("hello world"));
  assert.equal(new TextDecoder().decode(signed), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
});

test("each member is as it must be", () => {
  const with_ = (changes) => ({ ...GOOD, ...changes });
  const signed = (changes) => with_({ signatures: [{ ...SIGNATURE, ...changes }] });
  refused([], "envelope: not an object");
  refused(with_({ "it's": 1 }), `envelope: unknown member "it's"`);
  refused({ payload: "e30=", payloadType: "x" }, "envelope: no member 'signatures'");
  refused(with_({ payload: "e31=" }), "payload: not the standard base64 of its bytes");
  for (const payload of ["e30", "e3=0", "e3 0", "e30==", "é==="]) {
    refused(with_({ payload }), "payload: not standard base64");
  }
  refused(with_({ payload: 1 }), "payload: not a string");
  refused(with_({ payloadType: "" }), "payloadType: not a string of 1 to 200 characters");
  refused(with_({ payloadType: "\u{1f600}".repeat(201) }), "payloadType: not a string of 1 to 200 characters");
  assert.ok(parseEnvelope(canonical(with_({ payloadType: "\u{1f600}".repeat(200) }))));
  refused(with_({ signatures: [] }), `signatures: not a list of 1 to ${MAX_SIGNATURES}`);
  refused(with_({ signatures: [SIGNATURE, SIGNATURE] }), "signatures: a keyid occurs twice");
  refused(signed({ keyid: "A".repeat(64) }), "signatures.0.keyid: not 64 lowercase hexadecimal digits");
  refused(signed({ sig: "AAAA" }), "signatures.0.sig: 3 bytes, an Ed25519 signature has 64");
});

test("base64 has one form", () => {
  for (let size = 0; size < 50; size += 1) {
    const data = Uint8Array.from({ length: size }, (_, place) => (place * 37 + size) % 256);
    assert.deepEqual(fromBase64(base64(data)), data);
    assert.equal(base64(data), Buffer.from(data).toString("base64"));
  }
  const long = new Uint8Array(200_000).fill(7);
  assert.deepEqual(fromBase64(base64(long)), long);
});
