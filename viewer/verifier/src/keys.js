/** Ed25519 public keys (RFC 8032): naming, reading, verifying. */

import { sha256 } from "@noble/hashes/sha2";

import { MalformedDer, MalformedKey } from "./errors.js";
import { KEY_SIZE, verifies } from "./ed25519.js";
import { base64, fromBase64, hex, joined, sameBytes, NotBase64 } from "./encoding.js";
import { SEQUENCE, single } from "./der.js";

// RFC 8410 §4: SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING }, up to the key itself.
const PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);
const PEM = /-----BEGIN PUBLIC KEY-----\s([A-Za-z0-9+/=\s]*)-----END PUBLIC KEY-----/;

/** An Ed25519 public key, its 32 bytes as RFC 8032 encodes them. */
export class PublicKey {
  /** @param {Uint8Array} raw */
  constructor(raw) {
    if (raw.length !== KEY_SIZE) {
      throw new MalformedKey(`${raw.length} bytes, an Ed25519 public key has ${KEY_SIZE}`);
    }
    this.raw = raw;
  }

  /**
   * Parse a PEM SubjectPublicKeyInfo, exactly as `pem` and OpenSSL write it.
   *
   * @param {string} pem
   * @returns {PublicKey}
   */
  static fromPem(pem) {
    const spki = spkiOf(pem);
    if (spki.length !== PREFIX.length + KEY_SIZE || !sameBytes(spki.subarray(0, PREFIX.length), PREFIX)) {
      throw new MalformedKey("not an Ed25519 key");
    }
    const key = new PublicKey(spki.slice(PREFIX.length));
    if (key.pem !== pem) {
      throw new MalformedKey("PEM holds more than one key, or is not written as OpenSSL writes it");
    }
    return key;
  }

  /** The DER SubjectPublicKeyInfo (RFC 8410), 44 bytes. */
  get spki() {
    return joined(PREFIX, this.raw);
  }

  /** The PEM SubjectPublicKeyInfo, with a newline at its end. */
  get pem() {
    return `-----BEGIN PUBLIC KEY-----\n${base64(this.spki)}\n-----END PUBLIC KEY-----\n`;
  }

  /** Lowercase hexadecimal SHA-256 of the DER SubjectPublicKeyInfo, 64 digits. */
  get keyid() {
    return hex(sha256(this.spki));
  }

  /**
   * Whether `signature` is this key's pure Ed25519 signature of `message`.
   *
   * @param {Uint8Array} signature
   * @param {Uint8Array} message
   * @returns {boolean}
   */
  verify(signature, message) {
    return verifies(this.raw, message, signature);
  }
}

/**
 * The DER inside the first public key in `pem`.
 *
 * @param {string} pem
 */
function spkiOf(pem) {
  const match = PEM.exec(pem);
  try {
    const spki = fromBase64((match?.[1] ?? "").replaceAll(/\s/g, ""));
    single(spki, SEQUENCE);
    return spki;
  } catch (error) {
    if (error instanceof NotBase64 || error instanceof MalformedDer) {
      throw new MalformedKey("not a public key in PEM");
    }
    throw error;
  }
}
