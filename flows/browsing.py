"""The browser of one command or worker: begun when it is first wanted, shared by its captures, ended with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from sijill.archive.capture.browser.rendering import BrowserMode
from sijill.archive.capture.browser.seams import Browser

if TYPE_CHECKING:
    from sijill.archive.capture.browser.chromium import Chromium
    from sijill.archive.capture.browser.driver import Driver
    from sijill.flows.wiring import Archive


@contextmanager
def driver_ahead(*, wanted: bool) -> Iterator[Driver | None]:
    """What runs a browser, begun before anything is known of the archive: it takes longer than to read the settings.

    None unless it is `wanted`.
    """
    if not wanted:
        yield None
        return
    from sijill.archive.capture.browser.driver import Driver

    with Driver() as driver:
        driver.begin()
        yield driver


class Browsing:
    """Gives captures the browser in turn; safe to share between threads, and made anew in each process.

    It must be used as a context: nothing of the browser outlives it.
    """

    def __init__(self, archive: Archive, driver: Driver | None = None) -> None:
        """See the class.

        Args:
            archive: its settings say which browser, and whether to use it where nothing else does.
            driver: what runs the browser, if that was begun already.
        """
        self._driver = driver
        self._settings = archive.browser_settings
        self._user_agent = archive.user_agent
        self._usual = BrowserMode(archive.settings.browser.mode)
        self._turns = threading.Lock()
        self._opening = threading.Lock()
        self._open: Chromium | None = None
        self._ending: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if (ending := self.end()) is not None:
            ending.join()

    def end(self) -> threading.Thread | None:
        """Begin to end the browser: no capture is to come. None if there is none; leaving the context waits for it."""
        with self._opening:
            opened, self._open = self._open, None
            if opened is not None:
                self._ending = threading.Thread(target=opened.close, name="end-browser")
                self._ending.start()
            return self._ending

    def mode(self, wanted: BrowserMode | None = None) -> BrowserMode:
        """`wanted`, or what the settings say if that is None."""
        return self._usual if wanted is None else wanted

    def begin(self, mode: BrowserMode, captures: int | None = None) -> None:
        """Begin to start the browser if captures will want one; returns at once.

        `captures` is how many there will be, if that is known.

        Raises:
            BrowserUnavailable: there must be one, and there is none.
        """
        if mode is BrowserMode.NEVER:
            return
        if mode is BrowserMode.ALWAYS:
            from sijill.archive.capture.browser.chromium import find_chromium

            find_chromium(self._settings.executable)
        pages = None if captures is None else captures * (2 if self._settings.quality else 1)
        self._opened().start(self._user_agent, pages)

    @contextmanager
    def turn(self, mode: BrowserMode) -> Iterator[Browser | None]:
        """The browser for one capture, which waits here for its turn and not within its time; None for plain HTTP."""
        if mode is BrowserMode.NEVER:
            yield None
            return
        with self._turns:
            yield self._opened()

    def _opened(self) -> Chromium:
        from sijill.archive.capture.browser.chromium import open_browser

        with self._opening:
            if self._open is None:
                driver, self._driver = self._driver, None
                self._open = open_browser(self._settings, driver=driver)
            return self._open
