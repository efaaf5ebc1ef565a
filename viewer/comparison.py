"""Two texts compared word by word, in the pieces that a page shows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sijill.archive.reading.diff import Diff, Piece, diff_texts
from sijill.archive.reading.statement import Place

_AROUND: Final = 1
"""Paragraphs that stayed the same and are shown on either side of one that did not."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words in a row that were kept, removed or added."""

    kind: str
    text: str
    spaced: bool


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph with what became of it."""

    kind: str
    words: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Paragraphs in a row, that are shown or folded."""

    folded: bool
    paragraphs: tuple[Paragraph, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """What a page of changes shows."""

    stretches: tuple[Stretch, ...]
    removed: int
    """Words."""
    added: int
    moved: int
    """Paragraphs."""
    presentation: bool
    """Whether only white space or the like differs."""

    @property
    def same(self) -> bool:
        """Whether no word differs."""
        return not (self.removed or self.added or self.moved)


def compare(before: str, after: str) -> Compared:
    """What became of `before` in `after`."""
    diff = diff_texts(before, after)
    apart = [piece.kind != "same" for piece in diff.pieces]
    near = [any(apart[max(0, at - _AROUND) : at + _AROUND + 1]) for at in range(len(apart))]
    stretches = tuple(
        Stretch(not is_near, tuple(_paragraph(diff, piece) for piece, _ in group))
        for is_near, group in groupby(zip(diff.pieces, near, strict=True), key=lambda one: one[1])
    )
    spans = [span for piece in diff.pieces for span in piece.spans]
    return Compared(
        stretches,
        removed=sum(span.words for span in spans if span.kind == "removed"),
        added=sum(span.words for span in spans if span.kind == "added"),
        moved=sum(piece.kind == "moved-here" for piece in diff.pieces),
        presentation=diff.presentation,
    )


def _paragraph(diff: Diff, piece: Piece) -> Paragraph:
    if piece.kind == "moved-away" or not piece.spans:
        gone = piece.kind == "moved-away" or piece.after is None
        text = _cut(diff.before, piece.before) if gone else _cut(diff.after, piece.after)
        return Paragraph(piece.kind, (Words("kept", text, False),))
    return Paragraph(
        piece.kind,
        tuple(
            Words(
                span.kind,
                _cut(diff.before, span.before) if span.after is None else _cut(diff.after, span.after),
                span.spaced and number > 0,
            )
            for number, span in enumerate(piece.spans)
        ),
    )


def _cut(text: str, place: Place | None) -> str:
    return "" if place is None else text[place.start : place.end]
