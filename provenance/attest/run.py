"""That a crawl happened and what it came to, as the JSON of an in-toto Statement v1.

It holds counts and names the report by its digests; URLs are in the report only (`run_report`), which can be erased.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from sijill.archive.crawl.pages import PageOutcome
from sijill.archive.crawl.site import Site
from sijill.provenance.attest.archive_event import (
    Collector,
    CollectorPart,
    EventStatement,
    SoftwareParts,
    check_own_id,
    check_report,
    cut,
    event_statement,
    require,
)
from sijill.provenance.attest.attestation import Orchestrator, Software, Subject, Trigger
from sijill.provenance.attest.members import Orchestrator as OrchestratorPart
from sijill.provenance.attest.parts import MAX_TEXT, CaptureId, Count, Line, Part, Timestamp
from sijill.provenance.attest.run_settings import RunSettingsPart, settings_json
from sijill.provenance.attest.statement import parse_part
from sijill.provenance.attest.timestamps import format_timestamp

RUN_TYPE: Final = "https://sijill.org/run/v1"
REPORT_NAME: Final = "run-report.json"
REPORT_TYPE: Final = "application/json"
MAX_MISSED: Final = 1_000
"""The most runs that it says were due and did not happen."""
_MAX_RUN: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """The schedule of the site, and how far into the past its runs are accounted for."""

    cron: str
    timezone: str
    until: datetime
    """Whatever was due until then has a record, or stands among what was missed in one."""


@dataclass(frozen=True, slots=True)
class Timing:
    """When a run was due, when it happened, and what should have happened since the run before it."""

    trigger: Trigger
    due: datetime | None
    """When the schedule wanted it; None if somebody did."""
    started: datetime
    ended: datetime
    schedule: ScheduleState | None
    missed: Sequence[datetime]
    """Runs that were due since the last one recorded and did not happen, the oldest first."""


def run_statement(
    run_id: str,
    *,
    site: Site,
    timing: Timing,
    counts: Mapping[PageOutcome, int],
    omitted: int,
    problems: int,
    size: int,
    user_agent: str,
    report: Subject,
    collector: Collector,
    software: Sequence[Software],
    orchestrator: Orchestrator | None,
) -> dict[str, Any]:
    """The statement about a run, ready for `canonical`; it holds no float and no URL.

    Args:
        run_id: an id of the form of capture ids, made from `timing.started`.
        site: what was crawled, and within which limits.
        timing: when and why.
        counts: how many of the URLs that the report lists came to what.
        omitted: URLs that it does not list.
        problems: how many things it says could not be read, or are odd.
        size: bytes received.
        user_agent: how the crawler named itself.
        report: the stored report file, which has all of it, with the URLs.
        collector: who crawled.
        software: what took part.
        orchestrator: what ran it; None if no server did.
    """
    predicate: dict[str, Any] = {
        "runId": run_id,
        "site": {"id": site.id, "name": cut(site.name)},
        "trigger": timing.trigger.value,
        "due": None if timing.due is None else format_timestamp(timing.due),
        "started": format_timestamp(timing.started),
        "ended": format_timestamp(timing.ended),
        "schedule": None
        if timing.schedule is None
        else {
            "cron": timing.schedule.cron,
            "timezone": timing.schedule.timezone,
            "until": format_timestamp(timing.schedule.until),
        },
        "missed": [{"due": format_timestamp(due)} for due in timing.missed[-MAX_MISSED:]],
        "counts": {outcome.value: counts.get(outcome, 0) for outcome in PageOutcome},
        "omitted": omitted,
        "problems": problems,
        "bytesReceived": size,
        "settings": settings_json(site, user_agent),
        "orchestrator": None
        if orchestrator is None
        else {
            "name": orchestrator.name,
            "version": orchestrator.version,
            "flowRunId": orchestrator.flow_run_id,
        },
    }
    return event_statement(RUN_TYPE, [report], predicate, collector=collector, software=software)


class SitePart(Part):
    """Which site."""

    id: Annotated[str, Field(pattern=r"\A[a-z0-9][a-z0-9-]{0,39}\z")]
    name: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]


class SchedulePart(Part):
    """The schedule, and until when its runs are accounted for."""

    cron: Line
    timezone: Line
    until: Timestamp


class MissedPart(Part):
    """A run that was due and did not happen."""

    due: Timestamp


class RunPredicate(Part):
    """What is said of the run."""

    run_id: CaptureId
    site: SitePart
    trigger: Literal["on-demand", "schedule"]
    due: Timestamp | None
    started: Timestamp
    ended: Timestamp
    schedule: SchedulePart | None
    missed: Annotated[tuple[MissedPart, ...], Field(strict=False, max_length=MAX_MISSED)]
    counts: dict[str, Count]
    omitted: Count
    problems: Count
    bytes_received: Count
    settings: RunSettingsPart
    collector: CollectorPart
    software: SoftwareParts
    orchestrator: OrchestratorPart | None


class RunStatement(EventStatement):
    """A parsed statement about a run."""

    predicate_type: Literal["https://sijill.org/run/v1"]
    predicate: RunPredicate


def parse_run_statement(payload: bytes) -> RunStatement:
    """Parse the payload of a run's attestation.

    Raises:
        MalformedStatement: it is not canonical JSON, a member is unknown, missing, of another type or out of bounds, or
            members contradict one another.
    """
    statement = parse_part(RunStatement, payload, limit=_MAX_RUN)
    predicate = statement.predicate
    check_report(statement.subject[0], REPORT_NAME, REPORT_TYPE)
    check_own_id("predicate.runId", predicate.run_id, predicate.started, "predicate.started")
    scheduled = predicate.trigger == "schedule"
    due = [one.due for one in predicate.missed]
    for holds, path, reason in (
        (predicate.started <= predicate.ended, "predicate.ended", "before started"),
        ((predicate.due is not None) == scheduled, "predicate.due", "a scheduled run has one, and only such a run"),
        (predicate.schedule is not None or not due, "predicate.missed", "nothing is due without a schedule"),
        (due == sorted(set(due)), "predicate.missed", "not in order, or twice the same"),
        (
            predicate.schedule is None or not due or due[-1] <= predicate.schedule.until,
            "predicate.missed",
            "after what is accounted for",
        ),
        (
            set(predicate.counts) == {outcome.value for outcome in PageOutcome},
            "predicate.counts",
            "does not name every outcome, and nothing else",
        ),
    ):
        require(holds, path, reason)
    return statement
