"""Changing a package as an accident or a forger would."""

from __future__ import annotations

from pathlib import Path

from sijill.archive.capture.spool import MemoryBody
from sijill.archive.warc.zip_reader import open_member, read_zip
from sijill.archive.warc.zip_writer import write_zip

_INSIDE_THE_WARC = 4_000


def change_one_byte(package: Path, changed: Path) -> None:
    """Change one byte of the WARC, as a bad disk does."""
    data = bytearray(package.read_bytes())
    data[_INSIDE_THE_WARC] ^= 1
    changed.write_bytes(data)


def forge(package: Path, changed: Path) -> None:
    """Change the same byte of the WARC, and pack everything anew so that the zip is in order."""
    with package.open("rb") as source, changed.open("wb") as sink:
        members = []
        for member in read_zip(source):
            with open_member(source, member) as reader:
                data = bytearray(reader.read())
            if member.offset <= _INSIDE_THE_WARC < member.end:
                data[_INSIDE_THE_WARC - member.offset] ^= 1
            members.append((member.name, MemoryBody(bytes(data))))
        write_zip(members, sink)
