"""Attestations of every kind: envelope, signature, and the statement that each kind must hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from sijill.provenance.attest.envelope import PAYLOAD_TYPE, parse_envelope
from sijill.provenance.attest.keys import PublicKey
from sijill.provenance.attest.members import Subject
from sijill.provenance.attest.parts import Line, Part
from sijill.provenance.attest.statement import MAX_PAYLOAD, parse_part, parse_statement
from sijill.provenance.attest.timestamps import capture_id_time, parse_timestamp
from sijill.provenance.errors import MalformedEnvelope, MalformedStatement
from sijill.provenance.log.entry import Kind
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.report import Finding
from sijill.provenance.verify.trust import TrustRoot

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Fault(Exception):
    """A check of an attestation failed, so that the checks after it have nothing to go by."""

    def __init__(self, code: ArchiveCode, found: str) -> None:
        super().__init__(code, found)
        self.code = code
        self.found = found


@dataclass(frozen=True, slots=True)
class Form:
    """What a statement of one kind looks like."""

    parse: Callable[[bytes], Any]
    """The strict parser, which fixes the predicate type; raises `MalformedStatement`."""
    id: str
    """The member of the predicate that holds the entry's id."""
    times: tuple[str, str] | None
    """The members that hold the first and the last time that it states of itself; None: its id does."""
    stored: bool
    """Whether its subjects are objects of their own."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose signature was verified, and which is one of its kind."""

    parsed: Any
    predicate: dict[str, Any]
    """The predicate as JSON."""
    subjects: tuple[dict[str, Any], ...]
    """The subjects as JSON."""
    keys: tuple[PublicKey, ...]
    """The keys of the trust root that signed it."""
    started: int
    ended: int
    """What it says of its own time, in microseconds since 1970."""


class CommonStatement(Part):
    """What statements of all kinds have."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[tuple[Subject, ...], Field(strict=False, max_length=100)]
    predicate_type: Line
    predicate: dict[str, Any]


def parse_common(predicate_type: str, payload: bytes) -> CommonStatement:
    """Parse a statement of which only the type of its predicate is known.

    Raises:
        MalformedStatement: it is not canonical JSON, no statement, or its predicate is of another type.
    """
    statement = parse_part(CommonStatement, payload, limit=MAX_PAYLOAD)
    if statement.predicate_type != predicate_type:
        raise MalformedStatement("predicateType", f"not {predicate_type}")
    return statement


def form_of(kind: Kind) -> Form:
    """The form of statements of a kind."""
    # Each form is loaded when it is met: an archive may have none of a kind.
    match kind:
        case Kind.CAPTURE:
            return Form(parse_statement, "captureId", ("times.started", "times.ended"), stored=True)
        case Kind.PROBE:
            from sijill.provenance.attest.probe import parse_probe_statement

            return Form(parse_probe_statement, "probeId", ("started", "ended"), stored=True)
        case Kind.FIXITY:
            from sijill.provenance.attest.fixity import parse_fixity_statement

            return Form(parse_fixity_statement, "fixityId", ("started", "ended"), stored=True)
        case Kind.KEY:
            from sijill.provenance.attest.key_event import parse_key_event

            return Form(parse_key_event, "eventId", None, stored=True)
        case Kind.CUSTODY:
            from sijill.provenance.attest.custody import parse_custody_statement

            return Form(parse_custody_statement, "eventId", None, stored=False)
        case Kind.RUN:
            from sijill.provenance.attest.run import parse_run_statement

            return Form(parse_run_statement, "runId", ("started", "ended"), stored=True)
        case Kind.TOMBSTONE:
            from sijill.provenance.attest.tombstone import parse_tombstone_statement

            return Form(parse_tombstone_statement, "tombstoneId", None, stored=False)
        case _:
            # A kind that has no strict parser here: what all statements have in common is checked.
            return Form(partial(parse_common, f"https://sijill.org/{kind}/v1"), f"{kind}Id", None, stored=True)


def read_statement(data: bytes, kind: Kind, entry_id: str, trust: TrustRoot) -> Statement:
    """The statement in an envelope file, which must be of a kind and about an id.

    Raises:
        Fault: a check failed.
    """
    try:
        envelope = parse_envelope(data)
    except MalformedEnvelope as err:
        raise Fault(ArchiveCode.SIGNERS, err.reason) from err
    if envelope.payload_type != PAYLOAD_TYPE:
        raise Fault(ArchiveCode.SIGNERS, f"payload type {envelope.payload_type}")
    named = [trust.attestation_key(signature.keyid) for signature in envelope.signatures]
    keys = tuple(key for key in named if key is not None)
    if not keys:
        signers = ", ".join(signature.keyid for signature in envelope.signatures)
        raise Fault(ArchiveCode.SIGNERS, f"signed by no key of the trust root, but by {signers}")
    if false := [key.keyid for key in keys if key.keyid not in envelope.verified_by(keys)]:
        raise Fault(ArchiveCode.SIGNERS, f"the signature of {', '.join(false)} does not verify")
    # A payload is read only after its signature was verified (DSSE v1, protocol, "Verification").
    form = form_of(kind)
    try:
        parsed = form.parse(envelope.payload)
    except MalformedStatement as err:
        raise Fault(ArchiveCode.STATEMENTS, str(err)) from err
    statement = json.loads(envelope.payload)
    predicate = statement["predicate"]
    if (about := predicate.get(form.id)) != entry_id:
        raise Fault(ArchiveCode.STATEMENTS, f"is about {about}")
    if form.times is None:
        first = last = microseconds(capture_id_time(entry_id))
    else:
        first, last = (microseconds(parse_timestamp(_member(predicate, path))) for path in form.times)
    return Statement(parsed, predicate, tuple(statement["subject"]), keys, first, last)


def microseconds(moment: datetime) -> int:
    """A moment as microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(micros: int) -> datetime:
    """The moment that `microseconds` gave."""
    return _EPOCH + timedelta(microseconds=micros)


def invalid_key(trust: TrustRoot, key: str, shown: int | None) -> Finding | None:
    """Why what a key signed does not count, given when that was shown to exist; None if it does.

    Args:
        trust: says how keys are limited.
        key: the keyid of an attestation key, or the vkey of a log key.
        shown: microseconds since 1970; None if nobody vouches for a time, and the key must then be unlimited.
    """
    validity, revocation = trust.validity_of(key), trust.revocation_of(key)
    if shown is None:
        return None
    when = moment(shown)
    if validity.not_before is not None and when < validity.not_before:
        return Finding(key, f"shown to exist by {when:%Y-%m-%dT%H:%M:%SZ}, before the key was in use")
    if validity.not_after is not None and when > validity.not_after:
        return Finding(key, f"shown to exist by {when:%Y-%m-%dT%H:%M:%SZ} only, when the key was no longer in use")
    if revocation is not None and when >= revocation.at:
        return Finding(key, f"shown to exist by {when:%Y-%m-%dT%H:%M:%SZ} only, when the key had been revoked")
    return None


def is_limited(trust: TrustRoot, key: str) -> bool:
    """Whether the trust root says from when, or until when, a key counts."""
    validity = trust.validity_of(key)
    return bool(validity.not_before or validity.not_after or trust.revocation_of(key))


def _member(predicate: dict[str, Any], path: str) -> str:
    value: Any = predicate
    for step in path.split("."):
        value = value[step]
    return str(value)
