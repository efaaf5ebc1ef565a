"""Size, SHA-256 and BLAKE3 of bytes: what a store compares before it says that something is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from blake3 import blake3


class DigestValue(Protocol):
    """The value of one digest algorithm."""

    @property
    def value(self) -> bytes:
        """The 32 bytes of the digest."""


class Fingerprint(Protocol):
    """What tells bytes from other bytes. A `DigestSet` of the archive is one, without this layer knowing it."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    @property
    def sha256(self) -> DigestValue:
        """Their SHA-256."""

    @property
    def blake3(self) -> DigestValue:
        """Their BLAKE3."""


@dataclass(frozen=True, slots=True)
class Value:
    """The value of one digest algorithm, as this layer computed it."""

    value: bytes


@dataclass(frozen=True, slots=True)
class Measure:
    """The fingerprint of bytes that this layer read itself."""

    size: int
    sha256: Value
    blake3: Value


class Meter:
    """Counts and hashes what it is fed, with both algorithms."""

    def __init__(self) -> None:
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._blake3 = blake3()

    def update(self, data: bytes) -> None:
        """Take in the next bytes."""
        self.size += len(data)
        self._sha256.update(data)
        self._blake3.update(data)

    def measure(self) -> Measure:
        """The fingerprint of all that was taken in so far."""
        return Measure(self.size, Value(self._sha256.digest()), Value(self._blake3.digest()))


def measure(pieces: Iterable[bytes]) -> Measure:
    """The fingerprint of `pieces` joined together."""
    meter = Meter()
    for piece in pieces:
        meter.update(piece)
    return meter.measure()


def same(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether size and both digests are equal; two of the three are not enough."""
    return one.size == other.size and one.sha256.value == other.sha256.value and one.blake3.value == other.blake3.value


def describe(fingerprint: Fingerprint) -> str:
    """One line with size and both digests in lowercase hexadecimal."""
    sha256, blake3_ = fingerprint.sha256.value.hex(), fingerprint.blake3.value.hex()
    return f"{fingerprint.size} bytes, sha256:{sha256}, blake3:{blake3_}"
