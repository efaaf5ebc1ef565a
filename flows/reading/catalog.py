"""The catalog of an archive, kept up with its log: what is new is read, and what was built from another log goes.

The file is `catalog.sqlite` beside the settings. It is evidence of nothing, and may be removed at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.rows import Added, Change, Forgotten, Position, RelationRow, Unread
from sijill.flows.reading.entries import Frontier, goes_on, parsed, stored_entries
from sijill.flows.reading.rows import Readings, StoredReadings, UnusableAttestation, capture_row
from sijill.flows.signing import load
from sijill.flows.wiring import Archive
from sijill.provenance.attest.envelope import MAX_ENVELOPE, envelope_sha256
from sijill.provenance.attest.tombstone import parse_tombstone_statement
from sijill.provenance.errors import LogDamaged
from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.layout import CHECKPOINT, attestation_key
from sijill.provenance.log.merkle import EMPTY_ROOT
from sijill.storage.errors import NotFound, ObjectTooLarge

T = TypeVar("T")
FILE_NAME = "catalog.sqlite"
_BATCH = 1_000
"""Entries of the log that are taken in at once; whoever is killed loses no more."""
_JOBS = 8
"""Objects that are read at once: most of the time goes by waiting for the store."""

Show = Callable[[int, int], None]
"""Told how many entries are taken in, of how many."""
Match = Callable[[Catalog], Iterable[RelationRow]]
"""Compares the texts of the catalog; gives how pages stand to one another."""


@dataclass(frozen=True, slots=True)
class Updated:
    """What bringing a catalog up to date did."""

    size: int
    """Entries of the log that it was built from."""
    added: int
    """Entries that were new to it."""
    rebuilt: bool
    """Whether it had been built from another log, and was thrown away."""
    readings: int
    """Readings that came after their captures."""
    unread: tuple[Unread, ...]
    """Captures that the log has and whose attestations cannot be read; they are tried again each time."""


def open_catalog(archive: Archive) -> Catalog:
    """The catalog of an archive, as it is; an empty one if there is none.

    Raises:
        CatalogUnusable: the file cannot be used.
    """
    return Catalog(archive.folder / FILE_NAME)


def update_catalog(
    archive: Archive,
    catalog: Catalog,
    *,
    readings: Readings | None = None,
    match: Match | None = None,
    show: Show = lambda _done, _total: None,
) -> Updated:
    """Take in what the log has beyond the catalog, and readings that were made since.

    Entries are worked out to the root of the newest checkpoint before anything is changed. Several processes may do it
    at once. What waits to be sealed is not in the log, and so not in the catalog.

    Args:
        archive: whose log.
        catalog: its catalog.
        readings: by default those in the store, of this version of the reader.
        match: called if anything was new.
        show: told of progress.

    Raises:
        LogDamaged: the log is not what its own checkpoint says; the catalog stays as it was, or empty.
        StorageError: the store failed; the next call goes on from there.
        CatalogUnusable: SQLite failed.
    """
    readings = readings or StoredReadings(archive.store)
    catalog.wipe()
    added, rebuilt = 0, False
    with ThreadPoolExecutor(_JOBS) as pool:
        taking = _Taking(archive, readings, pool)
        while (before := catalog.position()) != (newest := _newest(archive, before)):
            if not _is_beginning(archive, before, newest):
                if before.size == 0:
                    raise LogDamaged(CHECKPOINT, "the entries hash to another root")
                catalog.restart(before)
                added, rebuilt = 0, True
                continue
            added += _go_on(catalog, taking, before, newest, show)
        taking.retry(catalog)
        late = taking.late(catalog)
    if match is not None and (added or late):
        catalog.relate(match(catalog))
    return Updated(catalog.position().size, added, rebuilt, late, catalog.unread())


@dataclass(frozen=True, slots=True)
class _Taking:
    """Reading what entries are about from the store, several at once."""

    archive: Archive
    readings: Readings
    pool: ThreadPoolExecutor

    def changes(self, entries: list[tuple[int, bytes]]) -> list[Change]:
        """What entries of the log change in the catalog, in their order."""
        found = self.pool.map(lambda pair: self._change(pair[0], parsed(*pair)), entries)
        return [change for change in found if change is not None]

    def retry(self, catalog: Catalog) -> None:
        """Try again what could not be read."""
        again = [self._capture(one.leaf_index, one.capture_id, one.envelope_sha256) for one in catalog.unread()]
        if readable := [change for change in again if isinstance(change, Added)]:
            catalog.retry(readable)

    def late(self, catalog: Catalog) -> int:
        """Take in readings that were made after their captures were; returns how many."""
        waiting = catalog.outstanding(self.readings.reader)
        if not waiting:
            return 0
        made = (capture_id for capture_id in self.readings.made() if capture_id in waiting)
        count = 0
        for some in _batches(made):
            count += catalog.attach(row for row in self.pool.map(self.readings.read, some) if row is not None)
        return count

    def _change(self, index: int, entry: LogEntry) -> Change | None:
        if entry.kind is Kind.CAPTURE:
            return self._capture(index, entry.id, entry.envelope_sha256)
        if entry.kind is Kind.TOMBSTONE:
            found = load(self.archive, Kind.TOMBSTONE, entry.id, parse_tombstone_statement)
            return Forgotten(found.statement.predicate.capture_id) if found.ours else None
        return None

    def _capture(self, index: int, capture_id: str, sha256: str) -> Added | Unread:
        try:
            envelope = self.archive.store.read(attestation_key(capture_id), limit=MAX_ENVELOPE)
        except (NotFound, ObjectTooLarge) as err:
            return Unread(capture_id, index, sha256, str(err))
        if envelope_sha256(envelope) != sha256:
            return Unread(capture_id, index, sha256, "the attestation in the store is not the one that the log holds")
        try:
            row = capture_row(index, envelope)
        except UnusableAttestation as err:
            return Unread(capture_id, index, sha256, str(err))
        return Added(row, None if row.final_url is None else self.readings.read(capture_id))


def _newest(archive: Archive, before: Position) -> Position:
    """Where the log is now; `before` itself if that is there."""
    signed = archive.log_reader.checkpoint()
    size, root = (signed.checkpoint.size, signed.checkpoint.root) if signed else (0, EMPTY_ROOT)
    origin = archive.settings.log.origin
    if (before.origin or origin, before.size, before.root or EMPTY_ROOT) == (origin, size, root):
        return before
    return Position(origin, size, root, ())


def _is_beginning(archive: Archive, before: Position, newest: Position) -> bool:
    if before.origin not in ("", newest.origin):
        return False
    return goes_on(archive.log, before.size, before.peaks, to=newest.size, root=newest.root)


def _go_on(catalog: Catalog, taking: _Taking, before: Position, newest: Position, show: Show) -> int:
    """Take in entries up to `newest`, or until another process is found to do the same; returns how many."""
    frontier, start = Frontier(before.size, list(before.peaks)), before.size
    for entries in _batches(stored_entries(taking.archive.log, before.size, newest.size)):
        changes = taking.changes(entries)
        for _, data in entries:
            frontier.add(data)
        after = Position(newest.origin, frontier.size, frontier.root, tuple(frontier.peaks))
        if not catalog.advance(before, after, changes):
            break
        before = after
        show(before.size, newest.size)
    return before.size - start


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    left = iter(items)
    while some := list(islice(left, _BATCH)):
        yield some
