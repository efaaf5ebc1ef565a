"""Keeping what the viewer shows up to date, in a thread: the catalog, the runs, and how far both are behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sijill.archive.catalog.matching import match_statements
from sijill.flows.errors import our_errors
from sijill.flows.reading.catalog import open_catalog, update_catalog
from sijill.flows.viewing.source import ViewedArchive
from sijill.flows.wiring import Archive
from sijill.viewer.source import CatalogState

INTERVAL_SECONDS = 30.0
_FIRST_SECONDS = 20.0
"""How long the first update is waited for; after that pages say how far it is."""


@dataclass(slots=True)
class Updater:
    """Brings everything up to date again and again."""

    archive: Archive
    source: ViewedArchive
    show: Callable[[str], None]
    """Told what could not be done, once for each reason."""
    interval: float = INTERVAL_SECONDS
    _stop: threading.Event = field(default_factory=threading.Event)
    _done_once: threading.Event = field(default_factory=threading.Event)
    _told: str | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Work while the context is open; the first update is waited for a while."""
        thread = threading.Thread(target=self._work, name="updating the catalog")
        thread.start()
        try:
            self._done_once.wait(_FIRST_SECONDS)
            yield
        finally:
            self._stop.set()
            thread.join()

    def update(self) -> None:
        """Bring everything up to date now; what cannot be done is told, and shown by the pages."""
        try:
            self.source.view_of_runs.refresh()
            newest = self.archive.log_reader.checkpoint()
            log_size = newest.checkpoint.size if newest else 0
            with open_catalog(self.archive) as catalog:
                self._note(size=catalog.position().size, log_size=log_size)
                # Readings are for those who write to the store to make.
                updated = update_catalog(
                    self.archive, catalog, match=lambda one: match_statements(one, self._matching), show=self._progress
                )
            self.source.set_catalog_state(
                CatalogState(updated.size, max(log_size, updated.size), self.archive.clock(), None, len(updated.unread))
            )
            self._told = None
        except our_errors() as err:
            self.source.set_catalog_state(replace(self.source.catalog_state(), problem=f"{err}"))
            if f"{err}" != self._told:
                self._told = f"{err}"
                self.show(f"the catalog could not be brought up to date: {err}")

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self.update()
            except _Stopped:
                return
            finally:
                self._done_once.set()
            self._stop.wait(self.interval)

    def _progress(self, done: int, total: int) -> None:
        self._note(size=done, log_size=total)
        if self._stop.is_set():
            raise _Stopped

    def _matching(self, _done: int, _total: int) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _note(self, *, size: int, log_size: int) -> None:
        self.source.set_catalog_state(replace(self.source.catalog_state(), size=size, log_size=log_size, problem=None))


class _Stopped(Exception):
    """The viewer ends while the catalog is being brought up to date; what was taken in stays."""
