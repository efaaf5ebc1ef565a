import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";

import { surveyWarc } from "../src/survey.js";
import { ARCHIVE } from "../src/wacz.js";
import { about, fetchLog, gzipMember, idOf, opened, record, response, vectors, warc, warcinfo } from "./packages.js";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: ";

async function survey(blob, more = {}) {
  return surveyWarc(blob, { maxRecords: 1000, ...more });
}

async function problemOf(records, more) {
  return (await survey(warc(records), more)).problem?.message ?? null;
}

function answer(number, body, more) {
  return response(number, Buffer.concat([Buffer.from(`${HEAD}${body.length}\r\n\r\n`), body]), more);
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

test("the WARCs of good packages are well formed, and their digests hold", async () => {
  for (const name of vectors("good")) {
    const { files } = await opened("good", name);
    const found = await survey(files.blob(ARCHIVE));
    files.check(ARCHIVE, found.digests);
    assert.equal(found.problem, null, name);
    assert.ok([...found.responses, ...found.others].every((one) => one.blockDigestHolds));
    assert.ok(found.responses.every((one) => one.payloadDigestHolds !== false));
  }
});

test("bodies of all sizes, held as a whole or in pieces, stored or deflated", async () => {
  for (const size of [0, 1, 20_000, 3 << 20, 17 << 20]) {
    const body = size < 1 << 20 ? randomBytes(size) : Buffer.alloc(size, randomBytes(999));
    for (const level of [0, 6]) {
      const payload = sha256(body);
      const one = answer(2, body, [["WARC-Payload-Digest", `sha256:${payload}`]]);
      const { responses, problem } = await survey(warc([warcinfo(), one, fetchLog(3)], level));
      assert.equal(problem, null);
      const [found] = responses;
      assert.deepEqual([found.response.payload.size, found.response.payload.sha256], [size, payload]);
      assert.ok(found.blockDigestHolds && found.payloadDigestHolds);
    }
  }
});

test("chunks are no part of the payload", async () => {
  const body = Buffer.alloc(100_000, "0123456789abcdef");
  const chunks = [];
  for (let at = 0; at < body.length; at += 999) {
    const data = body.subarray(at, at + 999);
    chunks.push(Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n"));
  }
  const head = Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  const block = Buffer.concat([head, ...chunks, Buffer.from("0\r\n\r\n")]);
  const { responses } = await survey(warc([warcinfo(), response(2, block), fetchLog(3)]));
  assert.equal(responses[0].response.payload.sha256, sha256(body));
  assert.equal(responses[0].payloadDigestHolds, null);
});

test("many records, and where each is in the file", async () => {
  const made = Array.from({ length: 300 }, (_, place) => answer(2 + place, randomBytes(place * 50)));
  const { responses, others } = await survey(warc([warcinfo(), ...made, fetchLog(900)]));
  assert.deepEqual(
    responses.map(({ id }) => id),
    made.map((_, place) => idOf(2 + place)),
  );
  const ends = responses.map(({ offset, length }) => offset + length);
  assert.deepEqual(
    responses.slice(1).map(({ offset }) => offset),
    ends.slice(0, -1),
  );
  assert.equal(others.length, 2);
});

const LATE = "the last record is not the fetch log: the file is cut short";
const REFUSED = [
  ["nothing", [], "at byte 0: no records"],
  ["no fetch log", [warcinfo()], LATE],
  ["a first record that is no warcinfo", [fetchLog(2)], "warcinfo must be the first record and only the first"],
  ["an id twice", [warcinfo(), fetchLog(2), fetchLog(2)], "WARC-Record-ID is that of an earlier record"],
  [
    "text behind the block",
    [warcinfo(), Buffer.concat([fetchLog(2), Buffer.from("x")])],
    "two CRLF right after its block",
  ],
  ["less than its length", [warcinfo(), fetchLog(2).subarray(0, -5)], "record ends 1 bytes before its Content-Length"],
  ["no header", [Buffer.from("WARC/1.1\r\n\r\n")], "not a named field: b''"],
  ["a header that does not end", [Buffer.from("WARC/1.1\r\nA: b")], "record header is cut short"],
  ["a long header", [Buffer.from(`WARC/1.1\r\n${"A: b\r\n".repeat(20_000)}\r\n`)], "record header is too long"],
  ["another version", [Buffer.from("WARC/1.0\r\nA: b\r\n\r\n")], "record does not begin with WARC/1.1"],
  ["what is not ASCII", [Buffer.from("WARC/1.1\r\nA: é\r\n\r\n")], "not a named field: b'A: \\xc3\\xa9'"],
  ["an unknown field", [Buffer.from("WARC/1.1\r\nA: it's\r\n\r\n")], `A: "it's": no field of ours`],
];

for (const [name, records, reason] of REFUSED) {
  test(`refused: ${name}`, async () => {
    assert.ok((await problemOf(records)).endsWith(reason));
  });
}

test("more records than there may be", async () => {
  assert.match(await problemOf([warcinfo(), fetchLog(2), fetchLog(3)], { maxRecords: 2 }), /more than 2 records$/);
});

test("a record that says it has more than a WARC may hold is not read", async () => {
  const huge = record("resource", 2, Buffer.from("x"))
    .toString()
    .replace("Content-Length: 1", "Content-Length: 99999999999");
  assert.match(await problemOf([warcinfo(), Buffer.from(huge)]), /WARC-Warcinfo-ID: '': missing/);
  const made = about("resource", 2, Buffer.from("x"))
    .toString()
    .replace("Content-Length: 1", "Content-Length: 99999999999");
  assert.match(await problemOf([warcinfo(), Buffer.from(made)]), /more content than the limit$/);
});

test("a block of 128 MB out of a few is read in bounded memory", async () => {
  const records = [warcinfo(), about("resource", 2, Buffer.alloc(128 << 20))].map((one) => gzipMember(one));
  const file = new Blob([...records, gzipMember(fetchLog(3))]);
  assert.ok(file.size < 1 << 20);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const onBytes = () => {
    most = Math.max(most, process.memoryUsage().arrayBuffers);
  };
  const { others, problem } = await survey(file, { reading: { onBytes } });
  assert.equal(problem, null);
  assert.equal(others[1].size, 128 << 20);
  assert.equal(others[1].block, null);
  assert.ok(most - before < 96 << 20);
});

test("a WARC that is not the attested one is digested, and its records are not looked at", async () => {
  const file = warc([warcinfo(), fetchLog(2)]);
  const { digests } = await survey(file);
  assert.equal((await survey(file, { attested: digests })).others.length, 2);
  const other = { ...digests, blake3: "0".repeat(64) };
  assert.deepEqual((await survey(file, { attested: other })).others, []);
  const longer = await survey(file, { attested: { ...digests, size: digests.size + 1 } });
  assert.deepEqual([longer.others, longer.digests], [[], digests]);
});

test("a file cut at any place is refused", async () => {
  const bytes = new Uint8Array(await warc([warcinfo(), answer(2, randomBytes(100)), fetchLog(3)]).arrayBuffer());
  for (let size = 0; size < bytes.length; size += 7) {
    assert.ok((await survey(new Blob([bytes.subarray(0, size)]))).problem, `${size} bytes`);
  }
});

test("an abort ends the reading, and throws its reason", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const reading = { onBytes: () => controller.abort(reason), signal: controller.signal };
  await assert.rejects(survey(warc([warcinfo(), fetchLog(2)]), { reading }), reason);
});
