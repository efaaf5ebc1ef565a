import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { test } from "node:test";

import { indexLines } from "../src/cdxj.js";
import { ResponseHead } from "../src/http.js";
import { surt } from "../src/surt.js";
import { deriveDatapackage, deriveIndex, derivePages } from "../src/wacz.js";

const KEYS = [
  ["https://www.Example.org/A/?b=2&a=1#x", "org,example)/a?a=1&b=2"],
  ["http://www2.example.org", "org,example)/"],
  ["http://example.org:8080/", "org,example:8080)/"],
  ["https://example.org:443/a//b/../c/./d/", "org,example)/a/c/d"],
  ["https://xn--mgbh0fb.example/%D8%A7?%d8%b3", "example,xn--mgbh0fb)/%d8%a7?%d8%b3"],
  ["http://user:secret@example.org/", "org,example)/"],
  ["http://127.0.0.1:8000/x", "1,0,0,127:8000)/x"],
  ["https://example.org/?", "org,example)/"],
  ["https://example.org/a%2525b", "org,example)/a%25b"],
  ["https://example.org/?x&jsessionid=0123456789ABCDEF0123456789ABCDEF", "org,example)/?&x"],
  ["https://example.org/(S(4hqa0555fwsecu455xqckv45))/page.aspx", "org,example)/page.aspx"],
  ["https://[::1]:8443/x", "::1:8443)/x"],
  ["https://example.org:x/A", "https://example.org:x/A"],
  ["https://[1.2.3.4]/", "https://[1.2.3.4]/"],
  ["urn:sijill:capture:1", "urn:sijill:capture:1"],
];

for (const [url, key] of KEYS) {
  test(`the key of ${url}`, () => assert.equal(surt(url), key));
}

test("a URL of escapes of escapes takes no long time", () => {
  assert.equal(surt(`https://a.example/${"%25".repeat(20_000)}41`), `example,a)/${"%25".repeat(19_999)}a`);
});

const DIGEST = "a".repeat(64);

function answered(number, { url = `https://a.example/${number}`, headers = [], status = 200 } = {}) {
  return {
    id: `urn:uuid:${number}`,
    fields: [
      ["WARC-Target-URI", url],
      ["WARC-Date", "2026-11-21T01:16:30.123456Z"],
    ],
    offset: number,
    length: 10,
    response: { head: new ResponseHead("1.1", status, headers, 0), payload: { sha256: DIGEST } },
    revisit: null,
  };
}

function exchange(number, method = "GET") {
  return { method, record: `urn:uuid:${number}` };
}

test("a line says what the record holds, in ASCII", () => {
  const one = answered(1, { headers: [["content-type", 'té"xt/\x7f;x']] });
  assert.equal(
    Buffer.from(indexLines([one], [], [exchange(1)])).toString(),
    'example,a)/1 20261121011630 {"url": "https://a.example/1", "mime": "t\\u00e9\\"xt/\\u007f", "status": "200", ' +
      `"digest": "sha256:${DIGEST}", "length": "10", "offset": "1", "filename": "data.warc.gz"}\n`,
  );
});

test("only answers to GET have a line, and no revisit with status 304", () => {
  const notModified = { ...answered(3), response: null, revisit: { head: new ResponseHead("1.1", 304, [], 0) } };
  const reused = { ...answered(4), response: null, revisit: { head: null } };
  const exchanges = [exchange(1), exchange(2, "POST"), exchange(3), exchange(4), exchange(5, "HEAD")];
  const found = indexLines([answered(1), answered(2), notModified, reused, answered(5)], [answered(9)], exchanges);
  const lines = Buffer.from(found).toString().split("\n");
  assert.deepEqual(
    lines.map((line) => line.split(" ")[0]),
    ["example,a)/1", "example,a)/4", "example,a)/9", ""],
  );
  assert.match(lines[1], /"mime": "warc\/revisit", "digest": ""/);
  assert.match(lines[2], /"dependencies\.warc\.gz"/);
});

test("an index of no lines, and of more than one member", async () => {
  const none = await deriveIndex(indexLines([], [], []));
  assert.equal(gunzipSync(none.index).length, 0);
  assert.equal(Buffer.from(none.summary).toString().split("\n").length, 2);
  const many = Array.from({ length: 2100 }, (_, place) => answered(place));
  const lines = indexLines(
    many,
    [],
    many.map((_, place) => exchange(place)),
  );
  const { index, summary } = await deriveIndex(lines);
  assert.ok(gunzipSync(index).equals(Buffer.from(lines)));
  const members = Buffer.from(summary).toString().trimEnd().split("\n").slice(1);
  assert.equal(members.length, 3);
  const { offset, length } = JSON.parse(members[1].slice(members[1].indexOf("{")));
  const second = gunzipSync(index.subarray(offset, offset + length)).toString();
  assert.equal(second.split("\n").length - 1, 1024);
  assert.ok(members[1].startsWith(second.slice(0, second.indexOf(" {"))));
});

test("pages and datapackage: names in order, characters as they are, nothing for what is not known", () => {
  assert.equal(
    Buffer.from(derivePages([{ id: "c", url: "u", ts: "t", title: "بيان" }])).toString(),
    '{"format":"json-pages-1.0","id":"pages","title":"All Pages"}\n{"id":"c","title":"بيان","ts":"t","url":"u"}\n',
  );
  const facts = { created: "c", software: "s 1", title: "t", description: "d", mainPageUrl: null, mainPageDate: null };
  assert.equal(
    Buffer.from(deriveDatapackage([{ path: "A/b", size: 1, sha256: "00" }], facts)).toString(),
    '{"created":"c","description":"d","profile":"data-package","resources":[{"bytes":1,"hash":"sha256:00",' +
      '"name":"a/b","path":"A/b"}],"software":"s 1","title":"t","wacz_version":"1.1.1"}',
  );
});
