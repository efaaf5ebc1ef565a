"""Crawling several sites at once in processes of their own, each of which takes the next site when it is free.

Whatever a page costs beside waiting is Python, and of that one process does one thing at a time. The processes share
nothing but the store and the work folder, as workers on several machines do; the one that began them shows what they
do, passes on an interrupt, and seals.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Protocol

from sijill.archive.crawl.journal import Progress
from sijill.archive.crawl.site import Site
from sijill.flows.browsing import Browsing
from sijill.flows.crawl.run import CrawlResult, crawl_site
from sijill.flows.errors import CrawlEnded, ExitStatus, SiteBusy, our_errors, status_of
from sijill.flows.wiring import Archive


class Display(Protocol):
    """Shows how far crawls are."""

    def begin(self, site: Site) -> None:
        """A site is being crawled."""

    def page(self, site_id: str, progress: Progress) -> None:
        """A URL of a site was dealt with."""

    def left_alone(self, why: str) -> None:
        """A site is not crawled now."""


@dataclass(frozen=True, slots=True)
class _Begun:
    place: int


@dataclass(frozen=True, slots=True)
class _Shown:
    place: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class _Busy:
    place: int
    why: str


@dataclass(frozen=True, slots=True)
class _Ended:
    place: int
    result: CrawlResult


@dataclass(frozen=True, slots=True)
class _Failed:
    status: ExitStatus
    why: str


@dataclass(slots=True)
class Crawls:
    """What became of the sites."""

    results: list[CrawlResult] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    """Sites that another worker is crawling."""


def crawl_here(archive: Archive, sites: Sequence[Site], display: Display, *, workers: int) -> Crawls:
    """Crawl the sites one after the other in this process.

    Raises:
        Whatever `crawl_site` raises, but for `SiteBusy`.
    """
    crawls = Crawls()
    with Browsing(archive) as browsing:
        for site in sites:
            display.begin(site)
            show = partial(display.page, site.id)
            try:
                crawls.results.append(crawl_site(archive, site, workers=workers, show=show, browsing=browsing))
            except SiteBusy as err:
                crawls.busy.append(err.site_id)
                display.left_alone(str(err))
    return crawls


class CrawlProcesses:
    """Processes that crawl sites; they end with the context, and none outlives the process that began them for long.

    It must be entered before this process begins a thread.
    """

    def __init__(
        self, open_archive: Callable[[], Archive], sites: Sequence[Site], *, processes: int, workers: int
    ) -> None:
        """Prepare them.

        Args:
            open_archive: opens the archive; each process has its own.
            sites: what is crawled.
            processes: how many.
            workers: URLs that each deals with at once.
        """
        self._open_archive = open_archive
        self._sites = sites
        self._processes = processes
        self._workers = workers
        self._running: dict[Connection, BaseProcess] = {}

    def __enter__(self) -> CrawlProcesses:
        # What is loaded already is then shared between the processes, not copied at the first collection.
        gc.freeze()
        context = multiprocessing.get_context("fork")
        for _ in range(self._processes):
            ours, theirs = context.Pipe()
            others = [*self._running, ours]
            process = context.Process(target=self._work, args=(theirs, others, os.getpid()), daemon=True)
            process.start()
            theirs.close()
            self._running[ours] = process
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.terminate()
        try:
            for process in self._running.values():
                process.join()
        finally:
            # A second interrupt: what is under way is not waited for.
            for process in self._running.values():
                process.kill()

    def crawl(self, display: Display) -> Crawls:
        """Have all sites crawled; what comes back is in the order of the sites.

        Raises:
            CrawlEnded: one of the processes failed, or was killed; the next crawl goes on where they stopped.
        """
        waiting = list(range(len(self._sites)))
        results: dict[int, CrawlResult] = {}
        busy: dict[int, str] = {}
        idle = set(self._running)
        while waiting or len(idle) < len(self._running):
            while waiting and idle:
                idle.pop().send(waiting.pop(0))
            for connection in wait(set(self._running) - idle):
                if not isinstance(connection, Connection):
                    continue
                match self._told(connection):
                    case _Begun(place):
                        display.begin(self._sites[place])
                    case _Shown(place, progress):
                        display.page(self._sites[place].id, progress)
                    case _Busy(place, why):
                        busy[place] = self._sites[place].id
                        display.left_alone(why)
                        idle.add(connection)
                    case _Ended(place, result):
                        results[place] = result
                        idle.add(connection)
                    case _Failed(status, why):
                        raise CrawlEnded(why, status)
        return Crawls([results[place] for place in sorted(results)], [busy[place] for place in sorted(busy)])

    def _told(self, connection: Connection) -> object:
        try:
            return connection.recv()
        except (EOFError, ConnectionResetError) as err:
            why = "a crawling process was killed; run the same command again to go on"
            raise CrawlEnded(why, ExitStatus.FAILED) from err

    def _work(self, connection: Connection, others: Sequence[Connection], parent: int) -> None:
        """What each process does: crawl the sites it is told until there are no more."""
        # The terminal interrupts all processes at once; what is to become of it is for the one that began them to say.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _interrupt)
        for other in others:
            other.close()
        # Whoever began this process is gone, or wants it to end: there is nobody to tell.
        with suppress(EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
            try:
                archive = self._open_archive()
                with Browsing(archive) as browsing:  # begun in this process, since no thread outlives a fork
                    self._work_on(archive, browsing, connection, parent)
            except our_errors() as err:
                connection.send(_Failed(status_of(err), str(err)))

    def _work_on(self, archive: Archive, browsing: Browsing, connection: Connection, parent: int) -> None:
        def sleep(seconds: float) -> None:
            if os.getppid() != parent:
                raise BrokenPipeError
            time.sleep(seconds)

        while True:
            place = connection.recv()
            site = self._sites[place]
            connection.send(_Begun(place))

            def show(progress: Progress, place: int = place) -> None:
                connection.send(_Shown(place, progress))

            try:
                result = crawl_site(archive, site, workers=self._workers, show=show, sleep=sleep, browsing=browsing)
            except SiteBusy as err:
                connection.send(_Busy(place, str(err)))
            else:
                connection.send(_Ended(place, result))


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
