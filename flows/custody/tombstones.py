"""Which captures were removed, why, and what of them: asked by whoever reads, exports, copies or audits captures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sijill.flows.custody.pointers import tombstones_of
from sijill.flows.errors import TombstonedCapture
from sijill.flows.signing import Recorded, recorded
from sijill.flows.wiring import Archive
from sijill.provenance.attest.tombstone import TombstoneStatement, parse_tombstone_statement
from sijill.provenance.log.entry import Kind
from sijill.provenance.printable import printable


@dataclass(frozen=True, slots=True)
class Tombstone:
    """That objects of a capture were removed, or are about to be; signed by this archive."""

    tombstone_id: str
    capture_id: str
    at: datetime
    reason: str
    authority: str
    keys: tuple[str, ...]
    """Where the removed objects were kept."""
    attestation_removed: bool
    envelope: bytes
    """The tombstone's own attestation."""


def find_tombstone(archive: Archive, capture_id: str) -> Tombstone | None:
    """The first tombstone of a capture, or None if it has none; costs one listing.

    Raises:
        MalformedCaptureId: it is not a capture id.
        ProvenanceError: what is stored is not a tombstone.
    """
    return next(all_of(archive, capture_id), None)


def all_of(archive: Archive, capture_id: str) -> Iterator[Tombstone]:
    """The tombstones of one capture, by time: there may be a second one for its attestation.

    Raises:
        MalformedCaptureId: it is not a capture id.
        ProvenanceError: what is stored is not a tombstone.
    """
    return map(_tombstone, tombstones_of(archive, capture_id))


def all_tombstones(archive: Archive) -> Iterator[Tombstone]:
    """Every tombstone that this archive signed, by time.

    Raises:
        ProvenanceError: what is stored is not a tombstone.
    """
    for found in recorded(archive, Kind.TOMBSTONE, parse_tombstone_statement):
        if found.ours:
            yield _tombstone(found)


def erased_keys(archive: Archive) -> frozenset[str]:
    """The keys of all objects that tombstones of this archive name.

    Raises:
        ProvenanceError: what is stored is not a tombstone.
    """
    return frozenset(key for tombstone in all_tombstones(archive) for key in tombstone.keys)


def refuse_tombstoned(archive: Archive, capture_id: str) -> None:
    """Refuse a capture that has a tombstone.

    Raises:
        TombstonedCapture: it has one; the error says since when and why.
        MalformedCaptureId: it is not a capture id.
    """
    found = find_tombstone(archive, capture_id)
    if found is not None:
        raise TombstonedCapture(tombstone_line(found))


def tombstone_line(tombstone: Tombstone) -> str:
    """One line for people."""
    what = "its objects and its attestation were" if tombstone.attestation_removed else "its objects were"
    return (
        f"{tombstone.capture_id}: {what} removed on {tombstone.at:%Y-%m-%d} on the authority of "
        f"{printable(tombstone.authority)}: {printable(tombstone.reason)}; see: sijill custody {tombstone.capture_id}"
    )


def _tombstone(found: Recorded[TombstoneStatement]) -> Tombstone:
    predicate = found.statement.predicate
    return Tombstone(
        tombstone_id=predicate.tombstone_id,
        capture_id=predicate.capture_id,
        at=predicate.at,
        reason=predicate.reason,
        authority=predicate.authority,
        keys=tuple(item.key for item in predicate.removed),
        attestation_removed=predicate.attestation_removed,
        envelope=found.envelope,
    )
