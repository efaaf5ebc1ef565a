/**
 * SHA-256, BLAKE3 and CRC-32 of bytes that come in pieces, and of whole files in a thread of their own.
 *
 * hash-wasm is WebAssembly (a page needs `'wasm-unsafe-eval'` for it); WebCrypto, which is native, takes what is held in
 * memory as a whole. Sizes and digests are `{size, sha256, blake3}`, lowercase hexadecimal.
 */

import { createBLAKE3, createCRC32, createSHA256 } from "hash-wasm";

import { BlobReader } from "./blob.js";
import { hex } from "./encoding.js";

/** @typedef {{size: number, sha256: string, blake3: string}} Digests */
/** @typedef {Digests & {crc32: number}} FileDigests */
/**
 * @typedef {object} Reading how a long reading goes
 * @property {(bytes: number) => void} [onBytes] is told how many further bytes were read
 * @property {AbortSignal} [signal] ends it; its reason is then thrown
 * @property {() => Worker} [spawn] starts a worker of this program, see `serveDigests`; without it there are no threads
 */

/** Smaller pieces are put together, since each call into WebAssembly has its price. */
const SMALL = 1 << 12;
const GATHERED = 1 << 16;
/** From this size on WebCrypto is faster than WebAssembly. */
const NATIVE = 1 << 14;
/** Smaller files are digested before a worker would have started. */
const WORTH_A_WORKER = 4 << 20;

/** Gathers small pieces; hands large ones on. */
class Gathering {
  /** @param {(bytes: Uint8Array) => void} take */
  constructor(take) {
    this._take = take;
    this._gathered = new Uint8Array(GATHERED);
    this._held = 0;
  }

  /** @param {Uint8Array} bytes */
  update(bytes) {
    if (bytes.length < SMALL) {
      if (this._held + bytes.length > GATHERED) this.flush();
      this._gathered.set(bytes, this._held);
      this._held += bytes.length;
      return;
    }
    this.flush();
    this._take(bytes);
  }

  flush() {
    if (this._held) this._take(this._gathered.subarray(0, this._held));
    this._held = 0;
  }

  clear() {
    this._held = 0;
  }
}

/** SHA-256 of bytes in pieces; `reset` makes it ready for others. */
export class Sha256 {
  static async create() {
    return new Sha256(await createSHA256());
  }

  /** @param {import("hash-wasm").IHasher} hasher */
  constructor(hasher) {
    this._hasher = hasher;
    this._gathering = new Gathering((bytes) => hasher.update(bytes));
  }

  reset() {
    this._gathering.clear();
    this._hasher.init();
  }

  /** @param {Uint8Array} bytes */
  update(bytes) {
    this._gathering.update(bytes);
  }

  /** @returns {string} lowercase hexadecimal; to be reset before it is used again */
  digest() {
    this._gathering.flush();
    return this._hasher.digest();
  }
}

/** Size, SHA-256 and BLAKE3 of bytes in pieces; `reset` makes it ready for others. */
export class Hasher {
  static async create() {
    return new Hasher(await createSHA256(), await createBLAKE3());
  }

  /**
   * @param {import("hash-wasm").IHasher} sha256
   * @param {import("hash-wasm").IHasher} blake3
   */
  constructor(sha256, blake3) {
    this._sha256 = sha256;
    this._blake3 = blake3;
    this._gathering = new Gathering((bytes) => {
      sha256.update(bytes);
      blake3.update(bytes);
    });
    this.reset();
  }

  reset() {
    this.size = 0;
    this._gathering.clear();
    this._sha256.init();
    this._blake3.init();
  }

  /** @param {Uint8Array} bytes */
  update(bytes) {
    this.size += bytes.length;
    this._gathering.update(bytes);
  }

  /** @returns {Digests} to be reset before it is used again */
  digests() {
    this._gathering.flush();
    return { size: this.size, sha256: this._sha256.digest(), blake3: this._blake3.digest() };
  }
}

/** CRC-32 (RFC 1952 §8) of bytes in pieces. */
export class Crc32 {
  static async create() {
    return new Crc32(await createCRC32());
  }

  /** @param {import("hash-wasm").IHasher} hasher */
  constructor(hasher) {
    this._hasher = hasher;
    this.reset();
  }

  reset() {
    this._hasher.init();
  }

  /** @param {Uint8Array} bytes */
  update(bytes) {
    this._hasher.update(bytes);
  }

  /** @returns {number} to be reset before it is used again */
  value() {
    return Number.parseInt(this._hasher.digest(), 16);
  }
}

/** Digests of bytes that are held as a whole, one after another; native where that is faster. */
export class WholeHasher {
  static async create() {
    return new WholeHasher(await createSHA256(), await createBLAKE3());
  }

  /**
   * @param {import("hash-wasm").IHasher} sha256
   * @param {import("hash-wasm").IHasher} blake3
   */
  constructor(sha256, blake3) {
    this._sha256 = sha256;
    this._blake3 = blake3;
  }

  /**
   * @param {Uint8Array} bytes not to be changed until the answer is there
   * @returns {string | Promise<string>}
   */
  sha256(bytes) {
    const native = globalThis.crypto?.subtle;
    if (native && bytes.length >= NATIVE)
      return native.digest("SHA-256", bytes).then((digest) => hex(new Uint8Array(digest)));
    return this._sha256.init().update(bytes).digest();
  }

  /**
   * @param {Uint8Array} bytes
   * @returns {string}
   */
  blake3(bytes) {
    return this._blake3.init().update(bytes).digest();
  }
}

/**
 * @param {AsyncIterable<Uint8Array>} pieces
 * @returns {Promise<Digests>}
 */
export async function hashStream(pieces) {
  const hasher = await Hasher.create();
  for await (const piece of pieces) hasher.update(piece);
  return hasher.digests();
}

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<Digests>}
 */
export async function digestBytes(bytes) {
  const hasher = await WholeHasher.create();
  return { size: bytes.length, sha256: await hasher.sha256(bytes), blake3: hasher.blake3(bytes) };
}

/**
 * Size, digests and CRC-32 of a file, read once in constant memory; in a worker if one can be had.
 *
 * @param {Blob} blob
 * @param {Reading} [reading]
 * @returns {Promise<FileDigests>}
 */
export async function digestBlob(blob, { onBytes, signal, spawn } = {}) {
  if (spawn && blob.size >= WORTH_A_WORKER) {
    const found = await digestElsewhere(blob, spawn, { onBytes, signal });
    if (found) return found;
  }
  const hasher = await Hasher.create();
  const crc = await Crc32.create();
  const reader = new BlobReader(blob, { onBytes, signal });
  for (let piece = await reader.read(); piece.length; piece = await reader.read()) {
    hasher.update(piece);
    crc.update(piece);
  }
  return { ...hasher.digests(), crc32: crc.value() };
}

/**
 * Answer what `digestBlob` asks of a worker. A worker of this program calls it for the messages that it does not know.
 *
 * @param {{postMessage: (message: unknown) => void}} scope the worker's own
 * @param {unknown} message what it was sent
 * @returns {Promise<boolean>} whether the message was one of these
 */
export async function serveDigests(scope, message) {
  if (message?.kind !== "digest-blob") return false;
  let unsaid = 0;
  const onBytes = (bytes) => {
    unsaid += bytes;
    if (unsaid < 1 << 24) return;
    scope.postMessage({ kind: "digest-bytes", bytes: unsaid });
    unsaid = 0;
  };
  try {
    const found = await digestBlob(message.blob, { onBytes });
    scope.postMessage({ kind: "digest-bytes", bytes: unsaid });
    scope.postMessage({ kind: "digest-found", found });
  } catch (err) {
    scope.postMessage({ kind: "digest-failed", reason: String(err) });
  }
  return true;
}

/** What a worker finds; null if none can be had: a page from a file may not start one from another page's URL. */
async function digestElsewhere(blob, spawn, { onBytes, signal }) {
  signal?.throwIfAborted();
  const worker = startedOrNull(spawn);
  if (!worker) return null;
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

function startedOrNull(spawn) {
  try {
    return spawn();
  } catch (err) {
    if (err instanceof DOMException) return null;
    throw err;
  }
}
