"""The seams between the parts of showing a page: what asks, what answers, what is done with the page, what is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from sijill.archive.capture.browser.rendering import (
    Appearance,
    Blocked,
    BlockedKind,
    BrowserLimits,
    ConsoleMessage,
    NotCollected,
    NotCollectedKind,
    NotShown,
    Rendering,
    RenderingFile,
    Screenshot,
    Script,
    Transformation,
    Waiting,
)

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

    from sijill.archive.capture.exchange import Limits

MOST_LISTED: Final = 1000
"""Entries of each list of things blocked, not collected and said on the console; what is beyond is counted."""
LONGEST_TEXT: Final = 500
"""Characters of a reason or of a console message that are kept."""
LONGEST_URL: Final = 8192


class Watch:
    """Takes in what happens while a page is shown. Bounded; each fact is kept once. For the browser's thread only."""

    def __init__(self) -> None:
        self._blocked: dict[Blocked, None] = {}
        self._not_collected: dict[NotCollected, None] = {}
        self._console: list[ConsoleMessage] = []
        self.blocked_left_out = 0
        self.not_collected_left_out = 0
        self.console_left_out = 0

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """In the order it happened."""
        return tuple(self._blocked)

    @property
    def not_collected(self) -> tuple[NotCollected, ...]:
        """In the order it was found."""
        return tuple(self._not_collected)

    @property
    def console(self) -> tuple[ConsoleMessage, ...]:
        """In the order it was said."""
        return tuple(self._console)

    def block(self, kind: BlockedKind, url: str, reason: str) -> None:
        """Note something that was not let happen."""
        found = Blocked(kind, _url(url), _text(reason))
        if found in self._blocked:
            return
        if len(self._blocked) < MOST_LISTED:
            self._blocked[found] = None
        else:
            self.blocked_left_out += 1

    def omit(self, kind: NotCollectedKind, url: str, reason: str) -> None:
        """Note something that the page shows and that is not collected."""
        found = NotCollected(kind, _url(url), _text(reason))
        if found in self._not_collected:
            return
        if len(self._not_collected) < MOST_LISTED:
            self._not_collected[found] = None
        else:
            self.not_collected_left_out += 1

    def say(self, level: str, text: str) -> None:
        """Note what was written on the console."""
        if len(self._console) < MOST_LISTED:
            self._console.append(ConsoleMessage(_text(level), _text(text)))
        else:
            self.console_left_out += 1


@dataclass(slots=True)
class Results:
    """What was made of the page so far: filled while it is made, so that a crash leaves what there was before it."""

    files: list[RenderingFile] = field(default_factory=list)
    screenshots: list[Screenshot] = field(default_factory=list)
    transformations: list[Transformation] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Traffic(Protocol):
    """What the page is asking for; to be looked at by whoever waits until it is done."""

    @property
    def in_flight(self) -> int:
        """Requests of the page that are not answered yet."""

    @property
    def quiet_seconds(self) -> float:
        """For how long `in_flight` has been 0; 0.0 if it is not."""

    def stay(self) -> None:
        """From now on the page must not navigate away: what tries to is blocked and recorded.

        `settle` calls it before it first scrolls or clicks; it is called for it at its end otherwise.
        """


@dataclass(frozen=True, slots=True)
class Showing:
    """The one showing of a page: what its parts need of each other."""

    capture_id: str
    url: str
    """The target as requested; `page.url` says where the page is."""
    workdir: Path
    """For large files; removed by whoever gave it."""
    clock: Callable[[], datetime]
    limits: BrowserLimits
    appearance: Appearance
    traffic: Traffic
    watch: Watch
    results: Results


class Behaviour(Protocol):
    """What is done with a page; `page.py` implements the three as module functions with these names.

    All of them run in the browser's own event loop and must not block it: pictures are encoded by the browser, and
    whatever takes long in Python goes through `asyncio.to_thread`. Each may be cancelled at any await when its time
    is over, and each may see Playwright's errors when the page crashes or navigates: those may be let through.
    """

    async def prepare(self, page: Page, cdp: CDPSession, showing: Showing) -> None:
        """Before anything is asked for: scripts that run first in every document, listeners.

        Dialogs, popups, downloads, WebSockets, WebRTC and the console are listened to already, and are not to be
        listened to again. `cdp` is a session at the page.
        """

    async def settle(self, page: Page, cdp: CDPSession, showing: Showing) -> Waiting:
        """Wait until the page is done: fonts, quiet network, lazy images by scrolling, "load more".

        Called after the load event (or when that is not waited for any longer), again from the start if the page
        navigated meanwhile. Ends by itself within `showing.limits.settle_seconds`; a page that is not done by then is
        a problem in what comes back.
        """

    async def take_results(self, page: Page, cdp: CDPSession, showing: Showing) -> None:
        """Make all files of the page: pictures, PDF, DOM, text, accessibility tree, metadata.

        They go into `showing.results` one by one as they are made, the cheapest first: a page may crash under the
        next. What cannot be made is a problem there. `page.json` and `metadata` are the last, so that they name
        everything that `showing.watch` took in.
        """


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that the browser wants made."""

    url: str
    method: str
    headers: Mapping[str, str]
    """Those the page decides on: Accept, Referer, Origin, its own. User-Agent, Accept-Encoding and those of the
    connection are the fetcher's."""
    body: bytes | None
    is_page: bool
    """Whether it is a hop on the way to the page itself."""
    by_script: bool
    """Whether a page that was there led to that hop; if nothing can be shown at its end, that page is the one."""
    via: str | None
    """The URL that led here."""
    is_static: bool
    """Whether an answer that this capture had already serves as well (image, style, script, font, media)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request; either status or failure is set."""

    url: str
    status: int | None
    reason: str
    headers: tuple[tuple[str, str], ...]
    """As received; those of framing and content coding left out, since `body` has neither."""
    body: bytes
    failure: str | None
    """A `FailureKind`, or None."""
    detail: str
    """Of the failure, or of what is not as it should be with the body."""
    not_shown: str | None = None
    """Why it is nothing that a browser could show as a page; None if it is, or leads on."""
    leads_to: str | None = None
    """Where a meta refresh in it leads, which is followed as a redirect would be."""


class Source(Protocol):
    """Where everything that a browser shows comes from: the one way to the network."""

    def ask(self, ask: Ask) -> Future[Answer] | None:
        """Have a request made; None if there are more than the limit. Called in the order that requests are numbered.

        The future never raises for what a server or a network does.
        """


class Browser(Protocol):
    """Something that shows pages."""

    @property
    def checks(self) -> bool:
        """Whether what it showed is to be replayed with it and compared."""

    def show(
        self,
        url: str,
        *,
        capture_id: str,
        source: Source,
        user_agent: str,
        workdir: Path,
        clock: Callable[[], datetime],
        limits: Limits,
        deadline: float,
        behaviour: Behaviour | None = None,
    ) -> Rendering | NotShown:
        """Show the page at `url`, if there is one to show: something came, and it is HTML, text or a picture.

        Args:
            url: a request URL.
            capture_id: the capture's id.
            source: answers every request that the page makes.
            user_agent: the value of User-Agent, for scripts too.
            workdir: a folder for large files.
            clock: gives the time, aware, in UTC.
            limits: of the capture.
            deadline: when the capture's time is over, by `time.monotonic`.
            behaviour: what is done with the page, if not what this browser does with all.

        Raises:
            BrowserUnavailable: there is no browser, or it does not start; nothing was asked for.
        """

    def call_off(self) -> None:
        """End what `show` is doing in another thread."""


def _url(url: str) -> str:
    return url.partition("#")[0].encode("utf-8", "backslashreplace").decode()[:LONGEST_URL]


def _text(text: str) -> str:
    """One that can be written as UTF-8, shortened."""
    return text[:LONGEST_TEXT].encode("utf-8", "backslashreplace").decode()[:LONGEST_TEXT]
