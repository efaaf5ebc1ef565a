/** What can be wrong with the files of a package, in the words of `archive/errors.py`. */

import { Invalid } from "./errors.js";

/** There are more bytes than the limit allows. */
export class TooLarge extends Invalid {
  /** @param {number} limit */
  constructor(limit) {
    super(`more than ${limit} bytes`);
    this.limit = limit;
  }
}

/** A file is not the zip that sijill writes, byte for byte: all that was found in it so far is worth nothing. */
export class MalformedPackage extends Invalid {
  /** @param {string} reason */
  constructor(reason) {
    super(reason, "E-PKG-01");
  }
}

/** Bytes are not deflate (RFC 1951). */
export class Broken extends Invalid {}

/** Bytes are not the WARC that sijill writes. The message names the place, `reason` does not. */
export class MalformedWarc extends Invalid {
  /**
   * @param {number} offset of the record in the file
   * @param {string} reason
   */
  constructor(offset, reason) {
    super(reason, "E-WARC-01");
    this.message = `at byte ${offset}: ${reason}`;
    this.offset = offset;
  }
}
