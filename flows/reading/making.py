"""Readings of captures: made one by one, here if they are small, else by processes that are bounded; and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from sijill.archive.reading.statement import READER, Reading, nothing_read
from sijill.flows.custody.recording import read_envelope, removed_or_unknown
from sijill.flows.custody.tombstones import find_tombstone, refuse_tombstoned
from sijill.flows.reading.entries import parsed, stored_entries
from sijill.flows.reading.source import Attested, Source, SourceUnusable, attested_source, open_source
from sijill.flows.reading.stored import StoredReadings, forget_readings
from sijill.flows.wiring import Archive
from sijill.provenance.errors import MalformedEntry
from sijill.provenance.log.entry import Kind, parse_entry
from sijill.storage.errors import NotFound
from sijill.storage.layout import QUEUE
from sijill.storage.store import Store

_SMALL = 2 << 20
"""Bytes of a page that is read in this process."""
_FEW = 8
"""For fewer captures it does not pay to start processes."""
_LARGEST_ENTRY = 4096

Show = Callable[[int, int], None]
"""Told how many captures are dealt with, of how many."""


class Outcome(Enum):
    """What became of a capture that was to be read."""

    MADE = auto()
    NO_PAGE = auto()
    """The capture reached no page."""
    LEFT = auto()
    """It is not for this process to read."""
    REMOVED = auto()
    """What it holds is gone."""


@dataclass(slots=True)
class Read:
    """What reading captures came to."""

    made: int = 0
    no_page: int = 0
    """Captures that reached no page: there is nothing to be read."""
    removed: int = 0
    problems: list[SourceUnusable] = field(default_factory=list)
    """Captures that cannot be read because what is stored is not what was attested."""
    left: int = 0
    """Captures without a reading beyond the limit."""


def read_captures(
    archive: Archive,
    captures: Sequence[str],
    *,
    processes: int = 1,
    show: Show = lambda _done, _total: None,
) -> Read:
    """Make and keep the readings of captures, whatever readings they have.

    Small pages of a few captures are read in this process. PDFs, large pages, and captures of which there are many are
    read by others, whose time and memory are bounded; where a reader goes beyond that, or crashes, the reading says so.
    May be interrupted: what is made stays.

    Args:
        archive: whose captures.
        captures: their ids.
        processes: how many may read at once.
        show: told of progress.

    Raises:
        StorageError: the store failed.
    """
    read = Read()
    left: list[str] = []
    total, done = len(captures), 0
    for capture_id in captures if total < _FEW else ():
        try:
            outcome: Outcome | SourceUnusable = read_here(archive.store, capture_id)
        except SourceUnusable as err:
            outcome = err
        if outcome is Outcome.LEFT:
            left.append(capture_id)
            continue
        done += 1
        _count(archive, read, outcome)
        show(done, total)
    if total >= _FEW:
        left = list(captures)
    if left:
        from sijill.flows.reading.processes import ReadingProcesses

        with ReadingProcesses(archive.store, min(processes, len(left))) as pool:
            for outcome in pool.read(left):
                done += 1
                _count(archive, read, outcome)
                show(done, total)
    return read


def read_missing(
    archive: Archive,
    *,
    processes: int = 1,
    limit: int | None = None,
    show: Show = lambda _done, _total: None,
) -> Read:
    """Make the readings of all captures that have none by this version of the reader, the oldest first.

    Args:
        archive: whose captures: those in the log, and those that wait to be sealed.
        processes: how many may read at once.
        limit: at most so many captures.
        show: told of progress.

    Raises:
        LogDamaged: the entries of the log cannot be read.
        StorageError: the store failed.
    """
    made = frozenset(StoredReadings(archive.store).made(READER))
    waiting = [capture_id for capture_id in all_captures(archive) if capture_id not in made]
    now = waiting if limit is None else waiting[:limit]
    read = read_captures(archive, now, processes=processes, show=show)
    read.left = len(waiting) - len(now)
    return read


def known(archive: Archive, captures: Iterable[str]) -> list[str]:
    """These captures, all of which the archive has.

    Raises:
        UnknownCapture: it has one of them not.
        TombstonedCapture: what one holds was removed.
    """
    found = list(captures)
    for capture_id in found:
        if read_envelope(archive, capture_id) is None:
            raise removed_or_unknown(archive, capture_id)
        refuse_tombstoned(archive, capture_id)
    return found


def all_captures(archive: Archive) -> Iterator[str]:
    """The ids of all captures of the log in its order, then of those that wait for it; those with a tombstone, too.

    Raises:
        LogDamaged: the entries of the log cannot be read.
        StorageError: the store failed.
    """
    # First, because what is queued may be sealed meanwhile.
    queued = list(_queued(archive))
    signed = archive.log_reader.checkpoint()
    seen = set()
    for index, data in stored_entries(archive.log, 0, signed.checkpoint.size if signed else 0):
        entry = parsed(index, data)
        if entry.kind is Kind.CAPTURE and entry.id not in seen:
            seen.add(entry.id)
            yield entry.id
    yield from (capture_id for capture_id in queued if capture_id not in seen)


def read_here(store: Store, capture_id: str, *, bounded: bool = False) -> Outcome:
    """Make and keep the reading of a capture in this process, if it is small or the process is `bounded`.

    Raises:
        SourceUnusable: what is stored is not what was attested, or is gone.
        StorageError: the store failed.
    """
    attested = attested_source(store, capture_id)
    if attested is None:
        return Outcome.NO_PAGE
    if attested.unread is not None:
        return keep(store, attested, nothing_read(attested.sha256, attested.url, "other", attested.unread))
    if not bounded and attested.size > _SMALL:
        return Outcome.LEFT
    source = open_source(store, attested)
    if not bounded and (len(source.data) > _SMALL or b"%PDF-" in source.data[:1024]):
        return Outcome.LEFT
    return keep(store, attested, read_source(attested, source))


def read_source(attested: Attested, source: Source) -> Reading:
    """The reading of bytes, tied to the digest by which they are attested."""
    from sijill.archive.reading.reading import read_statement

    if source.unread is not None:
        return nothing_read(attested.sha256, attested.url, "other", source.unread)
    reading = read_statement(
        source.data,
        media_type=source.media_type,
        charset=source.charset,
        url=attested.url,
        not_after=attested.not_after,
    )
    return replace(reading, source_sha256=attested.sha256, notes=(*reading.notes, *source.notes))


def keep(store: Store, attested: Attested, reading: Reading) -> Outcome:
    """Store the reading of a capture, unless what the capture holds has been removed meanwhile.

    Raises:
        StorageError: the store failed.
    """
    StoredReadings(store).keep(attested.capture_id, reading)
    # A tombstone removes objects first, then readings: whatever the order, nothing of the text stays.
    if store.stat(attested.key) is None:
        forget_readings(store, attested.capture_id)
        return Outcome.REMOVED
    return Outcome.MADE


def _count(archive: Archive, read: Read, outcome: Outcome | SourceUnusable) -> None:
    match outcome:
        case Outcome.MADE:
            read.made += 1
        case Outcome.NO_PAGE:
            read.no_page += 1
        case Outcome.REMOVED:
            read.removed += 1
        case SourceUnusable() if find_tombstone(archive, outcome.capture_id) is not None:
            read.removed += 1
        case SourceUnusable():
            read.problems.append(outcome)


def _queued(archive: Archive) -> Iterator[str]:
    for key in archive.store.list(QUEUE):
        try:
            entry = parse_entry(archive.store.read(key, limit=_LARGEST_ENTRY))
        except (NotFound, MalformedEntry):
            continue
        if entry.kind is Kind.CAPTURE:
            yield entry.id
