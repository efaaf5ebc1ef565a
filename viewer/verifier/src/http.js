/**
 * Taking an HTTP/1.x response apart: head, payload, surplus (RFC 9112), in one pass and constant memory.
 *
 * The payload is the body without chunk framing, its content coding kept. Where chunk framing is none the payload ends
 * and `problem` says why.
 */

import { joined } from "./encoding.js";

/** The most bytes of a header, or of all trailer lines. */
const HEAD_LIMIT = 1 << 20;
/** The most bytes of a chunk-size line with its extensions and its end. */
const LINE_LIMIT = 16 << 10;

const LF = 0x0a;
const CR = 0x0d;
// White space as Python has it, in ISO-8859-1.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0";
const IS_SPACE = new RegExp(`[${SPACE}]`);
const AFTER_TYPE = new RegExp(`[;${SPACE}]`);
const STATUS_LINE = /^HTTP\/1\.([0-9])[ \t]+([1-9][0-9]{2})(?=[ \t]|$)/;
// RFC 9112 §7.1: chunk-size [ chunk-ext ]; white space around the size is what senders do produce.
const CHUNK_SIZE = /^[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?$/;

/** Status line and header of a response. */
export class ResponseHead {
  /**
   * @param {string} version `1.0` or `1.1`
   * @param {number} status
   * @param {[string, string][]} headers names as sent, values stripped, in order, repeated ones kept; ISO-8859-1
   * @param {number} size bytes up to and including the empty line; interim responses before it are counted
   */
  constructor(version, status, headers, size) {
    this.version = version;
    this.status = status;
    this.headers = headers;
    this.size = size;
  }

  /**
   * @param {string} name in lower case
   * @returns {string[]} the comma-separated members of all headers called so, in lower case
   */
  members(name) {
    const values = this.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
    return values
      .join(",")
      .toLowerCase()
      .split(",")
      .map(stripped)
      .filter((member) => member);
  }

  /** Type and subtype of Content-Type without parameters, as sent; null if it states none. */
  get mediaType() {
    return this._contentType().split(AFTER_TYPE, 1)[0] || null;
  }

  /** The media type as attestations have it: up to the first semicolon, in lower case; null if it is empty. */
  get plainMediaType() {
    return stripped(this._contentType().split(";", 1)[0]).toLowerCase() || null;
  }

  _contentType() {
    return this.headers.find(([key]) => key.toLowerCase() === "content-type")?.[1] ?? "";
  }
}

/** @enum {number} */
const State = {
  HEAD: 0,
  UNTIL_END: 1,
  COUNTED: 2,
  CHUNK_SIZE: 3,
  CHUNK_DATA: 4,
  CHUNK_END: 5,
  TRAILER: 6,
  DONE: 7,
  BROKEN: 8,
};

/**
 * Takes a response in pieces of any size and gives its payload in pieces.
 *
 * Feed all bytes, then call `finish`. `head` is null until the head was seen; `surplus` counts what came after the end of
 * the body; `problem` says in words why the payload is not whole, or is null.
 */
export class ResponseParser {
  constructor() {
    /** @type {ResponseHead | null} */
    this.head = null;
    this.surplus = 0;
    /** @type {string | null} */
    this.problem = null;
    this._state = State.HEAD;
    this._left = 0;
    this._interim = 0;
    this._trailerSize = 0;
    this._waiting = null;
  }

  /**
   * @param {Uint8Array} piece the next bytes
   * @param {(payload: Uint8Array) => void} take is given the payload bytes among them, as views
   */
  feed(piece, take) {
    const data = this._waiting ? joined(this._waiting, piece) : piece;
    const at = this.go(data, 0, data.length, take);
    this._waiting = at < data.length ? data.slice(at) : null;
  }

  /**
   * Read on in bytes that are all held together.
   *
   * @param {Uint8Array} data
   * @param {number} from what the last call gave; 0 at first
   * @param {number} end so far there are bytes
   * @param {(payload: Uint8Array) => void} take
   * @returns {number} from where to read on when there are more
   */
  go(data, from, end, take) {
    let at = from;
    while (at < end) {
      switch (this._state) {
        case State.UNTIL_END:
          take(data.subarray(at, end));
          return end;
        case State.COUNTED:
        case State.CHUNK_DATA: {
          const body = data.subarray(at, Math.min(end, at + this._left));
          at += body.length;
          this._left -= body.length;
          if (!this._left) this._state = this._state === State.COUNTED ? State.DONE : State.CHUNK_END;
          take(body);
          break;
        }
        case State.DONE:
          this.surplus += end - at;
          return end;
        case State.BROKEN:
          return end;
        default: {
          const after = this._takeLine(data.subarray(0, end), at);
          if (after < 0) return at;
          at = after;
        }
      }
    }
    return at;
  }

  /** Say that no more bytes follow; sets `problem` if the response ends before its body does. */
  finish() {
    if (this._state === State.HEAD) this._break("no whole HTTP header");
    else if (![State.UNTIL_END, State.DONE, State.BROKEN].includes(this._state)) this._break("ends within the body");
  }

  _break(problem) {
    this.problem = problem;
    this._state = State.BROKEN;
  }

  /** Handle one head, size line or trailer line; the place after it, or -1 if more bytes are needed. */
  _takeLine(data, at) {
    if (this._state === State.HEAD) return this._takeHead(data, at);
    // RFC 9112 §2.2: a line may end in LF alone.
    const end = data.indexOf(LF, at);
    const size = (end >= 0 ? end + 1 : data.length) - at;
    if (size > (this._state === State.TRAILER ? HEAD_LIMIT : LINE_LIMIT)) {
      this._break("line in the chunk framing too long");
      return data.length;
    }
    if (end < 0) return -1;
    this._endLine(latin1(data.subarray(at, end > at && data[end - 1] === CR ? end - 1 : end)));
    return end + 1;
  }

  _endLine(line) {
    if (this._state === State.CHUNK_SIZE) {
      this._chunkSize(line);
    } else if (this._state === State.CHUNK_END) {
      if (line) this._break("chunk longer than its size");
      else this._state = State.CHUNK_SIZE;
    } else if (!line) {
      this._state = State.DONE;
    } else {
      this._trailerSize += line.length;
      if (this._trailerSize > HEAD_LIMIT) this._break("trailer too long");
    }
  }

  _chunkSize(line) {
    const found = CHUNK_SIZE.exec(line);
    if (!found) {
      this._break("chunk size is not hexadecimal");
      return;
    }
    this._left = Number.parseInt(found[1], 16);
    this._state = this._left ? State.CHUNK_DATA : State.TRAILER;
  }

  _takeHead(data, at) {
    const end = endOfHead(data, at);
    if (end < 0) {
      if (data.length - at <= HEAD_LIMIT) return -1;
      this._break("HTTP header too long");
      return data.length;
    }
    const head = parseHead(data.subarray(at, end), this._interim);
    if (!head) {
      this._break("not an HTTP/1.x status line");
      return data.length;
    }
    // RFC 9110 §15.2: interim responses precede the final one; 101 ends HTTP on the connection.
    if (head.status >= 100 && head.status < 200 && head.status !== 101) {
      this._interim = head.size;
    } else {
      this.head = head;
      this._chooseFraming(head);
    }
    return end;
  }

  /** RFC 9112 §6.3, in its order. */
  _chooseFraming(head) {
    const codings = head.members("transfer-encoding");
    const lengths = new Set(head.members("content-length"));
    const length = lengths.size === 1 ? [...lengths][0] : "";
    if ([101, 204, 304].includes(head.status)) {
      this._state = State.DONE;
    } else if (codings.length) {
      this._state = codings.at(-1) === "chunked" ? State.CHUNK_SIZE : State.UNTIL_END;
    } else if (/^[0-9]{1,18}$/.test(length)) {
      this._left = Number(length);
      this._state = this._left ? State.COUNTED : State.DONE;
    } else {
      // Lengths that contradict each other say nothing; then only the end of the connection ends the body.
      this._state = State.UNTIL_END;
    }
  }
}

/** The place behind the first empty line, whose lines may end in LF alone; -1 if there is none. */
function endOfHead(data, from) {
  for (let at = data.indexOf(LF, from); at >= 0; at = data.indexOf(LF, at + 1)) {
    if (data[at + 1] === LF) return at + 2;
    if (data[at + 1] === CR && data[at + 2] === LF) return at + 3;
  }
  return -1;
}

/** The status line and header; null if the first line is no status line of HTTP/1.x. `interim` is added to the size. */
function parseHead(bytes, interim) {
  const lines = latin1(bytes)
    .split("\n")
    .map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  const found = STATUS_LINE.exec(lines[0]);
  if (!found) return null;
  /** @type {[string, string[]][]} */
  const headers = [];
  for (const line of lines.slice(1)) {
    if ((line[0] === " " || line[0] === "\t") && headers.length) {
      // RFC 9112 §5.2: a line that begins with white space goes on with the one before.
      headers[headers.length - 1][1].push(stripped(line));
    } else if (line.includes(":")) {
      const at = line.indexOf(":");
      headers.push([stripped(line.slice(0, at)), [stripped(line.slice(at + 1))]]);
    }
  }
  const values = headers.map(([name, parts]) => [name, parts.filter((part) => part).join(" ")]);
  return new ResponseHead(found[1] === "0" ? "1.0" : "1.1", Number(found[2]), values, bytes.length + interim);
}

function stripped(text) {
  let start = 0;
  let end = text.length;
  while (start < end && IS_SPACE.test(text[start])) start += 1;
  while (end > start && IS_SPACE.test(text[end - 1])) end -= 1;
  return text.slice(start, end);
}

/** ISO-8859-1: what browsers call so is windows-1252. */
function latin1(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}
