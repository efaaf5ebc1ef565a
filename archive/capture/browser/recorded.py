"""What a capture's WARC answers a browser with: its response and revisit records, and nothing that is not in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Self
from urllib.parse import urlsplit

from sijill.archive.capture.browser.seams import Answer
from sijill.archive.capture.content import Content, decoded
from sijill.archive.capture.exchange import FailureKind
from sijill.archive.capture.requisites import read_html
from sijill.archive.capture.target import parse_target
from sijill.archive.errors import BadTarget, MalformedWarc
from sijill.archive.warc.gzip_reader import GzipMembers
from sijill.archive.warc.http_message import ResponseHead, ResponseParser
from sijill.archive.warc.reader import ANSWERS, Record, next_record
from sijill.archive.warc.record import RecordType

if TYPE_CHECKING:
    from sijill.archive.capture.browser.seams import Ask

_SHOWN: Final = 64 << 20
"""Most bytes of a response, decoded, that the browser is given: as many as when the page was captured."""
_READERS: Final = 4
_DATE: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
_HTML: Final = frozenset({None, "text/html", "application/xhtml+xml"})
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9:_.\-]{1,60})", re.IGNORECASE)
_FRAMING: Final = frozenset({"content-encoding", "content-length", "transfer-encoding", "trailer", "connection"})
_OF_THE_MOMENT: Final = re.compile(r"(?<==)(?:\d{9,20}|0?\.\d{6,20})(?=&|\Z)")
"""A value in a query that is a time or a random number: nobody asks for the same one twice."""
_NOT_THERE: Final = "it is not in the capture"


@dataclass(slots=True)
class _Recorded:
    """One response or revisit record."""

    path: Path
    offset: int
    url: str
    date: str
    head: ResponseHead | None
    """None of a revisit without one."""
    original: str | None
    """The record that holds the payload of a revisit."""
    method: str = "GET"
    """What the request record says; nothing was sent for a revisit without one."""
    body: str | None = None
    """SHA-256 of the request's body, if it had one."""


class Recording:
    """Answers a browser from WARC files alone; no other network is behind it. To be closed.

    Of several responses to the same request the first answers the first time it is made, and so on; the last one
    answers all later times.
    """

    def __init__(self, records: Iterable[_Recorded], originals: dict[str, _Recorded], failed: Iterable[str]) -> None:
        """See `read`."""
        self._originals = originals
        self._failed = {_request_url(url) for url in failed}
        self._by_request: dict[tuple[str, str], list[_Recorded]] = {}
        self._loosely: dict[tuple[str, str], list[_Recorded]] = {}
        self._times: dict[tuple[str, str, str | None], int] = {}
        self._hops: set[str] = set()
        self._asked: dict[tuple[str, str], bool] = {}
        self._pool = ThreadPoolExecutor(_READERS, thread_name_prefix="replay")
        self.began: datetime | None = None
        """When the first of the responses was asked for."""
        for record in records:
            url = _request_url(record.url)
            self._by_request.setdefault((record.method, url), []).append(record)
            self._loosely.setdefault((record.method, _loose(url)), []).append(record)
            self.began = self.began or datetime.strptime(record.date, _DATE).replace(tzinfo=UTC)

    @classmethod
    def read(cls, warc: Path, dependencies: Path | None = None, *, failed: Iterable[str] = ()) -> Self:
        """Read where everything is; the bodies stay in the files, which must not change.

        Args:
            warc: a capture's WARC, with or without the fetch log at its end.
            dependencies: the records that it takes from other captures, one gzip member after the other.
            failed: URLs that brought no response when the page was captured: that they bring none now either is not
                held against the capture.

        Raises:
            MalformedWarc: a file is not one that sijill would have written.
            OSError: a file cannot be read.
        """
        own = _read(warc)
        originals = dict(own) if dependencies is None else _read(dependencies) | own
        return cls(own.values(), originals, failed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    @property
    def asked(self) -> int:
        """Different requests so far, those left out that brought nothing when the page was captured."""
        return len(self._asked)

    @property
    def missing(self) -> tuple[str, ...]:
        """URLs of those among them that are not in the capture."""
        return tuple(url for (_, url), found in self._asked.items() if not found)

    def ask(self, ask: Ask) -> Future[Answer] | None:
        """As `seams.Source` says."""
        found = self._find(ask)
        url = _request_url(ask.url)
        if found is not None or url not in self._failed:
            self._asked[ask.method, url] = found is not None
        return self._pool.submit(self._answer, ask, found)

    def _find(self, ask: Ask) -> _Recorded | None:
        url = _request_url(ask.url)
        known = self._by_request.get((ask.method, url)) or self._loosely.get((ask.method, _loose(url)))
        if not known:
            return None
        body = None if ask.body is None else hashlib.sha256(ask.body).hexdigest()
        same = [record for record in known if record.body == body] or known
        key = (ask.method, url, same[0].body)
        turn = self._times[key] = self._times.get(key, -1) + 1
        return same[min(turn, len(same) - 1)]

    def _answer(self, ask: Ask, found: _Recorded | None) -> Answer:
        original = found if found is None or found.original is None else self._originals.get(found.original)
        if found is None or original is None or original.head is None:
            return _nothing(ask, _NOT_THERE)
        # To a browser that has nothing yet a 304 is of no use: it gets what the server meant.
        head = original.head if found.head is None or found.head.status == 304 else found.head
        try:
            content = _content(original) if ask.method != "HEAD" else Content(b"", None)
        except (OSError, MalformedWarc) as err:
            return _nothing(ask, f"it cannot be read: {err}")
        headers = tuple((name, value) for name, value in head.headers if name.lower() not in _FRAMING)
        leads_to = self._leads_to(ask.url, head, content.data) if ask.is_page else None
        return Answer(
            ask.url, head.status, head.reason, headers, content.data, None, content.problem or "", None, leads_to
        )

    def _leads_to(self, url: str, head: ResponseHead, data: bytes) -> str | None:
        """Where a meta refresh leads, which was followed as a redirect when the page was captured."""
        self._hops.add(_request_url(url))
        media_type = head.media_type
        if not 200 <= head.status < 300 or (media_type and media_type.lower()) not in _HTML:
            return None
        stated = next((value for name, value in head.headers if name.lower() == "content-type"), "")
        charset = _CHARSET.search(stated)
        refresh = read_html(data, url, charset[1] if charset else None).refresh
        return refresh if refresh not in self._hops else None


def _nothing(ask: Ask, why: str) -> Answer:
    return Answer(ask.url, None, "", (), b"", FailureKind.CONNECT, why, why if ask.is_page else None)


def _read(path: Path) -> dict[str, _Recorded]:
    """The response and revisit records of a file by their ids, in their order."""
    found: dict[str, _Recorded] = {}
    with path.open("rb") as file:
        for record in _records(file):
            if record.type in ANSWERS:
                head = _head(record)
                original = record.stated("WARC-Refers-To")[1:-1] if record.type is RecordType.REVISIT else None
                # What a server said about a copy that turned out to be of no use was asked for once more.
                if original is not None or (head is not None and head.status != 304):
                    date, url = record.stated("WARC-Date"), record.stated("WARC-Target-URI")
                    found[record.id] = _Recorded(path, record.offset, url, date, head, original)
            elif record.type is RecordType.REQUEST:
                answer = found.get((record.place().concurrent_to or "")[1:-1])
                if answer is not None:
                    answer.method, answer.body = _request(record)
    return found


def _records(source: BinaryIO) -> Iterator[Record]:
    members = GzipMembers(source)
    while (record := next_record(members)) is not None:
        yield record
        record.read_over()


def _head(record: Record) -> ResponseHead | None:
    parser = ResponseParser()
    for chunk in record.chunks():
        for _ in parser.feed(chunk):
            break
        if parser.head is not None:
            break
    return parser.head


def _request(record: Record) -> tuple[str, str | None]:
    """The method and the SHA-256 of the body of a recorded request; it is in memory, as it was when it was made."""
    head, _, body = b"".join(record.chunks()).partition(b"\r\n\r\n")
    return head.partition(b" ")[0].decode("ascii", "replace"), hashlib.sha256(body).hexdigest() if body else None


def _content(record: _Recorded) -> Content:
    """The decoded body of a response record.

    Raises:
        OSError, MalformedWarc: it is no longer as it was when it was found.
    """
    with record.path.open("rb") as file:
        file.seek(record.offset)
        found = next_record(GzipMembers(file, offset=record.offset))
        if found is None or record.head is None:
            raise MalformedWarc(record.offset, "there is nothing")
        return decoded(_payload(found, record.method), record.head.headers, limit=_SHOWN)


def _payload(record: Record, method: str) -> Iterator[bytes]:
    parser = ResponseParser(method)
    for chunk in record.chunks():
        yield from map(bytes, parser.feed(chunk))


def _request_url(url: str) -> str:
    """`url` as requests are made from it; as it is if it cannot be requested."""
    try:
        return str(parse_target(url))
    except BadTarget:
        return url


def _loose(url: str) -> str:
    """`url` without what stands in its query only to be different each time."""
    query = urlsplit(url).query
    return url.replace(query, _OF_THE_MOMENT.sub("*", query)) if query else url
