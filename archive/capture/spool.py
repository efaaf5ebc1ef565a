"""Bytes that stay in memory while they are few and go to a file when they become many."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

IN_MEMORY = 32 << 10
"""Up to so many bytes no file is made: a capture may hold some hundred small responses at once."""


@dataclass(frozen=True, slots=True)
class MemoryBody:
    """A body that is held in memory."""

    content: bytes

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.content)

    def open(self) -> BinaryIO:
        """A new reader at the first byte."""
        return io.BytesIO(self.content)


@dataclass(frozen=True, slots=True)
class FileBody:
    """A body that is held in a file, which whoever gave the working directory removes."""

    path: Path
    size: int

    def open(self) -> BinaryIO:
        """A new reader at the first byte.

        Raises:
            OSError: the file is gone.
        """
        return self.path.open("rb")


class Spool:
    """Takes bytes in, then gives them as a body; `workdir` gets a file once they are more than fit in memory."""

    def __init__(self, workdir: Path, *, in_memory: int = IN_MEMORY) -> None:
        self._workdir = workdir
        self._in_memory = in_memory
        self._buffer = bytearray()
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Take in the next bytes.

        Raises:
            OSError: the file cannot be written.
        """
        self.size += len(data)
        if self._file is None and self.size > self._in_memory:
            with tempfile.NamedTemporaryFile(dir=self._workdir, prefix="response-", delete=False) as made:
                self._path = Path(made.name)
            self._file = self._path.open("wb")
            self._file.write(self._buffer)
            self._buffer = bytearray()
        if self._file is None:
            self._buffer += data
        else:
            self._file.write(data)

    def finish(self) -> MemoryBody | FileBody:
        """All bytes taken in. Nothing may be written afterwards."""
        if self._file is None or self._path is None:
            return MemoryBody(bytes(self._buffer))
        self._file.close()
        return FileBody(self._path, self.size)

    def discard(self) -> None:
        """Drop the bytes and the file."""
        if self._file is not None and self._path is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)
        self._buffer = bytearray()
