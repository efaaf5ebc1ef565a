"""Digests that carry their algorithm, and one pass that reads, counts, limits and hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Protocol, Self

from blake3 import blake3

from sijill.archive.errors import MalformedDigest, TooLarge

CHUNK = 1 << 18


class Algorithm(StrEnum):
    """The digest algorithms of sijill, by their names in in-toto digest sets; both give 32 bytes."""

    SHA256 = "sha256"
    BLAKE3 = "blake3"


@dataclass(frozen=True, slots=True)
class Digest:
    """The value of one algorithm over some bytes."""

    algorithm: Algorithm
    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != 32:
            raise MalformedDigest(f"{self.algorithm}: {len(self.value)} bytes, expected 32")

    @classmethod
    def from_hex(cls, algorithm: Algorithm, text: str) -> Self:
        """Parse 64 lowercase hexadecimal digits.

        Raises:
            MalformedDigest: `text` is anything else, upper case included.
        """
        try:
            digest = cls(algorithm, bytes.fromhex(text))
        except ValueError as err:
            raise MalformedDigest(f"{algorithm}: not hexadecimal: {text[:80]!r}") from err
        if digest.hex != text:
            raise MalformedDigest(f"{algorithm}: not 64 lowercase hexadecimal digits: {text[:80]!r}")
        return digest

    @property
    def hex(self) -> str:
        """The value in lowercase hexadecimal."""
        return self.value.hex()

    def __str__(self) -> str:
        """`sha256:<lowercase hex>`, as WARC digest fields and datapackage.json write it."""
        return f"{self.algorithm}:{self.hex}"


@dataclass(frozen=True, slots=True)
class DigestSet:
    """Size in bytes, SHA-256 and BLAKE3 of the same bytes. Equal only if all three are."""

    size: int
    sha256: Digest
    blake3: Digest

    @classmethod
    def from_hex(cls, size: int, sha256: str, blake3: str) -> Self:
        """Build from what an attestation states.

        Raises:
            MalformedDigest: a digest is not 64 lowercase hexadecimal digits.
        """
        return cls(size, Digest.from_hex(Algorithm.SHA256, sha256), Digest.from_hex(Algorithm.BLAKE3, blake3))


class Hasher:
    """Counts and hashes what it is fed, with both algorithms."""

    def __init__(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._blake3 = blake3()

    def update(self, data: bytes | memoryview) -> None:
        """Take in the next bytes."""
        self.size += len(data)
        self._sha256.update(data)
        self._blake3.update(data)

    def digests(self) -> DigestSet:
        """What was taken in so far; more may follow."""
        return DigestSet(
            self.size,
            Digest(Algorithm.SHA256, self._sha256.digest()),
            Digest(Algorithm.BLAKE3, self._blake3.digest()),
        )


class Sink(Protocol):
    """Anything bytes can be written to."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""


class HashingWriter:
    """Passes what is written on to `sink` and hashes it on the way."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._hasher = Hasher()

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._hasher.size

    def write(self, data: bytes) -> int:
        """Write `data` to the sink and take it into the digests."""
        self._sink.write(data)
        self._hasher.update(data)
        return len(data)

    def digests(self) -> DigestSet:
        """Size and digests of all that was written."""
        return self._hasher.digests()


def digest_bytes(data: bytes) -> DigestSet:
    """Size, SHA-256 and BLAKE3 of `data`."""
    hasher = Hasher()
    hasher.update(data)
    return hasher.digests()


def digest_stream(source: BinaryIO) -> DigestSet:
    """Read `source` to its end in constant memory and return its size, SHA-256 and BLAKE3."""
    hasher = Hasher()
    for chunk in chunks(source):
        hasher.update(chunk)
    return hasher.digests()


def copy_and_digest(source: BinaryIO, sink: Sink, *, limit: int | None = None) -> DigestSet:
    """Copy `source` to `sink` and return size, SHA-256 and BLAKE3 of what was copied.

    Raises:
        TooLarge: `source` holds more than `limit` bytes; `sink` then holds at most `limit`.
    """
    writer = HashingWriter(sink)
    for chunk in chunks(source):
        if limit is not None and writer.size + len(chunk) > limit:
            raise TooLarge(limit)
        writer.write(chunk)
    return writer.digests()


def chunks(source: BinaryIO, size: int = CHUNK) -> Iterator[bytes]:
    """The rest of `source` in pieces of at most `size` bytes."""
    while chunk := source.read(size):
        yield chunk
