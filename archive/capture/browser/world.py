"""Calls into a page that may be hostile: each within a time, scripts in a world that the page cannot reach."""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from playwright.async_api import Error as PlaywrightError

from sijill.archive.capture.browser.rendering import Script
from sijill.archive.errors import ArchiveError

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

    from sijill.archive.capture.browser.seams import Showing

CALL_SECONDS: Final = 8.0
"""What a call may take that has no more to do than to look at the page."""
RESCUE_SECONDS: Final = 2.0

_WORLD: Final = "sijill"


class PageHangs(ArchiveError):
    """The page did not let a call come back in time."""

    def __init__(self, call: str, seconds: float) -> None:
        super().__init__(f"{call} did not come back within {seconds:g} s")
        self.call = call
        self.seconds = seconds


class ScriptFailed(ArchiveError):
    """A script of ours ended with an error in this page."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail[:300]}")
        self.name = name
        self.detail = detail


@cache
def script(name: str) -> tuple[str, Script]:
    """The text of a script that sijill ships, and its name and digest."""
    data = (resources.files(__package__) / "scripts" / name).read_bytes()
    return data.decode(), Script(name, hashlib.sha256(data).hexdigest())


class World:
    """A page as our scripts see it: the same document, but none of what the page's own scripts changed in theirs."""

    def __init__(self, page: Page, cdp: CDPSession, showing: Showing) -> None:
        self._cdp = cdp
        self._gone = asyncio.Event()
        page.on("crash", lambda _: self._gone.set())
        page.on("close", lambda _: self._gone.set())
        self._showing = showing
        self._context: int | None = None
        self.stopped = False
        """Whether the page's scripts were stopped, since they let nothing else happen."""

    async def call(
        self, method: str, parameters: dict[str, Any] | None = None, *, seconds: float = CALL_SECONDS
    ) -> Any:
        """One call of the DevTools protocol.

        Raises:
            PageHangs: it did not come back in time.
            playwright.async_api.Error: the browser refused it, or the page is gone.
        """
        # Nobody answers for a page that crashed: neither with a result nor with an error.
        sent = asyncio.ensure_future(self._cdp.send(method, parameters or {}))
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({sent, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if sent.done():
                return sent.result()
            if gone.done():
                raise PlaywrightError("the page crashed or was closed")
            raise PageHangs(method, seconds)
        finally:
            sent.cancel()
            gone.cancel()

    async def run(self, name: str, *arguments: Any, seconds: float = CALL_SECONDS) -> Any:
        """What the function in script `name` returns; the script is noted among those that ran.

        A page that does not let it run has its scripts stopped, and it is tried once more.

        Raises:
            PageHangs: it did not come back in time, twice.
            ScriptFailed: it ended with an error.
            playwright.async_api.Error: the page is gone.
        """
        text, ran = script(name)
        if ran not in self._showing.results.scripts:
            self._showing.results.scripts.append(ran)
        try:
            return await self._run(name, text, arguments, seconds)
        except PageHangs:
            if self.stopped:
                raise
            await self.stop_scripts()
            return await self._run(name, text, arguments, seconds)

    async def stop_scripts(self) -> None:
        """End what the page's scripts are doing and let none begin; what they drew stays."""
        self.stopped = True
        # The first two are heard even by a page that is in an endless loop; the last may not be answered.
        for method, parameters in (
            ("Runtime.terminateExecution", {}),
            ("Emulation.setScriptExecutionDisabled", {"value": True}),
            ("Runtime.terminateExecution", {}),
        ):
            try:
                await self.call(method, parameters, seconds=RESCUE_SECONDS)
            except PageHangs:
                continue
            except PlaywrightError:  # it is being ended already
                if self._gone.is_set():
                    raise

    async def _run(self, name: str, text: str, arguments: tuple[Any, ...], seconds: float) -> Any:
        context = self._context or await self._enter(seconds)
        request = {
            "functionDeclaration": text,
            "arguments": [{"value": value} for value in arguments],
            "returnByValue": True,
        }
        try:
            answer = await self.call(
                "Runtime.callFunctionOn", request | {"executionContextId": context}, seconds=seconds
            )
        except PlaywrightError as err:
            if "context" not in err.message:
                raise
            # The document is another one by now.
            context = await self._enter(seconds)
            answer = await self.call(
                "Runtime.callFunctionOn", request | {"executionContextId": context}, seconds=seconds
            )
        if details := answer.get("exceptionDetails"):
            raise ScriptFailed(name, str(details.get("exception", {}).get("description") or details.get("text")))
        return answer["result"].get("value")

    async def _enter(self, seconds: float) -> int:
        tree = await self.call("Page.getFrameTree", seconds=seconds)
        made = await self.call(
            "Page.createIsolatedWorld",
            {"frameId": tree["frameTree"]["frame"]["id"], "worldName": _WORLD},
            seconds=seconds,
        )
        self._context = int(made["executionContextId"])
        return self._context
