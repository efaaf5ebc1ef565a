"""The elements of a page, how much is in each, and what is known of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

UNSEEN = frozenset(
    {"script", "style", "noscript", "iframe", "noframes", "noembed", "template", "datalist", "head", "svg", "canvas",
     "object", "embed", "audio", "video", "map", "math"}
)  # fmt: skip
HEADING_TAGS = ("h1", "h2", "h3", "h4", "h5", "h6")
HEADINGS = frozenset(HEADING_TAGS)
_LONG = 80
"""Characters of a paragraph that is running text."""
_BLOCKS = frozenset(
    {"p", "li", "dd", "td", "blockquote", "div", "pre", "section", "article", "main", "body", "center", "font", "span"}
)
CARD_CHARACTERS = 1_500
"""Of a card with all its text; what is longer is a text of its own."""


@dataclass(slots=True)
class Size:
    """Of an element with all that is in it."""

    characters: int = 0
    """All but white space at the ends of text nodes; of what is not shown, none."""
    linked: int = 0
    links: int = 0
    long: int = 0
    """Characters of the running text, outside links."""


@dataclass(frozen=True, slots=True)
class Card:
    """What leads to another page: a title with a link, and perhaps some words of the text there."""

    box: etree._Element
    heading: etree._Element
    """What holds the title."""
    url: str


@dataclass(slots=True)
class Regions:
    """The parts of a page."""

    body: etree._Element
    elements: list[etree._Element]
    sizes: dict[etree._Element, Size]
    frame: set[etree._Element] = field(default_factory=set)
    """Topmost elements that are no part of the text; whatever is in them is not either."""
    headed: set[etree._Element] = field(default_factory=set)
    """Those that a heading of the frame heads, also in the frame unless the page is an index."""
    cards: list[Card] = field(default_factory=list)
    headed_cards: int = 0
    """How many of the cards are below a heading of the frame."""
    roots: list[etree._Element] = field(default_factory=list)

    def running(self) -> int:
        """Characters of running text outside frame and cards."""
        apart = self.frame | {card.box for card in self.cards}
        return self.sizes[self.body].long - sum(self.sizes[one].long for one in topmost(apart, self))


def within(element: etree._Element, apart: set[etree._Element]) -> bool:
    """Whether an element is one of these or in one of them."""
    one: etree._Element | None = element
    while one is not None:
        if one in apart:
            return True
        one = one.getparent()
    return False


def ancestors(elements: list[etree._Element]) -> set[etree._Element]:
    """The elements with all that they are in."""
    found = set[etree._Element]()
    for element in elements:
        one: etree._Element | None = element
        while one is not None and one not in found:
            found.add(one)
            one = one.getparent()
    return found


def topmost(apart: set[etree._Element], regions: Regions) -> list[etree._Element]:
    """Those of the elements that are in no other of them, in the order of the page."""
    found, inside = list[etree._Element](), set[etree._Element]()
    for element in regions.elements:
        if element.getparent() in inside:
            inside.add(element)
        elif element in apart:
            found.append(element)
            inside.add(element)
    return found


def sizes_of(elements: list[etree._Element]) -> dict[etree._Element, Size]:
    """How much is in each element of a page; `elements` in the order of the page."""
    sizes = {element: Size() for element in elements}
    own: dict[etree._Element, list[int]] = {}
    for element in reversed(elements):
        tag, size = element.tag, sizes[element]
        text = 0 if element.text is None else len(element.text.strip())
        if tag in UNSEEN:
            size.characters = size.linked = size.links = size.long = text = 0
        size.characters += text
        inside = own.pop(element, None)
        running = text + (inside[0] if inside else 0)
        linked = inside[1] if inside else 0
        if tag == "a":
            size.linked, size.links = size.characters, 1
            linked = running
        is_block = tag in _BLOCKS and tag not in {"font", "span"}
        if is_block or tag in HEADINGS:
            if is_block and running >= _LONG and linked * 2 < running:
                size.long += running - linked
            running = linked = 0
        parent = element.getparent()
        above = sizes.get(parent) if parent is not None else None
        if above is None or parent is None:
            continue
        tail = 0 if element.tail is None else len(element.tail.strip())
        above.characters += size.characters + tail
        above.linked += size.linked
        above.links += size.links
        above.long += size.long
        if running or linked or tail:
            sums = own.setdefault(parent, [0, 0])
            sums[0] += running + tail
            sums[1] += linked
    return sizes
