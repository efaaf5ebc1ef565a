"""Captures as the store has them: one by its id, or all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sijill.flows.custody.recording import read_envelope, removed_or_unknown
from sijill.flows.wiring import Archive
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.attest.members import CaptureStatement
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.log.queue import leaf_index
from sijill.storage.layout import CAPTURES, attested_capture, object_key


@dataclass(frozen=True, slots=True)
class StoredCapture:
    """A capture as the store has it: parsed, and its signature checked against the archive's own key."""

    capture_id: str
    statement: CaptureStatement
    payload: bytes
    """The statement's canonical JSON."""
    envelope: bytes
    signed_by_us: bool
    leaf_index: int | None
    """Its place in the log, from 0; None if it is not sealed yet."""
    warc_key: str


def load_captures(archive: Archive) -> Iterator[StoredCapture]:
    """All captures in the store, by the time they began.

    Raises:
        TombstonedCapture, ProvenanceError: as `load_capture` says, of one of them.
    """
    for key in archive.store.list(CAPTURES):
        capture_id = attested_capture(key)
        if capture_id is not None:
            yield load_capture(archive, capture_id)


def load_capture(archive: Archive, capture_id: str) -> StoredCapture:
    """One capture's attestation and its place in the log.

    Raises:
        UnknownCapture: there is none with this id.
        TombstonedCapture: its attestation was removed.
        ProvenanceError: what is stored is not an attestation.
    """
    envelope = read_envelope(archive, capture_id)
    if envelope is None:
        raise removed_or_unknown(archive, capture_id)
    parsed = parse_envelope(envelope)
    statement = parse_statement(parsed.payload)
    return StoredCapture(
        capture_id=capture_id,
        statement=statement,
        payload=parsed.payload,
        envelope=envelope,
        signed_by_us=bool(parsed.verified_by(archive.attestation_keys)),
        leaf_index=leaf_index(archive.log, capture_id),
        warc_key=object_key(statement.warc.digests.sha256.hex),
    )
