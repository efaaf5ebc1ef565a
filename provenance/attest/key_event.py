"""That a signing key was taken into use or revoked, as the JSON of an in-toto Statement v1."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.archive_event import (
    Collector,
    CollectorPart,
    EventStatement,
    SoftwareParts,
    event_statement,
)
from sijill.provenance.attest.attestation import Software, Subject
from sijill.provenance.attest.keys import PublicKey
from sijill.provenance.attest.parts import CaptureId, Line, Part, Text, Timestamp
from sijill.provenance.attest.statement import parse_part
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.errors import MalformedKey, MalformedNote, MalformedStatement
from sijill.provenance.log.note import Algorithm, NoteVerifier

KEY_EVENT_TYPE: Final = "https://sijill.org/key-event/v1"
_MAX_EVENT: Final = 1 << 20
_KEYID: Final = re.compile(r"[0-9a-f]{64}")


class Event(StrEnum):
    """What happened to a key."""

    INTRODUCED = "introduced"
    REVOKED = "revoked"


class Purpose(StrEnum):
    """What a key signs."""

    ATTESTATION = "attestation"
    LOG = "log"


_FILES: Final = {
    Purpose.ATTESTATION: ("key.pem", "application/x-pem-file"),
    Purpose.LOG: ("log.vkey", "text/plain"),
}


@dataclass(frozen=True, slots=True)
class NamedKey:
    """The public half of a signing key, by the name that a trust root has for it."""

    purpose: Purpose
    name: str
    """The keyid of an attestation key, the vkey of a log key."""
    public: PublicKey

    @classmethod
    def attestation(cls, key: PublicKey) -> NamedKey:
        """A key that signs attestations."""
        return cls(Purpose.ATTESTATION, key.keyid, key)

    @classmethod
    def log(cls, key: NoteVerifier) -> NamedKey:
        """A key that signs the checkpoints of a log."""
        return cls(Purpose.LOG, key.vkey, key.key)

    @property
    def file(self) -> bytes:
        """The public key file: PEM of an attestation key, vkey and newline of a log key."""
        return (self.public.pem if self.purpose is Purpose.ATTESTATION else f"{self.name}\n").encode()

    @property
    def subject(self) -> Subject:
        """The public key file as the subject of a statement."""
        name, media_type = _FILES[self.purpose]
        return Subject(name, media_type, digest_bytes(self.file))


def key_event_statement(
    event_id: str,
    *,
    event: Event,
    key: NamedKey,
    replaces: NamedKey | None,
    at: datetime,
    reason: str | None,
    collector: Collector,
    software: Sequence[Software],
) -> dict[str, Any]:
    """The statement about a key, ready for `canonical`; its one subject is the public key file, `key.subject`.

    Args:
        event_id: an id of the form of capture ids, made from when the event was recorded.
        event: what happened.
        key: to which key.
        replaces: the key that was in use before; None for the first one and for a revocation.
        at: from when on the key is in use, or counts for nothing.
        reason: why; a revocation must have one.
        collector: whose key it is.
        software: what took part.
    """
    predicate: dict[str, Any] = {
        "eventId": event_id,
        "event": event.value,
        "purpose": key.purpose.value,
        "key": key.name,
        "publicKey": key.public.pem if key.purpose is Purpose.ATTESTATION else None,
        "replaces": None if replaces is None else replaces.name,
        "at": format_timestamp(at),
        "reason": reason,
    }
    return event_statement(KEY_EVENT_TYPE, [key.subject], predicate, collector=collector, software=software)


class KeyEventPredicate(Part):
    """What is said of the key."""

    event_id: CaptureId
    event: Annotated[Event, Field(strict=False)]
    purpose: Annotated[Purpose, Field(strict=False)]
    key: Line
    public_key: Text | None
    replaces: Line | None
    at: Timestamp
    reason: Text | None
    collector: CollectorPart
    software: SoftwareParts


class KeyEventStatement(EventStatement):
    """A parsed statement about a key. `parse_key_event` is the only way to get one whose members agree."""

    predicate_type: Literal["https://sijill.org/key-event/v1"]
    predicate: KeyEventPredicate

    @property
    def named_key(self) -> NamedKey:
        """The key that the statement is about."""
        predicate = self.predicate
        return _named(predicate.purpose, predicate.key, predicate.public_key)


def parse_key_event(payload: bytes) -> KeyEventStatement:
    """Parse the payload of a key event's attestation.

    Raises:
        MalformedStatement: it is not canonical JSON, a member is unknown, missing, of another type or out of bounds,
            the key is not of its purpose, the subject is not its file, or members contradict one another.
    """
    statement = parse_part(KeyEventStatement, payload, limit=_MAX_EVENT)
    predicate = statement.predicate
    subject, expected = statement.subject[0], statement.named_key.subject
    if (subject.name, subject.media_type, subject.digests) != (expected.name, expected.media_type, expected.digests):
        raise MalformedStatement("subject.0", f"not {expected.name}, the file of the key")
    revoked = predicate.event is Event.REVOKED
    if revoked and not predicate.reason:
        raise MalformedStatement("predicate.reason", "a revocation has one")
    if predicate.replaces is not None:
        if revoked:
            raise MalformedStatement("predicate.replaces", "a revocation replaces no key")
        if predicate.replaces == predicate.key:
            raise MalformedStatement("predicate.replaces", "the key itself")
        _check_name(predicate.purpose, predicate.replaces)
    return statement


def _named(purpose: Purpose, name: str, pem: str | None) -> NamedKey:
    if (pem is None) == (purpose is Purpose.ATTESTATION):
        raise MalformedStatement("predicate.publicKey", "an attestation key has one, and only an attestation key")
    if pem is None:
        return NamedKey.log(_log_key(name, "predicate.key"))
    try:
        key = NamedKey.attestation(PublicKey.from_pem(pem))
    except MalformedKey as err:
        raise MalformedStatement("predicate.publicKey", err.reason) from err
    if key.name != name:
        raise MalformedStatement("predicate.key", f"not the keyid of the key, which is {key.name}")
    return key


def _check_name(purpose: Purpose, name: str) -> None:
    if purpose is Purpose.LOG:
        _log_key(name, "predicate.replaces")
    elif not _KEYID.fullmatch(name):
        raise MalformedStatement("predicate.replaces", "not a keyid")


def _log_key(vkey: str, path: str) -> NoteVerifier:
    try:
        key = NoteVerifier.from_vkey(vkey)
    except MalformedNote as err:
        raise MalformedStatement(path, err.reason) from err
    if key.algorithm is not Algorithm.ED25519:
        raise MalformedStatement(path, "the key of a witness")
    return key
