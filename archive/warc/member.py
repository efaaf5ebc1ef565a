"""Writing gzip members with one fixed header, so that nothing of the machine or the library shows in it."""

from __future__ import annotations

import io
from typing import Final

from sijill.archive.digest import Sink
from sijill.archive.warc import deflate

HEADER: Final = bytes.fromhex("1f8b08000000000000ff")
"""RFC 1952 §2.3: deflate, no flags, mtime 0, no extra flags, operating system unknown."""

STORED_MAX: Final = 0xFFFF
"""RFC 1951 §3.2.4: a stored block holds at most this many bytes."""


class _Store:
    """Deflate made of stored blocks only: the same bytes on every machine, for what is compressed already."""

    def __init__(self) -> None:
        self._pending = b""

    def compress(self, data: bytes | memoryview, /) -> bytes:
        joined = self._pending + data
        whole = len(joined) - len(joined) % STORED_MAX
        # The last block of the stream carries a flag, so a full block waits until more is known to follow.
        if whole == len(joined):
            whole = max(0, whole - STORED_MAX)
        self._pending = joined[whole:]
        return b"".join(_stored_block(joined[at : at + STORED_MAX], last=False) for at in range(0, whole, STORED_MAX))

    def flush(self) -> bytes:
        return _stored_block(self._pending, last=True)


def _stored_block(data: bytes, *, last: bool) -> bytes:
    size = len(data)
    return bytes((last,)) + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + data


class MemberWriter:
    """Writes one gzip member to a sink: `write` any number of times, then `close` once."""

    def __init__(self, sink: Sink, *, stored: bool) -> None:
        self._sink = sink
        self._coder: deflate.Compressor = _Store() if stored else deflate.compressor()
        self._crc = 0
        self._size = 0
        self._head = HEADER

    def write(self, data: bytes) -> None:
        """Add `data` to the member."""
        self._crc = deflate.crc32(data, self._crc)
        self._size += len(data)
        coded = self._coder.compress(data)
        if coded:
            self._sink.write(self._head + coded)
            self._head = b""

    def close(self) -> None:
        """End the member (RFC 1952 §2.3.1: CRC-32 and size modulo 2^32); the sink stays open."""
        end = self._crc.to_bytes(4, "little") + (self._size & 0xFFFFFFFF).to_bytes(4, "little")
        self._sink.write(self._head + self._coder.flush() + end)


def gzip_stored(data: bytes) -> bytes:
    """One gzip member holding `data` in stored deflate blocks: the same bytes on every machine."""
    sink = io.BytesIO()
    member = MemberWriter(sink, stored=True)
    member.write(data)
    member.close()
    return sink.getvalue()
