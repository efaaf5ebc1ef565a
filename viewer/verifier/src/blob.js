/** Reading a file from its first byte to its last in large pieces, the next one while the last is worked at. */

const READ = 4 << 20;

/** A reader of a blob. */
export class BlobReader {
  /**
   * @param {Blob} blob
   * @param {{onBytes?: (bytes: number) => void, signal?: AbortSignal}} [reading]
   */
  constructor(blob, { onBytes, signal } = {}) {
    this._blob = blob;
    this._onBytes = onBytes;
    this._signal = signal;
    this._asked = 0;
    this._coming = null;
  }

  /**
   * The next bytes; none only at the end.
   *
   * @returns {Promise<Uint8Array>}
   * @throws the signal's reason once it is aborted, and what a blob throws that cannot be read
   */
  async read() {
    this._signal?.throwIfAborted();
    const coming = this._coming ?? this._ask();
    this._coming = null;
    const bytes = new Uint8Array(await coming);
    if (bytes.length && this._asked < this._blob.size) this._coming = this._ask();
    this._onBytes?.(bytes.length);
    return bytes;
  }

  /** Ask for what stands at the next place. What goes wrong is thrown by `read`, or by nobody if nobody reads on. */
  _ask() {
    const end = Math.min(this._asked + READ, this._blob.size);
    const coming = this._blob.slice(this._asked, end).arrayBuffer();
    this._asked = end;
    coming.catch(() => undefined);
    return coming;
  }
}
