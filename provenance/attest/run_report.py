"""The report of a run: every URL that it planned and what became of it, as the canonical JSON that its statement names.

All URLs of a run are here and none in the statement: the report is an object and can be erased, the statement cannot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from sijill.archive.crawl.pages import Known, PageOutcome, Row, RunOutcome, Task
from sijill.archive.crawl.site import Site
from sijill.archive.reading.visible_text import READER
from sijill.provenance.attest.archive_event import cut, require
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.parts import MAX_TEXT, CaptureId, Count, Hex, Line, Part, Text, Timestamp
from sijill.provenance.attest.run import MAX_MISSED, RunStatement
from sijill.provenance.attest.run_settings import ListedPart, listed_json
from sijill.provenance.attest.statement import parse_part
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.errors import MalformedStatement

LARGEST: Final = 128 << 20
"""Bytes of a report."""
MAX_PLANNED: Final = 20_000
"""The most URLs that a report lists."""
MAX_KNOWN: Final = 50_000
"""Pages of a site that are remembered from run to run."""
_MAX_LISTED: Final = 1_000
_MAX_ROWS_SIZE: Final = 48 << 20
"""Bytes of URLs and reasons after which no further row is listed, nor any further page known."""

_WITH_CAPTURE: Final = frozenset({PageOutcome.CAPTURED, PageOutcome.UNCHANGED, PageOutcome.GONE})
_MAY_HAVE_CAPTURE: Final = _WITH_CAPTURE | {PageOutcome.FAILED}


def report_json(
    run_id: str,
    *,
    site: Site,
    ended: datetime,
    until: datetime,
    missed: Sequence[datetime],
    outcome: RunOutcome,
    known: Iterable[Known],
) -> bytes:
    """All of a run, in canonical JSON. What is too much is cut and counted.

    Args:
        run_id: of the run.
        site: what was crawled.
        ended: when the run was over.
        until: until when it accounts for what the schedule wanted.
        missed: runs that were due since the last one and did not happen.
        outcome: what became of everything.
        known: the pages that are known now, those seen last at the end.
    """
    rows = _fitting(outcome.rows)
    return canonical(
        {
            "runId": run_id,
            "site": site.id,
            "ended": format_timestamp(ended),
            "until": format_timestamp(until),
            "missed": [format_timestamp(due) for due in missed[-MAX_MISSED:]],
            "settings": listed_json(site),
            "planned": [_row_json(row) for row in rows],
            "omitted": outcome.omitted + len(outcome.rows) - len(rows),
            "refusedLinks": dict(outcome.refused),
            "robots": [
                {"origin": one.origin, "source": cut(one.source)} for one in outcome.robots[:_MAX_LISTED]
            ],
            "problems": [cut(problem) for problem in outcome.problems[:_MAX_LISTED]],
            "bytesReceived": outcome.size,
            "textReader": READER,
            "known": [_known_json(one) for one in _kept(known)],
        }
    )  # fmt: skip


def row_json(row: Row) -> dict[str, Any]:
    """A URL and its outcome, in short."""
    return {
        "url": row.url,
        "via": row.via,
        "how": row.how,
        "task": row.task.value,
        "outcome": row.outcome.value,
        "reason": cut(row.reason),
        "captureId": row.capture_id,
        "earlier": list(row.earlier),
    }


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
    final_url: Line | None
    status: Count | None
    sha256: Hex | None
    text_sha256: Hex | None

    @property
    def row(self) -> Row:
        """The same, as the crawl has it."""
        return Row(
            self.url,
            self.via,
            self.how,
            self.task,
            self.outcome,
            self.reason,
            self.capture_id,
            self.earlier,
            self.final_url,
            self.status,
            self.sha256,
            self.text_sha256,
        )


class KnownPart(Part):
    """A page that is known after the run."""

    url: Line
    capture_id: CaptureId
    sha256: Hex | None
    text_sha256: Hex | None
    gone: bool


class OriginPart(Part):
    """Where the decisions about what robots.txt allows on an origin came from."""

    origin: Line
    source: Text


class RunReport(Part):
    """A parsed report."""

    run_id: CaptureId
    site: Annotated[str, Field(pattern=r"\A[a-z0-9][a-z0-9-]{0,39}\z")]
    ended: Timestamp
    until: Timestamp
    missed: Annotated[tuple[Timestamp, ...], Field(strict=False, max_length=MAX_MISSED)]
    settings: ListedPart
    planned: Annotated[tuple[RowPart, ...], Field(strict=False, max_length=MAX_PLANNED)]
    omitted: Count
    refused_links: Annotated[
        dict[Annotated[str, Field(pattern=r"\A[a-z][a-z0-9+.-]{0,29}\z")], Count], Field(max_length=100)
    ]
    robots: Annotated[tuple[OriginPart, ...], Field(strict=False, max_length=_MAX_LISTED)]
    problems: Annotated[tuple[Text, ...], Field(strict=False, max_length=_MAX_LISTED)]
    bytes_received: Count
    text_reader: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    known: Annotated[tuple[KnownPart, ...], Field(strict=False, max_length=MAX_KNOWN)]

    @property
    def counts(self) -> Mapping[PageOutcome, int]:
        """How many of the URLs listed came to what."""
        return Counter(row.outcome for row in self.planned)

    def known_pages(self) -> dict[str, Known]:
        """The pages that are known after the run, by URL; texts that another reader read are left out."""
        mine = self.text_reader == READER
        return {
            one.url: Known(one.url, one.capture_id, one.sha256, one.gone, one.text_sha256 if mine else None)
            for one in self.known
        }


def parse_run_report(data: bytes) -> RunReport:
    """Parse the report of a run.

    Raises:
        MalformedStatement: it is not canonical JSON, a member is unknown, missing, of another type or out of bounds, or
            members contradict one another.
    """
    report = parse_part(RunReport, data, limit=LARGEST)
    seen: set[str] = set()
    for number, row in enumerate(report.planned):
        path = f"planned.{number}"
        require(row.url not in seen, f"{path}.url", "is listed twice")
        seen.add(row.url)
        if row.capture_id is None and row.outcome in _WITH_CAPTURE:
            raise MalformedStatement(f"{path}.captureId", f"{row.outcome}, but no capture")
        if row.capture_id is not None and row.outcome not in _MAY_HAVE_CAPTURE:
            raise MalformedStatement(f"{path}.captureId", f"{row.outcome}, and yet a capture")
    return report


def check_against(report: RunReport, statement: RunStatement) -> None:
    """Refuse a report that is not of the run that the statement is about, or does not come to what it says.

    Raises:
        MalformedStatement: so it is; the path is of the report.
    """
    predicate, tally = statement.predicate, report.counts
    counts = {outcome.value: tally[outcome] for outcome in PageOutcome}
    require(report.run_id == predicate.run_id, "runId", f"not {predicate.run_id}")
    require(report.site == predicate.site.id, "site", f"not {predicate.site.id}")
    require(report.ended == predicate.ended, "ended", "not what the statement says")
    require(list(report.missed) == [one.due for one in predicate.missed], "missed", "not what the statement says")
    require(counts == predicate.counts, "planned", "its outcomes are not those that the statement counts")
    require(report.omitted == predicate.omitted, "omitted", "not what the statement says")
    require(len(report.problems) == predicate.problems, "problems", "not as many as the statement says")
    require(report.bytes_received == predicate.bytes_received, "bytesReceived", "not what the statement says")


def _row_json(row: Row) -> dict[str, Any]:
    return {
        **row_json(row),
        "finalUrl": row.final_url,
        "status": row.status,
        "sha256": row.sha256,
        "textSha256": row.text_sha256,
    }


def _known_json(known: Known) -> dict[str, Any]:
    return {
        "url": known.url,
        "captureId": known.capture_id,
        "sha256": known.sha256,
        "textSha256": known.text_sha256,
        "gone": known.gone,
    }


def _fitting(rows: Sequence[Row]) -> Sequence[Row]:
    size = 0
    for count, row in enumerate(rows[:MAX_PLANNED]):
        # UTF-8 takes up to four bytes a character, and JSON writes some in six.
        size += 500 + len(row.url) + len(row.via) + len(row.final_url or "") + 6 * min(len(row.reason), MAX_TEXT)
        if size > _MAX_ROWS_SIZE:
            return rows[:count]
    return rows[:MAX_PLANNED]


def _kept(known: Iterable[Known]) -> list[Known]:
    """The last of them, as many as fit: what was not seen for longest is what is forgotten first."""
    kept: list[Known] = []
    size = 0
    for one in reversed(list(known)[-MAX_KNOWN:]):
        size += 300 + len(one.url)
        if size > _MAX_ROWS_SIZE:
            break
        kept.append(one)
    return kept[::-1]
