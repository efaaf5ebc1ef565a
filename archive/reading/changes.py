"""What changed between two readings of one page: text, title, date, signatories, links, frame, each for itself. Pure.

The statement has changed if its words, its title, its date or its signatories have. What the page links, offers in
other languages or sets around the text is told apart from that: a changed menu is no changed statement.

Texts are compared by words (`diff`): white space, marks that nobody sees, Unicode's presentation forms and the shape of
quotation marks are no change of words. Where only these differ, `TextChange.presentation` says so, and the statement is
the same. Case, punctuation, vowel signs and digits are words' own, and their change is a change.

What is a signatory's name, the title or the line of the date is judged there, and not once more as text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sijill.archive.reading.diff import Diff, diff_texts
from sijill.archive.reading.normalise import tidy
from sijill.archive.reading.ordering import heaviest_in_order
from sijill.archive.reading.statement import Place, PublicationDate, Reading, Signatory

T = TypeVar("T")

_SAME_NAME = 0.5
"""Share of words of two names from which one that went and one that came in its place are one body, renamed."""


@dataclass(frozen=True, slots=True)
class Pair(Generic[T]):
    """A value as it was and as it is; None if there was, or is, none."""

    before: T
    after: T


@dataclass(frozen=True, slots=True)
class TextChange:
    """How the words of the text differ, without names of signatories, title and date."""

    words_added: int = 0
    words_removed: int = 0
    moved: int = 0
    """Paragraphs with the same words, or most of them, in another place."""
    presentation: bool = False
    """All words are the same in the same order, and yet the texts are not the same characters."""
    punctuation: bool = False
    """Punctuation marks were added or removed."""

    @property
    def changed(self) -> bool:
        """Whether words, their marks or their order are not the same."""
        return bool(self.words_added or self.words_removed or self.moved or self.punctuation)


@dataclass(frozen=True, slots=True)
class SignatoriesChange:
    """How the signatories differ; names verbatim."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[Pair[str], ...] = ()
    """One body by another spelling, or in the same place by a name that shares half of its words."""
    reordered: tuple[str, ...] = ()
    """Those that do not stand in the order that the most of them have kept."""

    @property
    def changed(self) -> bool:
        """Whether anything is not the same."""
        return bool(self.added or self.removed or self.renamed or self.reordered)


@dataclass(frozen=True, slots=True)
class SetChange:
    """What came to a list and what went, where order says nothing."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything came or went."""
        return bool(self.added or self.removed)


@dataclass(frozen=True, slots=True)
class Changed:
    """How two readings of one page, by the same reader, differ."""

    text: TextChange
    title: Pair[str | None] | None
    """None if it is the same, as for the others."""
    date: Pair[str | None] | None
    """As ISO 8601 has them: a day, or a month."""
    signatories: SignatoriesChange
    kind: Pair[str] | None
    links: SetChange
    """Of the main text."""
    documents: SetChange
    languages: SetChange
    """The versions in other languages that the page names: language and URL."""
    frame: bool
    """The words around the text: menus, footers, related articles."""

    @property
    def statement(self) -> bool:
        """Whether the statement itself is not the same."""
        return self.text.changed or self.title is not None or self.date is not None or self.signatories.changed

    @property
    def around(self) -> bool:
        """Whether what goes with the statement is not the same: links, documents, languages, the frame, or its form."""
        lists = self.links.changed or self.documents.changed or self.languages.changed
        return lists or self.frame or self.text.presentation or self.kind is not None


class DifferentReaders(ValueError):
    """Two readings are of different versions of the reader: what differs may be the reader."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__(f"read by {before} and by {after}: what differs between them may be the reader")
        self.before = before
        self.after = after


def compare_readings(before: Reading, after: Reading) -> Changed:
    """What changed from one reading to the other.

    Raises:
        DifferentReaders: they are of different versions of the reader.
    """
    if before.reader != after.reader:
        raise DifferentReaders(before.reader, after.reader)
    title = Pair(before.title.value, after.title.value)
    date = Pair(_iso(before.date.value), _iso(after.date.value))
    return Changed(
        text=_text(before, after),
        title=None if tidy(title.before or "") == tidy(title.after or "") else title,
        date=None if date.before == date.after else date,
        signatories=_signatories(_named(before), _named(after)),
        kind=None if before.kind == after.kind else Pair(str(before.kind), str(after.kind)),
        links=_set(before.links, after.links),
        documents=_set((one.url for one in before.documents), (one.url for one in after.documents)),
        languages=_set(
            (f"{one.language} {one.url}" for one in before.versions),
            (f"{one.language} {one.url}" for one in after.versions),
        ),
        frame=before.frame_sha256 != after.frame_sha256,
    )


def diff_readings(before: Reading, after: Reading) -> Diff:
    """The texts of two readings, word by word."""
    return diff_texts(before.text, after.text)


def _text(before: Reading, after: Reading) -> TextChange:
    if before.text == after.text:
        return TextChange()
    diff = diff_readings(before, after)
    if not diff.changed:
        return TextChange(presentation=True)
    aside = _Aside(before), _Aside(after)
    added = removed = moved = 0
    punctuation = False
    for piece in diff.changed:
        moved += piece.kind == "moved-here" and not aside[1].covers(piece.after)
        for span in piece.spans:
            if span.kind == "added" and not aside[1].covers(span.after, piece.after):
                added, punctuation = added + span.words, punctuation or not span.words
            elif span.kind == "removed" and not aside[0].covers(span.before, piece.before):
                removed, punctuation = removed + span.words, punctuation or not span.words
    return TextChange(added, removed, moved, punctuation=punctuation)


class _Aside:
    """The places in a text that are judged elsewhere: names of signatories, the title, the date."""

    def __init__(self, reading: Reading) -> None:
        self._text = reading.text
        self._lines = {tidy(reading.title.value or "")}
        if reading.date.value is not None:
            self._lines.add(tidy(reading.date.value.verbatim))
        self._names = sorted((one.place.start, one.place.end) for one in _named(reading))
        self._ends = [end for _, end in self._names]

    def covers(self, place: Place | None, line: Place | None = None) -> bool:
        """Whether `place` is part of a name, or of a line that is the title or the date."""
        if place is None:
            return False
        whole = line or place
        if tidy(self._text[whole.start : whole.end]) in self._lines:
            return True
        return self._is_names(place)

    def _is_names(self, place: Place) -> bool:
        """Whether no letter at `place` is outside of names: numbers, bullets and commas go with them."""
        position, names = place.start, 0
        for start, end in self._names[bisect_left(self._ends, place.start) :]:
            if start >= place.end:
                break
            if any(map(str.isalpha, self._text[position:start])):
                return False
            position, names = max(position, end), names + 1
        return names > 0 and not any(map(str.isalpha, self._text[position : place.end]))


def _signatories(before: Sequence[Signatory], after: Sequence[Signatory]) -> SignatoriesChange:
    old, new = _identities(before), _identities(after)
    both = [identity for identity in old if identity in new]
    renamed = [
        Pair(old[identity][1].verbatim, new[identity][1].verbatim)
        for identity in both
        if tidy(old[identity][1].verbatim) != tidy(new[identity][1].verbatim)
    ]
    kept = heaviest_in_order([(old[identity][0], new[identity][0], 1) for identity in both])
    reordered = [new[identity][1].verbatim for identity in both if old[identity][0] not in kept]
    gone = [old[identity] for identity in old if identity not in new]
    come = [new[identity] for identity in new if identity not in old]
    for position, one in list(gone):
        place = _place_in(new, before, position)
        for found in come:
            if abs(found[0] - place) <= 1 and _alike(one.key, found[1].key):
                renamed.append(Pair(one.verbatim, found[1].verbatim))
                gone.remove((position, one))
                come.remove(found)
                break
    return SignatoriesChange(
        added=tuple(one.verbatim for _, one in come),
        removed=tuple(one.verbatim for _, one in gone),
        renamed=tuple(renamed),
        reordered=tuple(reordered),
    )


def _place_in(new: dict[tuple[str, int], tuple[int, Signatory]], before: Sequence[Signatory], position: int) -> int:
    """Where the one at `position` would stand in the new list: behind the nearest one before it that is still there."""
    identities = list(_identities(before))
    for earlier in range(position - 1, -1, -1):
        if identities[earlier] in new:
            return new[identities[earlier]][0] + 1
    return 0


def _identities(signatories: Sequence[Signatory]) -> dict[tuple[str, int], tuple[int, Signatory]]:
    """Each by what makes it one body; a name that is there twice is two."""
    seen: Counter[str] = Counter()
    found = {}
    for position, one in enumerate(signatories):
        identity = one.organisation or one.key
        found[identity, seen[identity]] = (position, one)
        seen[identity] += 1
    return found


def _alike(one: str, other: str) -> bool:
    first, second = set(one.split()), set(other.split())
    return bool(first and second) and len(first & second) >= _SAME_NAME * max(len(first), len(second))


def _named(reading: Reading) -> list[Signatory]:
    return [one for listed in reading.signatories for one in listed.signatories]


def _set(before: Iterable[str], after: Iterable[str]) -> SetChange:
    old, new = dict.fromkeys(before), dict.fromkeys(after)
    return SetChange(tuple(one for one in new if one not in old), tuple(one for one in old if one not in new))


def _iso(date: PublicationDate | None) -> str | None:
    if date is None:
        return None
    return date.date.isoformat() if date.precision == "day" else f"{date.date:%Y-%m}"
