"""The interface in English and Arabic: English sentences are the keys, so that a page can be read in its template."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from starlette.requests import Request

LANGUAGES: Final = {"en": "English", "ar": "العربية"}
COOKIE: Final = "lang"


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one language."""

    language: str
    _sentences: Mapping[str, str]

    @property
    def direction(self) -> str:
        """Which way its lines run."""
        return "rtl" if self.language == "ar" else "ltr"

    def __call__(self, sentence: str, **values: Any) -> str:
        """`sentence` in this language, with values put into it; as it is where nothing is known of it."""
        text = self._sentences.get(sentence, sentence)
        return text.format(**values) if values else text

    def knows(self, sentence: str) -> bool:
        """Whether there are words for it."""
        return sentence in self._sentences


@cache
def wording(language: str) -> Wording:
    """The words of a language of `LANGUAGES`."""
    text = files("sijill.viewer").joinpath("arabic.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    arabic = language == "ar"
    sentences = {code: words[1 if arabic else 0] for code, words in table["codes"].items()}
    return Wording(language, {**table["sentences"], **sentences} if arabic else sentences)


def wording_of(request: Request) -> Wording:
    """The language that is asked for: by the address, else as asked before, else by what the browser prefers."""
    asked = request.query_params.get("lang") or request.cookies.get(COOKIE)
    if asked in LANGUAGES:
        return wording(asked)
    preferred = request.headers.get("accept-language", "")[:2].lower()
    return wording(preferred if preferred in LANGUAGES else "en")
