"""A store in a bucket of an S3 server.

An object that is put is read back and compared before it counts as stored; only then it is locked, so that no wrong
bytes are ever locked. What keeps a key from being taken over is tried out on the bucket itself (see `Guard`); where
nothing does, nothing is put. Where the bucket keeps versions, readers get the first version of an immutable key,
whatever was put later and whether or not the key was deleted since.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Set
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from sijill.storage.errors import (
    AlreadyExists,
    CapabilityMissing,
    NotFound,
    ObjectTooLarge,
    ReadBackMismatch,
    SourceMismatch,
    StorageError,
    StoreUnavailable,
)
from sijill.storage.fingerprint import Fingerprint, Measure, measure, same
from sijill.storage.layout import PROBE, check_immutable, check_key, check_mutable, check_prefix, is_mutable
from sijill.storage.options import Guard, LockMode, StoreOptions
from sijill.storage.probe import Capability
from sijill.storage.s3_bucket import Counted, Found, Plain, Rule, Setup, Versioned, look_at
from sijill.storage.s3_client import Connection
from sijill.storage.s3_errors import Taken
from sijill.storage.s3_listing import holds_anything, list_uploads
from sijill.storage.s3_objects import (
    Lock,
    ObjectStream,
    delete_object,
    hold_object,
    lock_object,
    measure_object,
    pause,
)
from sijill.storage.s3_transfer import SMALL, Sent, abort_upload, send_bytes, send_parts, send_stream
from sijill.storage.s3_trials import Guards
from sijill.storage.s3_url import S3Location
from sijill.storage.source import read_whole
from sijill.storage.store import PIECE, ObjectInfo, ObjectVersion, Source, Stored, check_erasable_key

_MARK = ".sijill"  # no key: a segment never begins with a dot
_MARK_BYTES = b"A sijill archive is kept under this prefix.\n"
_ABANDONED = timedelta(days=2)
_ROUNDS = 10


class S3Store:
    """The store of one bucket, or of one prefix in it. Safe for any number of threads, processes and machines."""

    def __init__(self, connection: Connection, setup: Setup) -> None:
        self._connection = connection
        self._options = connection.options
        self._setup = setup
        versioned = bool(setup.versioning)
        self._rule: Rule = Versioned(connection, lockable=setup.lockable) if versioned else Plain(connection)
        self._guards = Guards(connection, versioned=versioned, known=connection.options.write_once)

    @classmethod
    def at(cls, location: S3Location, *, create: bool, options: StoreOptions) -> Self:
        """The store at `location`; with `create` the prefix is marked as a store if there is nothing yet.

        The bucket must be there in either case: how it is set up is for its owner to decide.

        Raises:
            StoreUnavailable: there is no such bucket, or without `create` nothing in it under the prefix.
            StoreDenied: the credentials are missing or wrong, or do not give the rights.
            CapabilityMissing: `options` ask for Object Lock, which the bucket does not have.
        """
        connection = Connection(location, options)
        try:
            empty = not holds_anything(connection)
            setup = look_at(connection)
        except NotFound as err:
            raise StoreUnavailable(location.url, "not found: is the endpoint that of an S3 server?") from err
        if options.retention is not None and not setup.lockable:
            reason = (
                "has no Object Lock, which the settings demand; it is enabled when a bucket is made"
                if setup.versioning
                else "keeps no versions and so can have no Object Lock, which the settings demand"
            )
            raise CapabilityMissing(location.url, f"the bucket {reason}")
        if empty and not create:
            raise StoreUnavailable(location.url, "there is nothing under this prefix of the bucket")
        if empty:
            send_bytes(connection, _MARK, _MARK_BYTES, only_if_absent=False)
        return cls(connection, setup)

    @property
    def url(self) -> str:
        """The `s3://` URL of the bucket, with what it takes to reach it; no credentials."""
        return self._connection.location.url

    def put(self, key: str, source: Source | Path, *, expected: Fingerprint) -> Stored:
        """See `Store.put`. Objects up to 8 MiB pass through memory whole."""
        check_key(key)
        if expected.size <= SMALL:
            try:
                data = read_whole(key, source, expected)
            except SourceMismatch:
                counted = self._rule.find(key).counted
                if counted is not None:
                    return self._confirm(key, counted, expected)
                raise
            return self._put_bytes(key, data, expected)
        return self._put(key, expected, self._large_sender(key, source, expected), look_first=True)

    def create(self, key: str, data: bytes) -> bool:
        """See `Store.create`."""
        check_key(key)
        try:
            self._put_bytes(key, data, measure((data,)))
        except AlreadyExists:
            return False
        return True

    def replace(self, key: str, data: bytes, *, durable: bool = True) -> None:
        """See `Store.replace`. Earlier versions are removed."""
        check_mutable(key)
        sent = send_bytes(self._connection, key, data, only_if_absent=False)
        expected = measure((data,))
        try:
            # Without versions, the entity tag tells whether these are still the bytes that were put.
            etag = sent.etag if sent.version is None else None
            found, _ = measure_object(self._connection, key, sent.version, etag)
        except NotFound:
            # Someone else replaced or deleted it meanwhile, so the last word was theirs.
            return
        if not same(found, expected):
            raise ReadBackMismatch(key, expected, found)
        self._rule.tidy(key)

    def read(self, key: str, *, limit: int) -> bytes:
        """See `Store.read`."""
        with self._opened(key) as stream:
            if stream.head.size > limit:
                raise ObjectTooLarge(key, limit)
            return b"".join(iter(lambda: stream.piece(PIECE), b""))

    def open(self, key: str) -> io.BufferedReader:
        """See `Store.open`. If the connection breaks, the rest is asked for again."""
        return io.BufferedReader(self._opened(key), PIECE)

    def stat(self, key: str) -> ObjectInfo | None:
        """See `Store.stat`. Modified is when the server took the bytes, by its clock."""
        check_key(key)
        return self._rule.stat(key)

    def list(self, prefix: str, *, after: str | None = None) -> Iterator[str]:
        """See `Store.list`. A thousand names are in memory at a time."""
        check_prefix(prefix)
        return self._rule.keys(prefix, after or "")

    def delete(self, key: str) -> None:
        """See `Store.delete`. All versions go; where the server refuses that, the key is hidden."""
        check_mutable(key)
        self._rule.remove(key)

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """See `Store.versions`."""
        check_prefix(prefix)
        return self._rule.versions(prefix)

    @property
    def can_hold(self) -> bool:
        """See `Store.can_hold`."""
        return bool(self._setup.versioning) and self._setup.lockable

    def hold(self, key: str) -> None:
        """See `Store.hold`."""
        self._hold(key, held=True)

    def release(self, key: str) -> None:
        """See `Store.release`."""
        self._hold(key, held=False)

    def check_erasable(self, key: str) -> None:
        """See `Store.check_erasable`. Retention in governance mode counts too: no right to end it early is used."""
        check_erasable_key(key)
        self._rule.check_erasable(key)

    def erase(self, key: str) -> bool:
        """See `Store.erase`."""
        self.check_erasable(key)
        for upload in list_uploads(self._connection):
            if upload.key == key:
                abort_upload(self._connection, upload.key, upload.number)
        return self._rule.erase(key)

    def recover(self) -> int:
        """See `Store.recover`. Uploads and canary objects of the last two days are taken for work under way."""
        before = self._options.clock() - _ABANDONED
        done = 0
        for upload in list_uploads(self._connection):
            if upload.begun < before:
                abort_upload(self._connection, upload.key, upload.number)
                done += 1
        for canary in [entry for entry in self._rule.versions(PROBE) if entry.modified < before]:
            self._rule.remove(canary.key)
            done += 1
        return done

    def trials(self) -> dict[Capability, Callable[[], tuple[bool | None, str]]]:
        """See `probe.Triable`."""
        from sijill.storage.s3_probe import s3_trials

        return s3_trials(self._connection, versioned=bool(self._setup.versioning), lockable=self._setup.lockable)

    def _opened(self, key: str) -> ObjectStream:
        check_key(key)
        version = None
        if self._setup.versioning and not is_mutable(key):
            counted = self._rule.find(key).counted
            if counted is None:
                raise NotFound(key)
            version = counted.version
        return ObjectStream(self._connection, key, version)

    def _put_bytes(self, key: str, data: bytes, expected: Fingerprint) -> Stored:
        guard = self._guard(self._guards.put)

        def send() -> Sent:
            return send_bytes(self._connection, key, data, only_if_absent=guard is Guard.CONDITION)

        # A version put in vain can be deleted again, unless it is locked as soon as it is there. Which versions of
        # a mutable key are past must be known before one is put.
        look_first = bool(self._setup.versioning) and (is_mutable(key) or self._setup.locks_by_default)
        return self._put(key, expected, send, look_first=look_first)

    def _large_sender(self, key: str, source: Source | Path, expected: Fingerprint) -> Callable[[], Sent]:
        send, guard = send_parts, self._guards.multipart
        if guard is Guard.NONE:
            send, guard = send_stream, self._guard(self._guards.put)
        return lambda: send(self._connection, key, source, expected, only_if_absent=guard is Guard.CONDITION)

    def _guard(self, guard: Guard) -> Guard:
        if self._setup.versioning == "Suspended":
            raise CapabilityMissing(self.url, "the bucket's versioning is suspended: resume it")
        if guard is Guard.NONE:
            raise CapabilityMissing(
                self.url,
                "nothing keeps one writer from replacing another's object: the server does not honour If-None-Match "
                + ("and the order of versions does not tell which was first" if self._setup.versioning else "")
                + ("" if self._setup.versioning else "and the bucket keeps no versions: switch its versioning on"),
            )
        return guard

    def _put(self, key: str, expected: Fingerprint, send: Callable[[], Sent], *, look_first: bool) -> Stored:
        for attempt in range(_ROUNDS):
            found = self._rule.find(key) if look_first else Found(None)
            counted = found.counted or self._sent(key, send, found.past)
            if counted is not None:
                # Not found if a mutable object is deleted before it could be read back.
                with suppress(NotFound):
                    return self._confirm(key, counted, expected)
            pause(attempt)
        raise StoreUnavailable(key, f"was deleted {_ROUNDS} times while it was being put")

    def _sent(self, key: str, send: Callable[[], Sent], past: Set[str]) -> Counted | None:
        try:
            sent = send()
        except Taken:
            return self._rule.find(key).counted
        except NotFound:
            # Ceph answers NoSuchKey to a put if another writer deletes the key just then.
            return None
        return self._rule.settle(key, sent.version, past)

    def _confirm(self, key: str, counted: Counted, expected: Fingerprint) -> Stored:
        found, head = measure_object(self._connection, key, counted.version, None)
        if not same(found, expected):
            if not counted.ours:
                raise AlreadyExists(key, expected, found)
            self._withdraw(key, counted, found)
            raise ReadBackMismatch(key, expected, found)
        until = head.lock.until
        if counted.version is not None and not is_mutable(key):
            until = self._locked(key, counted.version, head.lock)
        return Stored(key, counted.ours, counted.version, until)

    def _locked(self, key: str, version: str, lock: Lock) -> datetime | None:
        retention, now = self._options.retention, self._options.clock()
        if retention is None:
            return lock.until
        locked = lock.until is not None and lock.until > now and lock.mode in {retention.mode, LockMode.COMPLIANCE}
        if locked:
            return lock.until
        until = retention.until(now) if lock.until is None else max(lock.until, retention.until(now))
        lock_object(self._connection, key, version, lock, retention.mode, until)
        return until

    def _withdraw(self, key: str, counted: Counted, wrong: Measure) -> None:
        """Remove our own object if it is really wrong; if only its reading was, another writer may count on it."""
        with suppress(StorageError):
            again, _ = measure_object(self._connection, key, counted.version, None)
            if same(again, wrong):
                delete_object(self._connection, key, counted.version)

    def _hold(self, key: str, *, held: bool) -> None:
        check_immutable(key)
        counted = self._rule.find(key).counted
        if counted is None:
            raise NotFound(key)
        if counted.version is None or not self._setup.lockable:
            raise CapabilityMissing(self.url, "the bucket has no Object Lock, and so no legal hold")
        hold_object(self._connection, key, counted.version, held=held)
