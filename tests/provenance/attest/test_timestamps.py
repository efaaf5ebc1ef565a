"""One spelling of a moment."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.provenance.attest.timestamps import capture_id_time, format_timestamp, parse_timestamp
from sijill.provenance.errors import MalformedCaptureId, MalformedTimestamp


@given(st.datetimes(timezones=st.just(UTC)))
def test_round_trip(moment):
    assert parse_timestamp(format_timestamp(moment)) == moment


def test_form_is_utc_with_six_digits():
    there = datetime(2026, 11, 21, 4, 16, 30, tzinfo=timezone(timedelta(hours=3)))
    assert format_timestamp(there) == "2026-11-21T01:16:30.000000Z"
    assert parse_timestamp("2026-11-21T01:16:30.000000Z") == there


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21T01:16:30Z",
        "2026-11-21T01:16:30.123Z",
        "2026-11-21T01:16:30.1234567Z",
        "2026-11-21T01:16:30.123456",
        "2026-11-21T01:16:30.123456+00:00",
        "2026-11-21 01:16:30.123456Z",
        "2026-11-21t01:16:30.123456z",
        "2026-11-21T01:16:30.123456Z\n",
        "2026-11-21T01:16:60.000000Z",
        "2026-11-21T24:00:00.000000Z",
        "2026-02-29T00:00:00.000000Z",
        "0000-01-01T00:00:00.000000Z",
        "٢٠٢٦-11-21T01:16:30.123456Z",
    ],
)
def test_other_spellings_refused(text):
    with pytest.raises(MalformedTimestamp):
        parse_timestamp(text)


def test_time_of_a_capture_id():
    assert capture_id_time("20261121t011630z-k3j2x5m4q7ab") == datetime(2026, 11, 21, 1, 16, 30, tzinfo=UTC)
    for bad in ("", "20261121t011630z", "20261121T011630Z-k3j2x5m4q7ab", "20261131t011630z-k3j2x5m4q7ab"):
        with pytest.raises(MalformedCaptureId):
            capture_id_time(bad)
