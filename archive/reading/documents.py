"""The text of a PDF, by pypdf: the one module that calls it. Pure."""

from __future__ import annotations

import io
import logging
import re
from dataclasses import dataclass

from sijill.archive.reading.markup import folded_text
from sijill.archive.reading.statement import BlockKind

LONGEST = 64 << 20
MOST_PAGES = 500
MOST_CHARACTERS = 4_000_000
_MARKED = re.compile(r"\(?[0-9٠-٩]{1,3}[.):\-–]|[-–—•*▪◦]\s")
"""A line with a number or bullet begins something of its own."""


@dataclass(frozen=True, slots=True)
class DocumentText:
    """What a PDF holds; without pieces the reason says why."""

    pieces: tuple[tuple[BlockKind, str, int], ...]
    """Kind, text and group of each block."""
    title: str | None
    """As its metadata has it."""
    author: str | None
    reason: str
    notes: tuple[str, ...] = ()


def pdf_text(data: bytes) -> DocumentText:
    """The words of a PDF in the order in which it holds them. Never raises on what a file is; pages are bounded.

    Lines of one paragraph are joined where the line before is about as long as the page's longest.
    """
    if len(data) > LONGEST:
        return DocumentText((), None, None, f"a PDF of more than {LONGEST >> 20} MiB: not read")
    import pypdf

    # pypdf tells of each oddity of a file by its logger; a reading has its own notes.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    pieces: list[tuple[BlockKind, str, int]] = []
    notes: list[str] = []
    characters = unreadable = 0
    # A malformed file makes pypdf raise nearly anything, also from Python's own types.
    broken = (pypdf.errors.PyPdfError, pypdf.errors.DependencyError, ArithmeticError, AttributeError, LookupError,
              MemoryError, OSError, RecursionError, RuntimeError, TypeError, ValueError, AssertionError)  # fmt: skip
    try:
        reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            return DocumentText((), None, None, "a PDF that asks for a password")
        count = len(reader.pages)
        title, author = (
            _stated(reader.metadata and reader.metadata.title),
            _stated(reader.metadata and reader.metadata.author),
        )
    except broken as err:
        return DocumentText((), None, None, f"a PDF that cannot be read: {type(err).__name__}")
    for number in range(min(count, MOST_PAGES)):
        try:
            text = reader.pages[number].extract_text()
        except broken:
            unreadable += 1
            continue
        characters += len(text)
        if characters > MOST_CHARACTERS:
            notes.append(f"read up to page {number}: more than {MOST_CHARACTERS} characters")
            break
        add_lines(pieces, re.sub(rf"(?:^|\n)\s*{number + 1}\s*$", "", text))  # the number of the page at its foot
    if count > MOST_PAGES:
        notes.append(f"read up to page {MOST_PAGES} of {count}")
    if unreadable:
        notes.append(f"{unreadable} pages cannot be read")
    if not pieces:
        return DocumentText((), title, author, f"a PDF without text, of {count} pages: pictures, perhaps", tuple(notes))
    return DocumentText(tuple(pieces), title, author, f"a PDF of {count} pages", tuple(notes))


def _stated(value: object) -> str | None:
    return folded_text(value) or None if isinstance(value, str) else None


def add_lines(pieces: list[tuple[BlockKind, str, int]], text: str) -> None:
    """Adds the paragraphs and lines of a text without markup, as blocks of new groups."""
    group = pieces[-1][2] if pieces else 0
    for part in text.replace("\r", "\n").split("\n\n"):
        lines = [line for line in map(folded_text, part.split("\n")) if line]
        longest = max(map(len, lines), default=0)
        joined: list[str] = []
        full = False
        for line in lines:
            if full and joined and not _MARKED.match(line):
                joined[-1] = f"{joined[-1]} {line}"
            else:
                joined.append(line)
            full = len(line) * 4 >= longest * 3 and longest >= 60 and line[-1] not in ".:!?؟"
        group += 1
        kind: BlockKind = "line" if len(joined) > 1 else "paragraph"
        pieces.extend((kind, line, group) for line in joined)
