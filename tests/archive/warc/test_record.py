"""The grammar of named fields: nothing that could break out of a header gets into one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.archive.errors import BadRecordField
from sijill.archive.warc.record import check_fields, header_bytes, warc_date

ID = "<urn:uuid:00000000-0000-4000-8000-000000000001>"
DIGEST = "sha256:" + "0" * 64
RESPONSE = (
    ("WARC-Type", "response"),
    ("WARC-Record-ID", ID),
    ("WARC-Date", "2026-11-21T01:16:30.000001Z"),
    ("WARC-Warcinfo-ID", ID),
    ("WARC-Target-URI", "https://site.example/a?b=c"),
    ("WARC-IP-Address", "2001:db8::1"),
    ("WARC-Protocol", "http/1.1"),
    ("WARC-Protocol", "tls/1.3"),
    ("WARC-Cipher-Suite", "TLS_AES_128_GCM_SHA256"),
    ("WARC-Truncated", "length"),
    ("WARC-Block-Digest", DIGEST),
    ("Content-Type", "application/http;msgtype=response"),
    ("Content-Length", "0"),
)


def test_header_bytes():
    header = header_bytes(RESPONSE)
    assert header.startswith(b"WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:")
    assert header.endswith(b"\r\nContent-Length: 0\r\n\r\n")
    assert header.count(b"WARC-Protocol: ") == 2


@given(value=st.text(max_size=30), place=st.integers(0, len(RESPONSE) - 1))
def test_no_value_leaves_its_line(value, place):
    fields = list(RESPONSE)
    fields[place] = (fields[place][0], fields[place][1] + value)
    try:
        header = header_bytes(fields)
    except BadRecordField:
        return
    assert header.count(b"\r\n") == len(RESPONSE) + 2
    assert header.isascii()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WARC-Target-URI", "https://site.example/\r\nX: 1"),
        ("WARC-Target-URI", "https://site.example/\n"),
        ("WARC-Target-URI", "https://site.example/a b"),
        ("WARC-Target-URI", "https://مثال.example/"),
        ("WARC-Target-URI", "/relative"),
        ("WARC-IP-Address", "192.0.2.7\n"),
        ("WARC-Cipher-Suite", "TLS AES"),
        ("WARC-Record-ID", "urn:uuid:00000000-0000-4000-8000-000000000001"),
        ("WARC-Record-ID", ID.upper()),
        ("WARC-Date", "2026-11-21T01:16:30Z"),
        ("WARC-Date", "٢٠٢٦-11-21T01:16:30.000001Z"),
        ("Content-Length", "٠"),
    ],
)
def test_refused_values(name, value):
    fields = [(key, value if key == name else text) for key, text in RESPONSE]
    with pytest.raises(BadRecordField) as caught:
        check_fields(fields)
    assert (caught.value.name, caught.value.value) == (name, value)


@pytest.mark.parametrize("place", range(len(RESPONSE)))
def test_every_field_but_optional_ones_is_needed(place):
    optional = {"WARC-IP-Address", "WARC-Protocol", "WARC-Cipher-Suite", "WARC-Truncated"}
    fields = [*RESPONSE[:place], *RESPONSE[place + 1 :]]
    if RESPONSE[place][0] in optional:
        check_fields(fields)
    else:
        with pytest.raises(BadRecordField, match="missing"):
            check_fields(fields)


def test_fields_of_other_types_are_refused():
    fields = [field for field in RESPONSE if field[0] != "WARC-Truncated"]
    fields[0] = ("WARC-Type", "request")
    fields[-2] = ("Content-Type", "application/http;msgtype=request")
    check_fields(fields)
    with pytest.raises(BadRecordField, match="not for a request record"):
        check_fields([*fields[:-3], ("WARC-Payload-Digest", DIGEST), *fields[-3:]])


def test_dates_are_utc_with_microseconds():
    east = timezone(timedelta(hours=3))
    assert warc_date(datetime(2026, 11, 21, 4, 0, 0, 7, tzinfo=east)) == "2026-11-21T01:00:00.000007Z"
    assert warc_date(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000000Z"
    with pytest.raises(ValueError, match="time zone"):
        warc_date(datetime(2026, 1, 2))  # noqa: DTZ001 - the point of the test
