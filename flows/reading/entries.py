"""The entries of the log one after the other, worked out to its root: what a view of the log is built from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sijill.provenance.errors import LogDamaged, MalformedEntry, MalformedTile
from sijill.provenance.log.entry import LogEntry, parse_entry
from sijill.provenance.log.layout import TileSource
from sijill.provenance.log.merkle import fold, leaf_hash, node_hash
from sijill.provenance.log.tiles import WIDTH, parse_bundle, tile_at


@dataclass(slots=True)
class Frontier:
    """The tree over the first entries of a log, of which only the right edge is kept."""

    size: int
    peaks: list[bytes]
    """The roots of the largest perfect subtrees, the leftmost first."""

    def add(self, entry: bytes) -> None:
        """Add the next entry."""
        node, size = leaf_hash(entry), self.size
        while size & 1:
            node = node_hash(self.peaks.pop(), node)
            size >>= 1
        self.peaks.append(node)
        self.size += 1

    @property
    def root(self) -> bytes:
        """The root of the tree at this size."""
        return fold(self.peaks)


def goes_on(source: TileSource, size: int, peaks: Sequence[bytes], *, to: int, root: bytes) -> bool:
    """Whether a log of `size` entries with these `peaks` is the beginning of that of `to` entries with `root`.

    Raises:
        LogDamaged: an entry cannot be read.
    """
    if size > to or size.bit_count() != len(peaks):
        return False
    frontier = Frontier(size, list(peaks))
    for _, data in stored_entries(source, size, to):
        frontier.add(data)
    return frontier.root == root


def stored_entries(source: TileSource, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The entries from `start` up to `end`, the size of a checkpoint, as they are stored. Nothing is verified.

    Raises:
        LogDamaged: a bundle of entries is missing, or is none.
    """
    for index in range(start // WIDTH, -(-end // WIDTH)):
        tile = tile_at(None, index, end)
        data = source.read(tile.key)
        if data is None:
            raise LogDamaged(tile.key, "missing")
        try:
            entries = parse_bundle(data, tile.width)
        except MalformedTile as err:
            raise LogDamaged(tile.key, err.reason) from err
        for place, entry in enumerate(entries, index * WIDTH):
            if place >= start:
                yield place, entry


def parsed(index: int, data: bytes) -> LogEntry:
    """An entry, parsed.

    Raises:
        LogDamaged: it is none.
    """
    try:
        return parse_entry(data)
    except MalformedEntry as err:
        raise LogDamaged(f"entry {index}", err.reason) from err
