"""Trying out on canary objects what guards a bucket's keys: servers promise more than they keep."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sijill.storage.errors import StorageError, StoreUnavailable
from sijill.storage.layout import PROBE
from sijill.storage.options import Guard, WriteOnce
from sijill.storage.s3_errors import Taken, code_of, is_taken, s3_failures
from sijill.storage.s3_listing import list_kept, list_versions
from sijill.storage.s3_objects import delete_object
from sijill.storage.s3_transfer import Sent, abort_upload, send_bytes

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedMultipartUploadTypeDef

    from sijill.storage.s3_client import Connection

_UNKNOWN_HEADER = frozenset({"InvalidArgument", "InvalidRequest", "NotImplemented"})

_seen: dict[tuple[str | None, str, bool, str], Guard] = {}
_seen_lock = threading.Lock()


class Guards:
    """What guards one bucket's keys, tried out when first asked for and then known to the whole process."""

    def __init__(self, connection: Connection, *, versioned: bool, known: WriteOnce | None) -> None:
        self._connection = connection
        self._versioned = versioned
        self._known = known

    @property
    def put(self) -> Guard:
        """The guard of objects put in one request.

        Raises:
            StoreFailure: the server does not let itself be tried.
        """
        return self._known.put if self._known else self._tried("put", try_put)

    @property
    def multipart(self) -> Guard:
        """The guard of objects put in parts.

        Raises:
            StoreFailure: the server does not let itself be tried.
        """
        return self._known.multipart if self._known else self._tried("multipart", try_multipart)

    def _tried(self, name: str, trial: Callable[[Connection, bool], Guard]) -> Guard:
        location = self._connection.location
        subject = (location.endpoint, location.bucket, self._versioned, name)
        with _seen_lock:
            if subject not in _seen:
                _seen[subject] = trial(self._connection, self._versioned)
            return _seen[subject]


def try_put(connection: Connection, versioned: bool) -> Guard:
    """Put two objects under one key, the second only if there is nothing.

    Raises:
        StoreFailure: the server does not let itself be tried.
    """
    with canary(connection) as key:
        first = send_bytes(connection, key, b"first", only_if_absent=False)
        try:
            second = send_bytes(connection, key, b"second", only_if_absent=True)
        except Taken:
            return Guard.CONDITION
        except StoreUnavailable as err:
            cause = err.__cause__
            if not isinstance(cause, ClientError) or code_of(cause) not in _UNKNOWN_HEADER:
                raise
            second = send_bytes(connection, key, b"second", only_if_absent=False)
        return _by_versions(connection, key, first, second) if versioned else Guard.NONE


def try_multipart(connection: Connection, versioned: bool) -> Guard:
    """Begin an upload, put an object under its key, and complete the upload only if there is nothing.

    Begun first and ended last: there are servers that order versions by when an upload began.

    Raises:
        StoreFailure: the server does not let itself be tried.
    """
    client, bucket = connection.client, connection.bucket
    with canary(connection) as key:
        name = connection.location.object_name(key)
        with s3_failures(key):
            upload = client.create_multipart_upload(Bucket=bucket, Key=name)["UploadId"]
            part = client.upload_part(Bucket=bucket, Key=name, UploadId=upload, PartNumber=1, Body=b"second")
        first = send_bytes(connection, key, b"first", only_if_absent=False)
        parts: CompletedMultipartUploadTypeDef = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        try:
            with s3_failures(key):
                try:
                    answer = client.complete_multipart_upload(
                        Bucket=bucket, Key=name, UploadId=upload, MultipartUpload=parts, IfNoneMatch="*"
                    )
                except ClientError as err:
                    if is_taken(err):
                        return Guard.CONDITION
                    if code_of(err) not in _UNKNOWN_HEADER:
                        raise
                    answer = client.complete_multipart_upload(
                        Bucket=bucket, Key=name, UploadId=upload, MultipartUpload=parts
                    )
        finally:
            with suppress(StorageError):
                abort_upload(connection, key, upload)
        second = Sent(answer.get("VersionId"))
        return _by_versions(connection, key, first, second) if versioned else Guard.NONE


@contextmanager
def canary(connection: Connection) -> Iterator[str]:
    """A key that nobody uses; whatever is under it is removed afterwards, unless the server refuses."""
    key = f"{PROBE}{secrets.token_hex(16)}"
    try:
        yield key
    finally:
        # A server that locks all it is given keeps them until it lets go; `recover` tries again.
        with suppress(StorageError):
            for entry in list_kept(connection, key):
                delete_object(connection, key, entry.version)


def _by_versions(connection: Connection, key: str, first: Sent, second: Sent) -> Guard:
    order = [entry.version for entry in list_versions(connection, key)]
    return Guard.FIRST_VERSION if order == [second.version, first.version] else Guard.NONE
