/**
 * SHA-256, BLAKE3 and CRC-32 of bytes that come in pieces, or are held as a whole.
 *
 * hash-wasm is WebAssembly (a page needs `'wasm-unsafe-eval'` for it); WebCrypto, which is native, takes what is held in
 * memory as a whole. Sizes and digests are `{size, sha256, blake3}`, lowercase hexadecimal.
 */

import { createBLAKE3, createCRC32, createSHA256 } from "hash-wasm";

import { BlobReader } from "./blob.js";
import { hex } from "./encoding.js";

/** @typedef {{size: number, sha256: string, blake3: string}} Digests */
/** @typedef {Digests & {crc32: number}} FileDigests */
/** @typedef {{start: number, end: number}} Range of the bytes that are held */
/** @typedef {{sha256: string, payload: Digests | null}} BlockDigests */
/**
 * @typedef {object} Reading how a long reading goes
 * @property {(bytes: number) => void} [onBytes] is told how many further bytes were read
 * @property {AbortSignal} [signal] ends it; its reason is then thrown
 * @property {() => Worker} [spawn] starts a worker of this program, see `Digester`; without it there are no threads
 */

/** Smaller pieces are put together, since each call into WebAssembly has its price. */
const SMALL = 1 << 12;
const GATHERED = 1 << 16;
/** From this size on WebCrypto is faster than WebAssembly. */
const NATIVE = 1 << 14;

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

  /**
   * @param {Uint8Array} bytes not to be changed until the answer is there
   * @returns {Promise<Digests>}
   */
  async digests(bytes) {
    // What is native may go on beside what is not.
    const sha256 = this.sha256(bytes);
    const blake3 = this.blake3(bytes);
    return { size: bytes.length, sha256: await sha256, blake3 };
  }

  /**
   * @param {Uint8Array} block not to be changed until the answer is there
   * @param {Range | null} payload where it is in the block; null if its digests are not asked for
   * @returns {Promise<BlockDigests>}
   */
  async block(block, payload) {
    const sha256 = this.sha256(block);
    const digests = payload && this.digests(block.subarray(payload.start, payload.end));
    return { sha256: await sha256, payload: await digests };
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
  return (await WholeHasher.create()).digests(bytes);
}

/**
 * Size, digests and CRC-32 of a file, read once in constant memory.
 *
 * @param {Blob} blob
 * @param {{onBytes?: (bytes: number) => void, signal?: AbortSignal}} [reading]
 * @returns {Promise<FileDigests>}
 */
export async function digestBlob(blob, { onBytes, signal } = {}) {
  const hasher = await Hasher.create();
  const crc = await Crc32.create();
  const reader = new BlobReader(blob, { onBytes, signal });
  for (let piece = await reader.read(); piece.length; piece = await reader.read()) {
    hasher.update(piece);
    crc.update(piece);
  }
  return { ...hasher.digests(), crc32: crc.value() };
}
