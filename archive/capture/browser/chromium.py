"""Chromium: found, started without a network, used for one page after the other, and ended for certain."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from playwright.async_api import Error as PlaywrightError

from sijill.archive.capture.browser.driver import Driver
from sijill.archive.capture.browser.engine import Engine
from sijill.archive.capture.browser.network import Routing
from sijill.archive.capture.browser.rendering import BrowserFacts, BrowserSettings, NotShown, Rendering, Waiting
from sijill.archive.capture.browser.seams import Behaviour, Results, Showing, Source, Watch
from sijill.archive.capture.browser.showing import Hung, Stage, show, within
from sijill.archive.capture.exchange import Limits
from sijill.archive.errors import BrowserUnavailable

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_REMEDY: Final = "install it (Debian, Ubuntu: apt-get install chromium) or name it in the settings"
_START_REMEDY: Final = "start it by hand as this user to see more; its sandbox needs user namespaces"
_COMPLAINT: Final = re.compile(
    r"\[err\] (?:\[[^\]]*:(?:FATAL|ERROR):[^\]]*\] )?(.*(?:sandbox|FATAL|error while|cannot|No ).*)"
)
_CLOSE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.4
"""Between two looks at the memory that the browser holds."""


def open_browser(
    settings: BrowserSettings | None = None, behaviour: Behaviour | None = None, driver: Driver | None = None
) -> Chromium:
    """A browser to capture pages with, one after the other; to be used in a `with` statement.

    It is started when the first page is to be shown, or before by `start`; and started anew after a crash.

    Args:
        settings: which browser, and how it shows pages.
        behaviour: what is done with each page; that of `page.py` if None.
        driver: what runs it, if that was begun already; it is closed with the browser.
    """
    if behaviour is None:
        from sijill.archive.capture.browser import page

        behaviour = page
    return Chromium(settings or BrowserSettings(), behaviour, driver or Driver())


def find_chromium(executable: Path | None = None) -> Path:
    """Where Chromium is.

    Raises:
        BrowserUnavailable: nowhere.
    """
    if executable is not None:
        if not (executable.is_file() and os.access(executable, os.X_OK)):
            raise BrowserUnavailable(f"{executable} is not a program", _REMEDY)
        return executable
    for name in _NAMES:
        if found := shutil.which(name):
            return Path(found)
    raise BrowserUnavailable("there is no Chromium", _REMEDY)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What one call of `show` was given, and what is to be filled."""

    url: str
    capture_id: str
    user_agent: str
    workdir: Path
    clock: Callable[[], datetime]
    source: Source
    watch: Watch
    results: Results
    deadline: float
    behaviour: Behaviour


class Chromium:
    """A browser that shows one page at a time; safe to share between threads, which then wait for each other."""

    def __init__(self, settings: BrowserSettings, behaviour: Behaviour, driver: Driver) -> None:
        self._settings = settings
        self._behaviour = behaviour
        self._driver = driver
        self._one_page = threading.Lock()
        self._starting: Future[Engine] | None = None
        self._showing: Future[Rendering | NotShown] | None = None
        self._expected: int | None = None

    @property
    def checks(self) -> bool:
        """As `seams.Browser` says."""
        return self._settings.quality

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, user_agent: str | None = None, pages: int | None = None) -> Future[Engine]:
        """Begin to start the browser, without waiting for it; what is wrong with it `show` says.

        Args:
            user_agent: what pages will be shown with, as far as it is known: an empty page is made ready for it.
            pages: how many calls of `show` there will be, if that is known: after the last none is made ready.
        """
        if pages is not None:
            self._expected = pages
        if self._starting is None:
            self._starting = self._driver.submit(self._launch(user_agent))
        return self._starting

    def close(self) -> None:
        """End the browser with all its processes; to be called when nothing is shown any more."""
        with self._one_page:
            self._discard()
            self._driver.close()

    def call_off(self) -> None:
        """End what `show` is doing in another thread."""
        showing = self._showing
        if showing is not None:
            showing.cancel()

    def show(
        self,
        url: str,
        *,
        capture_id: str,
        source: Source,
        user_agent: str,
        workdir: Path,
        clock: Callable[[], datetime],
        limits: Limits,
        deadline: float,
        behaviour: Behaviour | None = None,
    ) -> Rendering | NotShown:
        """As `seams.Browser` says."""
        with self._one_page:
            if self._expected is not None:
                self._expected -= 1
            watch, results = Watch(), Results()
            prepared = _Prepared(
                url,
                capture_id,
                user_agent,
                workdir,
                clock,
                source,
                watch,
                results,
                deadline,
                behaviour or self._behaviour,
            )
            for _ in range(2):
                engine = self._ready()
                self._showing = self._driver.submit(self._show(engine, prepared))
                try:
                    return self._showing.result()
                except CancelledError:
                    engine.broken = True
                    return NotShown("the capture was called off")
                except PlaywrightError:
                    engine.broken = True  # it ended while nobody looked; nothing was asked for yet
                finally:
                    self._showing = None
                    if engine.broken or engine.pages >= self._settings.pages_per_process:
                        self._discard()
            raise BrowserUnavailable("Chromium ends as soon as it is started", _START_REMEDY)

    def _ready(self) -> Engine:
        """The running browser, a new one if there is none.

        Raises:
            BrowserUnavailable: it does not start.
        """
        for _ in range(2):
            try:
                engine = self.start().result()
            except BaseException:
                self._starting = None
                raise
            if engine.usable:
                return engine
            self._discard()  # it ended while nobody looked
        raise BrowserUnavailable("Chromium ends as soon as it is started", _REMEDY)

    def _discard(self) -> None:
        starting, self._starting = self._starting, None
        if starting is None:
            return
        with suppress(BrowserUnavailable, CancelledError):
            self._driver.submit(starting.result().end()).result()

    async def _launch(self, user_agent: str | None) -> Engine:
        executable = find_chromium(self._settings.executable)
        try:
            engine = await Engine.start(
                self._driver,
                executable,
                sandboxed=os.geteuid() != 0,  # Chromium's sandbox refuses to run for root
                script_megabytes=self._settings.limits.script_megabytes,
                appearance=self._settings.appearance,
            )
        except (PlaywrightError, OSError) as err:
            raise BrowserUnavailable(f"{executable} does not start: {_complaint(err)}", _START_REMEDY) from err
        if user_agent is not None:
            engine.staging.prepare(user_agent)
        return engine

    async def _show(self, engine: Engine, asked: _Prepared) -> Rendering | NotShown:
        engine.pages += 1
        appearance, limits = self._settings.appearance, self._settings.limits
        stage = await engine.staging.take(asked.user_agent)
        main = (await stage.cdp.send("Target.getTargetInfo"))["targetInfo"]["targetId"]
        routing = Routing(engine.session, asked.source, asked.watch, main)
        showing = Showing(
            capture_id=asked.capture_id,
            url=asked.url,
            workdir=asked.workdir,
            clock=asked.clock,
            limits=limits,
            appearance=appearance,
            traffic=routing,
            watch=asked.watch,
            results=asked.results,
        )
        engine.routing = routing
        guard = asyncio.ensure_future(self._guard_memory(engine, stage))
        waiting = Waiting((("ended", "crash"),))
        try:
            outcome = await within(show(stage, showing, routing, asked.behaviour), stage, asked.deadline)
            if isinstance(outcome, NotShown):
                return outcome
            waiting = outcome
        except (Hung, PlaywrightError) as err:
            engine.broken = True
            if routing.page_lost:
                return NotShown(routing.page_lost)
            asked.results.problems.append(str(err).strip().partition("\n")[0][:500])
        finally:
            guard.cancel()
            engine.routing = None
            await routing.close()
            await self._leave(engine, stage)
            if engine.usable and engine.pages < self._settings.pages_per_process and self._expected != 0:
                engine.staging.prepare(asked.user_agent)
        facts = BrowserFacts(
            name="Chromium",
            version=engine.browser.version,
            sandboxed=engine.sandboxed,
            headless=True,
            user_agent=asked.user_agent,
            appearance=appearance,
        )
        return _rendering(facts, asked.watch, asked.results, waiting)

    async def _guard_memory(self, engine: Engine, stage: Stage) -> None:
        """End a browser that takes more memory than it may."""
        most = self._settings.limits.memory_bytes
        while await engine.memory() <= most:
            await asyncio.sleep(_LOOK_SECONDS)
        stage.give_up(f"it held more than {most} bytes of memory and was ended")
        await engine.kill()

    async def _leave(self, engine: Engine, stage: Stage) -> None:
        """Leave nothing of a page behind."""
        if engine.broken:
            return
        try:
            await asyncio.wait_for(stage.context.close(), _CLOSE_SECONDS)
        except (PlaywrightError, TimeoutError):
            engine.broken = True


def _complaint(err: Exception) -> str:
    """What the browser said when it did not start, in one line."""
    found = _COMPLAINT.search(str(err))
    return (found[1] if found else str(err).strip().partition("\n")[0])[:300]


def _rendering(facts: BrowserFacts, watch: Watch, results: Results, waiting: Waiting) -> Rendering:
    return Rendering(
        browser=facts,
        files=tuple(results.files),
        screenshots=tuple(results.screenshots),
        scripts=tuple(results.scripts),
        transformations=tuple(results.transformations),
        waiting=waiting,
        blocked=watch.blocked,
        blocked_left_out=watch.blocked_left_out,
        not_collected=watch.not_collected,
        not_collected_left_out=watch.not_collected_left_out,
        console=watch.console,
        console_left_out=watch.console_left_out,
        metadata=results.metadata,
        problems=(*waiting.problems, *results.problems),
    )
