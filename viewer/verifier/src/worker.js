/** The worker in which a package is checked, so that the page stays usable meanwhile. */

import { serveDigests } from "./hashing.js";
import { verify } from "./verify.js";

/**
 * @typedef {object} Task
 * @property {Blob} file
 * @property {Uint8Array} trust `trust.json`
 * @property {string[]} pages SHA-256 of the pages that a package may hold
 * @property {string} program where further workers get this program from
 *
 * @typedef {{done: number, all: number}} Progress bytes
 *
 * @typedef {object} Said one of these
 * @property {Progress} [progress]
 * @property {import('./report.js').ReportFacts} [report]
 * @property {string} [unusable] why no verification could be tried
 */

/** Answer each task with what comes of it: a verification, or digests for a worker that verifies. */
export function startWorker() {
  self.addEventListener("message", async ({ data }) => {
    if (!(await serveDigests(self, data))) await run(data);
  });
}

/** @param {Task} task */
async function run(task) {
  /** @type {(said: Said) => void} */
  const say = (said) => self.postMessage(said);
  try {
    const spawn = () => new Worker(task.program);
    say({ report: await verify({ ...task, spawn, onProgress: (progress) => say({ progress }) }) });
  } catch (error) {
    // A file that went away, or a fault of this program: never a verdict.
    say({ unusable: error instanceof Error ? error.message : String(error) });
  }
}
