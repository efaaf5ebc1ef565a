"""Removing what a capture holds, so that at every moment either nothing is gone or the tombstone is in the log."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

from sijill.archive.digest import digest_bytes
from sijill.flows import evidence
from sijill.flows.context import collector, software
from sijill.flows.custody.pointers import mend, record_about
from sijill.flows.custody.recording import read_envelope, unknown
from sijill.flows.custody.sharing import sharers
from sijill.flows.custody.texts import said
from sijill.flows.custody.tombstones import Tombstone, all_of, all_tombstones
from sijill.flows.errors import NotSealed, RemovalRefused
from sijill.flows.reading.catalog import forget_in_catalog
from sijill.flows.reading.stored import forget_readings
from sijill.flows.wiring import Archive
from sijill.provenance.attest.attestation import Subject
from sijill.provenance.attest.custody import envelope_subject
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.attest.tombstone import Removed, tombstone_statement
from sijill.provenance.errors import LogDamaged
from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.layout import leaf_index_key
from sijill.provenance.log.queue import leaf_index
from sijill.storage.layout import CAPTURES, attestation_key, object_key


@dataclass(frozen=True, slots=True)
class Further:
    """Objects that another capture, which has a tombstone, names too, and no tombstone of it does."""

    capture_id: str
    envelope_sha256: str
    removed: tuple[Removed, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to be removed of a capture; made by `plan_removal`, which has refused what must not go."""

    capture_id: str
    envelope_sha256: str
    unnamed: tuple[Removed, ...]
    """Objects that no tombstone names yet."""
    keys: tuple[str, ...]
    """All objects that are to go or have gone, the attestation last."""
    tombstones: tuple[Tombstone, ...]
    """Those that the capture has already."""
    kept: tuple[str, ...] = ()
    """Objects that stay, because a browser made the same bytes for another capture that still stands."""
    further: tuple[Further, ...] = ()
    """What goes of captures that have a tombstone, and was kept for this one until now."""


def plan_removal(
    archive: Archive, capture_id: str, *, with_attestation: bool, show: Callable[[str], None] | None = None
) -> Removal:
    """What a tombstone of a capture is to remove; nothing is changed.

    With `with_attestation` the attestation goes too, because it holds URLs; its entry in the log stays. What a browser
    made of the page stays where another capture attests the same bytes in its own right, until that one goes.

    Raises:
        UnknownCapture: there is no such capture.
        NotSealed: it is not in the log yet, so that nothing would show that it was there.
        RemovalRefused: other captures stand on the WARC.
        ObjectLocked: the store keeps an object by retention or legal hold.
        LogDamaged: the log does not hold the attestation where it is said to.
    """
    mend(archive)
    envelope = read_envelope(archive, capture_id)
    tombstones = tuple(all_of(archive, capture_id))
    if envelope is None and not tombstones:
        raise unknown(archive, capture_id)
    named = {key for tombstone in tombstones for key in tombstone.keys}
    unnamed: tuple[Removed, ...] = ()
    envelope_sha256 = ""
    if envelope is not None:
        digests = digest_bytes(envelope)
        envelope_sha256 = digests.sha256.hex
        _check_logged(archive, LogEntry(capture_id, envelope_sha256))
        wanted = [
            Removed(Subject(one.name, one.media_type, one.digests), object_key(one.digest.sha256))
            for one in parse_statement(parse_envelope(envelope).payload).subject
        ]
        if with_attestation:
            wanted.append(Removed(envelope_subject(digests), attestation_key(capture_id)))
        unnamed = tuple(item for item in wanted if item.key not in named)
    keys = named | {item.key for item in unnamed}
    shared = _shared(archive, capture_id, keys, show)
    removal = Removal(
        capture_id,
        envelope_sha256,
        tuple(item for item in unnamed if item.key not in shared.kept),
        tuple(sorted(keys - shared.kept, key=lambda key: (key.startswith(CAPTURES), key))),
        tombstones,
        tuple(sorted(shared.kept)),
        shared.further,
    )
    check_removal(archive, removal)
    return removal


def check_removal(archive: Archive, removal: Removal) -> None:
    """Ask the store whether it would let every object go now.

    Raises:
        ObjectLocked: it would not.
    """
    for key in removal.keys:
        archive.store.check_erasable(key)


def remove(archive: Archive, removal: Removal, *, reason: str, authority: str) -> tuple[Tombstone, ...]:
    """Sign a tombstone, seal it into the log, and only then remove the objects; returns all tombstones of the capture.

    If a tombstone names all of them already, its removal is finished. May be killed at any moment and run again.

    Raises:
        UnusableText: `reason` or `authority` is empty or too long; nothing was changed.
        ObjectLocked: the store has been told to keep an object since; nothing was changed, or if that came after the
            sealing, what is locked is still there.
        CatalogUnusable: all of that is done, but what the catalog beside the settings holds of it may still be there.
        StorageError: the store failed; running it again goes on.
    """
    reason, authority = said("reason", reason), said("authority", authority)
    check_removal(archive, removal)
    own = Further(removal.capture_id, removal.envelope_sha256, removal.unnamed)
    for one in (*removal.further, own):
        if one.removed:
            _record(archive, one, reason=reason, authority=authority)
    evidence.seal(archive)
    tombstones = tuple(all_of(archive, removal.capture_id))
    others = [tombstone for one in removal.further for tombstone in all_of(archive, one.capture_id)]
    for tombstone in (*tombstones, *others):
        sha256 = digest_bytes(tombstone.envelope).sha256.hex
        _check_logged(archive, LogEntry(tombstone.tombstone_id, sha256, Kind.TOMBSTONE))
    for key in removal.keys:
        archive.store.erase(key)
    forget_readings(archive.store, removal.capture_id)
    forget_in_catalog(archive)
    return tombstones


def _check_logged(archive: Archive, entry: LogEntry) -> None:
    """Refuse to go on unless `entry` is shown to be in the log."""
    index = leaf_index(archive.log, entry.id, entry.kind)
    if index is None:
        raise NotSealed(f"{entry.id}: not in the log yet, nothing was removed; run: sijill seal")
    key = leaf_index_key(entry.id, entry.kind)
    try:
        logged = archive.log_reader.entry(index)
    except ValueError as err:
        raise LogDamaged(key, f"the log has no entry {index}") from err
    if logged != entry:
        raise LogDamaged(key, f"another entry is in the log at {index}")


@dataclass(frozen=True, slots=True)
class _Shared:
    kept: frozenset[str]
    further: tuple[Further, ...]


def _shared(archive: Archive, capture_id: str, keys: Set[str], show: Callable[[str], None] | None) -> _Shared:
    """What of the objects other captures name, too.

    Raises:
        RemovalRefused: a capture that still stands names one otherwise than as a file that a browser made for it.
    """
    there = [key for key in keys if not key.startswith(CAPTURES) and archive.store.stat(key) is not None]
    buried: dict[str, set[str]] = {}
    for tombstone in all_tombstones(archive):
        buried.setdefault(tombstone.capture_id, set()).update(tombstone.keys)
    found = list(sharers(archive, there, besides=capture_id, show=show))
    standing = [one for one in found if one.capture_id not in buried]
    if refusing := [one.capture_id for one in standing if one.others]:
        listed = ", ".join(refusing[:3]) + (f" and {len(refusing) - 3} more" if len(refusing) > 3 else "")
        raise RemovalRefused(
            f"{capture_id}: {listed} would lose an object that its attestation names; nothing was changed"
        )
    kept = frozenset(key for one in standing for key, _ in one.files)
    further = []
    for one in found:
        if one.capture_id in buried:
            left = buried[one.capture_id] | kept
            removed = {key: Removed(subject, key) for key, subject in one.files if key not in left}
            further.append(Further(one.capture_id, one.envelope_sha256, tuple(removed.values())))
    return _Shared(kept, tuple(one for one in further if one.removed))


def _record(archive: Archive, one: Further, *, reason: str, authority: str) -> None:
    """Sign and store a tombstone, and queue it for the log."""
    at = archive.clock()
    tombstone_id = archive.new_capture_id(at)
    statement = tombstone_statement(
        tombstone_id,
        capture_id=one.capture_id,
        envelope_sha256=one.envelope_sha256,
        removed=one.removed,
        reason=reason,
        authority=authority,
        at=at,
        collector=collector(archive),
        software=software(),
    )
    record_about(archive, Kind.TOMBSTONE, one.capture_id, tombstone_id, statement)
