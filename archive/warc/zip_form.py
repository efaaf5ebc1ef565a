"""The one form of zip that sijill writes: what its headers hold (PKWARE APPNOTE 4.3.7, 4.3.12, 4.3.16).

Members are stored, in ascending bytewise order of their names, with flags 0, no time of day, the date 1980-01-01, no
extra fields, no comments, no descriptors; local headers, data, central directory and its end record fill the file.
Sizes and places fit 32 bits; there is no zip64.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

SIZE_LIMIT: Final = 0xFFFF_FFFE
"""The largest file: 0xFFFFFFFF in a header means that zip64 holds the number."""
MEMBER_LIMIT: Final = 1000
"""More members than any package of a capture has."""
NAME_LIMIT: Final = 200

LOCAL: Final = struct.Struct("<4s5H3L2H")
CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
END: Final = struct.Struct("<4s4H2LH")

DIRECTORY_LIMIT: Final = MEMBER_LIMIT * (CENTRAL.size + NAME_LIMIT)
"""More bytes than any central directory has."""

_VERSION = 10
"""APPNOTE 4.4.3.2: 1.0, enough for stored files; made by 1.0 on system 0, which sets no permissions."""
_STORED = 0
_MIDNIGHT = 0
_FIRST_DATE = 0x21
"""MS-DOS date: year 1980 + 0, month 1, day 1."""

_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_NAME = re.compile(rf"{_SEGMENT}(/{_SEGMENT})*")


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the zip."""

    name: str
    size: int
    crc: int
    header_offset: int
    """Place of its local header in the zip."""

    @property
    def offset(self) -> int:
        """Place of its first byte of data in the zip."""
        return self.header_offset + LOCAL.size + len(self.name)

    @property
    def end(self) -> int:
        """Place after its last byte of data in the zip."""
        return self.offset + self.size

    def local_header(self) -> bytes:
        """APPNOTE 4.3.7."""
        fixed = LOCAL.pack(
            b"PK\x03\x04",
            _VERSION,
            0,
            _STORED,
            _MIDNIGHT,
            _FIRST_DATE,
            self.crc,
            self.size,
            self.size,
            len(self.name),
            0,
        )
        return fixed + self.name.encode("ascii")

    def central_header(self) -> bytes:
        """APPNOTE 4.3.12."""
        fixed = CENTRAL.pack(
            b"PK\x01\x02", _VERSION, _VERSION, 0, _STORED, _MIDNIGHT, _FIRST_DATE, self.crc, self.size, self.size,
            len(self.name), 0, 0, 0, 0, 0, self.header_offset,
        )  # fmt: skip
        return fixed + self.name.encode("ascii")


def end_record(count: int, directory_size: int, directory_offset: int) -> bytes:
    """APPNOTE 4.3.16."""
    return END.pack(b"PK\x05\x06", 0, 0, count, count, directory_size, directory_offset, 0)


def bad_name(name: str, before: str | None) -> str | None:
    """Why a member may not be called `name` when `before` is the name before it, or None if it may."""
    if len(name) > NAME_LIMIT or not _NAME.fullmatch(name):
        return "not a relative path of ASCII letters, digits, '.', '_' and '-'"
    if before is not None and name <= before:
        return "names are not in ascending order"
    return None
