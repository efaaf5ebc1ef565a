"""A few of the shingles of a text, by which texts are found that may have much in common. Pure.

Of five words in a row, one in eight is kept, chosen by its first two words, so that two texts keep the same of what
they share; the share of common ones is about the share of the whole. It decides nothing: what it finds is compared
exactly (`sijill.archive.reading.matching`).
"""

from __future__ import annotations

from array import array
from itertools import pairwise
from typing import Final
from zlib import crc32

COMPARED: Final = frozenset({"statement", "document", "teaser"})
"""The kinds of pages whose texts are compared with one another."""
_KEPT: Final = 8
"""One shingle in so many."""
_MOST: Final = 20_000
"""Words of a text that are taken into account."""
_CACHED: Final = 1 << 17
_FACTOR: Final = 0x9E3779B1
_MASK: Final = 0xFFFFFFFF


class _Hashes(dict[str, int]):
    """The hashes of words seen before."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _CACHED:
            self.clear()
        # The bits of a CRC alone tell little of each other; in the middle of the product they are mixed.
        value = self[word] = (crc32(word.encode("utf-8", "surrogatepass")) * _FACTOR & _MASK) >> 12
        return value


_HASHES: Final = _Hashes()


def sketch(words: str) -> bytes:
    """The sketch of a text, given as the keys of its words parted by spaces (`arabic.indexed`)."""
    hashes = [_HASHES[word] for word in words.split(" ", _MOST)[:_MOST]]
    kept = [at for at, (one, other) in enumerate(pairwise(hashes)) if not (one ^ other) % _KEPT]
    found: dict[int, None] = {}
    for at in kept:
        value = 0
        for word in hashes[at : at + 5]:
            value = (value * _FACTOR + word) & _MASK
        found[value] = None
    return array("I", found).tobytes()


def hashes_of(data: bytes) -> array[int]:
    """The hashes in a sketch."""
    return array("I", data)
