"""Texts as sets of word shingles, with what finds the few texts worth comparing among many. Pure.

A shingle is five words in a row, folded (`normalise.words`), as 64 bits. Texts that are alike as wholes are found by
MinHash and LSH; a short text within a long one has almost the same MinHash as any other, so that it is found by anchors
instead: the least shingle of every window of four ("winnowing"). Two texts with eight words in a row in common always
share an anchor. Neither decides anything: candidates are compared exactly (`matching`).
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from sijill.archive.reading.normalise import words
from sijill.archive.reading.statement import Place

if TYPE_CHECKING:
    from datasketch import MinHash, MinHashLSH

SIZE = 5
"""Words of a shingle; a shorter line is one."""
_WINDOW = 4
_PERMUTATIONS = 128
_SEED = 1
_LIKELY = 0.35
"""Jaccard similarity from which LSH is to find a pair, well under what `matching` calls the same text."""
_MOST_WORDS = 200_000
_COMMON = 200
"""An anchor in more texts than this is a phrase of everybody's and leads to none of them."""

Id = TypeVar("Id", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Shingled:
    """The words of a text, and its shingles in order, each once."""

    words: int
    shingles: tuple[int, ...]

    @property
    def anchors(self) -> frozenset[int]:
        """The least shingle of every window."""
        found = self.shingles
        return frozenset(
            min(found[start : start + _WINDOW]) for start in range(max(1, len(found) - _WINDOW + 1)) if found
        )


def shingled(text: str) -> Shingled:
    """The text's shingles, each within one line, so that a moved paragraph is no change; of 200,000 words at most."""
    ordered: dict[int, None] = {}
    count = 0
    for line in text.splitlines():
        found = words(line)[: _MOST_WORDS - count]
        count += len(found)
        for start in range(max(1, len(found) - SIZE + 1) if found else 0):
            ordered.setdefault(_number(found[start : start + SIZE]))
    return Shingled(count, tuple(ordered))


def without(text: str, places: Iterable[Place]) -> str:
    """The text with what stands at these places left out, as for a text without its signatories."""
    kept, position = [], 0
    for place in sorted(places, key=lambda each: each.start):
        kept.append(text[position : max(position, place.start)])
        position = max(position, place.end)
    return "".join((*kept, text[position:]))


class Candidates(Generic[Id]):
    """Texts by what they have in common; in the order in which they were added."""

    def __init__(self) -> None:
        self._lsh = _lsh()
        self._anchored: dict[int, list[Id]] = {}
        self._order: dict[Id, int] = {}

    def add(self, id_: Id, text: Shingled) -> None:
        """Adds a text under an id that is not yet used."""
        self._order[id_] = len(self._order)
        if text.shingles:
            self._lsh.insert(id_, minhash(text.shingles))
        for anchor in text.anchors:
            self._anchored.setdefault(anchor, []).append(id_)

    def of(self, text: Shingled) -> list[Id]:
        """The ids of the texts that may be the same as this one, contain it or be contained in it."""
        if not text.shingles:
            return []
        found: set[Id] = set(self._lsh.query(minhash(text.shingles)))
        for anchor in text.anchors:
            holders = self._anchored.get(anchor, ())
            if len(holders) <= _COMMON:
                found.update(holders)
        return sorted(found, key=self._order.__getitem__)


def minhash(shingles: Sequence[int]) -> MinHash:
    """The MinHash of shingles: 128 permutations of a fixed seed, the same on every machine."""
    made = _blank().copy()
    made.update_batch(shingles)
    return made


@functools.cache
def _blank() -> MinHash:
    from datasketch import MinHash

    return MinHash(num_perm=_PERMUTATIONS, seed=_SEED, hashfunc=_lower)


def _lsh() -> MinHashLSH:
    from datasketch import MinHashLSH

    return MinHashLSH(threshold=_LIKELY, num_perm=_PERMUTATIONS, weights=(0.1, 0.9))


def _lower(shingle: int) -> int:
    return shingle & 0xFFFFFFFF


def _number(shingle: Sequence[str]) -> int:
    return int.from_bytes(
        hashlib.blake2b("\x1f".join(shingle).encode("utf-8", "replace"), digest_size=8).digest(), "big"
    )
