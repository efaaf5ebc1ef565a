"""Statements in lists: their order, what filters leave, how a list goes on, and what a row says."""

from datetime import date

import pytest

from sijill.archive.catalog.rows import Forgotten, VersionRelation
from sijill.archive.catalog.search import Filters
from sijill.archive.catalog.statement_rows import (
    StatementPosition,
    StatementRow,
    statement_order,
    statement_rows,
    statements_behind,
    statements_passing,
)
from sijill.archive.catalog.statements import find_statement, signatories, statements

# By the number of the first capture, in the order of lists: of one day, what came later is first; then the undated.
ORDER = [4, 6, 2, 0, 5, 3]


def url(number):
    return f"https://s{number}.example/statement/"


@pytest.fixture
def filled(catalog, rows):
    def text(number):
        return f"Statement {number} of quite another matter. " * 10

    network = rows.signed("Example Network")
    rows.advance(
        catalog,
        rows.added(0, url(0), text(0), day="2018-11-15", signatories=network),
        rows.added(1, url(1), "Cards", kind="index"),
        rows.added(2, url(2), text(2), day="2018-11-15", language="ar"),
        rows.added(3, url(3), text(3), signatories=network),
        rows.added(4, url(4), text(4), day="2022-01"),
        rows.added(5, url(5), text(5), language="ar"),
        rows.added(6, url(6), text(6), day="2021-12-31", signatories=network),
        rows.added(7, url(4), text(7), day="2022-01"),
    )
    return catalog


def numbers(rows, found):
    known = {rows.capture_id(number): number for number in range(20)}
    return [known[one.statement_id] for one in found]


def test_all_are_in_one_order(filled, rows):
    order = statement_order(filled)
    assert numbers(rows, statement_rows(filled, order).values()) == ORDER
    assert numbers(rows, statements(filled).rows) == ORDER
    assert numbers(rows, statements_behind(filled, Filters(), None, limit=50)[0]) == ORDER


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), ORDER),
        (Filters(language="ar"), [2, 5]),
        (Filters(signatory="example network"), [6, 0, 3]),
        (Filters(first=date(2018, 1, 1), last=date(2021, 12, 31)), [6, 2, 0]),
        (Filters(sites=("s0.example", "s3.example")), [0, 3]),
        (Filters(sites=("s1.example",)), []),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 6, 50])
def test_filters_leave_the_order_and_lists_go_on_to_their_end(filled, rows, filters, found, limit):
    for offset in range(len(found)):
        total, firsts = statements_passing(filled, filters, limit=limit, offset=offset)
        assert total == len(found)
        listed = found[offset : offset + limit]
        assert numbers(rows, statement_rows(filled, firsts).values()) == listed
        looked_up = statements(filled, filters, limit=limit, offset=offset)
        assert (looked_up.total, numbers(rows, looked_up.rows)) == (len(found), listed)
    assert statements_passing(filled, filters, limit=limit, offset=len(found)) == (0, ())
    position, whole = None, []
    while True:
        shown, position = statements_behind(filled, filters, position, limit=limit)
        whole += numbers(rows, shown)
        if position is None:
            break
        assert len(shown) == limit
    assert whole == found


def test_a_position_is_a_day_and_a_page_and_holds_whatever_comes_or_goes(filled, rows):
    shown, position = statements_behind(filled, Filters(), None, limit=3)
    assert numbers(rows, shown) == [4, 6, 2]
    first = statement_order(filled)[2]
    assert position == StatementPosition("2018-11-15", first)
    rows.advance(
        filled,
        rows.added(8, url(8), "Of the newest matter. " * 10, day="2023-05-05"),
        Forgotten(rows.capture_id(2)),
    )
    shown, position = statements_behind(filled, Filters(), position, limit=2)
    assert numbers(rows, shown) == [0, 5]
    assert position.day is None
    shown, position = statements_behind(filled, Filters(), position, limit=2)
    assert (numbers(rows, shown), position) == ([3], None)


def test_a_row_counts_over_all_publications(catalog, rows):
    one, other = rows.signed("One", "Two"), rows.signed("Two", "Three")
    rows.advance(
        catalog,
        rows.added(0, "https://a.example/en/", rows.ENGLISH, title="First", day="2018-11", signatories=one),
        rows.added(1, "https://b.example/ar/", rows.ARABIC, language="ar", day="2018-11-16", signatories=other),
        rows.added(2, "https://a.example/fr/", "Une autre langue. " * 10, language="ar", title="Third"),
        rows.added(3, "https://a.example/en/", rows.ENGLISH.upper(), title="Renamed", day="2018-11", signatories=one),
        rows.added(4, "https://a.example/en/", outcome="failed"),
    )
    catalog.matched([], [VersionRelation(1, 2, "same"), VersionRelation(1, 3, "same")])
    [row] = statement_rows(catalog, statement_order(catalog)).values()
    assert row == StatementRow(
        statement_id=rows.capture_id(0),
        title="Renamed",
        published="2018-11",
        languages=("en", "ar"),
        sites=("a.example", "b.example"),
        publications=3,
        captures=5,
        versions=4,
        signatories=3,
    )
    assert find_statement(catalog, rows.capture_id(2)).row == row
    assert signatories(catalog, "three")[0].signed[0].statement == row


def test_rows_come_as_asked_for_without_what_is_gone(filled):
    order = statement_order(filled)
    asked = [order[3], 999_999, order[0]]
    assert list(statement_rows(filled, asked)) == [order[3], order[0]]
    assert statement_rows(filled, []) == {}


def test_a_list_takes_as_many_questions_to_the_database_whatever_its_length(filled):
    asked = []
    filled.connection.set_trace_callback(asked.append)
    for limit in (1, 6):
        assert len(statements(filled, limit=limit).rows) == limit
    (found,) = signatories(filled, "example network")
    filled.connection.set_trace_callback(None)
    assert len(found.signed) == 3
    rows = [one for one in asked if "json_group_array" in one]
    assert len(rows) == 3
    assert len(asked) < 12
