"""What a capture's statement says of the browser, in facts for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sijill.provenance.attest.browser import Blocked, Browser, NotCollected
from sijill.provenance.attest.members import CaptureStatement


def browser_facts(statement: CaptureStatement) -> dict[str, str]:
    """How the page was shown; nothing of a capture by plain HTTP that was meant to be one."""
    predicate = statement.predicate
    if predicate.browser is None:
        fallback = predicate.browser_fallback
        return {} if fallback is None else {"Browser": f"none, plain HTTP: {fallback}"}
    browser = predicate.browser
    sandbox = "sandboxed" if browser.sandboxed else "without its sandbox"
    window = f"{browser.viewport.width}x{browser.viewport.height}"
    facts = {
        "Browser": f"{browser.name} {browser.version}, {sandbox}, {window}, {browser.language}, {browser.time_zone}",
        "Pictures": ", ".join(f"{one.name} {one.width}x{one.height}" for one in browser.screenshots) or "none",
        "Blocked": _counted(browser.blocked, browser.blocked_left_out),
        "Not collected": _counted(browser.not_collected, browser.not_collected_left_out),
    }
    return facts | _quality(browser)


def file_rows(statement: CaptureStatement) -> list[tuple[str, str, str, str]]:
    """The files that were made of the page: name, type, bytes, SHA-256."""
    return [(one.name, one.media_type, str(one.digests.size), one.digests.sha256.hex) for one in statement.subject[1:]]


def _quality(browser: Browser) -> dict[str, str]:
    quality = browser.quality
    if quality is None:
        return {}
    parts = f"text {quality.text}, resources {quality.resources}, picture {quality.picture}"
    reason = f"; {quality.reason}" if quality.reason else ""
    return {"Quality": f"{quality.score} of 1000 when replayed from the capture alone ({parts}){reason}"}


def _counted(listed: Iterable[Blocked | NotCollected], left_out: int) -> str:
    kinds = Counter(one.kind.value for one in listed)
    if left_out:
        kinds["not listed"] = left_out
    return ", ".join(f"{number} {kind}" for kind, number in kinds.most_common()) or "nothing"
