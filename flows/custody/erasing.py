"""Removing what a capture holds, so that at every moment either nothing is gone or the tombstone is in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sijill.archive.digest import digest_bytes
from sijill.flows import evidence
from sijill.flows.context import collector, software
from sijill.flows.custody.pointers import mend, record_about
from sijill.flows.custody.recording import read_envelope, unknown
from sijill.flows.custody.texts import said
from sijill.flows.custody.tombstones import Tombstone, all_of, all_tombstones
from sijill.flows.errors import NotSealed, RemovalRefused
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
from sijill.storage.layout import CAPTURES, attestation_key, attested_capture, object_key

_READERS = 8


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


def plan_removal(
    archive: Archive, capture_id: str, *, with_attestation: bool, show: Callable[[str], None] | None = None
) -> Removal:
    """What a tombstone of a capture is to remove; nothing is changed.

    With `with_attestation` the attestation goes too, because it holds URLs; its entry in the log stays.

    Raises:
        UnknownCapture: there is no such capture.
        NotSealed: it is not in the log yet, so that nothing would show that it was there.
        RemovalRefused: attestations of other captures name the same objects.
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
    keys = sorted(named | {item.key for item in unnamed}, key=lambda key: (key.startswith(CAPTURES), key))
    removal = Removal(capture_id, envelope_sha256, unnamed, tuple(keys), tombstones)
    check_removal(archive, removal)
    _refuse_shared(archive, removal, show)
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
        StorageError: the store failed; running it again goes on.
    """
    reason, authority = said("reason", reason), said("authority", authority)
    check_removal(archive, removal)
    if removal.unnamed:
        at = archive.clock()
        tombstone_id = archive.new_capture_id(at)
        statement = tombstone_statement(
            tombstone_id,
            capture_id=removal.capture_id,
            envelope_sha256=removal.envelope_sha256,
            removed=removal.unnamed,
            reason=reason,
            authority=authority,
            at=at,
            collector=collector(archive),
            software=software(),
        )
        record_about(archive, Kind.TOMBSTONE, removal.capture_id, tombstone_id, statement)
    evidence.seal(archive)
    tombstones = tuple(all_of(archive, removal.capture_id))
    for tombstone in tombstones:
        sha256 = digest_bytes(tombstone.envelope).sha256.hex
        _check_logged(archive, LogEntry(tombstone.tombstone_id, sha256, Kind.TOMBSTONE))
    for key in removal.keys:
        archive.store.erase(key)
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


def _refuse_shared(archive: Archive, removal: Removal, show: Callable[[str], None] | None) -> None:
    """Refuse if the attestation of another capture that still stands names one of the objects, in whatever member."""
    wanted = [
        key.rpartition("/")[2].encode("ascii")
        for key in removal.keys
        if not key.startswith(CAPTURES) and archive.store.stat(key) is not None
    ]
    if not wanted:
        return
    gone = {tombstone.capture_id for tombstone in all_tombstones(archive)} | {removal.capture_id}

    def names_one(capture_id: str) -> str | None:
        data = read_envelope(archive, capture_id)
        if data is None:
            return None
        envelope = parse_envelope(data)
        if not envelope.verified_by(archive.attestation_keys):
            return None
        return capture_id if any(sha256 in envelope.payload for sha256 in wanted) else None

    sharing: list[str] = []
    with ThreadPoolExecutor(_READERS) as pool:
        others = (capture_id for capture_id in _captures(archive) if capture_id not in gone)
        for number, found in enumerate(pool.map(names_one, others), start=1):
            if show is not None:
                show(f"looking for the same objects: {number} captures")
            if found is not None:
                sharing.append(found)
    if sharing:
        listed = ", ".join(sharing[:3]) + (f" and {len(sharing) - 3} more" if len(sharing) > 3 else "")
        raise RemovalRefused(
            f"{removal.capture_id}: {listed} would lose an object that its attestation names; nothing was changed"
        )


def _captures(archive: Archive) -> Iterator[str]:
    for key in archive.store.list(CAPTURES):
        if (capture_id := attested_capture(key)) is not None:
            yield capture_id
