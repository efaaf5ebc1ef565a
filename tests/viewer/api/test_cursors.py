"""Cursors as the API prints them and takes them back. Those that clients hold must mean the same for ever."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.archive.catalog.captures import CapturePosition
from sijill.archive.catalog.statement_rows import StatementPosition
from sijill.viewer.api.cursors import (
    capture_cursor,
    capture_position,
    offset_of,
    statement_cursor,
    statement_position,
)
from sijill.viewer.errors import BadRequest


@pytest.mark.parametrize(
    ("position", "cursor"),
    [
        (StatementPosition("2018-11-15", 7), "2018-11-15.7"),
        (StatementPosition(None, 40), "-.40"),
        (None, None),
    ],
)
def test_places_among_statements(position, cursor):
    assert statement_cursor(position) == cursor
    assert statement_position(cursor) == position


@pytest.mark.parametrize(("position", "cursor"), [(CapturePosition(1234), "1234"), (None, None)])
def test_places_among_captures(position, cursor):
    assert capture_cursor(position) == cursor
    assert capture_position(cursor) == position


def test_rows_that_are_counted():
    assert offset_of(None, 10) == 0
    assert offset_of("10", 10) == 10
    for cursor in ("11", "2018-11-15.5", "-.5"):
        with pytest.raises(BadRequest):
            offset_of(cursor, 10)


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.", ".1", "2018-11.1", "2018-11-15", "1' OR 1", "١", "9" * 16])
def test_what_no_list_gave_is_refused(cursor):
    for take in (capture_position, statement_position, lambda one: offset_of(one, 1 << 60)):
        with pytest.raises(BadRequest, match="cursor"):
            take(cursor)


@given(st.dates(), st.integers(0, 10**15 - 1))
def test_what_was_printed_is_taken_back(day, number):
    position = StatementPosition(day.isoformat(), number)
    assert statement_position(statement_cursor(position)) == position
    assert capture_position(capture_cursor(CapturePosition(number))) == CapturePosition(number)


@given(st.text(max_size=40))
def test_any_other_text_is_a_bad_request_or_a_place(text):
    for take in (capture_position, statement_position):
        with suppress(BadRequest):
            assert take(text) is not None
