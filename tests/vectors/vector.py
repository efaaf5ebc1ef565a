"""What a test vector is, where vectors are collected, and how the true package is edited into others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from evidence import FULL_TRUST, Evidence, evidence, zipped

from sijill.provenance.verify.trust import TrustRoot


@dataclass(frozen=True)
class Vector:
    """A package, the trust root to try it with, and the codes that must come out as failed."""

    package: bytes
    failed: tuple[str, ...]
    note: str
    verified: bool = False
    trust: TrustRoot = FULL_TRUST


Make = Callable[[], Vector]
GOOD: dict[str, Make] = {}
BAD: dict[str, Make] = {}


def good(name: str, note: str, package: Callable[[], bytes], *failed: str, trust: TrustRoot = FULL_TRUST) -> None:
    """Add a package that verifies, although what is in `failed`, which is not required, does not pass."""
    GOOD[name] = lambda: Vector(package(), failed, note, verified=True, trust=trust)


def bad(name: str, note: str, package: Callable[[], bytes], *also: str, trust: TrustRoot = FULL_TRUST) -> None:
    """Add a package that fails with the code in its name, and with `also`."""
    code = name.partition("_")[0]
    BAD[name] = lambda: Vector(package(), (code, *also), note, trust=trust)


def unproven(name: str, note: str, package: Callable[[], bytes], trust: TrustRoot) -> None:
    """Add a package of which nothing fails, and which is not verified: a required check could not be made."""
    BAD[name] = lambda: Vector(package(), (), note, trust=trust)


TRUE = evidence()


def changed(name: str, edit: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    """The true package with one file edited and nothing else."""
    return lambda: zipped({**TRUE.files(), name: edit(TRUE.files()[name])})


def without(name: str) -> Callable[[], bytes]:
    """The true package without one file."""
    return lambda: zipped({other: data for other, data in TRUE.files().items() if other != name})


def replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """An edit of the first `old`."""

    def edit(data: bytes) -> bytes:
        if old not in data:
            raise ValueError(f"{old!r} is not there")
        return data.replace(old, new, 1)

    return edit


def flipped(data: bytes) -> bytes:
    """One bit of the middle byte changed."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def forged(made: Evidence) -> Callable[[], bytes]:
    """A package of what a collector signed although it is not true."""
    return lambda: zipped(made.forged_files())


def trusting(**changes: object) -> TrustRoot:
    """The full trust root with members changed."""
    return dataclasses.replace(FULL_TRUST, **changes)


def spare_bits(text: str) -> str:
    """Another base64 text of the same bytes; `text` ends with two signs of padding."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return f"{text[:-3]}{alphabet[alphabet.index(text[-3]) ^ 1]}=="
