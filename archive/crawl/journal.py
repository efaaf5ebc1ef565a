"""What a crawl asks of whoever captures for it and remembers for it. Interfaces only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sijill.archive.crawl.pages import Captured, Robots, Row, Step


class Captures(Protocol):
    """Captures pages. Called by several threads at once."""

    def capture(self, url: str, *, robots: Robots, begun: Callable[[str], None]) -> Captured:
        """Capture `url`, store and queue the capture; `begun` is told its id before anything is sent.

        What servers and networks do is in what comes back; errors of the archive itself are raised.
        """

    def recall(self, capture_id: str, url: str) -> Captured | None:
        """A capture of `url` that a killed worker finished; None if it did not."""


class Journal(Protocol):
    """Remembers steps, so that another worker can go on. Called by several threads at once."""

    def note(self, step: Step) -> None:
        """Remember a step, in place of what was remembered under its number."""

    def alive(self) -> None:
        """Show that the run is still worked at; called often, from one thread.

        Raises an error of the caller's own choice if another worker has taken the run over.
        """


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    done: int
    waiting: int
    row: Row | None
    """The URL that was just dealt with."""


Show = Callable[[Progress], None]
