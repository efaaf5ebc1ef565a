"""An HTML page as a tree, and what its head says of it. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree

from sijill.archive.capture.requisites import parse_html

_INVISIBLE = dict.fromkeys((0x00AD, 0x200B, 0x2060, 0xFEFF))
"""Soft hyphen, zero width space, word joiner, byte order mark: where a line may break is not what it says."""
_SPACES = re.compile(r"\s+")
_BREAKABLE = re.compile(r"[ \t\n\r\f\v]+")
_LONGEST_JSON = 1 << 20
_MOST_OBJECTS = 2_000


def folded_text(text: str) -> str:
    """The text in Unicode's form NFC, a single space between words, nothing that is only a place to break a line."""
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text).translate(_INVISIBLE)).strip()


def shown_text(text: str) -> str:
    """Like `folded_text`, but spaces that HTML does not fold (no-break and others) stay as they are within the text."""
    return _BREAKABLE.sub(" ", unicodedata.normalize("NFC", text).translate(_INVISIBLE)).strip()


@dataclass(slots=True)
class Head:
    """What a page says of itself outside its text: names lowercase, values as written, first to last."""

    title: str = ""
    meta: dict[str, list[str]] = field(default_factory=dict)
    json_ld: list[dict[str, Any]] = field(default_factory=list)
    alternates: list[tuple[str, str]] = field(default_factory=list)
    """hreflang, absolute URL."""

    def first(self, *names: str) -> str | None:
        """The first value of the first of these names that has one."""
        for name in names:
            for value in self.meta.get(name, ()):
                if value:
                    return value
        return None


@dataclass(slots=True)
class Page:
    """A page as a tree, with its address and what references are resolved against."""

    root: etree._Element
    url: str
    base: str
    head: Head

    def absolute(self, href: str | None) -> str | None:
        """The http or https URL that a reference names, without fragment; None if it names none."""
        if href is None:
            return None
        try:
            url = urljoin(self.base, href.strip())
            parts = urlsplit(url)
        except ValueError:
            return None
        return url.partition("#")[0] if parts.scheme in {"http", "https"} and parts.netloc else None


def tag_of(element: etree._Element) -> str:
    """Lowercase name; of what is no element, empty."""
    tag = element.tag
    return tag if isinstance(tag, str) else ""


def text_of(element: etree._Element) -> str:
    """All words in an element, folded."""
    return folded_text("".join(str(part) for part in element.itertext()))


def read_page(text: str, url: str) -> Page | None:
    """The tree of a page; None if there is no element in it."""
    root = parse_html(text)
    if root is None:
        return None
    page = Page(root, url, url, Head())
    for element in root.iter("base"):
        if href := element.get("href"):
            page.base = page.absolute(href) or url
            break
    for element in root.iter("title", "meta", "link", "script"):
        _read_head(page, element)
    return page


def _read_head(page: Page, element: etree._Element) -> None:
    head, tag = page.head, tag_of(element)
    if tag == "title":
        parent = element.getparent()
        if not head.title and parent is not None and tag_of(parent) != "svg":
            head.title = text_of(element)
    elif tag == "meta":
        name = element.get("property") or element.get("name") or element.get("itemprop") or ""
        if name and (content := folded_text(element.get("content") or "")):
            head.meta.setdefault(name.strip().lower(), []).append(content)
    elif tag == "link":
        language, target = element.get("hreflang"), page.absolute(element.get("href"))
        if language and target and "alternate" in (element.get("rel") or "").lower().split():
            head.alternates.append((language.strip().lower(), target))
    elif (element.get("type") or "").strip().lower() == "application/ld+json":
        head.json_ld.extend(_objects("".join(str(part) for part in element.itertext())))


def _objects(text: str) -> Iterator[dict[str, Any]]:
    if len(text) > _LONGEST_JSON:
        return
    try:
        waiting = [json.loads(text, strict=False)]
    except (ValueError, RecursionError):
        return
    seen = 0
    while waiting and seen < _MOST_OBJECTS:
        value = waiting.pop(0)
        seen += 1
        if isinstance(value, dict):
            yield value
            waiting.extend(part for part in value.values() if isinstance(part, dict | list))
        elif isinstance(value, list):
            waiting.extend(part for part in value if isinstance(part, dict | list))
