"""How a store is to be used: what its operator wants, and what is known of the server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class LockMode(StrEnum):
    """Who may end a retention early: whoever has the right to, or nobody at all."""

    GOVERNANCE = "governance"
    COMPLIANCE = "compliance"


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long the store itself shall refuse to delete an immutable object, counted from when it was put."""

    mode: LockMode
    days: int

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError(f"{self.days} days of retention")

    def until(self, now: datetime) -> datetime:
        """When the retention of an object put `now` ends, to the second."""
        return now.astimezone(UTC).replace(microsecond=0) + timedelta(days=self.days, seconds=1)


class Guard(StrEnum):
    """What keeps a second writer of a key from taking it over."""

    CONDITION = "condition"
    """The server refuses the second put (`If-None-Match: *`)."""
    FIRST_VERSION = "first-version"
    """The server keeps both; the version that was stored first stays first, and only that one is ever read."""
    NONE = "none"
    """Nothing: the second put replaces the first."""


@dataclass(frozen=True, slots=True)
class WriteOnce:
    """What guards the keys of one bucket, as trials on this very bucket have shown."""

    put: Guard
    """Of objects put in one request."""
    multipart: Guard
    """Of objects put in parts."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """Options that are no part of a store's URL."""

    retention: Retention | None = None
    """Lock every immutable object; a store that cannot is refused."""
    write_once: WriteOnce | None = None
    """What a probe has shown; if None, the store finds out by canary objects before its first write."""
    attempts: int = 9
    """How often a request is tried in all, with random pauses between that double: some 10 s in all, or a minute if the
    server asks for less."""
    connect_seconds: float = 10
    answer_seconds: float = 30
    """How long to wait for a connection, and for the next bytes of an answer."""
    clock: Callable[[], datetime] = _now
