"""Whether two texts are publications of one statement: full, excerpt, teaser, or different. Pure.

Texts are compared by their word shingles (`shingles`), exactly, without title and signatories: `jaccard` is the share
of all shingles of both that both have, `contained` the share of the shorter one's that the longer one has.

Measured by `make quality` over 62 sample pages and the cards on them (`tests/quality/measure.py --pairs` prints the
pairs): publications of one statement have at least 0.98 contained, two texts that are not at most 0.56 (statements of
one body on the same day of two years, which open and close alike); cards that quote have at least 0.75. `SAME` stands
between. Of the publications of one statement, whole ones have at least 0.77 of jaccard, excerpts beside the whole at
most 0.61: `FULL` stands between. One word changed in thirty leaves 0.83 contained and 0.71 of jaccard.

A teaser is a card that leads to another page, or so little text that it could be one; an excerpt stands for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sijill.archive.reading.normalise import name_key
from sijill.archive.reading.shingles import Candidates, Shingled, shingled, without
from sijill.archive.reading.statement import Reading

Kind = Literal["full", "excerpt", "teaser", "different"]
SAME = 0.7
"""Contained from here on: the same statement."""
FULL = 0.68
"""Jaccard from here on: neither is a part of the other."""
TEASER_WORDS = 50
"""A text of fewer is a teaser of what contains it, card or not."""
_FEWEST_SHINGLES = 6
"""In common: ten words in a row, or so; less could be anybody's."""
_CARD_WORDS = 10
"""Of a card's text; a shorter one is a date or a button."""


@dataclass(frozen=True, slots=True)
class Match:
    """How two texts are related."""

    kind: Kind
    """What the shorter text is of the longer one; `full` if neither is a part."""
    jaccard: float
    contained: float
    first_is_part: bool
    """The first is the shorter one; says nothing if the kind is `full` or `different`."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text to be compared."""

    shingled: Shingled
    card: bool = False
    """It is what a page shows of another one."""
    url: str = ""
    """Where the text stands, or where the card leads."""


@dataclass(frozen=True, slots=True)
class Relation:
    """Of a text to the statement that it is a publication of."""

    statement: int
    """Statements are numbered in the order in which their first text came."""
    kind: Kind


def statement_text(reading: Reading) -> Text:
    """What is compared of a reading: its main text without its signatories, their heading, and its title."""
    places = [signatory.place for each in reading.signatories for signatory in each.signatories]
    aside = {name_key(each.heading) for each in reading.signatories if each.heading}
    aside.add(name_key(reading.title.value or ""))
    kept = (line for line in without(reading.text, places).splitlines() if name_key(line) not in aside)
    return Text(shingled("\n".join(kept)), card=reading.kind == "teaser", url=reading.url)


def teaser_texts(reading: Reading) -> list[Text]:
    """What is compared of the cards of a page, in their order: their text, or where they have none, the title."""
    found = []
    for each in reading.teasers:
        text = shingled(each.text)
        found.append(
            Text(text if text.words >= _CARD_WORDS else shingled(f"{each.title}\n{each.text}"), True, each.url)
        )
    return found


def compare(first: Text, second: Text) -> Match:
    """How two texts are related; exact, and the same the other way round."""
    one, other = set(first.shingled.shingles), set(second.shingled.shingles)
    common = len(one & other)
    if not common:
        return Match("different", 0.0, 0.0, len(one) < len(other))
    jaccard = common / len(one | other)
    contained = common / min(len(one), len(other))
    first_is_part = len(one) < len(other) or (len(one) == len(other) and first.card > second.card)
    part = first if first_is_part else second
    if contained < SAME or common < _FEWEST_SHINGLES:
        kind: Kind = "different"
    elif part.card or (jaccard < FULL and part.shingled.words < TEASER_WORDS):
        kind = "teaser"
    else:
        kind = "full" if jaccard >= FULL else "excerpt"
    return Match(kind, jaccard, contained, first_is_part)


def cluster(texts: Sequence[Text]) -> list[Relation | None]:
    """Which texts are publications of one statement, for each text in order.

    The longest texts come first, as what the others may be part of; an excerpt of two statements that differ belongs
    to the one that holds more of it, and does not join them. A card belongs to the statement that it leads to, however
    little it says, else to the one it quotes, else to none (None): it is no publication by itself.
    """
    candidates: Candidates[int] = Candidates()
    for position, text in enumerate(texts):
        candidates.add(position, text.shingled)
    order = sorted(range(len(texts)), key=lambda each: (texts[each].card, -len(texts[each].shingled.shingles), each))
    heads: dict[int, int] = {}
    kinds: dict[int, Kind] = {}
    pages = {text.url: position for position, text in enumerate(texts) if text.url and not text.card}
    for position in order:
        if texts[position].card and texts[position].url in pages:
            heads[position], kinds[position] = heads[pages[texts[position].url]], "teaser"
            continue
        found = _best(
            position, texts, (each for each in candidates.of(texts[position].shingled) if each in heads), heads
        )
        if found is not None:
            heads[position], kinds[position] = heads[found[0]], found[1]
        elif not texts[position].card:
            heads[position], kinds[position] = position, "full"
    numbers = {head: number for number, head in enumerate(sorted(set(heads.values()), key=_first_of(heads)))}
    return [Relation(numbers[heads[each]], kinds[each]) if each in heads else None for each in range(len(texts))]


def _best(
    position: int, texts: Sequence[Text], others: Iterable[int], heads: dict[int, int]
) -> tuple[int, Kind] | None:
    """The placed text that holds most of this one, and what this one is of that text's statement."""
    best: tuple[float, float, int, Kind] | None = None
    for other in others:
        match = compare(texts[position], texts[other])
        if match.kind == "different":
            continue
        kind = match.kind if heads[other] == other else compare(texts[position], texts[heads[other]]).kind
        rank = (match.contained, match.jaccard, -other, match.kind if kind == "different" else kind)
        best = rank if best is None else max(best, rank)
    return None if best is None else (-best[2], best[3])


def _first_of(heads: dict[int, int]) -> Callable[[int], int]:
    firsts: dict[int, int] = {}
    for position, head in sorted(heads.items()):
        firsts.setdefault(head, position)
    return firsts.__getitem__
