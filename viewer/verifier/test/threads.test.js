import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { WholeHasher, digestBlob } from "../src/hashing.js";
import { surveyWarc } from "../src/survey.js";
import { BlockDigester, Digester, digestFile } from "../src/threads.js";
import { fetchLog, response, warc, warcinfo } from "./packages.js";

/** A worker whose messages are handed to `take`, as copies, or moved as they say. */
function workerThat(take) {
  const worker = {
    ended: false,
    asked: [],
    postMessage: (message, transfer = []) => {
      worker.asked.push(message.kind);
      const received = structuredClone(message, { transfer });
      setTimeout(() => worker.ended || take(worker, received));
    },
    terminate: () => {
      worker.ended = true;
    },
  };
  return worker;
}

/** A worker that does what it should. */
function digesting() {
  const scope = {
    postMessage: (message, transfer = []) => {
      const received = structuredClone(message, { transfer });
      setTimeout(() => worker.ended || worker.onmessage({ data: received }));
    },
  };
  const digester = new Digester(scope);
  const worker = workerThat(async (_, message) => assert.ok(await digester.answer(message)));
  return worker;
}

const refused = () => {
  throw new DOMException("not from here", "SecurityError");
};
const broken = () => workerThat((self) => self.onerror({ preventDefault: () => undefined }));
const LARGE = new Blob([new Uint8Array(5 << 20)]);

test("a worker that answers digests a file, and is ended", async () => {
  const worker = digesting();
  let bytes = 0;
  const onBytes = (more) => {
    bytes += more;
  };
  assert.deepEqual(await digestFile(LARGE, { spawn: () => worker, onBytes }), await digestBlob(LARGE));
  assert.equal(bytes, LARGE.size);
  assert.deepEqual([worker.asked, worker.ended], [["digest-blob"], true]);
});

test("no worker is started for a small file", async () => {
  const found = await digestFile(new Blob(["abc"]), { spawn: () => assert.fail("not worth it") });
  assert.equal(found.size, 3);
});

test("without a worker that can be started, or starts well, a file is digested all the same", async () => {
  for (const spawn of [refused, broken]) assert.deepEqual(await digestFile(LARGE, { spawn }), await digestBlob(LARGE));
});

test("what a worker cannot read is told", async () => {
  const unreadable = workerThat((self) => self.onmessage({ data: { kind: "digest-failed", reason: "it is gone" } }));
  await assert.rejects(digestFile(LARGE, { spawn: () => unreadable }), { message: "it is gone" });
});

test("an abort ends the worker, too", async () => {
  const worker = workerThat(() => controller.abort(reason));
  const controller = new AbortController();
  const reason = new Error("enough");
  await assert.rejects(digestFile(LARGE, { spawn: () => worker, signal: controller.signal }), reason);
  assert.ok(worker.ended);
});

test("messages that are for somebody else are left", async () => {
  const digester = new Digester({ postMessage: () => assert.fail("nothing to say") });
  const messages = [undefined, null, {}, { file: new Blob([]) }];
  for (const message of messages) assert.equal(await digester.answer(message), false);
});

test("blocks have the same digests in a worker, which gives their room back", async () => {
  const hasher = await WholeHasher.create();
  const worker = digesting();
  const blocks = await BlockDigester.create(() => worker);
  for (const [size, payload] of [
    [100, { start: 10, end: 90 }],
    [50_000, { start: 300, end: 50_000 }],
    [70_000, null],
    [90_000, { start: 0, end: 0 }],
  ]) {
    const room = new Uint8Array(1 << 17);
    room.set(randomBytes(size));
    const wanted = await hasher.block(room.slice(0, size), payload);
    const answer = await blocks.digest(room, size, payload);
    assert.deepEqual([answer.found, answer.room.length], [wanted, 1 << 17]);
  }
  // The first is not worth a message.
  assert.deepEqual(worker.asked, ["digest-begin", "digest-block", "digest-block", "digest-block"]);
  blocks.end();
  assert.ok(worker.ended);
});

test("without a worker that begins, blocks are digested all the same", async () => {
  for (const spawn of [undefined, refused, broken]) {
    const blocks = await BlockDigester.create(spawn);
    const { found } = await blocks.digest(new Uint8Array(1 << 16), 1 << 16, null);
    assert.equal(found.sha256, "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31");
  }
});

test("a worker that ends while it has a block is no answer", async () => {
  const worker = workerThat((self, { kind }) => {
    if (kind === "digest-begin") self.onmessage({ data: { kind: "digest-begun" } });
    else self.onerror({ preventDefault: () => undefined });
  });
  const blocks = await BlockDigester.create(() => worker);
  const lost = blocks.digest(new Uint8Array(1 << 16), 1 << 16, null);
  await assert.rejects(lost, { message: "a thread ended without an answer" });
  assert.ok(worker.ended);
});

test("a WARC is found to hold the same with threads as without", async () => {
  const answers = Array.from({ length: 60 }, (_, place) => {
    const body = randomBytes(2000 * place * (place % 7));
    const head = place % 3 ? `Content-Length: ${body.length}` : "Transfer-Encoding: chunked";
    const last = body.length ? "\r\n0\r\n\r\n" : "\r\n";
    const framed = place % 3 ? [body] : [`${body.length.toString(16)}\r\n`, body, last];
    const parts = [`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`, ...framed].map((part) => Buffer.from(part));
    return response(2 + place, Buffer.concat(parts));
  });
  const file = warc([warcinfo(), ...answers, fetchLog(900)]);
  assert.ok(file.size > 4 << 20);
  const workers = [];
  const spawn = () => {
    workers.push(digesting());
    return workers.at(-1);
  };
  const wanted = await surveyWarc(file, { maxRecords: 100 });
  assert.equal(wanted.problem, null);
  assert.deepEqual(await surveyWarc(file, { maxRecords: 100, reading: { spawn } }), wanted);
  assert.equal(workers.length, 2);
  assert.ok(workers.every(({ ended }) => ended));
  assert.ok(workers.some(({ asked }) => asked.includes("digest-block")));
});
