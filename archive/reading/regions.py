"""Which part of a page is the text of its own, which parts frame it, which lead to other pages. Pure.

By what elements are (nav, footer, roles), by words of classes, by headings such as "Related articles", by how much of a
piece is links, and by where the long paragraphs stand. No piece that holds most of a page's words counts as a frame.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TypeGuard

from lxml import etree

from sijill.archive.reading.frame_words import frame_words, plain
from sijill.archive.reading.language import is_home
from sijill.archive.reading.markup import Page, tag_of, text_of

UNSEEN = frozenset(
    {"script", "style", "noscript", "iframe", "noframes", "noembed", "template", "datalist", "head", "svg", "canvas",
     "object", "embed", "audio", "video", "map", "math"}
)  # fmt: skip
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
HEADINGS = frozenset(_HEADINGS)
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
_CARD_CHARACTERS = 1_500
_LONG = 80
"""Characters of a paragraph that is running text."""
_BLOCKS = frozenset(
    {"p", "li", "dd", "td", "blockquote", "div", "pre", "section", "article", "main", "body", "center", "font", "span"}
)
_CARD_BOXES = frozenset({"article", "div", "li", "section", "td"})


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


def regions_of(page: Page) -> Regions:
    """What frames the text, and which cards there are; `choose_roots` comes after it is known what the page is."""
    body = next(page.root.iter("body"), page.root)
    elements = [element for element in body.iter() if isinstance(element.tag, str)]
    regions = Regions(body, elements, _sizes(elements))
    _find_frame(regions, elements)
    _find_headed(regions, elements)
    _find_cards(regions, page, elements)
    return regions


def choose_roots(regions: Regions, page: Page, *, index: bool) -> None:
    """Where the main text stands: all that is not frame of an index, else the piece with the running text."""
    if index:
        regions.headed.clear()
        regions.roots = [_labelled(regions)]
        return
    regions.frame |= regions.headed
    regions.frame |= {card.box for card in regions.cards if len(regions.cards) > 1}
    regions.frame |= _menus(regions)
    core = _core(regions)
    root = _climbed(regions, core, _titles(regions, page))
    regions.roots = [root, *_trailing(regions, root)]


def within(element: etree._Element, apart: set[etree._Element]) -> bool:
    """Whether an element is one of these or in one of them."""
    one: etree._Element | None = element
    while one is not None:
        if one in apart:
            return True
        one = one.getparent()
    return False


def _sizes(elements: list[etree._Element]) -> dict[etree._Element, Size]:
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


def _find_frame(regions: Regions, elements: list[etree._Element]) -> None:
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


def _find_headed(regions: Regions, elements: list[etree._Element]) -> None:
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
            if around.linked * 2 < around.characters and (not is_heading or around.long > _CARD_CHARACTERS):
                break
            regions.headed.add(sibling)
            if not is_heading:
                break


def _find_cards(regions: Regions, page: Page, elements: list[etree._Element]) -> None:
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
    around = _ancestors([card.box for card in found])
    for group in boxed.values():
        if len(group) > 1:
            found.extend(card for card in group if card.box not in around)
    order = {element: at for at, element in enumerate(elements)}
    cards = [_widened(regions, card) for card in found]
    cards.sort(key=lambda card: order.get(card.box, 0))
    regions.cards = cards
    regions.headed_cards = sum(within(card.box, regions.headed) for card in cards)


def _ancestors(elements: list[etree._Element]) -> set[etree._Element]:
    found = set[etree._Element]()
    for element in elements:
        one: etree._Element | None = element
        while one is not None and one not in found:
            found.add(one)
            one = one.getparent()
    return found


def _card_at(regions: Regions, page: Page, element: etree._Element) -> Card | None:
    tag, size = element.tag, regions.sizes[element]
    if tag == "a":
        if size.characters < 20 or not any(tag_of(child) in _TILE_PARTS for child in element):
            return None
        url = page.absolute(element.get("href"))
        heading = next((part for part in element.iter(*_HEADINGS, "strong", "b")), element)
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


_TILE_PARTS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "div", "p", "strong", "figure", "span", "img"})


def _loose_card(regions: Regions, page: Page, element: etree._Element) -> Card | None:
    """A box with one heading without a link, and a link ("Learn more") beside it."""
    size = regions.sizes[element]
    if not 0 < size.links <= 3 or size.characters > _CARD_CHARACTERS:
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
        if size.characters > _CARD_CHARACTERS or sum(1 for _ in parent.iter(*_HEADINGS)) > 1:
            break
        box = parent
    return Card(box, card.heading, card.url)


def _labelled(regions: Regions) -> etree._Element:
    """The one element that a page names as its main part, else all of it."""
    named = [element for element in regions.elements if element.tag == "main" or element.get("role") == "main"]
    return named[0] if len(named) == 1 else regions.body


def _menus(regions: Regions) -> set[etree._Element]:
    """Lists of links within the site, without sentences; a list of signatories may link to each, elsewhere."""
    menus = set[etree._Element]()
    for element in regions.body.iter("ul", "ol", "div", "p", "td"):
        size = regions.sizes[element]
        if size.links >= 3 and size.linked * 3 > size.characters * 2 and element.getparent() not in menus:
            outward = sum(
                (link.get("href") or "").startswith(("http:", "https:", "//", "mailto:")) for link in element.iter("a")
            )
            if outward * 2 < size.links:
                menus.add(element)
    return menus


def _core(regions: Regions) -> etree._Element:
    """The smallest piece with most of the running text."""
    frames = topmost(regions.frame, regions)
    hidden: dict[etree._Element, int] = {}
    for frame in frames:
        long = regions.sizes[frame].long
        one = frame if long else None
        while one is not None:
            hidden[one] = hidden.get(one, 0) + long
            one = one.getparent()
    core = regions.body
    total = regions.sizes[core].long - hidden.get(core, 0)
    if not total:
        return _labelled(regions)
    while True:
        for child in core:
            size = regions.sizes.get(child)
            if size is not None and child not in regions.frame and (size.long - hidden.get(child, 0)) * 10 >= total * 6:
                core = child
                break
        else:
            break
    while core.tag not in _CONTAINERS and core is not regions.body and (parent := core.getparent()) is not None:
        core = parent
    return core


_CONTAINERS = frozenset({"body", "main", "article", "section", "div", "td", "form", "center"})


def _titles(regions: Regions, page: Page) -> set[etree._Element]:
    """First headings, and others that the page's own title confirms."""
    named = [plain(text) for text in (page.head.title, page.head.first("og:title")) if text]
    found = set[etree._Element]()
    for element in regions.body.iter("h1", "h2", "h3"):
        key = plain(text_of(element)) if element.tag != "h1" and regions.sizes[element].characters < 300 else ""
        if element.tag == "h1" or (len(key) > 3 and any(key in name for name in named)):
            found.add(element)
    return {element for element in found if not within(element, regions.frame)}


def _climbed(regions: Regions, core: etree._Element, titles: set[etree._Element]) -> etree._Element:
    """What holds the core and is marked as the text, else what holds the core and the title and no more menus."""
    for wanted in ("article", "main"):
        one: etree._Element | None = core
        while one is not None and one is not regions.body:
            if one.tag == wanted or (wanted == "main" and one.get("role") == "main"):
                return one
            one = one.getparent()
    around = _ancestors(list(titles))
    root, own = core, regions.sizes[core]
    while root not in around and root is not regions.body and (parent := root.getparent()) is not None:
        frames = [regions.sizes[one] for one in parent if one in regions.frame]
        above = regions.sizes[parent]
        more = above.linked + above.long - sum(frame.linked + frame.long for frame in frames) - own.linked - own.long
        if more * 2 > max(own.characters, 1):
            return core
        root = parent
    return root if root in around else core


def _trailing(regions: Regions, root: etree._Element) -> list[etree._Element]:
    """Lists beside the text without links: signatories often stand below it in a box of their own."""
    found = []
    for sibling in root.itersiblings():
        size = regions.sizes.get(sibling)
        if size is None or sibling in regions.frame or not size.characters or size.linked * 5 > size.characters:
            continue
        if sum(1 for _ in sibling.iter("li", "br", "tr")) > 1 or sibling.tag in HEADINGS:
            found.append(sibling)
    return found
