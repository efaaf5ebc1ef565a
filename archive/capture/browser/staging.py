"""Pages to be shown, made ahead: an empty page in a context of its own takes longer to make than many pages to load."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from playwright.async_api import Browser, ViewportSize
from playwright.async_api import Error as PlaywrightError

from sijill.archive.capture.browser.rendering import Appearance
from sijill.archive.capture.browser.showing import Stage
from sijill.archive.errors import BrowserUnavailable


class Staging:
    """Makes the stages of one browser, each for one page. For the browser's event loop only."""

    def __init__(self, browser: Browser, appearance: Appearance) -> None:
        self._browser = browser
        self._appearance = appearance
        self._ahead: tuple[str, asyncio.Task[Stage]] | None = None

    def prepare(self, user_agent: str) -> None:
        """Begin to make a stage for whoever takes the next one, without waiting for it."""
        if self._ahead is None:
            self._ahead = user_agent, asyncio.ensure_future(self._make(user_agent))

    async def take(self, user_agent: str) -> Stage:
        """A stage on which nothing was shown yet.

        Raises:
            PlaywrightError: the browser has ended.
            BrowserUnavailable: the browser does not know the time zone of the appearance.
        """
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return await self._make(user_agent)
        prepared_for, making = ahead
        if prepared_for == user_agent:
            return await making
        await (await making).context.close()
        return await self._make(user_agent)

    async def close(self) -> None:
        """Make no more; to be called before the browser ends."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead[1].cancel()
            with suppress(asyncio.CancelledError, PlaywrightError, BrowserUnavailable):
                await ahead[1]

    async def _make(self, user_agent: str) -> Stage:
        appearance = self._appearance
        context = await self._browser.new_context(
            viewport=ViewportSize(width=appearance.width, height=appearance.height),
            device_scale_factor=appearance.scale_thousandths / 1000,
            locale=appearance.language,
            timezone_id=appearance.time_zone,
            color_scheme="dark" if appearance.colour_scheme == "dark" else "light",
            user_agent=user_agent,
            accept_downloads=False,
        )
        try:
            page = await context.new_page()
        except PlaywrightError as err:
            if "timezone" in err.message:
                await context.close()
                reason = f"Chromium knows no time zone {appearance.time_zone!r}"
                raise BrowserUnavailable(reason, "name another one in the settings") from err
            raise
        return Stage(self._browser, context, page, await context.new_cdp_session(page))
