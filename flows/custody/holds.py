"""How the store itself protects the objects of a capture: retention and legal hold, and who was told of a hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sijill.flows.custody.recording import last_event, record_event
from sijill.flows.custody.texts import said_or_none
from sijill.flows.custody.tombstones import refuse_tombstoned
from sijill.flows.evidence import load_capture
from sijill.flows.wiring import Archive
from sijill.provenance.attest.custody import CustodyEvent
from sijill.storage.errors import CapabilityMissing
from sijill.storage.layout import attestation_key, leaf_index_key, object_key

_EVENTS = frozenset({CustodyEvent.HELD, CustodyEvent.RELEASED})


@dataclass(frozen=True, slots=True)
class Lock:
    """How the store itself protects one object."""

    key: str
    locked_until: datetime | None
    held: bool


def locks(archive: Archive, capture_id: str) -> tuple[Lock, ...]:
    """How the store protects the objects of a capture; those that are not there are left out.

    Raises:
        UnknownCapture: there is no such capture.
    """
    return tuple(
        Lock(key, info.locked_until, info.held)
        for key in _objects(archive, capture_id)
        if (info := archive.store.stat(key)) is not None
    )


def hold(archive: Archive, capture_id: str, *, note: str | None = None) -> tuple[str, ...]:
    """Record that a capture is held, then put a legal hold on every object of it; returns their keys.

    Nothing is held without a record; if the hold then fails, running it again completes it.

    Raises:
        UnknownCapture: there is no such capture.
        TombstonedCapture: its objects were removed.
        CapabilityMissing: the store has no legal hold; nothing was recorded.
        UnusableText: `note` cannot be recorded.
    """
    return _told(archive, capture_id, CustodyEvent.HELD, note, archive.store.hold)


def release(archive: Archive, capture_id: str, *, note: str | None = None) -> tuple[str, ...]:
    """Record that a capture is released, then take the legal hold off every object of it; returns their keys.

    A retention stays.

    Raises:
        UnknownCapture: there is no such capture.
        TombstonedCapture: its objects were removed.
        CapabilityMissing: the store has no legal hold; nothing was recorded.
        UnusableText: `note` cannot be recorded.
    """
    return _told(archive, capture_id, CustodyEvent.RELEASED, note, archive.store.release)


def _told(
    archive: Archive, capture_id: str, event: CustodyEvent, note: str | None, tell: Callable[[str], None]
) -> tuple[str, ...]:
    note = said_or_none("note", note)
    keys = tuple(_objects(archive, capture_id))
    refuse_tombstoned(archive, capture_id)
    if not archive.store.can_hold:
        raise CapabilityMissing(archive.store.url, "has no legal hold: that takes a bucket with Object Lock")
    if note is not None or _is_news(archive, capture_id, event, keys):
        record_event(archive, capture_id, event, note=note)
    for key in keys:
        tell(key)
    return keys


def _is_news(archive: Archive, capture_id: str, event: CustodyEvent, keys: tuple[str, ...]) -> bool:
    """Whether the chain of custody does not say so already: who finishes what was interrupted says nothing new."""
    last = last_event(archive, capture_id, _EVENTS)
    if last is None and event is CustodyEvent.RELEASED:
        # Settings may have had it held from the start.
        return any(info.held for key in keys if (info := archive.store.stat(key)) is not None)
    return last is not event


def _objects(archive: Archive, capture_id: str) -> Iterator[str]:
    capture = load_capture(archive, capture_id)
    for subject in capture.statement.subject:
        yield object_key(subject.digest.sha256)
    yield attestation_key(capture_id)
    if capture.leaf_index is not None:
        yield leaf_index_key(capture_id)
