"""The answers in a capture's WARC and where they lie in the store, found by method and URL.

All of a WARC is read once and its digests compared with the attestation; each record is hashed again whenever it is
read, so that no byte is replayed that is not the attested one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO, Final, Protocol
from urllib.parse import urljoin, urlsplit

from sijill.archive.capture.target import parse_target
from sijill.archive.digest import Digest, Hasher
from sijill.archive.errors import BadTarget, MalformedWarc
from sijill.archive.warc.examine import ExaminedRecord, examine
from sijill.archive.warc.gzip_reader import GzipMembers
from sijill.archive.warc.http_message import ResponseHead, ResponseParser
from sijill.archive.warc.reader import ANSWERS, Record, next_record, read_records
from sijill.archive.warc.record import RecordType
from sijill.provenance.attest.members import CaptureStatement, DependencyRecord
from sijill.viewer.errors import NotHere, Refused
from sijill.viewer.source import StoredEnvelope

_REQUEST_KEPT: Final = 1 << 20
_DATE: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OF_THE_MOMENT: Final = re.compile(r"(?<==)(?:\d{9,20}|0?\.\d{6,20})(?=&|\Z)")
"""A value in a query that is a time or a random number: nobody asks for the same one twice."""


class CaptureSource(Protocol):
    """Where captures are; `viewer.source.ArchiveSource` is one."""

    def envelope(self, capture_id: str) -> StoredEnvelope:
        """As `ArchiveSource.envelope`."""

    def open_object(self, sha256: str) -> AbstractContextManager[BinaryIO]:
        """As `ArchiveSource.open_object`."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A response whose payload is in a WARC of the store, and was as attested when it was found."""

    warc: str
    """SHA-256 of the WARC."""
    offset: int
    block: Digest
    payload_size: int
    head: ResponseHead


@dataclass(slots=True)
class Recorded:
    """An answer as a capture has it."""

    url: str
    date: datetime
    head: ResponseHead | None
    """None of a revisit without one."""
    stored: Stored | None
    """What holds its payload; None if that is not in the store, or not as attested."""
    original: str | None = None
    """The record that holds the payload of a revisit."""
    method: str = "GET"
    body: str | None = None
    """SHA-256 of the request's body, if it had one."""

    @property
    def shown(self) -> ResponseHead | None:
        """The head of the answer; to whoever has nothing yet a 304 is of no use, and the original's is given."""
        if self.head is not None and self.head.status != 304:
            return self.head
        return None if self.stored is None else self.stored.head


@dataclass(slots=True)
class Holdings:
    """Every answer that a capture can give."""

    statement: CaptureStatement
    records: list[Recorded]
    _by_request: dict[tuple[str, str], list[Recorded]] = field(default_factory=dict)
    _loosely: dict[tuple[str, str], list[Recorded]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for record in self.records:
            url = request_url(record.url)
            self._by_request.setdefault((record.method, url), []).append(record)
            self._loosely.setdefault((record.method, _loose(url)), []).append(record)

    def find(self, method: str, url: str, moment: datetime, body: str | None = None) -> Recorded | None:
        """The answer to a request that was made nearest to `moment`; None if there is none.

        One that leads nowhere but to the same request again is passed over if there is another.
        """
        url = request_url(url)
        known = (
            self._by_request.get((method, url))
            or self._by_request.get((method, f"{url}?"))
            or self._loosely.get((method, _loose(url)))
        )
        if not known:
            return None
        same = [record for record in known if record.body == body] or known
        leading = [record for record in same if not _leads_to_itself(record)] or same
        return min(leading, key=lambda record: abs(record.date - moment))


def read_holdings(source: CaptureSource, capture_id: str) -> Holdings:
    """Read all of a capture's WARC, and the records that it takes from others.

    Raises:
        NotHere, Removed, Refused, Unavailable: as `ArchiveSource.envelope`; Refused also if the WARC is not the one
            that was attested.
    """
    statement = source.envelope(capture_id).statement
    subject = statement.subject[0]
    try:
        with source.open_object(subject.digest.sha256) as file:
            hashing = _Hashing(file)
            records = list(_read(hashing, subject.digest.sha256))
            hashing.finish()
    except NotHere as err:
        raise Refused(f"{capture_id}: its WARC is missing") from err
    except MalformedWarc as err:
        raise Refused(f"{capture_id}: its WARC is not what was attested: {err}") from err
    if hashing.hasher.digests() != subject.digests:
        raise Refused(f"{capture_id}: its WARC is not what was attested: its digests differ")
    own = {record_id: recorded.stored for record_id, recorded in records if recorded.stored is not None}
    taken = {
        one.record: (dependency.warc.digest.sha256, one)
        for dependency in statement.predicate.dependencies
        for one in dependency.records
    }
    for _, recorded in records:
        if recorded.original is not None:
            recorded.stored = own.get(recorded.original)
            if recorded.stored is None and recorded.original in taken:
                recorded.stored = _taken(source, *taken[recorded.original])
    return Holdings(statement, [recorded for _, recorded in records])


def payload(source: CaptureSource, stored: Stored, method: str = "GET") -> Iterator[bytes]:
    """The de-chunked payload in pieces, its content coding kept.

    The last piece comes only once all of the record is known to be as it was attested.

    Raises:
        Refused: it is not, or no longer there.
    """
    block = hashlib.sha256()
    parser = ResponseParser(method)
    held = b""
    try:
        with source.open_object(stored.warc) as file:
            for chunk in _record_at(file, stored.offset).chunks():
                block.update(chunk)
                for piece in parser.feed(chunk):
                    if held:
                        yield held
                    held = bytes(piece)
    except (MalformedWarc, NotHere) as err:
        raise Refused(f"a record of the WARC {stored.warc} is missing or altered: {err}") from err
    if block.digest() != stored.block.value:
        raise Refused(f"a record of the WARC {stored.warc} is altered")
    if held:
        yield held


def request_url(url: str) -> str:
    """`url` as requests are made from it; as it is if it cannot be requested."""
    try:
        return str(parse_target(url))
    except BadTarget:
        return url


def _read(source: _Hashing, warc: str) -> Iterator[tuple[str, Recorded]]:
    found: dict[str, Recorded] = {}
    for record in read_records(source):
        if record.type in ANSWERS:
            recorded = _recorded(examine(record), warc)
            if recorded is not None:
                found[record.id] = recorded
        elif record.type is RecordType.REQUEST:
            answer = found.get((record.place().concurrent_to or "")[1:-1])
            if answer is not None:
                answer.method, answer.body = _request(record)
    yield from found.items()


def _recorded(record: ExaminedRecord, warc: str) -> Recorded | None:
    url, date = record.field("WARC-Target-URI") or "", _moment(record.field("WARC-Date") or "")
    if record.response is not None:
        head = record.response.head
        # What a server said about a copy that turned out to be of no use was asked for once more.
        if head is None or head.status == 304:
            return None
        return Recorded(url, date, head, Stored(warc, record.offset, record.block, record.response.payload.size, head))
    head = record.revisit.head if record.revisit is not None else None
    return Recorded(url, date, head, None, original=(record.field("WARC-Refers-To") or "")[1:-1])


def _request(record: Record) -> tuple[str, str | None]:
    """The method and the SHA-256 of the body of a recorded request."""
    head, body, size = b"", hashlib.sha256(), 0
    begun = False
    for chunk in record.chunks():
        if not begun:
            head += chunk
            if b"\r\n\r\n" not in head:
                continue
            head, _, chunk = head.partition(b"\r\n\r\n")
            begun = True
        body.update(chunk)
        size += len(chunk)
    method = head[:_REQUEST_KEPT].partition(b" ")[0].decode("ascii", "replace")
    return method, body.hexdigest() if size else None


def _taken(source: CaptureSource, warc: str, stated: DependencyRecord) -> Stored | None:
    """A record that lies in another capture's WARC; None if it is gone or not as it was attested."""
    try:
        with source.open_object(warc) as file:
            file.seek(stated.offset)
            part = _Hashing(file, stated.length)
            found = next_record(GzipMembers(part, offset=stated.offset))
            record = None if found is None else examine(found)
            part.finish()
    except (NotHere, MalformedWarc):
        return None
    if record is None or record.response is None or record.response.head is None:
        return None
    if part.hasher.digests() != stated.digests or record.id != stated.record:
        return None
    response = record.response
    return Stored(warc, stated.offset, record.block, response.payload.size, record.response.head)


def _record_at(file: BinaryIO, offset: int) -> Record:
    file.seek(offset)
    found = next_record(GzipMembers(file, offset=offset))
    if found is None:
        raise MalformedWarc(offset, "there is nothing")
    return found


def _moment(date: str) -> datetime:
    return datetime.strptime(date, _DATE).replace(tzinfo=UTC)


def _leads_to_itself(record: Recorded) -> bool:
    head = record.shown
    if head is None or head.status not in _REDIRECTS:
        return False
    location = next((value for name, value in head.headers if name.lower() == "location"), "")
    try:
        return request_url(urljoin(record.url, location)) == request_url(record.url)
    except ValueError:  # no address at all
        return False


def _loose(url: str) -> str:
    """`url` without what stands in its query only to be different each time."""
    query = urlsplit(url).query
    return url.replace(query, _OF_THE_MOMENT.sub("*", query)) if query else url


class _Hashing:
    """Passes on what is read, at most `left` bytes of it, and hashes it on the way."""

    def __init__(self, source: BinaryIO, left: int | None = None) -> None:
        self.hasher = Hasher()
        self._source = source
        self._left = left

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size if self._left is None else min(size, self._left))
        if self._left is not None:
            self._left -= len(data)
        self.hasher.update(data)
        return data

    def finish(self) -> None:
        while self.read(1 << 20):
            pass
