"""What is in a store beside what the log leads to: strangers, second versions, and what waits to be sealed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from sijill.provenance.attest.timestamps import capture_id_time
from sijill.provenance.errors import MalformedBatch, MalformedEntry, UnreadableObject
from sijill.provenance.log.batch import parse_batch
from sijill.provenance.log.entry import Kind, LogEntry, parse_entry
from sijill.provenance.log.layout import QUEUE, attestation_key, batch_key, kind_folder, queue_key
from sijill.provenance.log.tiles import HEIGHT, WIDTH, Tile
from sijill.provenance.verify.archive.checkpoints import Show
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.archive.journal import Journal
from sijill.provenance.verify.archive.source import MUTABLE, ArchiveSource, Name, Place, name_of
from sijill.provenance.verify.archive.statements import Fault, form_of, read_statement
from sijill.provenance.verify.trust import TrustRoot

PATIENCE: Final = timedelta(days=1)
"""How long something may wait for the log, counted back from the newest entry."""
_CHECKPOINT: Final = "log/checkpoint"
_PIECE: Final = 1_000


@dataclass(slots=True)
class _Late:
    """What came to the log since the audit began, or waits for it; found out once a stranger is to be explained."""

    size: int
    entries: set[tuple[str, Kind]] = field(default_factory=set)
    named: set[str] = field(default_factory=set)


def list_store(journal: Journal, source: ArchiveSource, show: Show) -> None:
    """Note every key of the store, and what is kept under immutable ones beside their first version."""
    rows: list[tuple[str, int]] = []
    last, number = None, 0
    for version in source.versions(""):
        mutable = version.key == _CHECKPOINT or version.key.startswith(MUTABLE)
        if version.key == last:
            if not mutable:
                what = "someone deleted it" if version.deletion else f"a second version, of {version.size} bytes"
                journal.find(ArchiveCode.VERSIONS, version.key, f"{what}; the first is still there")
            continue
        last = version.key
        if version.deletion and not mutable:
            journal.find(ArchiveCode.VERSIONS, version.key, "someone deleted it, and nothing else is kept")
            continue
        rows.append((version.key, version.size))
        number += 1
        if len(rows) == _PIECE:
            journal.keep(rows)
            rows.clear()
            show(number, 0)
    journal.keep(rows)
    show(number, number)


def check_waiting(journal: Journal, source: ArchiveSource) -> int:
    """Look at what is not sealed yet; how many there are."""
    _, newest = journal.id_range()
    number = 0
    for key in source.list(QUEUE):
        try:
            data = source.read(key)
            if data is None:
                continue
            entry = parse_entry(data)
        except (MalformedEntry, UnreadableObject) as err:
            journal.find(ArchiveCode.WAITING, key, err.reason)
            continue
        if journal.entries_of(entry.id, entry.kind):
            # Sealed; whoever sealed it was stopped before removing this.
            continue
        number += 1
        if key != queue_key(entry.id):
            journal.find(ArchiveCode.WAITING, key, f"is the entry of {entry.id}")
        elif newest is not None and capture_id_time(newest) - capture_id_time(entry.id) > PATIENCE:
            journal.find(ArchiveCode.WAITING, key, f"waits since before {newest} was sealed, more than a day")
    return number


def check_strays(journal: Journal, source: ArchiveSource, trust: TrustRoot, size: int, show: Show) -> None:
    """Find out which of the listed keys belong to nothing that is in the log.

    Args:
        journal: has the keys, and all that attestations name.
        source: the archive.
        trust: whom the auditor believes.
        size: that of the log.
        show: told how many keys are done.
    """
    late: _Late | None = None
    for number, key in enumerate(journal.kept(), start=1):
        show(number, 0)
        name = name_of(key)
        if _belongs(journal, source, key, name, size):
            continue
        if late is None:
            late = _late(source, trust, size)
        if not _came_late(name, late, size):
            journal.find(*_stranger(key, name))


def _belongs(journal: Journal, source: ArchiveSource, key: str, name: Name, size: int) -> bool:
    match name.place:
        case Place.COMING_AND_GOING | Place.PUBLIC:
            return True
        case Place.OBJECT:
            return journal.is_named(name.sha256 or "")
        case Place.ABOUT_ENTRY:
            return name.kind is not None and bool(journal.entries_of(name.entry_id or "", name.kind))
        case Place.POINTER:
            return _is_pointer(journal, source, key, name)
        case Place.CHECKPOINT | Place.VOUCHER:
            return name.size is not None and journal.marked(name.size, name.size)
        case Place.BATCH:
            # The reading of the log has compared it, whether there is a checkpoint or not.
            return name.size is not None and name.size < size
        case Place.TILE:
            return name.tile is not None and _is_tile(journal, name.tile, size)
        case Place.UNKNOWN:
            return False


def _is_pointer(journal: Journal, source: ArchiveSource, key: str, name: Name) -> bool:
    folder, _, entry_id = (name.part or "").rpartition("/")
    kind = next((kind for kind in Kind if kind_folder(kind) == f"{folder}/"), None)
    if (
        kind is None
        or not journal.entries_of(entry_id, kind)
        or not journal.entries_of(name.entry_id or "", Kind.CAPTURE)
    ):
        return False
    try:
        return source.read(key) == f"{entry_id}\n".encode()
    except UnreadableObject:
        return False


def _is_tile(journal: Journal, tile: Tile, size: int) -> bool:
    first, last = _sizes(tile)
    return first <= size if tile.width == WIDTH else journal.reached(first, min(last, size))


def _sizes(tile: Tile) -> tuple[int, int]:
    """The sizes at which a log has this tile, if it is partial; of a full one the first."""
    shift, hashes = HEIGHT * (tile.level or 0), tile.index * WIDTH + tile.width
    return hashes << shift, ((hashes + 1) << shift) - 1


def _late(source: ArchiveSource, trust: TrustRoot, size: int) -> _Late:
    late = _Late(size)
    for entry in (*_sealed_since(source, late), *_queued(source)):
        try:
            data = source.read(attestation_key(entry.id, entry.kind))
            if data is None:
                continue
            statement = read_statement(data, entry.kind, entry.id, trust)
        except (Fault, UnreadableObject):
            continue
        late.entries.add((entry.id, entry.kind))
        if form_of(entry.kind).stored:
            late.named |= {one["digest"]["sha256"] for one in statement.subjects}
    return late


def _sealed_since(source: ArchiveSource, late: _Late) -> Iterator[LogEntry]:
    try:
        while record := source.read(batch_key(late.size)):
            batch = parse_batch(record)
            if batch.start != late.size:
                return
            yield from batch.entries
            late.size = batch.end
    except (MalformedBatch, UnreadableObject):
        return


def _queued(source: ArchiveSource) -> Iterator[LogEntry]:
    for key in source.list(QUEUE):
        try:
            if data := source.read(key):
                yield parse_entry(data)
        except (MalformedEntry, UnreadableObject):
            continue


def _came_late(name: Name, late: _Late, size: int) -> bool:
    match name.place:
        case Place.OBJECT:
            return name.sha256 in late.named
        case Place.ABOUT_ENTRY:
            return (name.entry_id, name.kind) in late.entries
        case Place.POINTER:
            return any((name.part or "").endswith(f"/{entry_id}") for entry_id, _ in late.entries)
        case Place.CHECKPOINT | Place.VOUCHER:
            return name.size is not None and size < name.size <= late.size
        case Place.BATCH:
            return name.size is not None and size <= name.size < late.size
        case Place.TILE:
            return name.tile is not None and size < _sizes(name.tile)[0] <= late.size
        case _:
            return False


def _stranger(key: str, name: Name) -> tuple[ArchiveCode, str, str]:
    match name.place:
        case Place.OBJECT:
            return ArchiveCode.STRANGE_OBJECTS, key, "no logged attestation names it"
        case Place.ABOUT_ENTRY:
            return ArchiveCode.STRANGE_KEYS, key, f"the log has no entry {name.entry_id} of this kind"
        case Place.POINTER:
            return ArchiveCode.STRANGE_KEYS, key, "does not point from a capture of the log to an entry of the log"
        case Place.CHECKPOINT | Place.VOUCHER:
            return ArchiveCode.STRANGE_KEYS, key, "the log was never shown to have this size"
        case Place.BATCH:
            return ArchiveCode.BATCHES, key, "the log keeps no checkpoint of this size"
        case Place.TILE:
            return ArchiveCode.TILES, key, "belongs to no size that the log keeps a checkpoint of"
        case _:
            return ArchiveCode.STRANGE_KEYS, key, "nothing in an archive has such a name"
