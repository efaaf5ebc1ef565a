"""Statements in short: in which order lists have them, which pass filters, and the rows that lists show.

A statement goes by the page of its cluster that came into the log first, which is the number that these lists are made
of. It may be another one when pages are joined or parted, or gone.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.schema import failures
from sijill.archive.catalog.search import PASSES, Filters, passing, shown_date


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A statement in short."""

    statement_id: str
    """The id of the capture of it that came into the log first."""
    title: str | None
    """Of the publication that came into the log first."""
    published: str | None
    """The earliest date that any publication states, as far as it is known."""
    languages: tuple[str, ...]
    sites: tuple[str, ...]
    publications: int
    captures: int
    versions: int
    signatories: int


@dataclass(frozen=True, slots=True)
class StatementPosition:
    """A place in the list of statements, which stays whatever comes into the catalog."""

    day: str | None
    """The earliest date that any publication of the statement there states; None if there is none."""
    first: int
    """The page that the statement goes by."""


_DATED: Final = """
WITH dated AS (
    SELECT page.statement AS first, coalesce(min(newest.date_first), '') AS day
    FROM page JOIN version AS newest ON newest.id = page.latest_version WHERE page.statement IS NOT NULL NARROWED
    GROUP BY page.statement)
"""
_NARROWED: Final = """AND page.statement IN (
    SELECT of.statement FROM version JOIN page AS of ON of.id = version.page
    WHERE of.statement IS NOT NULL AND PASSES)""".replace("PASSES", PASSES)
_PAGED: Final = """
SELECT first, count(*) OVER () FROM dated ORDER BY day DESC, first DESC LIMIT :limit OFFSET :offset
"""
_BEHIND: Final = """
SELECT first, day FROM dated
WHERE :at_day IS NULL OR day < :at_day OR (day = :at_day AND first < :at_first)
ORDER BY day DESC, first DESC LIMIT :limit
"""
_ROWS: Final = """
SELECT first.id, first.first_capture,
    (SELECT title FROM version WHERE version.id = first.latest_version),
    (SELECT json_group_array(json_array(site, language, date_first, date_precision)) FROM (
        SELECT site, language, date_first, date_precision FROM page JOIN version ON version.id = page.latest_version
        WHERE page.statement = first.id ORDER BY page.first_leaf)),
    (SELECT count(*) FROM page JOIN capture ON capture.page = page.id WHERE page.statement = first.id),
    (SELECT count(*) FROM page JOIN version ON version.page = page.id WHERE page.statement = first.id),
    (SELECT count(DISTINCT signatory) FROM page JOIN signature ON signature.version = page.latest_version
        WHERE page.statement = first.id)
FROM page AS first WHERE first.id IN (SELECT value FROM json_each(?))
"""


def statement_order(catalog: Catalog) -> tuple[int, ...]:
    """All statements: the newest publication first, undated ones last.

    Raises:
        CatalogUnusable: SQLite failed; so does every function here.
    """
    _, order = statements_passing(catalog, Filters(), limit=-1)
    return order


def statements_passing(
    catalog: Catalog, filters: Filters, *, limit: int, offset: int = 0
) -> tuple[int, tuple[int, ...]]:
    """Of how many statements a version passes the filters, and some of these in the order of all.

    Args:
        catalog: of which archive.
        filters: what a version must be.
        limit: at most so many; -1 for all.
        offset: how many are left out first; from the end on, the number in all is 0, too.
    """
    found = _ordered(catalog, _PAGED, filters, {"limit": limit, "offset": offset})
    return (found[0][1] if found else 0), tuple(first for first, _ in found)


def statements_behind(
    catalog: Catalog, filters: Filters, position: StatementPosition | None, *, limit: int
) -> tuple[tuple[StatementRow, ...], StatementPosition | None]:
    """The statements that follow a position and pass the filters, and the position of the last, if more follow it.

    Args:
        catalog: of which archive.
        filters: what a version must be.
        position: where the last list ended; None for the beginning.
        limit: at most so many.
    """
    at: dict[str, Any] = {"at_day": None, "at_first": None}
    if position is not None:
        at = {"at_day": position.day or "", "at_first": position.first}
    found = _ordered(catalog, _BEHIND, filters, {**at, "limit": limit + 1})
    shown = tuple(statement_rows(catalog, [first for first, _ in found[:limit]]).values())
    if len(found) <= limit:
        return shown, None
    first, day = found[limit - 1]
    return shown, StatementPosition(day or None, first)


def statement_rows(catalog: Catalog, firsts: Collection[int]) -> dict[int, StatementRow]:
    """Statements by the pages that they go by, in the order given; those that are gone meanwhile are left out."""
    with failures(catalog.path):
        rows = catalog.connection.execute(_ROWS, (json.dumps(list(firsts)),)).fetchall()
    found = {row[0]: _row(row) for row in rows}
    return {first: found[first] for first in firsts if first in found}


def _ordered(catalog: Catalog, query: str, filters: Filters, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    dated = _DATED.replace("NARROWED", "" if filters.empty else _NARROWED)
    with failures(catalog.path):
        return catalog.connection.execute(dated + query, {**passing(catalog, filters), **values}).fetchall()


def _row(row: tuple[Any, ...]) -> StatementRow:
    _, statement_id, title, published, captures, versions, signatories = row
    pages = json.loads(published)
    dated = sorted((day, precision) for _, _, day, precision in pages if day is not None)
    return StatementRow(
        statement_id=statement_id,
        title=title,
        published=shown_date(*dated[0]) if dated else None,
        languages=tuple(dict.fromkeys(language for _, language, _, _ in pages if language)),
        sites=tuple(dict.fromkeys(site for site, _, _, _ in pages)),
        publications=len(pages),
        captures=captures,
        versions=versions,
        signatories=signatories,
    )
