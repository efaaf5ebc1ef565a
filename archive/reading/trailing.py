"""Names at the foot of a text, without any heading. Pure.

They count as signatories only if all this holds: at least two lines, paragraphs or items of one kind, each short and
written as a name; half of them or more with a word that names of organisations have; at most two other blocks after
them; nothing before them that heads them as something else; and a text that says that it is signed by several.
"""

from __future__ import annotations

from collections.abc import Sequence

from sijill.archive.reading.announcing import ends_in_colon, ends_names
from sijill.archive.reading.listed import Entry, entries_of
from sijill.archive.reading.names import is_bare_name, is_clearly_organisation, without_markers
from sijill.archive.reading.normalise import words
from sijill.archive.reading.statement import Block
from sijill.archive.reading.vocabulary import Vocabulary

_MOST_AFTER = 2
_FEWEST = 2


def trailing_names(blocks: Sequence[Block], known: Vocabulary) -> list[Entry]:
    """The names, or nothing."""
    end = len(blocks)
    while end and len(blocks) - end < _MOST_AFTER and not _may_name(blocks[end - 1], known):
        end -= 1
    start = end
    while start and _may_name(blocks[start - 1], known) and _belongs(blocks[start - 1], blocks[end - 1]):
        start -= 1
    run = list(blocks[start:end])
    if len(run) < _FEWEST or not start or _heads(blocks[start - 1], run[0]):
        return []
    clear = sum(is_clearly_organisation(block.text, known) for block in run)
    if clear * 2 < len(run) or not _says_it_is_signed(blocks[:start], known):
        return []
    return entries_of(run)


def _may_name(block: Block, known: Vocabulary) -> bool:
    if block.kind not in ("paragraph", "line", "item") or block.bold or ends_names(block, known):
        return False
    return is_bare_name(without_markers([block.text])[0].text, known)


def _belongs(block: Block, last: Block) -> bool:
    return block.kind == last.kind and (block.kind == "paragraph" or block.group == last.group)


def _heads(before: Block, first: Block) -> bool:
    cut_off = before.kind != "paragraph" and before.kind == first.kind and before.group == first.group
    return cut_off or before.kind == "heading" or before.bold or ends_in_colon(before.text)


def _says_it_is_signed(blocks: Sequence[Block], known: Vocabulary) -> bool:
    return any(known.signs.anywhere(words(block.text), known.numbers) for block in blocks)
