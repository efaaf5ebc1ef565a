"""What the capture of a page says of the page: there, unchanged, gone, or not to be had. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from sijill.archive.crawl.absence import Likeness
from sijill.archive.crawl.document import Document
from sijill.archive.crawl.pages import Captured, Known, PageOutcome, Planned, Step, Task
from sijill.archive.crawl.searching import Findings, is_html
from sijill.archive.crawl.site import Site
from sijill.archive.reading.visible_text import visible_text_sha256

_ABSENT = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Judgement:
    """An outcome and why it is that."""

    outcome: PageOutcome
    reason: str = ""


def with_text(captured: Captured) -> Captured:
    """`captured` with the digest of its visible text, if it is an HTML page that could be read wholly.

    Of a page that a browser showed it is the text that stood there in the end.
    """
    there = captured.status is not None and captured.whole and is_html(captured.media_type, captured.body)
    if captured.shown is not None and there:
        text = visible_text_sha256(captured.shown, "utf-8")
    else:
        text = visible_text_sha256(captured.body, captured.charset) if there else None
    return replace(captured, text_sha256=text)


def judge(site: Site, url: str, captured: Captured, known: Known | None, likeness: Likeness | None = None) -> Judgement:
    """The outcome of capturing the statement page `url`, given what was known of it before.

    A page is gone only if it was there before; otherwise a link was wrong, and the capture failed. `likeness` says that
    the page is what its server sends for pages that do not exist.
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
    if likeness is not None:
        return Judgement(PageOutcome.FAILED if likeness.everything else absent, likeness.reason)
    reasons = [f"leads to {captured.final_url}"] if moved else []
    if captured.partial:
        reasons.append("partial: the capture says what is missing")
    if known is None or known.gone or not _same(captured, known):
        return Judgement(PageOutcome.CAPTURED, "; ".join(reasons))
    if captured.sha256 != known.sha256:
        reasons.append("the same text in other bytes")
    return Judgement(PageOutcome.UNCHANGED, "; ".join(reasons))


def judge_document(planned: Planned, document: Document, findings: Findings) -> Judgement:
    """The outcome of reading what lists pages."""
    status, moved = document.status, document.final_url != planned.url
    if status is None or not 200 <= status < 300:
        return Judgement(PageOutcome.FAILED, document.failure or f"HTTP status {status}")
    if planned.task in (Task.SITEMAP, Task.FEED) and findings.problems and not (findings.found or findings.sitemaps):
        return Judgement(PageOutcome.FAILED, findings.problems[-1])
    told = (f"leads to {document.final_url}" if moved else "", document.problem)
    return Judgement(PageOutcome.READ, "; ".join(part for part in told if part))


def page_step(step: Step, captured: Captured, judgement: Judgement) -> Step:
    """`step` with what came of capturing its page."""
    return replace(
        step,
        outcome=judgement.outcome,
        reason=judgement.reason,
        capture_id=captured.capture_id,
        final_url=captured.final_url,
        status=captured.status,
        sha256=captured.sha256,
        text_sha256=captured.text_sha256,
        size=captured.size,
    )


def document_step(step: Step, document: Document, judgement: Judgement) -> Step:
    """`step` with what came of reading its document."""
    return replace(
        step,
        outcome=judgement.outcome,
        reason=judgement.reason,
        final_url=document.final_url,
        status=document.status,
        size=document.size,
    )


def _same(captured: Captured, known: Known) -> bool:
    # What a script draws may change in a page whose bytes never do.
    if captured.shown is None and captured.sha256 is not None and captured.sha256 == known.sha256:
        return True
    return captured.text_sha256 is not None and captured.text_sha256 == known.text_sha256


def _is_home(site: Site, url: str) -> bool:
    parts = urlsplit(url)
    return (parts.path in {"", "/"} and not parts.query) or url in site.start
