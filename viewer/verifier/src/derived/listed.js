/**
 * The checks that the report in a package lists, with their names. Never what the verifier itself goes by: a check that
 * is added later must not change the bytes of packages that are out in the world.
 *
 * @type {[string, string][]}
 */
export const HOLDS = [
  ["E-PKG-01", "the file is a zip laid out exactly as the format says"],
  ["E-PKG-02", "the zip holds exactly the files of an evidence package"],
  ["E-PKG-03", "every derived file is what the signed files give"],
  ["E-ATT-01", "the attestation is a DSSE envelope in canonical JSON"],
  ["E-ATT-02", "the payload type is known"],
  ["E-ATT-03", "a signature names a key of the trust root"],
  ["E-ATT-04", "the attestation's signature verifies"],
  ["E-ATT-05", "the payload is a canonical statement about a capture whose members agree with one another"],
  ["E-ATT-06", "the attestation's key was valid, and not revoked, when the attestation was shown to exist"],
  ["E-SUB-01", "every subject of the attestation is present"],
  ["E-SUB-02", "the SHA-256 of every subject is the attested one"],
  ["E-SUB-03", "the BLAKE3 of every subject is the attested one"],
  ["E-SUB-04", "the size of every subject is the attested one"],
  ["E-WARC-01", "the WARC is well formed"],
  ["E-WARC-02", "every block digest in the WARC is that of its block"],
  ["E-WARC-03", "every payload digest in the WARC is that of its payload"],
  ["E-WARC-04", "the records of the WARC and the exchanges of the attestation agree, with none left over"],
  ["E-WARC-05", "what the capture takes from other captures is there, byte for byte as attested"],
  ["E-LOG-01", "the inclusion proof is written as c2sp.org/tlog-proof@v1 says"],
  ["E-LOG-02", "the checkpoint is signed in the name of a log of the trust root"],
  ["E-LOG-03", "the checkpoint's signature verifies"],
  ["E-LOG-04", "the attestation is in the log, under the checkpoint's root"],
  ["E-LOG-05", "the checkpoint that the attestation quotes is of a log of the trust root and older than its entry"],
  ["E-LOG-06", "the log's key was valid, and not revoked, when the checkpoint was shown to exist"],
  ["E-WIT-01", "witnesses of the trust root cosigned the checkpoint"],
  ["E-TSA-01", "timestamps of authorities of the trust root cover the checkpoint"],
  ["E-TSA-02", "every timestamp in the package is over the bytes that it is named for"],
  ["E-TIM-01", "the collector's own times agree with those that others vouch for"],
];
