"""Who signed: the names after a heading of signatories, after an announcement, or at the foot of a text. Pure.

What is in doubt is not found. Names are kept as they stand on the page, with their place in the text; the normalised
form, the key and the organisation stand beside. Others who are only counted are counted, never invented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sijill.archive.reading.announcing import LONGEST, Opening, counted_only, ends_in_colon, ends_names, opening
from sijill.archive.reading.listed import Entry, entries_of, list_entries, table_entries
from sijill.archive.reading.names import is_bare_name, is_clearly_organisation, is_name, split_names, trimmed
from sijill.archive.reading.normalise import name_key, normalised_name
from sijill.archive.reading.organisations import Organisations, organisations
from sijill.archive.reading.statement import Block, Place, SignatoriesFound, Signatory, SignatoryList
from sijill.archive.reading.trailing import trailing_names
from sijill.archive.reading.vocabulary import Vocabulary, vocabulary

_LISTED = ("item", "row", "line")
_NO_LEVEL = 7
"""Of a heading that is only a bold paragraph or a line with a colon: below all real ones."""
_NOTHING = "not found: no heading of signatories, no names announced before a colon, no signed text that ends in names"


@dataclass(slots=True)
class _Gathered:
    """The names under one heading or subheading, while they are being read."""

    heading: str | None
    layout: str = ""
    entries: list[Entry] = field(default_factory=list)

    def add(self, layout: str, entries: list[Entry]) -> None:
        self.entries.extend(entries)
        self.layout = self.layout or layout


def find_signatories(blocks: Sequence[Block], table: Organisations | None = None) -> SignatoriesFound:
    """The signatories that the main text names, list by list, in the order of the page.

    Args:
        blocks: the main text in order.
        table: organisations and their aliases; without it that of the package.

    Returns:
        No lists and the reason if none are named in text. Others who are only counted ("and 12 other organisations")
        stand in the reason, never in a list.
    """
    return _Scan(blocks, vocabulary(), organisations() if table is None else table).run()


class _Scan:
    def __init__(self, blocks: Sequence[Block], known: Vocabulary, table: Organisations) -> None:
        self._blocks = blocks
        self._known = known
        self._table = table
        self._lists: list[SignatoryList] = []
        self._others = 0
        self._empty: str | None = None
        """The first heading that no names follow."""

    def run(self) -> SignatoriesFound:
        position = 0
        while position < len(self._blocks):
            announced = opening(self._blocks[position], self._known)
            position = position + 1 if announced is None else self._read(position, announced)
        if not self._lists and self._empty is None:
            self._close(_Gathered(None, "trailing", trailing_names(self._blocks, self._known)))
        return SignatoriesFound(tuple(self._lists), self._reason())

    def _reason(self) -> str:
        if not self._lists:
            if self._empty is None:
                return _NOTHING
            return f"not found: no names in text follow “{self._empty}”; they may be pictures, or stand elsewhere"
        named = sum(len(each.signatories) for each in self._lists)
        headings = ", ".join(f"“{each.heading}”" for each in self._lists if each.heading)
        after = f"after {headings}" if headings else "at the end of a text that says it is signed by several"
        return f"found: {named} {after}" + (f"; {self._others} others counted, not named" if self._others else "")

    def _read(self, position: int, announced: Opening) -> int:
        """Reads what an opening announces; where to go on."""
        block, before = self._blocks[position], len(self._lists)
        gathered = _Gathered(announced.heading)
        if announced.rest:
            if not self._add_inline(gathered, block, announced.rest, announced.rest_start, announced.count):
                return position + 1
            if block.kind != "line":
                self._close(gathered)
                return position + 1
        end = self._follow(position, gathered, announced)
        self._close(gathered)
        if len(self._lists) > before:
            return end
        self._empty = self._empty or announced.heading
        return position + 1

    def _follow(self, position: int, gathered: _Gathered, announced: Opening) -> int:
        opened = self._blocks[position]
        level = opened.level if opened.kind == "heading" else _NO_LEVEL
        sublevel: int | None = None
        position += 1
        while position < len(self._blocks):
            block = self._blocks[position]
            if announced.rest and block.group != opened.group:
                break
            if ends_names(block, self._known) or opening(block, self._known) is not None:
                break
            if self._is_subheading(position, level, sublevel, bool(gathered.entries)):
                self._close(gathered)
                gathered.heading = trimmed(block.text.rstrip(" :：")).text
                sublevel = block.level if block.kind == "heading" else sublevel
                position += 1
                continue
            taken = self._take(position, gathered, announced)
            if not taken:
                break
            position += taken
        return position

    def _is_subheading(self, position: int, level: int, sublevel: int | None, begun: bool) -> bool:
        block = self._blocks[position]
        if position + 1 == len(self._blocks) or len(block.text) > LONGEST or block.kind in ("item", "row"):
            return False
        after = self._blocks[position + 1]
        if after.kind == "heading" or (after.kind == "paragraph" and not is_bare_name(after.text, self._known)):
            return False
        if block.kind == "heading":
            return block.level == sublevel or level < block.level or (level == _NO_LEVEL and not begun)
        if block.kind == "line" and after.group != block.group:
            return False
        return (block.bold or ends_in_colon(block.text)) and not after.bold

    def _take(self, position: int, gathered: _Gathered, announced: Opening) -> int:
        """Reads the names of the block at a position and of those that belong with it; how many blocks these are."""
        block = self._blocks[position]
        if block.kind == "heading":
            return 0
        if block.kind == "paragraph":
            return self._take_paragraphs(position, gathered, announced)
        run = self._run(position)
        if block.kind == "item":
            lists, layout = list_entries(run, self._known), "list" if block.number is None else "ordered-list"
        elif block.kind == "row":
            lists, layout = [(None, table_entries(run, self._known))], "table"
        else:
            lists, layout = [(None, entries_of(run))], "lines"
        taken = False
        for label, entries in lists:
            kept = self._names(entries)
            if not kept or len(kept) * 2 < len(entries):
                continue
            if label is not None:
                self._close(gathered)
                gathered.heading = label
            gathered.add(layout, kept)
            taken = True
        return len(run) if taken else 0

    def _run(self, position: int) -> list[Block]:
        first, end = self._blocks[position], position + 1
        while end < len(self._blocks):
            block = self._blocks[end]
            if block.kind != first.kind or (first.kind != "item" and block.group != first.group):
                break
            if first.kind == "line" and self._parts_lines(end):
                break
            end += 1
        return list(self._blocks[position:end])

    def _parts_lines(self, position: int) -> bool:
        block = self._blocks[position]
        if ends_names(block, self._known) or opening(block, self._known) is not None:
            return True
        return self._is_subheading(position, _NO_LEVEL, None, begun=True)

    def _take_paragraphs(self, position: int, gathered: _Gathered, announced: Opening) -> int:
        block = self._blocks[position]
        if others := counted_only(block.text, self._known):
            self._others += others
            return 1
        if not gathered.entries:
            fewest = 2 if ";" in block.text or "؛" in block.text else 3
            if self._add_inline(gathered, block, block.text, 0, announced.count, fewest):
                return 1
            if ends_in_colon(block.text) and self._blocks[position + 1 : position + 2]:
                return int(self._blocks[position + 1].kind in _LISTED)
        elif not self._goes_on(gathered.layout, block):
            return 0
        run = self._named_paragraphs(position)
        gathered.add("paragraphs", entries_of(run))
        return len(run)

    def _goes_on(self, layout: str, block: Block) -> bool:
        # Of two columns the second may hold a single line; a list or a table does not go on in a paragraph.
        return layout == "paragraphs" or (layout == "lines" and is_clearly_organisation(block.text, self._known))

    def _named_paragraphs(self, position: int) -> list[Block]:
        run: list[Block] = []
        for end in range(position, len(self._blocks)):
            block = self._blocks[end]
            if block.kind != "paragraph" or not is_bare_name(entries_of([block])[0].text, self._known):
                break
            if run and self._parts_lines(end):
                break
            if counted_only(block.text, self._known):
                break
            run.append(block)
        return run

    def _add_inline(
        self, gathered: _Gathered, block: Block, text: str, start: int, count: int | None, fewest: int = 1
    ) -> bool:
        """Adds the names that stand in one line after a colon or a heading, if all of them are names."""
        pieces = split_names(text, self._known, count)
        kept = self._names([Entry(piece.text, block.place.start + start + piece.start, None) for piece in pieces])
        counted = sum(1 for piece in pieces if counted_only(piece.text, self._known))
        if len(kept) < fewest or len(kept) + counted < len(pieces):
            return False
        if not all(is_bare_name(entry.text, self._known) for entry in kept):
            return False
        gathered.add("paragraph", kept)
        return True

    def _names(self, entries: list[Entry]) -> list[Entry]:
        kept = []
        for entry in entries:
            if others := counted_only(entry.text, self._known):
                self._others += others
            elif is_name(entry.text):
                kept.append(entry)
        return kept

    def _close(self, gathered: _Gathered) -> None:
        if gathered.entries:
            signed = tuple(self._signatory(entry) for entry in gathered.entries)
            self._lists.append(SignatoryList(gathered.heading, gathered.layout, signed))
        gathered.layout, gathered.entries = "", []

    def _signatory(self, entry: Entry) -> Signatory:
        key = name_key(entry.text)
        return Signatory(
            verbatim=entry.text,
            normalised=normalised_name(entry.text),
            key=key,
            place=Place(entry.start, entry.start + len(entry.text)),
            number=entry.number,
            organisation=self._table.of_key(key),
        )
