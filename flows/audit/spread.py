"""An audit by ranges of the log: who examines them, be it threads, processes, or machines behind a task runner."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from sijill.provenance.verify.archive.ranges import RunRanges, examine_range


class Submitted(Protocol):
    """A range that is being examined somewhere: a future of the standard library, of Prefect, or of Dask."""

    def result(self) -> str:
        """What `examine_range` returned, once it has; raises what it raised."""


def examine_range_at(url: str, text: str) -> str:
    """Examine a range of the log of the archive at a store URL, wherever this runs; see `examine_range`.

    Raises:
        RangeRefused: the range is not of this archive.
        StorageError: the store cannot be opened, or failed.
    """
    # A process that was started for this loads no more than it needs.
    from sijill.flows.audit.source import open_source

    return examine_range(text, open_source(url))


def in_order(submit: Callable[[str], Submitted], *, ahead: int) -> RunRanges:
    """Ranges run by whoever `submit` gives them to, at most `ahead` of them at once.

    What comes back early waits for those before it, so that the report does not depend on who was faster.
    """

    def run(ranges: Iterator[str]) -> Iterator[str]:
        waiting: deque[Submitted] = deque()
        for text in ranges:
            waiting.append(submit(text))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    return run
