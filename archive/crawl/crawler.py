"""The course of a run over one site: what is fetched next, what becomes of it, and when it is enough.

One thread decides and remembers; others wait for servers. What has to outlive a killed worker is noted in the journal
before anything depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from sijill.archive.crawl.document import Document, Documents
from sijill.archive.crawl.found import Found, How
from sijill.archive.crawl.journal import Captures, Journal, Progress, Show
from sijill.archive.crawl.judging import judge
from sijill.archive.crawl.ledger import Ledger
from sijill.archive.crawl.pages import (
    KNOWN,
    ROBOTS,
    Captured,
    HostRobots,
    Known,
    PageOutcome,
    Planned,
    Robots,
    RunOutcome,
    Step,
    Task,
)
from sijill.archive.crawl.politeness import Answer, Turns, answer
from sijill.archive.crawl.robots import RobotsRules
from sijill.archive.crawl.searching import Findings, search
from sijill.archive.crawl.site import Site
from sijill.archive.crawl.urls import host_of

ATTEMPTS = 3
"""How often a page is asked for whose server asks to wait (429, 503)."""
_ROBOTS_BYTES = 1 << 20
_LIST_BYTES = 10 << 20
_TURN = 5.0
"""Most seconds between two looks at what is going on."""


@dataclass(frozen=True, slots=True)
class _Work:
    """Something under way in another thread."""

    host: str
    planned: Planned | None
    """None for robots.txt."""
    origin: str
    number: int = -1
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Rules:
    """What robots.txt of an origin says, or that nobody is there to say anything."""

    rules: RobotsRules
    no_host: str | None


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
            workers: pages that are dealt with at once, of all hosts together.
            show: told each URL that was dealt with.
        """
        self._site = site
        self._documents = documents
        self._captures = captures
        self._journal = journal
        self._known = known
        self._user_agent = user_agent
        self._now = now
        self._seconds = seconds
        self._sleep = sleep
        self._workers = workers
        self._show = show
        self._turns = Turns(site.politeness, seconds)
        self._ledger = Ledger(site)
        self._robots: dict[str, _Rules] = {}
        self._robots_attempts: dict[str, int] = {}
        self._robots_pending: set[str] = set()
        self._tries: dict[str, Step] = {}
        self._active: dict[Future[object], _Work] = {}
        self._next = 0
        self._begun = seconds()
        self._before = 0.0
        self._known_planned = False

    def run(self, earlier: Sequence[Step] = ()) -> RunOutcome:
        """Do the run, or what is left of it after the steps that an earlier worker noted.

        Nothing that a server sends is raised. Whatever the archive itself raises ends the run, which can be taken up
        again.
        """
        self._replay(earlier)
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="crawl")
        try:
            while self._turn(pool):
                self._journal.alive()
        finally:
            pool.shutdown(cancel_futures=True)
        self._conclude()
        return self._ledger.outcome(tuple(self._robots_sources()))

    def _replay(self, earlier: Sequence[Step]) -> None:
        steps = sorted(earlier, key=lambda step: step.number)
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
            else:
                self._tries[step.planned.url] = step
        for step in list(self._tries.values()):
            self._take_up(step)

    def _take_up(self, step: Step) -> None:
        """Deal with a page that was being captured when the worker was killed."""
        url = step.planned.url
        found = None if step.capture_id is None else self._captures.recall(step.capture_id, url)
        if found is None:
            self._ledger.let_in(step.planned)
            return
        findings = search(Task.STATEMENT, self._site, found.final_url or url, found.body, _type_of(found), found.status)
        self._settle(step, found, findings)
        self._ledger.frontier.remove(url)

    def _seed(self) -> None:
        site = self._site
        for url in site.sitemaps:
            self._ledger.let_in(Planned(url, url, How.START.value, Task.SITEMAP))
        for url in site.feeds:
            self._ledger.let_in(Planned(url, url, How.START.value, Task.FEED))
        for url in site.start:
            self._ledger.let_in(Planned(url, url, How.START.value, self._task(url)))

    def _turn(self, pool: ThreadPoolExecutor) -> bool:
        """Begin what may begin, wait for something to end, deal with it; False if there is nothing left."""
        self._set_aside()
        spent = self._spent()
        if spent is None:
            self._dispatch(pool)
        if self._active:
            pause = min(self._pause() if spent is None else _TURN, _TURN)
            ended, _ = wait(self._active, timeout=max(pause, 0.01), return_when=FIRST_COMPLETED)
            for future in ended:
                self._ended(self._active.pop(future), future.result())
            return True
        if spent is not None:
            return False
        if not len(self._ledger.frontier):
            return self._plan_known()
        pause = self._pause()
        if pause > 0 and math.isfinite(pause):
            self._sleep(min(pause, _TURN))
        return True

    def _pause(self) -> float:
        """Seconds until a host that is waited for may be asked."""
        waits = [self._turns.wait(host) for host in self._ledger.frontier.hosts() if host not in self._robots_pending]
        return min(waits, default=math.inf) if len(self._active) < self._workers else math.inf

    def _dispatch(self, pool: ThreadPoolExecutor) -> None:
        while len(self._active) < self._workers and self._spent() is None:
            planned = self._ledger.frontier.take(self._is_ready)
            if planned is None:
                return
            origin = _origin(planned.url)
            if origin not in self._robots and planned.task is not Task.SITEMAP:
                self._ledger.frontier.put_back(planned)
                self._ask_robots(pool, origin)
            else:
                self._begin(pool, planned, origin)

    def _is_ready(self, host: str) -> bool:
        return host not in self._robots_pending and self._turns.wait(host) <= 0

    def _ask_robots(self, pool: ThreadPoolExecutor, origin: str) -> None:
        host = host_of(origin)
        self._robots_pending.add(host)
        self._turns.begin(host)
        future = pool.submit(self._documents.fetch, f"{origin}/robots.txt", limit=_ROBOTS_BYTES)
        self._active[future] = _Work(host, None, origin)  # type: ignore[index]

    def _begin(self, pool: ThreadPoolExecutor, planned: Planned, origin: str) -> None:
        decision = self._decision(planned, origin)
        if isinstance(decision, Robots):
            tried = self._tries.get(planned.url)
            work = _Work(
                host_of(planned.url),
                planned,
                origin,
                tried.number if tried is not None else self._number(),
                tried.earlier if tried is not None else (),
            )
            self._turns.begin(work.host)
            if planned.task is Task.STATEMENT:
                future: Future[object] = pool.submit(self._capture, work, planned, decision)
            else:
                future = pool.submit(self._read, planned)
            self._active[future] = work
            return
        outcome, reason = decision
        self._finish(Step(self._number(), planned, outcome, reason))

    def _decision(self, planned: Planned, origin: str) -> Robots | tuple[PageOutcome, str]:
        """What robots.txt says of the URL, or what becomes of it without asking."""
        if planned.task is Task.SITEMAP:
            return Robots(consulted=False, decision=None, reason="a sitemap is there for robots")
        found = self._robots[origin]
        if found.no_host is not None:
            known = self._known.get(planned.url)
            if planned.task is Task.STATEMENT and known is not None:
                # Nobody is there to be asked, so nobody is asked too much: the absence is worth a capture.
                return Robots(consulted=True, decision=None, reason=f"robots.txt: {found.no_host}")
            return PageOutcome.FAILED, found.no_host
        decision = found.rules.decide(planned.url, self._user_agent)
        if decision.allowed:
            return Robots(consulted=True, decision="allowed", reason=decision.reason)
        if not self._site.politeness.obey_robots:
            return Robots(consulted=True, decision="disallowed", reason=f"{decision.reason}; settings do not obey it")
        return PageOutcome.REFUSED_BY_ROBOTS, decision.reason

    def _capture(self, work: _Work, planned: Planned, robots: Robots) -> object:
        def begun(capture_id: str) -> None:
            self._journal.note(self._step(work, planned, None, capture_id=capture_id, earlier=work.earlier))

        captured = self._captures.capture(planned.url, robots=robots, begun=begun)
        at = captured.final_url or planned.url
        findings = search(Task.STATEMENT, self._site, at, captured.body, _type_of(captured), captured.status)
        return captured, findings

    def _read(self, planned: Planned) -> object:
        limits = self._site.limits
        limit = {Task.SITEMAP: limits.sitemap_bytes, Task.FEED: limits.feed_bytes}.get(planned.task, _LIST_BYTES)
        stay = (lambda url: self._site.scope(url).in_scope) if planned.task is Task.LIST else None
        document = self._documents.fetch(planned.url, limit=limit, stay=stay)
        findings = search(
            planned.task, self._site, document.final_url, document.body, document.content_type, document.status
        )
        return document, findings

    def _ended(self, work: _Work, result: object) -> None:
        match result:
            case Document() if work.planned is None:
                self._take_robots(work, result)
            case (Document() as document, Findings() as findings) if work.planned is not None:
                self._turns.end(work.host, self._answer(document))
                if not self._again(work, work.planned, document.status, None):
                    self._finish(self._read_step(work, work.planned, document, findings))
            case (Captured() as captured, Findings() as findings) if work.planned is not None:
                self._turns.end(work.host, self._answer(captured))
                if not self._again(work, work.planned, captured.status, captured.capture_id):
                    step = self._step(work, work.planned, None, capture_id=captured.capture_id, earlier=work.earlier)
                    self._settle(step, captured, findings)
            case _:
                raise TypeError(f"a worker gave a {type(result).__name__}")

    def _again(self, work: _Work, planned: Planned, status: int | None, capture_id: str | None) -> bool:
        """Have a page wait for another attempt, if its server asks for that and it has not had enough of them."""
        attempts = 1 + (self._tries[planned.url].status or 0 if planned.url in self._tries else 0)
        if status not in (429, 503) or attempts >= ATTEMPTS or self._turns.aside(work.host) is not None:
            return False
        earlier = (*work.earlier, capture_id) if capture_id is not None else work.earlier
        # Of a step under way, `status` counts the attempts.
        step = self._step(work, planned, None, earlier=earlier, status=attempts)
        self._tries[planned.url] = step
        self._journal.note(step)
        self._ledger.frontier.put_back(planned)
        return True
