"""Examining a WARC by ranges that do not know of each other, and putting together what one reading would have found.

Where a range's first record begins is a guess: a gzip header that sijill writes and `WARC/1.1` behind it may also stand
inside of a block. A range therefore says where its records began and where the last one ended, and counts only if the
one before ended exactly there; else its bytes are examined again from that place on. So the records of the ranges that
count tile the file from its first byte to its last, and `Order` sees them one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sijill.archive.errors import MalformedWarc
from sijill.archive.lanes import Hashing
from sijill.archive.warc import deflate
from sijill.archive.warc.gzip_reader import HEADER, GzipMembers
from sijill.archive.warc.reader import VERSION_LINE, Order, Place, Record, next_record, too_many, too_much
from sijill.archive.warc.region import Region, RegionReader

T = TypeVar("T")
Visit = Callable[[Record], T]
"""Makes of a record what is wanted of it; reads its block if it likes."""

_WINDOW: Final = 1 << 20
_BEGINNING: Final = 4 << 10
"""As many compressed bytes give the first line of any record that sijill wrote."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What no WARC may have more of."""

    content: int
    """Decompressed bytes of all blocks."""
    records: int


@dataclass(frozen=True, slots=True)
class Range:
    """The records that begin at places from `start` up to `stop`."""

    start: int
    stop: int
    exact: bool
    """Whether a record must begin at `start`; else they are looked for."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The first word on a range."""

    at: int | None
    """Where its first record begins; None if there seems to be none."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A record whose header is in order."""

    place: Place
    end: int
    """Where it ends."""
    value: T | None
    """None if there is a problem."""
    problem: str | None
    """What is wrong with its block, its end, or the number and size of all records so far."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The last word on a range."""

    at: int
    problem: str | None
    """What is wrong with the header of the record at `at`; None if all records were found or the last has a problem."""


Word = Begun | Found[T] | Ended


@dataclass(frozen=True, slots=True)
class Records(Generic[T]):
    """What was found in a file."""

    values: tuple[T, ...]
    problem: MalformedWarc | None
    """The first thing that sijill would not have written; there are then no values."""


def cut(size: int, step: int) -> list[Range]:
    """A file of `size` bytes in ranges of `step` bytes."""
    return [Range(start, min(start + step, size), exact=not start) for start in range(0, size, step)]


def examine_range(region: Region, asked: Range, visit: Visit[T], bounds: Bounds, hashing: Hashing) -> Iterator[Word[T]]:
    """One `Begun`, a `Found` for each record up to the first problem, and one `Ended`.

    Args:
        region: the whole WARC.
        asked: which of its records.
        visit: makes the values.
        bounds: those of the whole WARC; a range stops where it goes beyond them alone.
        hashing: feeds the hash functions of large records.
    """
    start = asked.start if asked.exact else find_record(region, asked)
    yield Begun(start)
    if start is None:
        yield Ended(asked.stop, None)
        return
    members = GzipMembers(RegionReader(region, start), offset=start, hashing=hashing)
    content = records = 0
    while members.offset < asked.stop:
        at = members.offset
        try:
            record = next_record(members)
        except MalformedWarc as err:
            yield Ended(at, err.reason)
            return
        if record is None:
            break
        content += record.size
        records += 1
        problem = _beyond(at, content, records, bounds)
        value = None
        if problem is None:
            try:
                value = visit(record)
                record.read_over()
            except MalformedWarc as err:
                problem = err
        if problem is not None:
            yield Found(record.place(), at, None, problem.reason)
            break
        yield Found(record.place(), members.offset, value, None)
    yield Ended(members.offset, None)


def find_record(region: Region, asked: Range) -> int | None:
    """The first place in a range where a record seems to begin."""
    for window in range(asked.start, asked.stop, _WINDOW):
        wanted = min(_WINDOW, asked.stop - window) + len(HEADER) - 1
        data = region.read_at(window, wanted)
        at = data.find(HEADER)
        while at >= 0:
            if _begins_record(region.read_at(window + at + len(HEADER), _BEGINNING)):
                return window + at
            at = data.find(HEADER, at + 1)
    return None


def merge(
    region: Region,
    ranges: Sequence[Range],
    words: Callable[[int], Iterable[Word[T]]],
    visit: Visit[T],
    bounds: Bounds,
    hashing: Hashing,
) -> Records[T]:
    """What one reading of the whole WARC would have found.

    Args:
        region: the whole WARC.
        ranges: it, cut in ranges.
        words: for the number of a range, what was found in it; whatever is missing at its end is examined here.
        visit: makes the values.
        bounds: how much there may be.
        hashing: feeds the hash functions of large records that are examined here.
    """
    merged: _Merged[T] = _Merged(bounds)
    try:
        for number, each in enumerate(ranges):
            if merged.at < each.stop:
                merged.take(words(number))
            if merged.at < each.stop:
                rest = Range(merged.at, each.stop, exact=True)
                merged.take(examine_range(region, rest, visit, bounds, hashing))
        merged.order.end(merged.at)
    except MalformedWarc as err:
        return Records((), err)
    return Records(tuple(merged.values), None)


class _Merged(Generic[T]):
    def __init__(self, bounds: Bounds) -> None:
        self.at = 0
        self.values: list[T] = []
        self.order = Order(bounds.content)
        self._most = bounds.records

    def take(self, words: Iterable[Word[T]]) -> None:
        """Take in what was found in a range if it begins where the last record ended."""
        for word in words:
            match word:
                case Begun(at):
                    if at != self.at:
                        return
                case Ended(at, problem):
                    if problem is not None:
                        raise MalformedWarc(at, problem)
                case Found(place, end, value, problem):
                    self.order.admit(place)
                    if len(self.values) == self._most:
                        raise too_many(place.offset, self._most)
                    if value is None:
                        raise MalformedWarc(place.offset, problem or "")
                    self.values.append(value)
                    self.at = end


def _beyond(at: int, content: int, records: int, bounds: Bounds) -> MalformedWarc | None:
    if content > bounds.content:
        return too_much(at)
    return too_many(at, bounds.records) if records > bounds.records else None


def _begins_record(deflated: bytes) -> bool:
    try:
        return deflate.decompressor().decompress(deflated, len(VERSION_LINE)) == VERSION_LINE
    except deflate.BROKEN:
        return False
