"""Replaying a capture in a browser without a network, and comparing what it shows with the page as it was seen."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sijill.archive.capture.browser import comparison, page, pictures
from sijill.archive.capture.browser.metadata import READING
from sijill.archive.capture.browser.recorded import Recording
from sijill.archive.capture.browser.rendering import NotShown, Quality, Screenshot, ScreenshotKind
from sijill.archive.capture.browser.world import World, script
from sijill.archive.capture.exchange import Limits
from sijill.archive.errors import BrowserUnavailable

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

    from sijill.archive.capture.browser.rendering import Rendering, Waiting
    from sijill.archive.capture.browser.seams import Browser, Showing
    from sijill.archive.capture.exchange import Body

SECONDS: Final = 90.0
"""What a replay may take in all."""
_PICTURE_SECONDS: Final = 30.0
_TEXT: Final = 4 * READING["text"]
"""Most bytes of a text of so many characters in UTF-8."""
_PICTURE: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page showed: as captured, or as replayed."""

    text: str | None
    picture: bytes | None
    """The first picture of the page. None if there is none."""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay."""

    seen: Seen
    asked: int
    """Different requests that it made."""
    missing: tuple[str, ...]
    """URLs of those that the capture has no answer to."""
    problem: str
    """Why it showed nothing; empty if it did."""
    seconds: float


def seen_live(rendering: Rendering) -> Seen:
    """What a page showed when it was captured."""
    return seen_of(rendering.screenshots, lambda name: _body(rendering, name))


def seen_of(screenshots: Iterable[Screenshot], read: Callable[[str], bytes | None]) -> Seen:
    """What the files of a capture say that it showed; `read` gives a file by its name, or None."""
    text = read("text.txt")
    words = None if text is None else text.decode("utf-8", "replace")
    first = next((one for one in screenshots if one.kind is ScreenshotKind.AS_SEEN and not one.top), None)
    return Seen(words, None) if first is None else Seen(words, read(first.name), first.width, first.height)


def replay(
    browser: Browser,
    recording: Recording,
    url: str,
    *,
    live: Seen,
    user_agent: str,
    workdir: Path,
    clock: Callable[[], datetime],
    seconds: float = SECONDS,
) -> Replayed:
    """Show the page at `url` from `recording` alone, wait for it and scroll it as when it was captured.

    Args:
        browser: shows it, with an appearance that should be that of the capture.
        recording: everything there is.
        url: the target as requested.
        live: what is to be shown again; only the size of its picture is looked at.
        user_agent: as then.
        workdir: a folder for large files.
        clock: gives the time, aware, in UTC.
        seconds: what it may take.
    """
    began = time.monotonic()
    behaviour = _Replaying(recording.began, live)
    problem = ""
    try:
        shown = browser.show(
            url,
            capture_id="replay",
            source=recording,
            user_agent=user_agent,
            workdir=workdir,
            clock=clock,
            limits=Limits(),
            deadline=began + seconds,
            behaviour=behaviour,
        )
    except BrowserUnavailable as err:
        problem = str(err)
    else:
        if isinstance(shown, NotShown):
            problem = shown.reason
        elif behaviour.text is None:
            problem = "; ".join(shown.problems) or "there is no page"
    return Replayed(
        Seen(behaviour.text, behaviour.picture, live.width, live.height),
        recording.asked,
        recording.missing,
        problem[:300],
        time.monotonic() - began,
    )


def compare(live: Seen, replayed: Replayed) -> Quality:
    """How a replay compares with the page as it was seen."""
    if replayed.problem:
        return Quality(0, 0, 0, 0, f"a replay from the capture alone shows nothing: {replayed.problem}")
    text = comparison.text_similarity(live.text or "", replayed.seen.text or "")
    resources = comparison.share(replayed.asked - len(replayed.missing), replayed.asked)
    return comparison.quality(text, resources, _compare_pictures(live, replayed.seen), replayed.missing)


def _compare_pictures(live: Seen, replayed: Seen) -> int:
    if live.picture is None or replayed.picture is None:
        return 1000 if live.picture is replayed.picture else 0
    try:
        first, second = comparison.reduced(live.picture), comparison.reduced(replayed.picture)
    except OSError:  # no picture after all
        return 0
    return comparison.picture_similarity(first, second)


def check(
    browser: Browser,
    rendering: Rendering,
    url: str,
    *,
    warc: Path,
    dependencies: Path | None,
    failed: Iterable[str],
    user_agent: str,
    workdir: Path,
    clock: Callable[[], datetime],
) -> Quality:
    """Replay what was written of a capture, and compare it with the page as the browser had shown it.

    Args:
        browser: the one that had.
        rendering: what came of it.
        url: the target as requested.
        warc: the capture's WARC; the fetch log may be missing.
        dependencies: as `Recording.read` takes it.
        failed: as `Recording.read` takes it.
        user_agent: as then.
        workdir: a folder for large files.
        clock: gives the time, aware, in UTC.

    Raises:
        MalformedWarc, OSError: what was written cannot be read.
    """
    live = seen_live(rendering)
    with Recording.read(warc, dependencies, failed=failed) as recording:
        replayed = replay(browser, recording, url, live=live, user_agent=user_agent, workdir=workdir, clock=clock)
    return compare(live, replayed)


class _Replaying:
    """What is done with a page that is replayed: the same waiting, and only what is compared."""

    def __init__(self, began: datetime | None, live: Seen) -> None:
        self._began = began
        self._live = live
        self.text: str | None = None
        self.picture: bytes | None = None

    async def prepare(self, shown: Page, cdp: CDPSession, showing: Showing) -> None:
        await page.prepare(shown, cdp, showing)
        if self._began is not None:
            text, _ = script("replay_clock.js")
            milliseconds = round((self._began - datetime.now(UTC)).total_seconds() * 1000)
            await shown.add_init_script(f"({text.strip()})({json.dumps(milliseconds)})")

    async def settle(self, shown: Page, cdp: CDPSession, showing: Showing) -> Waiting:
        return await page.settle(shown, cdp, showing)

    async def take_results(self, shown: Page, cdp: CDPSession, showing: Showing) -> None:
        world = World(shown, cdp, showing)
        self.text = (await world.run("describe.js", READING, seconds=20))["text"]
        if self._live.picture is None:
            return
        area = await pictures.measure(world, showing)
        scale = showing.appearance.scale_thousandths / 1000
        clip = {"x": area.left, "y": 0, "width": self._live.width / scale, "height": self._live.height / scale}
        # A JPEG is made sooner than a PNG, and what it loses is less than what is looked at.
        answer = await world.call(
            "Page.captureScreenshot",
            {
                "format": "jpeg",
                "quality": 80,
                "optimizeForSpeed": True,
                "captureBeyondViewport": True,
                "clip": clip | {"scale": 1},
            },
            seconds=_PICTURE_SECONDS,
        )
        self.picture = await asyncio.to_thread(pictures.decode, answer["data"])


def _body(rendering: Rendering, name: str) -> bytes | None:
    made = rendering.file(name)
    return None if made is None else _content(made.body, _TEXT if name.endswith(".txt") else _PICTURE)


def _content(body: Body, limit: int) -> bytes | None:
    if body.size > limit:
        return None
    with body.open() as reader:
        return reader.read(limit)
