"""What was done with a capture after it was made, as the JSON of an in-toto Statement v1."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from sijill.archive.digest import DigestSet
from sijill.provenance.attest.archive_event import (
    Collector,
    CollectorPart,
    EventStatement,
    SoftwareParts,
    check_id,
    check_own_id,
    event_statement,
    file_json,
    require,
)
from sijill.provenance.attest.attestation import Software, Subject
from sijill.provenance.attest.parts import MAX_TEXT, CaptureId, Count, Digests, Hex, Part, Timestamp
from sijill.provenance.attest.statement import parse_part
from sijill.provenance.attest.timestamps import format_timestamp

CUSTODY_TYPE = "https://sijill.org/custody/v1"
ENVELOPE_NAME = "attestation.dsse.json"
ENVELOPE_TYPE = "application/vnd.dsse+json"
"""github.com/secure-systems-lab/dsse, protocol: the media type of an envelope."""

_MAX_CUSTODY = 1 << 20

Said = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"\S")]
"""What a person wrote; not only spaces."""


class CustodyEvent(StrEnum):
    """What was done."""

    EXPORTED = "exported"
    """An evidence package was written."""
    HANDED_OVER = "handed-over"
    """Someone was given a package, or what the note says."""
    HELD = "held"
    """The store was told to keep the capture until it is released."""
    RELEASED = "released"
    """The store was told that it need not."""


_OF_THE_STORE = frozenset({CustodyEvent.HELD, CustodyEvent.RELEASED})


def envelope_subject(envelope: DigestSet) -> Subject:
    """A capture's attestation, as a statement about the capture has it as its subject."""
    return Subject(ENVELOPE_NAME, ENVELOPE_TYPE, envelope)


def custody_statement(
    event_id: str,
    *,
    capture_id: str,
    envelope: DigestSet,
    event: CustodyEvent,
    at: datetime,
    to: str | None,
    note: str | None,
    package: DigestSet | None,
    collector: Collector,
    software: Sequence[Software],
) -> dict[str, Any]:
    """The statement about one event, ready for `canonical`; its parser says what may stand beside what.

    Args:
        event_id: an id of the form of capture ids, made from `at`.
        capture_id: what it was done with.
        envelope: the file of the capture's attestation.
        event: what was done.
        at: when.
        to: who received it.
        note: what else is to be said.
        package: the file that was written or handed over.
        collector: who did it.
        software: what took part.
    """
    predicate: dict[str, Any] = {
        "eventId": event_id,
        "captureId": capture_id,
        "envelopeSha256": envelope.sha256.hex,
        "event": event.value,
        "at": format_timestamp(at),
        "to": to,
        "note": note,
        "package": None if package is None else file_json(package),
    }
    return event_statement(
        CUSTODY_TYPE, [envelope_subject(envelope)], predicate, collector=collector, software=software
    )


class PackagePart(Part):
    """A file, by size and digests."""

    digest: Digests
    size: Count


class CustodyPredicate(Part):
    """What was done, when, by whom, with what."""

    event_id: CaptureId
    capture_id: CaptureId
    envelope_sha256: Hex
    event: Annotated[CustodyEvent, Field(strict=False)]
    at: Timestamp
    to: Said | None
    note: Said | None
    package: PackagePart | None
    collector: CollectorPart
    software: SoftwareParts


class CustodyStatement(EventStatement):
    """A parsed statement about an event."""

    predicate_type: Literal["https://sijill.org/custody/v1"]
    predicate: CustodyPredicate


def parse_custody_statement(payload: bytes) -> CustodyStatement:
    """Parse the payload of an event's attestation.

    Raises:
        MalformedStatement: it is not canonical JSON, a member is unknown, missing, of another type or out of bounds, or
            members contradict one another.
    """
    statement = parse_part(CustodyStatement, payload, limit=_MAX_CUSTODY)
    predicate, subject = statement.predicate, statement.subject[0]
    check_own_id("predicate.eventId", predicate.event_id, predicate.at, "predicate.at")
    check_id("predicate.captureId", predicate.capture_id)
    require(predicate.event_id != predicate.capture_id, "predicate.eventId", "the capture's")
    require(subject.name == ENVELOPE_NAME, "subject.0.name", f"not {ENVELOPE_NAME}")
    require(subject.media_type == ENVELOPE_TYPE, "subject.0.mediaType", f"not {ENVELOPE_TYPE}")
    require(subject.digest.sha256 == predicate.envelope_sha256, "predicate.envelopeSha256", "not the subject's")
    event = predicate.event
    handed = event is CustodyEvent.HANDED_OVER
    require(not handed or predicate.to is not None, "predicate.to", "something is handed over to someone")
    if event in _OF_THE_STORE:
        require(predicate.to is None, "predicate.to", f"nobody receives what is {event}")
        require(predicate.package is None, "predicate.package", f"no package is {event}")
    exported = event is CustodyEvent.EXPORTED
    require(not exported or predicate.package is not None, "predicate.package", "an export is one of a package")
    return statement
