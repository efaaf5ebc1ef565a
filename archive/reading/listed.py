"""The entries of lists and tables, in order, with their numbers and their places in the text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sijill.archive.reading.names import is_clearly_organisation, trimmed, without_markers
from sijill.archive.reading.normalise import fold, words
from sijill.archive.reading.statement import Block
from sijill.archive.reading.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Entry:
    """What may be a name, with where it begins in the reading's text."""

    text: str
    start: int
    number: int | None


def list_entries(run: Sequence[Block], known: Vocabulary) -> list[tuple[str | None, list[Entry]]]:
    """The entries of a run of items, parted by the labels over lists within the list, each None where there is none.

    An item with a list of its own within is a label, such as a country, if most of its kind have one and it has no
    word that names of organisations have.
    """
    level = run[0].level
    outer = [position for position, block in enumerate(run) if block.level <= level]
    parents = {position for position in outer if position + 1 < len(run) and run[position + 1].level > level}
    labelled = bool(parents) and len(parents) * 2 > len(outer)
    lists: list[tuple[str | None, list[Block]]] = [(None, [])]
    for position, block in enumerate(run):
        if labelled and position in parents and not is_clearly_organisation(block.text, known):
            lists.append((trimmed(block.text.rstrip(" :：")).text, []))
        else:
            lists[-1][1].append(block)
    return [(label, entries_of(blocks)) for label, blocks in lists if blocks]


def table_entries(rows: Sequence[Block], known: Vocabulary) -> list[Entry]:
    """The names in a table: the column that its head says, else the first that is no number, else every cell."""
    columns: set[int] | None = None
    body = list(rows)
    if body and (head := _head(body[0], known)) is not None:
        columns, body = head, body[1:]
    if columns is None and any(_is_number(cell) for row in body for cell in row.cells[:1]):
        columns = {1}
    found: list[tuple[Block, str, int]] = []
    for row in body:
        position = 0
        for number, cell in enumerate(row.cells):
            flat = " ".join(cell.split())
            start = row.text.find(flat, position) if flat else -1
            if start < 0:
                continue
            position = start + len(flat)
            if columns is None or number in columns:
                found.append((row, flat, start))
    pieces = without_markers([text for _, text, _ in found])
    return [
        Entry(piece.text, row.place.start + start + piece.start, piece.number or _row_number(row, columns))
        for (row, _, start), piece in zip(found, pieces, strict=True)
        if piece.text
    ]


def entries_of(blocks: Sequence[Block]) -> list[Entry]:
    """One entry for each block, without the numbers and bullets typed before them."""
    pieces = without_markers([block.text for block in blocks])
    return [
        Entry(piece.text, block.place.start + piece.start, block.number if piece.number is None else piece.number)
        for block, piece in zip(blocks, pieces, strict=True)
    ]


def _head(row: Block, known: Vocabulary) -> set[int] | None:
    titles = [" ".join(words(cell)) or fold(cell) for cell in row.cells]
    named = {position for position, title in enumerate(titles) if title in known.name_columns}
    others = {position for position, title in enumerate(titles) if title in known.other_columns or not title}
    return named if named and len(named | others) == len(titles) else None


def _is_number(cell: str) -> bool:
    return fold(cell).strip(" .()-").isdecimal()


def _row_number(row: Block, columns: set[int] | None) -> int | None:
    first = fold(row.cells[0]).strip(" .()-") if row.cells else ""
    return int(first) if columns and 0 not in columns and first.isdecimal() and len(first) < 6 else None
