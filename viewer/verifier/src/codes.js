/**
 * The checks of a verification: stable codes, in the order in which a report lists them, and their sentences.
 *
 * A code never changes its meaning and is never used again for another, so that a report from today reads the same in
 * ten years. The table is that of `provenance/verify/codes.py`; a test compares them.
 */

/**
 * @typedef {object} Sentences what a check says, in the two ways it can end
 * @property {string} holds what is so if the check passed; also the name of the check
 * @property {string} fails what was found if it failed; the findings say where
 */

/** Every check there is, by its short name. */
export const Code = Object.freeze({
  PKG_01: "E-PKG-01",
  PKG_02: "E-PKG-02",
  PKG_03: "E-PKG-03",
  ATT_01: "E-ATT-01",
  ATT_02: "E-ATT-02",
  ATT_03: "E-ATT-03",
  ATT_04: "E-ATT-04",
  ATT_05: "E-ATT-05",
  ATT_06: "E-ATT-06",
  SUB_01: "E-SUB-01",
  SUB_02: "E-SUB-02",
  SUB_03: "E-SUB-03",
  SUB_04: "E-SUB-04",
  WARC_01: "E-WARC-01",
  WARC_02: "E-WARC-02",
  WARC_03: "E-WARC-03",
  WARC_04: "E-WARC-04",
  WARC_05: "E-WARC-05",
  LOG_01: "E-LOG-01",
  LOG_02: "E-LOG-02",
  LOG_03: "E-LOG-03",
  LOG_04: "E-LOG-04",
  LOG_05: "E-LOG-05",
  LOG_06: "E-LOG-06",
  WIT_01: "E-WIT-01",
  TSA_01: "E-TSA-01",
  TSA_02: "E-TSA-02",
  TIM_01: "E-TIM-01",
});

/** The codes in the order of a report. */
export const CODES = Object.freeze(Object.values(Code));

/** @type {Readonly<Record<string, Sentences>>} */
export const SENTENCES = Object.freeze({
  [Code.PKG_01]: {
    holds: "the file is a zip laid out exactly as the format says",
    fails: "the file is not a zip laid out exactly as the format says",
  },
  [Code.PKG_02]: {
    holds: "the zip holds exactly the files of an evidence package",
    fails: "a file is missing, or does not belong in an evidence package",
  },
  [Code.PKG_03]: {
    holds: "every derived file is what the signed files give",
    fails: "a derived file is not what the signed files give",
  },
  [Code.ATT_01]: {
    holds: "the attestation is a DSSE envelope in canonical JSON",
    fails: "the attestation is not a DSSE envelope in canonical JSON",
  },
  [Code.ATT_02]: {
    holds: "the payload type is known",
    fails: "the payload type is not one that this verifier knows",
  },
  [Code.ATT_03]: {
    holds: "a signature names a key of the trust root",
    fails: "no signature names a key of the trust root",
  },
  [Code.ATT_04]: {
    holds: "the attestation's signature verifies",
    fails: "the attestation's signature does not verify",
  },
  [Code.ATT_05]: {
    holds: "the payload is a canonical statement about a capture whose members agree with one another",
    fails: "the payload is not a canonical statement about a capture whose members agree with one another",
  },
  [Code.ATT_06]: {
    holds: "the attestation's key was valid, and not revoked, when the attestation was shown to exist",
    fails: "the attestation was not shown to exist while its key was valid and not revoked",
  },
  [Code.SUB_01]: {
    holds: "every subject of the attestation is present",
    fails: "a subject of the attestation is missing",
  },
  [Code.SUB_02]: {
    holds: "the SHA-256 of every subject is the attested one",
    fails: "the SHA-256 of a subject is not the attested one",
  },
  [Code.SUB_03]: {
    holds: "the BLAKE3 of every subject is the attested one",
    fails: "the BLAKE3 of a subject is not the attested one",
  },
  [Code.SUB_04]: {
    holds: "the size of every subject is the attested one",
    fails: "the size of a subject is not the attested one",
  },
  [Code.WARC_01]: {
    holds: "the WARC is well formed",
    fails: "the WARC is not well formed",
  },
  [Code.WARC_02]: {
    holds: "every block digest in the WARC is that of its block",
    fails: "a block digest in the WARC is not that of its block",
  },
  [Code.WARC_03]: {
    holds: "every payload digest in the WARC is that of its payload",
    fails: "a payload digest in the WARC is not that of its payload",
  },
  [Code.WARC_04]: {
    holds: "the records of the WARC and the exchanges of the attestation agree, with none left over",
    fails: "the records of the WARC and the exchanges of the attestation do not agree",
  },
  [Code.WARC_05]: {
    holds: "what the capture takes from other captures is there, byte for byte as attested",
    fails: "what the capture takes from other captures is missing, or not byte for byte as attested",
  },
  [Code.LOG_01]: {
    holds: "the inclusion proof is written as c2sp.org/tlog-proof@v1 says",
    fails: "the inclusion proof is not written as c2sp.org/tlog-proof@v1 says",
  },
  [Code.LOG_02]: {
    holds: "the checkpoint is signed in the name of a log of the trust root",
    fails: "the checkpoint is not signed in the name of a log of the trust root",
  },
  [Code.LOG_03]: {
    holds: "the checkpoint's signature verifies",
    fails: "the checkpoint's signature does not verify",
  },
  [Code.LOG_04]: {
    holds: "the attestation is in the log, under the checkpoint's root",
    fails: "the proof does not lead from the attestation to the checkpoint's root",
  },
  [Code.LOG_05]: {
    holds: "the checkpoint that the attestation quotes is of a log of the trust root and older than its entry",
    fails: "the checkpoint that the attestation quotes is not of a log of the trust root, or not older than its entry",
  },
  [Code.LOG_06]: {
    holds: "the log's key was valid, and not revoked, when the checkpoint was shown to exist",
    fails: "the checkpoint was not shown to exist while the log's key was valid and not revoked",
  },
  [Code.WIT_01]: {
    holds: "witnesses of the trust root cosigned the checkpoint",
    fails: "too few witnesses of the trust root cosigned the checkpoint",
  },
  [Code.TSA_01]: {
    holds: "timestamps of authorities of the trust root cover the checkpoint",
    fails: "too few timestamps of authorities of the trust root cover the checkpoint",
  },
  [Code.TSA_02]: {
    holds: "every timestamp in the package is over the bytes that it is named for",
    fails: "a timestamp in the package is not over the bytes that it is named for",
  },
  [Code.TIM_01]: {
    holds: "the collector's own times agree with those that others vouch for",
    fails: "the collector's own times contradict those that others vouch for",
  },
});

/**
 * What must have passed before a check can say anything. Otherwise it is not checked.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const PREREQUISITES = Object.freeze({
  [Code.PKG_01]: [],
  [Code.PKG_02]: [Code.PKG_01],
  [Code.PKG_03]: [Code.PKG_02, Code.SUB_02, Code.SUB_03, Code.SUB_04, Code.WARC_01, Code.LOG_04],
  [Code.ATT_01]: [],
  [Code.ATT_02]: [Code.ATT_01],
  [Code.ATT_03]: [Code.ATT_01],
  [Code.ATT_04]: [Code.ATT_03],
  [Code.ATT_05]: [Code.ATT_02, Code.ATT_04],
  [Code.ATT_06]: [Code.ATT_05, Code.LOG_04],
  [Code.SUB_01]: [Code.ATT_05],
  [Code.SUB_02]: [Code.SUB_01],
  [Code.SUB_03]: [Code.SUB_01],
  [Code.SUB_04]: [Code.SUB_01],
  [Code.WARC_01]: [Code.SUB_02, Code.SUB_03, Code.SUB_04],
  [Code.WARC_02]: [Code.WARC_01],
  [Code.WARC_03]: [Code.WARC_01],
  [Code.WARC_04]: [Code.WARC_01],
  [Code.WARC_05]: [Code.ATT_05],
  [Code.LOG_01]: [],
  [Code.LOG_02]: [Code.LOG_01],
  [Code.LOG_03]: [Code.LOG_02],
  [Code.LOG_04]: [Code.LOG_03, Code.ATT_05],
  [Code.LOG_05]: [Code.LOG_04],
  [Code.LOG_06]: [Code.LOG_03],
  [Code.WIT_01]: [Code.LOG_03],
  [Code.TSA_01]: [Code.LOG_03],
  [Code.TSA_02]: [Code.LOG_03],
  [Code.TIM_01]: [Code.ATT_05, Code.LOG_04],
});
