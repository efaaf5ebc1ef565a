"""What can go wrong in `archive`. Errors carry facts; the command line makes sentences of them."""

from __future__ import annotations

from pathlib import Path


class ArchiveError(Exception):
    """Anything this layer raises on purpose."""


class MalformedDigest(ArchiveError):
    """A digest is not written the one way it may be written."""


class TooLarge(ArchiveError):
    """There are more bytes than the limit allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


class BadTarget(ArchiveError):
    """A target is not a URL that can be captured; nothing was sent anywhere."""

    def __init__(self, target: str, reason: str) -> None:
        super().__init__(f"{target[:200]!r}: {reason}")
        self.target = target
        self.reason = reason


class BadPattern(ArchiveError):
    """A pattern of paths is not written as one, or could never match."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(f"{pattern[:200]!r}: {reason}")
        self.pattern = pattern
        self.reason = reason


class MalformedReading(ArchiveError):
    """Bytes are not what `reading_json` writes."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"not a reading: {reason}")
        self.reason = reason


class MalformedWarc(ArchiveError):
    """Bytes are not the WARC that sijill writes: gzip member, record header, length or digest field."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"at byte {offset}: {reason}")
        self.offset = offset
        self.reason = reason


class BadRecordField(ArchiveError):
    """A WARC record cannot be written because a named field would not be what ISO 28500 or sijill allows."""

    def __init__(self, name: str, value: str, reason: str) -> None:
        super().__init__(f"{name}: {value[:200]!r}: {reason}")
        self.name = name
        self.value = value
        self.reason = reason


class MalformedPackage(ArchiveError):
    """A file is not the zip that sijill writes, byte for byte."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BadMemberName(ArchiveError):
    """A package member cannot be written under this name, or not in this place."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name[:200]!r}: {reason}")
        self.name = name
        self.reason = reason


class BodyChanged(ArchiveError):
    """A body read twice gave different numbers of bytes; what was written of it is worthless."""

    def __init__(self, name: str, expected: int, found: int) -> None:
        super().__init__(f"{name}: {found} bytes on the second reading, {expected} on the first")
        self.name = name
        self.expected = expected
        self.found = found


class RefusedAddress(ArchiveError):
    """The address guard does not let a capture connect to this host; nothing was sent."""

    def __init__(self, host: str, address: str, reason: str) -> None:
        super().__init__(f"{host} is at {address}, {reason}")
        self.host = host
        self.address = address
        self.reason = reason


class Unresolvable(ArchiveError):
    """A host name has no address, or none was learnt in time."""

    def __init__(self, host: str, detail: str, *, timed_out: bool = False) -> None:
        super().__init__(f"{host}: {detail}")
        self.host = host
        self.detail = detail
        self.timed_out = timed_out


class UnusableTrustAnchors(ArchiveError):
    """The file that should hold the trust anchors for TLS does not."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.detail = detail


class BrowserUnavailable(ArchiveError):
    """There is no browser, or it does not start; nothing was sent."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(f"{detail}: {remedy}")
        self.detail = detail
        self.remedy = remedy


class CatalogUnusable(ArchiveError):
    """The catalog cannot be read or written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}; the catalog may be removed at any time, it is made anew from the log")
        self.path = path
        self.reason = reason


class BadQuery(ArchiveError):
    """There is nothing in a query that could be searched for."""
