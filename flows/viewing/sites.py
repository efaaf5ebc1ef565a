"""The sites file for the viewer: read again when it is another one, and a fault in it is told to whoever serves."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path

from sijill.archive.crawl.site import Site
from sijill.flows.crawl.sites import read_sites
from sijill.flows.errors import BadSites

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ViewedSites:
    """The organisations whose sites are to be crawled, as the file has them now. Safe to share between threads."""

    path: Path
    _mark: tuple[int, ...] | None = None
    _sites: tuple[Site, ...] = ()
    _unusable: bool = False
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def current(self) -> tuple[Site, ...]:
        """The organisations; none if there is no file, or none that can be used."""
        with self._guard:
            self._refresh()
            return self._sites

    @property
    def unusable(self) -> bool:
        """Whether there is a file that cannot be used."""
        with self._guard:
            self._refresh()
            return self._unusable

    def _refresh(self) -> None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._mark, self._sites, self._unusable = None, (), False
            return
        except OSError:
            mark: tuple[int, ...] = ()
        else:
            mark = (found.st_mtime_ns, found.st_size, found.st_ino)
        if mark and mark == self._mark:
            return
        try:
            self._sites, self._unusable = read_sites(self.path), False
        except BadSites as err:
            if self._mark != mark:
                logger.warning("no organisations are shown: %s", err)
            self._sites, self._unusable = (), True
        self._mark = mark
