"""Deflate and CRC-32 by ISA-L where it is installed, by zlib elsewhere; both read what either wrote."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from types import ModuleType

RAW: Final = -zlib.MAX_WBITS
"""Window bits that ask for deflate without a container, so that ours is the same whatever the library."""

_isal: ModuleType | None
try:
    from isal import isal_zlib

    _isal = isal_zlib
except ImportError:  # no build for this machine
    _isal = None


BROKEN: Final[tuple[type[Exception], ...]] = (zlib.error,) if _isal is None else (zlib.error, _isal.error)
"""What a decompressor raises on bytes that are not deflate."""


class Compressor(Protocol):
    """What zlib and ISA-L call a compression object."""

    def compress(self, data: bytes | memoryview, /) -> bytes:
        """Take in `data`; give what is ready."""

    def flush(self) -> bytes:
        """End the stream and give the rest."""


class Decompressor(Protocol):
    """What zlib and ISA-L call a decompression object."""

    @property
    def eof(self) -> bool:
        """Whether the end of the deflate stream was reached."""

    @property
    def unused_data(self) -> bytes:
        """What followed the end of the deflate stream in the last input."""

    @property
    def unconsumed_tail(self) -> bytes:
        """What of the last input is still to be given again because the output limit was reached."""

    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes:
        """At most `max_length` bytes of output."""


def compressor() -> Compressor:
    """A new raw deflate compressor: ISA-L at its best level, else zlib at level 6."""
    if _isal is not None:
        fast: Compressor = _isal.compressobj(_isal.ISAL_BEST_COMPRESSION, _isal.DEFLATED, RAW)
        return fast
    return zlib.compressobj(6, zlib.DEFLATED, RAW)


def decompressor() -> Decompressor:
    """A new raw deflate decompressor."""
    if _isal is not None:
        fast: Decompressor = _isal.decompressobj(RAW)
        return fast
    return zlib.decompressobj(RAW)


def crc32(data: bytes | memoryview, value: int = 0) -> int:
    """CRC-32 of `data`, continuing from `value`."""
    if _isal is not None:
        fast: int = _isal.crc32(data, value)
        return fast
    return zlib.crc32(data, value)
