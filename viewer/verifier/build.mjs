// Builds the page: node build.mjs [FILE]. The same sources and libraries give the same bytes on every machine.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const read = (...names) => readFileSync(join(HERE, ...names), "utf8");
const digest = (text) => `sha256-${createHash("sha256").update(text).digest("base64")}`;

const style = read("src", "style.css");
const page = read("src", "page.html")
  .replace("@STYLE@", () => digest(style))
  .replace("@CSS@", () => style);
const [head, tail] = page.split("@PROGRAM@");

const made = await build({
  absWorkingDir: HERE,
  entryPoints: ["src/main.js"],
  bundle: true,
  write: false,
  metafile: true,
  format: "iife",
  platform: "browser",
  target: "es2022",
  charset: "ascii",
  legalComments: "inline",
  // Where the libraries lie must not show in the page.
  preserveSymlinks: true,
  define: { PAGE_HEAD: JSON.stringify(head), PAGE_TAIL: JSON.stringify(tail) },
});
for (const warning of made.warnings) console.error(warning.text);

const program = licences(Object.keys(made.metafile.inputs)) + made.outputFiles[0].text;
if (/<\/script|<!--/i.test(program)) throw new Error("the program would end its own element");
const target = process.argv[2] ? resolve(process.argv[2]) : join(HERE, "..", "..", "provenance", "verify.html");
const whole = head.replace("@SCRIPT@", () => digest(program)) + program + tail;
writeFileSync(target, whole);
console.log(`${createHash("sha256").update(whole).digest("hex")}  verify.html`);

/** A comment with name, version and licence of every library that is in the program. */
function licences(inputs) {
  const pattern = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//;
  const names = [...new Set(inputs.map((path) => pattern.exec(path)?.[1]).filter(Boolean))].sort();
  const texts = names.map((name) => {
    const { version, license } = JSON.parse(read("node_modules", name, "package.json"));
    const text = read("node_modules", name, "LICENSE").replaceAll("\r", "").trim();
    if (text.includes("*/")) throw new Error(`the licence of ${name} would end the comment`);
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  return `/*! Made from the sources in viewer/verifier of sijill (Apache-2.0), and from these libraries:\n\n${texts.join("\n")}*/\n`;
}
