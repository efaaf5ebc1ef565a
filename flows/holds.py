"""How the store itself protects the objects of a capture: retention and legal hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sijill.flows.evidence import load_capture
from sijill.flows.wiring import Archive
from sijill.storage.layout import attestation_key, leaf_index_key


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


def hold(archive: Archive, capture_id: str) -> tuple[str, ...]:
    """Put a legal hold on every object of a capture; returns their keys.

    Raises:
        UnknownCapture: there is no such capture.
        CapabilityMissing: the store has no legal hold.
    """
    keys = tuple(_objects(archive, capture_id))
    for key in keys:
        archive.store.hold(key)
    return keys


def release(archive: Archive, capture_id: str) -> tuple[str, ...]:
    """Take the legal hold off every object of a capture; returns their keys. A retention stays.

    Raises:
        UnknownCapture: there is no such capture.
        CapabilityMissing: the store has no legal hold.
    """
    keys = tuple(_objects(archive, capture_id))
    for key in keys:
        archive.store.release(key)
    return keys


def _objects(archive: Archive, capture_id: str) -> Iterator[str]:
    capture = load_capture(archive, capture_id)
    yield capture.warc_key
    yield attestation_key(capture_id)
    if capture.leaf_index is not None:
        yield leaf_index_key(capture_id)
