"""Sending objects to a bucket: whole, as a stream, or in parts; each body with its MD5, which the server checks."""

from __future__ import annotations

import base64
import hashlib
import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from sijill.storage.errors import StorageError, StoreFull
from sijill.storage.fingerprint import Fingerprint
from sijill.storage.s3_errors import Taken, code_of, is_taken, s3_failures
from sijill.storage.source import checked, in_parts, pieces_of
from sijill.storage.store import Source

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedPartTypeDef

    from sijill.storage.s3_client import Connection

SMALL = 8 << 20
"""Objects up to this size pass through memory whole; larger ones in parts of this size."""

SINGLE_LIMIT = 5 << 30
"""S3 takes no more bytes in one request."""

_MOST_PARTS = 10_000
_PARALLEL_PARTS = 4
_ONLY_IF_ABSENT = {"IfNoneMatch": "*"}


@dataclass(frozen=True, slots=True)
class Sent:
    """What the server said of an object that it took."""

    version: str | None
    """None where the bucket keeps no versions, or the answer to the last request was lost."""
    etag: str | None = None


def send_bytes(connection: Connection, key: str, data: bytes, *, only_if_absent: bool) -> Sent:
    """Put `data` in one request.

    Raises:
        Taken: the server refused because of `only_if_absent`.
        StoreFailure: the server did not take it.
    """
    with _sending(key):
        answer = connection.client.put_object(
            **_named(connection, key), Body=data, ContentMD5=_md5(data), **_condition(only_if_absent=only_if_absent)
        )
    return Sent(answer.get("VersionId"), answer.get("ETag"))


def send_stream(
    connection: Connection, key: str, source: Source | Path, expected: Fingerprint, *, only_if_absent: bool
) -> Sent:
    """Put a large object in one request: `source` is read twice, first to check it, then to send it.

    What opening or reading `source` raises is passed on; nothing is stored then.

    Raises:
        SourceMismatch: `source` does not hold what `expected` says; nothing was sent.
        Taken: the server refused because of `only_if_absent`.
        StoreFull: it is larger than one request may be.
        StoreFailure: the server did not take it.
    """
    if expected.size > SINGLE_LIMIT:
        raise StoreFull(key, f"{expected.size} bytes cannot be put in one request, and this bucket cannot guard parts")
    md5 = hashlib.md5(usedforsecurity=False)
    for piece in checked(key, source, expected):
        md5.update(piece)
    with closing(_Body(source, expected.size)) as body:
        try:
            with _sending(key):
                answer = connection.client.put_object(
                    **_named(connection, key),
                    Body=cast("IO[bytes]", body),
                    ContentLength=expected.size,
                    ContentMD5=base64.b64encode(md5.digest()).decode("ascii"),
                    **_condition(only_if_absent=only_if_absent),
                )
        except StorageError as err:
            if body.failure is not None:
                raise body.failure from err
            raise
    return Sent(answer.get("VersionId"), answer.get("ETag"))


def send_parts(
    connection: Connection, key: str, source: Source | Path, expected: Fingerprint, *, only_if_absent: bool
) -> Sent:
    """Put a large object in parts, a few at a time; they become an object only if `source` was as `expected` says.

    What opening or reading `source` raises is passed on; nothing is stored then.

    Raises:
        SourceMismatch: `source` does not hold what `expected` says; nothing was stored.
        Taken: the server refused because of `only_if_absent`.
        StoreFailure: the server did not take it.
    """
    named = _named(connection, key)
    with s3_failures(key):
        upload = connection.client.create_multipart_upload(**named)["UploadId"]
    try:
        with closing(checked(key, source, expected)) as pieces:
            parts = _send_each(connection, key, upload, in_parts(pieces, _part_size(expected)))
        with _sending(key):
            answer = connection.client.complete_multipart_upload(
                **named, UploadId=upload, MultipartUpload={"Parts": parts}, **_condition(only_if_absent=only_if_absent)
            )
    except BaseException:
        # Left behind if this fails too, until `recover` finds it.
        with suppress(StorageError):
            abort_upload(connection, key, upload)
        raise
    return Sent(answer.get("VersionId"))


def abort_upload(connection: Connection, key: str, upload: str) -> None:
    """Throw the parts of an upload away.

    Raises:
        StoreFailure: the server does not do it.
    """
    with s3_failures(key):
        try:
            connection.client.abort_multipart_upload(**_named(connection, key), UploadId=upload)
        except ClientError as err:
            if code_of(err) != "NoSuchUpload":
                raise


def _send_each(connection: Connection, key: str, upload: str, parts: Iterator[bytes]) -> list[CompletedPartTypeDef]:
    done: list[CompletedPartTypeDef] = []
    under_way: deque[Future[CompletedPartTypeDef]] = deque()
    with ThreadPoolExecutor(_PARALLEL_PARTS, thread_name_prefix="sijill-part") as pool:
        try:
            for number, part in enumerate(parts, start=1):
                if len(under_way) == _PARALLEL_PARTS:
                    done.append(under_way.popleft().result())
                under_way.append(pool.submit(_send_part, connection, key, upload, number, part))
            done += [future.result() for future in under_way]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return done


def _send_part(connection: Connection, key: str, upload: str, number: int, part: bytes) -> CompletedPartTypeDef:
    with s3_failures(key):
        answer = connection.client.upload_part(
            **_named(connection, key), UploadId=upload, PartNumber=number, Body=part, ContentMD5=_md5(part)
        )
    return {"PartNumber": number, "ETag": answer["ETag"]}


def _part_size(expected: Fingerprint) -> int:
    # Sources longer than announced are found out after one piece more, so there are never more parts than planned.
    return max(SMALL, -(-expected.size // (_MOST_PARTS - 1)))


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode("ascii")


def _named(connection: Connection, key: str) -> dict[str, Any]:
    return {"Bucket": connection.bucket, "Key": connection.location.object_name(key)}


def _condition(*, only_if_absent: bool) -> dict[str, Any]:
    return _ONLY_IF_ABSENT if only_if_absent else {}


@contextmanager
def _sending(key: str) -> Iterator[None]:
    with s3_failures(key):
        try:
            yield
        except ClientError as err:
            if is_taken(err):
                raise Taken from err
            raise


class _Body(io.RawIOBase):
    """A source as boto3 reads it: from the start again whenever a request is tried again."""

    def __init__(self, source: Source | Path, size: int) -> None:
        super().__init__()
        self._source = source
        self._size = size
        self._position = 0
        self._pieces = pieces_of(source)
        self._rest = memoryview(b"")
        self.failure: Exception | None = None
        """What the source raised: boto3 takes it for a failure of the connection."""

    def __len__(self) -> int:
        return self._size

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always, but only to the start."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, and never more than were announced."""
        left = self._size - self._position
        if not left:
            return b""
        if not self._rest:
            self._rest = memoryview(self._next())
        length = min(left, len(self._rest), left if size < 0 else size)
        data, self._rest = bytes(self._rest[:length]), self._rest[length:]
        self._position += length
        return data

    def tell(self) -> int:
        """How many bytes were read since the start."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to the start."""
        if (offset, whence) != (0, io.SEEK_SET):
            raise io.UnsupportedOperation("only to the start")
        if self._position:
            self._pieces.close()
            self._pieces, self._rest, self._position = pieces_of(self._source), memoryview(b""), 0
        return 0

    def close(self) -> None:
        """Close the source."""
        self._pieces.close()
        super().close()

    def _next(self) -> bytes:
        if self.failure is not None:
            raise self.failure
        try:
            return next(self._pieces)
        except StopIteration:
            self.failure = EOFError(f"the source ended after {self._position} bytes when it was read again")
            raise self.failure from None
        except Exception as err:
            self.failure = err
            raise
