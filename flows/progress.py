"""Progress on stderr: a status line on a terminal, plain lines when it is piped."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sijill.archive.capture.exchange import Exchange
from sijill.archive.errors import BadTarget
from sijill.provenance.log.log import SealProgress
from sijill.provenance.printable import printable

if TYPE_CHECKING:
    from rich.status import Status


class StatusLine:
    """One line that is written anew on a terminal; when piped, only what is worth a line of its own."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not self._quiet:
            from rich.console import Console

            self._status = Console(stderr=True, highlight=False).status("")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def show(self, line: str, *, also_plain: bool = False) -> None:
        """Show `line`, when piped only if it is worth it."""
        if self._status is not None:
            from rich.text import Text

            self._status.update(Text(line))
        elif also_plain and not self._quiet:
            print(line, file=sys.stderr, flush=True)

    def sealing(self, progress: SealProgress) -> None:
        """Entries of a batch are being settled."""
        self.show(f"sealing the log: {progress.done} of {progress.total}, {progress.size} in all")


class CaptureProgress(StatusLine):
    """Progress of captures: the URL under way and its exchanges."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        super().__init__(quiet=quiet)
        self._total = total
        self._number = 0
        self._exchanges = 0
        self._target = ""

    def begin(self, target: str) -> None:
        """The next URL is being captured."""
        self._number += 1
        self._exchanges = 0
        self._target = printable(target)
        self.show(f"[{self._number}/{self._total}] {self._target}", also_plain=True)

    def exchange(self, exchange: Exchange) -> None:
        """One exchange ended."""
        self._exchanges += 1
        self.show(f"[{self._number}/{self._total}] {self._target}: {self._exchanges} exchanges")

    def refused(self, error: BadTarget) -> None:
        """The URL is not one that can be captured."""
        print(f"refused {printable(str(error))}", file=sys.stderr)
