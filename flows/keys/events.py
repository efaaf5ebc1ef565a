"""Key events in the store: recorded once, and found again by whoever completes what another began."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import digest_bytes
from sijill.flows import signing
from sijill.flows.context import collector, software
from sijill.flows.wiring import Archive
from sijill.provenance.attest.envelope import envelope_sha256, parse_envelope
from sijill.provenance.attest.key_event import (
    Event,
    KeyEventStatement,
    NamedKey,
    Purpose,
    key_event_statement,
    parse_key_event,
)
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.queue import enqueue
from sijill.storage.layout import object_key


def record(
    archive: Archive,
    event: Event,
    key: NamedKey,
    *,
    replaces: NamedKey | None = None,
    at: datetime | None = None,
    reason: str | None,
    signers: tuple[SigningKey, ...] = (),
) -> KeyEventStatement:
    """Sign that `event` happened to `key`, store it with the public key file, and queue it for the log.

    Args:
        archive: whose key it is.
        event: what happened.
        key: to which key.
        replaces: the key that was in use before.
        at: from when on; now if None.
        reason: why.
        signers: who signs; the archive's attestation key if empty.

    Raises:
        MalformedStatement: the reason is too long, or missing where there must be one; nothing was stored.
        StorageError: the store did not take it.
    """
    now = archive.clock()
    event_id = archive.new_capture_id(now)
    statement = key_event_statement(
        event_id,
        event=event,
        key=key,
        replaces=replaces,
        at=at or now,
        reason=reason,
        collector=collector(archive),
        software=software(),
    )
    digests = digest_bytes(key.file)
    archive.store.put(object_key(digests.sha256.hex), MemoryBody(key.file), expected=digests)
    signing.record(archive, Kind.KEY, event_id, statement, parse=parse_key_event, keys=signers)
    return signing.load(archive, Kind.KEY, event_id, parse_key_event).statement


def introduction(archive: Archive, old: NamedKey, new: NamedKey) -> KeyEventStatement | None:
    """The recorded event by which `new` took the place of `old`, queued or in the log; None if there is none.

    For attestation keys only one that both of them signed counts.
    """
    both = (old, new) if new.purpose is Purpose.ATTESTATION else ()
    found = _events(archive, Event.INTRODUCED, new, both)
    return next((event for event in found if event.predicate.replaces == old.name), None)


def revocation(
    archive: Archive, key: NamedKey, *, before: datetime | None, at: datetime | None
) -> KeyEventStatement | None:
    """A recorded revocation of `key` from `at` on, or from before `before` on; None if there is none."""
    for event in _events(archive, Event.REVOKED, key, ()):
        since = event.predicate.at
        if (before is None or since < before) and at in (None, since):
            return event
    return None


def _events(
    archive: Archive, event: Event, key: NamedKey, signers: tuple[NamedKey, ...]
) -> Iterator[KeyEventStatement]:
    """Events of `key` in the store that `signers` signed, or if there are none, any key of this archive."""
    for found in signing.recorded(archive, Kind.KEY, parse_key_event):
        predicate = found.statement.predicate
        if (predicate.event, predicate.purpose, predicate.key) != (event, key.purpose, key.name):
            continue
        verified = parse_envelope(found.envelope).verified_by([one.public for one in signers])
        if len(verified) == len(signers) if signers else found.ours:
            # Whoever was killed between storing and queueing left it unqueued; what is in the log stays there once.
            enqueue(archive.log, LogEntry(found.entry_id, envelope_sha256(found.envelope), Kind.KEY))
            yield found.statement
