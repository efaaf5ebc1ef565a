// Reads a JSON list of what reports are made from on standard input; writes the list of reports. For the Python tests.

import { reportHtml } from "../src/derived/report.js";

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const head = (one) =>
  one && {
    ...one,
    root: bytes(one.root),
    signatures: one.signatures.map(({ name, keyId, value }) => ({ name, keyId: bytes(keyId), value: bytes(value) })),
  };

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const made = JSON.parse(Buffer.concat(chunks).toString()).map((one) =>
  reportHtml({
    ...one,
    proof: { ...one.proof, checkpoint: head(one.proof.checkpoint) },
    quoted: head(one.quoted),
    pictures: new Map(one.pictures.map(([name, hex]) => [name, bytes(hex)])),
  }),
);
process.stdout.write(JSON.stringify(made));
