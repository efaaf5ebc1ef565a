"""The main text of a page as blocks, and the words around it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from lxml import etree

from sijill.archive.reading.frame_words import begins, frame_words, plain
from sijill.archive.reading.markup import Page, folded_text, shown_text
from sijill.archive.reading.regions import HEADINGS, UNSEEN, Regions
from sijill.archive.reading.statement import Block, BlockKind, Place

MOST_BLOCKS = 50_000
_INLINE = frozenset(
    {"a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img",
     "ins", "kbd", "mark", "q", "rb", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time",
     "tt", "u", "var", "wbr", "input"}
)  # fmt: skip
_BOLD = frozenset({"b", "strong", "th"})
_BOLD_STYLE = re.compile(r"font-weight\s*:\s*(bold|[6-9]00)", re.IGNORECASE)
_LINE_END = "\n"
_SHORT = 140
_MOST_DEPTH = 30


@dataclass(slots=True)
class MainText:
    """The main text, and what was met on the way through the page."""

    text: str
    blocks: tuple[Block, ...]
    frame: str
    """All other words of the page, folded."""
    links: tuple[str, ...]
    anchors: tuple[etree._Element, ...]
    """Of the main text, and of what of it only offers other languages or leads back."""
    complete: bool = True


@dataclass(slots=True)
class _Draft:
    kind: BlockKind
    text: str
    group: int
    level: int = 0
    number: int | None = None
    bold: bool = False
    cells: tuple[str, ...] = ()


@dataclass(slots=True)
class _List:
    group: int
    next: int | None
    """The next number of an ordered list."""
    step: int = 1


@dataclass(slots=True)
class _Item:
    list: _List
    number: int | None
    depth: int
    shown: bool = False


@dataclass(slots=True)
class _Cells:
    group: int
    cells: list[str] = field(default_factory=list)
    open: bool = False


def main_text(page: Page, regions: Regions, *, is_date: Callable[[str], bool]) -> MainText:
    """Goes through the page once. Dates that stand alone above the text are told apart by `is_date` and left out."""
    walk = _Walk(page, regions)
    walk.go()
    drafts = _without_dates(walk.drafts, is_date)
    text, blocks = _placed(drafts)
    return MainText(
        text, blocks, folded_text("".join(walk.frame)), tuple(walk.links), tuple(walk.anchors), not walk.cut
    )


def placed(pieces: list[tuple[BlockKind, str, int]]) -> tuple[str, tuple[Block, ...]]:
    """Text and blocks of (kind, text, group): for documents that are not HTML."""
    return _placed([_Draft(kind, text, group) for kind, text, group in pieces])


class _Walk:
    def __init__(self, page: Page, regions: Regions) -> None:
        self.drafts: list[_Draft] = []
        self.frame: list[str] = []
        self.links: dict[str, None] = {}
        self.anchors: list[etree._Element] = []
        self.cut = False
        self._page = page
        self._regions = regions
        self._roots = set(regions.roots)
        self._pieces: list[str] = []
        self._characters = self._bold = self._linked = 0
        self._in_link = 0
        self._bolds: list[etree._Element] = []
        self._groups = 0
        self._lists: list[_List] = []
        self._items: list[_Item | None] = []
        self._tables: list[_Cells | None] = []
        self._heading = 0

    def go(self) -> None:
        regions = self._regions
        main = framed = 0
        walker = etree.iterwalk(regions.body, events=("start", "end"))
        for event, element in walker:
            tag = element.tag
            if not isinstance(tag, str):
                continue
            if event == "start":
                if tag in UNSEEN:
                    walker.skip_subtree()
                    continue
                if element in regions.frame:
                    if not framed:
                        self._flush()
                    framed += 1
                if element in self._roots:
                    if not main:
                        self._flush()
                    main += 1
                if main and not framed:
                    self._start(tag, element)
                else:
                    self._around(tag, element.text)
                continue
            inside = main and not framed
            if inside:
                self._end(tag, element)
            if tag not in UNSEEN:
                if element in regions.frame:
                    framed -= 1
                if element in self._roots:
                    self._flush()
                    main -= 1
            if main and not framed:
                self._text(element.tail)
            elif element is not regions.body:
                self._around(tag, element.tail)
        self._flush()
        self.links = {url: None for url in self.links if url}

    def _around(self, tag: str, text: str | None) -> None:
        if tag not in _INLINE:
            self.frame.append(" ")
        if text:
            self.frame.append(text)

    def _text(self, text: str | None) -> None:
        if not text:
            return
        seen = len(text.strip())
        self._pieces.append(text.replace("\r", " ").replace("\n", " "))
        self._characters += seen
        if self._bolds:
            self._bold += seen
        if self._in_link:
            self._linked += seen

    def _start(self, tag: str, element: etree._Element) -> None:
        if tag == "br":
            self._pieces.append(_LINE_END)
        elif tag == "a":
            self._in_link += 1
            self.anchors.append(element)
            if (url := self._page.absolute(element.get("href"))) and url != self._page.url:
                self.links.setdefault(url)
        elif tag not in _INLINE:
            self._open(tag, element)
        if tag in _BOLD or (element.get("style") and _BOLD_STYLE.search(element.get("style") or "")):
            self._bolds.append(element)
        text = element.text
        if text and tag == "pre":
            self._pieces.append(text)
            self._characters += len(text.strip())
        else:
            self._text(text)

    def _end(self, tag: str, element: etree._Element) -> None:
        if tag == "a":
            self._in_link -= 1
        if self._bolds and self._bolds[-1] is element:
            self._bolds.pop()
        if tag not in _INLINE and tag != "br":
            self._close(tag)

    def _open(self, tag: str, element: etree._Element) -> None:
        cells = self._tables[-1] if self._tables else None
        if cells is not None and cells.open:
            self._pieces.append(_LINE_END)
            return
        if tag == "tr" and cells is not None:
            self._flush()
            cells.cells = []
            return
        if tag in {"td", "th"} and cells is not None:
            cells.open = True
            self._pieces.clear()
            return
        self._flush()
        if tag in {"ul", "ol"}:
            self._lists.append(self._new_list(tag, element))
        elif tag == "li":
            self._items.append(self._new_item(element))
        elif tag == "table":
            self._tables.append(_Cells(self._group()) if self._holds_data(element) else None)
        elif tag in HEADINGS:
            self._heading = int(tag[1])
        elif tag == "dt":  # what the terms of a list head is what stands below them
            self._heading = 6

    def _close(self, tag: str) -> None:
        cells = self._tables[-1] if self._tables else None
        if cells is not None and tag != "table":
            if tag in {"td", "th"} and cells.open:
                cells.cells.append("\n".join(self._lines()))
                cells.open = False
                self._reset()
            elif tag == "tr":
                self._row(cells)
            return
        self._flush()
        if tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
        elif tag == "li" and self._items:
            self._items.pop()
        elif tag == "table" and self._tables:
            self._tables.pop()
        elif tag in HEADINGS or tag == "dt":
            self._heading = 0

    def _new_list(self, tag: str, element: etree._Element) -> _List:
        if tag == "ul":
            return _List(self._group(), None)
        step = -1 if "reversed" in element.attrib else 1
        start = _integer(element.get("start"))
        if start is None:
            start = 1 if step > 0 else sum(child.tag == "li" for child in element)
        return _List(self._group(), start, step)

    def _new_item(self, element: etree._Element) -> _Item:
        inside = self._lists[-1] if self._lists else _List(self._group(), None)
        if inside.next is None:
            return _Item(inside, None, min(len(self._lists), _MOST_DEPTH) or 1)
        value = _integer(element.get("value"))
        number = inside.next if value is None else value
        inside.next = number + inside.step
        return _Item(inside, number, min(len(self._lists), _MOST_DEPTH))

    def _holds_data(self, table: etree._Element) -> bool:
        """Not one that only lays the page out: no table in it, no running text, no headings."""
        size = self._regions.sizes[table]
        if size.long > 600 or next(table.iterdescendants("table", "h1", "h2", "p"), None) is not None:
            return False
        return next(table.iter("td", "th"), None) is not None

    def _row(self, cells: _Cells) -> None:
        found = tuple(cell for cell in cells.cells)
        cells.cells = []
        if any(found):
            self._add(_Draft("row", "\t".join(cell.replace("\n", " ") for cell in found), cells.group, cells=found))

    def _group(self) -> int:
        self._groups += 1
        return self._groups

    def _lines(self) -> list[str]:
        lines = [shown_text(line) for line in "".join(self._pieces).split(_LINE_END)]
        return [line for line in lines if line]

    def _reset(self) -> None:
        self._pieces.clear()
        self._characters = self._bold = self._linked = 0

    def _flush(self) -> None:
        if not self._pieces:
            return
        if not self._characters:
            self._reset()
            return
        # Two line breaks in a row part paragraphs.
        parts = [self._split(part) for part in re.split(r"\n\s*\n", "".join(self._pieces))]
        bold, linked = self._bold * 10 >= self._characters * 9, self._linked * 10 >= self._characters * 9
        offered = self._linked > 0
        self._reset()
        for lines in parts:
            if lines:
                self._paragraph(lines, bold=bold, linked=linked, offered=offered)

    @staticmethod
    def _split(part: str) -> list[str]:
        return [line for line in map(shown_text, part.split(_LINE_END)) if line]

    def _paragraph(self, lines: list[str], *, bold: bool, linked: bool, offered: bool) -> None:
        if self._leads_elsewhere(lines, linked, offered):
            self.frame.extend((" ", *lines, " "))
            return
        if self._heading:
            self._add(_Draft("heading", " ".join(lines), self._group(), level=self._heading, bold=bold))
            return
        item = self._items[-1] if self._items else None
        if item is not None and not item.shown:
            item.shown = True
            self._add(_Draft("item", lines[0], item.list.group, level=item.depth, number=item.number, bold=bold))
            lines = lines[1:]
        if not lines:
            return
        group = self._group()
        kind: BlockKind = "line" if len(lines) > 1 else "paragraph"
        for line in lines:
            self._add(_Draft(kind, line, group, bold=bold))

    def _leads_elsewhere(self, lines: list[str], linked: bool, offered: bool) -> bool:
        if not offered or len(lines) > 1 or len(lines[0]) > _SHORT:
            return False
        words, lists = plain(lines[0]), frame_words()
        if begins(words, lists.languages_offered):
            return True
        return linked and not self._items and (begins(words, lists.ways_out) or words in lists.languages)

    def _add(self, draft: _Draft) -> None:
        if len(self.drafts) < MOST_BLOCKS:
            self.drafts.append(draft)
        else:
            self.cut = True


def _integer(value: str | None) -> int | None:
    found = re.match(r"\s*([+-]?[0-9]{1,6})", value or "")
    return int(found[1]) if found else None


def _without_dates(drafts: list[_Draft], is_date: Callable[[str], bool]) -> list[_Draft]:
    """Where the text has begun, a date is part of it."""
    kept = []
    begun = False
    for draft in drafts:
        begun = begun or (draft.kind != "heading" and len(draft.text) >= _SHORT)
        if begun or draft.kind not in {"paragraph", "line"} or not is_date(draft.text):
            kept.append(draft)
    return kept


def _placed(drafts: list[_Draft]) -> tuple[str, tuple[Block, ...]]:
    pieces, blocks, at = list[str](), list[Block](), 0
    last: _Draft | None = None
    for draft in drafts:
        if last is not None:
            gap = "\n" if draft.group == last.group and draft.kind == last.kind else "\n\n"
            pieces.append(gap)
            at += len(gap)
        place = Place(at, at + len(draft.text))
        blocks.append(
            Block(draft.kind, draft.text, place, draft.group, draft.level, draft.number, draft.bold, draft.cells)
        )
        pieces.append(draft.text)
        at = place.end
        last = draft
    return "".join(pieces), tuple(blocks)
