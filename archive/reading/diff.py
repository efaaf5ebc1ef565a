"""What differs between two texts, word by word: paragraphs are paired first, then the words of each pair. Pure.

A paragraph is a line of the text. Equal ones are paired first, those without an equal by the words that they share, in
the same place or elsewhere. Of the pairs, the heaviest ones that stand in one order have stayed; the others have moved,
and are told as moved, never as removed and added.

Words are compared as `normalise.tidy` has them: white space, marks that nobody sees, Unicode's presentation forms and
the shape of quotation marks are no words; case, punctuation, vowel signs, digits and the forms of alef are. Time and
memory grow with the length of the texts, whatever they hold: where the smallest difference would take too long to find,
a larger one is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from sijill.archive.reading.ordering import heaviest_in_order
from sijill.archive.reading.pairing import pair_paragraphs
from sijill.archive.reading.statement import Place
from sijill.archive.reading.tokens import Known, Paragraph, Token, paragraphs_of, tokens_of
from sijill.archive.reading.word_diff import diff_words

PieceKind = Literal["same", "changed", "removed", "added", "moved-away", "moved-here"]
SpanKind = Literal["kept", "removed", "added"]

_CONTEXT = 1
_SHOWN = 160
"""Characters of a paragraph that is shown only for orientation."""


@dataclass(frozen=True, slots=True)
class Span:
    """Words in a row, with their places in the texts; no white space at either end."""

    kind: SpanKind
    before: Place | None
    """None if they were added."""
    after: Place | None
    """None if they were removed."""
    spaced: bool
    """White space stands before these words, in the text that has them (the second, of those in both)."""
    words: int
    """Punctuation marks are none."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A paragraph of one text or of both."""

    kind: PieceKind
    """A paragraph that has moved is there twice: where it stood and where it stands now."""
    before: Place | None
    """Its line in the first text; None if it was added."""
    after: Place | None
    """Its line in the second text; None if it was removed."""
    spans: tuple[Span, ...] = ()
    """If words of it were removed or added: all its words, in the order of the second text. Of a paragraph that has
    moved they stand with where it is now."""


@dataclass(frozen=True, slots=True)
class Diff:
    """Two texts and what became of the first in the second."""

    before: str
    after: str
    pieces: tuple[Piece, ...]
    """In the order of the second text; what is gone, or has moved away, stands where it stood."""

    @property
    def changed(self) -> tuple[Piece, ...]:
        """The pieces that are not the same."""
        return tuple(piece for piece in self.pieces if piece.kind != "same")

    @property
    def presentation(self) -> bool:
        """Whether all words are the same in the same order, and yet the texts are not."""
        return not self.changed and self.before != self.after


def diff_texts(before: str, after: str) -> Diff:
    """What became of `before` in `after`."""
    old = paragraphs_of(before)
    if before == after:
        return Diff(before, after, tuple(Piece("same", one.place, one.place) for one in old))
    new = paragraphs_of(after)
    left, right = _Side(before, old), _Side(after, new)
    paired = pair_paragraphs([one.key for one in old], [one.key for one in new], left.keys, right.keys)
    weighed = [(one, other, 1 + len(old[one].key)) for one, other in sorted(paired.items())]
    return Diff(before, after, tuple(_pieces(left, right, paired, heaviest_in_order(weighed))))


def render_plain(diff: Diff) -> Iterator[str]:
    """The diff in lines for a terminal: what changed with a paragraph around it, words as `[-removed-]{+added+}`.

    Lines begin with two spaces, or with `- ` (removed), `+ ` (added), `~ ` (changed), `< ` (has moved away), `> ` (has
    moved here).
    """
    shown = [piece.kind != "same" for piece in diff.pieces]
    near = [any(shown[max(0, at - _CONTEXT) : at + _CONTEXT + 1]) for at in range(len(shown))]
    for is_near, group in groupby(zip(diff.pieces, near, strict=True), key=lambda each: each[1]):
        pieces = [piece for piece, _ in group]
        if is_near:
            yield from (_line(diff, piece) for piece in pieces)
        else:
            yield f"  … {len(pieces):,} the same …"


def marked(diff: Diff, piece: Piece) -> str:
    """The paragraph with its removed words as `[-words-]` and its added words as `{+words+}`."""
    if not piece.spans:
        return _text(diff, piece)
    marks = {"kept": ("", ""), "removed": ("[-", "-]"), "added": ("{+", "+}")}
    parts: list[str] = []
    for span in piece.spans:
        opening, closing = marks[span.kind]
        words = _cut(diff.before, span.before) if span.after is None else _cut(diff.after, span.after)
        parts.append(f"{' ' if span.spaced and parts else ''}{opening}{words}{closing}")
    return "".join(parts)


_MARKS = {"same": " ", "changed": "~", "removed": "-", "added": "+", "moved-away": "<", "moved-here": ">"}


def _line(diff: Diff, piece: Piece) -> str:
    text = marked(diff, piece) if piece.kind in ("changed", "moved-here") else _text(diff, piece)
    if piece.kind in ("same", "moved-away") and len(text) > _SHOWN:
        text = f"{text[:_SHOWN]}…"
    return f"{_MARKS[piece.kind]} {text}"


def _text(diff: Diff, piece: Piece) -> str:
    if piece.after is None or piece.kind == "moved-away":
        return _cut(diff.before, piece.before)
    return _cut(diff.after, piece.after)


def _cut(text: str, place: Place | None) -> str:
    return "" if place is None else text[place.start : place.end]


class _Side:
    """One of the two texts; its paragraphs are taken apart when they are asked for, and once."""

    def __init__(self, text: str, paragraphs: Sequence[Paragraph]) -> None:
        self.text = text
        self.paragraphs = paragraphs
        self._tokens: dict[int, list[Token]] = {}
        self._known: Known = {}

    def tokens(self, at: int) -> list[Token]:
        found = self._tokens.get(at)
        if found is None:
            found = self._tokens[at] = tokens_of(self.text, self.paragraphs[at].place, self._known)
        return found

    def keys(self, at: int) -> list[str]:
        return [token.key for token in self.tokens(at)]

    def span(self, kind: Literal["removed", "added"], at: int) -> Span:
        tokens = self.tokens(at)
        place = _place(tokens)
        return Span(
            kind, place if kind == "removed" else None, place if kind == "added" else None, False, _words(tokens)
        )


def _pieces(left: _Side, right: _Side, paired: dict[int, int], staying: dict[int, int]) -> Iterator[Piece]:
    back = {column: row for row, column in paired.items()}
    done = 0
    for column, paragraph in enumerate(right.paragraphs):
        row = back.get(column)
        if row is None:
            yield Piece("added", None, paragraph.place, (right.span("added", column),))
        elif row in staying:
            yield from _gone(left, right, paired, range(done, row))
            done = row + 1
            spans = _spans(left, row, right, column)
            yield Piece("changed" if spans else "same", left.paragraphs[row].place, paragraph.place, spans)
        else:
            yield Piece("moved-here", left.paragraphs[row].place, paragraph.place, _spans(left, row, right, column))
    yield from _gone(left, right, paired, range(done, len(left.paragraphs)))


def _gone(left: _Side, right: _Side, paired: dict[int, int], rows: range) -> Iterator[Piece]:
    for row in rows:
        if row in paired:
            yield Piece("moved-away", left.paragraphs[row].place, right.paragraphs[paired[row]].place)
        else:
            yield Piece("removed", left.paragraphs[row].place, None, (left.span("removed", row),))


def _spans(left: _Side, row: int, right: _Side, column: int) -> tuple[Span, ...]:
    """All words of a pair; none if the words are the same."""
    if left.paragraphs[row].key == right.paragraphs[column].key:
        return ()
    old, new = left.tokens(row), right.tokens(column)
    runs = diff_words([token.key for token in old], [token.key for token in new])
    if all(run.kept for run in runs):
        return ()
    spans: list[Span] = []
    for run in runs:
        one, other = old[run.before : run.before_end], new[run.after : run.after_end]
        if run.kept:
            spans.append(Span("kept", _place(one), _place(other), other[0].spaced, _words(other)))
        else:
            spans += [Span("removed", _place(one), None, one[0].spaced, _words(one))] if one else []
            spans += [Span("added", None, _place(other), other[0].spaced, _words(other))] if other else []
    return tuple(spans)


def _place(tokens: Sequence[Token]) -> Place:
    return Place(tokens[0].start, tokens[-1].end)


def _words(tokens: Sequence[Token]) -> int:
    return sum(token.is_word for token in tokens)
