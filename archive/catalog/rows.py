"""What goes into the catalog and comes out of it. Plain values; a row is a statement of fact by whoever made it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal, Self
from urllib.parse import urldefrag, urlsplit

from sijill.archive.catalog.arabic import indexed
from sijill.archive.catalog.sketch import sketch

_REMEMBERED: Final = 10_000
"""Characters of the longest text for which it is remembered what it gave."""

PUBLISHED: Final = frozenset({"statement", "document"})
"""The kinds of pages that publish a statement; all others only show that there is one, or something else."""


@dataclass(frozen=True, slots=True)
class CaptureRow:
    """A capture as its attestation has it."""

    capture_id: str
    leaf_index: int
    envelope_sha256: str
    """Of the attestation, as the log has it."""
    target: str
    final_url: str | None
    """None if the page was not reached."""
    started: datetime
    outcome: str
    warc_sha256: str
    payload_sha256: str | None
    """Of the page's own body."""
    media_type: str | None

    @property
    def url(self) -> str:
        """The address of the page, without fragment."""
        return urldefrag(self.final_url or self.target)[0]


@dataclass(frozen=True, slots=True)
class SignatoryRow:
    """One name of a list of signatories."""

    verbatim: str
    key: str
    """What its other spellings have in common."""
    organisation: str | None
    """The id of the alias table, if it has the name."""
    number: int | None
    """As the list has it."""
    start: int
    """Its place in the text of the reading, in characters."""
    end: int

    @property
    def identity(self) -> str:
        """What makes it one body across statements."""
        return f"organisation:{self.organisation}" if self.organisation else f"name:{self.key}"


@dataclass(frozen=True, slots=True)
class PageLink:
    """That a page names another one as the same in a language, or holds a card that leads to it."""

    url: str
    """Absolute, without fragment."""
    kind: Literal["language", "teaser"]


@dataclass(frozen=True, slots=True)
class PublishedOn:
    """A date of publication; `first` and `last` differ if only the month is known."""

    first: date
    last: date
    precision: str
    source: str
    verbatim: str


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """What one version of the reader made of a capture."""

    capture_id: str
    reader: str
    source_sha256: str
    """Of the bytes that were read."""
    kind: str
    title: str | None
    published: PublishedOn | None
    language: str | None
    """A language tag in lower case."""
    text: str
    issuers: tuple[str, ...] = ()
    signatories: tuple[SignatoryRow, ...] = ()
    links: tuple[PageLink, ...] = ()
    reasons: dict[str, str] = field(default_factory=dict)
    """How title, date and language were found, or why they were not."""

    @property
    def content_sha256(self) -> str:
        """The digest of what a version of a page is: two captures with the same are of one version."""
        said = self.published
        content = [
            self.kind,
            self.title,
            said and [said.first.isoformat(), said.last.isoformat()],
            self.language,
            self.issuers,
            [[one.verbatim, one.identity, one.number, one.start] for one in self.signatories],
            sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest(),
        ]
        return sha256(json.dumps(content).encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is worked out of a reading before it is written; takes time, and can be done anywhere."""

    content_sha256: str
    title: str
    """The words of the title as they are put into the index."""
    body: str
    """Likewise of the text."""
    sketch: bytes
    """Of the text, by which others are found that have much in common with it."""

    @classmethod
    def of(cls, reading: ReadingRow) -> Self:
        """What `reading` gives."""
        said = _said_before if len(reading.text) <= _REMEMBERED else _said
        return cls(reading.content_sha256, indexed(reading.title or ""), *said(reading.text))


def _said(text: str) -> tuple[str, bytes]:
    body = indexed(text)
    return body, sketch(body)


# Most captures of a crawl that is made every day say what the one before said.
_said_before: Final = lru_cache(1 << 10)(_said)


@dataclass(frozen=True, slots=True)
class Added:
    """A capture that the log has; its reading may come later."""

    capture: CaptureRow
    reading: ReadingRow | None = None
    prepared: Prepared | None = None
    """Of the reading, if it was worked out before."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A capture whose objects were removed: nothing of it may stay."""

    capture_id: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A capture that the log has and whose attestation could not be read."""

    capture_id: str
    leaf_index: int
    envelope_sha256: str
    reason: str


Change = Added | Forgotten | Unread


@dataclass(frozen=True, slots=True)
class Position:
    """The log that the catalog was built to."""

    origin: str
    size: int
    root: bytes
    peaks: tuple[bytes, ...]
    """The roots of the largest perfect subtrees, from which reading goes on."""


@dataclass(frozen=True, slots=True)
class VersionRelation:
    """How the page of one version stands to the page of another, by what these say.

    `same` and `language` are symmetric and make both publications of one statement; `excerpt` and `teaser` say that
    the first holds a part of the second. An excerpt that is no small part is a publication of that statement, too.
    """

    version: int
    other: int
    kind: Literal["same", "language", "excerpt", "teaser"]
    score: float = 1.0
    """How much of the shorter text is in the longer one."""
    share: float = 1.0
    """How much of what either says both say."""


def site_of(url: str) -> tuple[str, str]:
    """The host of a URL, and the site: the host without `www.`; both in lower case, and empty if there is none."""
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        host = ""
    return host, host.removeprefix("www.")
