"""Pictures of a page: its whole height in tiles without loss, and copies with a caption."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from PIL import Image, ImageDraw, ImageFont

from sijill.archive.capture.browser.rendering import RenderingFile, Screenshot, ScreenshotKind
from sijill.archive.capture.spool import Spool

if TYPE_CHECKING:
    from sijill.archive.capture.browser.seams import Showing
    from sijill.archive.capture.browser.world import World
    from sijill.archive.capture.exchange import Body

PNG: Final = "image/png"
TILE_HEIGHT: Final = 16_000
"""Pixels; Chromium paints what is beyond 16,384 a second time instead of what is there."""
MOST_TILES: Final = 8

_PICTURE_SECONDS: Final = 30.0
_FONT_SIZE: Final = 15
_LINE: Final = 21
_MARGIN: Final = 12
_LABELS: Final = 110
_NARROWEST: Final = 480
_INK = (17, 17, 17)
_PAPER = (245, 245, 240)
_RULE = (120, 120, 120)


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a page as high as a picture may be; in CSS pixels."""

    top: int
    height: int


@dataclass(frozen=True, slots=True)
class Area:
    """What of a page a picture shows; in CSS pixels."""

    left: int
    width: int
    height: int
    shown: int
    """How much of `height` the tiles show: less if there would be more than the most."""


def tiles(height: int, *, tallest: int = TILE_HEIGHT) -> Iterator[Tile]:
    """The parts of a page from top to bottom: none overlaps the next, nothing is between them."""
    for top in range(0, height, tallest):
        yield Tile(top, min(tallest, height - top))


async def measure(world: World, showing: Showing) -> Area:
    """What there is to take a picture of.

    A page that can be scrolled sideways is shown with what is there, up to one more window to either side: beyond that
    it is where pages put what nobody is to see.
    """
    metrics = await world.call("Page.getLayoutMetrics")
    size = metrics["cssContentSize"]
    window = showing.appearance.width
    # A page from right to left begins at the right end of its content, which may reach far to the left of the window.
    begin = int(metrics["cssLayoutViewport"]["pageX"])
    left, right = 0, int(size["width"])
    if begin - left > window or right - begin > 2 * window:
        left, right = begin, begin + window
    height = max(int(size["height"]), showing.appearance.height)
    tallest = TILE_HEIGHT * 1000 // showing.appearance.scale_thousandths
    return Area(left, max(right - left, window), height, min(height, tallest * MOST_TILES))


async def photograph(
    world: World, showing: Showing, area: Area, stem: str, kind: ScreenshotKind
) -> tuple[RenderingFile, bytes]:
    """Take pictures of all of `area`, put them into the results, and return the first with its bytes.

    Raises:
        PageHangs: a picture did not come in time.
        playwright.async_api.Error: the browser refused, or the page is gone.
    """
    scale = showing.appearance.scale_thousandths
    first: tuple[RenderingFile, bytes] | None = None
    for number, tile in enumerate(tiles(area.shown, tallest=TILE_HEIGHT * 1000 // scale), start=1):
        clip = {"x": area.left, "y": tile.top, "width": area.width, "height": tile.height, "scale": 1}
        made = showing.clock()
        answer = await world.call(
            "Page.captureScreenshot",
            {"format": "png", "optimizeForSpeed": True, "captureBeyondViewport": True, "clip": clip},
            seconds=_PICTURE_SECONDS,
        )
        data, body = await asyncio.to_thread(_received, answer["data"], showing)
        name = f"{stem}.png" if number == 1 else f"{stem}-{number}.png"
        file = RenderingFile(name, PNG, body, made)
        width, height = size_of(data)
        showing.results.files.append(file)
        showing.results.screenshots.append(Screenshot(name, kind, width, height, tile.top * scale // 1000))
        first = first or (file, data)
    if first is None:
        raise AssertionError("an area is never empty")
    return first


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height, from the header of a PNG."""
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def store(data: bytes, showing: Showing) -> Body:
    """The bytes as a body, in a file if they are many."""
    spool = Spool(showing.workdir)
    spool.write(data)
    return spool.finish()


def caption(
    png: bytes, *, url: str, made: datetime, capture_id: str, sha256: str, name: str = "screenshot.png"
) -> bytes:
    """A copy of a picture under a strip that says what it is.

    Args:
        png: the picture.
        url: where the page was; what is not ASCII in it is percent-encoded, so that no font is missing and nothing
            in it runs from right to left.
        made: when the picture was taken, aware.
        capture_id: the capture it belongs to.
        sha256: of the picture, lowercase hexadecimal.
        name: of the picture.
    """
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    width = max(picture.width, _NARROWEST)
    font = ImageFont.load_default(_FONT_SIZE)
    facts = (
        ("URL", quote(url, safe="!#$%&'()*+,/:;=?@[]~|{}^`\\\"<>")),
        ("Time (UTC)", f"{made:%Y-%m-%d %H:%M:%S}"),
        ("Capture", capture_id),
        ("SHA-256", f"{sha256} ({name}: the picture below, without this strip)"),
    )
    rows: list[tuple[str, str]] = []
    for label, value in facts:
        for place, line in enumerate(_wrapped(value, font, width - _LABELS - 2 * _MARGIN)):
            rows.append(("" if place else label, line))
    strip = 2 * _MARGIN + _LINE * len(rows)
    copy = Image.new("RGB", (width, strip + picture.height), _PAPER)
    draw = ImageDraw.Draw(copy)
    for place, (label, line) in enumerate(rows):
        top = _MARGIN + place * _LINE
        draw.text((_MARGIN, top), label, font=font, fill=_RULE)
        draw.text((_MARGIN + _LABELS, top), line, font=font, fill=_INK)
    draw.line((0, strip - 1, width, strip - 1), fill=_RULE)
    copy.paste(picture, (0, strip))
    out = io.BytesIO()
    copy.save(out, "PNG", compress_level=1)
    return out.getvalue()


def decode(data: str) -> bytes:
    """The bytes of what the browser sends as base64."""
    return base64.b64decode(data)


def _received(data: str, showing: Showing) -> tuple[bytes, Body]:
    png = decode(data)
    return png, store(png, showing)


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> Iterator[str]:
    line = ""
    used = 0.0
    for character in text:
        advance = font.getlength(character)
        if line and used + advance > width:
            yield line
            line, used = "", 0.0
        line += character
        used += advance
    yield line
