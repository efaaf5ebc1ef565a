"""Searching the catalog: pages by the words of their versions, the best first, each with the bytes it was read from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Final

from sijill.archive.catalog.arabic import indexed, words
from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.query import Term, match_of, terms
from sijill.archive.catalog.schema import failures
from sijill.archive.errors import BadQuery

_MOST_RANKED: Final = 10_000
"""Versions that match; of more, the newest come first."""
_SNIPPET_WORDS: Final = 32
_SNIPPET_READ: Final = 400_000
"""Characters of a text in which words are looked for to show them."""
_MAX_SIGNATORIES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Filters:
    """What a page must be, whatever it says; what is None or empty lets all through."""

    sites: tuple[str, ...] = ()
    """Hosts; the hosts below them count, too."""
    language: str | None = None
    first: date | None = None
    """Published on this day or later. With this or `last`, pages without a known date are left out."""
    last: date | None = None
    signatory: str | None = None
    """A name as somebody writes it."""
    signatory_key: str | None = None
    """The same as the reader compares names."""

    @property
    def empty(self) -> bool:
        """Whether nothing is asked."""
        return self == Filters()


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of the text as it was read, and where in it the words are that were searched for."""

    text: str
    marks: tuple[tuple[int, int], ...]
    """Characters of `text`, from and to."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A page with the version that fits best, and the newest capture of that version."""

    statement_id: str | None
    url: str
    site: str
    kind: str
    title: str | None
    published: str | None
    """As far as it is known: a day, or a month."""
    language: str | None
    capture_id: str
    captured: str
    payload_sha256: str | None
    source_sha256: str
    """Of the bytes that the text was read from."""
    warc_sha256: str
    newest: bool
    """Whether this is what the page said when it was captured last."""
    score: float
    snippet: Snippet


@dataclass(frozen=True, slots=True)
class Found:
    """The best hits, and how many there are in all."""

    total: int
    hits: tuple[Hit, ...]


def search(catalog: Catalog, text: str, filters: Filters | None = None, *, limit: int = 20) -> Found:
    """The pages that hold all terms of `text` in one of their versions and pass the filters.

    Without a word, all pages that pass the filters, the newest first.

    Raises:
        BadQuery: there is neither a word nor a filter.
        CatalogUnusable: SQLite failed.
    """
    filters = filters or Filters()
    wanted = terms(text)
    if not wanted and filters.empty:
        raise BadQuery(f"no word to search for in {text[:100]!r}")
    with failures(catalog.path):
        match = match_of(wanted)
        rows = catalog.connection.execute(
            _query(catalog, match), {**passing(catalog, filters), "match": match, "limit": limit}
        ).fetchall()
        hits = tuple(_hit(catalog, page, version, score, wanted) for _, page, version, score in rows)
    return Found(rows[0][0] if rows else 0, hits)


PASSES: Final = """
    (:hosts IS NULL OR version.page IN (SELECT id FROM page WHERE host IN (SELECT value FROM json_each(:hosts))))
    AND (:language IS NULL OR version.language = :language OR version.language LIKE :language || '-%')
    AND (:first IS NULL OR version.date_last >= :first)
    AND (:last IS NULL OR version.date_first <= :last)
    AND (:signatories IS NULL OR version.id IN (
        SELECT version FROM signature WHERE signatory IN (SELECT value FROM json_each(:signatories))))
"""
"""What a row of the table `version` must be, by the values of `passing`."""

# FTS5 ranks from the most negative number up. The version that fits best stands for its page; what is no publication
# of a statement ranks lower than what is.
_RANKED: Final = """
WITH scored AS MATERIALIZED (SELECT rowid AS id, bm25(words, 8.0, 1.0) AS score FROM words WHERE words MATCH :match),
ranked AS (
    SELECT version.page AS page, version.id AS version,
        min(score * iif(version.kind IN ('statement', 'document'), 1.0, 0.5)) AS score
    FROM scored JOIN version USING (id) WHERE PASSES GROUP BY version.page)
SELECT count(*) OVER (), page, version, score FROM ranked ORDER BY score, version DESC LIMIT :limit
""".replace("PASSES", PASSES)

_MATCHING: Final = """
SELECT count(*) OVER (), version.page, max(version.id), 0.0 FROM words JOIN version ON version.id = words.rowid
WHERE words MATCH :match AND PASSES GROUP BY version.page
ORDER BY max(version.kind IN ('statement', 'document')) DESC, 3 DESC LIMIT :limit
""".replace("PASSES", PASSES)

_NEWEST: Final = """
SELECT count(*) OVER (), version.page, max(version.id), 0.0 FROM version WHERE PASSES
GROUP BY version.page ORDER BY 3 DESC LIMIT :limit
""".replace("PASSES", PASSES)


def _query(catalog: Catalog, match: str) -> str:
    """What asks for the pages that match; words that are nearly everywhere rank nothing, and only take long."""
    if not match:
        return _NEWEST
    (found,) = catalog.connection.execute("SELECT count(*) FROM words WHERE words MATCH ?", (match,)).fetchone()
    return _RANKED if found <= _MOST_RANKED else _MATCHING


def passing(catalog: Catalog, filters: Filters) -> dict[str, str | None]:
    """The values that the filters give to `PASSES`."""
    signatories = None
    if filters.signatory is not None:
        signatories = json.dumps(find_signatories(catalog, filters.signatory, key=filters.signatory_key))
    return {
        "hosts": json.dumps(_hosts(catalog, filters.sites)) if filters.sites else None,
        "language": filters.language.lower().replace("%", "").replace("_", "-") if filters.language else None,
        "first": filters.first.isoformat() if filters.first else None,
        "last": filters.last.isoformat() if filters.last else None,
        "signatories": signatories,
    }


def find_signatories(catalog: Catalog, name: str, *, key: str | None = None) -> list[int]:
    """The bodies that somebody may mean by `name`: those written so, or else those whose names hold all its words.

    Args:
        catalog: where.
        name: as somebody writes it; the id of an organisation will do.
        key: the same as the reader compares names.
    """
    with failures(catalog.path):
        exact = catalog.connection.execute(
            "SELECT id FROM signatory WHERE organisation = ?1 COLLATE NOCASE OR identity = ?2 "
            "UNION SELECT signatory FROM spelling WHERE words = ?3 ORDER BY 1",
            (name, f"name:{key or ''}", indexed(name)),
        ).fetchall()
        asked = terms(name)
        if exact or not asked:
            return [signatory for (signatory,) in exact]
        spellings = catalog.connection.execute("SELECT words, signatory FROM spelling").fetchall()
    loose = [Term(term.keys[:-1], (term.keys[-1],)) if not term.last else term for term in asked]
    found = {
        signatory for spelled, signatory in spellings if all(_holds(tuple(spelled.split(" ")), term) for term in loose)
    }
    return sorted(found)[:_MAX_SIGNATORIES]


def snippet(text: str, wanted: tuple[Term, ...]) -> Snippet:
    """The piece of `text` that holds most of what is wanted; its beginning if it holds nothing."""
    cut = text[:_SNIPPET_READ]
    standing = list(words(cut))
    if not standing:
        return Snippet(cut[:200].strip(), ())
    keys = tuple([word.key for word in standing])
    first_keys = {term.keys[0] for term in wanted if term.keys}
    beginnings = tuple(beginning for term in wanted if not term.keys for beginning in term.last)
    found = [
        (place, place + length, number)
        for place, key in enumerate(keys)
        if key in first_keys or key.startswith(beginnings)
        for number, term in enumerate(wanted)
        if (length := term.length_at(keys, place))
    ]
    first = _best_window(found)
    last = min(len(standing), first + _SNIPPET_WORDS) - 1
    start = 0 if first == 0 else standing[first].start
    end = len(cut) if last == len(standing) - 1 else standing[last].end
    end = min(end, standing[last].end + 200)
    head, tail = "…" * (start > 0), "…" * (end < len(text))
    shift = start - len(head)
    marks = _merged(
        [
            (standing[begin].start - shift, standing[behind - 1].end - shift)
            for begin, behind, _ in found
            if first <= begin and behind - 1 <= last
        ]
    )
    # One blank for one: the marks stay where they are.
    piece = "".join(" " if letter.isspace() else letter for letter in cut[start:end])
    return Snippet(f"{head}{piece}{tail}", marks)


def _best_window(found: list[tuple[int, int, int]]) -> int:
    """The word at which the piece begins that holds most different terms, then most in all, and is the earliest."""
    best, chosen = (0, 0), 0
    behind = 0
    for at, (begin, _, _) in enumerate(found):
        behind = max(behind, at)
        while behind < len(found) and found[behind][1] <= begin + _SNIPPET_WORDS - 4:
            behind += 1
        inside = found[at:behind]
        worth = (len({number for _, _, number in inside}), min(len(inside), _SNIPPET_WORDS))
        if worth > best:
            best, chosen = worth, begin
    return max(0, chosen - 4)


def _merged(marks: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(marks):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _holds(keys: tuple[str, ...], term: Term) -> bool:
    return any(term.length_at(keys, place) for place in range(len(keys)))


def _hosts(catalog: Catalog, sites: tuple[str, ...]) -> list[str]:
    asked = [site.strip().lower().removeprefix("www.").strip(".") for site in sites]
    rows = catalog.connection.execute("SELECT DISTINCT host FROM page").fetchall()
    return [host for (host,) in rows if any(host == site or host.endswith(f".{site}") for site in asked if site)]


def _hit(catalog: Catalog, page: int, version: int, score: float, wanted: tuple[Term, ...]) -> Hit:
    row = catalog.connection.execute(
        "SELECT first.first_capture, page.url, page.site, kind, title, date_first, date_precision, language, text, "
        "page.latest_version = version.id FROM version JOIN page ON page.id = version.page "
        "JOIN content ON content.version = version.id "
        "LEFT JOIN page AS first ON first.id = page.statement WHERE version.id = ? AND page.id = ?",
        (version, page),
    ).fetchone()
    statement, url, site, kind, title, published, precision, language, text, newest = row
    capture_id, captured, payload, source, warc = catalog.connection.execute(
        "SELECT capture_id, started, payload_sha256, source_sha256, warc_sha256 FROM capture WHERE version = ? "
        "ORDER BY leaf_index DESC LIMIT 1",
        (version,),
    ).fetchone()
    return Hit(
        statement_id=statement,
        url=url,
        site=site,
        kind=kind,
        title=title,
        published=shown_date(published, precision),
        language=language,
        capture_id=capture_id,
        captured=captured,
        payload_sha256=payload,
        source_sha256=source,
        warc_sha256=warc,
        newest=bool(newest),
        score=-score,
        snippet=snippet(text, wanted),
    )


def shown_date(first: str | None, precision: str | None) -> str | None:
    """A date as far as it is known."""
    return first if first is None or precision == "day" else first[:7]
