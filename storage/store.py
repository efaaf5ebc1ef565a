"""What every store can do. Small objects pass as bytes, large ones in pieces that never fill the memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from sijill.storage.errors import BadKey, ImmutableKey
from sijill.storage.fingerprint import Fingerprint
from sijill.storage.layout import OBJECTS, attested_capture, check_key, is_mutable, object_key

PIECE = 1 << 18
"""Bytes that are read and written at a time."""


class Source(Protocol):
    """Bytes that may be too many for memory; can be opened any number of times."""

    def open(self) -> AbstractContextManager[BinaryIO]:
        """A new reader at the first byte, for a `with` statement."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What `put` made sure of: the key holds the expected bytes, read back and compared."""

    key: str
    created: bool
    """Whether this call stored them; False if they were there already."""
    version: str | None = None
    """The store's name for these very bytes under this key, where it keeps versions."""
    locked_until: datetime | None = None
    """Until when the store itself refuses to delete them, where it can."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the store says of an object without reading it. Proves nothing about its bytes."""

    size: int
    modified: datetime
    """With time zone UTC."""
    version: str | None = None
    locked_until: datetime | None = None
    """Until when the store itself refuses to delete it, where it can; a time that has passed is no lock."""
    held: bool = False
    """Whether it also refuses because someone put a legal hold on the object, which has no end of its own."""


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One of the things that a store keeps under a key."""

    key: str
    version: str | None
    size: int
    modified: datetime
    """With time zone UTC."""
    deletion: bool = False
    """Whether it is no object but a note that someone deleted the key without naming a version."""


class Store(Protocol):
    """Objects by key (see `layout`).

    An object is visible under its key wholly or not at all, also when its writer is killed.
    Every method may raise `BadKey`, and `StoreUnavailable`, `StoreFull` or `StoreDenied` when the store cannot do it.
    """

    @property
    def url(self) -> str:
        """The URL that opens this store, in its one canonical spelling."""

    def put(self, key: str, source: Source | Path, *, expected: Fingerprint) -> Stored:
        """Store `source` under `key` unless something is there, read it back and compare it with `expected`.

        If the same bytes are there already, they are read back and compared all the same, and `source` may stay unread.
        What opening or reading `source` raises is passed on; nothing is stored then.

        Raises:
            SourceMismatch: `source` does not hold what `expected` says; nothing was stored.
            AlreadyExists: `key` holds other bytes, which stay.
            ReadBackMismatch: the store gave other bytes back.
        """

    def create(self, key: str, data: bytes) -> bool:
        """Store `data` under `key` unless something is there; read back and compared as by `put`.

        Returns True if the key now holds exactly `data`, whoever stored it, and False if it holds other bytes.

        Raises:
            ReadBackMismatch: the store gave other bytes back.
        """

    def replace(self, key: str, data: bytes, *, durable: bool = True) -> None:
        """Store `data` under the mutable `key`, whatever it held; a reader sees the old bytes or the new, never a mix.

        Without `durable` the store need not wait for its medium: whatever becomes of this process the bytes are there,
        but a loss of power soon after may leave none of them, or not all.

        Raises:
            ImmutableKey: `key` is not mutable.
            ReadBackMismatch: the store gave other bytes back.
        """

    def read(self, key: str, *, limit: int) -> bytes:
        """All bytes of `key`.

        Raises:
            NotFound: there is no such object.
            ObjectTooLarge: it has more than `limit` bytes.
            NotAnObject: a thing the store did not make stands there.
        """

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A reader of `key` from its first byte on, for a `with` statement; it can go to any place, or says it cannot.

        Raises:
            NotFound: there is no such object; raised when called or when entered.
            NotAnObject: a thing the store did not make stands there.
        """

    def stat(self, key: str) -> ObjectInfo | None:
        """Size and times of `key`, or None if there is no such object.

        Raises:
            NotAnObject: a thing the store did not make stands there.
        """

    def list(self, prefix: str, *, after: str | None = None) -> Iterator[str]:
        """Keys that begin with `prefix` and sort after `after`, in bytewise order.

        Keys come as they are found, so that a listing of any length needs little memory. Objects that come or go
        meanwhile may or may not be listed.
        """

    def delete(self, key: str) -> None:
        """Remove the mutable `key`; if there is none, that is fine.

        A deletion is not waited for on the medium: after a loss of power the object may be there again.

        Raises:
            ImmutableKey: `key` is not mutable.
        """

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """All that is kept under keys that begin with `prefix`: keys in bytewise order, for each the oldest first.

        Of an immutable key only the oldest counts, and there should be no other. Where the store keeps no versions,
        there is one for each key.
        """

    @property
    def can_hold(self) -> bool:
        """Whether the store has a legal hold, as far as it says."""

    def hold(self, key: str) -> None:
        """Put a legal hold on the immutable `key`: until it is released, the store refuses to delete it.

        Raises:
            NotFound: there is no such object.
            CapabilityMissing: the store has no legal hold.
        """

    def release(self, key: str) -> None:
        """Take the legal hold off the immutable `key`, if there is one; a retention stays.

        Raises:
            NotFound: there is no such object.
            CapabilityMissing: the store has no legal hold.
        """

    def check_erasable(self, key: str) -> None:
        """Refuse what `erase` would refuse now, and change nothing. That there is no such object is fine.

        Raises:
            BadKey, ImmutableKey: see `check_erasable_key`.
            ObjectLocked: something kept under `key` is under retention or legal hold.
            NotAnObject: a thing the store did not make stands there.
        """

    def erase(self, key: str) -> bool:
        """Remove the immutable `key` for good, with all that is kept under it: every version, every unfinished upload.

        This is for what the law or its subjects demand, and for nothing else; whoever calls it must have said so in
        the log before. Returns whether there was anything. The first version goes last, so that a reader gets the
        object or nothing, also when the call is killed; then it may be repeated.

        Raises:
            BadKey, ImmutableKey: see `check_erasable_key`.
            ObjectLocked: something kept under `key` is under retention or legal hold; the object is still there.
            NotAnObject: a thing the store did not make stands there.
        """

    def recover(self) -> int:
        """Remove what killed writers left behind, which no reader ever sees; returns how many pieces.

        What writers at work are writing is left alone. May be called at any time.
        """


def check_erasable_key(key: str) -> None:
    """Refuse whatever may never be erased: all but objects by digest, and the attestations of captures.

    Raises:
        BadKey: it is not a key, begins like one of those and is none, or is that of a mutable object, which is deleted.
        ImmutableKey: its object stays for good: the log, tombstones, what was done with captures.
    """
    check_key(key)
    if is_mutable(key):
        raise BadKey(key, "may be deleted, so it need not be erased")
    by_digest = key.startswith(OBJECTS) and key == object_key(key.rpartition("/")[2])
    if not by_digest and attested_capture(key) is None:
        raise ImmutableKey(key)
