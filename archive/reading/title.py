"""The title of a page, and whom it names as its author or publisher. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lxml import etree

from sijill.archive.reading.frame_words import plain
from sijill.archive.reading.markup import Head, text_of
from sijill.archive.reading.statement import Found

_PARTED = re.compile(r"\s+[|·•»«–—:-]+\s+|\s+::\s+|\s*\|\s*")
_LONGEST = 500


def title_of(head: Head, headings: Sequence[etree._Element], *, is_index: bool) -> Found[str]:
    """What a page is called.

    Of a page with a text of its own, the heading that its `<title>` or `og:title` confirms, else its first one; of an
    index, its `<title>` without the site's name, as the headings there are those of other pages.

    Args:
        head: what the page declares.
        headings: its h1 elements, or the h2 of the main text if there is none, frames left out.
        is_index: whether it is one.
    """
    texts = [text for text in (text_of(heading) for heading in headings) if 0 < len(text) <= _LONGEST]
    declared = [text for text in (head.first("og:title", "twitter:title"), head.title) if text]
    keys = [plain(text) for text in declared]
    for text in texts:
        key = plain(text)
        if key and any(key == other or _is_part(key, other) for other in keys):
            return Found(text, "a heading that the page's own title confirms")
    if texts and not is_index:
        return Found(
            texts[0],
            "the first heading"
            if len(texts) == 1
            else f"the first of {len(texts)} headings; its own title confirms none",
        )
    if declared:
        return Found(_without_site(declared[0], head), "the title that the page declares")
    if texts:
        return Found(texts[0], "the first heading; the page declares no title")
    return Found(None, "not found: the page declares no title and has no first heading")


def issuers_of(head: Head) -> tuple[str, ...]:
    """Authors and publishers that a page names in its metadata, in its order, each once."""
    named: dict[str, None] = {}
    for value in head.json_ld:
        for member in ("author", "publisher"):
            named.update(dict.fromkeys(_names(value.get(member))))
    for name in ("author", "article:author", "dc.creator", "dc.publisher", "og:site_name"):
        named.update(dict.fromkeys(head.meta.get(name, ())))
    return tuple(name for name in named if len(name) <= 200 and not name.startswith(("http:", "https:", "@")))


def _names(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    names = [one.get("name") if isinstance(one, dict) else one for one in values[:50]]
    return [name.strip() for name in names if isinstance(name, str) and name.strip()]


def _is_part(key: str, other: str) -> bool:
    """Whether a heading is a title but for a site's name before or after it."""
    return len(key) >= 4 and (other.startswith(f"{key} ") or other.endswith(f" {key}"))


def _without_site(title: str, head: Head) -> str:
    site = plain(head.first("og:site_name", "application-name") or "")
    if not site or plain(title) == site:
        return title
    for mark in _PARTED.finditer(title):
        if plain(title[mark.end() :]) == site:
            return title[: mark.start()].strip()
        if plain(title[: mark.start()]) == site:
            return title[mark.end() :].strip()
    return title
