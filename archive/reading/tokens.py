"""The paragraphs of a text, and their words and punctuation marks, with their places. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from sijill.archive.reading.normalise import tidy
from sijill.archive.reading.statement import Place

# Marks that stand alone wherever they are; a full stop, an apostrophe or a hyphen inside a word is a part of it.
_MARKS = r"""!"#$%&()*+,/:;<=>?@\[\\\]^`{|}~«»‹›“”„‟…•·–—―،؛؟٬۔﴾﴿"""
_JOINING = r".'’\-‐‑"
_WORD = (
    rf"[^\s{_MARKS}{_JOINING}]+(?:[{_JOINING}٫]+[^\s{_MARKS}{_JOINING}]+|(?<=\d)[,٬](?=\d)[^\s{_MARKS}{_JOINING}]+)*"
)
_TOKEN = re.compile(rf"{_WORD}|\.{{2,}}|\S")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A line of a text on which anything can be seen."""

    place: Place
    key: str
    """As it is compared (`normalise.tidy`)."""


class Token(NamedTuple):
    """A word, a number or a punctuation mark."""

    start: int
    end: int
    key: str
    """As it is compared."""
    spaced: bool
    """White space stands before it in its paragraph."""
    is_word: bool


def paragraphs_of(text: str) -> list[Paragraph]:
    """The lines of a text on which anything can be seen, in order, without white space at their ends."""
    found: list[Paragraph] = []
    start = 0
    for line in text.split("\n"):
        stripped = line.strip()
        key = tidy(stripped)
        if key:
            begin = start + line.index(stripped)
            found.append(Paragraph(Place(begin, begin + len(stripped)), key))
        start += len(line) + 1
    return found


Known = dict[str, tuple[str, bool]]
"""Words as they were met before: their keys, and whether they are words."""


def tokens_of(text: str, place: Place, known: Known) -> list[Token]:
    """The words and marks of what stands at `place`, in order; what nobody sees is none."""
    found: list[Token] = []
    end = place.start
    for match in _TOKEN.finditer(text, place.start, place.end):
        written = match[0]
        forms = known.get(written)
        if forms is None:
            forms = known[written] = (tidy(written), any(map(str.isalnum, written)))
        key, is_word = forms
        if key:
            start = match.start()
            found.append(Token(start, match.end(), key, start > end and not _unseen(text[end:start]), is_word))
            end = match.end()
    return found


def _unseen(text: str) -> bool:
    return not text.isspace() and not any(map(str.isspace, text))
