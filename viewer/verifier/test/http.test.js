import assert from "node:assert/strict";
import { test } from "node:test";

import { ResponseParser } from "../src/http.js";

/** What a response holds, read in pieces of `size` bytes. */
function parsed(text, size) {
  const bytes = Buffer.from(text, "latin1");
  const parser = new ResponseParser();
  const payload = [];
  for (let at = 0; at < bytes.length; at += size) {
    parser.feed(bytes.subarray(at, at + size), (piece) => payload.push(Buffer.from(piece)));
  }
  parser.finish();
  const { head, surplus, problem } = parser;
  return { head, surplus, problem, payload: Buffer.concat(payload).toString("latin1") };
}

const CASES = [
  ["a counted body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", { payload: "hello" }],
  ["equal lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", { payload: "hello" }],
  ["lengths that differ", "HTTP/1.1 200\r\nContent-Length: 1, 5\r\n\r\nhello", { payload: "hello" }],
  ["surplus", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello", { payload: "he", surplus: 3 }],
  [
    "a body cut short",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
    { payload: "hello", problem: "ends within the body" },
  ],
  ["lines that end in LF", "HTTP/1.0 200\nA: b\n\nhello", { payload: "hello", version: "1.0" }],
  [
    "chunks with extension and trailer",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3;a=b\r\nabc\r\n2 \r\nde\r\n0\r\nA: b\r\n\r\nmore",
    { payload: "abcde", surplus: 4 },
  ],
  [
    "no chunk size",
    "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    { problem: "chunk size is not hexadecimal" },
  ],
  [
    "a long chunk",
    "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    { payload: "a", problem: "chunk longer than its size" },
  ],
  ["interim responses", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", { status: 204 }],
  ["no body after 304", "HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\nhello", { status: 304, surplus: 5 }],
  ["no status line", "GET / HTTP/1.1\r\n\r\n", { head: null, problem: "not an HTTP/1.x status line" }],
  ["no end of the head", "HTTP/1.1 200 OK\r\nA: b\r\n", { head: null, problem: "no whole HTTP header" }],
];

for (const [name, text, expected] of CASES) {
  test(name, () => {
    for (const size of [1, 3, 1000]) {
      const found = parsed(text, size);
      const wanted = { payload: "", surplus: 0, problem: null, ...expected };
      for (const key of ["payload", "surplus", "problem"]) assert.equal(found[key], wanted[key], key);
      if (expected.head === null) assert.equal(found.head, null);
      else assert.equal(found.head.status, expected.status ?? 200);
      if (expected.version) assert.equal(found.head.version, expected.version);
    }
  });
}

test("media types, continued lines and repeated headers", () => {
  const { head } = parsed(
    "HTTP/1.1 200 OK\r\nContent-Type: Text/HTML ;a=b\r\nVia: x\r\n  y\r\nVia: z\r\nno field\r\n\r\n",
    1000,
  );
  assert.equal(head.mediaType, "Text/HTML");
  assert.equal(head.plainMediaType, "text/html");
  assert.deepEqual(head.members("via"), ["x y", "z"]);
  assert.equal(head.headers.length, 3);
});

test("a head of white space alone takes no long time", () => {
  const { head } = parsed(`HTTP/1.1 200${" ".repeat(500_000)}x\r\nA: ${" \t".repeat(200_000)}b\r\n\r\n`, 1 << 20);
  assert.equal(head.status, 200);
  assert.equal(parsed(`HTTP/1.1 200 OK\r\nA: b${"\n c".repeat(300_000)}\r\n\r\n`, 1 << 20).head.headers.length, 1);
});

test("a head of more than a mebibyte is none", () => {
  assert.equal(parsed(`HTTP/1.1 200 OK\r\nA: ${"b".repeat(2 << 20)}\r\n\r\n`, 1 << 20).problem, "HTTP header too long");
});
