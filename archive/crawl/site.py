"""What an archivist lists of an organisation: where its pages are, which are statements, how to fetch them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from sijill.archive.capture.browser.rendering import BrowserMode
from sijill.archive.capture.target import RequestUrl, parse_target
from sijill.archive.crawl.urls import PathPattern, ScopeHost
from sijill.archive.errors import BadTarget

LONGEST_URL = 2000
"""Characters of a URL that a crawl follows; longer ones are made by machines that append without end."""


@dataclass(frozen=True, slots=True)
class Politeness:
    """How hard a host may be asked."""

    delay_seconds: float = 1.0
    """Between the beginnings of two requests for pages to one host."""
    concurrency: int = 2
    """Pages of one host that are captured at one time."""
    obey_robots: bool = True
    max_retry_after_seconds: float = 300.0
    """The longest wait that a server may ask for by Retry-After or crawl-delay."""


@dataclass(frozen=True, slots=True)
class CrawlLimits:
    """Bounds of one run over one site. Sizes in bytes, times in seconds."""

    pages: int = 1000
    """Statement pages captured."""
    depth: int = 3
    """Links followed from a start page, sitemap or feed: what these name themselves has depth 0."""
    bytes: int = 5 << 30
    seconds: float = 6 * 3600.0
    links_per_page: int = 2000
    feed_bytes: int = 50_000_000
    sitemap_bytes: int = 50_000_000
    """Of one sitemap, decompressed."""
    sitemap_urls: int = 50_000
    """Of all sitemaps of a site together."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a site is due."""

    cron: str
    """Five fields."""
    timezone: str
    """IANA name."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a URL belongs to a site, and why or why not."""

    in_scope: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Site:
    """An organisation's site. URLs are request URLs: absolute, ASCII, no fragment."""

    id: str
    """`[a-z0-9][a-z0-9-]{0,39}`"""
    name: str
    start: tuple[str, ...]
    hosts: tuple[ScopeHost, ...]
    statements: tuple[PathPattern, ...]
    """Which pages are statements. One without a query part matches only URLs that have no query."""
    languages: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    """Beside those that robots.txt names."""
    include: tuple[PathPattern, ...] = ()
    """Paths that are in scope; all if empty."""
    exclude: tuple[PathPattern, ...] = ()
    """Paths that are not, whatever else matches."""
    schedule: Schedule | None = None
    limits: CrawlLimits = field(default=CrawlLimits())
    politeness: Politeness = field(default=Politeness())
    browser: BrowserMode | None = None
    """Whether statement pages are captured with a browser; None for what the archive's settings say."""

    def scope(self, url: str) -> Verdict:
        """Whether `url` may be fetched as a page of this site; never raises."""
        try:
            parsed = parse_target(url)
        except BadTarget as err:
            return Verdict(False, f"not a URL to request: {err.reason}")
        return self._scope(parsed)

    def is_statement(self, url: str) -> bool:
        """Whether `url` is in scope and a statement page; never raises."""
        try:
            parsed = parse_target(url)
        except BadTarget:
            return False
        has_query = "?" in parsed.path
        return self._scope(parsed).in_scope and any(
            pattern.matches(parsed) and (pattern.has_query or not has_query) for pattern in self.statements
        )

    def _scope(self, url: RequestUrl) -> Verdict:
        if len(str(url)) > LONGEST_URL:
            return Verdict(False, f"longer than {LONGEST_URL} characters")
        if not any(host.matches(url) for host in self.hosts):
            return Verdict(False, f"{url.authority} is not one of the site's hosts")
        for pattern in self.exclude:
            if pattern.matches(url):
                return Verdict(False, f"excluded by {pattern}")
        if not self.include:
            return Verdict(True, "on one of the site's hosts")
        for pattern in self.include:
            if pattern.matches(url):
                return Verdict(True, f"included by {pattern}")
        return Verdict(False, "no include pattern matches its path")
