"""The log of an archive, read from its first entry to its last, and all else of the log compared with the entries."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from sijill.provenance.attest.timestamps import capture_id_time
from sijill.provenance.errors import (
    MalformedCaptureId,
    MalformedCheckpoint,
    MalformedEntry,
    MalformedTile,
    UnreadableObject,
)
from sijill.provenance.log.checkpoint import parse_decimal
from sijill.provenance.log.edge import partial_tiles
from sijill.provenance.log.entry import Kind, parse_entry
from sijill.provenance.log.layout import batch_key, checkpoint_key
from sijill.provenance.log.tiles import WIDTH, Tile, format_tile, parse_bundle, tile_at
from sijill.provenance.verify.archive.batches import BatchRecord
from sijill.provenance.verify.archive.checkpoints import Show, kept_checkpoint
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.archive.journal import Journal, Mark
from sijill.provenance.verify.archive.source import BATCHES, ArchiveSource
from sijill.provenance.verify.archive.tree import Tree
from sijill.provenance.verify.trust import TrustRoot

Stored = bytes | UnreadableObject | None
"""What is at a key: bytes, what cannot be read as an object, or nothing."""

K = TypeVar("K")
V = TypeVar("V")

_ENTRY: Final = re.compile(
    rb'\{"envelopeSha256":"([0-9a-f]{64})",'
    rb'"id":"((?!0000)[0-9]{4}(?:0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])t(?:[01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]z-[a-z2-7]{12})",'
    rb'"kind":"([a-z]{1,20})","type":"https://sijill\.org/log-entry/v1"\}'
)
"""Exactly the RFC 8785 form of an entry, read some fifty times faster than by parsing and writing it again."""
_EVERY_MONTH: Final = b"28"
"""Days up to this one are there in every month."""
_KINDS: Final = {kind.value.encode(): kind.value for kind in Kind}


def check_log(
    journal: Journal,
    source: ArchiveSource,
    trust: TrustRoot,
    size: int,
    *,
    since: int | None,
    jobs: int,
    show: Show,
) -> dict[int, bytes]:
    """Work the tree out again and compare everything with it; the store must have been listed.

    Entries and the roots at kept checkpoints go to the journal.

    Args:
        journal: takes the outcome.
        source: the archive.
        trust: names the log keys.
        size: that of its newest checkpoint.
        since: a size at which the root is wanted, beside those of checkpoints.
        jobs: how many objects are read ahead at once.
        show: told how many entries are done.

    Returns:
        The roots at `since` and at the end, as far as the entries could be read.
    """
    _find_batches(journal)
    walk = _Walk(journal, source, trust, size, since)
    places = range(-(-size // WIDTH))
    for place, (bundle, hashes) in _ahead(lambda place: walk.fetch(place), places, jobs):
        if not walk.take(place, bundle, hashes):
            return walk.roots
        show(walk.tree.size, size)
    walk.finish()
    return walk.roots


def _find_batches(journal: Journal) -> None:
    for key in journal.kept(BATCHES):
        if (size := parse_decimal(key.removeprefix(BATCHES))) is not None:
            journal.mark(size, batch=True)


class _Walk:
    """One reading of the log. The next mark is the next size at which a checkpoint is kept or a batch begins."""

    def __init__(self, journal: Journal, source: ArchiveSource, trust: TrustRoot, size: int, since: int | None) -> None:
        self.tree = Tree()
        self.roots: dict[int, bytes] = {}
        self._journal = journal
        self._source = source
        self._trust = trust
        self._size = size
        self._wanted = {size} | ({since} if since is not None else set())
        self._marks = _stops(journal, size, since)
        self._next = next(self._marks, None)
        self._batch: BatchRecord | None = None
        self._at_mark()

    def fetch(self, place: int) -> tuple[Stored, Stored]:
        """The stored bundle and level-0 tile number `place`; may be called from any thread."""
        return (
            self._read(tile_at(None, place, self._size).key),
            self._read(tile_at(0, place, self._size).key),
        )

    def take(self, place: int, bundle: Stored, hashes: Stored) -> bool:
        """Go through one bundle of entries; False if its entries cannot be read."""
        tile = tile_at(None, place, self._size)
        entries = self._entries(tile, bundle)
        if entries is None:
            return False
        self._journal.enter(self._parsed(tile, entries))
        taken = 0
        while taken < len(entries):
            end = len(entries) if self._next is None else min(len(entries), self._next.size - tile.index * WIDTH)
            part = entries[taken:end]
            self.tree.add(part)
            if self._batch is not None:
                self._batch.take(part)
            taken = end
            self._at_mark()
        self._check_partials(tile, lambda width: _bundle_prefix(bundle, entries, width))
        for level, index, found in self.tree.full():
            self._check_tile(Tile(level, index, WIDTH), found, hashes if level == 0 else None)
        return True

    def finish(self) -> None:
        """Check what is not full, and that no tile of a kept checkpoint is missing."""
        for level, index, found in self.tree.partial():
            self._check_tile(Tile(level, index, len(found)), found, None)
        self._end_batch()
        for mark in self._journal.marks(self._size):
            if not mark.checkpoint or mark.size == self._size:
                continue
            for tile in partial_tiles(mark.size):
                if self._journal.kept_size(tile.key) is None:
                    self._journal.find(ArchiveCode.TILES, tile.key, "is missing", place=mark.size)

    def _at_mark(self) -> None:
        """Deal with the mark at the size that is reached, if there is one."""
        while self._next is not None and self._next.size == self.tree.size:
            root = self.tree.root()
            if self.tree.size in self._wanted:
                self.roots[self.tree.size] = root
            self._reach(self._next, root)
            self._next = next(self._marks, None)

    def _reach(self, mark: Mark, root: bytes) -> None:
        if mark.checkpoint:
            self._check_root(mark.size, root)
        elif mark.batch and mark.size:
            reason = "is missing, and a batch begins at this size"
            self._journal.find(ArchiveCode.SIGNED, checkpoint_key(mark.size), reason, place=mark.size)
        elif mark.size:
            return
        self._end_batch()
        if mark.batch and mark.size < self._size:
            self._batch = BatchRecord(mark.size, self._read(batch_key(mark.size)), self._trust)
        elif mark.size < self._size:
            self._journal.find(ArchiveCode.BATCHES, batch_key(mark.size), "is missing", place=mark.size)

    def _check_root(self, size: int, root: bytes) -> None:
        self._journal.set_root(size, root)
        try:
            signed = kept_checkpoint(self._source, size)
        except (MalformedCheckpoint, UnreadableObject):
            return
        found = signed.checkpoint.root
        if found != root:
            reason = f"root {found.hex()}, the entries give {root.hex()}"
            self._journal.find(ArchiveCode.ROOTS, checkpoint_key(size), reason, place=size)

    def _end_batch(self) -> None:
        if self._batch is not None:
            if (reason := self._batch.fault()) is not None:
                self._journal.find(ArchiveCode.BATCHES, self._batch.key, reason, place=self._batch.start)
            self._batch = None

    def _entries(self, tile: Tile, data: Stored) -> tuple[bytes, ...] | None:
        try:
            if isinstance(data, bytes):
                return parse_bundle(data, tile.width)
            reason = "is missing" if data is None else data.reason
        except MalformedTile as err:
            reason = err.reason
        self._journal.find(ArchiveCode.ENTRIES, tile.key, reason, place=tile.index * WIDTH)
        return None

    def _parsed(self, tile: Tile, entries: Sequence[bytes]) -> Iterator[tuple[int, str, str, bytes]]:
        for place, data in enumerate(entries, start=tile.index * WIDTH):
            match = _ENTRY.fullmatch(data)
            try:
                if match is not None and match[4] in _KINDS:
                    entry_id, kind, sha256 = match[2].decode(), _KINDS[match[4]], match[1].decode()
                    if match[3] > _EVERY_MONTH:
                        capture_id_time(entry_id)
                else:
                    entry = parse_entry(data)
                    entry_id, kind, sha256 = entry.id, entry.kind.value, entry.envelope_sha256
            except (MalformedEntry, MalformedCaptureId) as err:
                self._journal.find(ArchiveCode.ENTRIES, tile.key, f"entry {place}: {err.reason}", place=place)
            else:
                yield place, kind, entry_id, bytes.fromhex(sha256)

    def _check_tile(self, tile: Tile, hashes: Sequence[bytes], stored: Stored) -> None:
        expected = format_tile(hashes)
        if stored is None:
            stored = self._read(tile.key)
        if stored != expected:
            self._differs(tile, stored)
        self._check_partials(tile, lambda width: expected[: width * len(hashes[0])])

    def _check_partials(self, tile: Tile, expected: Callable[[int], bytes]) -> None:
        """Compare the narrower versions of a tile that are kept, the last one of the log included."""
        full = Tile(tile.level, tile.index, WIDTH)
        for key in self._journal.kept(f"{full.key}.p/"):
            width = parse_decimal(key.rpartition("/")[2])
            if width is None or not 0 < width < tile.width:
                continue
            stored = self._read(key)
            if stored != expected(width):
                self._differs(Tile(tile.level, tile.index, width), stored)

    def _differs(self, tile: Tile, stored: Stored) -> None:
        if stored is None:
            reason = "is missing"
        else:
            reason = stored.reason if isinstance(stored, UnreadableObject) else "is not what the entries give"
        self._journal.find(ArchiveCode.TILES, tile.key, reason, place=tile.index * WIDTH)

    def _read(self, key: str) -> Stored:
        try:
            return self._source.read(key)
        except UnreadableObject as err:
            return err


def _stops(journal: Journal, size: int, since: int | None) -> Iterator[Mark]:
    """Where the walk stops: marks up to `size`, the beginning, the end, and `since`."""
    extra = sorted({0, size} | ({since} if since is not None and since <= size else set()))
    for mark in journal.marks(size):
        while extra and extra[0] <= mark.size:
            if (first := extra.pop(0)) < mark.size:
                yield Mark(first, checkpoint=False, batch=False)
        yield mark
    yield from (Mark(rest, checkpoint=False, batch=False) for rest in extra)


def _bundle_prefix(data: Stored, entries: Sequence[bytes], width: int) -> bytes:
    length = sum(2 + len(entry) for entry in entries[:width])
    return data[:length] if isinstance(data, bytes) else b""


def _ahead(read: Callable[[K], V], keys: Iterable[K], jobs: int) -> Iterator[tuple[K, V]]:
    """`read` of each of `keys`, in order, by several threads that run ahead."""
    if jobs == 1:
        yield from ((key, read(key)) for key in keys)
        return
    with ThreadPoolExecutor(jobs) as threads:
        waiting: deque[tuple[K, Future[V]]] = deque()
        try:
            for key in keys:
                waiting.append((key, threads.submit(read, key)))
                if len(waiting) > 2 * jobs:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
