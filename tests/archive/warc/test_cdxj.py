"""Keys as pywb makes them, lines as replay tools read them."""

from __future__ import annotations

import io
import json
from urllib.parse import quote_from_bytes, unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from surt import surt as pywb_surt

from sijill.archive.warc.cdxj import index_lines, timestamp
from sijill.archive.warc.examine import examine_records
from sijill.archive.warc.surt import surt


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://www.Example.org/A/?b=2&a=1#x", "org,example)/a?a=1&b=2"),
        ("http://www2.example.org", "org,example)/"),
        ("http://example.org:8080/", "org,example:8080)/"),
        ("https://example.org:443/a//b/../c/./d/", "org,example)/a/c/d"),
        ("https://xn--mgbh0fb.example/%D8%A7?%d8%b3", "example,xn--mgbh0fb)/%d8%a7?%d8%b3"),
        ("http://user:secret@example.org/", "org,example)/"),
        ("http://127.0.0.1:8000/x", "1,0,0,127:8000)/x"),
        ("https://example.org/?", "org,example)/"),
        ("https://example.org/a%2525b", "org,example)/a%25b"),
        ("https://example.org/?x&jsessionid=0123456789ABCDEF0123456789ABCDEF", "org,example)/?&x"),
        ("https://example.org/(S(4hqa0555fwsecu455xqckv45))/page.aspx", "org,example)/page.aspx"),
        ("urn:sijill:capture:1", "urn:sijill:capture:1"),
    ],
)
def test_keys(url, key):
    assert surt(url) == key == pywb_surt(url)


SEGMENT = st.text(st.sampled_from("abZ019._~-()!$'*+,;:@%2d5F&= "), max_size=8).map(
    lambda text: text.replace(" ", "%20")
)


@given(
    scheme=st.sampled_from(["http", "https", "HTTP"]),
    host=st.sampled_from(
        ["example.org", "WWW.Example.org", "www12.a.example.org", "www.com", "a..b.org.", "192.0.2.1"]
    ),
    port=st.sampled_from(["", ":80", ":443", ":8080"]),
    path=st.lists(st.one_of(SEGMENT, st.sampled_from(["", ".", "..", "A"])), max_size=5),
    query=st.one_of(
        st.none(),
        st.lists(
            st.one_of(
                SEGMENT,
                st.tuples(SEGMENT, SEGMENT).map("=".join),
                st.sampled_from(
                    [
                        "jsessionid=0123456789abcdef0123456789ABCDEF",
                        "PHPSESSID=0123456789abcdef0123456789abcdef",
                        "sid=0123456789abcdef0123456789abcdef",
                        "ASPSESSIONIDabcdefgh=abcdefghijklmnopqrstuvwx",
                        "cfid=1&cftoken=2",
                    ]
                ),
            ),
            max_size=4,
        ).map("&".join),
    ),
)
@example("https", "example.org", "", ["a", "..", "..", "b"], "b=&b&a")
def test_keys_are_those_of_pywb(scheme, host, port, path, query):
    url = f"{scheme}://{host}{port}/{'/'.join(path)}" + (f"?{query}" if query is not None else "")
    assert surt(url) == pywb_surt(url)


@given(st.text(alphabet="%25341aZ", max_size=40))
@example("%2525252541")
@example("%%34%31")
def test_escapes_of_escapes_are_decoded_until_none_is_left(text):
    printable = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "#%")
    expected = text.encode()
    while (decoded := unquote_to_bytes(expected)) != expected:
        expected = decoded
    assert surt("http://a.example/" + text) == f"example,a)/{quote_from_bytes(expected, safe=printable).lower()}"


def test_an_escape_of_a_million_escapes_takes_no_time_to_speak_of():
    assert surt("http://a.example/%" + "25" * 1_000_000 + "41") == "example,a)/a"


def test_lines(warc, site):
    lines = index_lines(examine_records(io.BytesIO(warc))).decode("ascii").splitlines()
    assert lines == sorted(lines, key=str.encode)
    assert len(lines) == 9
    entries = {json.loads(line.split(" ", 2)[2])["url"]: line for line in lines}
    key, time, text = entries[site.png_url].split(" ", 2)
    entry = json.loads(text)
    assert (key, time) == ("example,site)/assets/logo.png", "20261121011630")
    assert list(entry) == ["url", "mime", "status", "digest", "length", "offset", "filename"]
    offset, length = int(entry["offset"]), int(entry["length"])
    assert warc[offset : offset + length].startswith(b"\x1f\x8b")
    assert entry["filename"] == "data.warc.gz"


def test_a_response_without_type(build, write):
    build.add("http://site.example:99999/", b"HTTP/1.1 200 OK\r\n\r\nx", b"x")
    line = index_lines(examine_records(io.BytesIO(write(build.capture())[0]))).decode()
    assert line.startswith("http://site.example:99999/ 2026")
    assert "mime" not in line


def test_timestamps():
    assert timestamp("2026-11-21T01:16:30.999999Z") == "20261121011630"
