"""What an audit found when it read the archive back, as the JSON of an in-toto Statement v1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

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
from sijill.provenance.attest.attestation import Software, Subject
from sijill.provenance.attest.parts import MAX_LINE, CaptureId, Count, Line, Part, Text, Timestamp
from sijill.provenance.attest.statement import parse_part
from sijill.provenance.attest.timestamps import format_timestamp

FIXITY_TYPE: Final = "https://sijill.org/fixity/v1"
REPORT_NAME: Final = "audit-report.json"
REPORT_TYPE: Final = "application/json"
MAX_FINDINGS: Final = 100
"""The most findings that a statement repeats; the report has more."""
MAX_SAMPLE: Final = 10_000
"""The most ids of a sample that a statement repeats; seed and number tell them all."""
_MAX_FIXITY: Final = 8 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """Which captures were read, where not all were: those whose SHA-256 of seed and id comes first."""

    seed: str
    count: int
    captures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FixityCounts:
    """How much was looked at."""

    entries: int
    captures: int
    objects: int
    bytes_read: int


@dataclass(frozen=True, slots=True)
class FixityFinding:
    """One thing that is not as it must be: the check, what it is about, what was found."""

    code: str
    about: str
    found: str


def fixity_statement(
    fixity_id: str,
    *,
    checkpoint: str,
    sample: Sample | None,
    started: datetime,
    ended: datetime,
    counts: FixityCounts,
    passed: bool,
    findings: Sequence[FixityFinding],
    report: Subject,
    collector: Collector,
    software: Sequence[Software],
) -> dict[str, Any]:
    """The statement about an audit, ready for `canonical`. Findings and the ids of a sample are cut to what it holds.

    Args:
        fixity_id: an id of the form of capture ids, made from `started`.
        checkpoint: the newest checkpoint of the log that was audited, verbatim.
        sample: which captures were read; None: all.
        started: when the audit began.
        ended: when it ended.
        counts: how much was looked at.
        passed: whether everything that was looked at is as it must be.
        findings: what is not.
        report: the stored report file.
        collector: whose audit it is.
        software: what took part.
    """
    predicate: dict[str, Any] = {
        "fixityId": fixity_id,
        "scope": {
            "kind": "full" if sample is None else "sample",
            "seed": None if sample is None else sample.seed,
            "count": None if sample is None else sample.count,
        },
        "checkpoint": checkpoint,
        "started": format_timestamp(started),
        "ended": format_timestamp(ended),
        "counts": {
            "entries": counts.entries,
            "captures": counts.captures,
            "objects": counts.objects,
            "bytesRead": counts.bytes_read,
        },
        "captures": [] if sample is None else list(sample.captures[:MAX_SAMPLE]),
        "outcome": "passed" if passed else "failed",
        "findings": [
            {
                "code": one.code,
                "about": cut(one.about, MAX_LINE) or "-",
                "found": cut(one.found),
            }
            for one in findings[:MAX_FINDINGS]
        ],
    }
    return event_statement(FIXITY_TYPE, [report], predicate, collector=collector, software=software)


class ScopePart(Part):
    """All captures, or a sample of so many that the seed chose."""

    kind: Literal["full", "sample"]
    seed: Annotated[str, Field(pattern=r"\A[0-9a-f]{1,64}\z")] | None
    count: Count | None


class CountsPart(Part):
    """How much was looked at."""

    entries: Count
    captures: Count
    objects: Count
    bytes_read: Count


class FindingPart(Part):
    """One thing that is not as it must be."""

    code: Annotated[str, Field(pattern=r"\AE-[A-Z]{3,4}-[0-9]{2}\z")]
    about: Line
    found: Text


class FixityPredicate(Part):
    """What is said of the audit."""

    fixity_id: CaptureId
    scope: ScopePart
    checkpoint: Line
    started: Timestamp
    ended: Timestamp
    counts: CountsPart
    captures: Annotated[tuple[CaptureId, ...], Field(strict=False, max_length=MAX_SAMPLE)]
    outcome: Literal["passed", "failed"]
    findings: Annotated[tuple[FindingPart, ...], Field(strict=False, max_length=MAX_FINDINGS)]
    collector: CollectorPart
    software: SoftwareParts


class FixityStatement(EventStatement):
    """A parsed statement about an audit."""

    predicate_type: Literal["https://sijill.org/fixity/v1"]
    predicate: FixityPredicate


def parse_fixity_statement(payload: bytes) -> FixityStatement:
    """Parse the payload of an audit's attestation.

    Raises:
        MalformedStatement: it is not canonical JSON, a member is unknown, missing, of another type or out of bounds, or
            members contradict one another.
    """
    statement = parse_part(FixityStatement, payload, limit=_MAX_FIXITY)
    predicate, scope = statement.predicate, statement.predicate.scope
    sampled = scope.kind == "sample"
    check_report(statement.subject[0], REPORT_NAME, REPORT_TYPE)
    check_own_id("predicate.fixityId", predicate.fixity_id, predicate.started, "predicate.started")
    for holds, path, reason in (
        (predicate.started <= predicate.ended, "predicate.ended", "before started"),
        ((scope.seed is not None) == sampled, "predicate.scope.seed", "a sample has one, and only a sample"),
        ((scope.count is not None) == sampled, "predicate.scope.count", "a sample has one, and only a sample"),
        (sampled or not predicate.captures, "predicate.captures", "are listed of a sample only"),
        ((predicate.outcome == "failed") == bool(predicate.findings), "predicate.findings", "of a failed audit only"),
    ):
        require(holds, path, reason)
    return statement
