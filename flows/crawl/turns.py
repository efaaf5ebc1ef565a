"""Who fetches what of a site's sub-resources, so that captures at work at the same time fetch nothing twice.

A capture can only stand on one that is stored, so it is the whole other capture that is waited for. Whoever waits does
not do so for long, nobody waits for one that waits for him, and for one that somebody waited for in vain nobody does.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK = 0.2
"""Seconds after which whoever waits looks whether it is still worth it."""


class Party:
    """A capture that takes turns with others; its threads share it."""

    def __init__(self, patience: float) -> None:
        self.waits_for: Counter[Party] = Counter()
        """The captures that its threads wait for, with how many of them do."""
        self.slow = False
        """Whether somebody waited for it in vain."""
        self._patience = patience
        self._until: float | None = None

    def out_of_patience(self) -> bool:
        """Whether it has waited for others as long as it may in all, counted from when it began to."""
        if self._until is None:
            self._until = time.monotonic() + self._patience
        return time.monotonic() >= self._until

    def depends_on(self, other: Party) -> bool:
        """Whether it waits for `other`, or for one that does."""
        seen, waiting = {self}, [self]
        while waiting:
            for party in +waiting.pop().waits_for:
                if party is other:
                    return True
                if party not in seen:
                    seen.add(party)
                    waiting.append(party)
        return False


class Turns:
    """Turns at URLs; safe to share between threads."""

    def __init__(self, patience: float) -> None:
        """`patience` is how many seconds a capture waits for others in all."""
        self._patience = patience
        self._changed = threading.Condition()
        self._holders: dict[str, Party] = {}
        self._free: set[str] = set()

    @contextmanager
    def party(self) -> Iterator[Party]:
        """A capture while it is at work; at the end those that wait for it go on."""
        party = Party(self._patience)
        try:
            yield party
        finally:
            with self._changed:
                self._holders = {url: holder for url, holder in self._holders.items() if holder is not party}
                self._changed.notify_all()

    def take(
        self,
        party: Party,
        url: str,
        *,
        wanted: Callable[[], bool],
        deadline: float,
        called_off: Callable[[], bool],
    ) -> None:
        """Wait while another capture fetches `url`; if it is still wanted then, it is for `party` to fetch it.

        Args:
            party: who asks.
            url: what for.
            wanted: whether it is still to be fetched.
            deadline: until when to wait at most, by `time.monotonic`.
            called_off: whether nobody waits for the answer any more.
        """
        with self._changed:
            while (holder := self._holders.get(url)) is not None and holder is not party:
                if holder.slow or holder.depends_on(party) or called_off() or time.monotonic() >= deadline:
                    break
                if party.out_of_patience():
                    # A page that hangs must not hold up one capture after the other.
                    holder.slow = True
                    break
                party.waits_for[holder] += 1
                try:
                    self._changed.wait(_LOOK)
                finally:
                    party.waits_for[holder] -= 1
            if url not in self._free and wanted():
                self._holders[url] = party

    def set_free(self, party: Party, url: str) -> None:
        """Nobody need wait for `url` from now on: whoever needs it asks the server."""
        with self._changed:
            if self._holders.get(url) is party:
                del self._holders[url]
            self._free.add(url)
            self._changed.notify_all()
