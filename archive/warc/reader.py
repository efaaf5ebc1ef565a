"""Reading a WARC strictly, in one pass and constant memory: what sijill would not have written is refused.

The reader shares the grammar of named fields with the writer and nothing else; it is what a verifier reads with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sijill.archive.digest import Algorithm, Digest
from sijill.archive.errors import BadRecordField, MalformedWarc
from sijill.archive.warc.gzip_reader import GzipMembers, Member, Source
from sijill.archive.warc.record import Fields, RecordType, check_fields, first

HEADER_LIMIT: Final = 64 << 10
CONTENT_LIMIT: Final = 16 << 30
"""The most decompressed bytes of a whole WARC, unless the caller says otherwise."""

_VERSION: Final = b"WARC/1.1\r\n"
_EMPTY_LINE: Final = b"\r\n\r\n"


class Record:
    """One record while it is read. Its block can be read once; asking for the next record reads what is left of it."""

    def __init__(self, member: Member, fields: Fields, begun: bytes) -> None:
        self.fields = fields
        """The named fields in order, checked against the grammar."""
        self.type = RecordType(self.stated("WARC-Type"))
        self.id = self.stated("WARC-Record-ID")[1:-1]
        """`urn:uuid:…`, without the angle brackets."""
        self.size = int(self.stated("Content-Length"))
        """Bytes of the block."""
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
    def digest(self) -> Digest:
        """SHA-256 of the record's compressed bytes, `recordDigest` in an index.

        Raises:
            ValueError: the block has not been read to its end.
        """
        self._demand_end()
        return self._member.digest

    @property
    def target(self) -> str | None:
        """`WARC-Target-URI`, or None in a warcinfo record."""
        return first(self.fields, "WARC-Target-URI")

    @property
    def block_digest(self) -> Digest:
        """What the record says its block's digest is; `examine` compares."""
        return _digest(self.stated("WARC-Block-Digest"))

    @property
    def payload_digest(self) -> Digest | None:
        """What the record says its payload's digest is, or None if it says nothing."""
        value = first(self.fields, "WARC-Payload-Digest")
        return _digest(value) if value is not None else None

    def stated(self, name: str) -> str:
        """The value of a field that a record of this type must have.

        Raises:
            KeyError: the record has no such field.
        """
        value = first(self.fields, name)
        if value is None:
            raise KeyError(name)
        return value

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


def read_records(source: Source, *, limit: int = CONTENT_LIMIT) -> Iterator[Record]:
    """The records of the WARC that `source` holds from its first byte to its last, in order.

    The first is the one warcinfo record; all others name it; record ids are unique; a request is concurrent to a
    response before it; the last is a metadata record, the fetch log, so that a file cut between two records is noticed.
    All of the file has been checked once the iteration has ended, and only then.

    Args:
        source: read once, in order, to its end; need not be seekable.
        limit: how many decompressed bytes of blocks there may be in all.

    Raises:
        MalformedWarc: at the first thing that sijill would not have written.
    """
    members = GzipMembers(source)
    seen: dict[str, RecordType] = {}
    warcinfo: str | None = None
    while (member := members.next()) is not None:
        record = _read_header(member)
        limit -= record.size
        if limit < 0:
            raise MalformedWarc(record.offset, "more content than the limit")
        _check_place(record, seen, warcinfo)
        warcinfo = warcinfo or record.id
        seen[record.id] = record.type
        yield record
        for _ in record.chunks():
            pass
    if not seen:
        raise MalformedWarc(0, "no records")
    if seen.popitem()[1] is not RecordType.METADATA:
        raise MalformedWarc(members.offset, "the last record is not the fetch log: the file is cut short")


def _read_header(member: Member) -> Record:
    read = b""
    while (end := read.find(_EMPTY_LINE)) < 0 and len(read) <= HEADER_LIMIT:
        piece = member.read()
        if not piece:
            raise MalformedWarc(member.offset, "record header is cut short")
        read += piece
    if not 0 <= end <= HEADER_LIMIT:
        raise MalformedWarc(member.offset, "record header is too long")
    if not read.startswith(_VERSION):
        raise MalformedWarc(member.offset, "record does not begin with WARC/1.1")
    fields = _parse_fields(read[len(_VERSION) : end], member.offset)
    return Record(member, fields, read[end + len(_EMPTY_LINE) :])


def _parse_fields(text: bytes, offset: int) -> Fields:
    """Exactly `Name: value` lines: nothing folded, no other white space around a value (ISO 28500 §4)."""
    fields: list[tuple[str, str]] = []
    for line in text.split(b"\r\n"):
        name, colon, value = line.partition(b": ")
        if not colon or not line.isascii():
            raise MalformedWarc(offset, f"not a named field: {line[:80]!r}")
        fields.append((name.decode("ascii"), value.decode("ascii")))
    try:
        check_fields(fields)
    except BadRecordField as err:
        raise MalformedWarc(offset, str(err)) from err
    return tuple(fields)


def _check_place(record: Record, seen: dict[str, RecordType], warcinfo: str | None) -> None:
    if record.id in seen:
        raise MalformedWarc(record.offset, "WARC-Record-ID is that of an earlier record")
    if (warcinfo is None) != (record.type is RecordType.WARCINFO):
        raise MalformedWarc(record.offset, "warcinfo must be the first record and only the first")
    if warcinfo is not None and record.stated("WARC-Warcinfo-ID") != f"<{warcinfo}>":
        raise MalformedWarc(record.offset, "WARC-Warcinfo-ID is not that of the first record")
    concurrent_to = first(record.fields, "WARC-Concurrent-To")
    if concurrent_to is not None and seen.get(concurrent_to[1:-1]) is not RecordType.RESPONSE:
        raise MalformedWarc(record.offset, "WARC-Concurrent-To names no response before it")


def _digest(value: str) -> Digest:
    algorithm, _, text = value.partition(":")
    return Digest.from_hex(Algorithm(algorithm), text)
