"""What sort of page it is, told before its text is taken apart. Pure."""

from __future__ import annotations

from sijill.archive.reading.frame_words import begins, frame_words, plain
from sijill.archive.reading.language import is_home
from sijill.archive.reading.markup import Page
from sijill.archive.reading.regions import Regions, topmost
from sijill.archive.reading.statement import Kind

_LITTLE = 400
"""Characters of running text that no statement goes below, and that a page to log in may have."""
_SHORTEST = 200


def is_index(page: Page, regions: Regions) -> str | None:
    """Why a page is one that leads to others, or None if it is not."""
    running = regions.running()
    size, framed = regions.sizes[regions.body], topmost(regions.frame, regions)
    cards = len(regions.cards)
    home = is_home(page.url)
    if cards and home and running < 3 * _LITTLE:
        return f"the first page of a site, with {cards} cards and little text of its own"
    free = cards - regions.headed_cards
    listed = sum(regions.sizes[card.box].characters for card in regions.cards)
    if free > 1 and running < listed and running < 3 * _LITTLE:
        return f"{free} cards or links and little text of its own"
    if cards > 1 and running == 0 and page.head.first("og:type") != "article":
        return f"{cards} cards and no text of its own"
    outside = size.characters - sum(regions.sizes[one].characters for one in framed)
    linked = size.linked - sum(regions.sizes[one].linked for one in framed)
    if linked and not running and linked * 10 >= outside * 6:
        return "links, and no text of its own"
    if free and running < _SHORTEST and listed * 2 > outside:
        return "a list of links"
    return None


def login_reason(page: Page, regions: Regions) -> str | None:
    """Why a page only asks who one is, or None if it does more."""
    if regions.running() >= _LITTLE:
        return None
    if any((field.get("type") or "").lower() == "password" for field in page.root.iter("input")):
        return "it asks for a password and has little text"
    if begins(plain(page.head.title), tuple(frame_words().login)) and regions.running() < _SHORTEST:
        return "its title asks to log in and it has little text"
    return None


def kind_of_text(text: str, *, links: int) -> tuple[Kind, str]:
    """What a page with a text of its own is, by that text."""
    letters = sum(map(str.isalnum, text[: 10 * _LITTLE]))
    if not letters:
        return "empty", "no words outside the frame of the page"
    if text.rstrip().endswith(("…", "[…]", "...")) and links and letters < _LITTLE:
        return "teaser", "a short text that breaks off, and a link"
    if letters < _SHORTEST:
        return "other", f"only {letters} letters of text"
    return "statement", "a text of its own"
