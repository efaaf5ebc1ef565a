"""What a person types, as terms: words, "phrases" and beginnings*. Nothing that is typed is an error of syntax."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sijill.archive.catalog.arabic import beginnings, words

_MAX_TERMS: Final = 64
_MAX_LENGTH: Final = 2_000
_SHORTEST_BEGINNING: Final = 2
"""Letters; a shorter beginning is taken as a word, because half of the index begins with it."""
_PART: Final = re.compile(r'["“”„«»]([^"“”„«»]*)["“”„«»]?|([^\s"“”„«»]+)')


@dataclass(frozen=True, slots=True)
class Term:
    """Words that stand one behind the other; the last may be the beginning of a word only."""

    keys: tuple[str, ...]
    last: tuple[str, ...] = ()
    """What the last word may begin with; empty if `keys` is all."""

    @property
    def match(self) -> str:
        """The term in the language of FTS5: nothing but letters and digits in quotation marks."""
        quoted = " + ".join(f'"{key}"' for key in self.keys)
        if not self.last:
            return f"({quoted})"
        before = f"{quoted} + " if quoted else ""
        return "(" + " OR ".join(f'{before}"{key}" *' for key in self.last) + ")"

    def length_at(self, keys: tuple[str, ...], place: int) -> int:
        """How many words of a text, given by their `keys`, the term takes from `place` on; 0 if it is not there."""
        count = len(self.keys)
        if keys[place : place + count] != self.keys:
            return 0
        if not self.last:
            return count
        behind = place + count
        return count + 1 if behind < len(keys) and keys[behind].startswith(self.last) else 0


def terms(text: str) -> tuple[Term, ...]:
    """The terms of what was typed, each once, all of which must be found; empty if there is no word in it.

    A phrase is what stands in quotation marks of any kind. A word with `*` behind it is a beginning. At most 64 terms
    of the first 2,000 characters count.
    """
    return tuple(dict.fromkeys(_terms(text[:_MAX_LENGTH])))[:_MAX_TERMS]


def match_of(wanted: tuple[Term, ...]) -> str:
    """The terms in the language of FTS5."""
    return " AND ".join(term.match for term in wanted)


def _terms(text: str) -> Iterator[Term]:
    for part in _PART.finditer(text):
        phrase, word = part[1], part[2]
        if phrase is not None:
            if keys := tuple(one.key for one in words(phrase)):
                yield Term(keys)
            continue
        found = list(words(word))
        starred = word.rstrip(".,;:!?)،؛؟").endswith("*")
        if not found:
            continue
        keys, last = tuple(one.key for one in found[:-1]), found[-1].key
        typed = word[found[-1].start : found[-1].end]
        if starred and len(last) >= _SHORTEST_BEGINNING:
            yield Term(keys, beginnings(typed))
        else:
            # "e.V" or "Syria's": several words that were typed as one stay together.
            yield Term((*keys, last))
