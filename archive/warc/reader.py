"""Reading a WARC strictly, in one pass and constant memory: what sijill would not have written is refused.

The reader shares the grammar of named fields with the writer and nothing else; it is what a verifier reads with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sijill.archive.digest import Algorithm, Digest
from sijill.archive.errors import BadRecordField, MalformedWarc
from sijill.archive.lanes import LARGE, Hashing, Inline
from sijill.archive.warc.gzip_reader import GzipMembers, Member, Source
from sijill.archive.warc.record import Fields, RecordType, check_fields

HEADER_LIMIT: Final = 64 << 10
CONTENT_LIMIT: Final = 16 << 30
"""The most decompressed bytes of a whole WARC, unless the caller says otherwise."""

VERSION_LINE: Final = b"WARC/1.1\r\n"
_EMPTY_LINE: Final = b"\r\n\r\n"
ANSWERS: Final = frozenset({RecordType.RESPONSE, RecordType.REVISIT})
"""The records that hold or stand for what came in an exchange."""
_LENGTH_DIGITS: Final = 19
_INLINE: Final = Inline()


@dataclass(frozen=True, slots=True)
class Place:
    """What decides whether a record may stand where it stands."""

    offset: int
    size: int
    """Bytes of its block."""
    type: RecordType
    id: str
    warcinfo: str | None
    """The record that it names as its warcinfo, if any, as it stands in the field."""
    concurrent_to: str | None
    """The record that it names as concurrent, if any, as it stands in the field."""


class Order:
    """Checks record by record that a file has those that it must, in their order, and not too much in them.

    The first is the one warcinfo record; all others name it; record ids are unique; a request is concurrent to a
    response or revisit before it; the last is a metadata record, the fetch log, so that a file cut between two records
    is noticed.
    """

    def __init__(self, limit: int) -> None:
        """`limit` is how many bytes of blocks there may be in all."""
        self._left = limit
        self._seen: dict[str, RecordType] = {}
        self._warcinfo: str | None = None
        self._last: RecordType | None = None

    def admit(self, place: Place) -> None:
        """Take the next record in.

        Raises:
            MalformedWarc: it may not stand here.
        """
        self._left -= place.size
        if self._left < 0:
            raise too_much(place.offset)
        if place.id in self._seen:
            raise MalformedWarc(place.offset, "WARC-Record-ID is that of an earlier record")
        if (self._warcinfo is None) != (place.type is RecordType.WARCINFO):
            raise MalformedWarc(place.offset, "warcinfo must be the first record and only the first")
        if self._warcinfo is None:
            self._warcinfo = f"<{place.id}>"
        elif place.warcinfo != self._warcinfo:
            raise MalformedWarc(place.offset, "WARC-Warcinfo-ID is not that of the first record")
        if place.concurrent_to is not None and self._seen.get(place.concurrent_to[1:-1]) not in ANSWERS:
            raise MalformedWarc(place.offset, "WARC-Concurrent-To names no response before it")
        self._seen[place.id] = self._last = place.type

    def end(self, offset: int) -> None:
        """Say that the file ends at `offset`.

        Raises:
            MalformedWarc: it may not end here.
        """
        if self._last is None:
            raise MalformedWarc(0, "no records")
        if self._last is not RecordType.METADATA:
            raise MalformedWarc(offset, "the last record is not the fetch log: the file is cut short")


class Record:
    """One record while it is read. Its block can be read once; asking for the next record reads what is left of it."""

    def __init__(self, member: Member, fields: Fields, begun: bytes, hashing: Hashing) -> None:
        self.fields = fields
        """The named fields in order, checked against the grammar."""
        # Reversed, so that of repeated fields the first stays.
        self._values = dict(reversed(fields))
        self.type = RecordType(self.stated("WARC-Type"))
        self.id = self.stated("WARC-Record-ID")[1:-1]
        """`urn:uuid:…`, without the angle brackets."""
        self.size = int(self.stated("Content-Length"))
        """Bytes of the block."""
        self.hashing: Hashing = hashing if self.size >= LARGE else _INLINE
        """Feeds the hash functions of whoever reads the block."""
        self._member = member
        self._begun = begun
        self._left = self.size
        self._finished = False

    @property
    def offset(self) -> int:
        """Place of the record's gzip member in the file."""
        return self._member.offset

    @property
    def length(self) -> int:
        """Compressed bytes of the record.

        Raises:
            ValueError: the block has not been read to its end.
        """
        self._demand_end()
        return self._member.length

    @property
    def target(self) -> str | None:
        """`WARC-Target-URI`, or None in a warcinfo record."""
        return self._values.get("WARC-Target-URI")

    @property
    def block_digest(self) -> Digest:
        """What the record says its block's digest is; `examine` compares."""
        return _digest(self.stated("WARC-Block-Digest"))

    @property
    def payload_digest(self) -> Digest | None:
        """What the record says its payload's digest is, or None if it says nothing."""
        value = self._values.get("WARC-Payload-Digest")
        return _digest(value) if value is not None else None

    def place(self) -> Place:
        """What decides whether the record may stand where it stands."""
        warcinfo, concurrent_to = self._values.get("WARC-Warcinfo-ID"), self._values.get("WARC-Concurrent-To")
        return Place(self.offset, self.size, self.type, self.id, warcinfo, concurrent_to)

    def stated(self, name: str) -> str:
        """The value of a field that a record of this type must have.

        Raises:
            KeyError: the record has no such field.
        """
        return self._values[name]

    def chunks(self) -> Iterator[bytes]:
        """What has not yet been read of the block, in pieces; afterwards the record is known to be whole.

        Raises:
            MalformedWarc: the block is shorter or longer than Content-Length, or the gzip member is not whole.
        """
        while self._left:
            piece = self._begun or self._member.read()
            if not piece:
                raise MalformedWarc(self.offset, f"record ends {self._left} bytes before its Content-Length")
            self._begun = piece[self._left :]
            piece = piece[: self._left]
            self._left -= len(piece)
            yield piece
        if not self._finished:
            self._finish()

    def read_over(self) -> None:
        """Read what has not yet been read of the record.

        Raises:
            MalformedWarc: see `chunks`.
        """
        for _ in self.chunks():
            pass

    def _finish(self) -> None:
        """ISO 28500 §4: two CRLF after the block; then, by us, the member ends."""
        tail = self._begun
        self._begun = b""
        while len(tail) <= len(_EMPTY_LINE) and (piece := self._member.read()):
            tail += piece
        if tail != _EMPTY_LINE:
            raise MalformedWarc(self.offset, "record does not end with two CRLF right after its block")
        self._finished = True

    def _demand_end(self) -> None:
        if not self._finished:
            raise ValueError("the block has not been read to its end")


def read_records(source: Source, *, limit: int = CONTENT_LIMIT, hashing: Hashing | None = None) -> Iterator[Record]:
    """The records of the WARC that `source` holds from its first byte to its last, in the order that `Order` demands.

    All of the file has been checked once the iteration has ended, and only then.

    Args:
        source: read once, in order, to its end; need not be seekable.
        limit: how many decompressed bytes of blocks there may be in all.
        hashing: feeds the hash functions of large records; without it that is done at once.

    Raises:
        MalformedWarc: at the first thing that sijill would not have written.
    """
    order = Order(limit)
    members = GzipMembers(source, hashing=hashing)
    while (record := next_record(members)) is not None:
        order.admit(record.place())
        yield record
        record.read_over()
    order.end(members.offset)


def next_record(members: GzipMembers) -> Record | None:
    """The next record, its fields checked, whether or not it may stand here; None if the file ends.

    Raises:
        MalformedWarc: what follows is not the header of a record.
    """
    member = members.next()
    return None if member is None else _read_header(member, members.hashing)


def too_much(offset: int) -> MalformedWarc:
    """The record at `offset` goes beyond what all blocks together may hold."""
    return MalformedWarc(offset, "more content than the limit")


def too_many(offset: int, limit: int) -> MalformedWarc:
    """The record at `offset` comes after as many as there may be."""
    return MalformedWarc(offset, f"more than {limit} records")


def _read_header(member: Member, hashing: Hashing) -> Record:
    read = b""
    while (end := read.find(_EMPTY_LINE)) < 0 and len(read) <= HEADER_LIMIT:
        piece = member.read()
        if not piece:
            raise MalformedWarc(member.offset, "record header is cut short")
        read += piece
    if not 0 <= end <= HEADER_LIMIT:
        raise MalformedWarc(member.offset, "record header is too long")
    if not read.startswith(VERSION_LINE):
        raise MalformedWarc(member.offset, "record does not begin with WARC/1.1")
    fields = _parse_fields(read[len(VERSION_LINE) : end], member.offset)
    return Record(member, fields, read[end + len(_EMPTY_LINE) :], hashing)


def _parse_fields(text: bytes, offset: int) -> Fields:
    """Exactly `Name: value` lines: nothing folded, no other white space around a value (ISO 28500 §4)."""
    for line in text.split(b"\r\n"):
        if b": " not in line or not line.isascii():
            raise MalformedWarc(offset, f"not a named field: {line[:80]!r}")
    lines = [line.partition(": ") for line in text.decode("ascii").split("\r\n")]
    fields = tuple([(name, value) for name, _, value in lines])
    try:
        check_fields(fields)
    except BadRecordField as err:
        raise MalformedWarc(offset, str(err)) from err
    # Python refuses to read numbers of more than some thousand digits.
    if any(name == "Content-Length" and len(value) > _LENGTH_DIGITS for name, value in fields):
        raise MalformedWarc(offset, "Content-Length has more digits than the size of any file")
    return fields


def _digest(value: str) -> Digest:
    algorithm, _, text = value.partition(":")
    return Digest.from_hex(Algorithm(algorithm), text)
