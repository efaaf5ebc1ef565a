"""Text from outside, made fit to be shown to a person."""

from __future__ import annotations

import unicodedata
from typing import Final

MAX_SHOWN: Final = 1_000
"""Characters of one text from the evidence that are shown to people."""

_JOINERS: Final = "\u200c\u200d"
"""Arabic and Indic scripts need these two to be read rightly, and they reorder nothing."""
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    """`text` without anything that a terminal acts on: controls and direction overrides are shown by their numbers."""
    shown = "".join(
        character
        if character in _JOINERS or unicodedata.category(character) not in _UNSAFE
        else f"\\u{{{ord(character):x}}}"
        for character in text[:MAX_SHOWN]
    )
    return f"{shown}…" if len(text) > MAX_SHOWN else shown
