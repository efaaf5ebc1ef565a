"""The sections of a report about the page as a browser showed it: pictures, and what was recorded of the showing."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Final

from sijill.archive.capture.browser.rendering import BlockedKind, NotCollectedKind, ScreenshotKind
from sijill.provenance.attest.browser import CAPTIONED_NAME, PNG, SCREENSHOT_NAME, Browser, QualityPart, Screenshot
from sijill.provenance.attest.members import CaptureStatement
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.report.markup import (
    code,
    facts,
    more,
    number,
    paragraph,
    plain,
    section,
    small,
    table,
    text,
    url,
)

MOST_EMBEDDED: Final = 8 << 20
"""Bytes of pictures that a report shows; further ones lie beside it in the package."""

_SHORT: Final = 300
_FEW: Final = 100
_KINDS: Final = {
    ScreenshotKind.AS_SEEN: "the page as it first stood",
    ScreenshotKind.OVERLAYS_REMOVED: "after what lay over the page was hidden",
    ScreenshotKind.CAPTIONED: "a copy under a strip with address, time, capture and SHA-256",
}
_BLOCKED: Final = {
    BlockedKind.WEBSOCKET: "WebSocket",
    BlockedKind.WEBRTC: "WebRTC",
    BlockedKind.SERVICE_WORKER: "service worker",
    BlockedKind.DOWNLOAD: "download",
    BlockedKind.POPUP: "window of its own",
    BlockedKind.DIALOG: "dialog",
    BlockedKind.PERMISSION: "permission",
    BlockedKind.ADDRESS: "address that may not be reached",
    BlockedKind.SCHEME: "neither http nor https",
    BlockedKind.NAVIGATION: "leaving the page",
    BlockedKind.CONNECTION: "connection past the recorder",
    BlockedKind.REQUEST: "request that cannot be repeated",
    BlockedKind.LIMIT: "beyond a limit",
}
_NOT_COLLECTED: Final = {NotCollectedKind.STREAM: "stream", NotCollectedKind.PLAYER: "player of another platform"}


def shown_pictures(statement: CaptureStatement) -> tuple[str, ...]:
    """The subjects that a report shows as pictures, in their order.

    These are the copy with a caption, or the picture itself if there is no copy, and the further parts of a page that
    is too high for one picture, as many of them as fit.
    """
    sizes = {subject.name: subject.digests.size for subject in statement.subject}
    chosen, total = [], 0
    for name in _pictures(statement):
        total += sizes[name]
        if total > MOST_EMBEDDED:
            break
        chosen.append(name)
    return tuple(chosen)


def screenshot(statement: CaptureStatement, pictures: Mapping[str, bytes]) -> str:
    """The page as the browser showed it; empty if there is no picture."""
    named = _pictures(statement)
    if not named:
        return ""
    digests = {subject.name: subject.digest.sha256 for subject in statement.subject}
    words = "How the collector's browser showed the page."
    if CAPTIONED_NAME in named:
        words += (
            f" The strip at the top was added by the collector's software; the picture without it is "
            f"{code(SCREENSHOT_NAME)}, SHA-256 {code(digests[SCREENSHOT_NAME])}."
        )
    images = "".join(
        f"{paragraph(f'{code(name)}, SHA-256 {code(digests[name])}', kind='note')}{_image(name, pictures.get(name))}"
        for name in named
    )
    return section("screenshot", "Screenshot", paragraph(words), images)


def showing(statement: CaptureStatement) -> str:
    """Which browser showed the page, what was made of it, and what was not let happen; empty if none did."""
    predicate = statement.predicate
    browser = predicate.browser
    if browser is None:
        if predicate.browser_fallback is None:
            return ""
        return section(
            "browser",
            "The page in a browser",
            paragraph(f"A browser was asked for; the page was fetched without one: {text(predicate.browser_fallback)}"),
        )
    return section(
        "browser",
        "The page in a browser",
        paragraph(
            "The browser had no network of its own: each of its requests was made and recorded by the collector's "
            "software, and is listed above. What could not go that way was blocked."
        ),
        facts(_browser(browser)),
        "<h3>Files made of the page</h3>\n",
        _files(statement, browser),
        "<h3>Blocked</h3>\n",
        _entries(((_BLOCKED[one.kind], one.url, one.reason) for one in browser.blocked), "Nothing was blocked."),
        _left_out(browser.blocked_left_out),
        "<h3>Not collected</h3>\n",
        _entries(
            ((_NOT_COLLECTED[one.kind], one.url, one.reason) for one in browser.not_collected),
            "Nothing that the page shows was left out for being a stream or a player of another platform.",
        ),
        _left_out(browser.not_collected_left_out),
    )


def changes(statement: CaptureStatement) -> str:
    """What was changed of anything, as a cell of a table."""
    changed = statement.predicate.transformations
    lines = [f"{code(one.output)} from {code(one.input)}: {text(one.description)}" for one in changed[:_FEW]]
    return "none" + (f", but these files were made:<br>{'<br>'.join(lines)}" if lines else "")


def _pictures(statement: CaptureStatement) -> tuple[str, ...]:
    browser = statement.predicate.browser
    if browser is None:
        return ()
    seen = [one.name for one in browser.screenshots if one.kind is ScreenshotKind.AS_SEEN]
    captioned = [one.name for one in browser.screenshots if one.name == CAPTIONED_NAME]
    return tuple(captioned[0] if captioned and name == SCREENSHOT_NAME else name for name in seen)


def _image(name: str, image: bytes | None) -> str:
    if image is None:
        return paragraph(f"It is too large for this page and lies beside it: {code(name)}.")
    encoded = base64.b64encode(image).decode("ascii")
    return f'<img class="shot" alt="Screenshot of the page, {plain(name)}" src="data:{PNG};base64,{encoded}">\n'


def _browser(browser: Browser) -> Iterable[tuple[str, str]]:
    scale = browser.device_scale_factor_thousandths
    window = f"{number(browser.viewport.width)} by {number(browser.viewport.height)} CSS pixels"
    yield "Browser", f"{text(browser.name)} {text(browser.version)}, {_how(browser)}"
    yield "Window", f"{window}, {scale // 1000}.{scale % 1000:03} pixels of the picture for each"
    yield "Language", text(browser.language)
    yield "Time zone", text(browser.time_zone)
    yield "Colours", text(browser.color_scheme)
    yield "User-Agent shown to scripts", text(browser.user_agent)
    ran = "".join(small(f"{text(script.name)}, SHA-256 {code(script.sha256)}") for script in browser.scripts[:_FEW])
    yield "Scripts of the collector run in it", ran or "none"
    waited = (f"{text(name)}: {_fact(browser.waiting[name])}" for name in sorted(browser.waiting))
    yield "Waiting until the page was done", "<br>".join(waited) or "not stated"
    yield "Replay compared with the page", "not made" if browser.quality is None else _quality(browser.quality)


def _how(browser: Browser) -> str:
    sandbox = "in its sandbox" if browser.sandboxed else "<b>without its sandbox</b>"
    return f"{sandbox}, {'without a window' if browser.headless else 'in a window'}"


def _fact(fact: int | str) -> str:
    return text(fact) if isinstance(fact, str) else number(fact)


def _quality(quality: QualityPart) -> str:
    scores = (
        ("in all", quality.score),
        ("text", quality.text),
        ("resources", quality.resources),
        ("picture", quality.picture),
    )
    reason = f": {text(quality.reason)}" if quality.reason else ""
    return ", ".join(f"{name} {score} of 1,000" for name, score in scores) + reason


def _files(statement: CaptureStatement, browser: Browser) -> str:
    if not browser.files:
        return paragraph("None could be made.")
    pictures = {one.name: one for one in browser.screenshots}
    types = {subject.name: subject.media_type for subject in statement.subject}
    rows = (
        (
            f"{code(one.name)}{_shows(pictures.get(one.name))}",
            text(types[one.name], limit=80),
            code(format_timestamp(one.made)),
        )
        for one in browser.files
    )
    return table(("File", "Type", "Made"), rows, kind="exchanges")


def _shows(one: Screenshot | None) -> str:
    if one is None:
        return ""
    top = f", from line {number(one.top)} of the page" if one.top else ""
    return small(f"{plain(_KINDS[one.kind])}: {number(one.width)} by {number(one.height)} pixels{top}")


def _entries(listed: Iterable[tuple[str, str, str]], nothing: str) -> str:
    entries = list(listed)
    if not entries:
        return paragraph(nothing)
    rows = (
        (plain(kind), f"{url(about, limit=_SHORT) if about else ''}{small(text(reason, limit=_SHORT))}")
        for kind, about, reason in entries[:_FEW]
    )
    return table(("What", "Address and reason"), rows) + more(len(entries) - _FEW)


def _left_out(left: int) -> str:
    if not left:
        return ""
    return paragraph(f"{number(left)} more happened that the attestation does not list.", kind="note")
