"""What a page refers to, and where on the web its own site ends. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address

from sijill.archive.capture.target import LONGEST, resolve
from sijill.archive.errors import BadTarget

_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "gob", "gov", "gouv", "info", "mil", "net", "or", "org"})
"""Labels under which countries let others register."""


class Use(StrEnum):
    """What a page does with something it refers to."""

    STYLE = "style"
    """A style sheet: refers to more itself."""
    FRAME = "frame"
    """Shown inside the page; if it is HTML, it refers to more itself."""
    DOCUMENT = "document"
    """Not shown, but linked to as the statement itself or its full report."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Reference:
    """Something a page needs or links to."""

    url: str
    """A request URL: absolute, ASCII, no fragment."""
    use: Use


class References:
    """Collects references in the order of the document, each URL once."""

    def __init__(self, base: str, *, query_encoding: str = "utf-8") -> None:
        self.base = base
        self._query_encoding = query_encoding
        self._found: dict[str, Use] = {}

    def __iter__(self) -> Iterator[Reference]:
        return (Reference(url, use) for url, use in self._found.items())

    def absolute(self, reference: str | None) -> str | None:
        """The request URL of `reference`; None if it is empty, only a fragment, or not for http(s) to fetch."""
        if not reference or len(reference) > LONGEST or reference.lstrip()[:1] in {"", "#"}:
            return None
        try:
            return str(resolve(self.base, reference, query_encoding=self._query_encoding))
        except BadTarget:
            return None

    def add(self, reference: str | None, use: Use = Use.OTHER) -> None:
        """Take in `reference` as written in the document, unless http(s) cannot fetch it (`data:`, `mailto:`, ...)."""
        url = self.absolute(reference)
        # The same URL may be preloaded first and used as a style sheet or frame later: what it is used for counts.
        if url is not None and (url not in self._found or (self._found[url] is Use.OTHER and use is not Use.DOCUMENT)):
            self._found[url] = use


def same_site(host: str, other: str) -> bool:
    """Whether two hosts belong to one site, as far as that can be told without a list of registries."""
    return _site(host) == _site(other)


def _site(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        labels = host.lower().removesuffix(".").split(".")
    under_second_level = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVEL
    return ".".join(labels[-3:] if under_second_level else labels[-2:])
