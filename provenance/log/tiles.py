"""Tiles and entry bundles: their names, widths and bytes (c2sp.org/tlog-tiles). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sijill.provenance.errors import MalformedTile
from sijill.provenance.log.merkle import HASH_SIZE, MAX_SIZE

HEIGHT = 8
WIDTH = 1 << HEIGHT
"""Hashes in a full tile, entries in a full bundle."""
MAX_LEVEL = 63


@dataclass(frozen=True, slots=True)
class Tile:
    """The name of a tile. `level` None stands for entries; below `WIDTH` it is partial."""

    level: int | None
    index: int
    width: int

    def __post_init__(self) -> None:
        if self.level is not None and not 0 <= self.level <= MAX_LEVEL:
            raise ValueError(f"no tile level {self.level}")
        if not 0 <= self.index <= MAX_SIZE or not 1 <= self.width <= WIDTH:
            raise ValueError(f"no tile {self.index} of width {self.width}")

    @property
    def key(self) -> str:
        """Where the tile is stored."""
        level = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"log/tile/{level}/{_index_path(self.index)}{partial}"


def tile_at(level: int | None, index: int, size: int) -> Tile:
    """The tile number `index` of `level` in a log of `size` entries, as wide as it is at that size.

    Raises:
        ValueError: a log of that size has no such tile.
    """
    hashes = size >> (HEIGHT * (level or 0))
    width = min(WIDTH, hashes - index * WIDTH)
    if width < 1:
        raise ValueError(f"no tile {index} of level {level} in a log of {size}")
    return Tile(level, index, width)


def format_tile(hashes: Sequence[bytes]) -> bytes:
    """The bytes of a tile."""
    return b"".join(hashes)


def parse_tile(data: bytes, width: int) -> tuple[bytes, ...]:
    """The `width` hashes of a tile.

    Raises:
        MalformedTile: it has another number of bytes.
    """
    if len(data) != width * HASH_SIZE:
        raise MalformedTile(f"{len(data)} bytes, expected {width} hashes")
    return tuple(data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE))


def format_bundle(entries: Sequence[bytes]) -> bytes:
    """The bytes of an entry bundle: each entry after its length in two bytes, big-endian.

    Raises:
        MalformedTile: an entry has more than 65,535 bytes.
    """
    if any(len(entry) > 0xFFFF for entry in entries):
        raise MalformedTile("an entry of more than 65535 bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(data: bytes, width: int) -> tuple[bytes, ...]:
    """The `width` entries of a bundle.

    Raises:
        MalformedTile: it has another number of entries, or breaks off inside one.
    """
    entries: list[bytes] = []
    place = 0
    while place < len(data):
        start = place + 2
        place = start + int.from_bytes(data[place:start], "big")
        if start > len(data) or place > len(data):
            raise MalformedTile("breaks off inside an entry")
        entries.append(data[start:place])
    if len(entries) != width:
        raise MalformedTile(f"{len(entries)} entries, expected {width}")
    return tuple(entries)


def _index_path(index: int) -> str:
    # Zero-padded three-digit elements, all but the last with an x: 1234067 is x001/x234/067.
    elements = [f"{index % 1000:03d}"]
    while index := index // 1000:
        elements.append(f"x{index % 1000:03d}")
    return "/".join(reversed(elements))
