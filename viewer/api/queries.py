"""Lists out of the catalog by cursor: a page goes on behind the last row of the one before, whatever came meanwhile."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.schema import failures
from sijill.archive.catalog.search import PASSES, Filters, passing
from sijill.archive.catalog.statements import StatementRow
from sijill.viewer.errors import BadRequest
from sijill.viewer.listing import statement_rows

_CURSOR: Final = re.compile(r"(?:([0-9]{4}-[0-9]{2}-[0-9]{2}|-)\.)?([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """A capture as the catalog has it."""

    capture_id: str
    leaf_index: int
    envelope_sha256: str
    target: str
    final_url: str | None
    started: str
    outcome: str
    warc_sha256: str
    payload_sha256: str | None
    media_type: str | None
    statement_id: str | None
    """The id of the statement that its page publishes; None if it publishes none."""


@dataclass(frozen=True, slots=True)
class Memento:
    """A capture of a URL that brought an answer."""

    capture_id: str
    captured: str
    url: str
    """Of the page in the end."""


_CAPTURES: Final = """
SELECT capture.id, capture_id, capture.leaf_index, envelope_sha256, target, final_url, started, outcome, warc_sha256,
    payload_sha256, media_type, first.first_capture
FROM capture JOIN page ON page.id = capture.page LEFT JOIN page AS first ON first.id = page.statement
WHERE capture.id < :before CONDITIONS ORDER BY capture.id DESC LIMIT :limit
"""
_CONDITIONS: Final = {
    "outcome": "AND outcome = :outcome",
    "site": "AND page IN (SELECT id FROM page WHERE host = :site OR site = :site)",
    "url": "AND page = (SELECT id FROM page WHERE url = :url)",
}
_STATEMENTS: Final = """
WITH dated AS (
    SELECT page.statement AS first, coalesce(min(newest.date_first), '') AS day
    FROM page JOIN version AS newest ON newest.id = page.latest_version WHERE page.statement IS NOT NULL NARROWED
    GROUP BY page.statement)
SELECT first, day FROM dated
WHERE :at_day IS NULL OR day < :at_day OR (day = :at_day AND first < :at_first)
ORDER BY day DESC, first DESC LIMIT :limit
"""
_NARROWED: Final = """AND page.statement IN (
    SELECT of.statement FROM version JOIN page AS of ON of.id = version.page
    WHERE of.statement IS NOT NULL AND PASSES)""".replace("PASSES", PASSES)
_ALL_STATEMENTS: Final = _STATEMENTS.replace("NARROWED", "")
_SOME_STATEMENTS: Final = _STATEMENTS.replace("NARROWED", _NARROWED)

# A page is found by where it was in the end; the target is that of the request.
_MEMENTOS: Final = """
SELECT capture_id, started, coalesce(final_url, target) FROM capture JOIN page ON page.id = capture.page
WHERE outcome <> 'failed' AND final_url IS NOT NULL AND page.url IN (SELECT value FROM json_each(:urls))
ORDER BY capture.leaf_index LIMIT :limit OFFSET :offset
"""


def captures(
    catalog: Catalog, *, site: str | None, outcome: str | None, url: str | None, cursor: str | None, limit: int
) -> tuple[tuple[CaptureFacts, ...], str | None]:
    """Captures, those that came into the catalog last first, and the cursor of the next page; None on the last one.

    Raises:
        BadRequest: the cursor is none of ours.
    """
    _, before = _parse(cursor)
    values = {"before": before, "limit": limit + 1, "outcome": outcome, "site": site, "url": url}
    conditions = " ".join(text for name, text in _CONDITIONS.items() if values[name] is not None)
    with failures(catalog.path):
        rows = catalog.connection.execute(_CAPTURES.replace("CONDITIONS", conditions), values).fetchall()
    found = tuple(CaptureFacts(*row[1:]) for row in rows[:limit])
    return found, f"{rows[limit - 1][0]}" if len(rows) > limit else None


def statements(
    catalog: Catalog, filters: Filters, *, cursor: str | None, limit: int
) -> tuple[tuple[StatementRow, ...], str | None]:
    """The statements of which a version passes the filters, the newest first, and the cursor of the next page.

    Raises:
        BadRequest: the cursor is none of ours.
    """
    day, first = _parse(cursor)
    at_day = None if cursor is None else (day or "").removeprefix("-")
    values = {"at_day": at_day, "at_first": first, **passing(catalog, filters), "limit": limit + 1}
    with failures(catalog.path):
        rows = catalog.connection.execute(_ALL_STATEMENTS if filters.empty else _SOME_STATEMENTS, values).fetchall()
    more = f"{rows[limit - 1][1] or '-'}.{rows[limit - 1][0]}" if len(rows) > limit else None
    return statement_rows(catalog, [found for found, _ in rows[:limit]]), more


def mementos(catalog: Catalog, urls: Collection[str], *, offset: int, limit: int) -> tuple[Memento, ...]:
    """The captures of the page at one of `urls`, which are ways to write one URL, the oldest first."""
    with failures(catalog.path):
        rows = catalog.connection.execute(
            _MEMENTOS, {"urls": json.dumps(sorted(urls)), "limit": limit, "offset": offset}
        ).fetchall()
    return tuple(Memento(*row) for row in rows)


def offset_of(cursor: str | None, most: int) -> int:
    """How many rows a cursor that counts them is behind.

    Raises:
        BadRequest: it is none of ours, or goes farther than `most`.
    """
    if cursor is None:
        return 0
    day, offset = _parse(cursor)
    if day is not None or offset > most:
        raise BadRequest("cursor: not one that this list gave")
    return offset


def _parse(cursor: str | None) -> tuple[str | None, int]:
    if cursor is None:
        return None, 1 << 62
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadRequest("cursor: not one that this list gave")
    return found[1], int(found[2])
