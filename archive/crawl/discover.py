"""Looking at a site without capturing anything: what a crawl would find there, and what it would leave, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sijill.archive.crawl.absence import NO_SUCH_PAGE, Absences
from sijill.archive.crawl.document import Document, Documents
from sijill.archive.crawl.found import How
from sijill.archive.crawl.judging import document_step, judge_document
from sijill.archive.crawl.ledger import Ledger
from sijill.archive.crawl.origins import Origins, Turned, origin_of
from sijill.archive.crawl.pages import PageOutcome, Planned, RunOutcome, Step, Task
from sijill.archive.crawl.planning import let_in, seeds, task_of
from sijill.archive.crawl.searching import search_document
from sijill.archive.crawl.site import Site
from sijill.archive.crawl.urls import host_of

_PAGE_BYTES = 10 << 20
_ROBOTS_BYTES = 1 << 20
_MOST_SITEMAPS = 200
"""Sitemaps and feeds that are read beside those that the archivist listed."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was seen of a site."""

    site: Site
    statements: tuple[Planned, ...]
    """Pages that a crawl would capture; of those that were looked at, the ones that are there."""
    seen: RunOutcome
    """What was read and what was turned away, with reasons; what robots.txt of each origin said; what is odd."""


def survey(
    site: Site,
    *,
    documents: Documents,
    user_agent: str,
    seconds: Callable[[], float],
    sleep: Callable[[float], None],
    depth: int = 0,
    show: Callable[[str], None] | None = None,
) -> Survey:
    """Look at what an archivist listed of a site, and at pages up to `depth` links from there, if that is not 0.

    Never raises on what a server sends. At most `site.limits` are used up.

    Args:
        site: what is looked at.
        documents: fetches.
        user_agent: the name that robots.txt is asked about.
        seconds: a clock that only grows.
        sleep: waits for so many seconds.
        depth: 0 reads start pages, sitemaps and feeds only; statement pages count as pages too.
        show: told each URL before it is fetched.
    """
    look = _Look(site, documents, user_agent, seconds, sleep, depth, show)
    look.go()
    return Survey(site, tuple(look.statements), look.ledger.outcome(tuple(look.origins.sources())))


class _Look:
    def __init__(
        self,
        site: Site,
        documents: Documents,
        user_agent: str,
        seconds: Callable[[], float],
        sleep: Callable[[float], None],
        depth: int,
        show: Callable[[str], None] | None,
    ) -> None:
        self.ledger = Ledger(site)
        self.origins = Origins(user_agent, site.politeness)
        self.statements: list[Planned] = []
        self._absences = Absences(self._may_ask)
        self._site = site
        self._documents = documents
        self._seconds = seconds
        self._sleep = sleep
        self._depth = depth
        self._show = show
        self._number = 0
        self._pages = 0
        self._others = 0
        self._asked: dict[str, float] = {}
        self._delays: dict[str, float] = {}
        self._begun = seconds()

    def go(self) -> None:
        for seed in seeds(self._site):
            self.ledger.let_in(seed)
        while (planned := self.ledger.frontier.take(lambda _: True)) is not None:
            self._look_at(planned)
        for origin in dict.fromkeys(origin_of(url) for url in self._site.start):
            self._ask_for_nothing(origin)
        for remark in self._absences.remarks():
            self.ledger.remark_on_all(remark)

    def _look_at(self, planned: Planned) -> None:
        if (origin := self.origins.missing(planned)) is not None:
            self._read_robots(origin)
        decision = self.origins.decide(planned, {})
        if isinstance(decision, Turned):
            self._account(planned, decision.outcome, decision.reason)
            return
        if not self._is_read(planned):
            if planned.task is Task.STATEMENT:
                self.statements.append(planned)
            what = "would be captured" if planned.task is Task.STATEMENT else "would be read; not looked at now"
            self._account(planned, PageOutcome.LIMIT_REACHED, what)
            return
        self._read(planned)

    def _is_read(self, planned: Planned) -> bool:
        limits = self._site.limits
        spent = self.ledger.size >= limits.bytes or self._seconds() - self._begun >= limits.seconds
        if spent or self._pages >= limits.pages:
            return False
        if planned.how == How.START.value:
            return True
        if planned.task in (Task.SITEMAP, Task.FEED):
            self._others += 1
            return self._others <= _MOST_SITEMAPS
        return self._depth > 0 and planned.depth <= self._depth

    def _read_robots(self, origin: str) -> None:
        document = self._fetch(f"{origin}/robots.txt", _ROBOTS_BYTES)
        asked = self.origins.take(origin, document)
        if asked.delay is not None:
            self._delays[host_of(origin)] = asked.delay
        for url in asked.sitemaps:
            self.ledger.let_in(Planned(url, f"{origin}/robots.txt", "robots", Task.SITEMAP))

    def _read(self, planned: Planned) -> None:
        limits = self._site.limits
        limit = {Task.SITEMAP: limits.sitemap_bytes, Task.FEED: limits.feed_bytes}.get(planned.task, _PAGE_BYTES)
        is_page = planned.task in (Task.LIST, Task.STATEMENT)
        self._pages += is_page
        document = self._fetch(planned.url, limit, stay=self._may_stay if is_page else None)
        findings = search_document(self._site, planned.task, document)
        judgement = judge_document(planned, document, findings)
        if planned.how == How.START.value and is_page:
            self._absences.look_at_start(document)
        named = let_in(self._site, self.ledger, planned, findings)
        if is_page and judgement.outcome is PageOutcome.READ:
            if planned.task is Task.STATEMENT:
                self.statements.append(planned)
            if (at := document.final_url) != planned.url:
                self.ledger.let_in(Planned(at, planned.url, How.LINK.value, task_of(self._site, at), planned.depth))
        step = replace(self._step(planned), problems=named.problems, refused=findings.refused)
        self.ledger.account(document_step(step, document, judgement))

    def _may_stay(self, url: str) -> bool:
        return self._site.scope(url).in_scope

    def _ask_for_nothing(self, origin: str) -> None:
        planned = Planned(f"{origin}/", origin, How.LINK.value, Task.STATEMENT)
        if self.origins.missing(planned) is None and self._absences.missing(planned) is not None:
            self._absences.take(origin, self._fetch(f"{origin}{NO_SUCH_PAGE}", _PAGE_BYTES))

    def _may_ask(self, url: str) -> bool:
        return not isinstance(self.origins.decide(Planned(url, url, How.LINK.value, Task.LIST), {}), Turned)

    def _account(self, planned: Planned, outcome: PageOutcome, reason: str) -> None:
        self.ledger.account(replace(self._step(planned), outcome=outcome, reason=reason))

    def _step(self, planned: Planned) -> Step:
        self._number += 1
        return Step(self._number, planned, None)

    def _fetch(self, url: str, limit: int, stay: Callable[[str], bool] | None = None) -> Document:
        host = host_of(url)
        pause = max(self._site.politeness.delay_seconds, self._delays.get(host, 0.0))
        if host in self._asked and (left := self._asked[host] + pause - self._seconds()) > 0:
            self._sleep(left)
        self._asked[host] = self._seconds()
        if self._show is not None:
            self._show(url)
        return self._documents.fetch(url, limit=limit, stay=stay)
