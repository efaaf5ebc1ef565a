"""Examining entries by several processes: what takes time is hashing and parsing, which threads cannot share."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from typing import Final

from sijill.provenance.interrupts import interrupts_withheld
from sijill.provenance.verify.archive.examine import Examined, Task, examine
from sijill.provenance.verify.archive.source import ArchiveSource
from sijill.provenance.verify.trust import TrustRoot

OpenSource = Callable[[], ArchiveSource]
"""Opens the archive; must be picklable, since each process opens it for itself."""

FEW: Final = 64
"""For fewer entries it does not pay to start processes."""
_AHEAD: Final = 8

_here: list[tuple[ArchiveSource, TrustRoot]] = []
"""In a worker: what it works with."""


def examine_all(
    tasks: Iterator[Task], open_source: OpenSource, source: ArchiveSource, trust: TrustRoot, *, jobs: int
) -> Iterator[Examined]:
    """The outcome of each task, in any order. The caller may stop at any time.

    Args:
        tasks: what is to be examined.
        open_source: opens the archive in other processes.
        source: the archive in this one.
        trust: whom the auditor believes.
        jobs: how many processes; with 1, or few tasks, it is this one alone.
    """
    first = list(islice(tasks, FEW))
    if jobs == 1 or len(first) < FEW:
        for task in first:
            yield examine(task, source, trust, processes=jobs)
        for task in tasks:
            yield examine(task, source, trust, processes=jobs)
        return
    yield from _by_processes(first, tasks, open_source, trust, jobs)


def _by_processes(
    first: list[Task], rest: Iterator[Task], open_source: OpenSource, trust: TrustRoot, jobs: int
) -> Iterator[Examined]:
    before = set(multiprocessing.active_children())
    # Not by fork: this process may have threads, and clients that must not be shared.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(open_source, trust))
    try:
        with interrupts_withheld():  # it begins the processes
            waiting: set[Future[Examined]] = {pool.submit(_examine, task) for task in first}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            further = list(islice(rest, max(0, _AHEAD * jobs - len(waiting))))
            with interrupts_withheld():
                waiting |= {pool.submit(_examine, task) for task in further}
            for future in done:
                yield future.result()
    except BaseException:
        # Workers only read: nothing is lost if they are ended in the middle of a large object.
        for worker in set(multiprocessing.active_children()) - before:
            worker.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(open_source: OpenSource, trust: TrustRoot) -> None:
    _here.append((open_source(), trust))


def _examine(task: Task) -> Examined:
    source, trust = _here[0]
    # Whoever ends this process must not leave others of its making behind.
    return examine(task, source, trust, processes=1)
