"""Crawling sites: what is due is planned, captured, recorded; a run that was cut short is gone on with.

Plain functions; `sijill crawl` calls them directly, and a Prefect flow is a thin wrapper over them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sijill.archive.crawl.crawler import Crawler
from sijill.archive.crawl.document import Documents
from sijill.archive.crawl.journal import Show
from sijill.archive.crawl.pages import Known, Row, RunOutcome
from sijill.archive.crawl.site import Site
from sijill.flows import evidence
from sijill.flows.browsing import Browsing
from sijill.flows.crawl.capture import ArchiveCaptures
from sijill.flows.crawl.journal import Lease, RunJournal, RunPlan, begin_run, leased, unfinished_run
from sijill.flows.crawl.record import find_last_run, is_recorded, load_report, make_report, record_run
from sijill.flows.crawl.resources import RunResources
from sijill.flows.probe import check_required
from sijill.flows.wiring import Archive
from sijill.provenance.attest.attestation import Orchestrator, Trigger


@dataclass(frozen=True, slots=True)
class CrawlResult:
    """A run that is recorded: signed, stored and queued for the log."""

    site: Site
    run_id: str
    due: datetime | None
    """When the schedule wanted it; None if somebody did."""
    rows: tuple[Row, ...]
    problems: tuple[str, ...]
    missed: tuple[datetime, ...]
    """When runs were due since the one before, and did not happen."""
    taken_up: bool
    """Whether an earlier worker had begun it."""

    @property
    def failed(self) -> bool:
        """Whether a statement page, or something that the archivist listed, could not be had."""
        return any(row.failed for row in self.rows)


def crawl_site(
    archive: Archive,
    site: Site,
    *,
    trigger: Trigger = Trigger.ON_DEMAND,
    due: datetime | None = None,
    orchestrator: Orchestrator | None = None,
    workers: int = 8,
    show: Show | None = None,
    sleep: Callable[[float], None] = time.sleep,
    browsing: Browsing | None = None,
) -> CrawlResult:
    """Crawl one site and record the run; sealing is left to the caller.

    A run of the site that a killed worker left is gone on with instead, under its own id, trigger and due time.

    Args:
        archive: where to.
        site: what.
        trigger: what makes the run happen.
        due: when the schedule wanted it; only of a scheduled run.
        orchestrator: what runs it.
        workers: URLs that are dealt with at once.
        show: told each URL that was dealt with.
        sleep: waits for so many seconds.
        browsing: the browser that sites of this process share; one for this run by default.

    Raises:
        SiteBusy: another worker is crawling the site.
        LeaseLost: another worker has taken it over.
        CapabilityNotShown: the store was not seen to do what settings demand; nothing was fetched.
        BrowserUnavailable: the site is to be captured with a browser only, and there is none; nothing was fetched.
        StorageError: the store failed; the next call goes on from there.
    """
    check_required(archive)
    with (
        Browsing(archive) if browsing is None else nullcontext(browsing) as shared,
        leased(archive, site.id) as lease,
    ):
        shared.begin(shared.mode(site.browser))
        asked = _Asked(trigger, due, orchestrator, workers, show, sleep, shared)
        evidence.recover(archive)
        result = None
        while (plan := unfinished_run(archive, site.id)) is not None:
            result = _carry_on(archive, site, plan, lease, asked, taken_up=True)
        # What an earlier worker left does for whoever asked just now, but not for the next date of the schedule.
        if result is None or (trigger is Trigger.SCHEDULE and result.due != due):
            started = archive.clock()
            plan = RunPlan(archive.new_capture_id(started), trigger, due, started)
            begin_run(archive, site.id, plan)
            result = _carry_on(archive, site, plan, lease, asked, taken_up=False)
    return result


@dataclass(frozen=True, slots=True)
class _Asked:
    """How a run is to be carried out."""

    trigger: Trigger
    due: datetime | None
    orchestrator: Orchestrator | None
    workers: int
    show: Show | None
    sleep: Callable[[float], None]
    browsing: Browsing


def _carry_on(
    archive: Archive, site: Site, plan: RunPlan, lease: Lease, asked: _Asked, *, taken_up: bool
) -> CrawlResult:
    """Do what is left of a run, record it, and forget its journal."""
    journal = RunJournal(archive, site.id, plan, lease)
    report = journal.report()
    if report is None and not is_recorded(archive, plan.run_id):
        last = find_last_run(archive, site.id)
        outcome = _crawl(archive, site, plan, journal, {} if last is None else last.known, asked)
        report = make_report(archive, site, plan, outcome, last)
        journal.keep_report(report)
    if report is not None:
        record_run(archive, site, plan, report, orchestrator=asked.orchestrator)
    journal.forget()
    recorded = load_report(archive, plan.run_id)
    return CrawlResult(
        site,
        plan.run_id,
        plan.due,
        tuple(part.row for part in recorded.planned),
        recorded.problems,
        recorded.missed,
        taken_up=taken_up,
    )


def _crawl(
    archive: Archive, site: Site, plan: RunPlan, journal: RunJournal, known: Mapping[str, Known], asked: _Asked
) -> RunOutcome:
    with (
        tempfile.TemporaryDirectory(prefix="sijill-crawl-") as folder,
        RunResources(archive, site.id, plan.run_id) as resources,
    ):
        documents = Documents(
            network=archive.network, user_agent=archive.user_agent, workdir=Path(folder), clock=archive.clock
        )
        crawler = Crawler(
            site,
            documents=documents,
            captures=ArchiveCaptures(
                archive,
                plan.trigger,
                asked.orchestrator,
                evidence.Readiness(archive),
                resources,
                asked.browsing,
                asked.browsing.mode(site.browser),
            ),
            journal=journal,
            known=known,
            user_agent=archive.user_agent,
            now=archive.clock,
            seconds=time.monotonic,
            sleep=asked.sleep,
            workers=asked.workers,
            show=asked.show,
        )
        return crawler.run(journal.steps())
