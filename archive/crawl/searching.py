"""What a fetched document names, whatever kind of document it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from sijill.archive.crawl.document import Document
from sijill.archive.crawl.feed import read_feed
from sijill.archive.crawl.found import Found, How, Problem
from sijill.archive.crawl.links import read_links
from sijill.archive.crawl.pages import Captured, Task
from sijill.archive.crawl.site import Site
from sijill.archive.crawl.sitemap import read_sitemap

_HTML = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True)
class Findings:
    """What a document names."""

    found: tuple[Found, ...] = ()
    sitemaps: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    """Where a feed goes on, and feeds that a page says are its own."""
    problems: tuple[str, ...] = ()
    refused: tuple[tuple[str, int], ...] = ()
    """How many links are not for a crawl to follow, by scheme."""


def search_document(site: Site, task: Task, document: Document) -> Findings:
    """What a document names that was fetched as a page, sitemap or feed."""
    if document.status is None or not 200 <= document.status < 300:
        return Findings()
    if task is Task.SITEMAP:
        return _search_sitemap(site, document)
    if task is Task.FEED:
        return _search_feed(document)
    return _search_page(site, document.final_url, document.media_type, document.charset, document.body)


def search_captured(site: Site, url: str, captured: Captured) -> Findings:
    """What a captured page names."""
    if captured.status is None or not 200 <= captured.status < 300:
        return Findings()
    final_url = captured.final_url or url
    if captured.shown is not None and is_html(captured.media_type, captured.body):
        return _search_page(site, final_url, captured.media_type, "utf-8", captured.shown)
    return _search_page(site, final_url, captured.media_type, captured.charset, captured.body)


def is_html(media_type: str | None, body: bytes) -> bool:
    """Whether a document is an HTML page, by what is said of it; if nothing is, by its first mark."""
    return media_type in _HTML or (media_type is None and body.lstrip()[:1] == b"<")


def _search_sitemap(site: Site, document: Document) -> Findings:
    limits = site.limits
    read = read_sitemap(
        document.body,
        document.final_url,
        limit_urls=limits.sitemap_urls,
        limit_bytes=limits.sitemap_bytes,
        charset=document.charset,
        cut=document.problem,
    )
    if read.is_feed:
        return _search_feed(document)
    return Findings(read.found, read.children, (), _told(read.problems))


def _search_feed(document: Document) -> Findings:
    read = read_feed(document.body, document.final_url, charset=document.charset, cut=document.problem)
    further = tuple(one.url for one in read.found if one.how is How.OLDER)
    return Findings(tuple(one for one in read.found if one.how is not How.OLDER), (), further, _told(read.problems))


def _search_page(site: Site, url: str, media_type: str | None, charset: str | None, body: bytes) -> Findings:
    if not is_html(media_type, body):
        return Findings()
    read = read_links(body, url, limit=site.limits.links_per_page, charset=charset)
    feeds = tuple(one.url for one in read.feeds)
    return Findings(read.found, (), feeds, _told(read.problems), read.refused_schemes)


def _told(problems: tuple[Problem, ...]) -> tuple[str, ...]:
    return tuple(f"{problem.url}: {problem.what}" for problem in problems)
