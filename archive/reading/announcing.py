"""Lines that announce signatories, lines that end them, and words that only count some. Pure.

A line announces signatories only if nothing is left of it when the words of the data files are taken away: "Signatory
organisations in Talwan (12):" does, "States signatory to the Treaty" does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sijill.archive.reading.names import trimmed
from sijill.archive.reading.normalise import fold, words
from sijill.archive.reading.statement import Block
from sijill.archive.reading.vocabulary import Vocabulary

LONGEST = 140
"""Characters of such a line."""
_MOST_COLONS = 20
_MOST_BEFORE = 5
_MOST_PLACE_WORDS = 3
_MOST_COUNTED_WORDS = 10
_STOP = re.compile(r"[.!?؟\n]\s+|[:：]")
_SEEN_END = " \u200e\u200f\u202c"


@dataclass(frozen=True, slots=True)
class Opening:
    """A heading of signatories, with what stands after its colon in the same line."""

    heading: str
    rest: str = ""
    rest_start: int = 0
    count: int | None = None
    """How many it announces."""


def opening(block: Block, known: Vocabulary) -> Opening | None:
    """The heading that a block is, or that stands in it before a colon and names; None if it announces nobody."""
    text = block.text
    if block.kind == "row" and sum(bool(cell.strip()) for cell in block.cells) != 1:
        return None
    if len(text) <= LONGEST and (block.kind != "item" or ends_in_colon(text)):
        bare = text.rstrip(" :：\u200e\u200f\u202c")
        found = words(bare)
        if _announces(found, known, colon=ends_in_colon(text)):
            return Opening(trimmed(bare).text, count=known.number(found))
    return _before_a_colon(text, known)


def ends_in_colon(text: str) -> bool:
    """Whether the last character that is seen is a colon."""
    return text.rstrip(_SEEN_END).endswith((":", "："))


def ends_names(block: Block, known: Vocabulary) -> bool:
    """Whether a block is such as stands after the names: "Related articles", "For more information write to ..."."""
    found = [] if block.kind in ("item", "row") else words(block.text[:LONGEST])
    taken = known.ends.at(found, 0) if found else 0
    return bool(taken) and (taken == len(found) or taken > 2 or block.bold or block.kind == "heading")


def counted_only(text: str, known: Vocabulary) -> int:
    """How many "and 12 other organisations" counts without naming them; 0 if the text is no such thing."""
    found = words(text) if len(text) < LONGEST else []
    if not found or len(found) > _MOST_COUNTED_WORDS or not any(word in known.others for word in found):
        return 0
    bare = [word.removeprefix("و") for word in found]
    joined = any(fold(text).lstrip(". ").startswith(" ".join(phrase)) for phrase in known.conjunctions)
    first = bare[0].isdecimal() or bare[0] in known.numbers
    return (known.number(bare) or 0) if joined or first else 0


def _before_a_colon(text: str, known: Vocabulary) -> Opening | None:
    start = 0
    for stops, match in enumerate(_STOP.finditer(text)):
        if stops > _MOST_COLONS:
            break
        before = text[start : match.start()]
        start = match.end()
        if match[0] in ":：" and len(before) <= LONGEST and text[start:].strip():
            found = words(before)
            if _announces(found, known, colon=True):
                return Opening(trimmed(before).text, text[start:], start, known.number(found))
    return None


def _announces(found: list[str], known: Vocabulary, *, colon: bool) -> bool:
    start = taken = 0
    while start < min(len(found), _MOST_BEFORE):
        taken = known.headings.at(found, start) or (known.announcements.at(found, start) if colon else 0)
        if taken or not _qualifies(found[start], known):
            break
        start += 1
    if not taken:
        return False
    position = start + taken
    while position < len(found):
        if found[position] in known.places and 0 < len(found) - position - 1 <= _MOST_PLACE_WORDS:
            return True
        more = known.headings.at(found, position) or int(_qualifies(found[position], known))
        if not more:
            return False
        position += more
    return True


def _qualifies(word: str, known: Vocabulary) -> bool:
    return word in known.qualifiers or word.isdecimal() or word in known.numbers
