"""Reading the file of records that a capture takes from other captures: gzip members, one after the other.

It is no WARC of ours: it has no warcinfo and no fetch log, and where its members begin and end is known from the
attestation alone. Each is read as if the others were not there.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from sijill.archive.digest import CHUNK, DigestSet, Hasher
from sijill.archive.errors import MalformedWarc
from sijill.archive.warc.examine import ExaminedRecord, examine
from sijill.archive.warc.gzip_reader import GzipMembers, Source
from sijill.archive.warc.reader import CONTENT_LIMIT, next_record, too_much

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_READ: Final = 1 << 20


def cut(source: BinaryIO, places: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """The bytes of `source` at places, each an offset and a length, in order and apart; fewer if it ends before.

    What lies between them is passed over where `source` can do that, and read where it cannot.
    """
    at = 0
    for offset, length in places:
        if source.seekable():
            source.seek(offset)
        else:
            for _ in _read(source, offset - at):
                pass
        yield from _read(source, length)
        at = offset + length


class Pieces(io.RawIOBase):
    """A reader of bytes that come in pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Read what `pieces` gives, in order; none of them is empty."""
        super().__init__()
        self._pieces = pieces
        self._begun = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into `buffer` and return how many bytes; 0 at the end."""
        view = memoryview(buffer).cast("B")
        if not self._begun:
            self._begun = memoryview(next(self._pieces, b""))
        size = min(len(view), len(self._begun))
        view[:size] = self._begun[:size]
        self._begun = self._begun[size:]
        return size


@dataclass(frozen=True, slots=True)
class ExaminedMember:
    """The bytes where one record should be."""

    digests: DigestSet
    """Of the compressed bytes; fewer than asked for if the file ends before."""
    record: ExaminedRecord | None
    """None if they are not exactly one record of ours."""
    problem: MalformedWarc | None
    """Why not."""


class Members:
    """Takes a file apart by the lengths of its members."""

    def __init__(self, source: Source, *, limit: int = CONTENT_LIMIT) -> None:
        """Read `source` once, in order; with more than `limit` bytes of blocks in all, a member counts as malformed."""
        self._source = source
        self._left = limit
        self._hasher = Hasher()

    def examine(self, lengths: Iterable[int]) -> Iterator[ExaminedMember]:
        """What is at each of the next members' places, one for each length."""
        return (self._examine(length) for length in lengths)

    def finish(self) -> int:
        """Read what is left of the file; how many bytes that was."""
        before = self._hasher.size
        while self._read(_READ):
            pass
        return self._hasher.size - before

    def digests(self) -> DigestSet:
        """Of all that was read so far."""
        return self._hasher.digests()

    def _examine(self, length: int) -> ExaminedMember:
        part = _Part(self._read, length)
        record, problem = None, None
        try:
            record = self._only_record(part, self._hasher.size)
        except MalformedWarc as err:
            problem = err
        while part.read(_READ):
            pass
        return ExaminedMember(part.digests(), record, problem)

    def _only_record(self, part: _Part, offset: int) -> ExaminedRecord:
        members = GzipMembers(part, offset=offset)
        found = next_record(members)
        if found is None:
            raise MalformedWarc(offset, "there is nothing")
        self._left -= found.size
        if self._left < 0:
            raise too_much(offset)
        record = examine(found)
        if members.take(1):
            raise MalformedWarc(offset + record.length, "more than one record")
        return record

    def _read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._hasher.update(data)
        return data


def _read(source: BinaryIO, length: int) -> Iterator[bytes]:
    while length and (piece := source.read(min(CHUNK, length))):
        length -= len(piece)
        yield piece


class _Part:
    """The next `length` bytes of a source, hashed on the way."""

    def __init__(self, read: Callable[[int], bytes], length: int) -> None:
        self._read = read
        self._left = length
        self._hasher = Hasher()

    def read(self, size: int, /) -> bytes:
        data = self._read(min(size, self._left)) if self._left else b""
        self._left -= len(data)
        self._hasher.update(data)
        return data

    def digests(self) -> DigestSet:
        return self._hasher.digests()
