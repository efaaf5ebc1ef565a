"""The cards of a page: what leads to another page by a title, and perhaps some words of it. Pure."""

from __future__ import annotations

from typing import TypeGuard

from lxml import etree

from sijill.archive.reading.frame_words import frame_words, plain
from sijill.archive.reading.language import is_home
from sijill.archive.reading.markup import Page, tag_of, text_of
from sijill.archive.reading.regions import CARD_CHARACTERS, HEADING_TAGS, HEADINGS, Card, Regions, ancestors, within

_CARD_BOXES = frozenset({"article", "div", "li", "section", "td"})

_TILE_PARTS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "div", "p", "strong", "figure", "span", "img"})


def find_cards(regions: Regions, page: Page, elements: list[etree._Element]) -> None:
    """Note the cards that are in no frame."""
    found: list[Card] = []
    inside: set[etree._Element] = set()
    out = set(regions.frame)
    boxed: dict[tuple[etree._Element, str, str], list[Card]] = {}
    for element in elements:
        parent = element.getparent()
        if element in out or parent in out:
            out.add(element)
            continue
        if parent in inside:
            inside.add(element)
            continue
        card = _card_at(regions, page, element)
        if card is not None:
            found.append(card)
            inside.add(element)
        elif element.tag in _CARD_BOXES and parent is not None and (card := _loose_card(regions, page, element)):
            boxed.setdefault((parent, str(element.tag), element.get("class") or ""), []).append(card)
    around = ancestors([card.box for card in found])
    for group in boxed.values():
        if len(group) > 1:
            found.extend(card for card in group if card.box not in around)
    order = {element: at for at, element in enumerate(elements)}
    cards = [_widened(regions, card) for card in found]
    cards.sort(key=lambda card: order.get(card.box, 0))
    regions.cards = cards
    regions.headed_cards = sum(within(card.box, regions.headed) for card in cards)


def _card_at(regions: Regions, page: Page, element: etree._Element) -> Card | None:
    tag, size = element.tag, regions.sizes[element]
    if tag == "a":
        if size.characters < 20 or not any(tag_of(child) in _TILE_PARTS for child in element):
            return None
        url = page.absolute(element.get("href"))
        heading = next((part for part in element.iter(*HEADING_TAGS, "strong", "b")), element)
        return Card(element, heading, url) if _leads(url, page) else None
    if tag in HEADINGS or tag in {"li", "tr"}:
        if not size.characters or size.links != 1 or size.linked * 10 < size.characters * (9 if tag in HEADINGS else 5):
            return None
        link = next(element.iter("a"))
        url = page.absolute(link.get("href"))
        if not _leads(url, page) or plain(text_of(link)) in frame_words().languages:
            return None
        return Card(element, element if tag in HEADINGS else link, url)
    return None


def _leads(url: str | None, page: Page) -> TypeGuard[str]:
    """Whether a link leads to another page that is not the first one of a site."""
    return url is not None and url != page.url and not is_home(url)


def _loose_card(regions: Regions, page: Page, element: etree._Element) -> Card | None:
    """A box with one heading without a link, and a link ("Learn more") beside it."""
    size = regions.sizes[element]
    if not 0 < size.links <= 3 or size.characters > CARD_CHARACTERS:
        return None
    headings = list(element.iter("h2", "h3", "h4", "h5", "h6"))
    if len(headings) != 1 or regions.sizes[headings[0]].links:
        return None
    for link in element.iter("a"):
        url = page.absolute(link.get("href"))
        if _leads(url, page):
            return Card(element, headings[0], url)
    return None


def _widened(regions: Regions, card: Card) -> Card:
    """The box around a heading that is a link: as large as holds no other heading and no long text."""
    if card.box is not card.heading or card.box.tag not in HEADINGS:
        return card
    box = card.box
    while (parent := box.getparent()) is not None and parent.tag in _CARD_BOXES:
        size = regions.sizes[parent]
        if size.characters > CARD_CHARACTERS or sum(1 for _ in parent.iter(*HEADING_TAGS)) > 1:
            break
        box = parent
    return Card(box, card.heading, card.url)
