"""Words as they are compared: one key for all spellings of a word, in Arabic as in Latin script.

Applied to what is indexed and to what is asked, so that both meet. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

_LONGEST_KEY: Final = 100
"""Characters; what is longer is no word, and is cut on both sides alike."""
_SHORTEST_STEM: Final = 3
"""Letters that must be left when the article is taken off, so that "الله" stays."""

# What stands inside a word and belongs to no letter: vowel signs, combining marks, joiners, direction marks, soft
# hyphens. The tatweel is a letter to `\w`.
_INSIDE: Final = (
    "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed"
    "\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe20-\ufe2f\ufeff"
)
_WORD: Final = re.compile(rf"\w[\w{_INSIDE}]*")
_CACHED: Final = 1 << 17

# Forms that Unicode keeps apart and readers do not. Hamza on a carrier falls off by decomposition before.
_LETTERS: Final = str.maketrans(
    {
        "ى": "ي",
        "ی": "ي",
        "ې": "ي",
        "ے": "ي",
        "ة": "ه",
        "ۃ": "ه",
        "ہ": "ه",
        "ھ": "ه",
        "ە": "ه",
        "ک": "ك",
        "ڪ": "ك",
        "ٱ": "ا",
        "ـ": None,
        **{chr(0x0660 + digit): str(digit) for digit in range(10)},
        **{chr(0x06F0 + digit): str(digit) for digit in range(10)},
    }
)
# The article, alone or behind the one-letter words that are written together with it.
_ARTICLE: Final = re.compile(r"(?:[وف]?[بك]?ال|[وف]?لل)(?=(\w*))")


class Word(NamedTuple):
    """A word of a text, and where it stands there."""

    key: str
    start: int
    end: int


class _Keys(dict[str, str]):
    """The keys of words seen before: a language has few, and its texts are many."""

    def __missing__(self, word: str) -> str:
        if len(self) >= _CACHED:
            self.clear()
        bare = bare_key(word)
        key = self[word] = bare if bare.isascii() else _without_article(bare, _SHORTEST_STEM)
        return key


_KEYS: Final = _Keys()


def words(text: str) -> Iterator[Word]:
    """The words of `text`, in order."""
    for match in _WORD.finditer(text.replace("_", " ")):
        if key := _KEYS[match[0]]:
            yield Word(key, match.start(), match.end())


def indexed(text: str) -> str:
    """The keys of the words of `text`, parted by spaces: what is put into the index."""
    return " ".join(map(_KEYS.__getitem__, _WORD.findall(text.replace("_", " "))))


def word_key(word: str) -> str:
    """What all spellings of `word` have in common; empty if it has neither letter nor digit."""
    return _KEYS[word]


@lru_cache(1 << 12)
def beginnings(word: str) -> tuple[str, ...]:
    """What the keys of words may begin with that begin with `word`: the article may be all that is typed so far."""
    key = bare_key(word)
    short = _without_article(key, 2)
    return (key,) if short == key else (key, short)


def bare_key(word: str) -> str:
    """The key of `word` with its article."""
    if word.isascii():
        return word.lower()[:_LONGEST_KEY]
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", word).casefold())
    return "".join(letter for letter in folded.translate(_LETTERS) if letter.isalnum())[:_LONGEST_KEY]


def _without_article(key: str, shortest: int) -> str:
    match = _ARTICLE.match(key)
    return match[1] if match is not None and len(match[1]) >= shortest else key
