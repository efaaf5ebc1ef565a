"""URLs of stores in S3 buckets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.storage.errors import BadStoreUrl
from sijill.storage.open import open_store
from sijill.storage.s3_url import Addressing, S3Location, parse_s3_url


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("s3://records", S3Location("records")),
        ("s3://records/a/B-1_2.c", S3Location("records", "a/B-1_2.c")),
        ("s3://my.records.7?region=eu-west-1", S3Location("my.records.7", region="eu-west-1")),
        ("s3://abc?endpoint=http://127.0.0.1:8014", S3Location("abc", endpoint="http://127.0.0.1:8014")),
        ("s3://abc?endpoint=https://[::1]:9", S3Location("abc", endpoint="https://[::1]:9")),
        (
            "s3://abc/x?endpoint=https://s3.example.org&region=r1&addressing=virtual",
            S3Location("abc", "x", "https://s3.example.org", "r1", Addressing.VIRTUAL),
        ),
    ],
)
def test_urls(url, location):
    assert parse_s3_url(url) == location
    assert location.url == url


def test_parameters_come_in_any_order_and_leave_in_one():
    location = parse_s3_url("s3://abc?addressing=path&region=r1&endpoint=https://s3.example.org")
    assert location.url == "s3://abc?endpoint=https://s3.example.org&region=r1&addressing=path"


@pytest.mark.parametrize(
    "url",
    [
        "s3:",
        "s3://",
        "s3:///key",
        "S3://abc",
        "s3://ab",
        "s3://Abc",
        "s3://a_b",
        "s3://abc-",
        "s3://a..b",
        "s3://192.168.1.1",
        "s3://" + "a" * 64,
        "s3://user:secret@abc",
        "s3://abc:80",
        "s3://abc/",
        "s3://abc//x",
        "s3://abc/x/",
        "s3://abc/../x",
        "s3://abc/.x",
        "s3://abc/x y",
        "s3://abc/x%20y",
        "s3://abc/é",
        "s3://abc/" + "x" * 257,
        "s3://abc#x",
        "s3://abc?",
        "s3://abc?region",
        "s3://abc?region=",
        "s3://abc?region=r1&region=r1",
        "s3://abc?region=r1&",
        "s3://abc?Region=r1",
        "s3://abc?region=eu west",
        "s3://abc?profile=x",
        "s3://abc?addressing=dns",
        "s3://abc?endpoint=s3.example.org",
        "s3://abc?endpoint=ftp://s3.example.org",
        "s3://abc?endpoint=https://s3.example.org/",
        "s3://abc?endpoint=https://s3.example.org/path",
        "s3://abc?endpoint=https://user:secret@s3.example.org",
        "s3://abc?endpoint=https://s3.example.org:",
        "s3://abc?endpoint=https://S3.example.org",
        "s3://abc?endpoint=https://s3.example.org:0",
        "s3://abc?endpoint=https://s3..org",
        "s3://abc?endpoint=http%3A%2F%2F127.0.0.1",
        "s3://abc?endpoint=https://s3.example.org\n",
    ],
)
def test_what_is_no_url_of_a_store(url):
    with pytest.raises(BadStoreUrl) as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


SEGMENTS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)


@given(
    bucket=st.from_regex(r"[a-z0-9][a-z0-9-]{1,20}[a-z0-9]", fullmatch=True),
    prefix=st.lists(SEGMENTS, max_size=4).map("/".join),
    endpoint=st.none() | st.sampled_from(["http://a", "https://a.b:1", "http://[::1]:65535"]),
    region=st.none() | st.from_regex(r"[a-z]{1,9}-[0-9]", fullmatch=True),
    addressing=st.none() | st.sampled_from(Addressing),
)
def test_what_is_formatted_is_parsed(bucket, prefix, endpoint, region, addressing):
    location = S3Location(bucket, prefix, endpoint, region, addressing)
    assert parse_s3_url(location.url) == location


@given(st.text(max_size=60))
def test_whatever_is_accepted_is_given_back(text):
    url = "s3://abc" + text
    try:
        location = parse_s3_url(url)
    except BadStoreUrl:
        return
    assert parse_s3_url(location.url) == location
