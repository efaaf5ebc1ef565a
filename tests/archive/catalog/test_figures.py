"""Figures about the whole archive, and the mark that says when they are to be worked out again."""

from datetime import timedelta

import pytest

from sijill.archive.catalog.figures import figures_of, mark_of
from sijill.archive.catalog.rows import Forgotten
from sijill.archive.catalog.statement_rows import statement_order

A, B, C = "https://www.alpha.example/", "https://ar.beta.example/", "https://beta.example/"


@pytest.fixture
def filled(catalog, rows):
    rows.advance(
        catalog,
        rows.added(0, A, rows.ENGLISH, signatories=rows.signed("One", "Two")),
        rows.added(1, B, rows.ARABIC, language="ar"),
        rows.added(2, C, "Cards", kind="index"),
        rows.added(3, A, outcome="failed"),
        rows.added(4, A, rows.ENGLISH.upper(), outcome="partial", signatories=rows.signed("Two")),
    )
    return catalog


def test_an_empty_archive_has_figures(catalog):
    found = figures_of(catalog)
    assert (found.captures, found.pages, found.statements, found.languages) == (0, 0, (), ())
    assert found.all_times == {}
    assert found.unit == timedelta(days=1)


def test_everything_is_counted_once(filled):
    found = figures_of(filled)
    assert (found.captures, found.pages, found.publications, found.signatories) == (5, 3, 2, 2)
    assert found.outcomes == {"complete": 3, "failed": 1, "partial": 1}
    assert found.languages == ("en", "ar")
    assert found.statements == statement_order(filled)


def test_hosts_are_those_of_an_organisation_or_below(filled):
    found = figures_of(filled)
    assert set(found.hosts_of({"beta.example"})) == {"beta.example", "ar.beta.example"}
    assert found.hosts_of({"eta.example"}) == ()
    assert found.outcomes_of(["www.alpha.example"]) == {"complete": 1, "failed": 1, "partial": 1}
    assert found.outcomes_of(["unheard-of.example"]) == {}
    assert sum(found.times_of(["www.alpha.example"]).values()) == 3
    assert sum(found.all_times.values()) == 5


@pytest.mark.parametrize(
    ("hours", "unit", "second"),
    [
        (4, timedelta(minutes=1), "2026-11-21T05:16:00"),
        (100, timedelta(hours=1), "2026-11-25T05:00:00"),
        (1000, timedelta(days=1), "2027-01-01T00:00:00"),
    ],
)
def test_times_are_counted_in_units_that_fit_how_long_they_span(catalog, rows, hours, unit, second):
    rows.advance(catalog, rows.added(0, A), rows.added(hours, B))
    found = figures_of(catalog)
    assert found.unit == unit
    assert max(found.all_times).isoformat() == second


def test_the_mark_moves_with_the_catalog_and_only_then(filled, rows):
    seen = [mark_of(filled)]
    assert mark_of(filled) == seen[0]
    rows.advance(filled, rows.added(5, C))
    seen.append(mark_of(filled))
    filled.attach([rows.made(5, rows.ENGLISH)])
    seen.append(mark_of(filled))
    rows.advance(filled, Forgotten(rows.capture_id(1)))
    seen.append(mark_of(filled))
    assert len(set(seen)) == len(seen)
    filled.attach([rows.made(5, rows.ENGLISH)])
    assert mark_of(filled) == seen[-1]
