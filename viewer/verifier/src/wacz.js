/** The derived files of a WACZ 1.1.1, as `archive/warc/wacz.py` makes them. */

import { asciiJson } from "./cdxj.js";
import { joined, utf8 } from "./encoding.js";
import { gzipStored } from "./gzip.js";
import { Crc32, digestBytes } from "./hashing.js";

const WACZ_VERSION = "1.1.1";
export const ARCHIVE = "archive/data.warc.gz";
/** What the revisit records of the WARC stand for, if it has any. */
export const DEPENDENCIES = "archive/dependencies.warc.gz";
export const INDEX = "indexes/index.cdx.gz";
export const INDEX_SUMMARY = "indexes/index.idx";
export const PAGES = "pages/pages.jsonl";
export const DATAPACKAGE = "datapackage.json";
export const DATAPACKAGE_DIGEST = "datapackage-digest.json";

/** Lines per gzip member of the index. */
const BLOCK_LINES = 1024;
const LF = 0x0a;

/** @typedef {{id: string, url: string, ts: string, title: string | null}} PageEntry */
/** @typedef {{path: string, size: number, sha256: string}} PackageResource */

/**
 * The index of sorted CDXJ lines, in gzip members of 1,024 lines, and the summary of it: for each member its first key,
 * place, length and SHA-256.
 *
 * @param {Uint8Array} lines
 * @returns {Promise<{index: Uint8Array, summary: Uint8Array}>}
 */
export async function deriveIndex(lines) {
  const crc = await Crc32.create();
  const members = [];
  const summary = [
    `!meta 0 ${asciiJson([
      ["format", "cdxj-gzip-1.0"],
      ["filename", "index.cdx.gz"],
    ])}\n`,
  ];
  let offset = 0;
  for (const block of blocksOf(lines)) {
    const member = gzipStored(block, crc);
    members.push(member);
    if (block.length) {
      const text = new TextDecoder().decode(block);
      const { sha256 } = await digestBytes(member);
      const entry = asciiJson([
        ["offset", offset],
        ["length", member.length],
        ["digest", `sha256:${sha256}`],
      ]);
      summary.push(`${text.slice(0, text.indexOf(" {"))} ${entry}\n`);
    }
    offset += member.length;
  }
  return { index: joined(...members), summary: utf8(summary.join("")) };
}

function blocksOf(lines) {
  const blocks = [];
  let start = 0;
  let count = 0;
  for (let at = lines.indexOf(LF); at >= 0; at = lines.indexOf(LF, at + 1)) {
    count += 1;
    if (count % BLOCK_LINES && at + 1 < lines.length) continue;
    blocks.push(lines.subarray(start, at + 1));
    start = at + 1;
  }
  return blocks.length ? blocks : [new Uint8Array(0)];
}

/**
 * `pages/pages.jsonl`: the header line, then one line per page.
 *
 * @param {PageEntry[]} pages
 * @returns {Uint8Array}
 */
export function derivePages(pages) {
  const lines = [
    { format: "json-pages-1.0", id: "pages", title: "All Pages" },
    ...pages.map(({ id, url, ts, title }) => ({ id, ...(title === null ? {} : { title }), ts, url })),
  ];
  return utf8(lines.map((line) => `${plainJson(line)}\n`).join(""));
}

/**
 * `datapackage.json`; resources are listed in the order given.
 *
 * @param {PackageResource[]} resources every file of the package but this one and `datapackage-digest.json`
 * @param {{created: string, software: string, title: string, description: string, mainPageUrl: string | null,
 *   mainPageDate: string | null}} facts
 * @returns {Uint8Array}
 */
export function deriveDatapackage(resources, { created, software, title, description, mainPageUrl, mainPageDate }) {
  const listed = resources.map(({ path, size, sha256 }) => ({
    bytes: size,
    hash: `sha256:${sha256}`,
    name: path.toLowerCase(),
    path,
  }));
  const facts = {
    created,
    description,
    ...(mainPageDate === null ? {} : { mainPageDate }),
    ...(mainPageUrl === null ? {} : { mainPageUrl }),
    profile: "data-package",
    resources: listed,
    software,
    title,
    wacz_version: WACZ_VERSION,
  };
  return utf8(plainJson(facts));
}

/**
 * `datapackage-digest.json` of the bytes of `datapackage.json`.
 *
 * @param {Uint8Array} datapackage
 * @returns {Promise<Uint8Array>}
 */
export async function deriveDatapackageDigest(datapackage) {
  const { sha256 } = await digestBytes(datapackage);
  return utf8(plainJson({ hash: `sha256:${sha256}`, path: DATAPACKAGE }));
}

/** JSON of an object whose members stand in the order of their names: no spaces, characters as they are. */
function plainJson(value) {
  // Python and ECMAScript escape the same characters of texts without lone surrogates, and attested texts have none.
  return JSON.stringify(value);
}
