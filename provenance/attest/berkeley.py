"""The collection checklist of the Berkeley Protocol on Digital Open Source Investigations (2022), paragraph 155.

It is computed from what is there. Where the Protocol leaves room, an item counts as not met, and the reason says why.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sijill.archive.capture.exchange import Capture, Exchange, Purpose, Response
from sijill.provenance.attest.members import BERKELEY_ITEMS

SCREENSHOT_NAME = "screenshot.png"
_HTML = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class Finding:
    """One item, met or not, and the fact that decides it."""

    item: str
    met: bool
    reason: str


def checklist(
    capture: Capture, *, subject_names: Collection[str], collector_named: bool, egress_known: bool
) -> tuple[Finding, ...]:
    """The eight items in the Protocol's order.

    Args:
        capture: what was captured.
        subject_names: names of the stored objects the attestation is about.
        collector_named: whether the collector is named, rather than committed to.
        egress_known: whether the address the requests came from is stated.
    """
    verdicts = (
        _url(capture),
        _html_source(capture),
        _screenshot(subject_names),
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


def _screenshot(subject_names: Collection[str]) -> tuple[bool, str]:
    if SCREENSHOT_NAME in subject_names:
        return True, "A screenshot of the whole page is stored with its date and time."
    return False, "The page was fetched, not rendered; there is no screenshot."


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
    scripts = "Scripts were not run; what only they would load is not included."
    if not requisites:
        return True, f"The page's source names nothing to embed. {scripts}"
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
    return True, "Headers and files are stored byte for byte, with whatever metadata they hold."


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
