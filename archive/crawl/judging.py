"""What the capture of a page says of the page: there, unchanged, gone, or not to be had. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from sijill.archive.crawl.pages import Captured, Known, PageOutcome
from sijill.archive.crawl.site import Site

_ABSENT = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Judgement:
    """An outcome and why it is that."""

    outcome: PageOutcome
    reason: str = ""


def judge(site: Site, url: str, captured: Captured, known: Known | None) -> Judgement:
    """The outcome of capturing the statement page `url`, given what was known of it before.

    A page is gone only if it was there before; otherwise a link was wrong, and the capture failed.
    """
    absent = PageOutcome.FAILED if known is None else PageOutcome.GONE
    if captured.status is None or captured.final_url is None:
        outcome = absent if captured.no_host else PageOutcome.FAILED
        return Judgement(outcome, captured.failure or "no response")
    if captured.status in _ABSENT:
        return Judgement(absent, f"HTTP status {captured.status}")
    if not 200 <= captured.status < 300:
        return Judgement(PageOutcome.FAILED, f"HTTP status {captured.status}")
    moved = captured.final_url != url
    if moved and not site.is_statement(captured.final_url):
        if _is_home(site, captured.final_url):
            return Judgement(absent, f"leads to the home page {captured.final_url}")
        return Judgement(PageOutcome.FAILED, f"leads to {captured.final_url}, which is no statement page")
    reasons = [f"leads to {captured.final_url}"] if moved else []
    if captured.partial:
        reasons.append("partial: the capture says what is missing")
    same = known is not None and not known.gone and captured.sha256 is not None and captured.sha256 == known.sha256
    return Judgement(PageOutcome.UNCHANGED if same else PageOutcome.CAPTURED, "; ".join(reasons))


def _is_home(site: Site, url: str) -> bool:
    parts = urlsplit(url)
    return (parts.path in {"", "/"} and not parts.query) or url in site.start
