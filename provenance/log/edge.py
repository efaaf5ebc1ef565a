"""The right edge of the tree: the partial tiles of one size, which is all that appending needs to know.

Pure. Its size grows with the logarithm of the log's, so the cost of a batch depends on the batch alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sijill.provenance.log.merkle import fold, leaf_hash, perfect_root
from sijill.provenance.log.tiles import HEIGHT, WIDTH, Tile, format_bundle, format_tile


def partial_tiles(size: int) -> Iterator[Tile]:
    """The partial tiles of a log of `size` entries: the entry bundle first, then the hashes from level 0 up."""
    level = 0
    while hashes := size >> (HEIGHT * level):
        if width := hashes % WIDTH:
            if level == 0:
                yield Tile(None, hashes // WIDTH, width)
            yield Tile(level, hashes // WIDTH, width)
        level += 1


class RightEdge:
    """The entries and hashes of the partial tiles, to which entries can be appended."""

    def __init__(self, size: int, bundle: Sequence[bytes], levels: Sequence[Sequence[bytes]]) -> None:
        """Take what the partial tiles of a log of `size` entries hold.

        Args:
            size: the number of entries.
            bundle: the entries of the partial bundle; empty if there is none.
            levels: for each level from 0 the hashes of its partial tile; empty where there is none.
        """
        self.size = size
        self._bundle = list(bundle)
        self._levels = [list(hashes) for hashes in levels]

    @classmethod
    def empty(cls) -> RightEdge:
        """The edge of the log without entries."""
        return cls(0, (), ())

    def root(self) -> bytes:
        """The root of the tree at this size."""
        subtrees: list[bytes] = []
        for hashes in reversed(self._levels):
            start = 0
            for height in reversed(range(HEIGHT)):
                if len(hashes) & (1 << height):
                    subtrees.append(perfect_root(hashes[start : start + (1 << height)]))
                    start += 1 << height
        return fold(subtrees)

    def append(self, entries: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
        """Append `entries`, giving each new tile with its bytes.

        What comes out are the tiles that became full, each once, and at the end the partial tiles of the new size:
        exactly what the new checkpoint needs beyond what its predecessor had. An entry bundle comes before the
        hashes over it. Take all of them before using the edge again.
        """
        for entry in entries:
            self._bundle.append(entry)
            self.size += 1
            if len(self._bundle) == WIDTH:
                yield Tile(None, self.size // WIDTH - 1, WIDTH), format_bundle(self._bundle)
                self._bundle.clear()
            yield from self._push(0, leaf_hash(entry))
        for tile in partial_tiles(self.size):
            data = format_bundle(self._bundle) if tile.level is None else format_tile(self._levels[tile.level])
            yield tile, data

    def _push(self, level: int, value: bytes) -> Iterator[tuple[Tile, bytes]]:
        if level == len(self._levels):
            self._levels.append([])
        hashes = self._levels[level]
        hashes.append(value)
        if len(hashes) == WIDTH:
            yield Tile(level, (self.size >> (HEIGHT * (level + 1))) - 1, WIDTH), format_tile(hashes)
            above = perfect_root(hashes)
            hashes.clear()
            yield from self._push(level + 1, above)
