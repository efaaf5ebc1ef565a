"""What a store was seen to do and not to do, as the JSON of an in-toto Statement v1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from sijill.provenance.attest.archive_event import (
    Collector,
    CollectorPart,
    EventStatement,
    SoftwareParts,
    event_statement,
)
from sijill.provenance.attest.attestation import Software, Subject
from sijill.provenance.attest.parts import CaptureId, Line, Part, Text, Timestamp
from sijill.provenance.attest.statement import parse_part
from sijill.provenance.attest.timestamps import format_timestamp

PROBE_TYPE = "https://sijill.org/store-probe/v1"
REPORT_NAME = "store-probe.json"
_MAX_PROBE = 1 << 20


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing that a store may be able to do."""

    name: str
    holds: bool | None
    """None if it could not be found out."""
    fact: str
    """What was seen."""


def probe_statement(
    probe_id: str,
    *,
    store: str,
    started: datetime,
    ended: datetime,
    capabilities: Sequence[Capability],
    report: Subject,
    collector: Collector,
    software: Sequence[Software],
) -> dict[str, Any]:
    """The statement about a probe of the store called `store`, ready for `canonical`.

    Args:
        probe_id: an id of the form of capture ids, made from `started`.
        store: the store's URL, without credentials.
        started: when the probe began.
        ended: when it ended.
        capabilities: what was found, one each.
        report: the stored report file.
        collector: who probed.
        software: what took part.
    """
    predicate: dict[str, Any] = {
        "probeId": probe_id,
        "store": store,
        "started": format_timestamp(started),
        "ended": format_timestamp(ended),
        "capabilities": [{"name": one.name, "holds": one.holds, "fact": one.fact} for one in capabilities],
    }
    return event_statement(PROBE_TYPE, [report], predicate, collector=collector, software=software)


class CapabilityPart(Part):
    """One capability, whether the store has it (null: unknown), and what was seen."""

    name: Annotated[str, Field(pattern=r"\A[a-z][a-z-]{0,40}\z")]
    holds: bool | None
    fact: Text


class ProbePredicate(Part):
    """What is said of the store."""

    probe_id: CaptureId
    store: Line
    started: Timestamp
    ended: Timestamp
    capabilities: Annotated[tuple[CapabilityPart, ...], Field(strict=False, max_length=100)]
    collector: CollectorPart
    software: SoftwareParts


class ProbeStatement(EventStatement):
    """A parsed statement about a probe."""

    predicate_type: Literal["https://sijill.org/store-probe/v1"]
    predicate: ProbePredicate


def parse_probe_statement(payload: bytes) -> ProbeStatement:
    """Parse the payload of a probe's attestation.

    Raises:
        MalformedStatement: it is not canonical JSON, or a member is unknown, missing, of another type or out of bounds.
    """
    return parse_part(ProbeStatement, payload, limit=_MAX_PROBE)
