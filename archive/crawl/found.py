"""What discovery gives: URLs and where each was found, and what could not be read. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class How(StrEnum):
    """In what a URL was found."""

    START = "start"
    SITEMAP = "sitemap"
    FEED = "feed"
    LINK = "link"
    CANONICAL = "canonical"
    HREFLANG = "hreflang"
    OLDER = "older"
    """The next page of a list: rel=next, numbered pages, "older posts" in many languages."""


@dataclass(frozen=True, slots=True)
class Found:
    """A URL and where it was found."""

    url: str
    """A request URL: absolute, ASCII, no fragment."""
    via: str
    """The URL of the page, feed or sitemap that names it; its own if the archivist did."""
    how: How
    lastmod: datetime | None = None
    """When it last changed, as the sitemap or feed says; aware, in UTC."""
    language: str | None = None
    """As hreflang or the feed says: a BCP 47 tag in lower case."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read, or not wholly."""

    url: str
    what: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A link that is not for a crawl to follow."""

    reference: str
    """As written, at most 200 characters of it."""
    reason: str
