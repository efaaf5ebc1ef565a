"""What the statements about everything but captures have in common: who says it, what it is about, when it was.

Each such statement is of a kind of its own (a probe, an audit, a key, a run...), has an id of the form of capture ids,
and is an in-toto Statement v1 like a capture's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from sijill.archive.digest import DigestSet
from sijill.provenance.attest.attestation import (
    CollectorCommitment,
    CollectorName,
    Software,
    Subject,
    collector_json,
    subject_json,
)
from sijill.provenance.attest.members import STATEMENT_TYPE, CommittedCollector, NamedCollector
from sijill.provenance.attest.members import Software as SoftwarePart
from sijill.provenance.attest.members import Subject as SubjectPart
from sijill.provenance.attest.parts import MAX_TEXT, Part
from sijill.provenance.attest.timestamps import capture_id_time
from sijill.provenance.errors import MalformedCaptureId, MalformedStatement

Collector: TypeAlias = CollectorName | CollectorCommitment
CollectorPart: TypeAlias = NamedCollector | CommittedCollector
SoftwareParts = Annotated[tuple[SoftwarePart, ...], Field(strict=False, min_length=1, max_length=200)]


class EventStatement(Part):
    """The outer members of a parsed statement; its kind adds the type of its predicate, and the predicate."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[tuple[SubjectPart, ...], Field(strict=False, min_length=1, max_length=1)]


def event_statement(
    predicate_type: str,
    subjects: Sequence[Subject],
    predicate: dict[str, Any],
    *,
    collector: Collector,
    software: Sequence[Software],
) -> dict[str, Any]:
    """A statement of the kind `predicate_type`, ready for `canonical`.

    Args:
        predicate_type: the kind's URL.
        subjects: what it is about.
        predicate: what the kind says, without who says it.
        collector: who says it.
        software: what took part.
    """
    return {
        "_type": STATEMENT_TYPE,
        "subject": [subject_json(subject) for subject in subjects],
        "predicateType": predicate_type,
        "predicate": {
            **predicate,
            "collector": collector_json(collector),
            "software": [{"name": item.name, "version": item.version} for item in software],
        },
    }


def file_json(digests: DigestSet) -> dict[str, Any]:
    """Size and digests of some bytes as predicates write them."""
    return {"digest": {"sha256": digests.sha256.hex, "blake3": digests.blake3.hex}, "size": digests.size}


def cut(text: str, most: int = MAX_TEXT) -> str:
    """The first `most` characters of `text`; whatever is not Unicode text becomes `?`."""
    return text.encode("utf-8", "replace").decode("utf-8")[:most]


def require(condition: bool, path: str, reason: str) -> None:
    """Raise `MalformedStatement` at `path` unless `condition` holds."""
    if not condition:
        raise MalformedStatement(path, reason)


def check_id(path: str, entry_id: str) -> datetime:
    """The moment that an id names, to the second.

    Raises:
        MalformedStatement: it names none; `path` is the member that holds it.
    """
    try:
        return capture_id_time(entry_id)
    except MalformedCaptureId as err:
        raise MalformedStatement(path, err.reason) from err


def check_own_id(path: str, entry_id: str, moment: datetime, member: str) -> None:
    """Refuse an id that does not name the second of `moment`, which stands in `member`.

    Raises:
        MalformedStatement: it does not, or names no moment; `path` is the member that holds the id.
    """
    named = check_id(path, entry_id)
    require(named == moment.replace(microsecond=0), path, f"its date and time are not those of {member}")


def check_report(subject: SubjectPart, name: str, media_type: str) -> None:
    """Refuse a first subject that is not the report file of this name and type.

    Raises:
        MalformedStatement: it is not.
    """
    require(subject.name == name, "subject.0.name", f"not {name}")
    require(subject.media_type == media_type, "subject.0.mediaType", f"not {media_type}")
