"""Showing one page: from a new context of the browser to everything that is made of the page."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import Awaitable
from contextlib import suppress
from importlib.resources import files
from typing import Any, Final, TypeVar

from playwright.async_api import (
    Browser,
    BrowserContext,
    CDPSession,
    ConsoleMessage,
    Dialog,
    Page,
)
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from sijill.archive.capture.browser.network import Routing
from sijill.archive.capture.browser.rendering import BlockedKind, NotShown, Script, Waiting
from sijill.archive.capture.browser.seams import Behaviour, Showing

_GRACE: Final = 5.0
"""Seconds that a part may take beyond its own limit before it is taken for hung."""
_ANSWER_SECONDS: Final = 5.0
"""How long a page may take to say that it is there."""
_WEBRTC: Final = "webrtc.js"
_LOCAL: Final = "Not allowed to load local resource: "

T = TypeVar("T")


class Hung(Exception):
    """The page, or the browser, does not answer any more."""


class Stage:
    """A page of its own in a context of its own, with everything listened to that it may try."""

    def __init__(self, browser: Browser, context: BrowserContext, page: Page, cdp: CDPSession) -> None:
        self._browser = browser
        self.context = context
        self.page = page
        self.cdp = cdp
        self.crashed = asyncio.get_running_loop().create_future()
        page.on("crash", lambda _: self._crash("the page crashed"))
        browser.on("disconnected", lambda _: self._crash("the browser crashed"))

    def _crash(self, reason: str) -> None:
        if not self.crashed.done():
            self.crashed.set_result(reason)

    def give_up(self, reason: str) -> None:
        """End the showing, for a reason found outside of it."""
        self._crash(reason)

    async def listen(self, showing: Showing, routing: Routing) -> None:
        """Listen to what the page tries, and refuse it."""
        page, watch, token = self.page, showing.watch, secrets.token_hex(16)

        def console(message: ConsoleMessage) -> None:
            text = message.text
            if text.startswith(token):
                _report(showing, page.url, text[len(token) :])
            elif text.startswith(_LOCAL) and not message.args:
                watch.block(BlockedKind.SCHEME, text[len(_LOCAL) :], "only http and https URLs can be fetched")
            else:
                watch.say(message.type, text)

        async def dismiss(dialog: Dialog) -> None:
            watch.block(BlockedKind.DIALOG, page.url, f"{dialog.type}: {dialog.message}")
            with suppress(PlaywrightError):
                await dialog.dismiss()

        async def close(popup: Page) -> None:
            if popup is not page:
                with suppress(PlaywrightError):
                    await popup.close()

        page.on("console", console)
        page.on("pageerror", lambda error: watch.say("exception", str(error)))
        page.on("websocket", lambda socket: routing.websocket(socket.url))
        page.on("download", lambda made: watch.block(BlockedKind.DOWNLOAD, made.url, "nothing is saved to a disk"))
        self.context.on("dialog", dismiss)
        self.context.on("page", close)
        source = (files("sijill.archive.capture.browser") / "scripts" / _WEBRTC).read_bytes()
        showing.results.scripts.append(Script(_WEBRTC, hashlib.sha256(source).hexdigest()))
        report = f"((say) => (found) => say({json.dumps(token)} + JSON.stringify(found)))(console.debug.bind(console))"
        await page.add_init_script(f"({source.decode()})({report})")


async def show(stage: Stage, showing: Showing, routing: Routing, behaviour: Behaviour) -> Waiting | NotShown:
    """Show the page and make everything of it; what was made is in `showing.results`, whatever happens.

    Raises:
        Hung: it does not answer any more.
        PlaywrightError: the page crashed, or closed.
    """
    page, cdp, limits = stage.page, stage.cdp, showing.limits
    await stage.listen(showing, routing)
    await behaviour.prepare(page, cdp, showing)
    if (reason := await _load(page, showing, routing)) is not None:
        return NotShown(reason)
    problems: list[str] = []
    waiting = await _settle(stage, showing, routing, behaviour, problems)
    routing.stay()
    if routing.page_lost:
        return NotShown(routing.page_lost)
    await _answers(page)
    try:
        await asyncio.wait_for(behaviour.take_results(page, cdp, showing), limits.results_seconds + _GRACE)
    except TimeoutError:
        problems.append(f"not everything was made of the page within {limits.results_seconds:g} seconds")
    return Waiting(waiting.facts, (*waiting.problems, *problems))


async def _load(page: Page, showing: Showing, routing: Routing) -> str | None:
    """Go to the page and wait for its load event; why there is nothing to show, or None."""
    milliseconds = showing.limits.load_seconds * 1000
    until = time.monotonic() + showing.limits.load_seconds
    seen = -1
    while True:
        try:
            if seen < 0:
                seen = 0
                # Redirects are within it; the page itself may take as long as the fetcher lets it.
                await page.goto(showing.url, wait_until="commit", timeout=0)
            await _loaded(page, routing, milliseconds)
        except PlaywrightTimeout:
            break
        except PlaywrightError:
            if page.is_closed() or routing.page_lost or routing.navigations == seen:
                return routing.page_lost or "the browser found nothing to show"
            # A script, or a meta refresh, led on before the page was there.
            seen = routing.navigations
            milliseconds = max(1.0, (until - time.monotonic()) * 1000)
            continue
        break
    if routing.page_lost is None and not page.url.startswith(("http:", "https:")):
        return "the browser made nothing of what came"
    return routing.page_lost


async def _loaded(page: Page, routing: Routing, milliseconds: float) -> None:
    """Wait for the load event, or until there will be none.

    Raises:
        PlaywrightTimeout: neither happened in time.
        PlaywrightError: the page navigated, or closed.
    """
    load = asyncio.ensure_future(page.wait_for_load_state("load", timeout=milliseconds))
    stranded = asyncio.ensure_future(routing.stranded())
    try:
        await asyncio.wait({load, stranded}, return_when=asyncio.FIRST_COMPLETED)
        if load.done():
            load.result()
    finally:
        for waiting in (load, stranded):
            waiting.cancel()
        await asyncio.gather(load, stranded, return_exceptions=True)


async def _settle(
    stage: Stage, showing: Showing, routing: Routing, behaviour: Behaviour, problems: list[str]
) -> Waiting:
    until = time.monotonic() + showing.limits.settle_seconds
    while True:
        navigations = routing.navigations
        try:
            left = until + _GRACE - time.monotonic()
            return await asyncio.wait_for(behaviour.settle(stage.page, stage.cdp, showing), max(left, 0.1))
        except TimeoutError:
            problems.append(f"the page was not done within {showing.limits.settle_seconds:g} seconds")
            return Waiting((("ended", "time limit"),))
        except PlaywrightError:
            if stage.page.is_closed() or stage.crashed.done() or routing.navigations == navigations:
                raise
            with suppress(PlaywrightTimeout):
                await stage.page.wait_for_load_state("load", timeout=max(1.0, (until - time.monotonic()) * 1000))


async def _answers(page: Page) -> None:
    """Make sure that the page still runs.

    Raises:
        Hung: it does not.
    """
    try:
        await asyncio.wait_for(page.evaluate("1"), _ANSWER_SECONDS)
    except TimeoutError as err:
        raise Hung("the page does not answer any more: its scripts never end") from err


async def within(work: Awaitable[T], stage: Stage, deadline: float) -> T:
    """What comes of `work`, unless the page crashes or time is over before.

    Raises:
        Hung: one of the two happened.
        PlaywrightError: as `work` raises it.
    """
    task = asyncio.ensure_future(work)
    try:
        timeout = max(0.0, deadline - time.monotonic())
        await asyncio.wait({task, stage.crashed}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if stage.crashed.done():
            raise Hung(stage.crashed.result())
        if not task.done():
            raise Hung("the capture's time was over while the page was shown")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError, PlaywrightError, Hung):
                await task


def _report(showing: Showing, url: str, text: str) -> None:
    """Take in what one of our scripts noted in the page."""
    try:
        found: dict[str, Any] = json.loads(text)
        showing.watch.block(BlockedKind(found["kind"]), str(found["url"]) or url, str(found["reason"]))
    except (ValueError, KeyError, TypeError):  # a page that learnt the word may say anything
        return
