"""What the records of a WARC hold, recomputed from their bytes in one pass: digests, heads, payloads.

Nothing here is taken from what a record says of itself; `block_digest_holds` and `payload_digest_holds` compare.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from sijill.archive.digest import Algorithm, Digest, DigestSet, Hasher
from sijill.archive.lanes import Lane
from sijill.archive.warc.gzip_reader import Source
from sijill.archive.warc.http_message import ResponseHead, ResponseParser
from sijill.archive.warc.ranges import Bounds
from sijill.archive.warc.reader import ANSWERS, CONTENT_LIMIT, Record, read_records
from sijill.archive.warc.record import Fields, RecordType, first
from sijill.archive.warc.scan import Sharing, scan_warc


@dataclass(frozen=True, slots=True)
class ExaminedResponse:
    """The HTTP response in a response record."""

    head: ResponseHead | None
    """None if the block has no HTTP/1.x head."""
    payload: DigestSet
    """Of the body without chunk framing, its content coding kept; of as much of it as is there."""
    surplus: int
    """Bytes beyond the end of the body."""
    problem: str | None
    """Why the payload is not whole; None if it is."""


@dataclass(frozen=True, slots=True)
class ExaminedRevisit:
    """What a revisit record itself holds of a response whose payload another capture has."""

    head: ResponseHead | None
    """None if the block is empty, or has no HTTP/1.x head."""
    rest: int
    """Bytes of the block that do not belong to that head."""


@dataclass(frozen=True, slots=True)
class ExaminedRecord:
    """One record, read to its end."""

    type: RecordType
    id: str
    """`urn:uuid:…`."""
    fields: Fields
    offset: int
    length: int
    """Compressed bytes."""
    size: int
    """Bytes of the block."""
    block: Digest
    """SHA-256 of the block, computed."""
    block_digest_holds: bool
    """Whether `WARC-Block-Digest` is `block`."""
    payload_digest_holds: bool | None
    """Whether `WARC-Payload-Digest` is the payload's SHA-256; None if the record has no such field, or no payload."""
    response: ExaminedResponse | None
    """Of a response record, else None."""
    revisit: ExaminedRevisit | None = None
    """Of a revisit record, else None."""

    def field(self, name: str) -> str | None:
        """The value of the first field called exactly `name`, or None."""
        return first(self.fields, name)


@dataclass(frozen=True, slots=True)
class ExaminedWarc:
    """A whole WARC file."""

    digests: DigestSet
    """Of the file."""
    records: tuple[ExaminedRecord, ...]


def examine_warc(source: Source, *, limit: int = CONTENT_LIMIT, sharing: Sharing | None = None) -> ExaminedWarc:
    """Read `source` once from beginning to end; digests of the file and what each record holds.

    Args:
        source: need not be seekable.
        limit: how many decompressed bytes of blocks there may be in all.
        sharing: when other processes take part, see `scan_warc`.

    Raises:
        MalformedWarc: see `read_records`.
    """
    scan = scan_warc(source, examine, bounds=Bounds(limit, sys.maxsize), sharing=sharing)
    if scan.records.problem is not None:
        raise scan.records.problem
    return ExaminedWarc(scan.digests, scan.records.values)


def examine_records(source: Source, *, limit: int = CONTENT_LIMIT) -> Iterator[ExaminedRecord]:
    """What each record of the WARC in `source` holds, in order.

    Raises:
        MalformedWarc: see `read_records`.
    """
    return (examine(record) for record in read_records(source, limit=limit))


def examine(record: Record) -> ExaminedRecord:
    """Read the whole block of `record` and compute what it holds.

    Raises:
        MalformedWarc: the record is not whole.
    """
    block = hashlib.sha256()
    payload = Hasher()
    parser = ResponseParser() if record.type in ANSWERS else None
    hashing = record.hashing
    for chunk in record.chunks():
        hashing.update(Lane.BLOCK, block, chunk)
        if parser is not None:
            for piece in parser.feed(chunk):
                hashing.update(Lane.PAYLOAD, payload, piece)
    hashing.settle()
    response = revisit = None
    if parser is not None:
        parser.finish()
        if record.type is RecordType.RESPONSE:
            response = ExaminedResponse(parser.head, payload.digests(), parser.surplus, parser.problem)
        else:
            revisit = ExaminedRevisit(parser.head, record.size - (parser.head.size if parser.head else 0))
    found = Digest(Algorithm.SHA256, block.digest())
    stated = None if record.type is RecordType.REVISIT else record.payload_digest
    return ExaminedRecord(
        type=record.type,
        id=record.id,
        fields=record.fields,
        offset=record.offset,
        length=record.length,
        size=record.size,
        block=found,
        block_digest_holds=record.block_digest == found,
        payload_digest_holds=None if stated is None else response is not None and response.payload.sha256 == stated,
        response=response,
        revisit=revisit,
    )


def payload_chunks(record: Record) -> Iterator[bytes]:
    """The payload of a response record in pieces: the body without chunk framing, its content coding kept.

    Raises:
        MalformedWarc: the record is not whole.
    """
    parser = ResponseParser()
    for chunk in record.chunks():
        for piece in parser.feed(chunk):
            yield bytes(piece)
