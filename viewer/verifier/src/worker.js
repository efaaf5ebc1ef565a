/** The worker in which a package is checked, so that the page stays usable meanwhile. */

import { Digester } from "./threads.js";
import { verify } from "./verify.js";

/**
 * @typedef {object} Task
 * @property {Blob} file
 * @property {Uint8Array} trust `trust.json`
 * @property {string[]} pages SHA-256 of the pages that a package may hold
 * @property {Blob} program its text, for further workers
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
  const digester = new Digester(self);
  self.addEventListener("message", async ({ data }) => {
    if (!(await digester.answer(data))) await run(data);
  });
}

/** @param {Task} task */
async function run(task) {
  /** @type {(said: Said) => void} */
  const say = (said) => self.postMessage(said);
  // An address of our own: where the page was opened from a file, a worker may not start another from the page's.
  const address = URL.createObjectURL(task.program);
  try {
    const spawn = () => new Worker(address);
    say({ report: await verify({ ...task, spawn, onProgress: (progress) => say({ progress }) }) });
  } catch (error) {
    // A file that went away, or a fault of this program: never a verdict.
    say({ unusable: error instanceof Error ? error.message : String(error) });
  } finally {
    URL.revokeObjectURL(address);
  }
}
