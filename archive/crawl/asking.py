"""What a run has its threads do: ask servers, and read what they send. Several threads at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sijill.archive.crawl.absence import NO_SUCH_PAGE
from sijill.archive.crawl.document import Document, Documents
from sijill.archive.crawl.journal import Captures
from sijill.archive.crawl.judging import with_text
from sijill.archive.crawl.pages import Captured, Robots, Step, Task
from sijill.archive.crawl.searching import Findings, search_captured, search_document
from sijill.archive.crawl.site import Site

_ROBOTS_BYTES = 1 << 20
_LIST_BYTES = 10 << 20


@dataclass(frozen=True, slots=True)
class RobotsRead:
    """An origin's robots.txt was asked for."""

    origin: str
    document: Document


@dataclass(frozen=True, slots=True)
class NothingRead:
    """An origin was asked for a page that does not exist."""

    origin: str
    document: Document


@dataclass(frozen=True, slots=True)
class DocumentRead:
    """What names pages was read."""

    step: Step
    document: Document
    findings: Findings


@dataclass(frozen=True, slots=True)
class PageCaptured:
    """A statement page was captured."""

    step: Step
    captured: Captured
    findings: Findings


Result = RobotsRead | NothingRead | DocumentRead | PageCaptured


class Asker:
    """Asks servers for what a run wants of one site."""

    def __init__(self, site: Site, documents: Documents, captures: Captures, note: Callable[[Step], None]) -> None:
        """`note` is told each step whose capture begins, before anything is sent."""
        self._site = site
        self._documents = documents
        self._captures = captures
        self._note = note

    def read_robots(self, origin: str) -> Result:
        """Fetch robots.txt of `origin`."""
        return RobotsRead(origin, self._documents.fetch(f"{origin}/robots.txt", limit=_ROBOTS_BYTES))

    def read_nothing(self, origin: str) -> Result:
        """Ask `origin` for a page that does not exist."""
        return NothingRead(origin, self._documents.fetch(f"{origin}{NO_SUCH_PAGE}", limit=_LIST_BYTES))

    def read(self, step: Step) -> Result:
        """Fetch a sitemap, a feed or a page that lists others, and read what it names."""
        planned, limits = step.planned, self._site.limits
        limit = {Task.SITEMAP: limits.sitemap_bytes, Task.FEED: limits.feed_bytes}.get(planned.task, _LIST_BYTES)
        stay = self._may_stay if planned.task is Task.LIST else None
        document = self._documents.fetch(planned.url, limit=limit, stay=stay)
        return DocumentRead(step, document, search_document(self._site, planned.task, document))

    def capture(self, about: tuple[Step, Robots]) -> Result:
        """Capture a statement page, and read what it says and names."""
        step, robots = about
        captured = self._captures.capture(
            step.planned.url, robots=robots, begun=lambda capture_id: self._note(replace(step, capture_id=capture_id))
        )
        return self._captured(step, captured)

    def recall(self, step: Step) -> PageCaptured | None:
        """The capture that a killed worker made in this step; None if it did not come to that."""
        if step.capture_id is None:
            return None
        captured = self._captures.recall(step.capture_id, step.planned.url)
        return None if captured is None else self._captured(step, captured)

    def _captured(self, step: Step, captured: Captured) -> PageCaptured:
        return PageCaptured(step, with_text(captured), search_captured(self._site, step.planned.url, captured))

    def _may_stay(self, url: str) -> bool:
        return self._site.scope(url).in_scope
