"""The catalog of an archive, kept up with its log: what is new is read, and what was built from another log goes.

The file is `catalog.sqlite` beside the settings. It is evidence of nothing, and may be removed at any time.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Self, TypeVar

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.rows import Added, Change, Forgotten, Position, ReadingRow, Unread
from sijill.flows.reading.entries import Frontier, goes_on, parsed, stored_entries
from sijill.flows.reading.loading import Load, Loader, Logged, Rows, loading
from sijill.flows.reading.stored import Readings, StoredReadings
from sijill.flows.signing import load as load_statement
from sijill.flows.wiring import Archive
from sijill.provenance.attest.tombstone import parse_tombstone_statement
from sijill.provenance.errors import LogDamaged
from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.layout import CHECKPOINT
from sijill.provenance.log.merkle import EMPTY_ROOT
from sijill.storage.errors import StoreFailure

T = TypeVar("T")
FILE_NAME = "catalog.sqlite"
_BATCH = 1_000
"""Entries of the log that are taken in at once; whoever is killed loses no more."""
_AHEAD = 2
"""Batches that are being loaded."""
_PIECE = 100
"""Captures that are loaded one after the other, in one process or thread."""
_JOBS = 8
"""Objects that are read at once: most of the time goes by waiting for the store."""
_ASKED_SINGLY = 500
"""For so many captures the store is asked one by one; else it is asked for a list of all readings."""
_READ_AT_ONCE = 1_000
"""Captures without a reading that are read before something is looked up; more are left to `sijill read`."""
_MOST_SAID = 10

Show = Callable[[int, int], None]
"""Told how many entries are taken in, of how many."""
Make = Callable[[Sequence[str]], object]
"""Makes readings of captures that have none."""
Match = Callable[[Catalog], object]
"""Compares the texts of the catalog that are new with the others, and takes in how their pages stand to one another."""


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


@contextmanager
def open_current(archive: Archive, *, quiet: bool) -> Iterator[Catalog]:
    """The catalog of an archive, brought up to date, for a `with` statement.

    Captures without a reading are read, up to a thousand of them. What stands in the way is said on stderr: captures
    that cannot be read, a store that takes no readings, or one out of reach; then the catalog is as it was.

    Args:
        archive: whose catalog.
        quiet: show no progress.

    Raises:
        StoreFailure: the store is out of reach, and there is no catalog.
        LogDamaged, CatalogUnusable: see `update_catalog`.
    """
    path = archive.folder / FILE_NAME
    known = path.exists()
    with open_catalog(archive) as catalog:
        try:
            _bring_up_to_date(archive, catalog, quiet=quiet)
        except StoreFailure as err:
            if not known:
                raise
            say_out_of_reach(err)
        yield catalog


def forget_in_catalog(archive: Archive) -> None:
    """Have the catalog forget what the log says is removed, if there is a catalog.

    Raises:
        LogDamaged, StorageError, CatalogUnusable: see `update_catalog`.
    """
    if (archive.folder / FILE_NAME).exists():
        with open_catalog(archive) as catalog:
            update_catalog(archive, catalog)


def say_out_of_reach(error: StoreFailure) -> None:
    """Say on stderr that an answer is that of an earlier catalog."""
    print(f"the store is out of reach, so this is what the catalog had: {error}", file=sys.stderr)


def _bring_up_to_date(archive: Archive, catalog: Catalog, *, quiet: bool) -> None:
    from sijill.archive.catalog.matching import match_statements
    from sijill.flows.progress import StatusLine
    from sijill.flows.reading.printing import say_problems

    with StatusLine(quiet=quiet) as status:

        def make(captures: Sequence[str]) -> None:
            from sijill.flows.reading.making import read_captures

            now = captures[:_READ_AT_ONCE]
            try:
                read = read_captures(
                    archive,
                    now,
                    processes=os.cpu_count() or 1,
                    show=lambda done, total: status.show(f"reading captures: {done:,} of {total:,}"),
                )
            except StoreFailure as err:
                # Whoever may only read the store still looks up what others have read.
                print(f"captures without a reading are left out: {err}", file=sys.stderr)
            else:
                say_problems(read, left=len(captures) - len(now))

        updated = update_catalog(
            archive,
            catalog,
            make=make,
            match=lambda catalog: match_statements(
                catalog, lambda done, total: status.show(f"comparing texts: {done:,} of {total:,}")
            ),
            show=lambda done, total: status.show(f"reading the log: {done:,} of {total:,} entries"),
        )
    for one in updated.unread[:_MOST_SAID]:
        print(f"capture {one.capture_id} is not in the catalog: {one.reason}", file=sys.stderr)


def update_catalog(
    archive: Archive,
    catalog: Catalog,
    *,
    readings: Readings | None = None,
    make: Make | None = None,
    match: Match | None = None,
    show: Show = lambda _done, _total: None,
) -> Updated:
    """Take in what the log has beyond the catalog, and readings that were made since.

    Entries are worked out to the root of the newest checkpoint before anything is changed. Several processes may do it
    at once. What waits to be sealed is not in the log, and so not in the catalog.

    Args:
        archive: whose log.
        catalog: its catalog.
        readings: by default those in the store.
        make: called with the captures that have no reading at all, if there are any.
        match: called at the end.
        show: told of progress.

    Raises:
        LogDamaged: the log is not what its own checkpoint says; the catalog stays as it was, or empty.
        StorageError: the store failed; the next call goes on from there.
        CatalogUnusable: SQLite failed.
    """
    readings = readings or StoredReadings(archive.store)
    catalog.wipe()
    added, rebuilt = 0, False
    while (before := catalog.position()) != (newest := _newest(archive, before)):
        if not _is_beginning(archive, before, newest):
            if before.size == 0:
                raise LogDamaged(CHECKPOINT, "the entries hash to another root")
            catalog.restart(before)
            added, rebuilt = 0, True
            continue
        with loading(archive.store, readings, newest.size - before.size) as load:
            added += _go_on(archive, catalog, load, before, newest, show)
    _retry(catalog, Loader(archive.store, readings))
    late = _take_late(catalog, readings)
    if make is not None and (unread := _unread(catalog, readings)):
        make(unread)
        late += _take_late(catalog, readings)
    if match is not None:
        match(catalog)
    return Updated(catalog.position().size, added, rebuilt, late, catalog.unread())


def _retry(catalog: Catalog, loader: Loader) -> None:
    """Try again what could not be read."""
    again = loader.load([Logged(one.leaf_index, one.capture_id, one.envelope_sha256) for one in catalog.unread()])
    if readable := [change for change in again if isinstance(change, Added)]:
        catalog.retry(readable)


def _unread(catalog: Catalog, readings: Readings) -> list[str]:
    """The captures that have no reading at all, in the order of the log."""
    return [capture_id for capture_id, reader in catalog.outstanding(readings.readers[0]).items() if reader is None]


def _take_late(catalog: Catalog, readings: Readings) -> int:
    """Take in readings that were made after their captures were, and better ones than those; returns how many."""
    waiting = catalog.outstanding(readings.readers[0])
    count = 0
    with ThreadPoolExecutor(_JOBS) as pool:
        for some in _batches(_to_be_asked(readings, waiting)):
            rows = (row for row in list(pool.map(readings.read, some)) if row is not None)
            count += catalog.attach(row for row in rows if _is_better(readings, row, waiting[row.capture_id]))
    return count


def _to_be_asked(readings: Readings, waiting: Mapping[str, str | None]) -> Iterator[str]:
    """Captures of which there may be a better reading than the catalog has."""
    if len(waiting) <= _ASKED_SINGLY:
        yield from waiting
        return
    asked: set[str] = set()
    for reader in readings.readers:
        for capture_id in readings.made(reader):
            if capture_id not in asked and capture_id in waiting and waiting[capture_id] != reader:
                asked.add(capture_id)
                yield capture_id


def _is_better(readings: Readings, row: ReadingRow, reader: str | None) -> bool:
    best = list(readings.readers)
    return reader not in best or best.index(row.reader) < best.index(reader)


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


def _go_on(archive: Archive, catalog: Catalog, load: Load, before: Position, newest: Position, show: Show) -> int:
    """Take in entries up to `newest`, or until another process is found to do the same; returns how many."""
    frontier, start = Frontier(before.size, list(before.peaks)), before.size
    batches = _batches(stored_entries(archive.log, before.size, newest.size))
    # While one batch is written, the next is being loaded.
    ahead = deque(_Batch.begin(entries, load) for entries in islice(batches, _AHEAD))
    while ahead:
        batch = ahead.popleft()
        changes = list(batch.changes(archive))
        ahead.extend(_Batch.begin(entries, load) for entries in islice(batches, 1))
        for data in batch.entries:
            frontier.add(data)
        after = Position(newest.origin, frontier.size, frontier.root, tuple(frontier.peaks))
        if not catalog.advance(before, after, changes):
            break
        before = after
        show(before.size, newest.size)
    return before.size - start


@dataclass(frozen=True, slots=True)
class _Batch:
    """Entries of the log, of which the captures are being loaded."""

    entries: list[bytes]
    logged: list[tuple[int, LogEntry]]
    loading: list[Callable[[], Rows]]

    @classmethod
    def begin(cls, stored: list[tuple[int, bytes]], load: Load) -> Self:
        """Begin to load what the entries are about."""
        logged = [(index, parsed(index, data)) for index, data in stored]
        captures = [
            Logged(index, entry.id, entry.envelope_sha256) for index, entry in logged if entry.kind is Kind.CAPTURE
        ]
        piece = max(1, min(_PIECE, len(captures) // _JOBS))
        pieces = [captures[at : at + piece] for at in range(0, len(captures), piece)]
        return cls([data for _, data in stored], logged, [load(some) for some in pieces])

    def changes(self, archive: Archive) -> Iterator[Change]:
        """What the entries change in the catalog, in their order; waits for what is not loaded yet."""
        loaded = iter([row for rows in self.loading for row in rows()])
        removed = {
            index: load_statement(archive, Kind.TOMBSTONE, entry.id, parse_tombstone_statement)
            for index, entry in self.logged
            if entry.kind is Kind.TOMBSTONE
        }
        for index, entry in self.logged:
            if entry.kind is Kind.CAPTURE:
                yield next(loaded)
            elif index in removed and removed[index].ours:
                yield Forgotten(removed[index].statement.predicate.capture_id)


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    left = iter(items)
    while some := list(islice(left, _BATCH)):
        yield some
