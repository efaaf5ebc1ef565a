"""What was done with a capture after it was made: recording it, and the whole chain from the page to now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sijill.archive.digest import DigestSet, digest_bytes
from sijill.flows.context import collector, software
from sijill.flows.custody.pointers import custody_of, record_about
from sijill.flows.custody.texts import said_or_none
from sijill.flows.custody.tombstones import find_tombstone, tombstone_line
from sijill.flows.errors import TombstonedCapture, UnknownCapture
from sijill.flows.wiring import Archive
from sijill.provenance.attest.custody import CustodyEvent, custody_statement
from sijill.provenance.attest.envelope import MAX_ENVELOPE
from sijill.provenance.log.entry import Kind
from sijill.storage.errors import BadKey, NotFound
from sijill.storage.layout import attestation_key


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event that is signed, stored and queued for the log."""

    event_id: str
    capture_id: str
    event: CustodyEvent
    at: datetime
    attestation_key: str


def record_event(
    archive: Archive,
    capture_id: str,
    event: CustodyEvent,
    *,
    to: str | None = None,
    note: str | None = None,
    package: DigestSet | None = None,
) -> RecordedEvent:
    """Sign that something was done with a capture, store it, queue it for the log, and point to it from the capture.

    Args:
        archive: whose key signs.
        capture_id: what it was done with.
        event: what was done.
        to: who received it; must be given for what is handed over.
        note: what else is to be said.
        package: the file that was exported or handed over.

    Raises:
        UnknownCapture: there is no such capture.
        TombstonedCapture: its attestation was removed, so that nothing is left to be spoken of.
        UnusableText: `to` or `note` cannot be recorded; nothing was stored.
        MalformedStatement: what is given does not go with the event; nothing was stored.
        StorageError: the store did not take it.
    """
    to, note = said_or_none("to", to), said_or_none("note", note)
    envelope = read_envelope(archive, capture_id)
    if envelope is None:
        raise removed_or_unknown(archive, capture_id)
    at = archive.clock()
    event_id = archive.new_capture_id(at)
    statement = custody_statement(
        event_id,
        capture_id=capture_id,
        envelope=digest_bytes(envelope),
        event=event,
        at=at,
        to=to,
        note=note,
        package=package,
        collector=collector(archive),
        software=software(),
    )
    key = record_about(archive, Kind.CUSTODY, capture_id, event_id, statement)
    return RecordedEvent(event_id, capture_id, event, at, key)


def last_event(archive: Archive, capture_id: str, among: frozenset[CustodyEvent]) -> CustodyEvent | None:
    """The newest of some kinds of events that this archive recorded of a capture; None if there is none.

    Raises:
        ProvenanceError: what is stored is not such a statement.
    """
    found = [
        recorded.statement.predicate.event
        for recorded in custody_of(archive, capture_id)
        if recorded.ours and recorded.statement.predicate.event in among
    ]
    return found[-1] if found else None


def read_envelope(archive: Archive, capture_id: str) -> bytes | None:
    """The attestation of a capture as it is stored; None if there is none.

    Raises:
        UnknownCapture: it is not a capture id.
    """
    try:
        return archive.store.read(attestation_key(capture_id), limit=MAX_ENVELOPE)
    except NotFound:
        return None
    except BadKey as err:
        raise unknown(archive, capture_id) from err


def removed_or_unknown(archive: Archive, capture_id: str) -> TombstonedCapture | UnknownCapture:
    """The error that says why there is no attestation of a capture, whose id is one."""
    found = find_tombstone(archive, capture_id)
    return unknown(archive, capture_id) if found is None else TombstonedCapture(tombstone_line(found))


def unknown(archive: Archive, capture_id: str) -> UnknownCapture:
    """The error that says that there is no such capture."""
    return UnknownCapture(f"{capture_id[:100]!r}: no such capture in {archive.store.url}; see: sijill list")
