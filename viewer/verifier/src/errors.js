/**
 * What can be wrong with bytes from outside. Nothing else is ever thrown for them; the report says what was found.
 */

/** Bytes or text are not what they should be. */
export class Invalid extends Error {
  /**
   * @param {string} reason what is wrong, in the words that a finding has
   * @param {string} [code] the check that fails by it, e.g. `E-PKG-01`, if the one who throws knows
   */
  constructor(reason, code) {
    super(reason);
    this.name = new.target.name;
    this.reason = reason;
    this.code = code;
  }
}

/** Bytes or text are not written the one way they may be written. */
export class Malformed extends Invalid {}

/** Bytes are not JSON, or not the one canonical form of it (RFC 8785). */
export class MalformedJson extends Malformed {}

/** A value has no canonical JSON form here. */
export class NotCanonicalisable extends Invalid {
  /**
   * @param {string} path
   * @param {string} reason
   */
  constructor(path, reason) {
    super(reason);
    this.message = `${path}: ${reason}`;
    this.path = path;
  }
}

/** A public key is not an Ed25519 key in the form asked for. */
export class MalformedKey extends Malformed {}

/** Bytes are not a DSSE envelope as sijill writes it. */
export class MalformedEnvelope extends Malformed {}

/** A payload is not a capture statement. `path` names the member, e.g. `predicate.exchanges.0.started`. */
export class MalformedStatement extends Invalid {
  /**
   * @param {string} path
   * @param {string} reason
   */
  constructor(path, reason) {
    super(reason);
    this.message = `${path || "statement"}: ${reason}`;
    this.path = path;
  }
}

/** Text is not a time in the one form that attestations use. */
export class MalformedTimestamp extends Malformed {}

/** Text is not a capture id. */
export class MalformedCaptureId extends Malformed {}

/** Bytes are not a signed note, or text is not a note key (c2sp.org/signed-note). */
export class MalformedNote extends Malformed {}

/** A note's text is not a checkpoint (c2sp.org/tlog-checkpoint). */
export class MalformedCheckpoint extends Malformed {}

/** Bytes are not a `c2sp.org/tlog-proof@v1`. */
export class MalformedProof extends Malformed {}

/** Bytes are not a log entry. */
export class MalformedEntry extends Malformed {}

/** A Merkle proof does not show what it should. It says nothing about which side is wrong. */
export class InvalidProof extends Invalid {}

/** A note bears no valid signature of the key asked for. */
export class UnverifiedNote extends Invalid {
  /**
   * @param {string} name
   * @param {string} reason
   */
  constructor(name, reason) {
    super(reason);
    this.message = `${name}: ${reason}`;
    this.signer = name;
  }
}

/** Bytes are not DER (X.690) of the type asked for. */
export class MalformedDer extends Malformed {}

/** Bytes are not an X.509 certificate. */
export class MalformedCertificate extends Malformed {}

/** Bytes are not a granted response of a timestamping authority (RFC 3161 §2.4.2). */
export class MalformedTimestampResponse extends Malformed {}

/** A timestamp does not show that the bytes at hand existed at its time, as far as the given roots go. */
export class UnverifiedTimestamp extends Invalid {}

/** A trust root cannot be used. `path` names the member, e.g. `logKeys.0`; it is empty for the file as a whole. */
export class MalformedTrustRoot extends Invalid {
  /**
   * @param {string} path
   * @param {string} reason
   */
  constructor(path, reason) {
    super(reason);
    this.message = path ? `${path}: ${reason}` : reason;
    this.path = path;
  }
}
