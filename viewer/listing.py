"""Lists out of the catalog, a page at a time: captures, statements, texts."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.schema import failures
from sijill.archive.catalog.search import PASSES, Filters, passing, shown_date
from sijill.archive.catalog.statements import StatementRow

PAGE: Final = 50
"""Rows of a page of a list."""


@dataclass(frozen=True, slots=True)
class CaptureLine:
    """A capture as lists show it."""

    capture_id: str
    leaf_index: int
    envelope_sha256: str
    """Of the attestation, as the log has it."""
    target: str
    final_url: str | None
    started: str
    outcome: str
    host: str
    title: str | None
    statement: bool
    """Whether its page publishes a statement."""
    read: bool
    """Whether there is a reading of it."""

    @property
    def url(self) -> str:
        """Where the page was in the end, or where it should have been."""
        return self.final_url or self.target


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
SELECT capture_id, leaf_index, envelope_sha256, target, final_url, started, outcome, host, title,
    page.statement IS NOT NULL, capture.version IS NOT NULL
FROM capture JOIN page ON page.id = capture.page LEFT JOIN version ON version.id = capture.version
"""
# The places are found first, so that pages far behind join nothing that they do not show.
_NEWEST: Final = """
CAPTURES WHERE capture.id IN (
    SELECT id FROM capture WHERE (:outcome IS NULL OR outcome = :outcome) AND (:hosts IS NULL OR page IN (
        SELECT id FROM page WHERE host IN (SELECT value FROM json_each(:hosts))))
    ORDER BY id DESC LIMIT :limit OFFSET :offset)
ORDER BY capture.id DESC
""".replace("CAPTURES", _CAPTURES)
_ONE: Final = _CAPTURES + "WHERE capture_id = ?"
_OF_PAGE: Final = """
CAPTURES WHERE capture.page = (SELECT page FROM capture WHERE capture_id = ?) ORDER BY capture.leaf_index LIMIT ?
""".replace("CAPTURES", _CAPTURES)


def captures(
    catalog: Catalog, *, hosts: Collection[str] | None = None, outcome: str | None = None, offset: int = 0
) -> tuple[CaptureLine, ...]:
    """A page of captures, those that came into the catalog last first."""
    with failures(catalog.path):
        rows = catalog.connection.execute(
            _NEWEST,
            {
                "hosts": None if hosts is None else json.dumps(sorted(hosts)),
                "outcome": outcome,
                "limit": PAGE,
                "offset": offset,
            },
        ).fetchall()
    return tuple(_line(row) for row in rows)


def find_capture(catalog: Catalog, capture_id: str) -> CaptureLine | None:
    """One capture; None if the catalog has none of this id."""
    with failures(catalog.path):
        row = catalog.connection.execute(_ONE, (capture_id,)).fetchone()
    return None if row is None else _line(row)


def captures_of_page(catalog: Catalog, capture_id: str, *, limit: int = 200) -> tuple[CaptureLine, ...]:
    """The captures of the page that `capture_id` is one of, in the order of the log."""
    with failures(catalog.path):
        rows = catalog.connection.execute(_OF_PAGE, (capture_id, limit)).fetchall()
    return tuple(_line(row) for row in rows)


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


# A statement is the page of its cluster that came into the log first.
_ORDERED: Final = """
SELECT page.statement, count(*) OVER () FROM page JOIN version AS newest ON newest.id = page.latest_version
WHERE page.statement IS NOT NULL GROUP BY page.statement
ORDER BY min(newest.date_first) DESC NULLS LAST, page.statement DESC LIMIT :limit OFFSET :offset
"""
_PASSING: Final = _ORDERED.replace(
    "GROUP BY",
    """AND page.statement IN (SELECT of.statement FROM version JOIN page AS of ON of.id = version.page
    WHERE of.statement IS NOT NULL AND PASSES) GROUP BY""",
).replace("PASSES", PASSES)

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
    """All statements, the newest first, those without a date last."""
    with failures(catalog.path):
        rows = catalog.connection.execute(_ORDERED, {"limit": -1, "offset": 0}).fetchall()
    return tuple(first for first, _ in rows)


def statements_passing(catalog: Catalog, filters: Filters, *, offset: int) -> tuple[int, tuple[int, ...]]:
    """How many statements pass the filters, and a page of them in the same order."""
    with failures(catalog.path):
        rows = catalog.connection.execute(
            _PASSING, {**passing(catalog, filters), "limit": PAGE, "offset": offset}
        ).fetchall()
    return (rows[0][1] if rows else 0), tuple(first for first, _ in rows)


def statement_rows(catalog: Catalog, firsts: Collection[int]) -> tuple[StatementRow, ...]:
    """The statements in short, in the order given; those that are gone meanwhile are left out."""
    with failures(catalog.path):
        rows = catalog.connection.execute(_ROWS, (json.dumps(list(firsts)),)).fetchall()
    found = {row[0]: _statement(row) for row in rows if row[1] is not None}
    return tuple(found[first] for first in firsts if first in found)


def _statement(row: tuple[Any, ...]) -> StatementRow:
    _, statement_id, title, published, captured, versions, signatories = row
    pages = json.loads(published)
    dated = sorted((day, precision) for _, _, day, precision in pages if day is not None)
    return StatementRow(
        statement_id=statement_id,
        title=title,
        published=shown_date(*dated[0]) if dated else None,
        languages=tuple(dict.fromkeys(language for _, language, _, _ in pages if language)),
        sites=tuple(dict.fromkeys(site for site, _, _, _ in pages)),
        publications=len(pages),
        captures=captured,
        versions=versions,
        signatories=signatories,
    )


def _line(row: tuple[Any, ...]) -> CaptureLine:
    capture_id, leaf_index, envelope, target, final_url, started, outcome, host, title, statement, read = row
    return CaptureLine(
        capture_id, leaf_index, envelope, target, final_url, started, outcome, host, title, bool(statement), bool(read)
    )
