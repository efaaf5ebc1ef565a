"""What a store is seen to do: a table of capabilities, each with the fact that was seen."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from sijill.storage.errors import NotFound, StorageError
from sijill.storage.layout import PROBE
from sijill.storage.store import Store

_CLOCK_TOLERANCE = 5.0
"""Seconds by which the store's clock may differ: a store's answer tells whole seconds, and takes time."""


class Capability(StrEnum):
    """What is looked at."""

    CONSISTENCY = "consistency"
    """What is put is read, listed, replaced and deleted at once, as it was put."""
    CONDITIONAL_WRITE = "conditional-write"
    """Of two that put one key at once, if nothing is there, exactly one succeeds."""
    VERSIONING = "versioning"
    """A second put of a key leaves the first to be read."""
    OBJECT_LOCK = "object-lock"
    """A locked version cannot be deleted before its time."""
    CHECKSUM = "checksum"
    """A put whose checksum is not that of its bytes is refused."""
    CLOCK = "clock"
    """The store's clock and this machine's agree within five seconds."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was seen of one capability; `holds` is None if it could not be found out."""

    capability: Capability
    holds: bool | None
    fact: str


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """One finding for each capability, in the order of `Capability`."""

    store: str
    findings: tuple[Finding, ...]

    def shows(self, capability: Capability) -> bool:
        """Whether the store was seen to have `capability`. Not found out is not seen."""
        return any(found.holds is True for found in self.findings if found.capability is capability)


@runtime_checkable
class Triable(Protocol):
    """A store that can be tried beyond what every store does."""

    def trials(self) -> dict[Capability, Callable[[], tuple[bool | None, str]]]:
        """For capabilities the store has a say in: a trial that gives what `Finding` holds."""


def probe(store: Store) -> ProbeReport:
    """Try out `store` with canary objects, which are removed again; takes a few seconds.

    A trial that the store answers with an error is a finding too, not an exception.

    Raises:
        StorageError: the store cannot be used at all.
    """
    next(iter(store.list(PROBE)), None)
    trials: dict[Capability, Callable[[], tuple[bool | None, str]]] = {
        Capability.CONSISTENCY: lambda: _consistency(store),
        Capability.CONDITIONAL_WRITE: lambda: _conditional_write(store),
        Capability.VERSIONING: lambda: (False, "this kind of store keeps one object under a key"),
        Capability.OBJECT_LOCK: lambda: (False, "this kind of store has no Object Lock"),
        Capability.CHECKSUM: lambda: (None, "this kind of store takes no checksum; every put is read back"),
        Capability.CLOCK: lambda: _clock(store),
    }
    if isinstance(store, Triable):
        trials |= store.trials()
    return ProbeReport(store.url, tuple(_tried(capability, trials[capability]) for capability in Capability))


def canaries() -> Iterator[str]:
    """Keys that nobody uses, each another."""
    while True:
        yield f"{PROBE}{secrets.token_hex(16)}"


def _tried(capability: Capability, trial: Callable[[], tuple[bool | None, str]]) -> Finding:
    try:
        holds, fact = trial()
    except StorageError as err:
        holds, fact = None, f"the trial failed: {err}"
    return Finding(capability, holds, fact[:1000])


def _consistency(store: Store) -> tuple[bool, str]:
    rounds = 5
    for key, number in zip(canaries(), range(rounds), strict=False):
        first, second = b"first %d" % number, b"second %d, longer" % number
        try:
            store.replace(key, first)
            if store.read(key, limit=100) != first:
                return False, "a read right after a put gave other bytes"
            if key not in store.list(PROBE):
                return False, "a listing right after a put lacked the key"
            store.replace(key, second)
            if store.read(key, limit=100) != second:
                return False, "a read right after a replacement gave the old bytes"
        finally:
            store.delete(key)
        if key in store.list(PROBE):
            return False, "a listing right after a deletion still had the key"
        try:
            store.read(key, limit=100)
        except NotFound:
            continue
        return False, "a read right after a deletion still gave the bytes"
    return True, f"{rounds} rounds of put, read, list, replace and delete, each seen at once"


def _conditional_write(store: Store) -> tuple[bool, str]:
    rounds = 5
    with ThreadPoolExecutor(2) as pool:
        for key, _ in zip(canaries(), range(rounds), strict=False):
            contents = (b"one", b"two")
            try:
                won = list(pool.map(lambda data, key=key: store.create(key, data), contents))
                kept = store.read(key, limit=100)
            finally:
                store.delete(key)
            if sum(won) != 1 or kept != contents[won.index(True)]:
                return False, f"of two puts at once {sum(won)} succeeded"
    return True, f"{rounds} times two puts at once: exactly one succeeded, and its bytes stayed"


def _clock(store: Store) -> tuple[bool | None, str]:
    key = next(canaries())
    begun = datetime.now(UTC)
    store.replace(key, b"clock")
    ended = datetime.now(UTC)
    try:
        info = store.stat(key)
    finally:
        store.delete(key)
    if info is None:
        return None, "the canary was gone"
    middle = begun + (ended - begun) / 2
    difference = (info.modified - middle).total_seconds()
    return abs(difference) <= _CLOCK_TOLERANCE, f"the store's clock differs from this machine's by {difference:+.1f} s"
