"""Captures in the catalog: the newest of all, those of one page or of one URL, one by its id, and what it says."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.schema import failures
from sijill.archive.catalog.search import shown_date


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """A capture as the catalog has it."""

    capture_id: str
    leaf_index: int
    envelope_sha256: str
    """Of the attestation, as the log has it."""
    target: str
    final_url: str | None
    started: str
    outcome: str
    warc_sha256: str
    payload_sha256: str | None
    media_type: str | None
    host: str
    title: str | None
    """As it was read; None without a reading."""
    statement_id: str | None
    """Of the statement that its page publishes; None if it publishes none."""

    @property
    def url(self) -> str:
        """Where the page was in the end, or where it should have been."""
        return self.final_url or self.target


@dataclass(frozen=True, slots=True)
class CapturePosition:
    """A place in the list of captures, which stays whatever comes into the catalog."""

    number: int
    """That the catalog gave to the capture which stands there."""


@dataclass(frozen=True, slots=True)
class Memento:
    """A capture of a URL that brought an answer."""

    capture_id: str
    captured: str
    url: str
    """Of the page in the end."""


@dataclass(frozen=True, slots=True)
class CapturedText:
    """What a capture says, as it was read."""

    capture_id: str
    started: str
    url: str
    site: str
    title: str | None
    language: str | None
    published: str | None
    text: str
    reader: str
    source_sha256: str


_CAPTURES: Final = """
SELECT capture.id, capture_id, capture.leaf_index, envelope_sha256, target, final_url, started, outcome, warc_sha256,
    payload_sha256, media_type, page.host, version.title, first.first_capture
FROM capture JOIN page ON page.id = capture.page LEFT JOIN version ON version.id = capture.version
LEFT JOIN page AS first ON first.id = page.statement
"""
# The places are found first, so that pages far behind join nothing that they do not show.
_NEWEST: Final = """
CAPTURES WHERE capture.id IN (SELECT id FROM capture WHERE CONDITIONS ORDER BY id DESC LIMIT :limit OFFSET :offset)
ORDER BY capture.id DESC
""".replace("CAPTURES", _CAPTURES)
_CONDITIONS: Final = {
    "behind": "id < :behind",
    "outcome": "outcome = :outcome",
    "hosts": "page IN (SELECT id FROM page WHERE host IN (SELECT value FROM json_each(:hosts)))",
    "site": "page IN (SELECT id FROM page WHERE host = :site OR site = :site)",
    "url": "page = (SELECT id FROM page WHERE url = :url)",
}
_ONE: Final = _CAPTURES + "WHERE capture_id = ?"
_OF_PAGE: Final = """
CAPTURES WHERE capture.page = (SELECT page FROM capture WHERE capture_id = ?) ORDER BY capture.leaf_index LIMIT ?
""".replace("CAPTURES", _CAPTURES)

# A page is found by where it was in the end; the target is that of the request.
_MEMENTOS: Final = """
SELECT capture_id, started, final_url FROM capture JOIN page ON page.id = capture.page
WHERE outcome <> 'failed' AND final_url IS NOT NULL AND page.url IN (SELECT value FROM json_each(:urls))
ORDER BY capture.leaf_index LIMIT :limit OFFSET :offset
"""


def captures(
    catalog: Catalog,
    *,
    hosts: Collection[str] | None = None,
    outcome: str | None = None,
    limit: int,
    offset: int = 0,
) -> tuple[CaptureFacts, ...]:
    """Captures, those that came into the catalog last first; what is None lets all through.

    Raises:
        CatalogUnusable: SQLite failed; so does every function here.
    """
    among = None if hosts is None else json.dumps(sorted(hosts))
    rows = _newest(catalog, limit=limit, offset=offset, hosts=among, outcome=outcome)
    return tuple(_facts(row) for row in rows)


def captures_behind(
    catalog: Catalog,
    position: CapturePosition | None,
    *,
    site: str | None = None,
    outcome: str | None = None,
    url: str | None = None,
    limit: int,
) -> tuple[tuple[CaptureFacts, ...], CapturePosition | None]:
    """The captures that follow a position in the same order, and the position of the last, if more follow it.

    Args:
        catalog: of which archive.
        position: where the last list ended; None for the beginning.
        site: a host, or a site (a host without `www.`).
        outcome: as attested.
        url: of the page.
        limit: at most so many.
    """
    behind = None if position is None else position.number
    rows = _newest(catalog, limit=limit + 1, offset=0, behind=behind, site=site, outcome=outcome, url=url)
    end = CapturePosition(rows[limit - 1][0]) if len(rows) > limit else None
    return tuple(_facts(row) for row in rows[:limit]), end


def find_capture(catalog: Catalog, capture_id: str) -> CaptureFacts | None:
    """One capture; None if the catalog has none of this id."""
    with failures(catalog.path):
        row = catalog.connection.execute(_ONE, (capture_id,)).fetchone()
    return None if row is None else _facts(row)


def captures_of_page(catalog: Catalog, capture_id: str, *, limit: int = 200) -> tuple[CaptureFacts, ...]:
    """The captures of the page that `capture_id` is one of, in the order of the log."""
    with failures(catalog.path):
        rows = catalog.connection.execute(_OF_PAGE, (capture_id, limit)).fetchall()
    return tuple(_facts(row) for row in rows)


def mementos(catalog: Catalog, urls: Collection[str], *, limit: int, offset: int = 0) -> tuple[Memento, ...]:
    """The captures of the page at one of `urls`, which are ways to write one URL, the oldest first."""
    with failures(catalog.path):
        rows = catalog.connection.execute(
            _MEMENTOS, {"urls": json.dumps(sorted(urls)), "limit": limit, "offset": offset}
        ).fetchall()
    return tuple(Memento(*row) for row in rows)


def text_of(catalog: Catalog, capture_id: str) -> CapturedText | None:
    """What a capture says; None if the catalog has no reading of it."""
    with failures(catalog.path):
        row = catalog.connection.execute(
            "SELECT started, url, site, title, language, date_first, date_precision, text, reader, source_sha256 "
            "FROM capture JOIN page ON page.id = capture.page JOIN version ON version.id = capture.version "
            "JOIN content ON content.version = version.id WHERE capture_id = ?",
            (capture_id,),
        ).fetchone()
    if row is None:
        return None
    started, url, site, title, language, first, precision, text, reader, source = row
    return CapturedText(
        capture_id, started, url, site, title, language, shown_date(first, precision), text, reader, source
    )


def _newest(catalog: Catalog, *, limit: int, offset: int, **asked: str | int | None) -> list[tuple[Any, ...]]:
    conditions = " AND ".join(_CONDITIONS[name] for name, value in asked.items() if value is not None)
    query = _NEWEST.replace("CONDITIONS", conditions or "true")
    with failures(catalog.path):
        return catalog.connection.execute(query, {**asked, "limit": limit, "offset": offset}).fetchall()


def _facts(row: tuple[Any, ...]) -> CaptureFacts:
    _, *facts = row
    return CaptureFacts(*facts)
