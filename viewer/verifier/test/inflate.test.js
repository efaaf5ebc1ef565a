import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { deflateRawSync, inflateRawSync } from "node:zlib";

import { Inflater } from "../src/inflate.js";
import { Broken } from "../src/malformed.js";

const NOTHING = new Uint8Array(0);
const WORDS = Array.from({ length: 20_000 }, (_, place) => `word${(place * 7919) % 1013} `).join("");
const TEXTS = [Buffer.alloc(0), Buffer.from("a"), Buffer.alloc(300_000, "ab"), randomBytes(70_000), Buffer.from(WORDS)];

/** What comes out when `feed` bytes are given at a time, and how many were used; null if the input ends too early. */
function inflated(coded, feed, piece = 1 << 16) {
  const stream = new Inflater(piece);
  const found = [];
  for (let at = 0; !stream.ended; ) {
    const more = stream.pending;
    const given = more ? NOTHING : coded.subarray(at, at + feed);
    at += given.length;
    if (!more && !given.length) return null;
    const data = stream.decompress(given);
    assert.ok(data.length <= piece + 258);
    found.push(data.slice());
    if (stream.ended) return { data: Buffer.concat(found), used: at - stream.unused };
  }
}

for (const [place, text] of TEXTS.entries()) {
  test(`text ${place} in any pieces, and what stands behind it is left`, () => {
    for (const options of [
      { level: 0 },
      { level: 1 },
      { level: 9 },
      { strategy: 2 },
      { strategy: 3 },
      { strategy: 4 },
    ]) {
      const coded = deflateRawSync(text, options);
      const given = Buffer.concat([coded, Buffer.from("what stands behind it")]);
      for (const feed of text.length > 1000 ? [777, 1 << 20] : [1, 2, 1 << 20]) {
        const found = inflated(given, feed);
        assert.ok(found.data.equals(text));
        assert.equal(found.used, coded.length);
        assert.equal(inflated(coded.subarray(0, -1), feed), null);
      }
    }
  });
}

test("altered streams are broken, cut short, or give what zlib gives", () => {
  const text = Buffer.from(WORDS.slice(0, 3000));
  for (let round = 0; round < 2000; round += 1) {
    const coded = Buffer.from(deflateRawSync(text, { strategy: round % 5 }));
    coded[(round * 31) % Math.min(coded.length, round % 2 ? 80 : coded.length)] ^= 1 << round % 8;
    assert.deepEqual(
      outcome(() => inflated(coded, 1 + (round % 50))),
      outcome(() => fromZlib(coded)),
    );
  }
});

function fromZlib(coded) {
  try {
    const { buffer, engine } = inflateRawSync(coded, { info: true });
    return { data: buffer, used: engine.bytesWritten };
  } catch (err) {
    if (err.code === "Z_BUF_ERROR") return null;
    throw new Broken(err.message);
  }
}

function outcome(run) {
  try {
    const found = run();
    return found && [found.data.toString("hex"), found.used];
  } catch (err) {
    assert.ok(err instanceof Broken);
    return err.reason;
  }
}
