"""What can go wrong in `storage`. Errors carry facts, and survive pickling because they cross process borders."""

from __future__ import annotations

import re
from datetime import datetime

from sijill.storage.fingerprint import Fingerprint, describe


class StorageError(Exception):
    """Anything this layer raises on purpose."""


class BadStoreUrl(StorageError):
    """A store URL is not one that can be opened; nothing was touched."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        # Someone may have put a password before the host, and messages end in logs.
        shown = re.sub(r"//[^/]*@", "//…@", self.url)
        return f"{shown[:200]!r}: {self.reason}"


class BadKey(StorageError):
    """A key or prefix is not of the form allowed, or its place is taken by keys that are longer or shorter."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.key[:200]!r}: {self.reason}"


class ImmutableKey(StorageError):
    """Someone asked to replace or delete an object that is kept for good; nothing was changed."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"{self.key}: is immutable"


class ObjectLocked(StorageError):
    """The store keeps an object by retention or legal hold; nothing was removed.

    Attributes:
        until: when the retention ends; None if there is none.
        held: whether there is a legal hold, which ends only by being released.
    """

    def __init__(self, key: str, until: datetime | None, held: bool) -> None:
        super().__init__(key, until, held)
        self.key = key
        self.until = until
        self.held = held

    def __str__(self) -> str:
        reasons = [f"locked until {self.until:%Y-%m-%dT%H:%M:%SZ}"] if self.until else []
        reasons += ["under a legal hold"] if self.held else []
        return f"{self.key}: is {' and '.join(reasons)}; nothing was removed"


class NotFound(StorageError):
    """There is no object of this key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"{self.key}: not found"


class ObjectTooLarge(StorageError):
    """The object holds more bytes than the reader is willing to take."""

    def __init__(self, key: str, limit: int) -> None:
        super().__init__(key, limit)
        self.key = key
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.key}: more than {self.limit} bytes"


class NotAnObject(StorageError):
    """Where the object should be is something the store never made: a symbolic link, a device, a pipe."""

    def __init__(self, key: str, found: str) -> None:
        super().__init__(key, found)
        self.key = key
        self.found = found

    def __str__(self) -> str:
        return f"{self.key}: found {self.found}"


class WrongBytes(StorageError):
    """Bytes are not those that were expected."""

    sentence = "wrong bytes"

    def __init__(self, key: str, expected: Fingerprint, found: Fingerprint) -> None:
        super().__init__(key, expected, found)
        self.key = key
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return f"{self.key}: {self.sentence}: expected {describe(self.expected)}; found {describe(self.found)}"


class SourceMismatch(WrongBytes):
    """The source is not what the caller said it is; nothing was stored. Of a longer one only the beginning was read."""

    sentence = "the source is not as announced"


class ReadBackMismatch(WrongBytes):
    """The store gave back other bytes than it was given; they do not count as stored."""

    sentence = "read back differently than written"


class AlreadyExists(WrongBytes):
    """The key holds other bytes already; they were left as they are."""

    sentence = "other bytes are stored already"


class StoreFailure(StorageError):
    """The store could not do what it was asked, or not make sure of it; nothing is half done. Asking again is safe."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


class StoreUnavailable(StoreFailure):
    """The store is not there or does not work; it may later."""


class StoreFull(StoreFailure):
    """There is no room, or the object is larger than the store takes."""


class StoreDenied(StoreFailure):
    """The store refuses: missing rights, or it is read-only."""


class WrongRegion(StoreUnavailable):
    """The store is in another region than its URL says."""


class ClockSkewed(StoreUnavailable):
    """This machine's clock and the store's differ by more than the store takes; nothing can be stored or read."""


class CapabilityMissing(StoreFailure):
    """The store cannot do what was asked, by its nature or by how it is set up; asking again does not help."""
