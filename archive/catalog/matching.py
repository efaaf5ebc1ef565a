"""Finding publications of one statement among the pages of the catalog: each new text is compared with all others.

Texts that share shingles come from their sketches and are compared exactly, as `reading.matching` says; versions in
two languages are known by a link and one date, or by one date and the same numbers. Whatever is found out is written
together with the note that it was, so that whoever is killed does only that again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.rows import VersionRelation
from sijill.archive.catalog.schema import failures
from sijill.archive.catalog.sketch import hashes_of
from sijill.archive.reading.matching import Text, compare
from sijill.archive.reading.normalise import name_key
from sijill.archive.reading.shingles import shingled, without
from sijill.archive.reading.statement import Place
from sijill.archive.reading.versions import numbers_in, same_numbers

_CHUNK: Final = 1_000
"""Versions that are compared with all others in one go through these."""
_COMMON: Final = 200
"""A shingle in more versions than this is a phrase of everybody's and leads to none of them."""
_LIKELY: Final = 0.2
"""The share of the shorter sketch that must be common, well under what `reading.matching` calls the same."""
_MOST_CANDIDATES: Final = 50
"""Of one version, the likeliest."""
_MOST_OF_A_DAY: Final = 200
"""Statements in another language of the same day that a version is compared with."""
_TEXTS: Final = 2_000

Show = Callable[[int, int], None]
"""Told how many versions have been compared, of how many."""


@dataclass(frozen=True, slots=True)
class _New:
    """A version that has not been compared yet."""

    version: int
    page: int
    hashes: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Seen:
    """Another version that has shingles in common with new ones."""

    page: int
    size: int
    """Of its sketch."""


def match_statements(catalog: Catalog, show: Show = lambda _done, _total: None) -> int:
    """Compare the versions that are new with all others, and take in how their pages stand to one another.

    May be interrupted at any time, and done by several processes at once.

    Returns:
        How many versions were compared.

    Raises:
        CatalogUnusable: SQLite failed.
    """
    matcher = _Matcher(catalog)
    with failures(catalog.path):
        (total,) = catalog.connection.execute("SELECT count(*) FROM sketch WHERE matched = 0").fetchone()
    done = 0
    while True:
        with failures(catalog.path):
            new = matcher.new()
            relations = list(matcher.relations(new))
        if not new:
            return done
        catalog.matched([one.version for one in new], relations)
        done += len(new)
        show(done, max(done, total))


@dataclass(slots=True)
class _Matcher:
    catalog: Catalog
    _text: Callable[[int], Text] = field(init=False)
    _numbers: Callable[[int], frozenset[str]] = field(init=False)

    def __post_init__(self) -> None:
        self._text = lru_cache(_TEXTS)(self._read_text)
        self._numbers = lru_cache(_TEXTS)(self._read_numbers)

    def new(self) -> list[_New]:
        rows = self.catalog.connection.execute(
            "SELECT version, page, hashes FROM sketch WHERE matched = 0 ORDER BY version LIMIT ?", (_CHUNK,)
        )
        return [_New(version, page, frozenset(hashes_of(hashes))) for version, page, hashes in rows]

    def relations(self, new: Sequence[_New]) -> Iterator[VersionRelation]:
        for one, other in self._alike(new):
            match = compare(self._text(one), self._text(other))
            if match.kind == "different":
                continue
            part, whole = (one, other) if match.first_is_part else (other, one)
            kind = "same" if match.kind == "full" else match.kind
            yield VersionRelation(part, whole, kind, round(match.contained, 4), round(match.jaccard, 4))
        for here in new:
            for other in self._in_other_languages(here):
                yield VersionRelation(here.version, other, "language")

    def _alike(self, new: Sequence[_New]) -> Iterator[tuple[int, int]]:
        """Pairs of versions of different pages whose sketches have much in common; each pair once."""
        wanted: dict[int, list[_New]] = {}
        for one in new:
            for value in one.hashes:
                wanted.setdefault(value, []).append(one)
        if not wanted:
            return
        holders: dict[int, list[int]] = {}
        seen: dict[int, _Seen] = {}
        values = wanted.keys()
        latest = new[-1].version
        for version, page, hashes in self.catalog.connection.execute(
            "SELECT version, page, hashes FROM sketch WHERE matched = 1 OR version <= ?", (latest,)
        ):
            found = values & hashes_of(hashes)
            if found:
                seen[version] = _Seen(page, len(hashes) // 4)
                for value in found:
                    held = holders.setdefault(value, [])
                    if len(held) <= _COMMON:
                        held.append(version)
        among = {one.version for one in new}
        shared: dict[int, Counter[int]] = {one.version: Counter() for one in new}
        for value, held in holders.items():
            if len(held) <= _COMMON:
                for one in wanted[value]:
                    shared[one.version].update(held)
        for one in new:
            likely = [
                (-number / min(len(one.hashes), seen[other].size), other)
                for other, number in shared[one.version].items()
                if seen[other].page != one.page
                and number >= _LIKELY * min(len(one.hashes), seen[other].size)
                # Of two new ones, the later is compared with the earlier.
                and (other not in among or other < one.version)
            ]
            for _, other in sorted(likely)[:_MOST_CANDIDATES]:
                yield one.version, other

    def _in_other_languages(self, new: _New) -> Iterator[int]:
        """Versions of other pages that are this one in another language."""
        query = self.catalog.connection.execute
        day, language = query(
            "SELECT date_first, language FROM version WHERE id = ? AND kind = 'statement' AND date_precision = 'day' "
            "UNION ALL SELECT NULL, NULL",
            (new.version,),
        ).fetchone()
        if day is None or language is None:
            return
        rows = query(
            "SELECT version.id, EXISTS (SELECT 1 FROM link JOIN page ON page.url = link.url AND page.id <> link.page "
            "WHERE kind = 'language' AND (link.page, page.id) IN (VALUES (?1, version.page), (version.page, ?1))) "
            "FROM version WHERE date_first = ?2 AND date_precision = 'day' AND kind = 'statement' AND page <> ?1 "
            "AND substr(language, 1, instr(language || '-', '-') - 1) <> ?3 ORDER BY version.id DESC LIMIT ?4",
            (new.page, day, language.partition("-")[0], _MOST_OF_A_DAY),
        ).fetchall()
        for other, linked in rows:
            if linked or same_numbers(self._numbers(new.version), self._numbers(other)):
                yield other

    def _read_text(self, version: int) -> Text:
        """What is compared of a version: its text without signatories and title."""
        kind, title, text, places = self.catalog.connection.execute(
            "SELECT kind, title, text, (SELECT json_group_array(json_array(start, end)) FROM signature "
            "WHERE version = id) FROM version JOIN content ON content.version = id WHERE id = ?",
            (version,),
        ).fetchone()
        aside = name_key(title or "")
        bare = without(text, [Place(start, end) for start, end in json.loads(places)])
        kept = (line for line in bare.splitlines() if name_key(line) != aside)
        return Text(shingled("\n".join(kept)), card=kind == "teaser")

    def _read_numbers(self, version: int) -> frozenset[str]:
        (text,) = self.catalog.connection.execute("SELECT text FROM content WHERE version = ?", (version,)).fetchone()
        return numbers_in(text)
