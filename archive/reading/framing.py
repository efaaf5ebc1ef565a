"""What frames the text of a page: menus, footers, boxes, and what stands below "Related articles" and the like. Pure.

By what elements are (nav, footer, roles), by words of classes, by headings. No piece that holds most of a page's words
counts as a frame.
"""

from __future__ import annotations

import re

from lxml import etree

from sijill.archive.reading.frame_words import frame_words, plain
from sijill.archive.reading.markup import tag_of, text_of
from sijill.archive.reading.regions import CARD_CHARACTERS, HEADINGS, Regions, Size

_FRAME_TAGS = frozenset(
    {"nav", "footer", "aside", "button", "select", "textarea", "dialog", "menu", "figcaption", "label"}
)
_FRAME_ROLES = frozenset(
    {"navigation", "banner", "contentinfo", "complementary", "search", "menu", "menubar", "dialog", "toolbar"}
)
_FRAME_WORDS = frozenset(
    {"ad", "ads", "advert", "advertisement", "author-box", "breadcrumb", "breadcrumbs", "comment", "comments",
     "comment-list", "cookie", "cookies", "crumbs", "footer", "masthead", "menu", "nav", "navbar", "navigation",
     "newsletter", "pager", "pagination", "popup", "promo", "recommended", "related", "share", "sharing", "sidebar",
     "sharedaddy", "social", "subscribe", "tagcloud", "widget", "skip-link", "language-switcher", "lang-switcher"}
)  # fmt: skip
_NEGATIONS = frozenset({"has", "no", "with", "without"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def find_frame(regions: Regions, elements: list[etree._Element]) -> None:
    """Note the pieces that are frame by what they are or are called."""
    sizes, total = regions.sizes, regions.sizes[regions.body].characters
    in_text: set[etree._Element] = set()
    for element in elements:
        parent = element.getparent()
        if parent in in_text or element.tag in {"main", "article"}:
            in_text.add(element)
        if element is regions.body or parent in regions.frame:
            continue
        if _is_frame(element, element in in_text, sizes[element], total):
            regions.frame.add(element)


def _is_frame(element: etree._Element, in_text: bool, size: Size, total: int) -> bool:
    tag = element.tag
    if tag in _FRAME_TAGS:
        return True
    if tag == "header":
        return not in_text
    if tag == "form":
        return size.long * 2 < size.characters and size.characters * 2 < total
    attributes = element.attrib
    if not attributes:
        return False
    if (attributes.get("role") or "").lower() in _FRAME_ROLES or "hidden" in attributes:
        return True
    if _HIDDEN.search(attributes.get("style") or ""):
        return True
    named = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
    return named != " " and size.characters * 5 < total * 2 and _named_as_frame(named.lower())


def _named_as_frame(named: str) -> bool:
    for name in named.split():
        if name in _FRAME_WORDS:
            return True
        parts = re.split(r"[-_]+", name)
        if len(parts) > 1 and _FRAME_WORDS.intersection(parts[:2]) and not _NEGATIONS.intersection(parts):
            return True
    return False


def find_headed(regions: Regions, elements: list[etree._Element]) -> None:
    """A heading such as "Related articles" takes what follows it up to the next heading of its rank."""
    headings, total = frame_words().headings, regions.sizes[regions.body].characters
    for element in elements:
        tag, size = str(element.tag), regions.sizes[element]
        is_heading = tag in HEADINGS
        if not 0 < size.characters <= 60 or not (is_heading or tag in {"p", "div", "dt", "b", "strong"}):
            continue
        if plain(text_of(element)) not in headings:
            continue
        if not is_heading and tag in {"b", "strong"}:
            parent = element.getparent()
            if parent is None or regions.sizes[parent].characters != size.characters:
                continue
            element = parent
        regions.headed.add(element)
        box = element.getparent()
        first = box is not None and box is not regions.body and next(iter(box), None) is element
        if (
            box is not None
            and first
            and tag_of(box) not in {"main", "article"}
            and regions.sizes[box].characters * 5 < total * 2
        ):
            regions.headed.add(box)
            continue
        for sibling in element.itersiblings():
            ends = tag_of(sibling)
            around = regions.sizes.get(sibling)
            if (ends in HEADINGS and (not is_heading or ends <= tag)) or around is None:
                break
            if around.linked * 2 < around.characters and (not is_heading or around.long > CARD_CHARACTERS):
                break
            regions.headed.add(sibling)
            if not is_heading:
                break
