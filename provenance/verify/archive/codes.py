"""The checks of an audit of a whole archive: stable codes, in the order of the report, and their sentences.

As with the checks of a package, a code never changes its meaning and is never used again for another.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sijill.provenance.verify.codes import Sentences


class ArchiveCode(StrEnum):
    """Every check there is."""

    SIGNED = "E-ARC-01"
    ENTRIES = "E-ARC-02"
    TILES = "E-ARC-03"
    ROOTS = "E-ARC-04"
    NEWEST = "E-ARC-05"
    BATCHES = "E-ARC-06"
    SINCE = "E-ARC-07"
    ONCE = "E-ARC-08"
    WITNESSES = "E-ARC-09"
    TIMESTAMPS = "E-ARC-10"
    VOUCHERS = "E-ARC-11"
    LOG_KEYS = "E-ARC-12"
    ATTESTED = "E-ARC-13"
    ENVELOPES = "E-ARC-14"
    SIGNERS = "E-ARC-15"
    STATEMENTS = "E-ARC-16"
    KEYS = "E-ARC-17"
    TIMES = "E-ARC-18"
    QUOTED = "E-ARC-19"
    PLACES = "E-ARC-20"
    PRESENT = "E-ARC-21"
    SHA256 = "E-ARC-22"
    BLAKE3 = "E-ARC-23"
    SIZES = "E-ARC-24"
    WARCS = "E-ARC-25"
    AGREEMENT = "E-ARC-26"
    DEPENDENCIES = "E-ARC-27"
    TOMBSTONES = "E-ARC-28"
    STRANGE_OBJECTS = "E-ARC-29"
    STRANGE_KEYS = "E-ARC-30"
    VERSIONS = "E-ARC-31"
    WAITING = "E-ARC-32"
    LATE = "E-ARC-33"
    TAKEN = "E-ARC-34"


ARCHIVE_SENTENCES: Final[dict[ArchiveCode, Sentences]] = {
    ArchiveCode.SIGNED: Sentences(
        "every checkpoint that the log should keep is there and signed by a log key of the trust root",
        "a checkpoint is missing, malformed, or not signed by a log key of the trust root",
    ),
    ArchiveCode.ENTRIES: Sentences(
        "every entry of the log is there and well formed",
        "an entry of the log is missing or malformed",
    ),
    ArchiveCode.TILES: Sentences(
        "every tile is what the entries give, and none is missing",
        "a tile is missing, or is not what the entries give",
    ),
    ArchiveCode.ROOTS: Sentences(
        "every checkpoint has the root that the entries give at its size",
        "a checkpoint has another root than the entries give at its size",
    ),
    ArchiveCode.NEWEST: Sentences(
        "the published checkpoint is one that the log keeps, and none is newer",
        "the published checkpoint is missing, is none that the log keeps, or was rolled back",
    ),
    ArchiveCode.BATCHES: Sentences(
        "the records of batches lead from each checkpoint to the next, with the entries of the log",
        "a record of a batch is missing, or does not agree with the entries of the log",
    ),
    ArchiveCode.SINCE: Sentences(
        "the log goes on from the checkpoint that the auditor kept",
        "the log does not go on from the checkpoint that the auditor kept: it was rolled back, or rewritten",
    ),
    ArchiveCode.ONCE: Sentences(
        "nothing is in the log twice",
        "an id is in the log twice",
    ),
    ArchiveCode.WITNESSES: Sentences(
        "witnesses of the trust root cosigned the newest checkpoint",
        "too few witnesses of the trust root cosigned the newest checkpoint",
    ),
    ArchiveCode.TIMESTAMPS: Sentences(
        "timestamps of authorities of the trust root cover the newest checkpoint",
        "too few timestamps of authorities of the trust root cover the newest checkpoint",
    ),
    ArchiveCode.VOUCHERS: Sentences(
        "every timestamp and cosignature is over the bytes that it is named for, and none that is named is missing",
        "a timestamp or cosignature is malformed, missing, or not over the bytes that it is named for",
    ),
    ArchiveCode.LOG_KEYS: Sentences(
        "every log key was valid, and not revoked, when what it signed was shown to exist",
        "a checkpoint was not shown to exist while its log key was valid and not revoked",
    ),
    ArchiveCode.ATTESTED: Sentences(
        "the attestation of every entry is there",
        "the attestation of an entry is missing",
    ),
    ArchiveCode.ENVELOPES: Sentences(
        "every attestation is the file whose SHA-256 is in the log",
        "an attestation is not the file whose SHA-256 is in the log",
    ),
    ArchiveCode.SIGNERS: Sentences(
        "every attestation is signed by a key of the trust root",
        "an attestation is no envelope, or not signed by a key of the trust root",
    ),
    ArchiveCode.STATEMENTS: Sentences(
        "every statement is canonical, of the kind that its entry says, and about its entry's id",
        "a statement is not canonical, of another kind than its entry says, or about something else",
    ),
    ArchiveCode.KEYS: Sentences(
        "every attestation's key was valid, and not revoked, when the attestation was shown to exist",
        "an attestation was not shown to exist while its key was valid and not revoked",
    ),
    ArchiveCode.TIMES: Sentences(
        "the times that attestations state agree with those that others vouch for",
        "an attestation states a time that contradicts those that others vouch for: back-dated, or a wrong clock",
    ),
    ArchiveCode.QUOTED: Sentences(
        "every checkpoint that an attestation quotes is of this log and older than its entry",
        "an attestation quotes a checkpoint that is not of this log, or not older than its entry",
    ),
    ArchiveCode.PLACES: Sentences(
        "every leaf-index says where its entry is",
        "a leaf-index is missing, or does not say where its entry is",
    ),
    ArchiveCode.PRESENT: Sentences(
        "every object that an attestation names is there, or a logged tombstone says that it was removed",
        "an object that an attestation names is missing, and no logged tombstone says why",
    ),
    ArchiveCode.SHA256: Sentences(
        "the SHA-256 of every object is the attested one",
        "the SHA-256 of an object is not the attested one",
    ),
    ArchiveCode.BLAKE3: Sentences(
        "the BLAKE3 of every object is the attested one",
        "the BLAKE3 of an object is not the attested one",
    ),
    ArchiveCode.SIZES: Sentences(
        "the size of every object is the attested one",
        "the size of an object is not the attested one",
    ),
    ArchiveCode.WARCS: Sentences(
        "every WARC is well formed, and its digests are those of its records",
        "a WARC is not well formed, or a digest in it is not that of its record",
    ),
    ArchiveCode.AGREEMENT: Sentences(
        "the records of every WARC and the exchanges of its attestation agree, with none left over",
        "the records of a WARC and the exchanges of its attestation do not agree",
    ),
    ArchiveCode.DEPENDENCIES: Sentences(
        "every capture that another depends on is in the log",
        "a capture that another depends on is not in the log",
    ),
    ArchiveCode.TOMBSTONES: Sentences(
        "every tombstone names a capture of the log and objects of that capture",
        "a tombstone names something that is no capture of the log, or no object of that capture",
    ),
    ArchiveCode.STRANGE_OBJECTS: Sentences(
        "every object is named by a logged attestation",
        "there is an object that no logged attestation names",
    ),
    ArchiveCode.STRANGE_KEYS: Sentences(
        "everything else in the store belongs to an entry of the log, or to the log itself",
        "there is something in the store that belongs neither to an entry of the log nor to the log itself",
    ),
    ArchiveCode.VERSIONS: Sentences(
        "nothing immutable was stored a second time or deleted",
        "something immutable was stored a second time, or deleted",
    ),
    ArchiveCode.WAITING: Sentences(
        "nothing has been waiting for the log for longer than a day",
        "something has been waiting for the log for longer than a day",
    ),
    ArchiveCode.LATE: Sentences(
        "everything was shown to exist within a week of the time that it states",
        "something was shown to exist only more than a week after the time that it states",
    ),
    ArchiveCode.TAKEN: Sentences(
        "what a capture takes from others is in their WARCs, byte for byte as attested, and attested by them alike",
        "what a capture takes from another is not in that one's WARC as attested, or that one attests it otherwise",
    ),
}

NEVER_REQUIRED: Final = frozenset({ArchiveCode.WAITING, ArchiveCode.LATE})
"""What is worth telling, and may have innocent reasons."""

OF_PAYLOADS: Final = frozenset(
    {
        ArchiveCode.SHA256,
        ArchiveCode.BLAKE3,
        ArchiveCode.SIZES,
        ArchiveCode.WARCS,
        ArchiveCode.AGREEMENT,
        ArchiveCode.TAKEN,
    }
)
"""What takes reading every object. An audit of a sample can only find faults here, never the absence of faults."""

_STATEMENTS_NEEDED: Final = (
    ArchiveCode.ATTESTED,
    ArchiveCode.ENVELOPES,
    ArchiveCode.SIGNERS,
    ArchiveCode.STATEMENTS,
)

ARCHIVE_PREREQUISITES: Final[dict[ArchiveCode, tuple[ArchiveCode, ...]]] = {
    ArchiveCode.STRANGE_OBJECTS: _STATEMENTS_NEEDED,
}
"""What must have passed before a check can say anything, where that is not the log itself."""
