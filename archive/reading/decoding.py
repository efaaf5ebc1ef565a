"""Bytes of a page to text, also where the stated encoding is not the one in use. Pure.

What a server or a page states is believed unless the bytes contradict it: bytes that are UTF-8 and no accident are
UTF-8, and Arabic stated as Western European is windows-1256. Each departure is noted; nothing is repaired silently.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import webencodings

from sijill.archive.capture.requisites import page_encoding

_SAMPLE = 1 << 20
"""Bytes that are looked at to tell one encoding from another."""
_HIGH_RUNS = re.compile(rb"[\x80-\xff]+")
_MARKUP = re.compile(rb"<[^<>]{0,2000}>")
_WESTERN = frozenset({"windows-1252", "iso-8859-15", "windows-1254", "macintosh"})
_ARABIC_ENCODINGS = ("windows-1256", "iso-8859-6")
_ARABIC = re.compile("[\u0621-\u063a\u0641-\u064a]")
_COMMON_ARABIC = re.compile("(?<![\u0621-\u064a])(?:ال|وال|في|من|على|إلى|و)")
_TWICE_ENCODED = re.compile("[ØÙ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, and what had to be assumed to have it."""

    text: str
    encoding: str
    """As named by the Encoding Standard."""
    notes: tuple[str, ...] = ()


def decode(data: bytes, charset: str | None) -> Decoded:
    """The text of a page, by Content-Type's `charset`, its own `<meta>`, and what its bytes can be. Never raises."""
    stated = page_encoding(data, charset)
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")) or stated.name.startswith("utf-16"):
        text, encoding = webencodings.decode(data, stated)
        return Decoded(text, encoding.name)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _not_utf8(data, stated)
    if stated.name != "utf-8" and not data.isascii():
        return _once_decoded(text, f"read as utf-8, not {stated.name}: the bytes are valid UTF-8")
    return _once_decoded(text, None)


def _not_utf8(data: bytes, stated: webencodings.Encoding) -> Decoded:
    if stated.name != "utf-8" and stated.name not in _WESTERN:
        text, encoding = webencodings.decode(data, stated)
        return Decoded(text, encoding.name)
    text = data.decode("utf-8", "replace")
    broken, high = text.count("\ufffd"), sum(character > "\x7f" for character in text[:_SAMPLE])
    if broken * 20 <= high:  # in an encoding of single bytes hardly any two of them would be UTF-8
        return Decoded(text, "utf-8", (f"{broken} places are not valid UTF-8",))
    sample = _MARKUP.sub(b" ", data[:_SAMPLE])
    if _is_arabic_shaped(sample):
        arabic = max(_ARABIC_ENCODINGS, key=lambda name: _arabic_score(sample, name))
        if _arabic_score(sample, arabic):
            return Decoded(
                _by_name(data, arabic), arabic, (f"read as {arabic}, not {stated.name}: its words are Arabic",)
            )
    if stated.name == "utf-8":
        return Decoded(
            _by_name(data, "windows-1252"),
            "windows-1252",
            ("read as windows-1252, not utf-8: the bytes are not valid UTF-8",),
        )
    return Decoded(_by_name(data, stated.name), stated.name)


def _once_decoded(text: str, note: str | None) -> Decoded:
    """UTF-8 that was read as windows-1252 and written as UTF-8 again shows as pairs of Ø or Ù and a sign."""
    notes = () if note is None else (note,)
    sample = text[:_SAMPLE]
    pairs = len(_TWICE_ENCODED.findall(sample))
    if pairs < 20 or pairs < 2 * len(_ARABIC.findall(sample)):
        return Decoded(text, "utf-8", notes)
    try:
        undone = b"".join(_byte(character) for character in text).decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return Decoded(text, "utf-8", (*notes, "seems to have been encoded twice, and cannot be undone"))
    return Decoded(undone, "utf-8", (*notes, "had been encoded as UTF-8 twice; read with the second undone"))


def _byte(character: str) -> bytes:
    # windows-1252 of the Encoding Standard gives the five unassigned bytes as C1 controls; Python's gives nothing.
    return bytes((ord(character),)) if "\x80" <= character <= "\x9f" else character.encode("windows-1252")


def _by_name(data: bytes, name: str) -> str:
    text: str = webencodings.decode(data, webencodings.lookup(name))[0]
    return text


def _is_arabic_shaped(sample: bytes) -> bool:
    """High bytes come in words there, singly among ASCII letters in Western languages."""
    runs = [len(run) for run in _HIGH_RUNS.findall(sample)]
    return sum(runs) >= 8 and sum(run for run in runs if run > 1) * 10 >= sum(runs) * 8


def _arabic_score(sample: bytes, name: str) -> int:
    text = _by_name(sample, name)
    letters = len(_ARABIC.findall(text))
    others = sum(character > "\x7f" for character in text) - letters
    return 0 if letters < 2 * others else letters - 4 * others + 10 * len(_COMMON_ARABIC.findall(text))
