"""The course of a run over one site: what is fetched next, what becomes of it, and when it is enough.

One thread decides and remembers; others wait for servers. What has to outlive a killed worker is noted in the journal
before anything depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sijill.archive.crawl.absence import Absences
from sijill.archive.crawl.asking import Asker, DocumentRead, NothingRead, PageCaptured, Result, RobotsRead
from sijill.archive.crawl.document import Document, Documents
from sijill.archive.crawl.found import Found, How
from sijill.archive.crawl.journal import Captures, Journal, Progress, Show
from sijill.archive.crawl.judging import document_step, judge, judge_document, page_step
from sijill.archive.crawl.ledger import Ledger, waiting
from sijill.archive.crawl.origins import Origins, Turned
from sijill.archive.crawl.pages import KNOWN, ROBOTS, Captured, Known, PageOutcome, Planned, RunOutcome, Step, Task
from sijill.archive.crawl.planning import let_in, seeds
from sijill.archive.crawl.politeness import Turns, answer
from sijill.archive.crawl.searching import Findings
from sijill.archive.crawl.site import Site
from sijill.archive.crawl.urls import host_of

ATTEMPTS = 3
"""How often a URL is asked for whose server asks to wait (429, 503)."""
_BUSY = (429, 503)
_LONGEST_WAIT = 5.0
"""Most seconds between two looks at what is going on."""

_T = TypeVar("_T")


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
        self._asker = Asker(site, documents, captures, self._note_begun)
        self._journal = journal
        self._known = known
        self._now = now
        self._seconds = seconds
        self._sleep = sleep
        self._workers = workers
        self._show = show
        self._turns = Turns(site.politeness, seconds)
        self._origins = Origins(user_agent, site.politeness)
        self._absences = Absences(self._may_ask)
        self._ledger = Ledger(site)
        self._asking_first: set[str] = set()
        self._under_way: dict[str, Step] = {}
        self._robots_attempts: dict[str, int] = {}
        self._active: dict[Future[Result], str] = {}
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
        for remark in self._absences.remarks():
            self._ledger.remark_on_all(remark)
        return self._ledger.outcome(tuple(self._origins.sources()))

    def _replay(self, steps: Sequence[Step]) -> None:
        """Bring the books to where an earlier worker left them."""
        for step in steps:
            self._next = max(self._next, step.number + 1)
            self._before = max(self._before, step.milliseconds / 1000)
            if step.outcome is not None:
                self._ledger.frontier.done(step.planned.url)
        for planned in seeds(self._site):
            self._ledger.let_in(planned)
        for step in steps:
            if step.outcome is not None:
                self._ledger.account(step)
                for planned in step.found:
                    self._ledger.let_in(planned, by=step.planned.task)
        for step in steps:
            if step.outcome is None:
                self._take_up(step)

    def _take_up(self, step: Step) -> None:
        """Deal with what was under way when a worker was killed: if its capture was stored, it is not repeated."""
        url = step.planned.url
        recalled = self._asker.recall(step)
        if recalled is None:
            self._under_way[url] = step
            self._ledger.let_in(step.planned)
        else:
            self._settle(recalled)
            self._ledger.frontier.remove(url)

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
        hosts = (host for host in self._ledger.frontier.hosts() if host not in self._asking_first)
        return min((self._turns.wait(host) for host in hosts), default=math.inf)

    def _dispatch(self, pool: ThreadPoolExecutor) -> None:
        while len(self._active) < self._workers and self._spent() is None:
            planned = self._ledger.frontier.take(self._is_ready)
            if planned is None:
                return
            if origin := self._origins.missing(planned):
                self._ask_first(pool, planned, self._asker.read_robots, origin)
            elif origin := self._absences.missing(planned):
                self._ask_first(pool, planned, self._asker.read_nothing, origin)
            else:
                self._begin(pool, planned)

    def _is_ready(self, host: str) -> bool:
        return host not in self._asking_first and self._turns.wait(host) <= 0

    def _ask_first(self, pool: ThreadPoolExecutor, planned: Planned, ask: Callable[[str], Result], origin: str) -> None:
        """Have everything on a host wait until something is known of one of its origins."""
        self._ledger.frontier.put_back(planned)
        self._asking_first.add(host_of(planned.url))
        self._submit(pool, host_of(planned.url), ask, origin)

    def _may_ask(self, url: str) -> bool:
        return not isinstance(self._origins.decide(Planned(url, url, KNOWN, Task.LIST), {}), Turned)

    def _begin(self, pool: ThreadPoolExecutor, planned: Planned) -> None:
        step = self._under_way.pop(planned.url, None) or Step(self._number(), planned, None)
        decision = self._origins.decide(planned, self._known)
        if isinstance(decision, Turned):
            self._finish(replace(step, outcome=decision.outcome, reason=decision.reason))
        elif planned.task is Task.STATEMENT:
            self._capturing += 1
            self._submit(pool, host_of(planned.url), self._asker.capture, (step, decision))
        else:
            self._submit(pool, host_of(planned.url), self._asker.read, step)

    def _submit(self, pool: ThreadPoolExecutor, host: str, work: Callable[[_T], Result], about: _T) -> None:
        self._turns.begin(host)
        self._active[pool.submit(work, about)] = host

    def _note_begun(self, step: Step) -> None:
        self._journal.note(replace(step, milliseconds=self._milliseconds()))

    def _ended(self, host: str, result: Result) -> None:
        match result:
            case RobotsRead(origin, document):
                self._ended_turn(host, document.status, document.retry_after, document.failure)
                self._take_robots(host, origin, document)
            case NothingRead(origin, document):
                self._ended_turn(host, document.status, document.retry_after, document.failure)
                self._asking_first.discard(host)
                self._absences.take(origin, document)
            case DocumentRead(step, document, findings):
                self._ended_turn(host, document.status, document.retry_after, document.failure)
                if not self._again(host, step, document.status, None):
                    self._finish_document(step, document, findings)
            case PageCaptured(step, captured):
                self._capturing -= 1
                self._ended_turn(host, captured.status, captured.retry_after, captured.failure)
                if not self._again(host, step, captured.status, captured.capture_id):
                    self._settle(result)

    def _ended_turn(self, host: str, status: int | None, retry_after: str | None, failure: str | None) -> None:
        self._turns.end(host, answer(status, retry_after, failure, self._now()))

    def _take_robots(self, host: str, origin: str, document: Document) -> None:
        self._asking_first.discard(host)
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

    def _settle(self, result: PageCaptured) -> None:
        """Finish a page whose capture is stored."""
        step, captured, findings = result.step, result.captured, result.findings
        url = step.planned.url
        likeness = self._absences.likeness(url, captured)
        judgement = judge(self._site, url, captured, self._known.get(url), likeness)
        there = judgement.outcome in (PageOutcome.CAPTURED, PageOutcome.UNCHANGED)
        if there and (same := self._same_as(captured)):
            judgement = replace(judgement, reason="; ".join(part for part in (judgement.reason, same) if part))
        self._finish_with(page_step(step, captured, judgement), findings if there else Findings())

    def _same_as(self, captured: Captured) -> str | None:
        """Which page of this run says the same; whose bytes scripts fill is not told by these."""
        sha256 = None if captured.shown is not None else captured.sha256
        return self._ledger.same_as(sha256, captured.text_sha256)

    def _finish_document(self, step: Step, document: Document, findings: Findings) -> None:
        planned = step.planned
        if planned.task is Task.LIST and planned.how == How.START:
            self._absences.look_at_start(document)
        judgement = judge_document(planned, document, findings)
        moved = document.final_url != planned.url
        # A page that lists others may lead to a statement page, which is to be captured.
        if planned.task is Task.LIST and moved and self._site.is_statement(document.final_url):
            lead = Found(document.final_url, planned.url, How.LINK)
            findings = replace(findings, found=(*findings.found, lead))
        self._finish_with(document_step(step, document, judgement), findings)

    def _finish_with(self, step: Step, findings: Findings) -> None:
        """Finish what names other pages."""
        named = let_in(self._site, self._ledger, step.planned, findings)
        self._finish(replace(step, found=named.new, problems=named.problems, refused=findings.refused))

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
