"""The files of the package under test: read strictly, and every byte accounted for."""

from __future__ import annotations

from typing import BinaryIO

from sijill.archive.digest import chunks
from sijill.archive.errors import TooLarge
from sijill.archive.warc.zip_reader import MemberReader, open_member, read_zip


class PackageFiles:
    """The files of a package by name. Reading any of them raises MalformedPackage if the zip is not as it should be."""

    def __init__(self, source: BinaryIO) -> None:
        """Read the zip's structure from `source`, a seekable file.

        Raises:
            MalformedPackage: a byte outside of file contents is not what sijill writes there.
        """
        self._source = source
        self._members = {member.name: member for member in read_zip(source)}
        self._opened: list[tuple[str, MemberReader]] = []

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in their order in the zip."""
        return tuple(self._members)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def open(self, name: str) -> BinaryIO:
        """A reader of the file; read it to its end, where its CRC-32 is compared."""
        reader = open_member(self._source, self._members[name])
        self._opened.append((name, reader))
        return reader

    def read(self, name: str, *, limit: int) -> bytes:
        """The contents of the file.

        Raises:
            MalformedPackage: the contents are cut short or their CRC-32 is wrong.
            TooLarge: they are more than `limit` bytes.
        """
        if self._members[name].size > limit:
            raise TooLarge(limit)
        with self.open(name) as file:
            return file.read()

    def holds(self, name: str, expected: bytes) -> bool:
        """Whether the contents of the file are exactly `expected`.

        Raises:
            MalformedPackage: see `read`.
        """
        return self._members[name].size == len(expected) and self.read(name, limit=len(expected)) == expected

    def check_unread(self) -> None:
        """Read the files that nobody has read, so that the CRC-32 of every file was compared.

        Raises:
            MalformedPackage: see `read`.
        """
        read = {name for name, reader in self._opened if reader.begun}
        for name in [name for name in self._members if name not in read]:
            with self.open(name) as file:
                for _ in chunks(file):
                    pass
