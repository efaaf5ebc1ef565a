"""Patterns of paths, host names of a scope, and the one way a found URL is written. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit, urlunsplit

from sijill.archive.capture.target import LONGEST, RequestUrl, parse_target, resolve
from sijill.archive.errors import BadPattern, BadTarget

LONGEST_PATTERN = 500
"""Characters of a pattern."""
LONGEST_LINE = LONGEST
"""Characters of what a document gives as a URL; what is longer is none."""
_ANY_SEGMENTS = "**"
_TRACKING = frozenset(
    {"fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "twclid", "igshid", "mc_cid", "mc_eid",
     "_ga", "_gl", "mkt_tok", "oly_anon_id", "oly_enc_id", "vero_id", "wickedid", "_hsenc", "_hsmi"}
)  # fmt: skip
"""Query parameters that say how a reader came, and change nothing of the page."""


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A pattern of URL paths, made by `parse`.

    `*` stands for any characters within one segment, and for at least one where it is all of a segment; `**` as a
    whole segment stands for any number of segments, none included. A pattern that does not end with a slash leaves it
    open whether the path does. What follows a `?` is matched with the query, `*` standing for any characters; a
    pattern without it says nothing of the query. Escapes are decoded and letters composed before comparing, so that a
    pattern may be written in any script. Time to match is bounded by the length of pattern times that of path.
    """

    text: str
    """As written."""
    _segments: tuple[tuple[str, ...] | None, ...]
    """Each segment as the literal pieces between its asterisks; None for `**`."""
    _query: tuple[str, ...] | None
    """Likewise of the query; None if the pattern has none."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The pattern written as `text`.

        Raises:
            BadPattern: it is not a pattern, or could never match; the reason says why.
        """
        if "://" in text or text.startswith("//"):
            raise BadPattern(text, "give the path only, from its first '/'; hosts are listed under hosts")
        if not text.startswith("/"):
            raise BadPattern(text, "it must begin with '/'")
        if len(text) > LONGEST_PATTERN:
            raise BadPattern(text, f"it is longer than {LONGEST_PATTERN} characters")
        if any(c.isspace() or not c.isprintable() for c in text):
            raise BadPattern(text, "it holds white space or a control character; write a space as %20")
        if "#" in text:
            raise BadPattern(text, "it can never match: what follows '#' is never part of a request")
        if "\\" in text or "^" in text:
            raise BadPattern(text, "it is written as a regular expression; patterns know only * and **")
        path, question_mark, query = text.partition("?")
        written = path[1:].split("/")
        if any(segment in {".", ".."} for segment in written):
            raise BadPattern(text, "it can never match: URLs are requested without '.' and '..' segments")
        if any(not segment for segment in written[:-1]):
            raise BadPattern(text, "it holds an empty segment ('//')")
        if any(_ANY_SEGMENTS in segment and segment != _ANY_SEGMENTS for segment in written):
            raise BadPattern(text, "'**' must stand alone between slashes")
        segments = tuple(None if segment == _ANY_SEGMENTS else _pieces(segment) for segment in written)
        return cls(text, segments, _pieces(query) if question_mark else None)

    @property
    def has_query(self) -> bool:
        """Whether it says what the query must be."""
        return self._query is not None

    def matches(self, url: RequestUrl) -> bool:
        """Whether it matches path and query of `url`."""
        path, _, query = url.path.partition("?")
        if self._query is not None and not _matches_pieces(self._query, _decoded(query)):
            return False
        segments = [_decoded(segment) for segment in path[1:].split("/")]
        if segments[-1] == "" and len(segments) > 1 and self._segments[-1] != ("",):
            del segments[-1]
        return _matches_segments(self._segments, segments)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class ScopeHost:
    """A host whose pages belong to a site."""

    host: str
    """A-labels in lower case, or an IP address without brackets."""
    port: int | None
    """None: the default port of the scheme."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The host written as `text`: a name or address, with `:port` if it is not the default one.

        Raises:
            BadTarget: it is neither.
        """
        if any(c in text for c in "/?#@\\"):
            raise BadTarget(text, "give the host alone, without scheme and path")
        url = parse_target(f"http://{text}/")
        has_port = text.rpartition("]")[2].rpartition(":")[1] == ":"
        return cls(url.host, url.port if has_port else None)

    def matches(self, url: RequestUrl) -> bool:
        """Whether `url` is on this host and port."""
        if url.host != self.host:
            return False
        return url.port == self.port if self.port is not None else url.authority == _bracketed(self.host)

    def __str__(self) -> str:
        host = _bracketed(self.host)
        return host if self.port is None else f"{host}:{self.port}"


def absolute(base: str, reference: str, *, query_encoding: str = "utf-8") -> str:
    """The request URL of `reference` as found in the document at `base`: absolute, ASCII, no fragment.

    Raises:
        BadTarget: http(s) cannot fetch it (`javascript:`, `mailto:`, ...); the reason says why.
    """
    return str(resolve(base, reference, query_encoding=query_encoding))


def without_tracking(url: str) -> str:
    """A request URL without the query parameters that only tell the server how a reader came (`utm_...`, `fbclid`)."""
    parts = urlsplit(url)
    if not parts.query:
        return url
    pairs = parts.query.split("&")
    kept = [pair for pair in pairs if not _is_tracking(pair.partition("=")[0].lower())]
    return url if len(kept) == len(pairs) else urlunsplit(parts._replace(query="&".join(kept)))


def _is_tracking(name: str) -> bool:
    return name in _TRACKING or name.startswith("utm_")


def host_of(url: str) -> str:
    """Host and, if it is not the default one, port of a request URL: what robots.txt and politeness are about."""
    return urlsplit(url).netloc


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _decoded(text: str) -> str:
    return unicodedata.normalize("NFC", unquote(text, errors="replace"))


def _pieces(glob: str) -> tuple[str, ...]:
    return tuple(_decoded(piece) for piece in glob.split("*"))


def _matches_pieces(pieces: tuple[str, ...], text: str) -> bool:
    """Whether `text` is the pieces in order with anything between them: each found as early as can be."""
    first, *middle = pieces
    if not middle:
        return text == first
    last = middle.pop()
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    position, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def _matches_segments(pattern: tuple[tuple[str, ...] | None, ...], segments: list[str]) -> bool:
    """Each run of segments between two `**` is found as early as can be: going back to the last `**` suffices."""
    at, of, retry_at, retry_of = 0, 0, -1, 0
    while at < len(segments):
        piece = pattern[of] if of < len(pattern) else ()
        if piece is None:
            retry_at, retry_of = at, of
            of += 1
        elif piece and _matches_segment(piece, segments[at]):
            at, of = at + 1, of + 1
        elif retry_at >= 0:
            retry_at += 1
            at, of = retry_at, retry_of + 1
        else:
            return False
    return all(piece is None for piece in pattern[of:])


def _matches_segment(pieces: tuple[str, ...], segment: str) -> bool:
    if pieces == ("", ""):
        return segment != ""
    return _matches_pieces(pieces, segment)
