"""What the archivist wanted of a site when a run began: its bounds in the statement, its addresses in the report."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from sijill.archive.crawl.site import Site
from sijill.provenance.attest.parts import Count, Line, Part

_Listed = Annotated[tuple[Line, ...], Field(strict=False, max_length=10_000)]


def listed_json(site: Site) -> dict[str, Any]:
    """What was crawled, as the report of a run writes it."""
    return {
        "start": list(site.start),
        "sitemaps": list(site.sitemaps),
        "feeds": list(site.feeds),
        "hosts": [str(host) for host in site.hosts],
        "include": [str(pattern) for pattern in site.include],
        "exclude": [str(pattern) for pattern in site.exclude],
        "statements": [str(pattern) for pattern in site.statements],
        "languages": list(site.languages),
    }


def settings_json(site: Site, user_agent: str) -> dict[str, Any]:
    """Within which bounds a site was crawled, as the statement about a run writes it."""
    limits, politeness = site.limits, site.politeness
    return {
        "limits": {
            "pages": limits.pages,
            "depth": limits.depth,
            "bytes": limits.bytes,
            "milliseconds": round(limits.seconds * 1000),
            "linksPerPage": limits.links_per_page,
            "feedBytes": limits.feed_bytes,
            "sitemapBytes": limits.sitemap_bytes,
            "sitemapUrls": limits.sitemap_urls,
        },
        "politeness": {
            "delayMilliseconds": round(politeness.delay_seconds * 1000),
            "concurrency": politeness.concurrency,
            "obeyRobots": politeness.obey_robots,
            "maxRetryAfterMilliseconds": round(politeness.max_retry_after_seconds * 1000),
        },
        "userAgent": user_agent,
    }


class LimitsPart(Part):
    """Bounds of the run."""

    pages: Count
    depth: Count
    bytes: Count
    milliseconds: Count
    links_per_page: Count
    feed_bytes: Count
    sitemap_bytes: Count
    sitemap_urls: Count


class PolitenessPart(Part):
    """How hard hosts might be asked."""

    delay_milliseconds: Count
    concurrency: Count
    obey_robots: bool
    max_retry_after_milliseconds: Count


class ListedPart(Part):
    """What the archivist listed of the site."""

    start: _Listed
    sitemaps: _Listed
    feeds: _Listed
    hosts: _Listed
    include: _Listed
    exclude: _Listed
    statements: _Listed
    languages: _Listed


class RunSettingsPart(Part):
    """The bounds of a run, and how the crawler named itself."""

    limits: LimitsPart
    politeness: PolitenessPart
    user_agent: Line
