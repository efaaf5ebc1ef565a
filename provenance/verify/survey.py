"""What is in the WARC under test, found in one reading: its digests, and of every record what the checks need."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import BinaryIO, Final

from sijill.archive.digest import Algorithm, Digest, DigestSet
from sijill.archive.errors import MalformedWarc
from sijill.archive.lanes import Lane
from sijill.archive.warc.examine import ExaminedRecord, examine
from sijill.archive.warc.ranges import Bounds
from sijill.archive.warc.reader import ANSWERS, CONTENT_LIMIT, Record
from sijill.archive.warc.record import RENDERING, Fields, RecordType, first
from sijill.archive.warc.scan import Sharing, scan_warc

MAX_KEPT: Final = 64 << 20
"""The most bytes of a block other than a response's that are kept to be looked into."""
_METHOD: Final = 64
"""Bytes of a request that are kept: its method is in them."""


@dataclass(frozen=True, slots=True)
class OtherRecord:
    """A record that is neither a response nor stands for one."""

    type: RecordType
    id: str
    fields: Fields
    size: int
    """Bytes of the block."""
    sha256: str
    """Of the block, computed; lowercase hexadecimal."""
    block: bytes | None
    """The block; of a request its beginning; None if it need not be looked into, or is larger than `MAX_KEPT`."""
    block_digest_holds: bool

    def field(self, name: str) -> str | None:
        """The value of the first field called exactly `name`, or None."""
        return first(self.fields, name)


@dataclass(frozen=True, slots=True)
class Survey:
    """A whole file that should be a WARC."""

    digests: DigestSet
    """Of the file, whatever it holds."""
    problem: MalformedWarc | None
    """The first thing in it that sijill would not have written; there are then no records here."""
    responses: tuple[ExaminedRecord, ...]
    """The response records, and the revisit records that stand for one, in their order."""
    others: tuple[OtherRecord, ...]


def survey_warc(source: BinaryIO, *, max_records: int, sharing: Sharing | None = None) -> Survey:
    """Read `source` once, from its first byte to its last.

    Args:
        source: the file; need not be seekable.
        max_records: with more records than this, the WARC counts as malformed; bounds what is kept in memory.
        sharing: when other processes take part, see `scan_warc`.
    """
    scan = scan_warc(source, survey_record, bounds=Bounds(CONTENT_LIMIT, max_records), sharing=sharing)
    values = scan.records.values
    responses = tuple(value for value in values if isinstance(value, ExaminedRecord))
    others = tuple(value for value in values if isinstance(value, OtherRecord))
    return Survey(scan.digests, scan.records.problem, responses, others)


def survey_record(record: Record) -> ExaminedRecord | OtherRecord:
    """What the checks need of one record.

    Raises:
        MalformedWarc: the record is not whole.
    """
    return examine(record) if record.type in ANSWERS else _examine_other(record)


def _examine_other(record: Record) -> OtherRecord:
    hasher = hashlib.sha256()
    kept = bytearray()
    most = _METHOD if record.type is RecordType.REQUEST else MAX_KEPT
    keeping = (record.size <= most or most == _METHOD) and not _is_of_rendering(record)
    for chunk in record.chunks():
        record.hashing.update(Lane.BLOCK, hasher, chunk)
        if keeping:
            kept += chunk[: most - len(kept)]
    record.hashing.settle()
    found = Digest(Algorithm.SHA256, hasher.digest())
    return OtherRecord(
        type=record.type,
        id=record.id,
        fields=record.fields,
        size=record.size,
        sha256=found.hex,
        block=bytes(kept) if keeping else None,
        block_digest_holds=record.block_digest == found,
    )


def _is_of_rendering(record: Record) -> bool:
    """Whether it is a picture or another file that a browser made: its digest says all that is asked of it."""
    uri = first(record.fields, "WARC-Target-URI") or ""
    return record.type is RecordType.RESOURCE and uri.startswith(RENDERING)
