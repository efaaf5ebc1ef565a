"""The course of a run over one site: what is fetched next, what becomes of it, and when it is enough.

One thread decides and remembers; others wait for servers. What has to outlive a killed worker is noted in the journal
before anything depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from sijill.archive.crawl.document import Document, Documents
from sijill.archive.crawl.found import Found, How
from sijill.archive.crawl.journal import Captures, Journal, Progress, Show
from sijill.archive.crawl.judging import judge
from sijill.archive.crawl.ledger import Ledger, waiting
from sijill.archive.crawl.origins import Origins, Turned
from sijill.archive.crawl.pages import (
    KNOWN,
    ROBOTS,
    Captured,
    Known,
    PageOutcome,
    Planned,
    Robots,
    RunOutcome,
    Step,
    Task,
)
from sijill.archive.crawl.politeness import Answer, Turns, answer
from sijill.archive.crawl.searching import Findings, search_captured, search_document
from sijill.archive.crawl.site import Site
from sijill.archive.crawl.urls import host_of

ATTEMPTS = 3
"""How often a URL is asked for whose server asks to wait (429, 503)."""
_ROBOTS_BYTES = 1 << 20
_LIST_BYTES = 10 << 20
_DEEPEST_SITEMAP = 3
"""How many sitemaps may name one another; the protocol allows for one index above the sets."""
_BUSY = (429, 503)
_LONGEST_WAIT = 5.0
"""Most seconds between two looks at what is going on."""


@dataclass(frozen=True, slots=True)
class _RobotsRead:
    origin: str
    document: Document


@dataclass(frozen=True, slots=True)
class _DocumentRead:
    step: Step
    document: Document
    findings: Findings


@dataclass(frozen=True, slots=True)
class _PageCaptured:
    step: Step
    captured: Captured
    findings: Findings


_T = TypeVar("_T")
_Result = _RobotsRead | _DocumentRead | _PageCaptured


class Crawler:
    """One run over one site; `run` may be called once."""

    def __init__(
        self,
        site: Site,
        *,
        documents: Documents,
        captures: Captures,
        journal: Journal,
        known: Mapping[str, Known],
        user_agent: str,
        now: Callable[[], datetime],
        seconds: Callable[[], float],
        sleep: Callable[[float], None],
        workers: int = 8,
        show: Show | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            site: what is crawled, and within which limits.
            documents: fetches what is read and not captured.
            captures: captures statement pages.
            journal: remembers what was done.
            known: what earlier runs captured, by URL.
            user_agent: the name that robots.txt is asked about.
            now: the time of day, aware.
            seconds: a clock that only grows.
            sleep: waits for so many seconds.
            workers: URLs that are dealt with at once, of all hosts together.
            show: told each URL that was dealt with.
        """
        self._site = site
        self._documents = documents
        self._captures = captures
        self._journal = journal
        self._known = known
        self._now = now
        self._seconds = seconds
        self._sleep = sleep
        self._workers = workers
        self._show = show
        self._turns = Turns(site.politeness, seconds)
        self._origins = Origins(user_agent, site.politeness)
        self._ledger = Ledger(site)
        self._asking_robots: set[str] = set()
        self._under_way: dict[str, Step] = {}
        self._robots_attempts: dict[str, int] = {}
        self._active: dict[Future[_Result], str] = {}
        self._capturing = 0
        self._next = 0
        self._begun = seconds()
        self._before = 0.0
        self._known_left = True

    def run(self, earlier: Sequence[Step] = ()) -> RunOutcome:
        """Do the run, or what is left of it after the steps that an earlier worker noted.

        Nothing that a server sends is raised. Whatever the archive itself raises ends the run, which can be taken up
        again.
        """
        self._replay(sorted(earlier, key=lambda step: step.number))
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="crawl")
        try:
            while self._turn(pool):
                self._journal.alive()
        finally:
            pool.shutdown(cancel_futures=True)
        if spent := self._spent():
            self._plan_known()
            self._ledger.leave(waiting(self._ledger.frontier), PageOutcome.LIMIT_REACHED, spent)
        return self._ledger.outcome(tuple(self._origins.sources()))

    def _replay(self, steps: Sequence[Step]) -> None:
        """Bring the books to where an earlier worker left them."""
        for step in steps:
            self._next = max(self._next, step.number + 1)
            self._before = max(self._before, step.milliseconds / 1000)
            if step.outcome is not None:
                self._ledger.frontier.done(step.planned.url)
        self._seed()
        for step in steps:
            if step.outcome is not None:
                self._ledger.account(step)
                for planned in step.found:
                    self._ledger.let_in(planned)
        for step in steps:
            if step.outcome is None:
                self._take_up(step)

    def _take_up(self, step: Step) -> None:
        """Deal with what was under way when a worker was killed: if its capture was stored, it is not repeated."""
        url = step.planned.url
        captured = None if step.capture_id is None else self._captures.recall(step.capture_id, url)
        if captured is None:
            self._under_way[url] = step
            self._ledger.let_in(step.planned)
        else:
            self._settle(step, captured, search_captured(self._site, url, captured))
            self._ledger.frontier.remove(url)

    def _seed(self) -> None:
        for task, urls in (
            (Task.SITEMAP, self._site.sitemaps),
            (Task.FEED, self._site.feeds),
            (None, self._site.start),
        ):
            for url in urls:
                self._ledger.let_in(Planned(url, url, How.START.value, task or self._task(url)))

    def _turn(self, pool: ThreadPoolExecutor) -> bool:
        """Begin what may begin, wait for something to end and deal with it; False if there is nothing left."""
        self._set_aside()
        spent = self._spent() is not None
        if not spent:
            self._dispatch(pool)
        if self._active:
            pause = _LONGEST_WAIT if spent else min(self._pause(), _LONGEST_WAIT)
            for future in wait(self._active, timeout=pause, return_when=FIRST_COMPLETED).done:
                self._ended(self._active.pop(future), future.result())
            return True
        if spent:
            return False
        if not len(self._ledger.frontier):
            return self._plan_known()
        self._sleep(min(self._pause(), _LONGEST_WAIT))
        return True

    def _pause(self) -> float:
        """Seconds until one of the hosts that something waits for may be asked."""
        if len(self._active) >= self._workers:
            return math.inf
        hosts = (host for host in self._ledger.frontier.hosts() if host not in self._asking_robots)
        return min((self._turns.wait(host) for host in hosts), default=math.inf)

    def _dispatch(self, pool: ThreadPoolExecutor) -> None:
        while len(self._active) < self._workers and self._spent() is None:
            planned = self._ledger.frontier.take(self._is_ready)
            if planned is None:
                return
            if origin := self._origins.missing(planned):
                self._ledger.frontier.put_back(planned)
                self._asking_robots.add(host_of(planned.url))
                self._submit(pool, host_of(planned.url), self._read_robots, origin)
            else:
                self._begin(pool, planned)

    def _is_ready(self, host: str) -> bool:
        return host not in self._asking_robots and self._turns.wait(host) <= 0

    def _begin(self, pool: ThreadPoolExecutor, planned: Planned) -> None:
        step = self._under_way.pop(planned.url, None) or Step(self._number(), planned, None)
        decision = self._origins.decide(planned, self._known)
        if isinstance(decision, Turned):
            self._finish(replace(step, outcome=decision.outcome, reason=decision.reason))
        elif planned.task is Task.STATEMENT:
            self._capturing += 1
            self._submit(pool, host_of(planned.url), self._capture, (step, decision))
        else:
            self._submit(pool, host_of(planned.url), self._read, step)

    def _submit(self, pool: ThreadPoolExecutor, host: str, work: Callable[[_T], _Result], about: _T) -> None:
        self._turns.begin(host)
        self._active[pool.submit(work, about)] = host

    def _read_robots(self, origin: str) -> _Result:
        return _RobotsRead(origin, self._documents.fetch(f"{origin}/robots.txt", limit=_ROBOTS_BYTES))

    def _read(self, step: Step) -> _Result:
        planned, limits = step.planned, self._site.limits
        limit = {Task.SITEMAP: limits.sitemap_bytes, Task.FEED: limits.feed_bytes}.get(planned.task, _LIST_BYTES)
        stay = self._may_stay if planned.task is Task.LIST else None
        document = self._documents.fetch(planned.url, limit=limit, stay=stay)
        return _DocumentRead(step, document, search_document(self._site, planned.task, document))

    def _may_stay(self, url: str) -> bool:
        return self._site.scope(url).in_scope

    def _capture(self, about: tuple[Step, Robots]) -> _Result:
        step, robots = about

        def begun(capture_id: str) -> None:
            self._journal.note(replace(step, capture_id=capture_id, milliseconds=self._milliseconds()))

        captured = self._captures.capture(step.planned.url, robots=robots, begun=begun)
        return _PageCaptured(step, captured, search_captured(self._site, step.planned.url, captured))

    def _ended(self, host: str, result: _Result) -> None:
        match result:
            case _RobotsRead(origin, document):
                self._turns.end(host, self._answer(document.status, document.retry_after, document.failure))
                self._take_robots(host, origin, document)
            case _DocumentRead(step, document, findings):
                self._turns.end(host, self._answer(document.status, document.retry_after, document.failure))
                if not self._again(host, step, document.status, None):
                    self._finish_document(step, document, findings)
            case _PageCaptured(step, captured, findings):
                self._capturing -= 1
                self._turns.end(host, self._answer(captured.status, captured.retry_after, captured.failure))
                if not self._again(host, step, captured.status, captured.capture_id):
                    self._settle(step, captured, findings)

    def _answer(self, status: int | None, retry_after: str | None, failure: str | None) -> Answer:
        return answer(status, retry_after, failure, self._now())

    def _take_robots(self, host: str, origin: str, document: Document) -> None:
        self._asking_robots.discard(host)
        attempts = self._robots_attempts[origin] = self._robots_attempts.get(origin, 0) + 1
        if document.status in _BUSY and attempts < ATTEMPTS and self._turns.aside(host) is None:
            return
        asked = self._origins.take(origin, document)
        if asked.delay is not None:
            self._turns.slow_down(host, asked.delay)
        for url in asked.sitemaps:
            self._ledger.let_in(Planned(url, f"{origin}/robots.txt", ROBOTS, Task.SITEMAP))

    def _again(self, host: str, step: Step, status: int | None, capture_id: str | None) -> bool:
        """Have a URL wait for another attempt, if its server asks for that and it has not had enough of them."""
        attempts = step.attempts + 1
        if status not in _BUSY or attempts >= ATTEMPTS or self._turns.aside(host) is not None:
            return False
        earlier = (*step.earlier, capture_id) if capture_id is not None else step.earlier
        again = replace(step, attempts=attempts, earlier=earlier)
        self._journal.note(again)
        self._under_way[step.planned.url] = again
        self._ledger.frontier.put_back(step.planned)
        return True

    def _settle(self, step: Step, captured: Captured, findings: Findings) -> None:
        """Finish a page whose capture is stored."""
        planned = step.planned
        judgement = judge(self._site, planned.url, captured, self._known.get(planned.url))
        reason = judgement.reason
        there = judgement.outcome in (PageOutcome.CAPTURED, PageOutcome.UNCHANGED)
        if there and (other := self._ledger.same_as(captured.sha256)):
            reason = "; ".join(part for part in (reason, f"the same bytes as {other}") if part)
        self._finish(
            replace(
                step,
                outcome=judgement.outcome,
                reason=reason,
                capture_id=captured.capture_id,
                final_url=captured.final_url,
                status=captured.status,
                sha256=captured.sha256,
                size=captured.size,
                found=self._let_in(planned, findings) if there else (),
                problems=findings.problems if there else (),
            )
        )

    def _finish_document(self, step: Step, document: Document, findings: Findings) -> None:
        planned, status = step.planned, document.status
        outcome, moved = PageOutcome.READ, document.final_url != planned.url
        found: tuple[Planned, ...] = ()
        if status is None or not 200 <= status < 300:
            outcome, reason = PageOutcome.FAILED, document.failure or f"HTTP status {status}"
        else:
            told = (f"leads to {document.final_url}" if moved else "", document.problem)
            reason = "; ".join(part for part in told if part)
            found = self._let_in(planned, findings)
            if planned.task is not Task.LIST and findings.problems and not (findings.found or findings.sitemaps):
                outcome, reason = PageOutcome.FAILED, findings.problems[-1]
        # A page that lists others may lead to a statement page, which is to be captured.
        if planned.task is Task.LIST and moved and self._site.is_statement(document.final_url):
            lead = Found(document.final_url, planned.url, How.LINK)
            found = (*found, *self._let_in(planned, Findings((lead,))))
        self._finish(
            replace(
                step,
                outcome=outcome,
                reason=reason,
                final_url=document.final_url,
                status=status,
                size=document.size,
                found=found,
                problems=findings.problems,
            )
        )

    def _let_in(self, planned: Planned, findings: Findings) -> tuple[Planned, ...]:
        """Let in what a page, feed or sitemap names; returns what nothing had named before."""
        how = How.OLDER if planned.task is Task.FEED else How.LINK
        # Feeds first: a page may link to its own feed as well, and would have it taken for a page.
        plans = [Planned(url, planned.url, how.value, Task.FEED, planned.depth + 1) for url in findings.feeds]
        plans += [
            Planned(one.url, one.via, one.how.value, self._task(one.url), _depth(planned, one.how), one.lastmod)
            for one in findings.found
        ]
        if planned.depth < _DEEPEST_SITEMAP:
            deeper = planned.depth + 1
            plans += [Planned(url, planned.url, How.SITEMAP.value, Task.SITEMAP, deeper) for url in findings.sitemaps]
        return tuple(plan for plan in plans if self._ledger.let_in(plan))

    def _task(self, url: str) -> Task:
        return Task.STATEMENT if self._site.is_statement(url) else Task.LIST

    def _finish(self, step: Step) -> None:
        finished = replace(step, milliseconds=self._milliseconds())
        self._journal.note(finished)
        row = self._ledger.account(finished)
        if self._show is not None:
            self._show(Progress(self._ledger.done, len(self._ledger.frontier) + len(self._active), row))

    def _set_aside(self) -> None:
        frontier = self._ledger.frontier
        for host in frontier.hosts():
            if reason := self._turns.aside(host):
                self._ledger.leave(frontier.drain(host), PageOutcome.PUT_ASIDE, reason)

    def _plan_known(self) -> bool:
        """Plan what earlier runs captured and nothing names any more; returns whether there is any."""
        if not self._known_left:
            return False
        self._known_left = False
        for page in self._known.values():
            if not page.gone and self._site.is_statement(page.url):
                self._ledger.let_in(Planned(page.url, page.url, KNOWN, Task.STATEMENT))
        return bool(len(self._ledger.frontier))

    def _spent(self) -> str | None:
        """Which limit of the run is reached, if one is."""
        limits = self._site.limits
        if self._ledger.captured + self._capturing >= limits.pages:
            return f"the limit of {limits.pages} pages"
        if self._ledger.size >= limits.bytes:
            return f"the limit of {limits.bytes} bytes"
        if self._before + self._seconds() - self._begun >= limits.seconds:
            return f"the limit of {limits.seconds:g} seconds"
        return None

    def _milliseconds(self) -> int:
        return round((self._before + self._seconds() - self._begun) * 1000)

    def _number(self) -> int:
        self._next += 1
        return self._next - 1


def _depth(planned: Planned, how: How) -> int:
    """How many links from where the crawl starts something is that `planned` names."""
    # The next page of a list is as near as the list: an archive of twenty years goes on for hundreds of pages.
    same = planned.task in (Task.SITEMAP, Task.FEED) or how in (How.OLDER, How.CANONICAL, How.HREFLANG)
    return planned.depth if same else planned.depth + 1
