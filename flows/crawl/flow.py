"""The Prefect flows of crawls: retries, limits, progress, artifacts and events around `crawl_site`.

One task crawls a whole site and captures in its own threads, so a run is a few calls of Prefect's API, however many
pages there are. What became of each page is in the store's journal, not in Prefect: whichever run comes next goes on.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import prefect
from prefect import Task, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.concurrency.sync import concurrency
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.runtime import flow_run as runtime
from prefect.states import Completed, Failed

from sijill.archive.crawl.pages import PageOutcome
from sijill.archive.crawl.pages import Task as PageTask
from sijill.archive.crawl.site import Site
from sijill.flows.crawl.artifacts import RunProgress, table_of_run, table_of_sites
from sijill.flows.crawl.journal import last_sign_of_life, unfinished_run
from sijill.flows.crawl.record import is_recorded, load_report
from sijill.flows.crawl.run import CrawlResult, crawl_site
from sijill.flows.crawl.schedule import is_superseded
from sijill.flows.crawl.sites import FILE_NAME as SITES_NAME
from sijill.flows.crawl.sites import pick_sites, read_sites
from sijill.flows.crawl.spreading import Spread, spread, wait_for
from sijill.flows.crawl.taking_up import is_left
from sijill.flows.errors import SiteBusy
from sijill.flows.orchestration.names import FOUND_NOTHING, LEASE_SECONDS, host_limits
from sijill.flows.orchestration.telling import tell_changes_task
from sijill.flows.reading.after import captures_of
from sijill.flows.reading.task import read_captures_task
from sijill.flows.sealing import seal_task
from sijill.flows.settings import FILE_NAME, read_settings
from sijill.flows.wiring import Archive, open_archive
from sijill.provenance.attest.attestation import Orchestrator, Trigger
from sijill.provenance.printable import printable
from sijill.storage.errors import StoreFailure

_CAPTURED = (PageOutcome.CAPTURED, PageOutcome.UNCHANGED)
_REACHED = (*_CAPTURED, PageOutcome.READ)
_SPARE_SECONDS = 1800
_WEEK = 7 * 86_400


@dataclass(frozen=True, slots=True)
class SiteCrawled:
    """What passes between runs about a run over a site."""

    site: str
    run_id: str | None
    """None if it was left alone."""
    summary: str
    statements: int = 0
    """Statement pages captured."""
    failed: int = 0
    """Statement pages, and what the archivist listed, that could not be had."""
    reached: bool = True
    """Whether any page of the site could be had."""
    taken_up: bool = False
    captures: tuple[str, ...] = ()
    """The ids of all that were made."""


def _store_failed(task: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether to try again: only a store may do later what it did not do now."""
    return isinstance(state.result(raise_on_failure=False), StoreFailure)


@task(
    name="crawl-site",
    task_run_name="{site}",
    retries=3,
    retry_delay_seconds=[10, 60, 300],
    retry_condition_fn=_store_failed,
    cache_policy=NO_CACHE,
)
def crawl_task(site: str, config: str, sites: str, jobs: int, due: datetime | None) -> SiteCrawled:
    """Crawl a site, or go on with the run that a killed worker left; its pages become rows of a table.

    What goes wrong on the web is an outcome, recorded and signed. Trouble with the store is an error, and retried: the
    next attempt goes on with the same run.
    """
    log = get_run_logger()
    chosen = _site(sites, site)
    archive = open_archive(Path(config))
    left = unfinished_run(archive, site)
    progress = RunProgress(chosen, log)
    try:
        result = crawl_site(
            archive,
            chosen,
            trigger=Trigger.ON_DEMAND if due is None else Trigger.SCHEDULE,
            due=due,
            orchestrator=Orchestrator(version=prefect.__version__, flow_run_id=str(runtime.id)),
            workers=jobs,
            show=progress.show,
        )
    except SiteBusy as err:
        log.info("%s", err)
        return SiteCrawled(site, None, "left alone: another worker is crawling it")
    progress.finish()
    if left is not None and left.run_id != result.run_id and is_recorded(archive, left.run_id):
        # A date of the schedule goes on with what was left, and then does its own run.
        log.info("run %s, begun by an earlier worker, is recorded, too", left.run_id)
        table_of_run(site, left.run_id, [part.row for part in load_report(archive, left.run_id).planned])
    table_of_run(site, result.run_id, result.rows)
    for problem in result.problems:
        log.warning("%s: %s", site, printable(problem))
    for missed in result.missed:
        log.warning("%s: a run was due at %s and did not happen", site, missed.isoformat())
    return _crawled(result)


@flow(
    name="crawl-site",
    flow_run_name="crawl {site}",
    description="Find the statement pages of a site, capture them, record the run, seal the log.",
)
def crawl_site_flow(
    site: str, config: str | None = None, sites: str | None = None, jobs: int = 8, seal: bool = True
) -> State[SiteCrawled]:
    """Crawl the site with the id `site`.

    The run fails if no statement page was captured and either the site was out of reach or something that was wanted
    could not be had; what failed beside captured pages is in its table. A site where nothing was found raises the event
    `FOUND_NOTHING`.

    Args:
        site: an id in the sites file.
        config: the settings file; default: `$SIJILL_CONFIG`, else `sijill.toml` here.
        sites: the sites file; default: `$SIJILL_SITES`, else `sites.toml` beside the settings file.
        jobs: pages at once.
        seal: whether to seal the log afterwards.
    """
    settings, listed = _files(config, sites)
    chosen = _site(listed, site)
    due = _due()
    if due is not None and is_superseded(chosen, due, datetime.now(UTC)):
        # The worker was away for days: the newest date is run, and its record says which ones were missed.
        reason = f"left out: due at {due.isoformat()}, and a later date has come since"
        return Completed(message=reason, data=SiteCrawled(site, None, reason))
    attempt = crawl_task.with_options(timeout_seconds=2 * chosen.limits.seconds + _SPARE_SECONDS)
    pool = read_settings(Path(settings)).prefect.pool
    # The lease of a killed worker's slots ends by itself; losing ours only lets another crawl near the same host.
    with concurrency(host_limits(pool, chosen), lease_duration=LEASE_SECONDS):
        crawled = attempt(site, settings, listed, jobs, due)
    if seal and crawled.run_id is not None:
        seal_task(settings)
    if crawled.captures:
        read_captures_task(settings, crawled.captures)
    if seal and crawled.run_id is not None:
        tell_changes_task(settings)
    if crawled.run_id is None:
        return Completed(message=crawled.summary, data=crawled)
    if not crawled.statements:
        _tell_found_nothing(chosen, crawled)
        if crawled.failed or not crawled.reached:
            return Failed(message=f"nothing captured: {crawled.summary}")
    return Completed(message=crawled.summary, data=crawled)


@flow(
    name="crawl-all",
    flow_run_name="crawl all",
    description="Crawl all sites, spread over the workers there are.",
    timeout_seconds=_WEEK,
)
def crawl_all_flow(
    config: str | None = None,
    sites: str | None = None,
    only: list[str] | None = None,
    jobs: int = 8,
    left: bool = False,
) -> State[list[Spread]]:
    """Crawl the sites of the sites file, and seal the log.

    As the run of a deployment it makes a run of each site's own deployment, which any worker of the pool takes, and
    waits for all; sites that have none, and all of them in a run that nobody deployed, are crawled here, one after
    another. A worker must be able to run two things at once, or this waits for what cannot begin (`sijill worker`
    sees to that). The run fails if one of those did not complete.

    Args:
        config: the settings file, as in `crawl_site_flow`.
        sites: the sites file, as in `crawl_site_flow`.
        only: ids of the sites; all by default.
        jobs: pages at once, of each site.
        left: take up what killed workers left, and nothing else: only sites with an unfinished run that nobody is at.
            The runs are begun and not waited for.
    """
    log = get_run_logger()
    settings, listed = _files(config, sites)
    every = read_sites(Path(listed))
    chosen = every if only is None else pick_sites(every, only)
    keys = {site.id: f"{runtime.id} {site.id}" for site in chosen}
    if left:
        archive = open_archive(Path(settings))
        keys = {site.id: _left_key(archive, site) for site in chosen if is_left(archive, site.id)}
        chosen = tuple(site for site in chosen if site.id in keys)
        if not chosen:
            return Completed(message="nothing was left", data=[])
    parameters = {"jobs": jobs, "config": config, "sites": sites, "seal": left}
    pool = read_settings(Path(settings)).prefect.pool
    begun = spread(chosen, pool, keys, parameters) if _is_deployed() else {}
    log.info("%d sites: %d given to workers, %d crawled here", len(chosen), len(begun), len(chosen) - len(begun))
    results: list[Spread] = []
    for site in chosen:
        if site.id not in begun:
            state: State[Any] = crawl_site_flow(site.id, settings, listed, jobs, seal=False, return_state=True)
            results.append(Spread.of(site.id, state, None))
    if left:
        results += [Spread(site_id, "Scheduled", "taken up", True, str(run.id)) for site_id, run in begun.items()]
    else:
        results += wait_for(begun)
    if not left or len(begun) < len(chosen):
        seal_task(settings)
        tell_changes_task(settings)
    table_of_sites(results)
    counts = ", ".join(f"{number} {name.lower()}" for name, number in Counter(one.state for one in results).items())
    message = f"{len(results)} sites: {counts}"
    if all(one.completed for one in results):
        return Completed(message=message, data=results)
    bad = ", ".join(one.site for one in results if not one.completed)
    return Failed(message=f"{message}; not completed: {bad}")


def _files(config: str | None, sites: str | None) -> tuple[str, str]:
    """The settings file and the sites file, as absolute paths."""
    settings = Path(config or os.environ.get("SIJILL_CONFIG", FILE_NAME)).absolute()
    return str(settings), str(Path(sites or os.environ.get("SIJILL_SITES") or settings.parent / SITES_NAME).absolute())


def _site(sites: str, site_id: str) -> Site:
    return pick_sites(read_sites(Path(sites)), [site_id])[0]


def _this_run() -> FlowRun | None:
    context = FlowRunContext.get()
    return None if context is None else context.flow_run


def _due() -> datetime | None:
    """When the schedule wanted this run; None if somebody did."""
    run = _this_run()
    if run is None or not run.auto_scheduled or run.expected_start_time is None:
        return None
    return run.expected_start_time.astimezone(UTC)


def _is_deployed() -> bool:
    run = _this_run()
    return run is not None and run.deployment_id is not None


def _left_key(archive: Archive, site: Site) -> str:
    """What stands for one taking up, so that a second look before it begins does not ask for it again."""
    plan, seen = unfinished_run(archive, site.id), last_sign_of_life(archive, site.id)
    return f"take up {site.id} {None if plan is None else plan.run_id} {seen}"


def _crawled(result: CrawlResult) -> SiteCrawled:
    statements = [row for row in result.rows if row.task is PageTask.STATEMENT]
    counts = Counter(row.outcome for row in statements)
    summary = ", ".join(f"{counts[outcome]} {outcome}" for outcome in PageOutcome if counts[outcome])
    return SiteCrawled(
        site=result.site.id,
        run_id=result.run_id,
        summary=(summary or "no statement page") + (", begun by an earlier worker" if result.taken_up else ""),
        statements=sum(counts[outcome] for outcome in _CAPTURED),
        failed=sum(row.failed for row in result.rows),
        reached=any(row.outcome in _REACHED for row in result.rows),
        taken_up=result.taken_up,
        captures=tuple(captures_of(result.rows)),
    )


def _tell_found_nothing(site: Site, crawled: SiteCrawled) -> None:
    emit_event(
        FOUND_NOTHING,
        resource={"prefect.resource.id": f"sijill.site.{site.id}", "prefect.resource.name": site.name},
        payload={"site": site.id, "runId": crawled.run_id, "summary": crawled.summary, "failed": crawled.failed},
    )
