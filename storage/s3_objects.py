"""One object in a bucket: reading it to its end through cut connections, deleting it, locking it."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from sijill.storage.errors import NotFound, ObjectLocked, StoreDenied, StoreUnavailable
from sijill.storage.fingerprint import Measure, Meter
from sijill.storage.options import LockMode
from sijill.storage.s3_errors import is_taken, s3_failures
from sijill.storage.store import PIECE

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.response import StreamingBody

    from sijill.storage.s3_client import Connection

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 20.0


class ReplacedMeanwhile(NotFound):
    """The mutable object is no longer the one that was asked for: someone replaced or deleted it."""


@dataclass(frozen=True, slots=True)
class Lock:
    """What the server says keeps a version from being deleted."""

    mode: LockMode | None
    until: datetime | None
    held: bool


@dataclass(frozen=True, slots=True)
class Head:
    """What the server says of an object without giving its bytes."""

    size: int
    modified: datetime
    etag: str
    version: str | None
    lock: Lock


def head(connection: Connection, key: str, version: str | None) -> Head:
    """What the server says of a version, or of the newest where `version` is None.

    Raises:
        NotFound: there is no such object.
        StoreFailure: the server does not say.
    """
    with s3_failures(key):
        return _head(connection.client.head_object(**_named(connection, key, version)))


def measure_object(connection: Connection, key: str, version: str | None, etag: str | None) -> tuple[Measure, Head]:
    """Read an object and say what was read; of the newest version where `version` is None.

    Raises:
        NotFound: there is no such object; `ReplacedMeanwhile` if its entity tag is not `etag`.
        StoreFailure: the server does not give it.
    """
    meter = Meter()
    with closing(ObjectStream(connection, key, version, etag)) as stream:
        while piece := stream.piece(PIECE):
            meter.update(piece)
    return meter.measure(), stream.head


def delete_object(connection: Connection, key: str, version: str | None) -> None:
    """Delete a version for good; with None the object itself, or where versions are kept, hide it behind a marker.

    Raises:
        StoreDenied: it is locked, or the right is missing.
        StoreFailure: the server does not do it.
    """
    with s3_failures(key):
        connection.client.delete_object(**_named(connection, key, version))


def refuse_locked(connection: Connection, key: str, version: str | None) -> None:
    """Refuse a version that the server says it keeps.

    Raises:
        ObjectLocked: it is under retention or legal hold.
        StoreFailure: the server does not say.
    """
    try:
        lock = head(connection, key, version).lock
    except NotFound:
        return
    until = lock.until if lock.until is not None and lock.until > connection.options.clock() else None
    if until is not None or lock.held:
        raise ObjectLocked(key, until, lock.held)


def erase_version(connection: Connection, key: str, version: str | None) -> None:
    """Delete a version for good.

    Raises:
        ObjectLocked: it is under retention or legal hold.
        StoreDenied: the right is missing.
        StoreFailure: the server does not do it.
    """
    try:
        delete_object(connection, key, version)
    except StoreDenied:
        # Servers refuse both with the same code.
        refuse_locked(connection, key, version)
        raise


def lock_object(connection: Connection, key: str, version: str, present: Lock, mode: LockMode, until: datetime) -> None:
    """Make the server refuse to delete a version before `until`, which is not before its `present` lock ends.

    Raises:
        StoreDenied: the right is missing, or the present lock is stronger.
        StoreFailure: the server does not do it.
    """
    named = _named(connection, key, version)
    if mode is LockMode.COMPLIANCE and present.mode is LockMode.GOVERNANCE:
        # It takes this right even to make a lock stronger.
        named["BypassGovernanceRetention"] = True
    with s3_failures(key):
        connection.client.put_object_retention(**named, Retention={"Mode": _MODES[mode], "RetainUntilDate": until})


def hold_object(connection: Connection, key: str, version: str, *, held: bool) -> None:
    """Put a legal hold on a version, or take it off.

    Raises:
        StoreFailure: the server does not do it.
    """
    with s3_failures(key):
        connection.client.put_object_legal_hold(
            **_named(connection, key, version), LegalHold={"Status": "ON" if held else "OFF"}
        )


def pause(attempt: int) -> None:
    """Wait a random while that grows with each failed attempt, the first being 0."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
    time.sleep(random.uniform(0, longest))  # noqa: S311 -- spreads load, guards no secret


class ObjectStream(io.RawIOBase):
    """The bytes of an object; when the connection breaks, the rest is asked for again, and so it is from a place."""

    def __init__(self, connection: Connection, key: str, version: str | None, etag: str | None = None) -> None:
        super().__init__()
        self._connection = connection
        self._key = key
        self._position = 0
        self._moved = False
        self._parameters = _named(connection, key, version)
        if etag is not None:
            self._parameters["IfMatch"] = etag
        self._body, self.head = self._ask()
        # Whatever is asked for later must belong to the same bytes.
        self._parameters["IfMatch"] = self.head.etag

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place; what is read next is asked for from there on."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.head.size}[whence]
        if start + offset < 0:
            raise ValueError(f"no place before the first byte: {start + offset}")
        self._moved = self._moved or start + offset != self._position
        self._position = start + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into `buffer` and return how many bytes; 0 at the end.

        Raises:
            StoreFailure: the server does not give the bytes.
        """
        view = memoryview(buffer).cast("B")
        data = self.piece(len(view))
        view[: len(data)] = data
        return len(data)

    def piece(self, size: int) -> bytes:
        """The next bytes, at most `size`; none at the end.

        Raises:
            ReplacedMeanwhile: the object is another since reading began.
            StoreFailure: the server does not give the bytes.
        """
        wanted = max(0, min(size, self.head.size - self._position))
        broken: StoreUnavailable | None = None
        for attempt in range(self._connection.options.attempts if wanted else 0):
            if attempt:
                pause(attempt - 1)
            if attempt or self._moved:
                self._resume()
            try:
                with s3_failures(self._key):
                    data = self._body.read(wanted)
            except StoreUnavailable as err:
                broken = err
                continue
            if data:
                self._position += len(data)
                return data
        if wanted:
            reason = f"breaks off after {self._position} of {self.head.size} bytes, again and again"
            raise StoreUnavailable(self._key, reason) from broken
        return b""

    def close(self) -> None:
        """Give the connection back, or end it if there is more to come."""
        if not self.closed:
            self._body.close()
        super().close()

    def _ask(self) -> tuple[StreamingBody, Head]:
        with s3_failures(self._key):
            try:
                answer = self._connection.client.get_object(**self._parameters)
            except ClientError as err:
                if is_taken(err):
                    raise ReplacedMeanwhile(self._key) from err
                raise
        begins = f"bytes {self._position}-"
        if self._position and not answer.get("ContentRange", "").startswith(begins):
            answer["Body"].close()
            raise StoreUnavailable(self._key, f"asked for bytes from {self._position} on, the server gave others")
        return answer["Body"], _head(answer)

    def _resume(self) -> None:
        self._body.close()
        self._parameters.pop("Range", None)
        if self._position:
            self._parameters["Range"] = f"bytes={self._position}-"
        self._body, _ = self._ask()
        self._moved = False


_MODES: Mapping[LockMode, Literal["GOVERNANCE", "COMPLIANCE"]] = {
    LockMode.GOVERNANCE: "GOVERNANCE",
    LockMode.COMPLIANCE: "COMPLIANCE",
}


def _named(connection: Connection, key: str, version: str | None) -> dict[str, Any]:
    named = {"Bucket": connection.bucket, "Key": connection.location.object_name(key)}
    return named if version is None else {**named, "VersionId": version}


def _head(answer: Mapping[str, Any]) -> Head:
    mode, until = answer.get("ObjectLockMode"), answer.get("ObjectLockRetainUntilDate")
    return Head(
        size=answer["ContentLength"],
        modified=answer["LastModified"].astimezone(UTC),
        etag=answer["ETag"],
        version=answer.get("VersionId"),
        lock=Lock(
            mode=None if mode is None else LockMode(mode.lower()),
            until=None if until is None else until.astimezone(UTC),
            held=answer.get("ObjectLockLegalHoldStatus") == "ON",
        ),
    )
