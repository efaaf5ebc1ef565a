"""The words that statements put around the names of those who sign, from `data/signatories.<language>.toml`.

All languages are used together: a page in Arabic may have its signatories under an English heading. Words are compared
folded (`normalise.words`). To add a language, add a file; `signatories.en.toml` says what each member means.
"""

from __future__ import annotations

import functools
import importlib.resources
import tomllib
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sijill.archive.reading.normalise import fold, words

Phrase = tuple[str, ...]
_NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases by their first word, so that one look-up finds those that may begin at a word."""

    by_first: Mapping[str, tuple[Phrase, ...]]

    @staticmethod
    def of(texts: Iterable[str]) -> Phrases:
        """Phrases of texts; `{number}` stands for a number in digits or in words."""
        found: dict[str, list[Phrase]] = {}
        for phrase in sorted({tuple(words(text)) for text in texts}, key=len, reverse=True):
            if phrase:
                found.setdefault(phrase[0], []).append(phrase)
        return Phrases({first: tuple(phrases) for first, phrases in found.items()})

    def at(self, found: list[str], start: int, numbers: Container[str] = ()) -> int:
        """How many words the longest phrase that begins at `start` takes; 0 if none does."""
        for phrase in self.by_first.get(found[start], ()):
            if len(phrase) <= len(found) - start and all(
                word == wanted or (wanted == _NUMBER and (word.isdecimal() or word in numbers))
                for word, wanted in zip(found[start:], phrase, strict=False)
            ):
                return len(phrase)
        return 0

    def anywhere(self, found: list[str], numbers: Container[str]) -> bool:
        """Whether a phrase stands somewhere in the words."""
        return any(self.at(found, start, numbers) for start in range(len(found)))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the data files say, folded; `signatories.en.toml` explains each member."""

    headings: Phrases
    announcements: Phrases
    ends: Phrases
    signs: Phrases
    qualifiers: frozenset[str]
    places: frozenset[str]
    others: frozenset[str]
    conjunctions: tuple[Phrase, ...]
    name_columns: frozenset[str]
    other_columns: frozenset[str]
    organisation_words: frozenset[str]
    numbers: Mapping[str, int]

    def number(self, found: Iterable[str]) -> int | None:
        """The first number among words, in digits or in words."""
        for word in found:
            if word.isdecimal() and len(word) < 6:
                return int(word)
            if word in self.numbers:
                return self.numbers[word]
        return None

    def has_organisation_word(self, found: Iterable[str]) -> bool:
        """Whether a word is one that names of organisations have; the Arabic "and" before it is looked through."""
        return any(word in self.organisation_words or word[1:] in self.organisation_words for word in found)


@functools.cache
def vocabulary() -> Vocabulary:
    """That of all data files of the package."""
    folder = importlib.resources.files(__package__) / "data"
    named = sorted(entry.name for entry in folder.iterdir() if entry.name.startswith("signatories."))
    return of_languages([tomllib.loads((folder / name).read_text("utf-8")) for name in named if name.endswith(".toml")])


def of_languages(languages: list[dict[str, Any]]) -> Vocabulary:
    """The vocabulary of parsed data files; a member that a file lacks adds nothing."""

    def all_of(member: str) -> list[str]:
        return [text for language in languages for text in language.get(member, ())]

    def single(member: str) -> frozenset[str]:
        return frozenset(word for text in all_of(member) for word in words(text))

    def whole(member: str) -> frozenset[str]:
        return frozenset(" ".join(words(text)) or fold(text) for text in all_of(member))

    return Vocabulary(
        headings=Phrases.of(all_of("headings")),
        announcements=Phrases.of(all_of("announcements")),
        ends=Phrases.of(all_of("ends")),
        signs=Phrases.of(all_of("signs")),
        qualifiers=single("qualifiers"),
        places=single("places"),
        others=single("others"),
        conjunctions=tuple(sorted({tuple(words(text)) or (text,) for text in all_of("conjunctions")})),
        name_columns=whole("name_columns"),
        other_columns=whole("other_columns"),
        organisation_words=single("organisation_words"),
        numbers={fold(word): value for language in languages for word, value in language.get("numbers", {}).items()},
    )
