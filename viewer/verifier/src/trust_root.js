/** The trust root: the keys an auditor brings. Nothing of it ever comes from the evidence under test. */

/**
 * @typedef {import("./keys.js").PublicKey} PublicKey
 * @typedef {import("./log/note.js").NoteVerifier} NoteVerifier
 *
 * @typedef {object} Validity when a key may have signed, by the time at which a statement is shown to exist
 * @property {string} key the keyid of an attestation key, or the vkey of a log key
 * @property {bigint | null} notBefore microseconds since 1970
 * @property {bigint | null} notAfter
 *
 * @typedef {object} Revocation from when on a key counts for nothing; what was shown to exist before stays good
 * @property {string} key
 * @property {bigint} at
 * @property {string} reason
 *
 * @typedef {object} Policy how many of those that the trust root names are needed
 * @property {number | null} witnesses cosignatures; null: of every witness
 * @property {number | null} timestamps authorities; null: one
 */

/** Who is believed, and about what. */
export class TrustRoot {
  /**
   * @param {object} members
   * @param {PublicKey[]} members.attestationKeys whose signature on an attestation counts
   * @param {NoteVerifier[]} members.logKeys whose signature on a checkpoint counts, for the origin that is its name
   * @param {string[]} members.tsaRoots certificates of timestamping authorities' roots, PEM
   * @param {NoteVerifier[]} members.witnesses whose cosignature on a checkpoint counts
   * @param {string[]} members.tsaIntermediates certificates that may stand between a root and a signer, PEM
   * @param {string[]} members.tsaCertificates if there are any, only timestamps signed by one of these count, PEM
   * @param {Validity[]} members.validity
   * @param {Revocation[]} members.revocations
   * @param {Policy} members.policy
   */
  constructor(members) {
    this.attestationKeys = members.attestationKeys;
    this.logKeys = members.logKeys;
    this.tsaRoots = members.tsaRoots;
    this.witnesses = members.witnesses;
    this.tsaIntermediates = members.tsaIntermediates;
    this.tsaCertificates = members.tsaCertificates;
    this.validity = members.validity;
    this.revocations = members.revocations;
    this.policy = members.policy;
  }

  /**
   * The attestation key with this id, or null.
   *
   * @param {string} keyid
   * @returns {PublicKey | null}
   */
  attestationKey(keyid) {
    return this.attestationKeys.find((key) => key.keyid === keyid) ?? null;
  }

  /**
   * When the key with this keyid or vkey may have signed; always, if nothing is said of it.
   *
   * @param {string} key
   * @returns {Validity}
   */
  validityOf(key) {
    return this.validity.find((item) => item.key === key) ?? { key, notBefore: null, notAfter: null };
  }

  /**
   * The revocation of the key with this keyid or vkey, or null.
   *
   * @param {string} key
   * @returns {Revocation | null}
   */
  revocationOf(key) {
    return this.revocations.find((item) => item.key === key) ?? null;
  }

  /** How many witnesses must have cosigned a checkpoint. */
  get witnessesNeeded() {
    return this.policy.witnesses ?? this.witnesses.length;
  }

  /** How many authorities must have timestamped a checkpoint. */
  get timestampsNeeded() {
    return this.policy.timestamps ?? (this.tsaRoots.length ? 1 : 0);
  }
}
