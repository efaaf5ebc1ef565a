"""Trials of an S3 bucket on canary objects, request by request: what its server says counts for nothing."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sijill.storage.errors import StorageError
from sijill.storage.options import Guard, LockMode
from sijill.storage.probe import Capability
from sijill.storage.s3_errors import Taken, code_of, s3_failures
from sijill.storage.s3_listing import list_versions
from sijill.storage.s3_objects import delete_object, head, hold_object, lock_object, measure_object
from sijill.storage.s3_transfer import send_bytes
from sijill.storage.s3_trials import canary, try_multipart, try_put

if TYPE_CHECKING:
    from sijill.storage.s3_client import Connection

_RETENTION = timedelta(seconds=5)
_RACES = 5

_WRONG_CHECKSUM = frozenset(
    {"BadDigest", "InvalidDigest", "InvalidRequest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}
)

Found = tuple[bool | None, str]


def s3_trials(connection: Connection, *, versioned: bool, lockable: bool) -> dict[Capability, Callable[[], Found]]:
    """A trial for each capability that S3 servers differ in."""
    return {
        Capability.CONDITIONAL_WRITE: lambda: _conditional_write(connection, versioned=versioned),
        Capability.VERSIONING: lambda: _versioning(connection, versioned=versioned),
        Capability.OBJECT_LOCK: lambda: _object_lock(connection, lockable=lockable),
        Capability.CHECKSUM: lambda: _checksum(connection),
    }


def _conditional_write(connection: Connection, *, versioned: bool) -> Found:
    put, multipart = try_put(connection, versioned), try_multipart(connection, versioned)
    if put is not Guard.CONDITION:
        return False, f"a put with If-None-Match over an existing key was accepted; write-once here is by {put}"
    with ThreadPoolExecutor(2) as pool:
        for _ in range(_RACES):
            with canary(connection) as key:
                won = list(pool.map(lambda data, key=key: _wins(connection, key, data), (b"one", b"two")))
            if sum(won) != 1:
                return False, f"of two puts at once with If-None-Match {sum(won)} succeeded"
    parts = "" if multipart is Guard.CONDITION else f"; objects put in parts are guarded by {multipart} only"
    return (
        True,
        f"If-None-Match refused an existing key, and of two puts at once let one through, {_RACES} times{parts}",
    )


def _wins(connection: Connection, key: str, data: bytes) -> bool:
    try:
        send_bytes(connection, key, data, only_if_absent=True)
    except Taken:
        return False
    return True


def _versioning(connection: Connection, *, versioned: bool) -> Found:
    if not versioned:
        return False, "the bucket keeps no versions"
    with canary(connection) as key:
        first = send_bytes(connection, key, b"first", only_if_absent=False)
        send_bytes(connection, key, b"second", only_if_absent=False)
        kept = len(list_versions(connection, key))
        if kept != 2 or first.version is None:
            return False, f"two puts left {kept} versions"
        size = measure_object(connection, key, first.version, None)[0].size
        return size == len(b"first"), "two puts left two versions, and the first is still read by its id"


def _object_lock(connection: Connection, *, lockable: bool) -> Found:
    if not lockable:
        return False, "Object Lock is not switched on for this bucket"
    with canary(connection) as key:
        version = send_bytes(connection, key, b"locked", only_if_absent=False).version
        if version is None:
            return False, "a put gave no version id"
        until = datetime.now(UTC).replace(microsecond=0) + _RETENTION
        present = head(connection, key, version).lock
        lock_object(connection, key, version, present, LockMode.COMPLIANCE, until)
        if _deleted(connection, key, version):
            return False, "a version under compliance retention was deleted before its time"
        time.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()) + 1)
        hold_object(connection, key, version, held=True)
        if _deleted(connection, key, version):
            return False, "retention held, but a version under legal hold was deleted"
        hold_object(connection, key, version, held=False)
    return True, "deleting a version was refused under compliance retention, and under legal hold"


def _deleted(connection: Connection, key: str, version: str) -> bool:
    with suppress(StorageError):
        delete_object(connection, key, version)
    return version not in {entry.version for entry in list_versions(connection, key)}


def _checksum(connection: Connection) -> Found:
    wrong_md5 = base64.b64encode(hashlib.md5(b"other", usedforsecurity=False).digest()).decode("ascii")
    wrong_sha256 = base64.b64encode(hashlib.sha256(b"other").digest()).decode("ascii")
    refused = {
        "Content-MD5": _refuses(connection, ContentMD5=wrong_md5),
        "x-amz-checksum-sha256": _refuses(connection, ChecksumSHA256=wrong_sha256),
    }
    said = ", ".join(f"a wrong {name} was {'refused' if ok else 'ACCEPTED'}" for name, ok in refused.items())
    return all(refused.values()), f"{said}; sijill sends Content-MD5 and reads every object back"


def _refuses(connection: Connection, **checksum: Any) -> bool:
    with canary(connection) as key:
        name = connection.location.object_name(key)
        with s3_failures(key):
            try:
                connection.client.put_object(Bucket=connection.bucket, Key=name, Body=b"these", **checksum)
            except ClientError as err:
                if code_of(err) in _WRONG_CHECKSUM:
                    return True
                raise
        return False
