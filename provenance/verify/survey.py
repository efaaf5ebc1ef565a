"""What is in the WARC under test, found in one reading: its digests, and of every record what the checks need."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import BinaryIO, Final

from sijill.archive.digest import Algorithm, Digest, DigestSet, Hasher, chunks
from sijill.archive.errors import MalformedWarc
from sijill.archive.warc.examine import ExaminedRecord, examine
from sijill.archive.warc.reader import Record, read_records
from sijill.archive.warc.record import Fields, RecordType, first

MAX_KEPT: Final = 64 << 20
"""The most bytes of a block other than a response's that are kept to be looked into."""


@dataclass(frozen=True, slots=True)
class OtherRecord:
    """A record that is not a response."""

    type: RecordType
    id: str
    fields: Fields
    block: bytes | None
    """The block; None if it is larger than `MAX_KEPT`."""
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
    others: tuple[OtherRecord, ...]


def survey_warc(source: BinaryIO, *, max_records: int) -> Survey:
    """Read `source` once, from its first byte to its last.

    Args:
        source: the file; need not be seekable.
        max_records: with more records than this, the WARC counts as malformed; bounds what is kept in memory.
    """
    reader = _HashingReader(source)
    responses: list[ExaminedRecord] = []
    others: list[OtherRecord] = []
    problem: MalformedWarc | None = None
    try:
        for record in read_records(reader):
            if len(responses) + len(others) == max_records:
                problem = MalformedWarc(record.offset, f"more than {max_records} records")
                break
            if record.type is RecordType.RESPONSE:
                responses.append(examine(record))
            else:
                others.append(_examine_other(record))
    except MalformedWarc as err:
        problem = err
    if problem is not None:
        responses.clear()
        others.clear()
        reader.drain()
    return Survey(reader.digests(), problem, tuple(responses), tuple(others))


def _examine_other(record: Record) -> OtherRecord:
    hasher = hashlib.sha256()
    kept = bytearray()
    for chunk in record.chunks():
        hasher.update(chunk)
        if record.size <= MAX_KEPT:
            kept += chunk
    return OtherRecord(
        type=record.type,
        id=record.id,
        fields=record.fields,
        block=bytes(kept) if record.size <= MAX_KEPT else None,
        block_digest_holds=record.block_digest == Digest(Algorithm.SHA256, hasher.digest()),
    )


class _HashingReader:
    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._hasher = Hasher()

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._hasher.update(data)
        return data

    def drain(self) -> None:
        for chunk in chunks(self._source):
            self._hasher.update(chunk)

    def digests(self) -> DigestSet:
        return self._hasher.digests()
