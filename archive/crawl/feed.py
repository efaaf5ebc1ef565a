"""RSS and Atom feeds. Pure: bytes in, values out; the only module that imports feedparser.

feedparser knows the dialects, but takes minutes for what an ill-meaning server can put into a megabyte. It is handed
an extract instead: of each entry the parts that say where it is, when and in which language, and of the whole what
says which feed it is.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from time import struct_time
from typing import Any

from lxml import etree

from sijill.archive.crawl.found import Found, How, Problem
from sijill.archive.crawl.markup import Items, Part, read_items
from sijill.archive.crawl.urls import LONGEST_LINE, absolute, without_tracking
from sijill.archive.errors import BadTarget

MOST_ENTRIES = 2000
"""Entries of one feed that are read."""
_ITEMS = frozenset({"item", "entry"})
_ROOTS = frozenset({"rss", "feed", "rdf"})
_KEPT = frozenset({"link", "guid", "id", "pubdate", "published", "updated", "modified", "issued", "created", "date",
                   "language"})  # fmt: skip
_ATTRIBUTES = ("rel", "href", "hreflang", "type", "isPermaLink")
_LONGEST_VALUE = 2000


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed says."""

    found: tuple[Found, ...]
    """Its entries, and where further parts of it are (RFC 5005), `How.OLDER`."""
    problems: tuple[Problem, ...]


def read_feed(
    data: bytes, url: str, *, charset: str | None = None, limit: int = MOST_ENTRIES, cut: str | None = None
) -> Feed:
    """Read a feed; never raises on what it is.

    Args:
        data: as fetched, without content coding.
        url: where it was found.
        charset: what Content-Type says of it.
        limit: most entries that are given.
        cut: why `data` is not all there was, if it is not.
    """
    read = read_items(data, _ITEMS, limit=limit, charset=charset)
    problems = [Problem(url, what) for what in (cut, read.problem) if what]
    if read.root not in _ROOTS:
        kind = "an HTML page" if read.root == "html" else f"<{read.root[:40]}>" if read.root else "no XML"
        return Feed((), (*problems, Problem(url, f"it is {kind}, not a feed")))
    # Imported here: it takes 100 ms, and most pages come from elsewhere.
    import feedparser

    parsed = feedparser.parse(
        io.BytesIO(_extract(read)),
        response_headers={"content-location": url, "content-type": "application/xml; charset=utf-8"},
        resolve_relative_uris=False,
        sanitize_html=False,
    )
    language = _language(parsed.feed.get("language"))
    entries = [tuple(_entry(values, url, language)) for values in parsed.entries]
    found = [found for entry in entries for found in entry]
    bad = sum(1 for entry in entries if not entry)
    if bad:
        problems.append(Problem(url, f"{bad} of its entries name no URL that can be requested"))
    found.extend(_further(parsed.feed, url))
    return Feed(tuple(found), tuple(problems))


def _extract(read: Items) -> bytes:
    """A well-formed feed of the same kind with nothing in it but what is asked for."""
    atom = read.root == "feed"
    root = etree.Element(_tag(read.namespace, "feed") if atom else "rss")
    top = root if atom else etree.SubElement(root, "channel")
    for part in read.head:
        if part.name == "language" or (part.name == "link" and "rel" in part.attributes):
            _append(top, part)
    for _, parts in read.items:
        entry = etree.SubElement(top, _tag(read.namespace, "entry") if atom else "item")
        for part in parts:
            if part.depth == 1 and part.name.lower() in _KEPT:
                _append(entry, part)
    return bytes(etree.tostring(root))


def _tag(namespace: str, name: str) -> str:
    return f"{{{namespace}}}{name}" if namespace else name


def _append(parent: etree._Element, part: Part) -> None:
    try:
        element = etree.SubElement(parent, _tag(part.namespace, part.name))
        element.text = part.text[:_LONGEST_VALUE]
        for name in _ATTRIBUTES:
            if name in part.attributes:
                element.set(name, part.attributes[name][:_LONGEST_VALUE])
    except ValueError:  # a name or character that XML does not have, let through by the lenient parser
        return


def _entry(values: Any, via: str, language: str | None) -> Iterator[Found]:
    # feedparser gives for "updated" what "published" says, and warns of it, unless it is asked this way.
    lastmod = _moment(values["updated_parsed"]) if "updated_parsed" in values else None
    lastmod = lastmod or _moment(values.get("published_parsed"))
    own = _language(values.get("language")) or language
    links = [
        (address, _language(link.get("hreflang")))
        for link in values.get("links", ())
        if link.get("rel") == "alternate" and (address := _absolute(via, link.get("href"))) is not None
    ]
    if not links and (only := _absolute(via, values.get("link"))) is not None:
        links = [(only, None)]
    for position, (address, named) in enumerate(links):
        how = How.HREFLANG if position and named is not None else How.FEED
        yield Found(address, via, how, lastmod, named or own)


def _further(feed: Any, via: str) -> Iterator[Found]:
    for link in feed.get("links", ()):
        if link.get("rel") in {"next", "prev-archive"} and (address := _absolute(via, link.get("href"))) is not None:
            yield Found(address, via, How.OLDER)


def _absolute(base: str, text: str | None) -> str | None:
    if not text or len(text) > LONGEST_LINE:
        return None
    try:
        return without_tracking(absolute(base, text))
    except BadTarget:
        return None


def _moment(parsed: struct_time | None) -> datetime | None:
    if parsed is None:
        return None
    try:
        return datetime(*parsed[:6], tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _language(text: str | None) -> str | None:
    return (text or "").strip().lower()[:35] or None
