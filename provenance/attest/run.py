"""What a crawl planned and what became of each URL, as the JSON of an in-toto Statement v1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from sijill.archive.crawl.pages import HostRobots, PageOutcome, Row, Task
from sijill.archive.crawl.site import Site
from sijill.provenance.attest.attestation import (
    CollectorCommitment,
    CollectorName,
    Orchestrator,
    Software,
    Subject,
    Trigger,
    collector_json,
    subject_json,
)
from sijill.provenance.attest.members import (
    MAX_TEXT,
    STATEMENT_TYPE,
    CaptureId,
    CommittedCollector,
    Count,
    Line,
    NamedCollector,
    Part,
    Text,
    Timestamp,
)
from sijill.provenance.attest.members import Orchestrator as OrchestratorPart
from sijill.provenance.attest.members import Software as SoftwarePart
from sijill.provenance.attest.members import Subject as SubjectPart
from sijill.provenance.attest.statement import parse_part
from sijill.provenance.attest.timestamps import capture_id_time, format_timestamp
from sijill.provenance.errors import MalformedCaptureId, MalformedStatement

RUN_TYPE: Final = "https://sijill.org/run/v1"
REPORT_NAME: Final = "run-report.json"
REPORT_TYPE: Final = "application/json"
MAX_PLANNED: Final = 20_000
"""The most URLs that a statement lists."""
MAX_MISSED: Final = 1_000
"""The most runs that it says were due and did not happen."""
_MAX_LISTED: Final = 500
_MAX_ROWS_SIZE: Final = 24 << 20
"""Bytes of URLs and reasons after which no further row is listed."""
_MAX_RUN: Final = 47 << 20

_WITH_CAPTURE: Final = frozenset({PageOutcome.CAPTURED, PageOutcome.UNCHANGED, PageOutcome.GONE})
_MAY_HAVE_CAPTURE: Final = _WITH_CAPTURE | {PageOutcome.FAILED}


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
    rows: Sequence[Row],
    omitted: int,
    robots: Sequence[HostRobots],
    problems: Sequence[str],
    size: int,
    user_agent: str,
    report: Subject,
    collector: CollectorName | CollectorCommitment,
    software: Sequence[Software],
    orchestrator: Orchestrator | None,
) -> dict[str, Any]:
    """The statement about a run, ready for `canonical`; it holds no float. What is too much is cut and counted.

    Args:
        run_id: an id of the form of capture ids, made from `timing.started`.
        site: what was crawled, and within which limits.
        timing: when and why.
        rows: each URL and its outcome.
        omitted: URLs that have no row.
        robots: where the decisions about robots came from.
        problems: what could not be read, or is odd.
        size: bytes received.
        user_agent: how the crawler named itself.
        report: the stored report file, which has all of it.
        collector: who crawled.
        software: what took part.
        orchestrator: what ran it; None if no server did.
    """
    listed = _fitting(rows)
    counts = Counter(row.outcome for row in listed)
    return {
        "_type": STATEMENT_TYPE,
        "subject": [subject_json(report)],
        "predicateType": RUN_TYPE,
        "predicate": {
            "runId": run_id,
            "site": {"id": site.id, "name": _text(site.name)},
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
            "planned": [row_json(row) for row in listed],
            "omitted": omitted + len(rows) - len(listed),
            "counts": {outcome.value: counts[outcome] for outcome in PageOutcome},
            "bytesReceived": size,
            "robots": [{"origin": one.origin, "source": _text(one.source)} for one in robots[:_MAX_LISTED]],
            "problems": [_text(problem) for problem in problems[:_MAX_LISTED]],
            "settings": _settings(site, user_agent),
            "collector": collector_json(collector),
            "software": [{"name": item.name, "version": item.version} for item in software],
            "orchestrator": None
            if orchestrator is None
            else {
                "name": orchestrator.name,
                "version": orchestrator.version,
                "flowRunId": orchestrator.flow_run_id,
            },
        },
    }


def row_json(row: Row) -> dict[str, Any]:
    """A URL and its outcome as statements write it."""
    return {
        "url": row.url,
        "via": row.via,
        "how": row.how,
        "task": row.task.value,
        "outcome": row.outcome.value,
        "reason": _text(row.reason),
        "captureId": row.capture_id,
        "earlier": list(row.earlier),
    }


def _fitting(rows: Sequence[Row]) -> Sequence[Row]:
    size = 0
    for count, row in enumerate(rows[:MAX_PLANNED]):
        # UTF-8 takes up to four bytes a character, and JSON writes some in six.
        size += 300 + len(row.url) + len(row.via) + 6 * min(len(row.reason), MAX_TEXT)
        if size > _MAX_ROWS_SIZE:
            return rows[:count]
    return rows[:MAX_PLANNED]


def _settings(site: Site, user_agent: str) -> dict[str, Any]:
    limits, politeness = site.limits, site.politeness
    return {
        "start": list(site.start),
        "sitemaps": list(site.sitemaps),
        "feeds": list(site.feeds),
        "hosts": [str(host) for host in site.hosts],
        "include": [str(pattern) for pattern in site.include],
        "exclude": [str(pattern) for pattern in site.exclude],
        "statements": [str(pattern) for pattern in site.statements],
        "languages": list(site.languages),
        "limits": {
            "pages": limits.pages,
            "depth": limits.depth,
            "bytes": limits.bytes,
            "milliseconds": round(limits.seconds * 1000),
            "linksPerPage": limits.links_per_page,
            "feedBytes": limits.feed_bytes,
            "sitemapBytes": limits.sitemap_bytes,
            "sitemapUrls": limits.sitemap_urls,
        },
        "politeness": {
            "delayMilliseconds": round(politeness.delay_seconds * 1000),
            "concurrency": politeness.concurrency,
            "obeyRobots": politeness.obey_robots,
            "maxRetryAfterMilliseconds": round(politeness.max_retry_after_seconds * 1000),
        },
        "userAgent": user_agent,
    }


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")[:MAX_TEXT]


_Listed = Annotated[tuple[Line, ...], Field(strict=False, max_length=10_000)]


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


class RowPart(Part):
    """A URL, where it came from, what it is for, and its outcome."""

    url: Line
    via: Line
    how: Annotated[str, Field(pattern=r"\A[a-z][a-z-]{0,30}\z")]
    task: Annotated[Task, Field(strict=False)]
    outcome: Annotated[PageOutcome, Field(strict=False)]
    reason: Text
    capture_id: CaptureId | None
    earlier: Annotated[tuple[CaptureId, ...], Field(strict=False, max_length=100)]


class OriginPart(Part):
    """Where the decisions about what robots.txt allows on an origin came from."""

    origin: Line
    source: Text


class LimitsPart(Part):
    """Bounds of the run."""

    pages: Count
    depth: Count
    bytes: Count
    milliseconds: Count
    links_per_page: Count
    feed_bytes: Count
    sitemap_bytes: Count
    sitemap_urls: Count


class PolitenessPart(Part):
    """How hard hosts might be asked."""

    delay_milliseconds: Count
    concurrency: Count
    obey_robots: bool
    max_retry_after_milliseconds: Count


class RunSettingsPart(Part):
    """What the archivist listed of the site, and the limits."""

    start: _Listed
    sitemaps: _Listed
    feeds: _Listed
    hosts: _Listed
    include: _Listed
    exclude: _Listed
    statements: _Listed
    languages: _Listed
    limits: LimitsPart
    politeness: PolitenessPart
    user_agent: Line


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
    planned: Annotated[tuple[RowPart, ...], Field(strict=False, max_length=MAX_PLANNED)]
    omitted: Count
    counts: dict[str, Count]
    bytes_received: Count
    robots: Annotated[tuple[OriginPart, ...], Field(strict=False, max_length=_MAX_LISTED)]
    problems: Annotated[tuple[Text, ...], Field(strict=False, max_length=_MAX_LISTED)]
    settings: RunSettingsPart
    collector: NamedCollector | CommittedCollector
    software: Annotated[tuple[SoftwarePart, ...], Field(strict=False, min_length=1, max_length=200)]
    orchestrator: OrchestratorPart | None


class RunStatement(Part):
    """A parsed statement about a run."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[tuple[SubjectPart, ...], Field(strict=False, min_length=1, max_length=1)]
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
    try:
        named = capture_id_time(predicate.run_id)
    except MalformedCaptureId as err:
        raise MalformedStatement("predicate.runId", err.reason) from err
    scheduled = predicate.trigger == "schedule"
    due = [one.due for one in predicate.missed]
    tally = Counter(row.outcome for row in predicate.planned)
    for holds, path, reason in (
        (statement.subject[0].name == REPORT_NAME, "subject.0.name", f"not {REPORT_NAME}"),
        (statement.subject[0].media_type == REPORT_TYPE, "subject.0.mediaType", f"not {REPORT_TYPE}"),
        (named == predicate.started.replace(microsecond=0), "predicate.runId", "its time is not that of started"),
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
            predicate.counts == {outcome.value: tally[outcome] for outcome in PageOutcome},
            "predicate.counts",
            "not what is listed",
        ),
    ):
        if not holds:
            raise MalformedStatement(path, reason)
    _check_rows(predicate.planned)
    return statement


def _check_rows(rows: tuple[RowPart, ...]) -> None:
    seen: set[str] = set()
    for number, row in enumerate(rows):
        path = f"predicate.planned.{number}"
        if row.url in seen:
            raise MalformedStatement(f"{path}.url", "is listed twice")
        seen.add(row.url)
        if row.capture_id is None and row.outcome in _WITH_CAPTURE:
            raise MalformedStatement(f"{path}.captureId", f"{row.outcome}, but no capture")
        if row.capture_id is not None and row.outcome not in _MAY_HAVE_CAPTURE:
            raise MalformedStatement(f"{path}.captureId", f"{row.outcome}, and yet a capture")
