import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { Invalid } from "../src/errors.js";
import { parseCheckpoint, parseDecimal } from "../src/log/checkpoint.js";
import { verifyCosignature } from "../src/log/cosignature.js";
import { verifyInclusion } from "../src/log/merkle.js";
import { NoteVerifier, formatNote, parseNote } from "../src/log/note.js";
import { parseProof } from "../src/log/proof.js";
import { opened, vectors } from "./packages.js";

const VECTORS = new URL("../../../tests/vectors/", import.meta.url);
const PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";

const read = (name) => new Uint8Array(readFileSync(new URL(name, VECTORS)));
const bytes = (text) => new TextEncoder().encode(text);

test("notes of others verify", () => {
  const data = read("c2sp/two.note");
  const note = parseNote(data);
  assert.deepEqual(formatNote(note), data);
  for (const vkey of [PETER, ENOCH]) {
    const verifier = NoteVerifier.fromVkey(vkey);
    assert.equal(verifier.vkey, vkey);
    verifier.verify(note);
    assert.throws(() => verifier.verify({ ...note, text: `${note.text}!\n` }), /does not verify/);
  }
});

test("the checkpoint of the Go database verifies", () => {
  const verifier = NoteVerifier.fromVkey(new TextDecoder().decode(read("c2sp/gosum.vkey")).trim());
  const signed = parseCheckpoint(read("c2sp/gosum.checkpoint"));
  verifier.verify(signed.note);
  assert.equal(signed.checkpoint.size, 20_852_163n);
  // Its key's name is not its origin.
  assert.throws(() => signed.verify(verifier), { name: "MalformedCheckpoint" });
});

test("a checkpoint with cosignatures is read and written", () => {
  const data = read("c2sp/cosigned.checkpoint");
  const signed = parseCheckpoint(data);
  assert.deepEqual(signed.data, data);
  assert.equal(parseNote(signed.firstSigned).signatures.length, 1);
});

test("a vkey has one spelling", () => {
  for (let place = 0; place < PETER.length; place += 1) {
    const damaged = PETER.slice(0, place) + (PETER[place] === "A" ? "B" : "A") + PETER.slice(place + 1);
    assert.throws(() => NoteVerifier.fromVkey(damaged), { name: "MalformedNote" });
    assert.throws(() => NoteVerifier.fromVkey(PETER.slice(0, place)), { name: "MalformedNote" });
  }
  assert.throws(() => NoteVerifier.fromVkey(PETER).signatureIn(twice(parseNote(read("c2sp/two.note")))), {
    message: "PeterNeumann: signed more than once",
  });
});

function twice(note) {
  return { ...note, signatures: [...note.signatures, ...note.signatures] };
}

test("a key for notes cosigns nothing", () => {
  const note = parseNote(read("c2sp/two.note"));
  assert.throws(() => verifyCosignature(note, NoteVerifier.fromVkey(PETER)), /not for cosignatures/);
});

test("decimal numbers have one form", () => {
  assert.equal(parseDecimal("0"), 0n);
  assert.equal(parseDecimal("9223372036854775807"), 2n ** 63n - 1n);
  for (const text of ["", "00", "01", "+1", "-1", "1 ", "4_2", "٣", "9223372036854775808", "1e3", "1\n"]) {
    assert.equal(parseDecimal(text), null, text);
  }
});

/** Numbers beyond 2^53 are kept: the vectors have indexes up to 2^64. */
function inclusionVectors(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const place = new URL(entry.name + (entry.isDirectory() ? "/" : ""), folder);
    return entry.isDirectory() ? inclusionVectors(place) : [readFileSync(place, "utf8")];
  });
}

test("inclusion proofs of others", () => {
  const found = inclusionVectors(new URL("rfc6962/inclusion/", VECTORS));
  assert.ok(found.length > 50);
  const refusals = found.map((text) => {
    const vector = JSON.parse(text.replace(/("(?:leafIdx|treeSize)": )(\d+)/g, '$1"$2"'));
    const hashes = [vector.leafHash, vector.root, ...(vector.proof ?? [])].map((one) =>
      Buffer.from(one ?? "", "base64"),
    );
    const [leaf, root, ...proof] = hashes.map((one) => new Uint8Array(one));
    const check = () => verifyInclusion(leaf, BigInt(vector.leafIdx), BigInt(vector.treeSize), proof, root);
    if (vector.wantErr) assert.throws(check, { name: "InvalidProof" }, vector.desc);
    else check();
    return vector.wantErr;
  });
  assert.ok(refusals.includes(true) && refusals.includes(false));
});

test("no damaged proof is read as another error than its own", async () => {
  const { files } = await opened("good", vectors("good")[0]);
  const data = await files.read("provenance/inclusion.tlog-proof", 1 << 20);
  parseProof(data);
  for (let place = 0; place < data.length; place += 1) {
    for (const damage of [0, 10, data[place] ^ 1, data[place] ^ 0x80]) {
      const damaged = data.slice();
      damaged[place] = damage;
      try {
        parseProof(damaged);
      } catch (error) {
        assert.ok(error instanceof Invalid, `${place}: ${error}`);
      }
    }
  }
  assert.throws(() => parseProof(bytes("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 1\n\n")), /extra data/);
});
