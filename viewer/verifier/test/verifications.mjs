// Reads a JSON list of {package, trust} and what pages may be in packages on standard input; verifies each, and writes
// the list of what came of it. For the Python tests, which compare.

import { readFileSync } from "node:fs";
import { basename } from "node:path";

import { renderText } from "../src/render.js";
import { verify } from "../src/verify.js";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { cases, pages } = JSON.parse(Buffer.concat(chunks).toString());
const made = [];
for (const { package: path, trust } of cases) {
  const file = new Blob([readFileSync(path)]);
  const report = await verify({ file, trust: new Uint8Array(readFileSync(trust)), pages });
  made.push({ report, text: renderText(report, { name: basename(path) }) });
}
process.stdout.write(JSON.stringify(made));
