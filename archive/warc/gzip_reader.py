"""Reading gzip members strictly: one fixed header, whole trailers, nothing between, in constant memory."""

from __future__ import annotations

from typing import Final, Protocol

from sijill.archive.errors import MalformedWarc
from sijill.archive.lanes import Hashing, Inline
from sijill.archive.warc import deflate

# RFC 1952 §2.3: magic, method 8, no flags, mtime 0, XFL 0, OS 255.
HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_READ: Final = 512 << 10
# The inflater copies what it was given beyond the end of a member, so it is given little of a member that may be short.
_FEED: Final = 32 << 10
_PIECE: Final = 1 << 20
_INLINE: Final = Inline()


class Source(Protocol):
    """Anything bytes can be read from, in order."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, and none only at the end."""


class GzipMembers:
    """The members of a gzip file, one after the other."""

    def __init__(self, source: Source, *, offset: int = 0, hashing: Hashing | None = None) -> None:
        """Read members from `source`, whose first byte stands at `offset` in the file."""
        self._source = source
        self._buffer = b""
        self._at = 0
        self.offset = offset
        """Place in the file of the first byte not yet consumed."""
        self.hashing = hashing or _INLINE
        """Feeds the hash functions of large members."""

    def next(self) -> Member | None:
        """The next member, or None if the file ends here. The one before must have been read to its end.

        Raises:
            MalformedWarc: what follows is not a member with our header.
        """
        start = self.offset
        header = bytes(self.take(len(HEADER)))
        if not header:
            return None
        if header != HEADER:
            raise MalformedWarc(start, "not the gzip member header that sijill writes")
        return Member(self, start)

    def take(self, limit: int = _FEED) -> memoryview:
        """The next `limit` bytes, consumed; fewer only if the file ends, so that pieces do not depend on the source."""
        if len(self._buffer) - self._at < limit:
            self._fill(limit)
        piece = memoryview(self._buffer)[self._at : self._at + limit]
        self._at += len(piece)
        self.offset += len(piece)
        return piece

    def give_back(self, size: int) -> None:
        """Undo the last `size` bytes of the last `take`."""
        self._at -= size
        self.offset -= size

    def _fill(self, size: int) -> None:
        pieces = [self._buffer[self._at :]] if self._at < len(self._buffer) else []
        held = len(self._buffer) - self._at
        # What is held is copied, so no more is read behind it than it takes.
        while held < size and (piece := self._source.read(size - held if held else _READ)):
            pieces.append(piece)
            held += len(piece)
        self._buffer = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._at = 0


class Member:
    """One gzip member while it is read."""

    def __init__(self, members: GzipMembers, offset: int) -> None:
        self.offset = offset
        """Place of the member in the file."""
        self.ended = False
        """Whether the member was read to its end, trailer included, and is whole."""
        self._members = members
        self._inflater = deflate.decompressor()
        self._crc = 0
        self._size = 0

    def read(self) -> bytes:
        """The next decompressed bytes, at most a mebibyte; empty once the member has ended.

        Raises:
            MalformedWarc: not deflate, cut short, or the trailer does not fit what was read.
        """
        while not self.ended:
            coded: bytes | memoryview = self._inflater.unconsumed_tail
            if not coded:
                coded = self._members.take(self._next_feed())
            try:
                data = self._inflater.decompress(coded, _PIECE)
            except deflate.BROKEN as err:
                raise MalformedWarc(self.offset, f"gzip member does not decompress: {err}") from err
            self._crc = deflate.crc32(data, self._crc)
            self._size += len(data)
            if self._inflater.eof:
                self._end()
            if data:
                return data
            if not coded:
                raise MalformedWarc(self.offset, "gzip member is cut short")
        return b""

    @property
    def length(self) -> int:
        """Compressed bytes, header and trailer included, of an ended member."""
        return self._members.offset - self.offset

    def _next_feed(self) -> int:
        return min(max(_FEED, self._members.offset - self.offset), _READ)

    def _end(self) -> None:
        self._members.give_back(len(self._inflater.unused_data))
        trailer = self._members.take(8)
        # RFC 1952 §2.3.1: CRC-32 and the size modulo 2^32 of what was compressed.
        if trailer != self._crc.to_bytes(4, "little") + (self._size & 0xFFFFFFFF).to_bytes(4, "little"):
            raise MalformedWarc(self.offset, "gzip trailer missing, or its CRC-32 or size is not that of the content")
        self.ended = True
