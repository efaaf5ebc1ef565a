"""The record of a run: a report of all of it, a signed statement about that, and what the next run learns from them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sijill.archive.capture.spool import MemoryBody
from sijill.archive.crawl.pages import Known, PageOutcome, Row, RunOutcome
from sijill.archive.crawl.site import Site
from sijill.archive.digest import digest_bytes
from sijill.flows.context import collector, software
from sijill.flows.crawl.journal import RunPlan, last_run, note_last_run, noted_runs
from sijill.flows.crawl.schedule import accounted_until, missed_runs
from sijill.flows.signing import Recorded, load, record
from sijill.flows.wiring import Archive
from sijill.provenance.attest.attestation import Orchestrator, Subject
from sijill.provenance.attest.run import (
    REPORT_NAME,
    REPORT_TYPE,
    RunStatement,
    ScheduleState,
    Timing,
    parse_run_statement,
    run_statement,
)
from sijill.provenance.attest.run_report import LARGEST, RunReport, check_against, parse_run_report, report_json
from sijill.provenance.errors import LogDamaged, Malformed, MalformedStatement
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import attestation_key, attested_entry, kind_folder
from sijill.storage.errors import NotFound
from sijill.storage.layout import object_key

_LOOKED_THROUGH = 1_000
"""Runs of all sites that are looked through for the last one of a site, if that was not noted."""
_THERE = frozenset({PageOutcome.CAPTURED, PageOutcome.UNCHANGED, PageOutcome.GONE})


@dataclass(frozen=True, slots=True)
class LastRun:
    """What the last recorded run of a site left behind."""

    run_id: str
    until: datetime | None
    """Until when it accounts for what was due; None if it did not."""
    known: Mapping[str, Known]


def find_last_run(archive: Archive, site_id: str) -> LastRun | None:
    """The last run of a site that was recorded; None if there is none.

    Raises:
        LogDamaged: its report is not what was signed.
        StorageError: the store failed.
        ProvenanceError: what is stored is not a run's statement.
    """
    noted = last_run(archive, site_id)
    found = None if noted is None else _load(archive, noted, site_id)
    if found is None:
        found = next((run for run in _newest_runs(archive, site_id)), None)
    if found is None:
        return None
    predicate = found.statement.predicate
    known = _read_report(archive, found.statement).known_pages()
    until = None if predicate.schedule is None else predicate.schedule.until
    return LastRun(found.entry_id, until or predicate.started, known)


def is_recorded(archive: Archive, run_id: str) -> bool:
    """Whether the statement about a run is stored."""
    return archive.store.stat(attestation_key(run_id, Kind.RUN)) is not None


def make_report(
    archive: Archive,
    site: Site,
    plan: RunPlan,
    outcome: RunOutcome,
    last: LastRun | None,
) -> bytes:
    """All of a run, as the canonical JSON that its statement names."""
    until = accounted_until(plan.started, plan.due)
    since = last.until if last is not None and last.until is not None else None
    missed: tuple[datetime, ...] = ()
    if site.schedule is not None and since is not None:
        missed = missed_runs(site.schedule, since=since, until=until, due=plan.due)
        until = max(until, since)
    return report_json(
        plan.run_id,
        site=site,
        ended=archive.clock(),
        until=until,
        missed=missed,
        outcome=outcome,
        known=_known_after(outcome.rows, {} if last is None else last.known),
    )


def record_run(
    archive: Archive, site: Site, plan: RunPlan, data: bytes, *, orchestrator: Orchestrator | None = None
) -> None:
    """Store a run's report, sign a statement about it, queue that for the log; may be repeated.

    Raises:
        StorageError: the store did not take it.
        LogDamaged: `data` is not a report.
    """
    report = _report(REPORT_NAME, data)
    digests = digest_bytes(data)
    schedule = site.schedule
    state = None if schedule is None else ScheduleState(schedule.cron, schedule.timezone, report.until)
    statement = run_statement(
        plan.run_id,
        site=site,
        timing=Timing(
            plan.trigger,
            plan.due,
            plan.started,
            report.ended,
            state,
            () if schedule is None else report.missed,
        ),
        counts=report.counts,
        omitted=report.omitted,
        problems=len(report.problems),
        size=report.bytes_received,
        user_agent=archive.user_agent,
        report=Subject(REPORT_NAME, REPORT_TYPE, digests),
        collector=collector(archive),
        software=software(),
        orchestrator=orchestrator,
    )
    if not is_recorded(archive, plan.run_id):
        archive.store.put(object_key(digests.sha256.hex), MemoryBody(data), expected=digests)
        record(archive, Kind.RUN, plan.run_id, statement, parse=parse_run_statement)
    note_last_run(archive, site.id, plan.run_id)


def load_report(archive: Archive, run_id: str) -> RunReport:
    """What a recorded run came to, out of the store.

    Raises:
        LogDamaged: the report is not what was signed.
        StorageError: the store failed.
        ProvenanceError: what is stored is not a run's statement.
    """
    return _read_report(archive, load(archive, Kind.RUN, run_id, parse_run_statement).statement)


def _known_after(rows: Iterable[Row], before: Mapping[str, Known]) -> list[Known]:
    known = dict(before)
    for row in rows:
        if row.capture_id is not None and row.outcome in _THERE:
            # Put last, so that what was not seen for longest is what is forgotten first.
            known.pop(row.url, None)
            gone = row.outcome is PageOutcome.GONE
            sha256, text = (None, None) if gone else (row.sha256, row.text_sha256)
            known[row.url] = Known(row.url, row.capture_id, sha256, gone, text)
    return list(known.values())


def _newest_runs(archive: Archive, site_id: str) -> Iterable[Recorded[RunStatement]]:
    keys = deque(archive.store.list(kind_folder(Kind.RUN)), maxlen=2 * _LOOKED_THROUGH)
    ids = [run_id for key in keys if (run_id := attested_entry(key, Kind.RUN)) is not None]
    others = noted_runs(archive)
    for run_id in reversed(ids[-_LOOKED_THROUGH:]):
        if run_id not in others and (found := _load(archive, run_id, site_id)) is not None:
            yield found


def _load(archive: Archive, run_id: str, site_id: str) -> Recorded[RunStatement] | None:
    try:
        found = load(archive, Kind.RUN, run_id, parse_run_statement)
    except (NotFound, Malformed):
        return None
    return found if found.ours and found.statement.predicate.site.id == site_id else None


def _read_report(archive: Archive, statement: RunStatement) -> RunReport:
    digests = statement.subject[0].digests
    key = object_key(digests.sha256.hex)
    data = archive.store.read(key, limit=LARGEST)
    if digest_bytes(data) != digests:
        raise LogDamaged(key, "not the report that was signed")
    report = _report(key, data)
    try:
        check_against(report, statement)
    except MalformedStatement as err:
        raise LogDamaged(key, f"not the report of the run {statement.predicate.run_id}: {err}") from err
    return report


def _report(key: str, data: bytes) -> RunReport:
    try:
        return parse_run_report(data)
    except MalformedStatement as err:
        raise LogDamaged(key, f"not the report of a run: {err}") from err
