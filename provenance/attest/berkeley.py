"""The collection checklist of the Berkeley Protocol on Digital Open Source Investigations (2022), paragraph 155.

It is computed from what is there. Where the Protocol leaves room, an item counts as not met, and the reason says why.
"""

from __future__ import annotations

from dataclasses import dataclass

from sijill.archive.capture.browser.rendering import Rendering, ScreenshotKind
from sijill.archive.capture.exchange import Capture, Exchange, Purpose, Response
from sijill.provenance.attest.browser import CAPTIONED_NAME, SCREENSHOT_NAME
from sijill.provenance.attest.members import BERKELEY_ITEMS

_HTML = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class Finding:
    """One item, met or not, and the fact that decides it."""

    item: str
    met: bool
    reason: str


def checklist(capture: Capture, *, collector_named: bool, egress_known: bool) -> tuple[Finding, ...]:
    """The eight items in the Protocol's order.

    Args:
        capture: what was captured.
        collector_named: whether the collector is named, rather than committed to.
        egress_known: whether the address the requests came from is stated.
    """
    verdicts = (
        _url(capture),
        _html_source(capture),
        _screenshot(capture.rendering),
        _embedded_media(capture),
        _metadata(capture),
        _context(capture),
        _collector(collector_named, egress_known),
        (True, "Every stored object is bound by SHA-256 and BLAKE3, and so is every response's payload."),
    )
    return tuple(Finding(item, met, reason) for item, (met, reason) in zip(BERKELEY_ITEMS, verdicts, strict=True))


def _page(capture: Capture) -> Response | None:
    return capture.page.response if capture.page is not None else None


def _is_html(page: Response) -> bool:
    return page.media_type in _HTML


def _url(capture: Capture) -> tuple[bool, str]:
    if capture.final_url is None:
        return True, "The target and every hop tried are recorded; no page was reached."
    return True, "The target, every redirect and the final URL are recorded."


def _html_source(capture: Capture) -> tuple[bool, str]:
    page = _page(capture)
    if page is None:
        return False, "No page was reached."
    if not _is_html(page):
        return False, f"The page is {_kind(page)}, not HTML; its bytes are stored as sent."
    if page.truncated is not None:
        return False, f"The page's source was cut short ({page.truncated})."
    return True, "The page's source is stored byte for byte as the server sent it."


def _screenshot(rendering: Rendering | None) -> tuple[bool, str]:
    if rendering is None:
        return False, "The page was fetched, not rendered; there is no screenshot."
    tiles = [one for one in rendering.screenshots if one.kind is ScreenshotKind.AS_SEEN]
    if rendering.file(SCREENSHOT_NAME) is None or not tiles:
        return False, "The page was rendered, but no picture of it could be taken."
    if rendering.file(CAPTIONED_NAME) is None:
        return False, "The picture of the page is stored, but no copy of it that shows date and time."
    if max(one.top + one.height for one in tiles) < _least_height(rendering):
        return False, "The picture shows the beginning of the page; the whole of it is too high."
    pictures = "A picture" if len(tiles) == 1 else f"A picture in {len(tiles)} parts"
    return True, f"{pictures} of the whole page is stored, and a copy that shows URL, date and time."


def _least_height(rendering: Rendering) -> int:
    """Pixels that pictures of the whole page have, less a window: a page may fold something while it is looked at."""
    height = rendering.metadata.get("contentHeight")
    shown = rendering.browser.appearance
    return (height - shown.height) * shown.scale_thousandths // 1000 if isinstance(height, int) else 0


def _embedded_media(capture: Capture) -> tuple[bool, str]:
    page = _page(capture)
    if page is None:
        return False, "No page was reached."
    if page.truncated is not None:
        return False, "The page was cut short; what the rest of it embeds is unknown."
    if not _is_html(page):
        return True, f"The page is {_kind(page)}; it embeds nothing that is fetched separately."
    requisites = [exchange for exchange in capture.exchanges if exchange.purpose is Purpose.REQUISITE]
    missing = sum(not _came(exchange) for exchange in requisites)
    if missing:
        return False, f"{missing} of {len(requisites)} requests for what the page embeds brought nothing whole."
    rendering = capture.rendering
    if rendering is None:
        scripts = "Scripts were not run; what only they would load is not included."
    else:
        left = len(rendering.not_collected) + rendering.not_collected_left_out
        if left:
            return False, f"{left} streams or players that the page shows could not be collected; they are listed."
        scripts = "A browser ran the page's scripts; what they loaded is included."
    if not requisites:
        names = (
            "The page's source names nothing to embed." if rendering is None else "The page asked for nothing to embed."
        )
        return True, f"{names} {scripts}"
    elsewhere = sum(exchange.revisit is not None for exchange in requisites)
    if elsewhere:
        kept = f"of {elsewhere} the content is kept by captures that this one depends on."
        return True, f"All {len(requisites)} things that the page embeds are there whole; {kept} {scripts}"
    return True, f"All {len(requisites)} requests for what the page embeds brought it whole. {scripts}"


def _came(exchange: Exchange) -> bool:
    if exchange.revisit is not None:
        return True
    response = exchange.response
    return exchange.failure is None and response is not None and response.truncated is None and response.status < 400


def _metadata(capture: Capture) -> tuple[bool, str]:
    if _page(capture) is None:
        return False, "No page was reached."
    kept = "Headers and files are stored byte for byte, with whatever metadata they hold"
    if capture.rendering is not None and capture.rendering.file("page.json") is not None:
        return True, f"{kept}; what the page says of itself is read out in page.json."
    return True, f"{kept}."


def _context(capture: Capture) -> tuple[bool, str]:
    if _page(capture) is None:
        return False, "No page was reached; only the failure, its time and the addresses tried are recorded."
    return True, "The page is stored whole around the statement, with redirects, server addresses and TLS facts."


def _collector(named: bool, egress_known: bool) -> tuple[bool, str]:
    who = "The collector is named" if named else "The collector is bound by a salted commitment that it can open"
    if not egress_known:
        return False, f"{who}; the address the requests came from is not stated."
    return True, f"{who}; times, software and the address the requests came from are stated."


def _kind(page: Response) -> str:
    return (page.media_type or "of no stated type")[:100]
