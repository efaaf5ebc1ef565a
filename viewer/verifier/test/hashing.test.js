import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { Crc32, Hasher, WholeHasher, digestBlob, digestBytes, hashStream } from "../src/hashing.js";

// FIPS 180-4 and the BLAKE3 specification.
const OF_ABC = {
  size: 3,
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  blake3: "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85",
};
const OF_NOTHING = {
  size: 0,
  sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  blake3: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
};
const ABC = new TextEncoder().encode("abc");

test("known digests", async () => {
  assert.deepEqual(await digestBytes(ABC), OF_ABC);
  assert.deepEqual(await digestBytes(new Uint8Array(0)), OF_NOTHING);
});

test("a file of several reads has the digests of its bytes, and its CRC-32", async () => {
  const bytes = randomBytes((9 << 20) + 17);
  const read = [];
  const { crc32, ...found } = await digestBlob(new Blob([bytes]), { onBytes: (size) => read.push(size) });
  assert.equal(found.sha256, createHash("sha256").update(bytes).digest("hex"));
  assert.deepEqual(found, await digestBytes(bytes));
  assert.equal(
    read.reduce((all, one) => all + one, 0),
    bytes.length,
  );
  const crc = await Crc32.create();
  crc.update(bytes);
  assert.equal(crc32, crc.value());
});

test("CRC-32 of the usual check text", async () => {
  assert.equal((await digestBlob(new Blob(["123456789"]))).crc32, 0xcbf43926);
});

test("pieces of any size give the same digests", async () => {
  const bytes = randomBytes(200_000);
  const whole = await digestBytes(bytes);
  for (const size of [1, 100, 4095, 4096, 65_537]) {
    const pieces = async function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    };
    assert.deepEqual(await hashStream(pieces()), whole);
  }
});

test("a hasher that is reset forgets what it was fed", async () => {
  const hasher = await Hasher.create();
  hasher.update(ABC);
  hasher.reset();
  hasher.update(ABC);
  assert.deepEqual(hasher.digests(), OF_ABC);
});

test("native and other digests are the same", async () => {
  const whole = await WholeHasher.create();
  for (const size of [100, 1 << 14, 100_000]) {
    const bytes = randomBytes(size);
    assert.equal(await whole.sha256(bytes), createHash("sha256").update(bytes).digest("hex"));
    const found = await whole.block(bytes, { start: 7, end: size - 5 });
    assert.deepEqual(found, { sha256: await whole.sha256(bytes), payload: await digestBytes(bytes.subarray(7, -5)) });
    assert.deepEqual(await whole.block(bytes, null), { sha256: found.sha256, payload: null });
  }
});

test("an aborted reading throws the reason", async () => {
  const reason = new Error("enough");
  await assert.rejects(digestBlob(new Blob(["x"]), { signal: AbortSignal.abort(reason) }), reason);
});
