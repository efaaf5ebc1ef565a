"""Captures as lists have them: which, in what order, and that a list goes on where it ended whatever comes since."""

import pytest

from sijill.archive.catalog.captures import (
    captures,
    captures_behind,
    captures_of_page,
    find_capture,
    mementos,
    text_of,
)
from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.rows import Forgotten
from sijill.archive.errors import CatalogUnusable

A, B, C, D = (
    f"https://{host}/s/" for host in ("www.alpha.example", "ar.beta.example", "beta.example", "gamma.example")
)


@pytest.fixture
def filled(catalog, rows):
    rows.advance(
        catalog,
        rows.added(0, A, rows.ENGLISH, title="Joint statement", day="2018-11"),
        rows.added(1, B, outcome="failed"),
        rows.added(2, C, "Cards", kind="index", title="Home"),
        rows.added(3, A, rows.ENGLISH.upper(), outcome="partial"),
        rows.added(4, D),
        rows.added(5, A, outcome="failed"),
        rows.added(6, D, rows.ENGLISH),
    )
    return catalog


def ids(rows, *numbers):
    return [rows.capture_id(number) for number in numbers]


def of(found):
    return [one.capture_id for one in found]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [6, 5, 4, 3, 2, 1, 0]),
        ({"limit": 2}, [6, 5]),
        ({"limit": 2, "offset": 6}, [0]),
        ({"offset": 7}, []),
        ({"outcome": "failed"}, [5, 1]),
        ({"hosts": ["www.alpha.example", "beta.example"]}, [5, 3, 2, 0]),
        ({"hosts": ["www.alpha.example"], "outcome": "failed"}, [5]),
        ({"hosts": ["alpha.example"]}, []),
        ({"hosts": []}, []),
    ],
)
def test_the_newest_captures(filled, rows, asked, found):
    assert of(captures(filled, **{"limit": 50, **asked})) == ids(rows, *found)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [6, 5, 4, 3, 2, 1, 0]),
        ({"outcome": "complete"}, [6, 4, 2, 0]),
        ({"site": "alpha.example"}, [5, 3, 0]),
        ({"site": "www.alpha.example"}, [5, 3, 0]),
        ({"site": "beta.example"}, [2]),
        ({"url": D}, [6, 4]),
        ({"url": D, "outcome": "failed"}, []),
        ({"url": A, "site": "gamma.example"}, []),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_a_list_goes_on_behind_the_place_where_it_ended(filled, rows, asked, found, limit):
    position, whole = None, []
    while True:
        listed, position = captures_behind(filled, position, **asked, limit=limit)
        whole += of(listed)
        if position is None:
            break
        assert len(listed) == limit
    assert whole == ids(rows, *found)


def test_what_comes_and_goes_meanwhile_moves_nothing_that_follows(filled, rows):
    listed, position = captures_behind(filled, None, limit=3)
    assert of(listed) == ids(rows, 6, 5, 4)
    rows.advance(filled, rows.added(7, B, rows.ARABIC), Forgotten(rows.capture_id(4)), Forgotten(rows.capture_id(2)))
    listed, position = captures_behind(filled, position, limit=3)
    assert of(listed) == ids(rows, 3, 1, 0)
    assert position is None


def test_one_capture_with_its_page_and_its_statement(filled, rows):
    found = find_capture(filled, rows.capture_id(3))
    assert (found.leaf_index, found.outcome, found.host, found.url) == (3, "partial", "www.alpha.example", A)
    assert (found.warc_sha256, found.envelope_sha256) == (rows.digest("warc", 3), rows.digest("envelope", 3))
    assert found.statement_id == rows.capture_id(0)
    assert find_capture(filled, rows.capture_id(0)).title == "Joint statement"
    # A page of another kind publishes none; of what failed, there is the address that was asked for.
    assert find_capture(filled, rows.capture_id(2)).statement_id is None
    failed = find_capture(filled, rows.capture_id(5))
    assert (failed.final_url, failed.url, failed.title) == (None, A, None)
    assert failed.statement_id == rows.capture_id(0)
    assert find_capture(filled, "no such capture") is None


def test_the_captures_of_a_page_are_in_the_order_of_the_log(filled, rows):
    for number in (0, 3, 5):
        assert of(captures_of_page(filled, rows.capture_id(number))) == ids(rows, 0, 3, 5)
    assert of(captures_of_page(filled, rows.capture_id(3), limit=1)) == ids(rows, 0)
    assert captures_of_page(filled, "no such capture") == ()


def test_mementos_are_captures_that_brought_an_answer(filled, rows):
    found = mementos(filled, [A, D], limit=50)
    assert of(found) == ids(rows, 0, 3, 4, 6)
    assert [one.url for one in found] == [A, A, D, D]
    assert found[0].captured == "2026-11-21T01:16:30.000000Z"
    assert of(mementos(filled, [A, D], limit=2, offset=1)) == ids(rows, 3, 4)
    assert mementos(filled, [B], limit=50) == ()


def test_what_a_capture_says(filled, rows):
    found = text_of(filled, rows.capture_id(0))
    assert (found.text, found.published, found.language) == (rows.ENGLISH, "2018-11", "en")
    assert (found.site, found.reader) == ("alpha.example", "test/1")
    assert found.source_sha256 == rows.digest("payload", rows.ENGLISH)
    assert text_of(filled, rows.capture_id(3)).text == rows.ENGLISH.upper()
    assert text_of(filled, rows.capture_id(4)) is None
    assert text_of(filled, "no such capture") is None


def test_a_catalog_that_is_closed_is_one_clear_error(tmp_path):
    with Catalog(tmp_path / "catalog.sqlite") as catalog:
        pass
    for look in (
        lambda: captures(catalog, limit=1),
        lambda: captures_behind(catalog, None, limit=1),
        lambda: mementos(catalog, [A], limit=1),
        lambda: text_of(catalog, "x"),
    ):
        with pytest.raises(CatalogUnusable):
            look()
