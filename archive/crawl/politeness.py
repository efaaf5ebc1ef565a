"""When a host may be asked again: its delay, how many requests at once, what it asks for itself, when to give up.

Pure but for the clock it is given; whoever asks the hosts does the waiting.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sijill.archive.crawl.site import Politeness

GIVE_UP_AFTER = 5
"""Failures in a row after which a host is put aside."""
_FIRST_BACK_OFF = 5.0
"""Seconds to wait after a host's first 429 or 503 that does not say how long."""
_DIGITS = re.compile(r"[0-9]{1,12}")
_BUSY = frozenset({429, 503})
_UNWELCOME = frozenset({401, 403, 407})


@dataclass(frozen=True, slots=True)
class Answer:
    """How a host took a request."""

    ok: bool
    why: str = ""
    """What was wrong, if it was not."""
    busy: bool = False
    """Whether the host asked to be left alone for a while."""
    wait: float | None = None
    """Seconds it asked for, if it said."""


def answer(status: int | None, retry_after: str | None, failure: str | None, now: datetime) -> Answer:
    """How a host took a request, by the response's status and Retry-After field, or by why there was none.

    What is not found (404, 410) is a good answer; that everything is forbidden is how many hosts ban.
    """
    if status is None:
        return Answer(False, failure or "no answer")
    busy = status in _BUSY
    if busy or status in _UNWELCOME or status >= 500:
        return Answer(False, f"HTTP status {status}", busy, retry_seconds(retry_after, now) if busy else None)
    return Answer(True)


def retry_seconds(value: str | None, now: datetime) -> float | None:
    """How long a Retry-After field asks to wait (RFC 9110 §10.2.3); None if it is missing or says nothing sensible."""
    if value is None:
        return None
    text = value.strip()
    if _DIGITS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
        # A date without a zone is read as UTC, which is what HTTP dates are in.
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, OverflowError, TypeError):
        return None


@dataclass(slots=True)
class _Host:
    delay: float
    next_at: float = -math.inf
    active: int = 0
    failures: int = 0
    aside: str | None = None


class Turns:
    """Whose turn it is. Not for several threads."""

    def __init__(
        self, politeness: Politeness, clock: Callable[[], float], *, give_up_after: int = GIVE_UP_AFTER
    ) -> None:
        """`clock` gives seconds that only grow."""
        self._politeness = politeness
        self._clock = clock
        self._give_up_after = give_up_after
        self._hosts: dict[str, _Host] = {}

    def wait(self, host: str) -> float:
        """Seconds until `host` may be asked: 0 if it may now, infinity if as many requests as may be are under way."""
        state = self._host(host)
        if state.active >= self._politeness.concurrency or (state.failures and state.active):
            return math.inf
        return max(0.0, state.next_at - self._clock())

    def begin(self, host: str) -> None:
        """A request to `host` begins."""
        state = self._host(host)
        state.active += 1
        state.next_at = max(state.next_at, self._clock() + state.delay)

    def end(self, host: str, result: Answer) -> None:
        """A request to `host` has ended, in this way."""
        state = self._host(host)
        state.active -= 1
        if result.ok:
            state.failures = 0
            return
        state.failures += 1
        most = self._politeness.max_retry_after_seconds
        if result.wait is not None and result.wait > most:
            state.aside = state.aside or f"it asks to wait {result.wait:.0f} seconds, more than the {most:g} allowed"
        elif state.failures >= self._give_up_after:
            state.aside = state.aside or f"{state.failures} failures in a row, the last: {result.why}"
        elif result.busy:
            pause = result.wait if result.wait is not None else self._back_off(state)
            state.next_at = max(state.next_at, self._clock() + max(pause, state.delay))

    def slow_down(self, host: str, seconds: float) -> None:
        """Have at least so many seconds between requests to `host`, as its robots.txt asks."""
        state = self._host(host)
        state.delay = max(state.delay, min(seconds, self._politeness.max_retry_after_seconds))
        state.next_at = max(state.next_at, self._clock() + state.delay) if state.next_at > -math.inf else state.next_at

    def aside(self, host: str) -> str | None:
        """Why `host` is left alone for the rest of the run; None if it is not."""
        return self._host(host).aside

    def _back_off(self, state: _Host) -> float:
        first = max(_FIRST_BACK_OFF, state.delay)
        return float(min(first * 2 ** (state.failures - 1), self._politeness.max_retry_after_seconds))

    def _host(self, host: str) -> _Host:
        if host not in self._hosts:
            self._hosts[host] = _Host(self._politeness.delay_seconds)
        return self._hosts[host]
