"""One running Chromium: started without a way to the network, and ended with all its processes."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Final, Self

from playwright.async_api import Browser, CDPSession
from playwright.async_api import Error as PlaywrightError

from sijill.archive.capture.browser.driver import Driver
from sijill.archive.capture.browser.network import Routing
from sijill.archive.capture.browser.process import ProcessGroup, profile_of
from sijill.archive.capture.browser.rendering import Appearance
from sijill.archive.capture.browser.staging import Staging
from sijill.archive.capture.browser.wall import Wall

_START_SECONDS: Final = 60.0
_CLOSE_SECONDS: Final = 5.0
_LONGEST_FOLDER: Final = 40
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "LD_LIBRARY_PATH")
"""What the browser is told of our environment."""
_FLAGS: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-quic",
    "--no-default-browser-check",
    "--proxy-bypass-list=<-loopback>",
    "--force-webrtc-ip-handling-policy",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disk-cache-size=1",
)


class Engine:
    """One running browser, and what belongs to it. For the event loop that started it."""

    def __init__(
        self,
        browser: Browser,
        session: CDPSession,
        group: ProcessGroup,
        ending: AsyncExitStack,
        staging: Staging,
        *,
        sandboxed: bool,
    ) -> None:
        self.browser = browser
        self.staging = staging
        self.session = session
        """At the browser itself: it sees the requests of all that runs in it."""
        self.sandboxed = sandboxed
        self.routing: Routing | None = None
        """Where requests go; None while no page is shown."""
        self.pages = 0
        self.broken = False
        """Whether no further page is to be shown with it."""
        self.group = group
        self._ending = ending

    @classmethod
    async def start(
        cls, driver: Driver, executable: Path, *, sandboxed: bool, script_megabytes: int, appearance: Appearance
    ) -> Self:
        """Start it, with no way to the network.

        Raises:
            PlaywrightError: it does not start.
            OSError: there is no port, or no file, to be had for it.
        """
        async with AsyncExitStack() as ending:
            folder = tempfile.TemporaryDirectory(prefix="sijill-", dir=_temporary(), ignore_cleanup_errors=True)
            ending.callback(folder.cleanup)
            wall = Wall()
            await wall.build()
            ending.push_async_callback(wall.tear_down)
            left: list[Path] = []
            ending.callback(_remove, left)
            playwright = await driver.take()
            ending.push_async_callback(_kindly, playwright.stop)
            environment: dict[str, str | float | bool] = {n: os.environ[n] for n in _KEPT if n in os.environ}
            browser = await playwright.chromium.launch(
                executable_path=executable,
                artifacts_dir=Path(folder.name, "artifacts"),
                # No host name has an address, and the only address there is is the wall's.
                args=[
                    *_FLAGS,
                    f"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE {wall.host}",
                    f"--js-flags=--max-old-space-size={script_megabytes}",
                ],
                chromium_sandbox=sandboxed,
                proxy={"server": f"http://{wall.host}:{wall.port}"},
                env=environment | {"HOME": folder.name, "TMPDIR": folder.name},
                timeout=_START_SECONDS * 1000,
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
            ending.push_async_callback(_kindly, browser.close)
            session = await browser.new_browser_cdp_session()
            processes = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
            leader = next(int(found["id"]) for found in processes if found["type"] == "browser")
            group = ProcessGroup(leader)
            left.extend(profile_of(leader))
            engine = cls(browser, session, group, ending.pop_all(), Staging(browser, appearance), sandboxed=sandboxed)
        session.on("Fetch.requestPaused", engine._paused)
        session.on("Target.targetCreated", engine._target_created)
        wall.refused = engine._refused
        await session.send("Target.setDiscoverTargets", {"discover": True})
        await session.send("Fetch.enable", {"patterns": [{"urlPattern": "*"}]})
        return engine

    @property
    def usable(self) -> bool:
        """Whether a page can be shown with it."""
        return not self.broken and self.browser.is_connected()

    async def memory(self) -> int:
        """Bytes that its processes hold."""
        return await asyncio.to_thread(self.group.memory)

    async def kill(self) -> None:
        """End all its processes at once."""
        self.broken = True
        await asyncio.to_thread(self.group.kill)

    async def end(self) -> None:
        """End it, kindly if it lets us, and remove what it wrote."""
        await self.staging.close()
        if not self.usable:
            await self.kill()
        async with self._ending:
            await _kindly(self.browser.close)
            await self.kill()

    def _paused(self, event: dict[str, Any]) -> None:
        if self.routing is not None:
            self.routing.paused(event)

    def _target_created(self, event: dict[str, Any]) -> None:
        if self.routing is not None and event["targetInfo"]["type"] == "page":
            self.routing.popup(event["targetInfo"]["targetId"])

    def _refused(self, host: str, port: int) -> None:
        if self.routing is not None:
            self.routing.refused(host, port)


def _remove(folders: list[Path]) -> None:
    """Remove what Playwright leaves if its browser was killed."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _temporary() -> str | None:
    """Where the browser may write; the path of the socket that it makes there must not be long (unix(7))."""
    return None if len(tempfile.gettempdir()) <= _LONGEST_FOLDER else "/tmp"  # noqa: S108, a folder is made in it


async def _kindly(end: Callable[[], Awaitable[None]]) -> None:
    """Have something end itself; what does not in time is ended with its processes."""
    with suppress(PlaywrightError, TimeoutError):
        await asyncio.wait_for(end(), _CLOSE_SECONDS)
