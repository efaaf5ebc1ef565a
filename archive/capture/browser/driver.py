"""Playwright's driver in an event loop of its own: it is the same for every browser, so it can be begun first."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, Self, TypeVar

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Playwright, async_playwright

_STOP_SECONDS: Final = 5.0

T = TypeVar("T")


class Driver:
    """An event loop in a thread, and a driver that is ready when it is wanted. To be closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._begun: Future[Playwright] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self) -> None:
        """Begin to start a driver for whoever takes the next one; returns at once."""
        if self._begun is None:
            self._begun = self.submit(_start())

    async def take(self) -> Playwright:
        """A driver that nobody else has, to be stopped by whoever takes it. For work that was submitted only.

        Raises:
            PlaywrightError, OSError: it does not start.
        """
        begun, self._begun = self._begun, None
        return await _start() if begun is None else await asyncio.wrap_future(begun)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin to do something in the event loop."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop.run_forever, name="browser", daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Stop what nobody took, and the event loop; may be repeated."""
        if self._begun is not None:
            with suppress(PlaywrightError, OSError, TimeoutError):
                self.submit(self._stop_untaken()).result()
        if self._thread is not None:
            self.submit(_cancel_all()).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None
        if not self._loop.is_closed():
            self._loop.close()

    async def _stop_untaken(self) -> None:
        await asyncio.wait_for((await self.take()).stop(), _STOP_SECONDS)


async def _cancel_all() -> None:
    """End what still waits for a driver that is gone."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=_STOP_SECONDS)


async def _start() -> Playwright:
    try:
        return await async_playwright().start()
    except (PlaywrightError, OSError):
        raise
    except Exception as err:
        # Of a driver that ends at once, as by an interrupt from the terminal, Playwright says so with no better class.
        raise PlaywrightError(str(err)) from err
