"""Reading the zip of a package strictly: every byte that is not member data is rebuilt and compared."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from sijill.archive.errors import MalformedPackage
from sijill.archive.warc.deflate import crc32
from sijill.archive.warc.region import Region, file_of
from sijill.archive.warc.zip_form import (
    CENTRAL,
    DIRECTORY_LIMIT,
    END,
    MEMBER_LIMIT,
    SIZE_LIMIT,
    Member,
    bad_name,
    end_record,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def read_zip(source: BinaryIO) -> list[Member]:
    """The members of the zip that `source`, a seekable file, holds from its first byte to its last.

    Member data is not read here: use `open_member`, which checks it against the CRC-32 in the headers.

    Raises:
        MalformedPackage: a byte outside of member data is not what sijill writes there.
    """
    size = source.seek(0, io.SEEK_END)
    if size > SIZE_LIMIT:
        raise MalformedPackage("larger than its form allows")
    if size < END.size:
        raise MalformedPackage("too short for a zip")
    end = _at(source, size - END.size, END.size)
    *_, count, directory_size, directory_offset, _ = END.unpack(end)
    if end != end_record(count, directory_size, directory_offset):
        raise MalformedPackage("does not end with the end record of a zip without comment")
    if directory_offset + directory_size != size - END.size:
        raise MalformedPackage("central directory does not end where the end record begins")
    if count > MEMBER_LIMIT or directory_size > DIRECTORY_LIMIT:
        raise MalformedPackage("more members than a package has")
    members = _parse_directory(_at(source, directory_offset, directory_size), count)
    _check_local_headers(source, members, directory_offset)
    return members


class MemberReader(io.BufferedReader):
    """A reader of a member's data."""

    def __init__(self, data: _MemberData) -> None:
        super().__init__(data, 1 << 18)
        self._data = data

    @property
    def begun(self) -> bool:
        """Whether anything was read of it."""
        return self._data.begun


def open_member(source: BinaryIO, member: Member) -> MemberReader:
    """A reader of a member's data, over `source`; it checks size and CRC-32 when its end is reached.

    It seeks `source` at every read, so several readers may share one source. Reading raises MalformedPackage if the
    data is cut short or its CRC-32 is wrong.
    """
    return MemberReader(_MemberData(source, member))


def _at(source: BinaryIO, offset: int, size: int) -> bytes:
    source.seek(offset)
    data = source.read(size)
    if len(data) != size:
        raise MalformedPackage("shorter than its headers say")
    return data


def _parse_directory(directory: bytes, count: int) -> list[Member]:
    members: list[Member] = []
    folded: set[str] = set()
    at = 0
    for _ in range(count):
        if len(directory) - at < CENTRAL.size:
            raise MalformedPackage("central directory is shorter than its count of members")
        member = _parse_entry(directory, at)
        if reason := bad_name(member.name, members[-1].name if members else None):
            raise MalformedPackage(f"member {member.name[:80]!r}: {reason}")
        if member.name.lower() in folded:
            raise MalformedPackage(f"member {member.name!r}: differs from another only by letter case")
        folded.add(member.name.lower())
        members.append(member)
        at += CENTRAL.size + len(member.name)
    if at != len(directory):
        raise MalformedPackage("central directory is longer than its count of members")
    return members


def _parse_entry(directory: bytes, at: int) -> Member:
    fields = CENTRAL.unpack_from(directory, at)
    crc, size, name_length, header_offset = fields[7], fields[8], fields[10], fields[16]
    name = directory[at + CENTRAL.size : at + CENTRAL.size + name_length]
    if not name.isascii() or len(name) != name_length:
        raise MalformedPackage(f"member name is not ASCII or cut short: {name[:80]!r}")
    member = Member(name.decode("ascii"), size, crc, header_offset)
    if member.central_header() != directory[at : at + CENTRAL.size + name_length]:
        raise MalformedPackage(f"member {name[:80]!r}: central header is not of the form that sijill writes")
    return member


def _check_local_headers(source: BinaryIO, members: list[Member], directory_offset: int) -> None:
    at = 0
    for member in members:
        if member.header_offset != at:
            raise MalformedPackage(f"member {member.name!r}: does not begin where the one before ends")
        header = member.local_header()
        if member.end > directory_offset:
            raise MalformedPackage(f"member {member.name!r}: reaches into the central directory")
        if _at(source, at, len(header)) != header:
            raise MalformedPackage(
                f"member {member.name!r}: local header differs from the central one or from our form"
            )
        at = member.end
    if at != directory_offset:
        raise MalformedPackage("bytes between the last member and the central directory")


class _MemberData(io.RawIOBase):
    def __init__(self, source: BinaryIO, member: Member) -> None:
        self._source = source
        self._member = member
        self._at = member.offset
        self._crc = 0
        self.begun = False
        """Whether anything was read, or is read by someone who asked where it lies."""

    def readable(self) -> bool:
        return True

    def region(self) -> Region | None:
        """Where the data lies in the file, for readers that do not check the CRC-32; None once reading has begun."""
        file = file_of(self._source)
        if file is None or self._at != self._member.offset:
            return None
        self.begun = True
        return file.part(self._member.offset, self._member.size)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self.begun = True
        target = memoryview(buffer)
        self._source.seek(self._at)
        data = self._source.read(min(len(target), self._member.end - self._at))
        if not data and self._at < self._member.end:
            raise MalformedPackage(f"member {self._member.name!r}: cut short")
        target[: len(data)] = data
        self._at += len(data)
        self._crc = crc32(data, self._crc)
        if self._at == self._member.end and self._crc != self._member.crc:
            raise MalformedPackage(f"member {self._member.name!r}: CRC-32 is not that of its data")
        return len(data)
