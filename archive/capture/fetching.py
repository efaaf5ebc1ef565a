"""Doing several things at once if they take long, and one after the other if they do not.

A server that answers at once is not waited for, so that threads would only be in one another's way.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, ParamSpec, TypeVar

LONG = 0.05
"""Seconds of waiting from which on threads pay."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Pending(Generic[_T]):
    """Something that is to be done, or is being done."""

    def __init__(self, fetching: Fetching, work: Callable[[], _T]) -> None:
        self._fetching = fetching
        self.work = work
        self._future: Future[_T] | None = None

    def result(self) -> _T:
        """What came of it; it is done now if it has not begun.

        Raises:
            Whatever it raises.
        """
        return self._fetching.now(self) if self._future is None else self._future.result()

    def begin(self, pool: ThreadPoolExecutor) -> None:
        """Have a thread do it."""
        self._future = pool.submit(self.work)


class Fetching:
    """Takes work in and gives what comes of it. For use by one thread."""

    def __init__(self, parallel: int, *, quick: bool) -> None:
        """Prepare for at most `parallel` things at once.

        Args:
            parallel: how many threads there may be.
            quick: whether the work is expected not to wait: there are threads only once something has waited long.
        """
        self._parallel = parallel
        self._waiting: deque[Pending[Any]] = deque()
        self._pool = None if quick or parallel == 1 else self._threads()

    def submit(self, work: Callable[_P, _T], *args: _P.args, **keywords: _P.kwargs) -> Pending[_T]:
        """Take in a piece of work."""
        pending = Pending(self, lambda: work(*args, **keywords))
        if self._pool is not None:
            pending.begin(self._pool)
        else:
            self._waiting.append(pending)
        return pending

    def now(self, pending: Pending[_T]) -> _T:
        """Do what has not begun; how long it waited decides how the rest is done."""
        self._waiting.remove(pending)
        begun, busy = time.monotonic(), time.thread_time()
        result = pending.work()
        waited = time.monotonic() - begun - (time.thread_time() - busy)
        if waited >= LONG and self._parallel > 1:
            self._pool = self._threads()
            while self._waiting:
                self._waiting.popleft().begin(self._pool)
        return result

    def shutdown(self) -> None:
        """Begin nothing more, and wait for what has begun."""
        self._waiting.clear()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._parallel, thread_name_prefix="fetch")
