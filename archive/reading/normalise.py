"""One form for what is written in several: letters, spaces, quotation marks, digits, and names of organisations. Pure.

Three forms, each further from the page than the one before. `tidy` is still text to read. `fold` is for comparing
words: Unicode's compatibility form (Arabic presentation forms become letters), without case, marks of direction,
vowel signs and tatweel, one letter for the forms of alef, ya and ta marbuta, and digits of ASCII. `name_key` is for
comparing organisations: folded words without articles, "and" and an acronym in brackets at the end.
"""

from __future__ import annotations

import functools
import re
import unicodedata

_UNSEEN = dict.fromkeys(
    (
        0x00AD,  # soft hyphen
        0x034F,
        0x061C,  # Arabic letter mark
        0x115F,
        0x180E,
        *range(0x200B, 0x2010),  # zero width space and joiners, marks of direction
        *range(0x202A, 0x202F),  # embeddings and overrides
        *range(0x2060, 0x2070),  # word joiner, isolates
        0xFEFF,
        *range(0xFFF9, 0xFFFC),
    )
)
_TIDY = _UNSEEN | str.maketrans("‘’‚‛ʼ′“”„‟″‐‑‒–—―−", "''''''\"\"\"\"\"-------")
_VOWELS = dict.fromkeys(
    (0x0640, *range(0x0610, 0x061B), *range(0x064B, 0x0660), 0x0670, *range(0x06D6, 0x06DD), *range(0x06DF, 0x06E9))
)
"""Tatweel, vowel signs, signs of recitation."""
_LETTERS = str.maketrans(dict(zip("أإآٱىیئؤکگةہھے", "اااايييوككهههي", strict=True)))
_SPACES = re.compile(r"\s+")
_ENDS = ' ,;:،؛.-*•|"'
_WORD = re.compile(r"[^\W_]+(?:['][^\W_]+)*")
_BRACKETS = re.compile(r"\s*[(\[（]([^()\[\]（）]{1,40})[)\]）]\s*$")
_ARTICLES = frozenset(
    {"the", "and", "of", "for", "in", "a", "an", "la", "le", "les", "l", "et", "de", "des", "du", "d"}
)
_WORD_SPELLINGS = {
    "centre": "center",
    "organisation": "organization",
    "organisations": "organizations",
    "programme": "program",
    "defence": "defense",
    "labour": "labor",
}


def tidy(text: str) -> str:
    """The text in Unicode's form NFKC, one space between words, straight quotation marks, no mark that nobody sees."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_TIDY)
    return _SPACES.sub(" ", text).strip()


def fold(text: str) -> str:
    """The text for comparing: tidy, without case and accents of Latin letters, one form of each Arabic letter."""
    plain = tidy(text)
    if plain.isascii():
        return plain.lower()
    plain = plain.translate(_VOWELS).translate(_LETTERS).casefold()
    return "".join(_plain(character) for character in plain)


def words(text: str) -> list[str]:
    """The words and numbers of a text, folded, in order; punctuation is none."""
    return [word.replace("'", "") for word in _WORD.findall(fold(text))]


def acronym(name: str) -> str | None:
    """The acronym in brackets at the end of a name: "SDC" of "Sahlan Documentation Centre (SDC)"; None if none is."""
    found = _BRACKETS.search(tidy(name))
    return found[1].strip() if found and _is_acronym(found[1].strip()) else None


def normalised_name(name: str) -> str:
    """The name as it would be written anew: tidy, "and" for "&", no acronym in brackets, no mark after the end."""
    text = tidy(name).strip(_ENDS)
    if acronym(text):
        text = _BRACKETS.sub("", text)
    return _SPACES.sub(" ", text.replace(" & ", " and ").strip(_ENDS))


def name_key(name: str) -> str:
    """What two spellings of one name have in common; empty if the name has no letter and no digit."""
    found = words(normalised_name(name))
    kept = [_WORD_SPELLINGS.get(word, word) for word in found if word not in _ARTICLES]
    return " ".join(kept or found)


@functools.lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    if character.isascii():
        return character
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    decomposed = unicodedata.normalize("NFKD", character)
    return decomposed[0] if "LATIN" in unicodedata.name(decomposed[0], "") or decomposed[0].isascii() else character


def _is_acronym(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    if not letters or len(letters) > 12 or " " in text:
        return False
    return sum(character.isupper() for character in letters) * 2 > len(letters)
