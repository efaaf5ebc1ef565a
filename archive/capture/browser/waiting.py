"""Waiting until a page is done: quiet, with its fonts, scrolled to its end, with what its buttons bring."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from sijill.archive.capture.browser.metadata import READING, read_media
from sijill.archive.capture.browser.rendering import BlockedKind

if TYPE_CHECKING:
    from playwright.async_api import Page

    from sijill.archive.capture.browser.seams import Showing
    from sijill.archive.capture.browser.world import World

QUIET_SECONDS: Final = 0.25
"""For how long nothing may be asked for and nothing be added to the page, for it to be done."""
LOOK_SECONDS: Final = 0.06
"""Between two looks at the page."""
FRAMES_SECONDS: Final = 0.04
"""Two frames, in which a page learns that it was scrolled."""
SCROLL_SECONDS: Final = 1.0
"""What these two frames may take on a busy machine."""
PATIENCE_SECONDS: Final = 2.0
"""How long a page may change although the network is quiet."""
MORE_SECONDS: Final = 4.0
"""What a page may take to add something after it was scrolled to its end or a button was pressed."""
MOST_GROWTHS: Final = 10
"""How often a page may become longer by being scrolled to its end, before it is taken for endless."""
MOST_MEDIA: Final = 50


class Waiter:
    """Waits until a page is done, and keeps how it was found out that it is."""

    def __init__(self, world: World, page: Page, showing: Showing) -> None:
        self.world = world
        self.facts: dict[str, int | str] = {}
        self.problems: list[str] = []
        self.started = time.monotonic()
        self._page = page
        self._showing = showing
        self._until = self.started + showing.limits.settle_seconds
        self._steps = 0
        self._growths = 0
        self._draws = True
        self._seen: tuple[object, ...] = ()
        self._changed = self.started

    async def wait(self) -> None:
        """Wait for a quiet network and fonts, scroll to the end and back, press what shows more, ask for media files.

        Raises:
            PageHangs: the page does not respond.
            ScriptFailed: a script of ours ended with an error.
            playwright.async_api.Error: the page is gone.
        """
        # Half of the time for the page as it comes, so that one that never becomes quiet is scrolled all the same.
        state = await self._quiet(self._showing.limits.settle_seconds / 2)
        self.facts["network"] = "quiet" if self._is_quiet() else "busy"
        if not self._is_quiet():
            self.problems.append(f"the network did not become quiet within {time.monotonic() - self.started:.0f} s")
        self.facts["readyState"] = str(state["ready"])[:20]
        self.facts["fonts"] = "loaded" if state["fonts"] else "loading"
        self.facts["imagesPending"] = int(state["pending"])
        self.facts["heightBefore"] = int(state["height"])
        self._showing.traffic.stay()
        await self.world.run("hold.js")
        await self.world.call("Page.resetNavigationHistory")  # going back cannot be cancelled: there is no way back
        state = await self._scroll(state, 0)
        state = await self._load_more(state)
        await self._fetch_media()
        if self._steps:
            await self._scroll_to(0)
            state = await self._quiet(MORE_SECONDS)
        for url in await self.world.run("hold.js"):
            self._showing.watch.block(BlockedKind.NAVIGATION, str(url), "to another document after the page was there")
        self.facts["heightAfter"] = int(state["height"])
        self.facts["scrollSteps"] = self._steps
        self.facts["heightGrowths"] = self._growths

    def _left(self) -> float:
        return self._until - time.monotonic()

    def _is_quiet(self) -> bool:
        return self._showing.traffic.quiet_seconds >= QUIET_SECONDS

    async def _quiet(self, seconds: float) -> dict[str, Any]:
        """Wait until nothing is asked for and nothing is added to the page, but not longer than `seconds`."""
        until = time.monotonic() + min(seconds, max(self._left(), 0))
        patience: float | None = None
        while True:
            state = await self._look()
            now = time.monotonic()
            done = state["ready"] == "complete" and state["fonts"] and not state["pending"]
            if self._is_quiet():
                # Whatever still changes without the network is a clock, a ticker or a broken image: not for long.
                patience = patience or now + PATIENCE_SECONDS
                if (done and now - self._changed >= QUIET_SECONDS) or now >= patience:
                    return state
            if now >= until:
                return state
            await asyncio.sleep(LOOK_SECONDS)

    async def _scroll_to(self, top: int) -> dict[str, Any]:
        """Scroll, and give the page two frames to take note of it."""
        await self._look(top)
        until = time.monotonic() + SCROLL_SECONDS
        while True:
            await asyncio.sleep(FRAMES_SECONDS)
            state = await self._look()
            if state["drawn"] or not self._draws:
                return state
            if time.monotonic() >= until:
                self._draws = False  # it keeps us from hearing of its frames, and is not waited for again
                return state

    async def _look(self, top: int | None = None) -> dict[str, Any]:
        """How far the page is, after it was scrolled to `top` if that is given."""
        state: dict[str, Any] = await self.world.run("settle.js", top)
        seen = (state["elements"], state["height"], state["ready"], state["pending"])
        if seen != self._seen:
            self._seen, self._changed = seen, time.monotonic()
        return state

    async def _scroll(self, state: dict[str, Any], top: int) -> dict[str, Any]:
        """Scroll from `top` to the end of the page in steps of less than the window, so that nothing is skipped."""
        window = self._showing.appearance.height
        step = window * 17 // 20
        while top + window < state["height"]:
            if self._steps >= self._showing.limits.scroll_steps or self._left() <= MORE_SECONDS:
                self.problems.append(
                    f"the page is {state['height']} px high and was scrolled to {top + window} px only"
                )
                break
            top = min(top + step, state["height"] - window)
            self._steps += 1
            height = state["height"]
            state = await self._scroll_to(top)
            if top + window >= state["height"]:
                state = await self._look() if self._is_quiet() else await self._quiet(MORE_SECONDS)
            if state["height"] > height and top + window >= height:
                self._growths += 1
                if self._growths >= MOST_GROWTHS:
                    reason = f"became longer {self._growths} times by being scrolled: {state['height']} px"
                    self._showing.watch.block(BlockedKind.LIMIT, self._page.url, reason)
                    break
        return state

    async def _load_more(self, state: dict[str, Any]) -> dict[str, Any]:
        clicks = 0
        vain = False
        most = self._showing.limits.load_more_clicks
        while self._left() > MORE_SECONDS:
            before = (state["elements"], state["height"])
            pressed = time.monotonic()
            label = await self.world.run("load_more.js", most, clicks < most, vain)
            if label is None:
                break
            if clicks >= most:
                self._showing.watch.block(BlockedKind.LIMIT, self._page.url, f"{label!r} was pressed {clicks} times")
                break
            clicks += 1
            await asyncio.sleep(FRAMES_SECONDS)
            state = await self._quiet(MORE_SECONDS)
            asked = self._showing.traffic.quiet_seconds < time.monotonic() - pressed
            vain = not asked and (state["elements"], state["height"]) == before
        self.facts["loadMoreClicks"] = clicks
        return await self._scroll(state, int(state["top"])) if clicks else state

    async def _fetch_media(self) -> None:
        media = read_media(await self.world.run("media.js", READING))
        for omitted in media.not_collected:
            self._showing.watch.omit(omitted.kind, omitted.url, omitted.reason)
        missing = media.missing[:MOST_MEDIA]
        if missing and not self.world.stopped:
            await self.world.run("fetch_media.js", list(missing))
            await asyncio.sleep(FRAMES_SECONDS)
            await self._quiet(max(self._left() - MORE_SECONDS, 0))
        self._showing.results.metadata["media"] = list(media.files)
        self.facts["mediaFetched"] = len(missing)
