"""Says on standard error how far the reading of a long file has come."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO

from sijill.archive.warc.region import Region, file_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LONG: Final = 64 << 20
"""Shorter files are read before anyone wonders."""
_BAR: Final = 40


class ProgressReader(io.RawIOBase):
    """Reads `source` and reports: a bar on a terminal, a line per tenth elsewhere."""

    def __init__(self, source: BinaryIO, size: int, output: TextIO) -> None:
        self._source = source
        self._size = size
        self._output = output
        self._bar = output.isatty()
        self._steps = 100 if self._bar else 10
        self._read = 0
        self._shown = 0

    def readable(self) -> bool:
        """True."""
        return True

    def file(self) -> Region | None:
        """All of the file that the source is, if it is one."""
        return file_of(self._source)

    def seekable(self) -> bool:
        """Whether the source is."""
        return self._source.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Seek the source."""
        return self._source.seek(offset, whence)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read from the source, and say so when the next step is reached."""
        target = memoryview(buffer)
        data = self._source.read(len(target))
        target[: len(data)] = data
        self._read += len(data)
        step = min(self._read * self._steps // self._size, self._steps)
        if step > self._shown:
            self._shown = step
            self._show(step * 100 // self._steps)
        return len(data)

    def _show(self, percent: int) -> None:
        if self._bar:
            bar = "#" * (percent * _BAR // 100)
            self._output.write(f"\rreading [{bar:{_BAR}}] {percent:3}%" + ("\n" if percent == 100 else ""))
        else:
            self._output.write(f"reading: {percent}%\n")
        self._output.flush()


def with_progress(source: BinaryIO, output: TextIO) -> BinaryIO:
    """`source`, or if it is long a reader of it that reports to `output`."""
    if not source.seekable():
        return source
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    return io.BufferedReader(ProgressReader(source, size, output), 1 << 18) if size >= LONG else source
