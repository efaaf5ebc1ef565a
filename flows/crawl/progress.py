"""Progress of crawls on stderr: a bar on a terminal, plain lines when it is piped."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sijill.archive.crawl.journal import Progress
from sijill.archive.crawl.pages import Row, Task
from sijill.archive.crawl.site import Site
from sijill.provenance.log.log import SealProgress
from sijill.provenance.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

_SHORT = 36


class CrawlProgress:
    """How far the crawl of each site is."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bars: Bars | None = None
        self._bar_of: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not self._quiet:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as Bars

            self._bars = Bars(
                TextColumn("{task.fields[site]}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.description}", markup=False),
                console=Console(stderr=True, highlight=False),
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def begin(self, site: Site) -> None:
        """A site is being crawled."""
        if self._bars is not None:
            self._bar_of[site.id] = self._bars.add_task("", total=None, site=site.id)
        elif not self._quiet:
            print(f"{site.id}: crawling", file=sys.stderr, flush=True)

    def page(self, site_id: str, progress: Progress) -> None:
        """A URL of a site was dealt with."""
        row = progress.row
        if self._bars is not None:
            shown = "" if row is None else _short(row)
            total = progress.done + progress.waiting
            self._bars.update(self._bar_of[site_id], completed=progress.done, total=total, description=shown)
        elif row is not None and (row.task is Task.STATEMENT or row.failed):
            self._say(f"{site_id}: [{progress.done}/{progress.done + progress.waiting}] {_line(row)}")

    def left_alone(self, why: str) -> None:
        """The site is not crawled now."""
        self._say(printable(why))

    def sealing(self, progress: SealProgress) -> None:
        """Entries of a batch are being settled."""
        if self._bars is not None and self._bar_of:
            self._bars.update(
                list(self._bar_of.values())[-1], description=f"sealing the log: {progress.done} of {progress.total}"
            )

    def _say(self, line: str) -> None:
        if self._bars is not None:
            self._bars.console.print(line, markup=False)
        elif not self._quiet:
            print(line, file=sys.stderr, flush=True)


def _line(row: Row) -> str:
    reason = f": {printable(row.reason)}" if row.reason else ""
    capture = f" {row.capture_id}" if row.capture_id is not None else ""
    return f"{row.outcome}{capture} {printable(row.url)}{reason}"


def _short(row: Row) -> str:
    url = printable(row.url)
    return f"{row.outcome} {url if len(url) <= _SHORT else url[: _SHORT - 1] + '…'}"
