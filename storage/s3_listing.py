"""What is in a bucket, as its server lists it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sijill.storage.errors import StoreUnavailable
from sijill.storage.layout import is_key
from sijill.storage.s3_errors import s3_failures
from sijill.storage.store import ObjectVersion

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ListObjectVersionsOutputTypeDef

    from sijill.storage.s3_client import Connection

_FEW = 3
"""Entries asked for where one is expected: a key that begins with another may follow."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a key, or a deletion marker."""

    key: str
    version: str
    size: int
    modified: datetime
    latest: bool
    deletion: bool

    @property
    def published(self) -> ObjectVersion:
        """The same, as `Store.versions` gives it."""
        return ObjectVersion(self.key, self.version, self.size, self.modified, self.deletion)


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in parts that is under way, or was left behind."""

    key: str
    number: str
    """The server's name for it."""
    begun: datetime


def list_keys(connection: Connection, prefix: str, after: str) -> Iterator[str]:
    """Keys of current objects that begin with `prefix` and sort after `after`, in bytewise order.

    Raises:
        StoreFailure: the server does not list them.
    """
    location = connection.location
    more: dict[str, Any] = {"StartAfter": location.object_name(after)} if after else {}
    while True:
        with s3_failures(location.url):
            page = connection.client.list_objects_v2(
                Bucket=connection.bucket, Prefix=location.object_name(prefix), **more
            )
        for item in page.get("Contents", ()):
            key = location.key(item["Key"])
            if is_key(key) and key > after:
                yield key
        if not page.get("IsTruncated"):
            return
        if not page.get("NextContinuationToken"):
            raise StoreUnavailable(location.url, "the server's listing breaks off")
        more = {"ContinuationToken": page["NextContinuationToken"]}


def list_entries(connection: Connection, prefix: str, after: str) -> Iterator[list[Entry]]:
    """All that is kept under each key that begins with `prefix` and sorts after `after`; keys in bytewise order.

    For each key come its versions, newest first as the server has them, and then its deletion markers likewise.

    Raises:
        StoreFailure: the server does not list them.
    """
    waiting: dict[str, list[Entry]] = {}
    for page in _pages(connection, connection.location.object_name(prefix), after):
        for entry in _entries(connection, page):
            if is_key(entry.key) and entry.key > after:
                waiting.setdefault(entry.key, []).append(entry)
        # The rest of the last key may be on the next page.
        last = connection.location.key(page["NextKeyMarker"]) if page.get("IsTruncated") else None
        for key in sorted(key for key in waiting if last is None or key < last):
            yield _versions_first(waiting.pop(key))


def list_versions(connection: Connection, key: str) -> list[Entry]:
    """All versions of one key, newest first as the server has them, without deletion markers.

    Raises:
        StoreFailure: the server does not list them.
    """
    return [entry for entry in list_kept(connection, key) if not entry.deletion]


def list_kept(connection: Connection, key: str) -> list[Entry]:
    """All versions of one key, newest first as the server has them, and then its deletion markers likewise.

    Raises:
        StoreFailure: the server does not list them.
    """
    found: list[Entry] = []
    for page in _pages(connection, connection.location.object_name(key), "", _FEW):
        entries = _entries(connection, page)
        found += [entry for entry in entries if entry.key == key]
        # A key sorts before all others that begin with it.
        if any(entry.key != key for entry in entries):
            break
    return _versions_first(found)


def by_age(entries: list[Entry]) -> Iterator[Entry]:
    """The versions of one key oldest first, with its deletion markers where their times put them.

    The server's order of versions stays, whatever their times are: it is what tells which one was first.
    """
    versions, markers = ([e for e in reversed(entries) if e.deletion is kind] for kind in (False, True))
    return heapq.merge(versions, markers, key=lambda entry: entry.modified)


def list_uploads(connection: Connection) -> Iterator[Upload]:
    """Uploads in parts that were begun under the store's prefix and neither completed nor thrown away.

    Raises:
        StoreFailure: the server does not list them.
    """
    location, more = connection.location, dict[str, Any]()
    while True:
        with s3_failures(location.url):
            page = connection.client.list_multipart_uploads(
                Bucket=connection.bucket, Prefix=location.object_name(""), **more
            )
        for item in page.get("Uploads", ()):
            yield Upload(location.key(item["Key"]), item["UploadId"], item["Initiated"].astimezone(UTC))
        if not page.get("IsTruncated"):
            return
        more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}


def holds_anything(connection: Connection) -> bool:
    """Whether there is anything in the store's part of the bucket, be it deleted.

    Raises:
        StoreUnavailable: there is no such bucket, or the server is none of S3.
        StoreFailure: the server does not answer, or refuses.
    """
    page = next(_pages(connection, connection.location.object_name(""), "", 1))
    # Some web servers answer any request with a page that happens to be read as an answer without entries.
    if page.get("Name") != connection.bucket:
        raise StoreUnavailable(connection.location.url, "the answer is not one of S3: is the endpoint an S3 server's?")
    return bool(page.get("Versions") or page.get("DeleteMarkers"))


def _versions_first(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if not entry.deletion] + [entry for entry in entries if entry.deletion]


def _pages(
    connection: Connection, name_prefix: str, after: str, most: int = 1000
) -> Iterator[ListObjectVersionsOutputTypeDef]:
    more: dict[str, Any] = {"KeyMarker": connection.location.object_name(after)} if after else {}
    while True:
        with s3_failures(connection.location.url):
            page = connection.client.list_object_versions(
                Bucket=connection.bucket, Prefix=name_prefix, MaxKeys=most, **more
            )
        if page.get("IsTruncated") and not page.get("NextKeyMarker"):
            raise StoreUnavailable(connection.location.url, "the server's listing breaks off")
        yield page
        if not page.get("IsTruncated"):
            return
        before, more = more, {"KeyMarker": page["NextKeyMarker"]}
        if page.get("NextVersionIdMarker"):
            more["VersionIdMarker"] = page["NextVersionIdMarker"]
        if more == before:
            raise StoreUnavailable(connection.location.url, "the server's listing does not come to an end")


def _entries(connection: Connection, page: ListObjectVersionsOutputTypeDef) -> list[Entry]:
    versions = [
        Entry(
            connection.location.key(item["Key"]),
            item["VersionId"],
            item["Size"],
            item["LastModified"].astimezone(UTC),
            item["IsLatest"],
            deletion=False,
        )
        for item in page.get("Versions", ())
    ]
    markers = [
        Entry(
            connection.location.key(item["Key"]),
            item["VersionId"],
            0,
            item["LastModified"].astimezone(UTC),
            item["IsLatest"],
            deletion=True,
        )
        for item in page.get("DeleteMarkers", ())
    ]
    return versions + markers
