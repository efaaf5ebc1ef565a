"""The chain of custody of one capture: all that is known of it, in order, and on whose word."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sijill.archive.digest import digest_bytes
from sijill.flows.custody.events import ORDER, STEPS, Event, Step, Voucher
from sijill.flows.custody.outsiders import checkpoints_with, outside_events
from sijill.flows.custody.pointers import custody_of, tombstones_of
from sijill.flows.custody.recording import read_envelope, unknown
from sijill.flows.signing import Recorded, load
from sijill.flows.wiring import Archive
from sijill.provenance.attest.attestation import Subject
from sijill.provenance.attest.custody import CustodyStatement, envelope_subject
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.attest.fixity import FixityPredicate, parse_fixity_statement
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.attest.tombstone import TombstoneStatement
from sijill.provenance.log.checkpoint import SignedCheckpoint, parse_checkpoint
from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.layout import attestation_key as statement_key
from sijill.provenance.log.layout import attested_entry, checkpoint_key, kind_folder, leaf_index_key
from sijill.provenance.log.queue import leaf_index
from sijill.storage.layout import attestation_key, object_key

_READERS = 8


def chain(archive: Archive, capture_id: str) -> tuple[Event, ...]:
    """All events of one capture, from the page to now: by time, once it is stored. Nothing is changed.

    Signatures are verified with the archive's own trust root. An auditor brings another one, and `sijill-verify`.

    Raises:
        UnknownCapture: there is no such capture, and no tombstone of one.
        ProvenanceError: something stored is not what it must be.
        StorageError: the store could not be read.
    """
    envelope = read_envelope(archive, capture_id)
    tombstones = tuple(tombstones_of(archive, capture_id))
    if envelope is None and not tombstones:
        raise unknown(archive, capture_id)
    gone = frozenset(item.key for found in tombstones for item in found.statement.predicate.removed)
    events: list[Event] = []
    if envelope is not None:
        events.append(_captured(archive, capture_id, envelope))
        events += _stored(archive, capture_id, envelope, gone)
    index = leaf_index(archive.log, capture_id)
    if index is not None:
        events.append(_sealed(archive, index, LogEntry(capture_id, _envelope_digest(envelope, tombstones))))
    events += outside_events(archive, capture_id, index, envelope)
    events += _fixity(archive, capture_id, index)
    events += [_custody(archive, found) for found in custody_of(archive, capture_id)]
    events += [_tombstone(archive, found) for found in tombstones]
    return tuple(sorted(events, key=_place))


def _place(event: Event) -> tuple[bool, datetime, int]:
    # There are stores that take a lock or a hold for a change of the object: their time is not for ordering.
    first = event.step in {Step.CAPTURED, Step.STORED}
    return not first, event.at or datetime.max.replace(tzinfo=UTC), ORDER[event.step]


def _envelope_digest(envelope: bytes | None, tombstones: tuple[Recorded[TombstoneStatement], ...]) -> str:
    if envelope is not None:
        return digest_bytes(envelope).sha256.hex
    return tombstones[0].statement.predicate.envelope_sha256


def _signed(archive: Archive, envelope: bytes) -> tuple[str, str | None]:
    """By which key of this archive an envelope is signed, and the doubt if by none."""
    keyids = sorted(parse_envelope(envelope).verified_by(archive.attestation_keys))
    return (f"key {', '.join(keyids)}", None) if keyids else ("no known key", "not signed by a key of this archive")


def _captured(archive: Archive, capture_id: str, envelope: bytes) -> Event:
    predicate = parse_statement(parse_envelope(envelope).payload).predicate
    by, doubt = _signed(archive, envelope)
    exchanges = len(predicate.exchanges)
    detail = (
        f"{predicate.target}: {predicate.outcome}, {exchanges} exchange{'s' if exchanges != 1 else ''}, "
        f"until {format_timestamp(predicate.times.ended)}"
    )
    key = attestation_key(capture_id)
    return Event(Step.CAPTURED, predicate.times.started, detail, Voucher.ARCHIVE, by, key, doubt)


def _stored(archive: Archive, capture_id: str, envelope: bytes, gone: frozenset[str]) -> Iterator[Event]:
    statement = parse_statement(parse_envelope(envelope).payload)
    objects = [
        (Subject(one.name, one.media_type, one.digests), object_key(one.digest.sha256)) for one in statement.subject
    ]
    objects.append((envelope_subject(digest_bytes(envelope)), attestation_key(capture_id)))
    for subject, key in objects:
        info = archive.store.stat(key)
        if info is not None:
            protection = [f"version {info.version}"] if info.version is not None else []
            protection += [f"locked until {info.locked_until:%Y-%m-%dT%H:%M:%SZ}"] if info.locked_until else []
            protection += ["under a legal hold"] if info.held else []
            detail = ", ".join([subject.name, f"{info.size} bytes", *protection]) + "; the time is the store's"
            doubt = None if info.size == subject.digests.size else f"attested with {subject.digests.size} bytes"
            yield Event(Step.STORED, info.modified, detail, Voucher.STORE, archive.store.url, key, doubt)
        elif key not in gone:
            yield Event(Step.STORED, None, subject.name, Voucher.STORE, archive.store.url, key, "not in the store")


def _sealed(archive: Archive, index: int, entry: LogEntry) -> Event:
    reader = archive.log_reader
    sizes = checkpoints_with(archive, index)
    if not sizes:
        key, doubt = leaf_index_key(entry.id), f"no checkpoint includes an entry {index}"
        return Event(Step.SEALED, None, f"entry {index}", Voucher.ARCHIVE, "the log", key, doubt)
    size = min(sizes)
    key = checkpoint_key(size)
    info = archive.store.stat(key)
    return Event(
        Step.SEALED,
        None if info is None else info.modified,
        f"entry {index} of the log, first in the checkpoint of {size}; the time is the store's",
        Voucher.ARCHIVE,
        _log_key(archive, reader.checkpoint_at(size)),
        key,
        None if reader.entry(index, size) == entry else f"another entry is at {index}",
    )


def _log_key(archive: Archive, signed: SignedCheckpoint) -> str:
    names = [key for key in archive.log_keys if key.signature_in(signed.note) is not None]
    return ", ".join(f"log key {key.name}+{key.key_id.hex()}" for key in names)


def _fixity(archive: Archive, capture_id: str, index: int | None) -> Iterator[Event]:
    """The fixity checks that covered the capture: all of the log with its entry, or a sample that names it."""
    folder = kind_folder(Kind.FIXITY)
    since = f"{folder}{capture_id[:4]}/{capture_id[4:6]}/{capture_id[6:8]}"
    named = (attested_entry(key, Kind.FIXITY) for key in archive.store.list(folder, after=since))
    later = [fixity_id for fixity_id in named if fixity_id is not None and fixity_id > capture_id]
    with ThreadPoolExecutor(_READERS) as pool:
        for found in pool.map(lambda fixity_id: load(archive, Kind.FIXITY, fixity_id, parse_fixity_statement), later):
            predicate = found.statement.predicate
            if capture_id in predicate.captures or _covers(predicate, index):
                by, doubt = _signed(archive, found.envelope)
                detail = f"{predicate.scope.kind} audit {predicate.outcome}"
                detail += f", findings: {len(predicate.findings)}" if predicate.findings else ""
                key = statement_key(found.entry_id, Kind.FIXITY)
                yield Event(Step.FIXITY_CHECKED, predicate.ended, detail, Voucher.ARCHIVE, by, key, doubt)


def _covers(predicate: FixityPredicate, index: int | None) -> bool:
    if index is None or predicate.scope.kind != "full":
        return False
    return parse_checkpoint(predicate.checkpoint.encode("utf-8")).checkpoint.size > index


def _custody(archive: Archive, found: Recorded[CustodyStatement]) -> Event:
    predicate = found.statement.predicate
    by, doubt = _signed(archive, found.envelope)
    said = [f"to {predicate.to}"] if predicate.to is not None else []
    if predicate.package is not None:
        said.append(f"package of {predicate.package.size} bytes, SHA-256 {predicate.package.digest.sha256}")
    said += [predicate.note] if predicate.note is not None else []
    key = statement_key(found.entry_id, Kind.CUSTODY)
    return Event(STEPS[predicate.event], predicate.at, "; ".join(said), Voucher.ARCHIVE, by, key, doubt)


def _tombstone(archive: Archive, found: Recorded[TombstoneStatement]) -> Event:
    predicate = found.statement.predicate
    by, doubt = _signed(archive, found.envelope)
    there = [item.name for item in predicate.removed if archive.store.stat(item.key) is not None]
    if there:
        doubt = f"still there: {', '.join(there)}; finish it by running sijill tombstone again"
    names = ", ".join(item.name for item in predicate.removed)
    detail = f"{names} removed on the authority of {predicate.authority}: {predicate.reason}"
    key = statement_key(found.entry_id, Kind.TOMBSTONE)
    return Event(Step.TOMBSTONE, predicate.at, detail, Voucher.ARCHIVE, by, key, doubt)
