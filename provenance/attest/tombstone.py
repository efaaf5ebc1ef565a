"""That what a capture holds was removed, why, and on whose authority, as the JSON of an in-toto Statement v1.

The digests of what was removed stay, and so does the capture's entry in the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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
from sijill.provenance.attest.custody import ENVELOPE_NAME, ENVELOPE_TYPE, Said
from sijill.provenance.attest.members import Subject as SubjectPart
from sijill.provenance.attest.parts import CaptureId, Count, Digests, Hex, Part, SubjectName, Timestamp
from sijill.provenance.attest.statement import parse_part
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.log.layout import attestation_key

TOMBSTONE_TYPE = "https://sijill.org/tombstone/v1"

_MAX_TOMBSTONE = 1 << 20
_MAX_REMOVED = 101
"""A capture has at most 100 subjects, and one attestation."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A stored object that is removed, under the name that the capture's attestation gave it."""

    subject: Subject
    key: str


def tombstone_statement(
    tombstone_id: str,
    *,
    capture_id: str,
    envelope_sha256: str,
    removed: Sequence[Removed],
    reason: str,
    authority: str,
    at: datetime,
    collector: Collector,
    software: Sequence[Software],
) -> dict[str, Any]:
    """The statement about one removal, ready for `canonical`; its parser says what may stand beside what.

    Args:
        tombstone_id: an id of the form of capture ids, made from `at`.
        capture_id: whose objects are removed.
        envelope_sha256: of the capture's attestation, as the log has it.
        removed: the objects; the capture's attestation may be one of them.
        reason: why.
        authority: who demanded or decided it.
        at: when it was decided; the objects go after this statement is in the log.
        collector: who removes them.
        software: what takes part.
    """
    predicate: dict[str, Any] = {
        "tombstoneId": tombstone_id,
        "captureId": capture_id,
        "envelopeSha256": envelope_sha256,
        "removed": [
            {"name": item.subject.name, "key": item.key, **file_json(item.subject.digests)} for item in removed
        ],
        "reason": reason,
        "authority": authority,
        "at": format_timestamp(at),
        "attestationRemoved": any(item.subject.name == ENVELOPE_NAME for item in removed),
    }
    return event_statement(
        TOMBSTONE_TYPE, [item.subject for item in removed], predicate, collector=collector, software=software
    )


class RemovedPart(Part):
    """A removed object: its name in the attestation, where it was kept, and what it held."""

    name: SubjectName
    key: Annotated[str, Field(min_length=1, max_length=512)]
    digest: Digests
    size: Count

    @property
    def digests(self) -> DigestSet:
        """Size and both digests."""
        return DigestSet.from_hex(self.size, self.digest.sha256, self.digest.blake3)


class TombstonePredicate(Part):
    """What was removed, why, when, and on whose authority."""

    tombstone_id: CaptureId
    capture_id: CaptureId
    envelope_sha256: Hex
    removed: Annotated[tuple[RemovedPart, ...], Field(strict=False, min_length=1, max_length=_MAX_REMOVED)]
    reason: Said
    authority: Said
    at: Timestamp
    attestation_removed: bool
    collector: CollectorPart
    software: SoftwareParts


class TombstoneStatement(EventStatement):
    """A parsed statement about a removal."""

    subject: Annotated[tuple[SubjectPart, ...], Field(strict=False, min_length=1, max_length=_MAX_REMOVED)]
    predicate_type: Literal["https://sijill.org/tombstone/v1"]
    predicate: TombstonePredicate


def parse_tombstone_statement(payload: bytes) -> TombstoneStatement:
    """Parse the payload of a tombstone's attestation.

    Raises:
        MalformedStatement: it is not canonical JSON, a member is unknown, missing, of another type or out of bounds, or
            members contradict one another: nothing but the capture's objects can be named.
    """
    statement = parse_part(TombstoneStatement, payload, limit=_MAX_TOMBSTONE)
    predicate = statement.predicate
    check_own_id("predicate.tombstoneId", predicate.tombstone_id, predicate.at, "predicate.at")
    check_id("predicate.captureId", predicate.capture_id)
    require(predicate.tombstone_id != predicate.capture_id, "predicate.tombstoneId", "the capture's")
    names = [item.name for item in predicate.removed]
    require(len(set(names)) == len(names), "predicate.removed", "a name occurs twice")
    require(
        predicate.attestation_removed == (ENVELOPE_NAME in names),
        "predicate.attestationRemoved",
        f"true if and only if {ENVELOPE_NAME} is removed",
    )
    require(len(statement.subject) == len(names), "subject", "not as many as were removed")
    for place, (item, subject) in enumerate(zip(predicate.removed, statement.subject, strict=True)):
        _check_removed(f"predicate.removed.{place}", item, predicate)
        said = (item.name, item.digests)
        require((subject.name, subject.digests) == said, f"subject.{place}", "not what was removed")
        envelope = item.name == ENVELOPE_NAME
        require(
            not envelope or subject.media_type == ENVELOPE_TYPE, f"subject.{place}.mediaType", f"not {ENVELOPE_TYPE}"
        )
    return statement


def _check_removed(path: str, item: RemovedPart, predicate: TombstonePredicate) -> None:
    sha256 = item.digest.sha256
    if item.name != ENVELOPE_NAME:
        expected = f"objects/sha256/{sha256[:2]}/{sha256[2:4]}/{sha256}"
        require(item.key == expected, f"{path}.key", "not where an object of this digest is kept")
        return
    require(
        item.key == attestation_key(predicate.capture_id), f"{path}.key", "not where the capture's attestation is kept"
    )
    require(sha256 == predicate.envelope_sha256, f"{path}.digest", "not that of predicate.envelopeSha256")
