"""What waits to be fetched, by host, the most promising first. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime

from sijill.archive.crawl.pages import KNOWN, Planned, Task
from sijill.archive.crawl.urls import host_of

MOST = 20_000
"""URLs that one run plans."""

_Order = tuple[int, int, float, int]


class Frontier:
    """URLs that wait. Each is let in once; how many is bounded."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._waiting: dict[str, list[tuple[_Order, Planned]]] = {}
        self._seen: set[str] = set()
        self._count = 0
        self._length = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._length

    @property
    def full(self) -> bool:
        """Whether no further URL is let in."""
        return len(self._seen) >= self._most

    def seen(self, url: str) -> bool:
        """Whether `url` was let in before."""
        return url in self._seen

    def add(self, planned: Planned) -> bool:
        """Let a URL in, unless it was before or there are too many; returns whether it waits now."""
        if self.full or planned.url in self._seen:
            return False
        self._seen.add(planned.url)
        self.put_back(planned)
        return True

    def put_back(self, planned: Planned) -> None:
        """Have a URL that was taken wait again."""
        self._count += 1
        entry = (_order(planned, self._count), planned)
        heapq.heappush(self._waiting.setdefault(host_of(planned.url), []), entry)
        self._length += 1

    def done(self, url: str) -> None:
        """Take note that `url` was dealt with, and must not be let in again."""
        self._seen.add(url)

    def take(self, ready: Callable[[str], bool]) -> Planned | None:
        """The most promising URL of the hosts that are ready; None if none of them has any."""
        hosts = [host for host in self._waiting if ready(host)]
        return self._pop(min(hosts, key=lambda host: self._waiting[host][0][0])) if hosts else None

    def remove(self, url: str) -> None:
        """Take `url` out, if it waits."""
        host = host_of(url)
        left = [entry for entry in self._waiting.get(host, ()) if entry[1].url != url]
        self._length -= len(self._waiting.get(host, ())) - len(left)
        if left:
            heapq.heapify(left)
            self._waiting[host] = left
        else:
            self._waiting.pop(host, None)

    def hosts(self) -> tuple[str, ...]:
        """Hosts whose URLs wait."""
        return tuple(self._waiting)

    def drain(self, host: str) -> Iterator[Planned]:
        """Take all URLs of a host."""
        while host in self._waiting:
            yield self._pop(host)

    def _pop(self, host: str) -> Planned:
        heap = self._waiting[host]
        planned = heapq.heappop(heap)[1]
        if not heap:
            del self._waiting[host]
        self._length -= 1
        return planned


def _order(planned: Planned, count: int) -> _Order:
    """What names others first; then what is nearest to the start, and of that the newest."""
    if planned.task in (Task.SITEMAP, Task.FEED) or planned.how == "start":
        rank = 0
    else:
        rank = 2 if planned.how == KNOWN else 1
    return rank, planned.depth, -_seconds(planned.lastmod), count


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else 0.0
