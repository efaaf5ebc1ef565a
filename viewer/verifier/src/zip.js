/**
 * Reading the zip of a package strictly: every byte that is not member data is rebuilt and compared
 * (PKWARE APPNOTE 4.3.7, 4.3.12, 4.3.16). There is one form: members stored, in the order of their names, no zip64.
 */

import { BlobReader } from "./blob.js";
import { joined, sameBytes } from "./encoding.js";
import { Crc32 } from "./hashing.js";
import { MalformedPackage } from "./malformed.js";
import { quotedBytes } from "./quoted.js";
import { quoted } from "./text.js";

/** The largest file: 0xFFFFFFFF in a header means that zip64 holds the number. */
const SIZE_LIMIT = 0xffff_fffe;
const MEMBER_LIMIT = 1000;
const NAME_LIMIT = 200;

const LOCAL_SIZE = 30;
const CENTRAL_SIZE = 46;
const END_SIZE = 22;
const DIRECTORY_LIMIT = MEMBER_LIMIT * (CENTRAL_SIZE + NAME_LIMIT);

/** APPNOTE 4.4.3.2: 1.0, enough for stored files. */
const VERSION = 10;
/** MS-DOS date: year 1980 + 0, month 1, day 1. */
const FIRST_DATE = 0x21;

const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/;

/** A file in the zip. */
export class Member {
  /**
   * @param {Blob} file the zip
   * @param {string} name ASCII
   * @param {number} size
   * @param {number} crc32
   * @param {number} headerOffset place of its local header
   */
  constructor(file, name, size, crc32, headerOffset) {
    this.name = name;
    this.size = size;
    this.crc32 = crc32;
    this.headerOffset = headerOffset;
    this._file = file;
  }

  /** Place of its first byte of data. */
  get offset() {
    return this.headerOffset + LOCAL_SIZE + this.name.length;
  }

  /** Place behind its last byte of data. */
  get end() {
    return this.offset + this.size;
  }

  /** Its data. Whoever reads it so compares the CRC-32: see `check`. */
  get blob() {
    return this._file.slice(this.offset, this.end);
  }

  /**
   * @param {{size: number, crc32: number}} found in the data
   * @throws {MalformedPackage} the data is not what its headers say
   */
  check(found) {
    if (found.size !== this.size) throw new MalformedPackage(`member ${quoted(this.name)}: cut short`);
    if (found.crc32 !== this.crc32) {
      throw new MalformedPackage(`member ${quoted(this.name)}: CRC-32 is not that of its data`);
    }
  }

  /**
   * The data in pieces; its CRC-32 is compared at the end.
   *
   * @param {import("./hashing.js").Reading} [reading]
   * @returns {AsyncGenerator<Uint8Array>}
   * @throws {MalformedPackage}
   */
  async *stream(reading) {
    const crc = await Crc32.create();
    const reader = new BlobReader(this.blob, reading);
    let size = 0;
    for (let piece = await reader.read(); piece.length; piece = await reader.read()) {
      crc.update(piece);
      size += piece.length;
      yield piece;
    }
    this.check({ size, crc32: crc.value() });
  }

  /**
   * @param {import("./hashing.js").Reading} [reading]
   * @returns {Promise<Uint8Array>} all of the data
   * @throws {MalformedPackage}
   */
  async read(reading) {
    const pieces = [];
    for await (const piece of this.stream(reading)) pieces.push(piece);
    return pieces.length === 1 ? pieces[0] : joined(...pieces);
  }
}

/**
 * The members of a zip by name, in their order. Their data is not read here.
 *
 * @param {Blob} file
 * @returns {Promise<{entries: Map<string, Member>}>}
 * @throws {MalformedPackage} a byte outside of member data is not what sijill writes there
 */
export async function openZip(file) {
  if (file.size > SIZE_LIMIT) throw new MalformedPackage("larger than its form allows");
  if (file.size < END_SIZE) throw new MalformedPackage("too short for a zip");
  const end = await bytesAt(file, file.size - END_SIZE, END_SIZE);
  const count = viewOf(end).getUint16(10, true);
  const size = viewOf(end).getUint32(12, true);
  const offset = viewOf(end).getUint32(16, true);
  if (!sameBytes(end, endRecord(count, size, offset))) {
    throw new MalformedPackage("does not end with the end record of a zip without comment");
  }
  if (offset + size !== file.size - END_SIZE) {
    throw new MalformedPackage("central directory does not end where the end record begins");
  }
  if (count > MEMBER_LIMIT || size > DIRECTORY_LIMIT) throw new MalformedPackage("more members than a package has");
  const members = parseDirectory(file, await bytesAt(file, offset, size), count);
  await checkLocalHeaders(file, members, offset);
  return { entries: new Map(members.map((member) => [member.name, member])) };
}

async function bytesAt(file, offset, size) {
  const bytes = new Uint8Array(await file.slice(offset, offset + size).arrayBuffer());
  if (bytes.length !== size) throw new MalformedPackage("shorter than its headers say");
  return bytes;
}

function parseDirectory(file, directory, count) {
  const members = [];
  const folded = new Set();
  let at = 0;
  for (let number = 0; number < count; number += 1) {
    if (directory.length - at < CENTRAL_SIZE) {
      throw new MalformedPackage("central directory is shorter than its count of members");
    }
    const member = parseEntry(file, directory, at);
    const reason = badName(member.name, members.at(-1)?.name ?? null);
    if (reason) throw new MalformedPackage(`member ${quoted(member.name.slice(0, 80))}: ${reason}`);
    if (folded.has(member.name.toLowerCase())) {
      throw new MalformedPackage(`member ${quoted(member.name)}: differs from another only by letter case`);
    }
    folded.add(member.name.toLowerCase());
    members.push(member);
    at += CENTRAL_SIZE + member.name.length;
  }
  if (at !== directory.length) throw new MalformedPackage("central directory is longer than its count of members");
  return members;
}

function parseEntry(file, directory, at) {
  const view = new DataView(directory.buffer, directory.byteOffset + at, CENTRAL_SIZE);
  const length = view.getUint16(28, true);
  const whole = directory.subarray(at, at + CENTRAL_SIZE + length);
  const name = whole.subarray(CENTRAL_SIZE);
  if (name.some((byte) => byte >= 0x80) || name.length !== length) {
    throw new MalformedPackage(`member name is not ASCII or cut short: ${quotedBytes(name.subarray(0, 80))}`);
  }
  const text = new TextDecoder().decode(name);
  const member = new Member(file, text, view.getUint32(24, true), view.getUint32(16, true), view.getUint32(42, true));
  if (!sameBytes(whole, centralHeader(member, name))) {
    throw new MalformedPackage(
      `member ${quotedBytes(name.subarray(0, 80))}: central header is not of the form that sijill writes`,
    );
  }
  return member;
}

async function checkLocalHeaders(file, members, directoryOffset) {
  let at = 0;
  for (const member of members) {
    const about = `member ${quoted(member.name)}`;
    if (member.headerOffset !== at) {
      throw new MalformedPackage(`${about}: does not begin where the one before ends`);
    }
    if (member.end > directoryOffset) throw new MalformedPackage(`${about}: reaches into the central directory`);
    const header = localHeader(member, new TextEncoder().encode(member.name));
    if (!sameBytes(await bytesAt(file, at, header.length), header)) {
      throw new MalformedPackage(`${about}: local header differs from the central one or from our form`);
    }
    at = member.end;
  }
  if (at !== directoryOffset) {
    throw new MalformedPackage("bytes between the last member and the central directory");
  }
}

/** Why a member may not be called `name` when `before` is the name before it, or null if it may. */
function badName(name, before) {
  if (name.length > NAME_LIMIT || !NAME.test(name)) {
    return "not a relative path of ASCII letters, digits, '.', '_' and '-'";
  }
  return before !== null && name <= before ? "names are not in ascending order" : null;
}

/** Version 10, no flags, stored, midnight of the first date, and what all headers say of the member. */
function fill(view, at, member, name) {
  view.setUint16(at, VERSION, true);
  view.setUint16(at + 8, FIRST_DATE, true);
  view.setUint32(at + 10, member.crc32, true);
  view.setUint32(at + 14, member.size, true);
  view.setUint32(at + 18, member.size, true);
  view.setUint16(at + 22, name.length, true);
}

/** APPNOTE 4.3.7. */
function localHeader(member, name) {
  const header = new Uint8Array(LOCAL_SIZE);
  const view = viewOf(header);
  view.setUint32(0, 0x04034b50, true);
  fill(view, 4, member, name);
  return joined(header, name);
}

/** APPNOTE 4.3.12. */
function centralHeader(member, name) {
  const header = new Uint8Array(CENTRAL_SIZE);
  const view = viewOf(header);
  view.setUint32(0, 0x02014b50, true);
  view.setUint16(4, VERSION, true);
  fill(view, 6, member, name);
  view.setUint32(42, member.headerOffset, true);
  return joined(header, name);
}

/** APPNOTE 4.3.16. */
function endRecord(count, size, offset) {
  const record = new Uint8Array(END_SIZE);
  const view = viewOf(record);
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(8, count, true);
  view.setUint16(10, count, true);
  view.setUint32(12, size, true);
  view.setUint32(16, offset, true);
  return record;
}

function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
