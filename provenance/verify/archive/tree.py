"""The tree of a log worked out again from its entries, one by one. Shares no code with what appends."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from sijill.provenance.log.merkle import EMPTY_ROOT
from sijill.provenance.log.tiles import HEIGHT, WIDTH


class Tree:
    """The tree over the entries added so far, of which only the right edge is kept."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []
        self.levels: list[list[bytes]] = [[]]
        """For each level of tiles, the hashes of its last tile; whoever takes a full one empties it."""

    def add(self, entries: Sequence[bytes]) -> None:
        """Add `entries`, of which no tile of level 0 may have more than it has room for."""
        peaks, leaves = self._peaks, self.levels[0]
        for entry in entries:
            # RFC 6962 §2.1: 0x00 before a leaf, 0x01 before a node.
            node = sha256(b"\x00" + entry).digest()
            leaves.append(node)
            height, size = 0, self.size
            while size & 1:
                node = sha256(b"\x01" + peaks.pop() + node).digest()
                size >>= 1
                height += 1
                if height % HEIGHT == 0:
                    self._raise(height // HEIGHT, node)
            peaks.append(node)
            self.size += 1

    def root(self) -> bytes:
        """The root of the tree at this size."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = sha256(b"\x01" + peak + root).digest()
        return root

    def full(self) -> list[tuple[int, int, list[bytes]]]:
        """Take the tiles that are full now: level, index, hashes."""
        taken = []
        for level, hashes in enumerate(self.levels):
            if len(hashes) == WIDTH:
                taken.append((level, (self.size >> (HEIGHT * (level + 1))) - 1, list(hashes)))
                hashes.clear()
        return taken

    def partial(self) -> list[tuple[int, int, list[bytes]]]:
        """The tiles that are not full: level, index, hashes."""
        return [
            (level, self.size >> (HEIGHT * (level + 1)), hashes) for level, hashes in enumerate(self.levels) if hashes
        ]

    def _raise(self, level: int, node: bytes) -> None:
        if level == len(self.levels):
            self.levels.append([])
        self.levels[level].append(node)
