"""Looking statements up: what was published where, in which languages, who signed, and which versions there are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.schema import failures
from sijill.archive.catalog.search import Filters, find_signatories, shown_date
from sijill.archive.catalog.statement_rows import StatementRow, statement_rows, statements_passing


@dataclass(frozen=True, slots=True)
class Statements:
    """Statements, and how many there are in all."""

    total: int
    rows: tuple[StatementRow, ...]


@dataclass(frozen=True, slots=True)
class Captured:
    """A capture of a page, and which of the page's versions it shows."""

    capture_id: str
    captured: str
    outcome: str
    version: int | None
    """From 1, in the order of the log; None if there is no reading, or nothing was reached."""
    warc_sha256: str
    payload_sha256: str | None
    source_sha256: str | None
    reader: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """What a page said, from one capture on; it may have said so again later."""

    number: int
    content_sha256: str
    title: str | None
    published: str | None
    language: str | None
    signatories: int
    characters: int
    reasons: dict[str, str]


@dataclass(frozen=True, slots=True)
class Publication:
    """A page that publishes a statement."""

    url: str
    site: str
    language: str | None
    title: str | None
    published: str | None
    issuers: tuple[str, ...]
    excerpt_of: str | None
    """The publication of which it holds a part, if it does."""
    versions: tuple[Version, ...]
    captures: tuple[Captured, ...]


@dataclass(frozen=True, slots=True)
class Related:
    """A page that holds a part of a publication."""

    url: str
    kind: str
    of: str
    score: float


@dataclass(frozen=True, slots=True)
class Signed:
    """A body that signed a statement."""

    name: str
    organisation: str | None
    verbatim: tuple[str, ...]
    """As the publications write it."""
    urls: tuple[str, ...]
    """The publications whose newest version names it."""

    @property
    def withdrawn(self) -> bool:
        """Whether only earlier versions name it."""
        return not self.urls


@dataclass(frozen=True, slots=True)
class Statement:
    """All that the catalog has of one statement."""

    row: StatementRow
    publications: tuple[Publication, ...]
    related: tuple[Related, ...]
    signatories: tuple[Signed, ...]


@dataclass(frozen=True, slots=True)
class Signature:
    """That a body signed a statement, and where that was read."""

    statement: StatementRow
    url: str
    verbatim: str
    number: int | None
    capture_id: str
    source_sha256: str
    newest: bool
    """Whether the page names it in its newest version."""


@dataclass(frozen=True, slots=True)
class Signatory:
    """A body with all that it signed."""

    name: str
    organisation: str | None
    spellings: tuple[str, ...]
    signed: tuple[Signature, ...]


def statements(catalog: Catalog, filters: Filters | None = None, *, limit: int = 100, offset: int = 0) -> Statements:
    """The statements of which a version passes the filters, the newest publication first, undated ones last.

    Raises:
        CatalogUnusable: SQLite failed; so does every function here.
    """
    total, firsts = statements_passing(catalog, filters or Filters(), limit=limit, offset=offset)
    return Statements(total, tuple(statement_rows(catalog, firsts).values()))


def find_statement(catalog: Catalog, capture_id: str) -> Statement | None:
    """The statement of which `capture_id` is a capture; None if it is of none, or not in the catalog."""
    with failures(catalog.path):
        found = catalog.connection.execute(
            "SELECT statement FROM capture JOIN page ON page.id = capture.page WHERE capture_id = ?", (capture_id,)
        ).fetchone()
        if found is None or found[0] is None:
            return None
        (first,) = found
        row = statement_rows(catalog, (first,)).get(first)
        if row is None:
            return None
        pages = catalog.connection.execute(
            "SELECT id, url, site FROM page WHERE statement = ? ORDER BY first_leaf", (first,)
        ).fetchall()
        related = catalog.connection.execute(
            "SELECT page.url, relation.kind, whole.url, score FROM page AS whole "
            "JOIN relation ON relation.other = whole.id AND relation.kind IN ('excerpt', 'teaser') "
            "JOIN page ON page.id = relation.page WHERE whole.statement = ?1 AND page.statement IS NOT ?1 "
            "ORDER BY 1, 2, 3",
            (first,),
        ).fetchall()
        return Statement(
            row=row,
            publications=tuple(_publication(catalog, page, url, site) for page, url, site in pages),
            related=tuple(Related(url, kind, of, score) for url, kind, of, score in related),
            signatories=_signed(catalog, first),
        )


def signatories(catalog: Catalog, name: str, *, key: str | None = None) -> tuple[Signatory, ...]:
    """The bodies that `name` may mean, each with what it signed, the newest first; see `find_signatories`."""
    with failures(catalog.path):
        found = [(one, _signatures(catalog, one)) for one in find_signatories(catalog, name, key=key)]
        rows = statement_rows(catalog, {first for _, signed in found for first, *_ in signed})
        return tuple(_signatory(catalog, one, signed, rows) for one, signed in found)


def _publication(catalog: Catalog, page: int, url: str, site: str) -> Publication:
    query = catalog.connection.execute
    versions: dict[int, Version] = {}
    newest: tuple[Any, ...] = ()
    for row in query(
        "SELECT version.id, content_sha256, title, date_first, date_precision, language, characters, reasons, "
        "issuers, (SELECT count(*) FROM signature WHERE version = version.id), version.id = page.latest_version "
        "FROM version JOIN page ON page.id = version.page JOIN capture ON capture.version = version.id "
        "WHERE version.page = ? GROUP BY version.id ORDER BY min(leaf_index)",
        (page,),
    ).fetchall():
        version, content, title, day, precision, language, characters, reasons, issuers, signed, is_newest = row
        versions[version] = Version(
            number=len(versions) + 1,
            content_sha256=content,
            title=title,
            published=shown_date(day, precision),
            language=language,
            signatories=signed,
            characters=characters,
            reasons=json.loads(reasons),
        )
        if is_newest:
            newest = (versions[version], tuple(json.loads(issuers)))
    current, issuers = newest
    captures = query(
        "SELECT capture_id, started, outcome, version, warc_sha256, payload_sha256, source_sha256, reader FROM capture "
        "WHERE page = ? ORDER BY leaf_index",
        (page,),
    ).fetchall()
    whole = query(
        "SELECT whole.url FROM relation JOIN page AS whole ON whole.id = other JOIN page AS part ON part.id = page "
        "WHERE page = ? AND kind = 'excerpt' AND whole.statement = part.statement ORDER BY score DESC, other LIMIT 1",
        (page,),
    ).fetchone()
    return Publication(
        url=url,
        site=site,
        language=current.language,
        title=current.title,
        published=current.published,
        issuers=issuers,
        excerpt_of=None if whole is None else whole[0],
        versions=tuple(versions.values()),
        captures=tuple(
            Captured(capture_id, started, outcome, None if version is None else versions[version].number, *digests)
            for capture_id, started, outcome, version, *digests in captures
        ),
    )


def _signed(catalog: Catalog, first: int) -> tuple[Signed, ...]:
    rows = catalog.connection.execute(
        "SELECT signatory.id, signatory.name, organisation, signature.verbatim, "
        "iif(signature.version = page.latest_version, page.url, NULL) FROM page "
        "JOIN version ON version.page = page.id JOIN signature ON signature.version = version.id "
        "JOIN signatory ON signatory.id = signature.signatory WHERE page.statement = ? "
        "ORDER BY signature.version = page.latest_version DESC, page.first_leaf, version.id, signature.position",
        (first,),
    ).fetchall()
    grouped: dict[int, list[tuple[Any, ...]]] = {}
    for signatory, *rest in rows:
        grouped.setdefault(signatory, []).append(tuple(rest))
    return tuple(
        Signed(
            name=found[0][0],
            organisation=found[0][1],
            verbatim=_once(verbatim for _, _, verbatim, _ in found),
            urls=_once(url for _, _, _, url in found if url is not None),
        )
        for found in grouped.values()
    )


def _signatures(catalog: Catalog, signatory: int) -> list[tuple[Any, ...]]:
    """One row for each page, of its newest version that names the body."""
    return catalog.connection.execute(
        "SELECT page.statement, page.url, verbatim, number, max(capture.leaf_index), capture_id, source_sha256, "
        "page.latest_version = signature.version FROM signature JOIN version ON version.id = signature.version "
        "JOIN page ON page.id = version.page JOIN capture ON capture.version = version.id "
        "JOIN version AS newest ON newest.id = page.latest_version "
        "WHERE signatory = ? AND page.statement IS NOT NULL GROUP BY page.id "
        "ORDER BY newest.date_first DESC NULLS LAST, page.first_leaf",
        (signatory,),
    ).fetchall()


def _signatory(
    catalog: Catalog, signatory: int, signed: Iterable[tuple[Any, ...]], rows: Mapping[int, StatementRow]
) -> Signatory:
    query = catalog.connection.execute
    name, organisation = query("SELECT name, organisation FROM signatory WHERE id = ?", (signatory,)).fetchone()
    spellings = query("SELECT DISTINCT verbatim FROM signature WHERE signatory = ? ORDER BY 1", (signatory,)).fetchall()
    return Signatory(
        name=name,
        organisation=organisation,
        spellings=tuple(verbatim for (verbatim,) in spellings),
        signed=tuple(
            Signature(rows[first], url, verbatim, number, capture_id, source, bool(newest))
            for first, url, verbatim, number, _, capture_id, source, newest in signed
            if first in rows
        ),
    )


def _once(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
