"""Telling a name from prose, and names that stand in one line from each other. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from sijill.archive.reading.normalise import fold, words
from sijill.archive.reading.vocabulary import Vocabulary

LONGEST = 200
"""Characters of a name under a heading; what is longer is prose."""
_LONGEST_BARE = 110
"""Characters of a name without a heading."""
_MOST_WORDS_BARE = 14
_FEW_WORDS = 7
"""A text of so few is a name even if a full stop or a question mark stands in it."""
_MARKER = re.compile(
    r"[\s\u200b-\u200f\u202a-\u202e\u2066-\u2069]*(?:[(\[]?(\d{1,5})\s*(?:[.)\]:،/]|[-–—]+)|[•●▪■◦‣·*–—○-])\s*"
)
_SEPARATORS = (re.compile(r"\s*[;؛]\s*"), re.compile(r"\s*[•●|]\s*|\s+[·/]\s+"), re.compile(r"\s*[,،]\s*"))
_EDGE = " \t\n,;،؛\u00a0\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_NO_NAME = re.compile(
    r"@|https?:|www\.|\+\d|\d[\d ]{6,}"  # a mail address, a link, a telephone
    r"|^\W*\d{1,2}[\s./-]+[^\W\d]+(?:/[^\W\d]+)?[\s./-]+\d{4}\W*$|^\W*[\d\s./:-]+\W*$"  # a date
    r"|^\W*\d{4}\s*[:\-–—]"  # a year before an event
)
_SENTENCE = re.compile(r"[.!?؟…]\s+\S")
_SENTENCE_END = re.compile(r"[.!?؟…:]\W*$")
_AND = re.compile(r"\s+(?:and|et|&)\s+(?=\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A name as on the page, with where it begins in the text it was found in."""

    text: str
    start: int
    number: int | None = None


def trimmed(text: str, start: int = 0, *, dots: bool = False) -> Piece:
    """The text without the spaces, marks of direction and separators around it; `dots`: nor a full stop after it."""
    left = text.lstrip(_EDGE)
    found = left.rstrip(_EDGE)
    if dots and found.endswith(".") and found.count(".") == 1:
        found = found[:-1].rstrip(_EDGE)
    return Piece(found, start + len(text) - len(left))


def without_markers(texts: list[str]) -> list[Piece]:
    """Items without the numbers and bullets typed before them, if most have one; a name may begin with a number."""
    found = [_MARKER.match(text) for text in texts]
    typed = sum(match is not None and match.end() < len(text) for match, text in zip(found, texts, strict=True))
    pieces = []
    for match, text in zip(found, texts, strict=True):
        if (
            match is None
            or typed * 2 < len(texts)
            or match.end() >= len(text)
            or not _is_marker(match, text, len(texts))
        ):
            pieces.append(trimmed(text))
            continue
        piece = trimmed(text[match.end() :], match.end())
        pieces.append(Piece(piece.text, piece.start, int(match[1]) if match[1] else None))
    return pieces


def is_name(text: str) -> bool:
    """Whether a text under a heading of signatories can be a name: has a letter, is no sentence, date or address."""
    return (
        0 < len(text) <= LONGEST
        and any(character.isalpha() for character in text)
        and not _NO_NAME.search(text)
        and not _is_prose(text)
    )


def is_bare_name(text: str, vocabulary: Vocabulary) -> bool:
    """The same, but for a text without such a heading: short, and written as a name."""
    if len(text) > _LONGEST_BARE or not is_name(text) or _SENTENCE_END.search(text):
        return False
    if len(text.split()) > _MOST_WORDS_BARE:
        return False
    first = next(character for character in text if character.isalpha())
    return not first.islower() or vocabulary.has_organisation_word(words(text))


def is_clearly_organisation(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a word of it is one that names of organisations have."""
    return vocabulary.has_organisation_word(words(text))


def split_names(text: str, vocabulary: Vocabulary, count: int | None = None) -> list[Piece]:
    """The names that stand in one line, parted by semicolons, bullets or commas, the last perhaps by "and".

    Args:
        text: what follows the heading or its colon.
        vocabulary: knows words of organisations, which decide where "and" parts two of them.
        count: how many names were announced.
    """
    separator = next((each for each in _SEPARATORS if each.search(text)), None)
    pieces = [piece for piece in _parts(text, separator) if piece.text]
    if not pieces:
        return []
    last = _without_conjunction(pieces[-1], vocabulary) if len(pieces) > 1 else pieces[-1]
    pieces[-1:] = _parted_by_and(last, vocabulary, wanted=None if count is None else count - len(pieces) + 1)
    return pieces


def _parts(text: str, separator: re.Pattern[str] | None) -> list[Piece]:
    parts, start, seen, depth = [], 0, 0, 0
    for match in separator.finditer(text) if separator else ():
        depth += text.count("(", seen, match.start()) - text.count(")", seen, match.start())
        seen = match.start()
        if depth > 0:
            continue  # within brackets
        parts.append(trimmed(text[start : match.start()], start))
        start = match.end()
    parts.append(trimmed(text[start:], start, dots=True))
    return parts


def _without_conjunction(piece: Piece, vocabulary: Vocabulary) -> Piece:
    match = re.match(r"(?:and|et|as well as|ainsi que|&)\s+", piece.text, re.IGNORECASE)
    if match:
        return trimmed(piece.text[match.end() :], piece.start + match.end())
    if piece.text.startswith("و"):
        # The Arabic "and" is written to its word, and many words begin with that letter: part them only if sure.
        following = fold(piece.text[1:]).split(" ", 1)[0]
        if following in vocabulary.organisation_words or following.startswith("ال"):
            return Piece(piece.text[1:].lstrip(), piece.start + len(piece.text) - len(piece.text[1:].lstrip()))
    return piece


def _parted_by_and(piece: Piece, vocabulary: Vocabulary, wanted: int | None) -> list[Piece]:
    for match in _AND.finditer(piece.text):
        before, after = piece.text[: match.start()], piece.text[match.end() :]
        both = is_clearly_organisation(before, vocabulary) and is_clearly_organisation(after, vocabulary)
        if wanted == 2 or (wanted is None and both and after[:1].isupper()):
            return [trimmed(before, piece.start), trimmed(after, piece.start + match.end())]
    return [piece]


def _is_marker(match: re.Match[str], text: str, items: int) -> bool:
    if match[1] is None:
        return True
    following = text[match.end() : match.end() + 1]
    glued = match.end() > 0 and not text[match.end() - 1].isspace() and following.isdigit()
    return not glued and int(match[1]) <= max(1000, items * 2)


def _is_prose(text: str) -> bool:
    # "Dr. Huda Karam", "e.V. Hamburg": a full stop after few letters ends an abbreviation; "Where Are They? Campaign".
    breaks = [match for match in _SENTENCE.finditer(text) if len(_word_before(text, match.start())) > 4]
    return bool(breaks) and len(text.split()) > _FEW_WORDS


def _word_before(text: str, end: int) -> str:
    start = end
    while start and unicodedata.category(text[start - 1])[0] in "LNM":
        start -= 1
    return text[start:end]
