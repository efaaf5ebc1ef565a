"""Where in a regular file the bytes of a source lie, so that others may read them at the same time."""

from __future__ import annotations

import io
import os
import stat
from dataclasses import dataclass
from typing import BinaryIO, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Region:
    """A range of the bytes of an open regular file."""

    descriptor: int
    """The file's; whoever opened it keeps it open."""
    offset: int
    """Place of the first byte in the file."""
    size: int

    def part(self, offset: int, size: int) -> Region | None:
        """The range of `size` bytes from `offset` on, or None if it is not all in here."""
        if not 0 <= offset <= offset + size <= self.size:
            return None
        return Region(self.descriptor, self.offset + offset, size)

    def read_at(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset` on; none only at the end."""
        return os.pread(self.descriptor, max(0, min(size, self.size - offset)), self.offset + offset)


class RegionReader:
    """Reads a region from some place on to its end."""

    def __init__(self, region: Region, offset: int) -> None:
        self._region = region
        self._at = offset

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, and none only at the end."""
        data = self._region.read_at(self._at, size)
        self._at += len(data)
        return data


@runtime_checkable
class PartOfFile(Protocol):
    """A raw reader of a part of a file."""

    def region(self) -> Region | None:
        """Where the part lies; None if some of it was read already, or it is not in a regular file."""


@runtime_checkable
class ViewOfFile(Protocol):
    """A raw reader with the same bytes at the same places as a file that it reads."""

    def file(self) -> Region | None:
        """All of the file; None if it is not a regular one."""


def region_of(source: object) -> Region | None:
    """Where the bytes lie that `source` will give from now on; None if they are not known to lie in a regular file."""
    raw = source.raw if isinstance(source, io.BufferedReader) else source
    if isinstance(raw, PartOfFile):
        return raw.region()
    if not isinstance(source, io.BufferedReader | io.FileIO):
        return None
    whole = file_of(source)
    if whole is None:
        return None
    read = source.tell()
    return whole.part(read, whole.size - read)


def file_of(source: BinaryIO | io.RawIOBase) -> Region | None:
    """All of the regular file in which every byte stands at its place in `source`; None if there is no such file."""
    raw = source.raw if isinstance(source, io.BufferedReader) else source
    if isinstance(raw, ViewOfFile):
        return raw.file()
    # Nothing else that has a descriptor is believed: what `gzip` or `tempfile` open gives other bytes than it.
    if type(raw) is not io.FileIO or not raw.readable():
        return None
    found = os.fstat(raw.fileno())
    return Region(raw.fileno(), 0, found.st_size) if stat.S_ISREG(found.st_mode) else None
