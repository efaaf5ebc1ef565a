"""What a page asks for, and what it is given: every request of the browser goes to the recording fetcher.

One session at the browser itself sees the requests of all its pages, frames, popups and workers (Chrome DevTools
Protocol, domain Fetch). What does not come by there ends at the wall, which lets nothing through.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import CDPSession
from playwright.async_api import Error as PlaywrightError

from sijill.archive.capture.browser.rendering import BlockedKind, NotCollectedKind
from sijill.archive.capture.browser.seams import Answer, Ask, Source, Watch
from sijill.archive.capture.exchange import FailureKind

Event = Mapping[str, Any]

_STATIC: Final = frozenset({"Image", "Stylesheet", "Script", "Font", "Media", "TextTrack", "Manifest"})
_INTERNAL: Final = frozenset({"data", "blob", "about"})
"""Schemes of what the browser has already."""
_NOT_OF_THE_PAGE: Final = frozenset(
    {"accept-encoding", "if-modified-since", "if-none-match", "if-range", "range", "user-agent"}
)
"""Request fields that are the fetcher's to set, or that are answered here."""
_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_OWN: Final = frozenset(
    {"accounts.google.com", "clients2.google.com", "content-autofill.googleapis.com", "update.googleapis.com",
     "optimizationguide-pa.googleapis.com", "safebrowsing.googleapis.com"}
)  # fmt: skip
"""Whom Chromium itself tries to reach in spite of all flags; the wall refuses them as well, but no page asked."""
_QUIET: Final = 0.5
_LONGEST_BODY: Final = 8 << 20
"""Bytes of a request body that are sent on."""
_REASONS: Final = {
    FailureKind.REFUSED_ADDRESS: "AccessDenied",
    FailureKind.DNS: "NameNotResolved",
    FailureKind.CONNECT: "ConnectionFailed",
    FailureKind.TLS: "ConnectionFailed",
    FailureKind.TIMEOUT: "TimedOut",
    FailureKind.RESET: "ConnectionReset",
    FailureKind.CAPTURE_LIMIT: "BlockedByClient",
}
"""Error reasons of the protocol, for what the page is told; the exchange says it better."""


class Routing:
    """The requests of one page, from the first to the last. For the browser's event loop only."""

    def __init__(self, session: CDPSession, source: Source, watch: Watch, main_frame: str) -> None:
        self._session = session
        self._source = source
        self._watch = watch
        self._main = main_frame
        self._popups: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._origins: set[tuple[str, int]] = set()
        self._staying = False
        self._closed = False
        self._quiet_since: float | None = time.monotonic()
        self._led_nowhere = asyncio.Event()
        self.in_flight = 0
        self.navigations = 0
        """Hops on the way to the page so far."""
        self.page_url: str | None = None
        """Of the last hop."""
        self.page_lost: str | None = None
        """Why there is nothing to show at the end of the hops so far."""

    @property
    def quiet_seconds(self) -> float:
        """For how long nothing has been in flight."""
        return 0.0 if self._quiet_since is None else time.monotonic() - self._quiet_since

    def stay(self) -> None:
        """Let the page no longer navigate away."""
        self._staying = True

    async def stranded(self) -> None:
        """Wait until the page tried to lead on to nothing, and has become quiet: then there is no load event."""
        await self._led_nowhere.wait()
        while self.quiet_seconds < _QUIET:
            await asyncio.sleep(_QUIET / 10)

    def popup(self, target: str) -> None:
        """Take note of a page that the page opened: it gets nothing."""
        if target != self._main:
            self._popups.add(target)

    def refused(self, host: str, port: int) -> None:
        """Take note of a connection that ended at the wall."""
        # Whom the page asks anyway the browser likes to connect to beforehand.
        if (host, port) not in self._origins and host not in _OWN:
            name = f"[{host}]" if ":" in host else host
            self._watch.block(BlockedKind.CONNECTION, f"{name}:{port}", "not a request that the fetcher could make")

    def websocket(self, url: str) -> None:
        """Take note of a WebSocket; it ends at the wall."""
        self._origins.add(_authority(url))
        self._watch.block(BlockedKind.WEBSOCKET, url, "a WebSocket goes past the fetcher")

    def paused(self, event: Event) -> None:
        """Take a request in. It is numbered now, and answered when its response is there."""
        if self._closed:
            work = self._fail(event, "Aborted")
        elif _scheme(event) in _INTERNAL:
            work = self._send("Fetch.continueRequest", {"requestId": event["requestId"]})
        elif (objection := self._objection(event)) is not None:
            work = self._fail(event, objection)
        else:
            work = self._ask(event)
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def close(self) -> None:
        """Answer nothing more."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()

    def _is_page(self, event: Event) -> bool:
        return bool(event["resourceType"] == "Document" and event["frameId"] == self._main)

    def _objection(self, event: Event) -> str | None:
        """The error reason for a request that is not made; it is noted why."""
        request = event["request"]
        url, headers = request["url"], {name.lower(): value for name, value in request["headers"].items()}
        block = self._watch.block
        if self._is_page(event) and (self._staying or request["method"] != "GET"):
            self._led_nowhere.set()
        if event["frameId"] in self._popups:
            if event["resourceType"] == "Document":
                block(BlockedKind.POPUP, url, "a further window of the page")
        elif _scheme(event) not in {"http", "https"}:
            block(BlockedKind.SCHEME, url, "only http and https URLs can be fetched")
        elif headers.get("service-worker") == "script":
            block(BlockedKind.SERVICE_WORKER, url, "a service worker would stand between the page and the fetcher")
        elif headers.get("accept") == "text/event-stream":
            self._watch.omit(NotCollectedKind.STREAM, url, "events from the server without end")
        elif self._is_page(event) and self._staying:
            block(BlockedKind.NAVIGATION, url, "the page tried to lead away after it had been shown")
        elif self._is_page(event) and request["method"] != "GET":
            block(BlockedKind.NAVIGATION, url, "the page tried to send a form")
        elif request.get("hasPostData") and not _has_body(request):
            block(BlockedKind.REQUEST, url, f"the body of a {request['method']} request is not known or too large")
        else:
            return None
        # An error page would take the place of the page; after Aborted the browser stays where it is.
        return "Aborted" if event["resourceType"] == "Document" else "BlockedByClient"

    async def _ask(self, event: Event) -> None:
        request, is_page = event["request"], self._is_page(event)
        by_script = is_page and self.navigations > 0 and "redirectedRequestId" not in event
        url = request["url"]
        self._origins.add(_authority(url))
        headers = {n: v for n, v in request["headers"].items() if n.lower() not in _NOT_OF_THE_PAGE}
        asked = self._source.ask(
            Ask(
                url=url,
                method=request["method"],
                headers=headers,
                body=_body(request) if request.get("hasPostData") else None,
                is_page=is_page,
                by_script=by_script,
                via=self._via(event),
                is_static=event["resourceType"] in _STATIC and request["method"] == "GET",
            )
        )
        if is_page:
            self.navigations += 1
        if asked is None:
            self._watch.block(BlockedKind.LIMIT, url, "more requests than the limit of a capture")
            await self._fail(event, "BlockedByClient")
            return
        self.in_flight += 1
        self._quiet_since = None
        try:
            answer = await asyncio.wrap_future(asked)
            await self._give(event, answer, is_page=is_page, by_script=by_script)
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self._quiet_since = time.monotonic()

    def _via(self, event: Event) -> str | None:
        """The URL that led to a request, as far as the browser says so."""
        request = event["request"]
        if self._is_page(event):
            return self.page_url
        for name, value in request["headers"].items():
            # Across origins it names the origin only; then the page is the better answer.
            if name.lower() == "referer" and urlsplit(value).path not in {"", "/"}:
                return str(value)
        return self.page_url

    async def _give(self, event: Event, answer: Answer, *, is_page: bool, by_script: bool) -> None:
        if answer.failure == FailureKind.REFUSED_ADDRESS:
            self._watch.block(BlockedKind.ADDRESS, answer.url, answer.detail)
        if is_page and answer.not_shown is not None:
            if by_script:
                self._watch.block(BlockedKind.NAVIGATION, answer.url, f"there is no page: {answer.not_shown}")
                self._led_nowhere.set()
            else:
                self.page_lost = answer.not_shown
            await self._fail(event, "Aborted")
            return
        if is_page:
            self.page_url, self.page_lost = answer.url, None
        if answer.status is None:
            await self._fail(event, _REASONS.get(FailureKind(answer.failure or ""), "Failed"))
            return
        status, fields, body = answer.status, list(answer.headers), answer.body
        if is_page and answer.leads_to is not None:
            # To the browser a meta refresh looks like the redirect that it is; the record has the page itself.
            status, body = 302, b""
            fields = [f for f in fields if f[0].lower() not in {"location", "content-disposition"}]
            fields.append(("Location", answer.leads_to))
        wanted = next((v for n, v in event["request"]["headers"].items() if n.lower() == "range"), None)
        if wanted is not None and status == 200:
            status, fields, body = _part(wanted, fields, body)
        await self._send(
            "Fetch.fulfillRequest",
            {
                "requestId": event["requestId"],
                "responseCode": status if 200 <= status <= 599 else 500,
                "binaryResponseHeaders": _fields(fields),
                "body": base64.b64encode(body).decode("ascii"),
            },
        )

    async def _fail(self, event: Event, reason: str) -> None:
        await self._send("Fetch.failRequest", {"requestId": event["requestId"], "errorReason": reason})

    async def _send(self, method: str, parameters: dict[str, Any]) -> None:
        try:
            await self._session.send(method, parameters)
        except PlaywrightError:
            # Whoever asked no longer waits: a frame that was removed, a request that was given up, a browser that
            # crashed. What was received is recorded all the same.
            return


def _scheme(event: Event) -> str:
    return str(event["request"]["url"]).partition(":")[0].lower()


def _authority(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", 0
    return parts.hostname or "", port or (443 if parts.scheme in {"https", "wss"} else 80)


def _has_body(request: Mapping[str, Any]) -> bool:
    entries = request.get("postDataEntries") or ()
    return bool(entries) and all("bytes" in e for e in entries) and len(_body(request)) <= _LONGEST_BODY


def _body(request: Mapping[str, Any]) -> bytes:
    try:
        return b"".join(base64.b64decode(entry["bytes"]) for entry in request["postDataEntries"])
    except binascii.Error:
        return b""


def _part(wanted: str, fields: list[tuple[str, str]], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    """What a range request gets of a body that was fetched whole (RFC 9110 §14)."""
    found = _RANGE.fullmatch(wanted.strip())
    if found is None:
        return 200, fields, body
    first, size = int(found[1]), len(body)
    if first >= size:
        return 416, [*fields, ("Content-Range", f"bytes */{size}")], b""
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    if last < first:
        return 200, fields, body
    kept = [field for field in fields if field[0].lower() not in {"accept-ranges", "content-range"}]
    kept += [("Accept-Ranges", "bytes"), ("Content-Range", f"bytes {first}-{last}/{size}")]
    return 206, kept, body[first : last + 1]


def _fields(fields: list[tuple[str, str]]) -> str:
    """Header fields as the protocol takes them, byte for byte as received; those that it could not take left out."""
    lines = [
        f"{name}: {value}".encode("iso-8859-1", "replace")
        for name, value in fields
        if name and not re.search(r"[\x00\r\n]", name + value)
    ]
    return base64.b64encode(b"\0".join(lines)).decode("ascii")
