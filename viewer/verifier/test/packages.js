// The packages of tests/vectors, and WARCs made of records, for tests.

import { readFileSync, readdirSync } from "node:fs";
import * as zlib from "node:zlib";
import { createHash } from "node:crypto";

import { PackageFiles } from "../src/package.js";

const VECTORS = new URL("../../../tests/vectors/", import.meta.url);
const HEADER = Buffer.from("1f8b08000000000000ff", "hex");

/** The names of the vectors in `good` or `bad` that begin with `prefix`. */
export function vectors(kind, prefix = "") {
  return readdirSync(new URL(`${kind}/`, VECTORS))
    .filter((name) => name.startsWith(prefix))
    .sort();
}

export function packageOf(kind, name) {
  return new Blob([readFileSync(new URL(`${kind}/${name}/package.wacz`, VECTORS))]);
}

/** The files of a vector, and its statement, whose signature is not looked at. */
export async function opened(kind, name) {
  const files = await PackageFiles.open(packageOf(kind, name));
  const envelope = JSON.parse(new TextDecoder().decode(await files.read("provenance/attestation.dsse.json", 1 << 26)));
  return { files, statement: JSON.parse(Buffer.from(envelope.payload, "base64").toString()) };
}

/** One gzip member with our header. */
export function gzipMember(bytes, level = 6) {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc(bytes), 0);
  trailer.writeUInt32LE(bytes.length % 2 ** 32, 4);
  return Buffer.concat([HEADER, zlib.deflateRawSync(bytes, { level }), trailer]);
}

export function idOf(number) {
  return `urn:uuid:00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
}

/** A record, not compressed; `fields` stand between `WARC-Date` and the digest of the block. */
export function record(type, number, block, { fields = [], contentType = "text/plain" } = {}) {
  const lines = [
    ["WARC-Type", type],
    ["WARC-Record-ID", `<${idOf(number)}>`],
    ["WARC-Date", "2026-11-21T01:16:30.123456Z"],
    ...fields,
    ["WARC-Block-Digest", `sha256:${createHash("sha256").update(block).digest("hex")}`],
    ["Content-Type", contentType],
    ["Content-Length", String(block.length)],
  ];
  const head = `WARC/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  return Buffer.concat([Buffer.from(head), block, Buffer.from("\r\n\r\n")]);
}

export function warcinfo() {
  return record("warcinfo", 1, Buffer.from("isPartOf: x\r\n"), {
    fields: [["WARC-Filename", "data.warc.gz"]],
    contentType: "application/warc-fields",
  });
}

/** A record about a URI. */
export function about(type, number, block, { contentType, more = [] } = {}) {
  return record(type, number, block, {
    fields: [["WARC-Warcinfo-ID", `<${idOf(1)}>`], ["WARC-Target-URI", "https://site.example/"], ...more],
    contentType,
  });
}

export function response(number, block, more) {
  return about("response", number, block, { contentType: "application/http;msgtype=response", more });
}

export function fetchLog(number) {
  return about("metadata", number, Buffer.from("{}"), { contentType: "application/json" });
}

export function warc(records, level) {
  return new Blob(records.map((one) => gzipMember(one, level)));
}

/** CRC-32 of bytes, which `node:zlib` has only since Node 20.15. */
export function crc(bytes) {
  if (zlib.crc32) return zlib.crc32(bytes);
  let value = ~0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return ~value >>> 0;
}
