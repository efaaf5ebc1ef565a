"""What a capture's statement says of the browser that showed the page: how it is written, and its bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from sijill.archive.capture.browser.rendering import BlockedKind, NotCollectedKind, Quality, Rendering, ScreenshotKind
from sijill.archive.capture.browser.seams import MOST_LISTED
from sijill.provenance.attest.parts import (
    MAX_LINE,
    Count,
    Hex,
    Line,
    Part,
    SubjectName,
    Text,
    Timestamp,
    bounded,
)
from sijill.provenance.attest.timestamps import format_timestamp

SCREENSHOT_NAME = "screenshot.png"
"""The page as it first stood, or its first part."""
CAPTIONED_NAME = "screenshot-captioned.png"
"""A copy of that under a strip with URL, date and time."""
PNG = "image/png"
MAX_FILES = 99
"""A statement has at most 100 subjects, and the first is the WARC."""
MAX_FACTS = 40

_MAX_LABEL = 200

Label = Annotated[str, Field(min_length=1, max_length=_MAX_LABEL)]
Thousandths = Annotated[int, Field(ge=0, le=1_000)]
Fact = Count | Text


class Viewport(Part):
    """The window that the page was shown in, in CSS pixels."""

    width: Count
    height: Count


class ShownFile(Part):
    """A further subject: a file that was made of the page as shown, and when."""

    name: SubjectName
    made: Timestamp


class Script(Part):
    """A script that the collector's software ran in the page."""

    name: Label
    sha256: Hex


class Screenshot(Part):
    """What one picture shows; pixels of the picture. `top` is where its first line is on the page."""

    name: SubjectName
    kind: Annotated[ScreenshotKind, Field(strict=False)]
    width: Count
    height: Count
    top: Count


class Blocked(Part):
    """Something that the page tried and that was not let happen."""

    kind: Annotated[BlockedKind, Field(strict=False)]
    url: Annotated[str, Field(max_length=MAX_LINE)]
    reason: Text


class NotCollected(Part):
    """Something that belongs to the page and is not in the capture."""

    kind: Annotated[NotCollectedKind, Field(strict=False)]
    url: Annotated[str, Field(max_length=MAX_LINE)]
    reason: Text


class QualityPart(Part):
    """How a replay from the capture alone compares with the page as shown, in thousandths."""

    text: Thousandths
    resources: Thousandths
    picture: Thousandths
    score: Thousandths
    reason: Text


class Browser(Part):
    """Which browser showed the page, how, and what came of it."""

    name: Label
    version: Label
    sandboxed: bool
    headless: bool
    user_agent: Line
    language: Label
    time_zone: Label
    color_scheme: Label
    viewport: Viewport
    device_scale_factor_thousandths: Count
    scripts: Annotated[tuple[Script, ...], Field(strict=False, max_length=100)]
    waiting: Annotated[dict[Label, Fact], Field(max_length=MAX_FACTS)]
    files: Annotated[tuple[ShownFile, ...], Field(strict=False, max_length=MAX_FILES)]
    screenshots: Annotated[tuple[Screenshot, ...], Field(strict=False, max_length=MAX_FILES)]
    blocked: Annotated[tuple[Blocked, ...], Field(strict=False, max_length=MOST_LISTED)]
    blocked_left_out: Count
    not_collected: Annotated[tuple[NotCollected, ...], Field(strict=False, max_length=MOST_LISTED)]
    not_collected_left_out: Count
    quality: QualityPart | None


class Transformation(Part):
    """How one file was made of another, or of the page."""

    name: Label
    input: SubjectName
    """Another file, or `page`."""
    output: SubjectName
    description: Text


def plain_type(media_type: str) -> str:
    """A media type in lower case without parameters, as subjects have it."""
    return media_type.partition(";")[0].strip().lower()


def browser_json(rendering: Rendering) -> dict[str, Any]:
    """The member `browser`; texts are cut to their bounds, and what of them is not Unicode text becomes `?`."""
    browser = rendering.browser
    shown = browser.appearance
    return {
        "name": bounded(browser.name, _MAX_LABEL),
        "version": bounded(browser.version, _MAX_LABEL),
        "sandboxed": browser.sandboxed,
        "headless": browser.headless,
        "userAgent": browser.user_agent,
        "language": shown.language,
        "timeZone": shown.time_zone,
        "colorScheme": shown.colour_scheme,
        "viewport": {"width": shown.width, "height": shown.height},
        "deviceScaleFactorThousandths": shown.scale_thousandths,
        "scripts": [{"name": script.name, "sha256": script.sha256} for script in rendering.scripts],
        "waiting": _facts(rendering.waiting.facts),
        "files": [{"name": file.name, "made": format_timestamp(file.made)} for file in rendering.files],
        "screenshots": [
            {"name": one.name, "kind": one.kind.value, "width": one.width, "height": one.height, "top": one.top}
            for one in rendering.screenshots
        ],
        "blocked": _listed(rendering.blocked),
        "blockedLeftOut": rendering.blocked_left_out + max(0, len(rendering.blocked) - MOST_LISTED),
        "notCollected": _listed(rendering.not_collected),
        "notCollectedLeftOut": rendering.not_collected_left_out + max(0, len(rendering.not_collected) - MOST_LISTED),
        "quality": None if rendering.quality is None else _quality(rendering.quality),
    }


def transformations_json(rendering: Rendering) -> list[dict[str, str]]:
    """The member `transformations`."""
    return [
        {"name": one.name, "input": one.input, "output": one.output, "description": bounded(one.description)}
        for one in rendering.transformations
    ]


def _facts(facts: Sequence[tuple[str, int | str]]) -> Mapping[str, int | str]:
    return {name: bounded(fact) if isinstance(fact, str) else max(0, int(fact)) for name, fact in facts[:MAX_FACTS]}


def _listed(entries: Sequence[Any]) -> list[dict[str, str]]:
    return [
        {"kind": one.kind.value, "url": bounded(one.url, MAX_LINE), "reason": bounded(one.reason)}
        for one in entries[:MOST_LISTED]
    ]


def _quality(quality: Quality) -> dict[str, Any]:
    return {
        "text": quality.text,
        "resources": quality.resources,
        "picture": quality.picture,
        "score": quality.score,
        "reason": bounded(quality.reason),
    }
