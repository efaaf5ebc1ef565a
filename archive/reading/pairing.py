"""Which paragraph of one text is which of the other. Pure; time grows with the texts, whatever they hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

_ALIKE: Final = 0.4
"""Share of words in common from which two paragraphs in the same place are one that was edited."""
_ALIKE_ELSEWHERE: Final = 0.6
"""The same of two that stand in different places."""
_SHORTEST_ELSEWHERE: Final = 5
"""Words of a paragraph that is looked for in other places, if it was edited."""
_FEWEST_CHARACTERS: Final = 20
"""Of a paragraph that is looked for in other places though it stands there more than once."""
_RARE: Final = 4
"""A word in more paragraphs than this leads to none of them."""
_RAREST: Final = 64
"""Words of a paragraph by which others like it are looked for."""
_NEAR: Final = 16
"""Paragraphs that one is compared with: of the same stretch, and of those that share rare words."""

WordsOf = Callable[[int], Sequence[str]]
"""The words of the paragraph at a position."""


def pair_paragraphs(old: Sequence[str], new: Sequence[str], words_old: WordsOf, words_new: WordsOf) -> dict[int, int]:
    """The positions of paragraphs in `old` with their positions in `new`; each is there once at most.

    Only of paragraphs that have no equal are the words asked for.
    """
    paired = _equal(old, new)
    taken = set(paired.values())
    lefts = {left: Counter(words_old(left)) for left in range(len(old)) if left not in paired}
    rights = {right: Counter(words_new(right)) for right in range(len(new)) if right not in taken}
    # The most alike first; of those as much alike, the first ones.
    for _, left, right in sorted(_alike(lefts, rights, _stretches(lefts, rights, paired, len(new)))):
        if left not in paired and right not in taken:
            paired[left] = right
            taken.add(right)
    return paired


def _equal(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Pairs of equal paragraphs: those that are there once, then their neighbours (Heckel, 1978), then the rest."""
    places_old, places_new = _places(old), _places(new)
    paired = {
        there[0]: places_new[key][0]
        for key, there in places_old.items()
        if len(there) == 1 and len(places_new.get(key, ())) == 1
    }
    taken = set(paired.values())
    for step, edge in ((1, (-1, -1)), (-1, (len(old), len(new)))):
        for start in [edge, *sorted(paired.items())[::step]]:
            left, right = start[0] + step, start[1] + step
            while 0 <= left < len(old) and 0 <= right < len(new) and old[left] == new[right]:
                if left in paired or right in taken:
                    break
                paired[left] = right
                taken.add(right)
                left, right = left + step, right + step
    for key, there in places_old.items():
        if len(key) >= _FEWEST_CHARACTERS:
            free = [right for right in places_new.get(key, ()) if right not in taken]
            paired.update(zip([left for left in there if left not in paired], free, strict=False))
            taken.update(free)
    return paired


def _alike(
    lefts: dict[int, Counter[str]], rights: dict[int, Counter[str]], stretches: dict[int, Sequence[int]]
) -> Iterable[tuple[float, int, int]]:
    rare = _rare_words(rights)
    lengths = {right: words.total() for right, words in rights.items()}
    for left, words in lefts.items():
        near, length = stretches[left], words.total()
        for right in {*near, *_sharing(words, rare)}:
            most = 2 * min(length, lengths[right]) / (length + lengths[right])
            least = _ALIKE if right in near else _ALIKE_ELSEWHERE
            if most < least or (right not in near and min(length, lengths[right]) < _SHORTEST_ELSEWHERE):
                continue
            alike = 2 * (words & rights[right]).total() / (length + lengths[right])
            if alike >= least:
                yield -alike, left, right


def _stretches(
    lefts: Iterable[int], rights: Iterable[int], paired: dict[int, int], end: int
) -> dict[int, Sequence[int]]:
    """For each left without pair, the rights without pair that follow the same pair: the nearest by their number."""
    back = {right: left for left, right in paired.items()}
    free = set(rights)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    behind = -1
    for right in range(end):
        if right in free:
            groups[behind].append(right)
        else:
            behind = back[right]
    found: dict[int, Sequence[int]] = {}
    behind, first = -1, 0
    for left in lefts:
        if left - 1 not in found:
            behind, first = left - 1, left
        group = groups.get(behind, [])
        start = max(0, min(left - first - _NEAR // 2, len(group) - _NEAR))
        found[left] = group[start : start + _NEAR]
    return found


def _rare_words(rights: dict[int, Counter[str]]) -> dict[str, list[int]]:
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for right, words in rights.items():
        for word in words:
            if len(holders[word]) <= _RARE:
                holders[word].append(right)
    return {word: some for word, some in holders.items() if len(some) <= _RARE}


def _sharing(words: Iterable[str], rare: dict[str, list[int]]) -> list[int]:
    """The paragraphs that share most of the rarest words."""
    holders = sorted((rare[word] for word in words if word in rare), key=len)[:_RAREST]
    votes = Counter(right for some in holders for right in some)
    return [right for right, _ in votes.most_common(_NEAR)]


def _places(keys: Sequence[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        places.setdefault(key, []).append(position)
    return places
