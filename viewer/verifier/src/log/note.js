/** Signed notes and their Ed25519 keys (c2sp.org/signed-note). */

import { sha256 } from "@noble/hashes/sha2";

import { NotBase64, NotUtf8, base64, fromBase64, fromUtf8, hex, joined, sameBytes, utf8 } from "../encoding.js";
import { MalformedKey, MalformedNote, UnverifiedNote } from "../errors.js";
import { PublicKey } from "../keys.js";
import { beginning, hasLoneSurrogate, quoted } from "../text.js";

/** The largest note accepted, in bytes. */
export const MAX_NOTE = 2 ** 20;
export const MAX_SIGNATURES = 100;

/** Signature types, by the byte that the specification assigns. */
export const Algorithm = Object.freeze({
  ED25519: 1,
  /** A witness's timestamped Ed25519 cosignature (c2sp.org/tlog-cosignature). */
  COSIGNATURE_V1: 4,
});

const KEY_ID_SIZE = 4;
const KEY_ID = /^[0-9a-f]{8}$/;
const DASH = "\u2014 ";
// eslint-disable-next-line no-control-regex -- c2sp.org/signed-note forbids them
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;
// What str.isspace() calls a space, and the controls.
// eslint-disable-next-line no-control-regex -- see above
const NOT_IN_NAMES = /[+\u0000-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/**
 * @typedef {object} NoteSignature one signature line; name and key id are claims until the signature is verified
 * @property {string} name
 * @property {Uint8Array} keyId
 * @property {Uint8Array} value
 *
 * @typedef {object} Note a text, which ends with a newline, and its signatures
 * @property {string} text
 * @property {NoteSignature[]} signatures
 */

/** A named public key: what a vkey says. */
export class NoteVerifier {
  /**
   * @param {string} name
   * @param {PublicKey} key
   * @param {number} [algorithm]
   */
  constructor(name, key, algorithm = Algorithm.ED25519) {
    checkName(name);
    this.name = name;
    this.key = key;
    this.algorithm = algorithm;
  }

  /**
   * Parse `<name>+<key id>+<base64 of type and key>`.
   *
   * @param {string} vkey
   * @returns {NoteVerifier}
   */
  static fromVkey(vkey) {
    // The base64 may hold a plus; the name and the key id may not.
    const [name, keyId, ...rest] = vkey.split("+");
    if (!rest.length || !KEY_ID.test(keyId)) {
      throw new MalformedNote("not a note key");
    }
    const decoded = decode(rest.join("+"), "vkey");
    const verifier = new NoteVerifier(name, keyOf(decoded), decoded[0]);
    if (hex(verifier.keyId) !== keyId || verifier.vkey !== vkey) {
      throw new MalformedNote("vkey: the key id is not that of the key");
    }
    return verifier;
  }

  /** The first four bytes of the SHA-256 of name, newline, type and key. */
  get keyId() {
    return sha256(joined(utf8(`${this.name}\n`), this.#material)).slice(0, KEY_ID_SIZE);
  }

  /** The text form of this key. */
  get vkey() {
    return `${this.name}+${hex(this.keyId)}+${base64(this.#material)}`;
  }

  /**
   * The one signature in `note` that names this key; nothing is verified.
   *
   * @param {Note} note
   * @returns {NoteSignature | null}
   */
  signatureIn(note) {
    const { name, keyId } = this;
    const found = note.signatures.filter((line) => line.name === name && sameBytes(line.keyId, keyId));
    if (found.length > 1) {
      throw new UnverifiedNote(name, "signed more than once");
    }
    return found[0] ?? null;
  }

  /**
   * Check that this key signed the text of `note` as an ordinary note signature. Signatures that name other keys are
   * ignored, as the specification asks.
   *
   * @param {Note} note
   */
  verify(note) {
    if (this.algorithm !== Algorithm.ED25519) {
      throw new UnverifiedNote(this.name, "the key is for cosignatures");
    }
    const signature = this.signatureIn(note);
    if (signature === null) {
      throw new UnverifiedNote(this.name, "no signature of this key");
    }
    if (!this.key.verify(signature.value, utf8(note.text))) {
      throw new UnverifiedNote(this.name, "the signature does not verify");
    }
  }

  get #material() {
    return joined(Uint8Array.of(this.algorithm), this.key.raw);
  }
}

/**
 * The bytes of a note that was parsed.
 *
 * @param {Note} note
 * @returns {Uint8Array}
 */
export function formatNote(note) {
  const lines = note.signatures.map(({ name, keyId, value }) => `${DASH}${name} ${base64(joined(keyId, value))}\n`);
  return utf8(`${note.text}\n${lines.join("")}`);
}

/**
 * Parse a signed note. Nothing is verified.
 *
 * @param {Uint8Array} data
 * @returns {Note}
 */
export function parseNote(data) {
  if (data.length > MAX_NOTE) {
    throw new MalformedNote(`${data.length} bytes, limit ${MAX_NOTE}`);
  }
  const content = textOf(data);
  if (CONTROL.test(content)) {
    throw new MalformedNote("a control character");
  }
  // The text may hold empty lines; the last one ends it.
  const end = content.lastIndexOf("\n\n");
  if (end < 0) {
    throw new MalformedNote("no empty line before the signatures");
  }
  const signed = content.slice(end + 2);
  if (!signed.endsWith("\n")) {
    throw new MalformedNote("no newline at the end");
  }
  const lines = signed.slice(0, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) {
    throw new MalformedNote(`more than ${MAX_SIGNATURES} signatures`);
  }
  return { text: content.slice(0, end + 1), signatures: lines.map(signatureOf) };
}

/** @param {Uint8Array} data */
function textOf(data) {
  try {
    return fromUtf8(data);
  } catch (error) {
    throw error instanceof NotUtf8 ? new MalformedNote(error.reason) : error;
  }
}

/** @param {string} name */
function checkName(name) {
  if (!name || NOT_IN_NAMES.test(name)) {
    throw new MalformedNote(`not a key name: ${quoted(beginning(name, 80))}`);
  }
  if (hasLoneSurrogate(name)) {
    throw new MalformedNote("a lone surrogate in a key name");
  }
}

/**
 * @param {string} line
 * @returns {NoteSignature}
 */
function signatureOf(line) {
  const rest = line.startsWith(DASH) ? line.slice(DASH.length) : "";
  const space = rest.indexOf(" ");
  if (space < 0) {
    throw new MalformedNote(`not a signature line: ${quoted(beginning(line, 80))}`);
  }
  const name = rest.slice(0, space);
  checkName(name);
  const decoded = decode(rest.slice(space + 1), "signature");
  if (decoded.length <= KEY_ID_SIZE) {
    throw new MalformedNote("signature: no bytes beside the key id");
  }
  return { name, keyId: decoded.slice(0, KEY_ID_SIZE), value: decoded.slice(KEY_ID_SIZE) };
}

/** @param {Uint8Array} material type and key */
function keyOf(material) {
  const known = Object.values(Algorithm).includes(/** @type {1 | 4} */ (material[0]));
  try {
    const key = new PublicKey(material.slice(1));
    if (known) {
      return key;
    }
  } catch (error) {
    if (!(error instanceof MalformedKey)) {
      throw error;
    }
  }
  throw new MalformedNote("vkey: not an Ed25519 key or cosignature key");
}

/**
 * @param {string} text
 * @param {string} what
 */
function decode(text, what) {
  let decoded;
  try {
    decoded = fromBase64(text);
  } catch (error) {
    if (error instanceof NotBase64) {
      throw new MalformedNote(`${what}: ${error.spare ? error.reason : "not base64"}`);
    }
    throw error;
  }
  if (!decoded.length) {
    throw new MalformedNote(`${what}: not the standard base64 of its bytes`);
  }
  return decoded;
}
