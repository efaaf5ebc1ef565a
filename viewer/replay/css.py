"""Rewriting the addresses in a style sheet, in place: every other character stays as it is (CSS Syntax 3). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_STRING: Final = r'"(?:[^"\\\n\r\f]|\\[\s\S])*"|' + r"'(?:[^'\\\n\r\f]|\\[\s\S])*'"
# No branch can begin where another one goes on, so that time grows with the length of the text alone.
_TOKEN: Final = re.compile(
    rf"(?P<comment>/\*[\s\S]*?(?:\*/|\Z))"
    rf"|url\(\s*(?:(?P<quoted>{_STRING})|(?P<bare>(?:[^\"'()\\\s]|\\[^\n\r\f])*))\s*\)"
    rf"|(?P<rule>@import\s+)(?P<imported>{_STRING})"
    rf"|(?P<set>image-set\()"
    rf"|(?P<string>{_STRING})"
    r"|(?P<bracket>[()])",
    re.IGNORECASE | re.ASCII,
)
_MARKS: Final = ("url", "@import", "image-set")
_ESCAPE: Final = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})(?:\r\n|[ \t\n\r\f])?|(\n|\r\n?|\f)|([\s\S]))")


def rewrite_css(text: str, wrap: Callable[[str], str | None]) -> str:
    """`text` with every address in it replaced by what `wrap` makes of it; where that is None it stays."""
    lowered = text.lower()
    if not any(mark in lowered for mark in _MARKS):
        return text
    pieces: list[str] = []
    done = 0
    depth = 0
    """Brackets that are open since the begin of an image-set, in which strings are addresses."""
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "set":
            depth += 1
        elif kind == "bracket":
            depth += 0 if not depth else 1 if token[0] == "(" else -1
        written = token["quoted"] or token["imported"] or (token["string"] if depth else None)
        reference = _unescape(written[1:-1]) if written else _unescape(token["bare"] or "")
        wrapped = wrap(reference) if reference else None
        if wrapped is not None:
            bare = f'"{wrapped}"'
            new = (token["rule"] or "") + bare if kind in ("imported", "string") else f"url({bare})"
            pieces += (text[done : token.start()], new)
            done = token.end()
    return "".join([*pieces, text[done:]])


def _unescape(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    """CSS Syntax 3 §4.3.7; an escaped line break is nothing."""
    if escape[1]:
        number = int(escape[1], 16)
        return "\ufffd" if number == 0 or number > 0x10FFFF or 0xD800 <= number < 0xE000 else chr(number)
    return "" if escape[2] else escape[3]
