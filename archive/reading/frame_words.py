"""The words of `data/frame.toml`, folded for comparing. Pure, but for reading that file of the package once."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from sijill.archive.reading.normalise import words


@dataclass(frozen=True, slots=True)
class FrameWords:
    """The lists of `data/frame.toml`, each text folded."""

    headings: frozenset[str]
    languages_offered: tuple[str, ...]
    ways_out: tuple[str, ...]
    login: frozenset[str]
    other_dates: tuple[str, ...]
    languages: dict[str, str]
    """Folded name of a language to its code."""


def plain(text: str) -> str:
    """Folded words with single spaces: what the lists are compared by."""
    return " ".join(words(text))


@functools.cache
def frame_words() -> FrameWords:
    """The lists, read once."""
    listed = tomllib.loads(resources.files(__package__).joinpath("data/frame.toml").read_text("utf-8"))
    return FrameWords(
        headings=frozenset(_folded(listed["headings"])),
        languages_offered=tuple(_folded(listed["languages_offered"])),
        ways_out=tuple(_folded(listed["ways_out"])),
        login=frozenset(_folded(listed["login"])),
        other_dates=tuple(_folded(listed["other_dates"])),
        languages={plain(name): code for code, names in listed["language_names"].items() for name in names},
    )


def begins(text: str, beginnings: tuple[str, ...]) -> bool:
    """Whether a folded text begins with whole words of the list, or is one of them."""
    return text.startswith(tuple(f"{beginning} " for beginning in beginnings)) or text in beginnings


def _folded(listed: Iterable[str]) -> list[str]:
    return [plain(text) for text in listed]
