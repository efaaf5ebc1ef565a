"""Answering one request for something archived: status, headers and body as they were, led to the replay server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import chain
from typing import Final

from sijill.archive.digest import digest_bytes
from sijill.archive.warc.http_message import ResponseHead
from sijill.viewer.errors import NotHere, Refused
from sijill.viewer.replay.addresses import Address, Mode
from sijill.viewer.replay.bodies import LARGEST, is_rewritten, markup, rewritten
from sijill.viewer.replay.captures import Captures
from sijill.viewer.replay.html import rewrite_refresh
from sijill.viewer.replay.memento import http_date, memento_links
from sijill.viewer.replay.pages import STYLED, missing_page
from sijill.viewer.replay.policy import replay_headers
from sijill.viewer.replay.records import Holdings, Recorded, Stored, payload, request_url
from sijill.viewer.replay.rewriting import Rewriter

_SHOWN: Final = frozenset({"", "document", "iframe", "frame", "embed", "object"})
"""What asks for a document: windows and frames; nothing is said by programs and old browsers."""
_KEPT: Final = ("content-language", "content-disposition", "content-range", "x-content-type-options")
"""Archived headers that change how a body is taken; all others are left out."""
_BODILESS: Final = frozenset({204, 205, 304})
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_VALUE: Final = re.compile(r"[\t -~\x80-\xff]{0,4000}")
_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{0,1000}")
_CODINGS: Final = frozenset({"identity", "chunked"})
_DOM: Final = "dom.html"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes | Iterator[bytes]

    def adding(self, headers: Mapping[str, str]) -> Answer:
        """The same with more headers."""
        return replace(self, headers={**self.headers, **headers})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be answered."""

    address: Address
    method: str
    destination: str
    """What it is wanted for, as browsers say in Sec-Fetch-Dest; empty if it is not said."""
    nested: bool
    """Whether a replayed page asks."""
    origin: str
    """The field Origin; empty if there is none."""
    body: str | None
    """SHA-256 of what was sent with it."""

    @property
    def moment(self) -> datetime:
        """The time that is asked for."""
        try:
            return datetime.strptime(self.address.time, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError as err:
            raise NotHere(f"no such time: {self.address.time}") from err


class Answering:
    """Makes answers from captures."""

    def __init__(self, captures: Captures, viewer: str) -> None:
        """`viewer` is the origin of the viewer."""
        self._captures = captures
        self._viewer = viewer

    def captured(self, asked: Asked) -> datetime | None:
        """When what is asked for was captured; None if the capture does not hold it."""
        holdings = self._captures.holdings(asked.address.capture_id)
        return None if self._find(asked, holdings) is None else holdings.statement.predicate.times.started

    def answer(self, asked: Asked) -> Answer:
        """The archived answer to a request, or the page that says that there is none.

        Raises:
            ViewerError: the capture cannot be shown.
        """
        holdings = self._captures.holdings(asked.address.capture_id)
        found = self._find(asked, holdings)
        if found is None:
            return self.page(asked, HTTPStatus.NOT_FOUND, missing_page(asked.address))
        head = found.shown
        if found.stored is None or head is None:
            raise Refused(f"{asked.address.capture_id}: the record of {found.url} is missing or altered")
        headers = self._headers(asked) | self.memento(found.url, holdings.statement.predicate.times.started)
        headers["Cache-Control"] = "private, max-age=600"
        if asked.address.mode is Mode.RENDERED and self._is_page(asked, holdings):
            return self._rendered(asked, holdings, headers)
        return self._archived(asked, found, found.stored, head, headers)

    def preflight(self, asked: Asked, wanted: str) -> Answer:
        """What a browser wants to know before it sends what a script asked for."""
        allowed = {"Access-Control-Allow-Methods": "GET, HEAD, POST", "Access-Control-Max-Age": "600"}
        if wanted and _HEADER_NAMES.fullmatch(wanted):
            allowed["Access-Control-Allow-Headers"] = wanted
        return Answer(HTTPStatus.NO_CONTENT, self._headers(asked) | allowed, b"")

    def page(self, asked: Asked, status: int, page: str) -> Answer:
        """A page of our own in place of an archived one; a few words where no page is wanted."""
        headers = self._headers(asked) | {"Cache-Control": "no-store"}
        if asked.destination not in _SHOWN:
            title = page.partition("<title>")[2].partition("</title>")[0]
            return Answer(status, headers | {"Content-Type": "text/plain; charset=utf-8"}, title.encode("utf-8"))
        framing = headers["Content-Security-Policy"].partition("; frame-ancestors")
        headers["Content-Security-Policy"] = STYLED + framing[1] + framing[2]
        return Answer(status, headers | {"Content-Type": "text/html; charset=utf-8"}, page.encode("utf-8"))

    def memento(self, url: str, moment: datetime) -> dict[str, str]:
        """The headers of a memento (RFC 7089 §2); its time is that of the capture, as in TimeMaps."""
        return {
            "Memento-Datetime": http_date(moment),
            "Link": memento_links(self._viewer, request_url(url)),
        }

    def _headers(self, asked: Asked) -> dict[str, str]:
        headers = replay_headers(asked.address.mode, ancestors=[self._viewer], nested=asked.nested)
        headers["Vary"] = "Origin, Sec-Fetch-Dest, Sec-Fetch-Site"
        if asked.nested and asked.origin == "null":
            # The pass was right: it is a page of this very capture that asks from an origin of nobody.
            headers["Access-Control-Allow-Origin"] = "null"
            headers["Access-Control-Allow-Credentials"] = "true"
        return headers

    def _find(self, asked: Asked, holdings: Holdings) -> Recorded | None:
        return holdings.find(asked.method, asked.address.url, asked.moment, asked.body)

    def _archived(
        self, asked: Asked, found: Recorded, stored: Stored, head: ResponseHead, headers: dict[str, str]
    ) -> Answer:
        status = head.status if head.status >= HTTPStatus.OK else HTTPStatus.BAD_GATEWAY
        rewriter = Rewriter(replace(asked.address, url=found.url))
        if head.status in _REDIRECTS and asked.address.mode is not Mode.RAW:
            location = rewriter.wrap(_field(head, "location"))
            if location is not None:
                return Answer(status, headers | {"Location": location}, b"")
        if head.status in _BODILESS:
            return Answer(status, headers, b"")
        for name in _KEPT:
            if (value := _field(head, name)) and _VALUE.fullmatch(value):
                headers[name] = value
        if (refresh := _field(head, "refresh")) and (led := rewrite_refresh(refresh, rewriter)):
            headers["Refresh"] = led
        shown = asked.destination in _SHOWN
        if asked.address.mode is not Mode.RAW and is_rewritten(head, shown=shown):
            began = int(found.date.timestamp() * 1000) if shown else None
            pieces = payload(self._captures.source, stored, found.method)
            made = rewritten(pieces, head, rewriter.address, began=began)
            if made is not None:
                return Answer(status, headers | {"Content-Type": made.content_type}, made.data)
        return self._as_sent(found, stored, head, headers, status)

    def _as_sent(
        self, found: Recorded, stored: Stored, head: ResponseHead, headers: dict[str, str], status: int
    ) -> Answer:
        if (content_type := _field(head, "content-type")) and _VALUE.fullmatch(content_type):
            headers["Content-Type"] = content_type
        codings = [name for name in head.members("content-encoding") if name not in _CODINGS]
        codings += [name for name in head.members("transfer-encoding") if name not in _CODINGS]
        if codings and all(_VALUE.fullmatch(name) for name in codings):
            headers["Content-Encoding"] = ", ".join(codings)
        pieces = payload(self._captures.source, stored, found.method)
        first = next(pieces, b"")
        if len(first) == stored.payload_size:
            # All of it, known to be right: the iteration is ended so that its file is closed.
            return Answer(status, headers, first + b"".join(pieces))
        return Answer(status, headers | {"Content-Length": str(stored.payload_size)}, chain([first], pieces))

    def _is_page(self, asked: Asked, holdings: Holdings) -> bool:
        predicate = holdings.statement.predicate
        page = request_url(predicate.final_url or predicate.target)
        return page == request_url(asked.address.url)

    def _rendered(self, asked: Asked, holdings: Holdings, headers: dict[str, str]) -> Answer:
        """The document as the browser had built it."""
        subject = next((one for one in holdings.statement.subject if one.name == _DOM), None)
        if subject is None:
            return self.page(asked, HTTPStatus.NOT_FOUND, missing_page(asked.address))
        try:
            with self._captures.source.open_object(subject.digest.sha256) as file:
                data = file.read(LARGEST + 1)
        except NotHere as err:
            raise Refused(f"{asked.address.capture_id}: its {_DOM} is missing") from err
        if digest_bytes(data) != subject.digests:
            raise Refused(f"{asked.address.capture_id}: its {_DOM} is not what was attested")
        inside = replace(asked.address, mode=asked.address.mode.inside)
        made = markup(data, "utf-8", "text/html", inside, began=None)
        return Answer(HTTPStatus.OK, headers | {"Content-Type": made.content_type}, made.data)


def text_answer(status: int, text: str) -> Answer:
    """A few words of our own."""
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "no-store",
    }
    return Answer(status, headers, f"{text}\n".encode())


def _field(head: ResponseHead, name: str) -> str:
    return next((value for key, value in head.headers if key.lower() == name), "")
