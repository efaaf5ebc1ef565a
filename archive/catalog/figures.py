"""Figures about the whole archive, and a mark by which to tell whether they are still right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.schema import failures
from sijill.archive.catalog.statement_rows import statement_order

_UNITS: Final = (
    (timedelta(minutes=10), timedelta(seconds=1), 19),
    (timedelta(hours=10), timedelta(minutes=1), 16),
    (timedelta(days=25), timedelta(hours=1), 13),
)
"""Up to how long a time is counted in which unit, and the characters of a time down to it; else in days."""
_DAY: Final = (timedelta(days=1), 10)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the catalog holds in all."""

    captures: int
    outcomes: Mapping[str, int]
    pages: int
    publications: int
    """Pages that publish a statement."""
    signatories: int
    languages: tuple[str, ...]
    """Of all texts, the commonest first."""
    statements: tuple[int, ...]
    """All statements in the order of lists."""
    unit: timedelta
    """In which captures are counted over time."""
    times: Mapping[str, Mapping[datetime, int]]
    """By host, captures by when they began, down to the unit."""
    all_times: Mapping[datetime, int]
    """Of all hosts together."""
    of_host: Mapping[str, Mapping[str, int]]
    """By host, captures by outcome."""
    below: Mapping[str, tuple[str, ...]]
    """By domain name, the hosts of the archive that have this name, or one below it."""

    def hosts_of(self, names: Collection[str]) -> tuple[str, ...]:
        """The hosts of the archive that are one of `names`, or below one."""
        return tuple(dict.fromkeys(host for name in names for host in self.below.get(name, ())))

    def times_of(self, hosts: Collection[str]) -> Mapping[datetime, int]:
        """Captures by when they began, of some hosts."""
        counted: Counter[datetime] = Counter()
        for host in hosts:
            counted.update(self.times.get(host, {}))
        return counted

    def outcomes_of(self, hosts: Collection[str]) -> Mapping[str, int]:
        """Captures by outcome, of some hosts."""
        counted: Counter[str] = Counter()
        for host in hosts:
            counted.update(self.of_host.get(host, {}))
        return counted


def figures_of(catalog: Catalog) -> Figures:
    """Work the figures out; takes a while with many captures.

    Raises:
        CatalogUnusable: SQLite failed.
    """
    query = catalog.connection.execute
    with failures(catalog.path):
        first, last = query("SELECT min(started), max(started) FROM capture").fetchone()
        unit, characters = _unit(first, last)
        counted = query(
            "SELECT host, outcome, substr(started, 1, ?), count(*) FROM capture JOIN page ON page.id = capture.page "
            "GROUP BY 1, 2, 3",
            (characters,),
        ).fetchall()
        pages, publications = query("SELECT count(*), count(statement) FROM page").fetchone()
        (signatories,) = query("SELECT count(*) FROM signatory").fetchone()
        languages = query(
            "SELECT language FROM version WHERE language IS NOT NULL GROUP BY language ORDER BY count(*) DESC LIMIT 50"
        ).fetchall()
    times: dict[str, Counter[datetime]] = {}
    all_times: Counter[datetime] = Counter()
    of_host: dict[str, Counter[str]] = {}
    for host, outcome, moment, count in counted:
        times.setdefault(host, Counter())[datetime.fromisoformat(moment)] += count
        all_times[datetime.fromisoformat(moment)] += count
        of_host.setdefault(host, Counter())[outcome] += count
    outcomes = sum(of_host.values(), Counter())
    return Figures(
        captures=outcomes.total(),
        outcomes=outcomes,
        pages=pages,
        publications=publications,
        signatories=signatories,
        languages=tuple(language for (language,) in languages),
        statements=statement_order(catalog),
        unit=unit,
        times=times,
        all_times=all_times,
        of_host=of_host,
        below=_below(of_host),
    )


def _below(hosts: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    below: dict[str, list[str]] = {}
    for host in hosts:
        labels = host.split(".")
        for at in range(len(labels)):
            below.setdefault(".".join(labels[at:]), []).append(host)
    return {name: tuple(found) for name, found in below.items()}


def mark_of(catalog: Catalog) -> tuple[int, ...]:
    """Something that is another when the catalog has taken in more of the log, or a reading that says something new.

    Publications that are found to be of one statement leave it as it is.

    Raises:
        CatalogUnusable: SQLite failed.
    """
    with failures(catalog.path):
        mark: tuple[int, ...] = catalog.connection.execute(
            "SELECT size, (SELECT coalesce(max(id), 0) FROM version), (SELECT coalesce(max(id), 0) FROM page) "
            "FROM state"
        ).fetchone()
    return mark


def _unit(first: str | None, last: str | None) -> tuple[timedelta, int]:
    if first is None or last is None:
        return _DAY
    span = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    return next(((unit, characters) for most, unit, characters in _UNITS if span <= most), _DAY)
