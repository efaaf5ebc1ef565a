"""How a bucket is set up, and by which rule it tells which of several objects under one key counts."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from sijill.storage.errors import NotFound, StoreDenied, StoreUnavailable
from sijill.storage.layout import is_mutable
from sijill.storage.s3_errors import code_of, s3_failures
from sijill.storage.s3_listing import by_age, list_entries, list_kept, list_keys, list_versions
from sijill.storage.s3_objects import Head, delete_object, erase_version, head, refuse_locked
from sijill.storage.store import ObjectInfo, ObjectVersion

if TYPE_CHECKING:
    from sijill.storage.s3_client import Connection

_NO_LOCK_CONFIGURATION = frozenset(
    {
        "InvalidRequest",
        "MethodNotAllowed",
        "NoSuchObjectLockConfiguration",
        "NotImplemented",
        "ObjectLockConfigurationNotFoundError",
    }
)

_STILL_THERE = "is still there, though the server said that it was deleted"


@dataclass(frozen=True, slots=True)
class Setup:
    """How a bucket is set up."""

    versioning: str
    """`Enabled`, `Suspended`, or empty if it never was."""
    lockable: bool
    """Whether it may have Object Lock; whether the server honours it is another question."""
    locks_by_default: bool
    """Whether the server locks whatever is put, also what sijill would rather delete again."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The object that a key stands for."""

    version: str | None
    """None where the bucket keeps no versions."""
    ours: bool = False
    """Whether the put in question stored it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is under a key at a time."""

    counted: Counted | None
    """The object that readers get, if there is one."""
    past: Set[str] = frozenset()
    """Versions that no longer count, because the mutable object they were was deleted."""


class Rule(Protocol):
    """Which object counts under a key."""

    def find(self, key: str) -> Found:
        """What is under `key` now."""

    def settle(self, key: str, sent: str | None, past: Set[str]) -> Counted | None:
        """Which object counts after one was sent: ours, another's that came first, or None if it is gone again.

        `sent` is its version, `past` what was found before it was sent.
        """

    def stat(self, key: str) -> ObjectInfo | None:
        """See `Store.stat`."""

    def keys(self, prefix: str, after: str) -> Iterator[str]:
        """See `Store.list`."""

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """See `Store.versions`."""

    def remove(self, key: str) -> None:
        """Remove a mutable object, if it is there."""

    def tidy(self, key: str) -> None:
        """Remove what was kept of a mutable object's earlier bytes."""

    def check_erasable(self, key: str) -> None:
        """Raise `ObjectLocked` if anything that is kept under `key` is locked."""

    def erase(self, key: str) -> bool:
        """Remove all that is kept under `key`, which `check_erasable` did not refuse; whether there was anything.

        Raises:
            StoreUnavailable: the server says that it did, and still has it.
        """


class Plain:
    """A bucket without versions: there is one object under a key, or none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, key: str) -> Found:
        """See `Rule.find`."""
        return Found(None if _head_or_none(self._connection, key) is None else Counted(None))

    def settle(self, _key: str, _sent: str | None, _past: Set[str]) -> Counted | None:
        """See `Rule.settle`. The server took it only because there was nothing."""
        return Counted(None, ours=True)

    def stat(self, key: str) -> ObjectInfo | None:
        """See `Store.stat`."""
        found = _head_or_none(self._connection, key)
        return None if found is None else _info(found, None)

    def keys(self, prefix: str, after: str) -> Iterator[str]:
        """See `Store.list`."""
        return list_keys(self._connection, prefix, after)

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """See `Store.versions`."""
        for entries in list_entries(self._connection, prefix, ""):
            for entry in entries:
                yield ObjectVersion(entry.key, None, entry.size, entry.modified)

    def remove(self, key: str) -> None:
        """See `Rule.remove`."""
        delete_object(self._connection, key, None)

    def tidy(self, key: str) -> None:
        """See `Rule.tidy`. There is nothing."""

    def check_erasable(self, _key: str) -> None:
        """See `Rule.check_erasable`. Without versions there are no locks."""

    def erase(self, key: str) -> bool:
        """See `Rule.erase`."""
        if _head_or_none(self._connection, key) is None:
            return False
        erase_version(self._connection, key, None)
        if _head_or_none(self._connection, key) is not None:
            raise StoreUnavailable(key, _STILL_THERE)
        return True


class Versioned:
    """A bucket that keeps versions: the first of an immutable key counts, the newest of a mutable one.

    A deletion marker hides a mutable object, but no immutable one.
    """

    def __init__(self, connection: Connection, *, lockable: bool) -> None:
        self._connection = connection
        self._lockable = lockable

    def find(self, key: str) -> Found:
        """See `Rule.find`."""
        versions = list_versions(self._connection, key)
        if not is_mutable(key):
            return Found(Counted(versions[-1].version) if versions else None)
        if versions and versions[0].latest:
            return Found(Counted(versions[0].version))
        return Found(None, {entry.version for entry in versions})

    def settle(self, key: str, sent: str | None, past: Set[str]) -> Counted | None:
        """See `Rule.settle`. Our surplus version is removed again, unless the server refuses to."""
        if sent is None:
            raise StoreUnavailable(key, "the bucket keeps versions, but the server's answer names none")
        competing = [entry.version for entry in list_versions(self._connection, key) if entry.version not in past]
        if not competing:
            return None
        first = competing[-1]
        if first != sent:
            with suppress(StoreDenied, NotFound):
                delete_object(self._connection, key, sent)
        return Counted(first, ours=first == sent)

    def stat(self, key: str) -> ObjectInfo | None:
        """See `Store.stat`."""
        version = None
        if not is_mutable(key):
            versions = list_versions(self._connection, key)
            if not versions:
                return None
            first = versions[-1]
            if not self._lockable:
                return ObjectInfo(first.size, first.modified, first.version)
            version = first.version
        found = _head_or_none(self._connection, key, version)
        return None if found is None else _info(found, found.version or version)

    def keys(self, prefix: str, after: str) -> Iterator[str]:
        """See `Store.list`."""
        for entries in list_entries(self._connection, prefix, after):
            versions = [entry for entry in entries if not entry.deletion]
            if versions and (not is_mutable(versions[0].key) or versions[0].latest):
                yield versions[0].key

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """See `Store.versions`."""
        for entries in list_entries(self._connection, prefix, ""):
            for entry in by_age(entries):
                yield entry.published

    def remove(self, key: str) -> None:
        """See `Rule.remove`. All versions go, or the server refuses and a deletion marker hides them.

        The newest goes last: no reader shall see an earlier one come back.
        """
        kept = list_kept(self._connection, key)
        try:
            for entry in sorted(kept, key=lambda entry: entry.latest):
                delete_object(self._connection, key, entry.version)
        except StoreDenied:
            if any(entry.latest and not entry.deletion for entry in kept):
                delete_object(self._connection, key, None)

    def tidy(self, key: str) -> None:
        """See `Rule.tidy`. What the server refuses to delete stays."""
        with suppress(StoreDenied):
            for entry in list_kept(self._connection, key):
                if not entry.latest:
                    delete_object(self._connection, key, entry.version)

    def check_erasable(self, key: str) -> None:
        """See `Rule.check_erasable`."""
        if self._lockable:
            for entry in list_versions(self._connection, key):
                refuse_locked(self._connection, key, entry.version)

    def erase(self, key: str) -> bool:
        """See `Rule.erase`. The first version, which is what readers get, goes last."""
        kept = list_kept(self._connection, key)
        for entry in sorted(kept, key=lambda entry: not entry.deletion):
            erase_version(self._connection, key, entry.version)
        if list_kept(self._connection, key):
            raise StoreUnavailable(key, _STILL_THERE)
        return bool(kept)


def look_at(connection: Connection) -> Setup:
    """How the bucket is set up, as the server says.

    Raises:
        StoreFailure: the server does not say.
    """
    with s3_failures(connection.location.url):
        try:
            versioning = str(connection.client.get_bucket_versioning(Bucket=connection.bucket).get("Status", ""))
        except ClientError as err:
            if code_of(err) != "NotImplemented":
                raise
            versioning = ""
        if not versioning:
            return Setup("", lockable=False, locks_by_default=False)
        try:
            answer = connection.client.get_object_lock_configuration(Bucket=connection.bucket)
        except ClientError as err:
            if code_of(err) in _NO_LOCK_CONFIGURATION:
                return Setup(versioning, lockable=False, locks_by_default=False)
            if err.response["ResponseMetadata"].get("HTTPStatusCode") == HTTPStatus.FORBIDDEN:
                # A reader may lack the right to ask; what single objects say of their locks still counts.
                return Setup(versioning, lockable=True, locks_by_default=False)
            raise
    configuration = answer.get("ObjectLockConfiguration", {})
    enabled = configuration.get("ObjectLockEnabled") == "Enabled"
    return Setup(versioning, lockable=enabled, locks_by_default=enabled and "Rule" in configuration)


def _head_or_none(connection: Connection, key: str, version: str | None = None) -> Head | None:
    try:
        return head(connection, key, version)
    except NotFound:
        return None


def _info(found: Head, version: str | None) -> ObjectInfo:
    return ObjectInfo(found.size, found.modified, version, found.lock.until, found.lock.held)
