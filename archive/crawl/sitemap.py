"""Sitemaps (sitemaps.org 0.9): URL sets, indexes, plain lists, gzipped or not. Pure: bytes in, values out."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sijill.archive.crawl.found import Found, How, Problem
from sijill.archive.crawl.markup import Part, read_items
from sijill.archive.crawl.urls import LONGEST_LINE, absolute, without_tracking
from sijill.archive.errors import BadTarget

MOST_CHILDREN = 1000
"""Sitemaps of one index that are read."""
_ITEMS = frozenset({"url", "sitemap"})
_FEED_ROOTS = frozenset({"rss", "feed", "rdf"})
_GZIP = b"\x1f\x8b"
_ROUND = 1 << 20
_W3C_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?\s?(Z|[+-]\d\d:?\d\d)?)?)?)?"
)


@dataclass(frozen=True, slots=True)
class Sitemap:
    """What a sitemap says."""

    found: tuple[Found, ...]
    children: tuple[str, ...]
    """The sitemaps that an index names."""
    problems: tuple[Problem, ...]
    is_feed: bool = False
    """It is RSS or Atom, which the protocol allows: read it as a feed."""


def read_sitemap(
    data: bytes, url: str, *, limit_urls: int, limit_bytes: int, charset: str | None = None, cut: str | None = None
) -> Sitemap:
    """Read a sitemap of any of the protocol's forms; never raises on what it is.

    Args:
        data: as fetched; may be gzipped.
        url: where it was found.
        limit_urls: most URLs that are given.
        limit_bytes: most bytes that are read of it, decompressed.
        charset: what Content-Type says of it.
        cut: why `data` is not all there was, if it is not.
    """
    problems = [Problem(url, cut)] if cut else []
    plain, trouble = _decompressed(data, limit_bytes)
    if trouble:
        problems.append(Problem(url, trouble))
    if plain.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"<" and plain[:2] not in {b"\xff\xfe", b"\xfe\xff"}:
        return _read_list(plain, url, limit_urls, problems)
    read = read_items(plain, _ITEMS, limit=limit_urls, charset=charset)
    if read.problem:
        problems.append(Problem(url, read.problem))
    if read.root in _FEED_ROOTS:
        return Sitemap((), (), tuple(problems), is_feed=True)
    if read.root == "html":
        problems.append(Problem(url, "it is an HTML page, not a sitemap"))
        return Sitemap((), (), tuple(problems))
    if read.root not in {"urlset", "sitemapindex"} and not (read.problem and not read.root):
        problems.append(Problem(url, f"it is not a sitemap: its root element is <{read.root[:40]}>"))
        return Sitemap((), (), tuple(problems))
    found: list[Found] = []
    children: dict[str, None] = {}
    bad = 0
    for name, parts in read.items:
        location = next((part.text for part in parts if part.name == "loc" and part.depth == 1), "")
        address = _absolute(url, location)
        if address is None:
            bad += 1
        elif name == "sitemap":
            children[address] = None
        else:
            found.extend(_entry(without_tracking(address), url, parts))
    if bad:
        problems.append(Problem(url, f"{bad} of its entries name no URL that can be requested"))
    if len(children) > MOST_CHILDREN:
        problems.append(Problem(url, f"it names {len(children)} sitemaps; the first {MOST_CHILDREN} are read"))
    if len(found) > limit_urls:
        problems.append(Problem(url, f"it names more than {limit_urls} URLs; the first {limit_urls} are read"))
    return Sitemap(tuple(found[:limit_urls]), tuple(children)[:MOST_CHILDREN], tuple(problems))


def parse_w3c_date(text: str) -> datetime | None:
    """The moment a W3C date and time (NOTE-datetime) begins, in UTC where it names no zone; None if it is none."""
    match = _W3C_DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    offset = "+00:00" if zone in {None, "Z"} else zone
    try:
        moment = datetime.fromisoformat(
            f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}:{second or '00'}{offset}"
        )
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _entry(address: str, via: str, parts: list[Part]) -> Iterator[Found]:
    lastmod = next((parse_w3c_date(part.text) for part in parts if part.name == "lastmod"), None)
    yield Found(address, via, How.SITEMAP, lastmod)
    for part in parts:
        if part.name == "link" and part.attributes.get("rel") == "alternate" and part.attributes.get("href"):
            other = _absolute(via, part.attributes["href"])
            if other is not None and without_tracking(other) != address:
                language = part.attributes.get("hreflang", "").strip().lower()[:35]
                named = language if language and language != "x-default" else None
                yield Found(without_tracking(other), via, How.HREFLANG, lastmod, named)


def _absolute(base: str, text: str) -> str | None:
    if not text or len(text) > LONGEST_LINE:
        return None
    try:
        return absolute(base, text)
    except BadTarget:
        return None


def _read_list(data: bytes, url: str, limit: int, problems: list[Problem]) -> Sitemap:
    """One absolute URL a line, in UTF-8."""
    found: list[Found] = []
    bad = 0
    for line in data.removeprefix(b"\xef\xbb\xbf").splitlines():
        written = line.strip().decode(errors="replace")
        if not written:
            continue
        address = _absolute(url, written) if written.startswith(("http://", "https://")) else None
        if address is not None:
            if len(found) == limit:
                problems.append(Problem(url, f"it names more than {limit} URLs; the first {limit} are read"))
                break
            found.append(Found(without_tracking(address), url, How.SITEMAP))
        else:
            bad += 1
            if bad > 100 and not found:
                break
    if not found:
        return Sitemap((), (), (*problems, Problem(url, "it is neither XML nor a list of URLs")))
    if bad:
        problems.append(Problem(url, f"{bad} of its lines are not URLs that can be requested"))
    return Sitemap(tuple(found), (), tuple(problems))


def _decompressed(data: bytes, limit: int) -> tuple[bytes, str | None]:
    if not data.startswith(_GZIP):
        return (data[:limit], f"it is larger than {limit} bytes; what follows was not read") if len(data) > limit else (
            data, None
        )  # fmt: skip
    out = bytearray()
    left = data
    while left.startswith(_GZIP):
        inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            while not inflater.eof:
                piece = inflater.decompress(left, min(_ROUND, limit + 1 - len(out)))
                out += piece
                if len(out) > limit:
                    return bytes(out[:limit]), f"decompressed it is larger than {limit} bytes; the rest was not read"
                left = inflater.unconsumed_tail
                if not piece and not left and not inflater.eof:
                    return bytes(out), "its compression breaks off"
        except zlib.error as err:
            return bytes(out), f"it is not gzip all through ({err})"
        left = inflater.unused_data
    return bytes(out), None
