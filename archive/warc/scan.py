"""Reading a whole WARC: its digests and what a function makes of each record, by several processes where that pays."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import Final, Generic, TypeVar

from sijill.archive.digest import DigestSet
from sijill.archive.errors import MalformedWarc
from sijill.archive.lanes import FileHasher, Hashing, Lanes
from sijill.archive.warc.gzip_reader import Source
from sijill.archive.warc.ranges import Bounds, Records, Visit, cut, merge
from sijill.archive.warc.reader import read_records, too_many
from sijill.archive.warc.region import Region, region_of
from sijill.archive.warc.workers import Workers

T = TypeVar("T")

_READ: Final = 1 << 20
_MOST_PROCESSES: Final = 4
"""More would wait for the digests of the file, which one thread computes."""
_PER_PROCESS: Final = 8
_SMALLEST_RANGE, _LARGEST_RANGE = 1 << 20, 16 << 20


@dataclass(frozen=True, slots=True)
class Sharing:
    """When and how the reading of a file is shared among processes."""

    processes: int | None = None
    """At most so many; None is one for each processor, up to four. With one there is no other than this one."""
    smallest: int = 32 << 20
    """Smaller files are read by this process alone."""
    step: int | None = None
    """Bytes in a range; None lets the size of the file decide."""

    def count(self) -> int:
        """How many processes."""
        return min(_processors(), _MOST_PROCESSES) if self.processes is None else self.processes

    def step_in(self, size: int) -> int:
        """Bytes in a range of a file of `size`: enough ranges that all processes end at about the same time."""
        if self.step is not None:
            return self.step
        return min(max(size // (self.count() * _PER_PROCESS), _SMALLEST_RANGE), _LARGEST_RANGE)


@dataclass(frozen=True, slots=True)
class Scan(Generic[T]):
    """A file that should be a WARC, read to its end."""

    digests: DigestSet
    """Of the file, whatever it holds."""
    records: Records[T]


def scan_warc(source: Source, visit: Visit[T], *, bounds: Bounds, sharing: Sharing | None = None) -> Scan[T]:
    """Read `source` once, from where it stands to its end.

    A large regular file, or a member of a package in one, is read at the same time by other processes, which are all
    gone when this returns or raises. What comes back is the same, unless the file is changed meanwhile.

    Args:
        source: need not be seekable.
        visit: a function of a module that makes of a record what is wanted; never None.
        bounds: with more than this the WARC counts as malformed.
        sharing: when other processes take part.
    """
    sharing = sharing or Sharing()
    region = region_of(source)
    with Lanes() as lanes:
        if region is None or region.size < sharing.smallest or sharing.count() < 2:
            return _scan_alone(source, visit, bounds, lanes)
        return _scan_shared(source, region, visit, bounds, sharing, lanes)


def _scan_alone(source: Source, visit: Visit[T], bounds: Bounds, hashing: Hashing) -> Scan[T]:
    reader = _HashingReader(source, hashing)
    values: list[T] = []
    problem: MalformedWarc | None = None
    try:
        for record in read_records(reader, limit=bounds.content, hashing=hashing):
            if len(values) == bounds.records:
                raise too_many(record.offset, bounds.records)
            values.append(visit(record))
    except MalformedWarc as err:
        problem = err
        values.clear()
        while reader.read(_READ):
            pass
    return Scan(reader.digests(), Records(tuple(values), problem))


def _scan_shared(
    source: Source, region: Region, visit: Visit[T], bounds: Bounds, sharing: Sharing, hashing: Hashing
) -> Scan[T]:
    ranges = cut(region.size, sharing.step_in(region.size))
    stopped = Event()
    with ThreadPoolExecutor(1, thread_name_prefix="sijill-digest") as thread, Lanes() as lanes:
        digests = thread.submit(_digest, source, lanes, stopped)
        try:
            with Workers(region, ranges, visit, bounds, processes=sharing.count()) as workers:
                records = merge(region, ranges, workers.words, visit, bounds, hashing)
            return Scan(digests.result(), records)
        finally:
            stopped.set()


def _digest(source: Source, hashing: Hashing, stopped: Event) -> DigestSet:
    reader = _HashingReader(source, hashing)
    while not stopped.is_set() and reader.read(_READ):
        pass
    return reader.digests()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _HashingReader:
    """Passes on what is read and hashes it on the way."""

    def __init__(self, source: Source, hashing: Hashing) -> None:
        self._source = source
        self._hasher = FileHasher(hashing)

    def read(self, size: int, /) -> bytes:
        data = self._source.read(size)
        self._hasher.update(data)
        return data

    def digests(self) -> DigestSet:
        return self._hasher.digests()
