import assert from "node:assert/strict";
import { test } from "node:test";

import { MalformedPackage } from "../src/malformed.js";
import { PackageFiles } from "../src/package.js";
import { openZip } from "../src/zip.js";
import { packageOf, vectors } from "./packages.js";

/** Read everything; the reason if the zip is not as it should be, else null. */
async function problemOf(blob) {
  try {
    await (await PackageFiles.open(blob)).checkUnopened();
    return null;
  } catch (err) {
    assert.ok(err instanceof MalformedPackage, String(err));
    assert.equal(err.code, "E-PKG-01");
    return err.reason;
  }
}

test("good packages are read to the last byte", async () => {
  for (const name of vectors("good")) assert.equal(await problemOf(packageOf("good", name)), null);
});

test("packages that are no such zip are refused", async () => {
  for (const name of vectors("bad", "E-PKG-01_")) assert.ok(await problemOf(packageOf("bad", name)), name);
});

test("a flipped bit anywhere is noticed", async () => {
  const bytes = new Uint8Array(await packageOf("good", "first-entry").arrayBuffer());
  for (let at = 0; at < bytes.length; at += at < bytes.length - 2000 ? 997 : 13) {
    bytes[at] ^= 1 << at % 8;
    assert.ok(await problemOf(new Blob([bytes])), `at ${at}`);
    bytes[at] ^= 1 << at % 8;
  }
  assert.equal(await problemOf(new Blob([bytes])), null);
});

/** Looks like a file of so many bytes; whoever reads it gets zeros. */
class Sparse {
  constructor(size) {
    this.size = size;
    this.read = 0;
  }

  slice(start, end) {
    this.read += end - start;
    return new Blob([new Uint8Array(end - start)]);
  }
}

test("a file of 3 GB that is no package is refused after a look at its end", async () => {
  const file = new Sparse(3_000_000_000);
  await assert.rejects(openZip(file), { reason: "does not end with the end record of a zip without comment" });
  assert.ok(file.read < 1000);
});

test("a file that its form does not allow is not read at all", async () => {
  const file = new Sparse(5_000_000_000);
  await assert.rejects(openZip(file), { reason: "larger than its form allows" });
  assert.equal(file.read, 0);
});

test("small things that are no zip", async () => {
  assert.equal(await problemOf(new Blob([])), "too short for a zip");
  assert.equal(
    await problemOf(new Blob(["x".repeat(100)])),
    "does not end with the end record of a zip without comment",
  );
});

test("members by name, in order, as bytes and as a stream", async () => {
  const { entries } = await openZip(packageOf("good", "first-entry"));
  assert.deepEqual([...entries.keys()], [...entries.keys()].sort());
  const member = entries.get("provenance/VERIFY.txt");
  const pieces = [];
  for await (const piece of member.stream()) pieces.push(piece);
  assert.deepEqual(Buffer.concat(pieces), Buffer.from(await member.read()));
  assert.equal(Buffer.concat(pieces).length, member.size);
});
