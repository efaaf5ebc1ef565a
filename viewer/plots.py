"""Plots as values that a template draws: bars over time, few enough to be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 150
_MOST_BARS: Final = 60
_FEWEST_BARS: Final = 12
"""Bars that the width is parted into at least: a few fill a corner of the drawing rather than all of it."""
_GAP: Final = 0.22
"""Of the room of a bar."""
_UNITS: Final = (
    (timedelta(days=1), "d", "%Y-%m-%d"),
    (timedelta(hours=1), "h", "%Y-%m-%d %H:%M"),
    (timedelta(minutes=1), "min", "%Y-%m-%d %H:%M"),
    (timedelta(seconds=1), "s", "%Y-%m-%d %H:%M:%S"),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in units of the drawing."""

    label: str
    """From when on it counts."""
    value: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Plot:
    """Bars with what stands at the ends of the axes."""

    bars: tuple[Bar, ...]
    first: str
    last: str
    end: float
    """Where the last bar ends."""
    highest: int
    each: str
    """How long a time each bar is about."""


def over_time(times: Mapping[datetime, int], unit: timedelta, *, summed: bool = False) -> Plot | None:
    """Bars over the time from the first to the last; None if there is nothing to show.

    Args:
        times: how many at each time.
        unit: down to which the times are told apart: a day, an hour, a minute or a second.
        summed: whether each bar also counts what came before it.
    """
    if not times:
        return None
    name, form = next((name, form) for one, name, form in _UNITS if one == unit)
    first, last = min(times), max(times)
    step = -(-((last - first) // unit + 1) // _MOST_BARS)
    counted = Counter[int]()
    for moment, count in times.items():
        counted[(moment - first) // (unit * step)] += count
    values = [counted[place] for place in range(max(counted) + 1)]
    if summed:
        for place in range(1, len(values)):
            values[place] += values[place - 1]
    highest = max(values)
    room = WIDTH / max(len(values), _FEWEST_BARS)
    bars = tuple(
        _bar(place, value, room, highest, format(first + place * step * unit, form))
        for place, value in enumerate(values)
    )
    end = round(len(values) * room, 2)
    return Plot(bars, format(first, form), format(last, form), end, highest, f"{step} {name}")


def _bar(place: int, value: int, room: float, highest: int, label: str) -> Bar:
    height = round(max(HEIGHT * value / highest, 1.5 if value else 0.0), 2)
    return Bar(
        label=label,
        value=value,
        x=round(place * room, 2),
        y=round(HEIGHT - height, 2),
        width=round(room * (1 - _GAP), 2),
        height=height,
    )
