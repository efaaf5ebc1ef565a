"""What a run plans and what becomes of it: one URL, one outcome. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PageOutcome(StrEnum):
    """What became of a URL in a run."""

    CAPTURED = "captured"
    UNCHANGED = "unchanged"
    """Captured, and its visible text, or else its payload, is that of the URL's last capture."""
    GONE = "gone"
    """It was there before; now its absence is captured."""
    READ = "read"
    """Not a statement page: read for what it names, and not captured."""
    FAILED = "failed"
    REFUSED_BY_ROBOTS = "refused-by-robots"
    OUT_OF_SCOPE = "out-of-scope"
    TRAP = "trap"
    """It looks like one of endlessly many."""
    LIMIT_REACHED = "limit-reached"
    PUT_ASIDE = "put-aside"
    """Its host kept failing, and is left alone for the rest of the run."""


class Task(StrEnum):
    """What a URL is for."""

    STATEMENT = "statement"
    """A statement page: it is captured."""
    LIST = "list"
    """A page that may name statement pages: it is read."""
    SITEMAP = "sitemap"
    FEED = "feed"


KNOWN = "known"
"""How a URL came into a run that nothing names any more: an earlier run captured it."""
ROBOTS = "robots"
"""How a sitemap came into a run: robots.txt names it."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A URL that a run has to deal with, and where it came from."""

    url: str
    """A request URL: absolute, ASCII, no fragment."""
    via: str
    """The URL of the page, feed or sitemap that names it; its own if the archivist did."""
    how: str
    """A `How` of discovery, `KNOWN` or `ROBOTS`."""
    task: Task
    depth: int = 0
    lastmod: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A statement page that an earlier run captured."""

    url: str
    capture_id: str
    """Its last capture."""
    sha256: str | None
    """Of that capture's payload, lowercase hexadecimal; None if there was none."""
    gone: bool = False
    """Whether that capture is of its absence."""
    text_sha256: str | None = None
    """Of the visible text, as the present reader reads it; None if that is not known."""


@dataclass(frozen=True, slots=True)
class Robots:
    """What robots.txt says of a URL, for the record of the capture."""

    consulted: bool
    decision: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Captured:
    """What came of capturing one page."""

    capture_id: str
    partial: bool
    final_url: str | None
    """Where the page was in the end; None if none was reached."""
    status: int | None
    failure: str | None = None
    """Why no page was reached; None if one was."""
    no_host: bool = False
    """Whether it was because the host has no address (DNS)."""
    sha256: str | None = None
    """Of the page's payload, lowercase hexadecimal."""
    retry_after: str | None = None
    """The Retry-After field of the page's response, as sent."""
    size: int = 0
    """Bytes that were received for it, of all its exchanges."""
    media_type: str | None = None
    charset: str | None = None
    body: bytes = b""
    """The page without content coding, as much of it as is searched for links."""
    whole: bool = True
    """Whether `body` is all of the page."""
    text_sha256: str | None = None
    """Of the page's visible text; None if that was not read."""
    shown: bytes | None = None
    """The document as a browser had it in the end, in UTF-8; None if the page was captured by plain HTTP."""


@dataclass(frozen=True, slots=True)
class Step:
    """One URL that was dealt with, or is being dealt with: what has to outlive a killed worker."""

    number: int
    """From 0, in the order of beginning."""
    planned: Planned
    outcome: PageOutcome | None
    """None while it is under way."""
    reason: str = ""
    capture_id: str | None = None
    """Of a capture under way: its id, decided before it began."""
    earlier: tuple[str, ...] = ()
    """Captures of earlier attempts, where a server asked to wait."""
    attempts: int = 0
    """How often it was asked for so far."""
    final_url: str | None = None
    status: int | None = None
    sha256: str | None = None
    text_sha256: str | None = None
    size: int = 0
    milliseconds: int = 0
    """Since the run began, pauses between workers left out."""
    found: tuple[Planned, ...] = ()
    """What it names and nothing before it did."""
    problems: tuple[str, ...] = ()
    refused: tuple[tuple[str, int], ...] = ()
    """How many of its links are not for a crawl to follow, by scheme."""


@dataclass(frozen=True, slots=True)
class Row:
    """A URL and its outcome, as the record of a run lists it."""

    url: str
    via: str
    how: str
    task: Task
    outcome: PageOutcome
    reason: str = ""
    capture_id: str | None = None
    earlier: tuple[str, ...] = ()
    final_url: str | None = None
    status: int | None = None
    sha256: str | None = None
    text_sha256: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the run did not get what it was for: a statement page, or what the archivist listed."""
        wanted = self.task is Task.STATEMENT or self.how == "start"
        return wanted and self.outcome in (PageOutcome.FAILED, PageOutcome.PUT_ASIDE)


@dataclass(frozen=True, slots=True)
class HostRobots:
    """What was found out about robots.txt of an origin."""

    origin: str
    source: str
    """Where the decisions come from: the status of robots.txt, or why there was none."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What became of everything that a run planned."""

    rows: tuple[Row, ...]
    omitted: int
    """URLs that were only counted: out of scope, traps, or beyond a limit."""
    robots: tuple[HostRobots, ...]
    problems: tuple[str, ...]
    size: int
    """Bytes received."""
    refused: tuple[tuple[str, int], ...] = ()
    """How many links of the pages read are not for a crawl to follow, by scheme."""
