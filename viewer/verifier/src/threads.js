/** Digests that are worked out in workers of this program; in the thread that asks, where there can be no others. */

import { WholeHasher, digestBlob } from "./hashing.js";

/** Smaller files are digested before a worker would have started. */
export const WORTH_A_WORKER = 4 << 20;
/** Smaller blocks are digested before they would have been sent. */
const WORTH_SENDING = 1 << 14;
/** So many bytes are read before that is said. */
const SAID = 1 << 24;

/** @typedef {import("./hashing.js").BlockDigests} BlockDigests */
/** @typedef {import("./hashing.js").FileDigests} FileDigests */
/** @typedef {import("./hashing.js").Range} Range */
/** @typedef {import("./hashing.js").Reading} Reading */

/** Works in a worker of this program for another thread, which asks by messages that are known here alone. */
export class Digester {
  /** @param {{postMessage: (message: unknown, transfer?: Transferable[]) => void}} scope the worker's own */
  constructor(scope) {
    this._scope = scope;
    /** @type {WholeHasher | null} */
    this._hasher = null;
  }

  /**
   * @param {any} message what the worker was sent
   * @returns {Promise<boolean>} whether it was for this
   */
  async answer(message) {
    try {
      if (message?.kind === "digest-blob") await this._digestBlob(message.blob);
      else if (message?.kind === "digest-begin") await this._begin();
      else if (message?.kind === "digest-block") await this._digestBlock(message);
      else return false;
    } catch (err) {
      this._scope.postMessage({ kind: "digest-failed", reason: err instanceof Error ? err.message : String(err) });
    }
    return true;
  }

  async _digestBlob(blob) {
    let unsaid = 0;
    const say = () => {
      this._scope.postMessage({ kind: "digest-bytes", bytes: unsaid });
      unsaid = 0;
    };
    const onBytes = (bytes) => {
      unsaid += bytes;
      if (unsaid >= SAID) say();
    };
    const found = await digestBlob(blob, { onBytes });
    say();
    this._scope.postMessage({ kind: "digest-found", found });
  }

  async _begin() {
    this._hasher = await WholeHasher.create();
    this._scope.postMessage({ kind: "digest-begun" });
  }

  async _digestBlock({ number, room, size, payload }) {
    const found = await this._hasher.block(room.subarray(0, size), payload);
    this._scope.postMessage({ kind: "digest-found", number, room, found }, [room.buffer]);
  }
}

/**
 * Size, digests and CRC-32 of a file, read once in constant memory.
 *
 * @param {Blob} blob
 * @param {Reading} [reading]
 * @returns {Promise<FileDigests>}
 */
export async function digestFile(blob, { onBytes, signal, spawn } = {}) {
  signal?.throwIfAborted();
  const worker = blob.size < WORTH_A_WORKER ? null : startedOrNull(spawn);
  const found = worker && (await digestElsewhere(worker, blob, { onBytes, signal }));
  return found ?? digestBlob(blob, { onBytes, signal });
}

/** What the worker finds, which is then ended; null if it does not run. */
async function digestElsewhere(worker, blob, { onBytes, signal }) {
  let stop;
  try {
    return await new Promise((resolve, reject) => {
      stop = () => reject(signal.reason);
      signal?.addEventListener("abort", stop, { once: true });
      worker.onerror = (event) => {
        event.preventDefault();
        resolve(null);
      };
      worker.onmessage = ({ data }) => {
        if (data.kind === "digest-bytes") onBytes?.(data.bytes);
        if (data.kind === "digest-found") resolve(data.found);
        if (data.kind === "digest-failed") reject(new Error(data.reason));
      };
      worker.postMessage({ kind: "digest-blob", blob });
    });
  } finally {
    signal?.removeEventListener("abort", stop);
    worker.terminate();
  }
}

/** Digests of blocks, several at a time: in a worker if one can be had. */
export class BlockDigester {
  /**
   * @param {Reading["spawn"]} [spawn]
   * @returns {Promise<BlockDigester>} to be ended, if there may be a worker
   */
  static async create(spawn) {
    const worker = startedOrNull(spawn);
    return new BlockDigester(await WholeHasher.create(), worker && (await begunOrNull(worker)));
  }

  /**
   * @param {WholeHasher} hasher
   * @param {Worker | null} worker that has begun
   */
  constructor(hasher, worker) {
    this._hasher = hasher;
    this._worker = worker;
    this._sent = 0;
    /** @type {Map<number, {resolve: (answer: any) => void, reject: (reason: Error) => void}>} */
    this._waiting = new Map();
    if (!worker) return;
    worker.onerror = (event) => {
      event.preventDefault();
      this._fail("a thread ended without an answer");
    };
    worker.onmessage = ({ data }) => {
      if (data.kind === "digest-failed") this._fail(data.reason);
      this._waiting.get(data.number)?.resolve(data);
      this._waiting.delete(data.number);
    };
  }

  /**
   * @param {Uint8Array} room all of a buffer; not to be used until the answer is there, and then that in the answer
   * @param {number} size bytes of the block, which is at its beginning
   * @param {Range | null} payload where it is in the block; null if its digests are not asked for
   * @returns {Promise<{room: Uint8Array, found: BlockDigests}>}
   */
  async digest(room, size, payload) {
    if (!this._worker || size < WORTH_SENDING) {
      return { room, found: await this._hasher.block(room.subarray(0, size), payload) };
    }
    this._sent += 1;
    const number = this._sent;
    return new Promise((resolve, reject) => {
      this._waiting.set(number, { resolve, reject });
      this._worker?.postMessage({ kind: "digest-block", number, room, size, payload }, [room.buffer]);
    });
  }

  /** No more is asked; what is not answered yet never will be. */
  end() {
    this._worker?.terminate();
  }

  /** The worker is no more; what it has is lost, and all that comes is digested here. */
  _fail(reason) {
    this.end();
    this._worker = null;
    for (const { reject } of this._waiting.values()) reject(new Error(reason));
    this._waiting.clear();
  }
}

/** A worker that is ready for blocks; null if it does not run. */
async function begunOrNull(worker) {
  const begun = await new Promise((resolve) => {
    worker.onerror = (event) => {
      event.preventDefault();
      resolve(false);
    };
    worker.onmessage = ({ data }) => resolve(data.kind === "digest-begun");
    worker.postMessage({ kind: "digest-begin" });
  });
  if (begun) return worker;
  worker.terminate();
  return null;
}

/** Null if none can be had, since not every browser lets a worker start another. */
function startedOrNull(spawn) {
  try {
    return spawn?.() ?? null;
  } catch (err) {
    if (err instanceof DOMException) return null;
    throw err;
  }
}
