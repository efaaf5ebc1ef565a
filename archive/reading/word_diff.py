"""What differs between two sequences of words. Pure; the smallest difference where it is found in bounded time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sijill.archive.reading.ordering import heaviest_in_order

_MOST_EDITS: Final = 400
"""Of a stretch for which the smallest difference is looked for (Myers, 1986)."""
_MOST_STEPS: Final = 400_000
"""Words that are compared in looking for it."""
_DEEPEST: Final = 4
"""How often a stretch is parted."""
_LONGEST: Final = 300_000
"""Words of a stretch that is parted; of a longer one only what both ends have in common is kept."""
_PHRASES: Final = (1, 3, 8)
"""Words of the phrases at which a stretch is parted: those that are there once on both sides."""

Match = tuple[int, int]
"""The positions of a word that is kept."""


@dataclass(frozen=True, slots=True)
class Run:
    """Words that are in both, or that stand in place of one another; ends are excluded."""

    before: int
    before_end: int
    after: int
    after_end: int
    kept: bool


def diff_words(old: Sequence[str], new: Sequence[str]) -> list[Run]:
    """Runs that cover both sequences, in order; no two in a row are both kept, or both not."""
    runs: list[Run] = []
    row = column = begun_row = begun_column = 0
    for left, right in (*_matches(old, new), (len(old), len(new))):
        if row < left or column < right:
            if begun_row < row:
                runs.append(Run(begun_row, row, begun_column, column, kept=True))
            runs.append(Run(row, left, column, right, kept=False))
            begun_row, begun_column = left, right
        row, column = left + 1, right + 1
    if begun_row < len(old) and begun_column < len(new):
        runs.append(Run(begun_row, len(old), begun_column, len(new), kept=True))
    return _readable(runs)


def _readable(runs: Sequence[Run]) -> list[Run]:
    """Without the few words between long differences that are the same by chance."""
    found: list[Run] = []
    for position, run in enumerate(runs):
        inside = run.kept and found and position + 1 < len(runs)
        chance = inside and 2 * (run.before_end - run.before) < min(_size(found[-1]), _size(runs[position + 1]))
        if chance or (found and not run.kept and not found[-1].kept):
            last = found.pop()
            run = Run(last.before, run.before_end, last.after, run.after_end, kept=False)
        found.append(run)
    return found


def _size(run: Run) -> int:
    return min(run.before_end - run.before, run.after_end - run.after)


def _matches(old: Sequence[str], new: Sequence[str]) -> Iterator[Match]:
    """The positions of words that are kept, in order."""
    # Stretches still to be compared, the first one last: from and to in both, and how often it was parted.
    left = [(0, len(old), 0, len(new), 0)]
    while left:
        top, bottom, first, last, depth = left.pop()
        while top < bottom and first < last and old[top] == new[first]:
            yield top, first
            top, first = top + 1, first + 1
        same = 0
        while top < bottom - same and first < last - same and old[bottom - same - 1] == new[last - same - 1]:
            same += 1
        if same:
            left.append((bottom - same, bottom, last - same, last, depth))
            bottom, last = bottom - same, last - same
        if top == bottom or first == last:
            continue
        one, other = old[top:bottom], new[first:last]
        shortest = _shortest(one, other)
        if shortest is not None:
            yield from ((top + row, first + column) for row, column in shortest)
        elif depth < _DEEPEST and len(one) + len(other) < _LONGEST and (anchors := _anchors(one, other)):
            bounds = [(top, first), *((top + row, first + column) for row, column in anchors), (bottom, last)]
            left += [
                (bounds[at][0], bounds[at + 1][0], bounds[at][1], bounds[at + 1][1], depth + 1)
                for at in reversed(range(len(bounds) - 1))
            ]


def _shortest(old: Sequence[str], new: Sequence[str]) -> list[Match] | None:
    """The words kept in the smallest difference; None if it is too large to be looked for."""
    if abs(len(old) - len(new)) > _MOST_EDITS:
        return None
    reached = {1: 0}
    trace: list[dict[int, int]] = []
    steps = 0
    for edits in range(min(len(old) + len(new), _MOST_EDITS) + 1):
        trace.append(dict(reached))
        for diagonal in range(-edits, edits + 1, 2):
            down = diagonal == -edits or (
                diagonal != edits and reached.get(diagonal - 1, -1) < reached.get(diagonal + 1, -1)
            )
            row = reached[diagonal + 1] if down else reached[diagonal - 1] + 1
            column = row - diagonal
            while row < len(old) and column < len(new) and old[row] == new[column]:
                row, column, steps = row + 1, column + 1, steps + 1
            reached[diagonal] = row
            if row >= len(old) and column >= len(new):
                return _walked_back(trace, len(old), len(new))
        steps += edits
        if steps > _MOST_STEPS:
            return None
    return None


def _walked_back(trace: Sequence[dict[int, int]], row: int, column: int) -> list[Match]:
    matches: list[Match] = []
    for edits in range(len(trace) - 1, -1, -1):
        reached, diagonal = trace[edits], row - column
        down = diagonal == -edits or (
            diagonal != edits and reached.get(diagonal - 1, -1) < reached.get(diagonal + 1, -1)
        )
        come_from = diagonal + 1 if down else diagonal - 1
        start_row = reached[come_from]
        start_column = start_row - come_from
        while row > start_row and column > start_column and row and column:
            row, column = row - 1, column - 1
            matches.append((row, column))
        row, column = start_row, start_column
    return matches[::-1]


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[Match]:
    """Where to part a stretch: words, or else phrases, that are there once on both sides and stand in one order."""
    for length in _PHRASES:
        there, other = _once(old, length), _once(new, length)
        pairs = [(left, other[phrase], 1) for phrase, left in there.items() if phrase in other]
        if pairs:
            return sorted(heaviest_in_order(sorted(pairs)).items())
    return []


def _once(words: Sequence[str], length: int) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for position in range(len(words) - length + 1):
        phrase = tuple(words[position : position + length])
        found[phrase] = -1 if phrase in found else position
    return {phrase: position for phrase, position in found.items() if position >= 0}
