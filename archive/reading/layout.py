"""Which part of a page is the text of its own. Pure.

By what frames it, by how much of a piece is links, and by where the long paragraphs stand.
"""

from __future__ import annotations

from lxml import etree

from sijill.archive.reading.cards import find_cards
from sijill.archive.reading.frame_words import plain
from sijill.archive.reading.framing import find_frame, find_headed
from sijill.archive.reading.markup import Page, text_of
from sijill.archive.reading.regions import HEADINGS, Regions, ancestors, sizes_of, topmost, within

_CONTAINERS = frozenset({"body", "main", "article", "section", "div", "td", "form", "center"})


def regions_of(page: Page) -> Regions:
    """What frames the text, and which cards there are; `choose_roots` comes after it is known what the page is."""
    body = next(page.root.iter("body"), page.root)
    elements = [element for element in body.iter() if isinstance(element.tag, str)]
    regions = Regions(body, elements, sizes_of(elements))
    find_frame(regions, elements)
    find_headed(regions, elements)
    find_cards(regions, page, elements)
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
    around = ancestors(list(titles))
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
