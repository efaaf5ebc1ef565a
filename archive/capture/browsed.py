"""A page as a browser asks for it: each request is an exchange of the capture, numbered in the order of asking."""

from __future__ import annotations

import queue
import re
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sijill.archive.capture.browser.rendering import NotShown, Rendering
from sijill.archive.capture.browser.seams import Answer, Ask, Browser
from sijill.archive.capture.content import decode
from sijill.archive.capture.course import Arrival, Course, Hops
from sijill.archive.capture.exchange import Exchange, Limits, Purpose, Response
from sijill.archive.capture.fetch import Fetcher
from sijill.archive.capture.target import parse_target
from sijill.archive.errors import ArchiveError, BadTarget

_SHOWN: Final = 64 << 20
"""Most bytes of a response, decoded, that the browser is given; it is recorded whole."""
_POOLS: Final = 8
"""Groups of origins that are fetched from independently: one that is slow does not hold up all others."""
_SHOWN_TYPES: Final = re.compile(
    r"text/(?:html|plain|xml)|application/(?:xhtml\+xml|xml|json)|image/(?:svg\+xml|png|jpeg|gif|webp|avif|bmp|x-icon)"
)
_FRAMING: Final = frozenset({"content-encoding", "content-length", "transfer-encoding", "trailer", "connection"})


class BrowsedPage:
    """Shows a page in a browser and records what that takes. For one page."""

    def __init__(self, course: Course, fetcher: Fetcher, limits: Limits) -> None:
        self._course = course
        self._fetcher = fetcher
        self._limits = limits
        self._order: queue.SimpleQueue[Future[_Fetched] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._static: dict[tuple[str, str | None], Future[_Fetched]] = {}
        self._pools: dict[int, ThreadPoolExecutor] = {}
        self._hops = 0
        self._closed = False
        self.arrival: Arrival | None = None
        """The page that the hops ended at."""

    def show(
        self,
        browser: Browser,
        url: str,
        *,
        capture_id: str,
        user_agent: str,
        workdir: Path,
        clock: Callable[[], datetime],
        deadline: float,
    ) -> Rendering | NotShown:
        """Show the page and record every exchange in the order it was asked for.

        Raises:
            BrowserUnavailable: there is no browser; nothing was sent.
            OSError: `workdir` cannot be written to.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="show") as other:
            showing = other.submit(
                browser.show,
                url,
                capture_id=capture_id,
                source=self,
                user_agent=user_agent,
                workdir=workdir,
                clock=clock,
                limits=self._limits,
                deadline=deadline,
            )
            showing.add_done_callback(lambda _: self._order.put(None))
            try:
                while (fetched := self._order.get()) is not None:
                    self._record(fetched)
            except BaseException:
                self._fetcher.close()
                browser.call_off()
                raise
            finally:
                self._close()
        return showing.result()

    def ask(self, ask: Ask) -> Future[Answer] | None:
        """As `seams.Source` says."""
        answered: Future[Answer] = Future()
        key = (ask.url, ask.headers.get("Origin"))
        with self._lock:
            if self._closed:
                return None
            fetched = self._static.get(key) if ask.is_static else None
            if fetched is None:
                if not ask.is_page and not self._course.admit():
                    return None
                fetched = self._pool(ask).submit(self._fetch, ask, self._count(ask))
                self._order.put(fetched)
                if ask.is_static:
                    self._static[key] = fetched
        fetched.add_done_callback(lambda done: _answer(ask, done, answered))
        return answered

    def _count(self, ask: Ask) -> int:
        self._hops += ask.is_page
        return self._hops

    def _pool(self, ask: Ask) -> ThreadPoolExecutor:
        number = zlib.crc32(ask.url.split("/", 3)[2].encode() if ask.url.count("/") > 2 else b"") % _POOLS
        if number not in self._pools:
            self._pools[number] = ThreadPoolExecutor(self._limits.parallel, thread_name_prefix="fetch")
        return self._pools[number]

    def _fetch(self, ask: Ask, hop: int) -> _Fetched:
        if ask.is_page:
            return self._fetch_page(ask, hop)
        if ask.method == "GET" and ask.body is None:
            return _Fetched(
                self._course.fetch_hop(_request_url(ask.url), Purpose.REQUISITE, ask.via, ask.headers, content=True)
            )
        return _Fetched(_one(self._send(ask, Purpose.REQUISITE)))

    def _fetch_page(self, ask: Ask, hop: int) -> _Fetched:
        if hop > self._limits.redirects + 1:
            return _Fetched(_one(self._course.too_many_redirects(ask.url, Purpose.PAGE, ask.via)))
        exchange = self._send(ask, Purpose.PAGE)
        if ask.by_script and _not_shown(exchange) is not None:
            return _Fetched(_one(replace(exchange, purpose=Purpose.REQUISITE)))
        exchange, arrival = self._course.arrive(exchange)
        by_content = exchange.redirect_to is not None and exchange.status is not None and exchange.status < 300
        return _Fetched(_one(exchange), arrival, exchange.redirect_to if by_content else None)

    def _send(self, ask: Ask, purpose: Purpose) -> Exchange:
        return self._fetcher.fetch(
            ask.url, purpose=purpose, via=ask.via, method=ask.method, headers=ask.headers, body=ask.body
        )

    def _record(self, fetched: Future[_Fetched]) -> None:
        try:
            made = fetched.result()
        except CancelledError:  # the browser had ended before it was sent
            return
        for exchange in made.hops.exchanges:
            if exchange.purpose is Purpose.PAGE:
                self._course.lead_on(exchange.url)
                self.arrival = made.arrival
            elif exchange.method == "GET":
                self._course.shown[exchange.url] = made.hops
            self._course.record(exchange, needed=not _vain_guess(exchange))

    def _close(self) -> None:
        with self._lock:
            self._closed = True
        for pool in self._pools.values():
            pool.shutdown(cancel_futures=True)


class _Fetched:
    """What came of one request of the browser."""

    def __init__(self, hops: Hops, arrival: Arrival | None = None, leads_to: str | None = None) -> None:
        self.hops = hops
        self.arrival = arrival
        self.leads_to = leads_to


def _one(exchange: Exchange) -> Hops:
    return Hops(exchange.url, [exchange], exchange.response)


def _vain_guess(exchange: Exchange) -> bool:
    """Whether it is the icon that browsers ask every site for, where there is none."""
    return exchange.status in {404, 410} and urlsplit(exchange.url).path == "/favicon.ico"


def _request_url(url: str) -> str:
    """`url` as requests are made from it; as it is if it cannot be requested, which fetching it says."""
    try:
        return str(parse_target(url))
    except BadTarget:
        return url


def _answer(ask: Ask, fetched: Future[_Fetched], answered: Future[Answer]) -> None:
    """Give the browser what was fetched. Runs in the thread that fetched it."""
    if not answered.set_running_or_notify_cancel():
        return
    try:
        made = fetched.result()
        answered.set_result(_as_answer(made, ask))
    except CancelledError:
        answered.cancel()
    except (OSError, ArchiveError) as err:  # whoever records the exchange meets it too, and raises it
        answered.set_exception(err)


def _as_answer(made: _Fetched, ask: Ask) -> Answer:
    response, last = made.hops.response, made.hops.exchanges[-1]
    if response is None:
        kind, detail = (last.failure.kind, last.failure.detail) if last.failure else ("", "")
        return Answer(ask.url, None, "", (), b"", kind, detail, _not_shown(last))
    body, problem = _body(response, ask)
    headers = tuple((name, value) for name, value in response.headers if name.lower() not in _FRAMING)
    return Answer(
        ask.url, response.status, response.reason, headers, body, None, problem, _not_shown(last), made.leads_to
    )


def _body(response: Response, ask: Ask) -> tuple[bytes, str]:
    if ask.method == "HEAD":
        return b"", ""
    content = decode(response, limit=_SHOWN)
    return content.data, content.problem or ""


def _not_shown(exchange: Exchange) -> str | None:
    """Why what came is nothing that a browser could show as a page; None if it is, or leads on."""
    response = exchange.response
    if response is None:
        return f"{exchange.failure.kind}: {exchange.failure.detail}" if exchange.failure else "there is no response"
    if exchange.redirect_to is not None:
        return None
    if response.status in {204, 205}:
        return f"HTTP status {response.status} comes without anything to show"
    if (response.header("content-disposition") or "").strip().lower().startswith("attachment"):
        return "the server sent it for download"
    if response.media_type is not None and not _SHOWN_TYPES.fullmatch(response.media_type):
        return f"it is {response.media_type[:80]}, which is not for a browser to show"
    return None
