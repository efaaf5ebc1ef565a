"""Versions of one statement in several languages: which belong together, and how they differ. Pure.

Two readings are versions of each other if one links to the other as its version. Where no such link is, the same date
and the same numbers in the text make it likely, and are given as the reason; it is for people to judge. Nothing is
translated: paragraphs are set side by side by their lengths and numbers, as Gale and Church (1993) align sentences,
signatories by the alias table and by order. What certainly has no counterpart is missing; what cannot be told is said.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from sijill.archive.reading.normalise import fold
from sijill.archive.reading.statement import Reading, Signatory

How = Literal["hreflang", "available-in", "link-text", "same-date-and-numbers"]
_NUMBER = re.compile(r"\d+(?:[.,٬]\d{3})*")
_FEWEST_NUMBERS = 4
"""Different ones, in both: fewer say little."""
_SAME_NUMBERS = 0.7
_MOST_PARAGRAPHS = 400
_MISSING = 1.2
"""What a paragraph without counterpart costs, in units of the logarithm of the ratio of two lengths."""
_OTHER_NUMBERS = 0.9
"""What it costs if two paragraphs share no number."""
_MERGED = 1.0
"""What it costs to set two paragraphs beside one."""
_SHORTEST = 25
"""Characters of a paragraph that is compared; shorter ones are headings, dates, names."""


@dataclass(frozen=True, slots=True)
class VersionLink:
    """Two readings, by their positions, that are versions of one statement."""

    first: int
    second: int
    how: How
    mutual: bool
    """Each links to the other."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What one version has and the other has not."""

    what: Literal["paragraph", "signatory"]
    text: str
    only_in: Literal["first", "second"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two versions, and what could not be told."""

    missing: tuple[Missing, ...]
    same_organisations: int = 0
    """Signatories that are the same by the alias table, or are spelled alike."""
    paired_by_order: int = 0
    """Others, taken to be the same: as many in one version as in the other between two of the former."""
    untold: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    """Signatories of either version of which it cannot be told whether they are in the other, under other names."""


@dataclass(slots=True)
class _Signed:
    same: int
    by_order: int = 0
    missing: list[Missing] = field(default_factory=list)
    untold_first: list[str] = field(default_factory=list)
    untold_second: list[str] = field(default_factory=list)


def version_links(readings: Sequence[Reading]) -> list[VersionLink]:
    """Which readings are versions of each other; in order, each pair once, with the best reason for it."""
    at = {_address(reading.url): position for position, reading in enumerate(readings)}
    said: dict[tuple[int, int], How] = {}
    for position, reading in enumerate(readings):
        for version in reading.versions:
            other = at.get(_address(version.url))
            if other is not None and other != position and _language(readings[other]) != _language(reading):
                said.setdefault((position, other), version.how)
    found = {
        (min(pair), max(pair)): VersionLink(
            min(pair), max(pair), _better(how, said.get(pair[::-1])), pair[::-1] in said
        )
        for pair, how in said.items()
    }
    for pair in _alike(readings):
        found.setdefault(pair, VersionLink(*pair, "same-date-and-numbers", mutual=False))
    return [found[pair] for pair in sorted(found)]


def compare_versions(first: Reading, second: Reading) -> Comparison:
    """The paragraphs and signatories that stand in one version only, in the order of the text."""
    missing = _missing_paragraphs(_paragraphs(first), _paragraphs(second))
    one = [each for listed in first.signatories for each in listed.signatories]
    other = [each for listed in second.signatories for each in listed.signatories]
    signed = _compare_signatories(one, other)
    untold = (tuple(signed.untold_first), tuple(signed.untold_second))
    return Comparison((*missing, *signed.missing), signed.same, signed.by_order, untold)


def numbers_in(text: str) -> frozenset[str]:
    """The numbers of a text of two digits or more, in ASCII digits, without separators of thousands."""
    found = (re.sub(r"\D", "", match[0]) for match in _NUMBER.finditer(fold(text)))
    return frozenset(number for number in found if len(number) > 1)


def same_numbers(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether the numbers of two texts in different languages say that one is a version of the other."""
    common = one & other
    return len(common) >= _FEWEST_NUMBERS and len(common) >= _SAME_NUMBERS * len(one | other)


def _address(url: str) -> str:
    return url.partition("#")[0].partition("://")[2].rstrip("/")


def _language(reading: Reading) -> str | None:
    return None if reading.language.value is None else reading.language.value.partition("-")[0].lower()


def _better(how: How, other: How | None) -> How:
    order: tuple[How, ...] = ("hreflang", "available-in", "link-text")
    return min((each for each in (how, other) if each is not None), key=order.index)


def _alike(readings: Sequence[Reading]) -> list[tuple[int, int]]:
    by_date: dict[object, list[int]] = {}
    for position, reading in enumerate(readings):
        if reading.date.value is not None and reading.date.value.precision == "day" and reading.kind == "statement":
            by_date.setdefault(reading.date.value.date, []).append(position)
    numbers = {each: numbers_in(readings[each].text) for group in by_date.values() if len(group) > 1 for each in group}
    return [
        (one, other)
        for group in by_date.values()
        for place, one in enumerate(group)
        for other in group[place + 1 :]
        if _told_apart(readings[one], readings[other]) and same_numbers(numbers[one], numbers[other])
    ]


def _told_apart(one: Reading, other: Reading) -> bool:
    first, second = _language(one), _language(other)
    return first is not None and second is not None and first != second


def _paragraphs(reading: Reading) -> list[str]:
    named = [each.place.start for listed in reading.signatories for each in listed.signatories]
    first_named = min(named, default=len(reading.text))
    found = [reading.text[place.start : place.end] for place in reading.paragraphs if place.start < first_named]
    return [text for text in found if len(text) >= _SHORTEST][:_MOST_PARAGRAPHS]


def _missing_paragraphs(one: list[str], other: list[str]) -> list[Missing]:
    if not one or not other:
        return []
    cost = _costs(one, other)
    best: list[list[tuple[float, int, int]]] = [[(0.0, 0, 0)] * (len(other) + 1) for _ in range(len(one) + 1)]
    for row in range(len(one) + 1):
        for column in range(len(other) + 1):
            if row or column:
                best[row][column] = min(_steps(best, cost, row, column))
    missing: list[Missing] = []
    row, column = len(one), len(other)
    while row or column:
        _, rows, columns = best[row][column]
        if not columns:
            missing.append(Missing("paragraph", one[row - 1], "first"))
        elif not rows:
            missing.append(Missing("paragraph", other[column - 1], "second"))
        row, column = row - rows, column - columns
    return missing[::-1]


def _steps(
    best: list[list[tuple[float, int, int]]], cost: Callable[[int, int, int, int], float], row: int, column: int
) -> list[tuple[float, int, int]]:
    steps = []
    for rows, columns, more in ((1, 1, 0.0), (1, 0, _MISSING), (0, 1, _MISSING), (2, 1, _MERGED), (1, 2, _MERGED)):
        if row >= rows and column >= columns:
            aligned = cost(row, column, rows, columns) if rows and columns else 0.0
            steps.append((best[row - rows][column - columns][0] + more + aligned, rows, columns))
    return steps


def _costs(one: list[str], other: list[str]) -> Callable[[int, int, int, int], float]:
    """What it costs to set paragraphs that end at two positions side by side."""
    # The median, as a missing paragraph must not shift the ratio of the languages' lengths.
    usual = _median([len(text) for text in one]) / _median([len(text) for text in other])
    numbers_one, numbers_other = [numbers_in(text) for text in one], [numbers_in(text) for text in other]

    def cost(row: int, column: int, rows: int, columns: int) -> float:
        lengths = sum(map(len, one[row - rows : row])), sum(map(len, other[column - columns : column]))
        left = frozenset().union(*numbers_one[row - rows : row])
        right = frozenset().union(*numbers_other[column - columns : column])
        differing = len(left ^ right) / len(left | right) if left or right else 0.0
        return abs(math.log(lengths[0] / lengths[1] / usual)) + _OTHER_NUMBERS * differing

    return cost


def _median(lengths: list[int]) -> int:
    return sorted(lengths)[len(lengths) // 2]


def _compare_signatories(one: list[Signatory], other: list[Signatory]) -> _Signed:
    there = {_identity(each): position for position, each in reversed(list(enumerate(other)))}
    paired: dict[int, int] = {}
    for position, each in enumerate(one):
        counterpart = there.pop(_identity(each), None)
        if counterpart is not None:
            paired[position] = counterpart
    signed = _Signed(same=len(paired))
    in_order = list(paired.values()) == sorted(paired.values())
    bounds = [(-1, -1), *(paired.items() if in_order else ()), (len(one), len(other))]
    taken = set(paired.values())
    gaps = []
    for (row, column), (next_row, next_column) in pairwise(bounds):
        left = [one[each].verbatim for each in range(row + 1, next_row) if each not in paired]
        right = [other[each].verbatim for each in range(column + 1, next_column) if each not in taken]
        gaps.append((left, right))
    # A name may have moved: only if the other version has no names to spare elsewhere is it certainly missing.
    one_sided = not (
        any(left and not right for left, right in gaps) and any(right and not left for left, right in gaps)
    )
    for left, right in gaps:
        if one_sided and not (left and right):
            signed.missing += [Missing("signatory", name, "first") for name in left]
            signed.missing += [Missing("signatory", name, "second") for name in right]
        elif in_order and len(left) == len(right):
            signed.by_order += len(left)
        else:
            signed.untold_first += left
            signed.untold_second += right
    return signed


def _identity(signatory: Signatory) -> str:
    return signatory.organisation or signatory.key
