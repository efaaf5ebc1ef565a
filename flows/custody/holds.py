"""How the store itself protects the objects of a capture: retention and legal hold, and who was told of a hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sijill.flows.custody.recording import last_event, record_event
from sijill.flows.custody.sharing import sharers
from sijill.flows.custody.texts import said_or_none
from sijill.flows.custody.tombstones import refuse_tombstoned
from sijill.flows.stored_captures import load_capture
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

    A retention stays, and so does the hold on an object that another capture names, too, and is held for.

    Raises:
        UnknownCapture: there is no such capture.
        TombstonedCapture: its objects were removed.
        CapabilityMissing: the store has no legal hold; nothing was recorded.
        UnusableText: `note` cannot be recorded.
    """
    return _told(archive, capture_id, CustodyEvent.RELEASED, note, archive.store.release)


def _held_for_others(archive: Archive, capture_id: str) -> frozenset[str]:
    """Objects that a browser made for a capture, and for another one that is held."""
    files = load_capture(archive, capture_id).statement.subject[1:]
    keys = {object_key(one.digest.sha256) for one in files}
    return frozenset(
        key
        for one in sharers(archive, keys, besides=capture_id)
        if _is_held(archive, one.capture_id)
        for key, _ in one.files
    )


def _is_held(archive: Archive, capture_id: str) -> bool:
    last = last_event(archive, capture_id, _EVENTS)
    return archive.settings.store.hold if last is None else last is CustodyEvent.HELD


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
    left = _held_for_others(archive, capture_id) if event is CustodyEvent.RELEASED else frozenset()
    told = tuple(key for key in keys if key not in left)
    for key in told:
        tell(key)
    return told


def _is_news(archive: Archive, capture_id: str, event: CustodyEvent, keys: tuple[str, ...]) -> bool:
    """Whether the chain of custody does not say so already: who finishes what was interrupted says nothing new."""
    last = last_event(archive, capture_id, _EVENTS)
    if last is None and event is CustodyEvent.RELEASED:
        # Settings may have had it held from the start.
        return any(info.held for key in keys if (info := archive.store.stat(key)) is not None)
    return last is not event


def _objects(archive: Archive, capture_id: str) -> Iterator[str]:
    capture = load_capture(archive, capture_id)
    yield from dict.fromkeys(object_key(subject.digest.sha256) for subject in capture.statement.subject)
    yield attestation_key(capture_id)
    if capture.leaf_index is not None:
        yield leaf_index_key(capture_id)
