"""URL rules."""

from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.archive.capture.target import LONGEST, parse_target, resolve
from sijill.archive.errors import BadTarget


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("http://EXAMPLE.org", "http://example.org/"),
        ("HTTPS://example.org:443/a#part", "https://example.org/a"),
        ("http://example.org:8080?q", "http://example.org:8080/?q"),
        ("http://example.org/?", "http://example.org/?"),
        ("http://example.org:/", "http://example.org/"),
        ("http://example.org./", "http://example.org./"),
        ("https://مثال.إختبار/بيان", "https://xn--mgbh0fb.xn--kgbechtv/%D8%A8%D9%8A%D8%A7%D9%86"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
        ("http://a_b.example/", "http://a_b.example/"),
        ("http://h/a b?c d", "http://h/a%20b?c%20d"),
        ("http://h/%d8%A8?x=%zz", "http://h/%d8%A8?x=%zz"),
        ("http://h/load.php?load[]=a|b", "http://h/load.php?load[]=a|b"),
        ("http://h/a/./b/../c//d", "http://h/a/c//d"),
        ("http://h/..", "http://h/"),
        ("http://[2001:0DB8::1]:81/", "http://[2001:db8::1]:81/"),
        ("http://192.0.2.1/", "http://192.0.2.1/"),
    ],
)
def test_request_url_is_derived(target, url):
    assert str(parse_target(target)) == url


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("", "empty"),
        ("example.org", "no scheme"),
        ("//example.org/", "no scheme"),
        ("ftp://example.org/", "'ftp'"),
        ("file:///etc/passwd", "'file'"),
        ("javascript:alert(1)", "'javascript'"),
        ("data:text/html,x", "'data'"),
        ("http://", "no host"),
        ("http:///path", "no host"),
        ("http://:80/", "no host"),
        ("https://user@example.org/", "password"),
        ("https://user:word@example.org/", "password"),
        ("http://example.org:0/", "port"),
        ("http://example.org:65536/", "port"),
        ("http://example.org:8x/", "port"),
        ("http://example.org:٨٠/", "port"),
        ("http://exa mple.org/", "host name"),
        ("http://-a.example/", "host name"),
        ("http://a..example/", "host name"),
        ("http://" + "a" * 64 + ".example/", "host name"),
        ("http://" + "a." * 130 + "example/", "host name"),
        ("http://%6cocalhost/", "host name"),
        ("http://a\\b/", "host name"),
        ("http://\u2603\u200d/", "host name"),
        ("http://[::1/", "URL"),
        ("http://[::g]/", "IPv6"),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://127.1/", "IPv4"),
        ("http://2130706433/", "IPv4"),
        ("http://0x7f000001/", "IPv4"),
        ("http://0177.0.0.1/", "IPv4"),
        ("http://1.2.3.256/", "IPv4"),
        ("http://１２７.１/", "IPv4"),
        ("http://١٢٧.١/", "host name"),
        (" http://example.org/", "white space"),
        ("http://example.org/\n", "control"),
        ("http://example.org/a\r\nX: y", "control"),
        ("http://example.org/\x00", "control"),
        ("http://example.org/\ud800", "URL"),
        ("http://example.org/" + "a" * LONGEST, "longer"),
        ("http://example.org/" + "é" * (LONGEST // 2), "longer"),
    ],
)
def test_bad_targets_are_refused_with_the_reason(target, word):
    with pytest.raises(BadTarget) as caught:
        parse_target(target)
    assert word in caught.value.reason


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("b.png", "http://h/dir/b.png"),
        ("  \n../b\t.png \x00", "http://h/b.png"),
        ("//other.example/x", "http://other.example/x"),
        ("\\\\other.example\\x", "http://other.example/x"),
        ("?q=\\", "http://h/dir/page?q=\\"),
        ("#part", "http://h/dir/page?p"),
        ("", "http://h/dir/page?p"),
        ("/ü", "http://h/%C3%BC"),
    ],
)
def test_references_resolve_as_in_browsers(reference, url):
    assert str(resolve("http://h/dir/page?p", reference)) == url


def test_query_is_encoded_as_the_page_is():
    assert resolve("http://h/", "/é?é=س", query_encoding="cp1252").path == "/%C3%A9?%E9=&%231587;"


@pytest.mark.parametrize("reference", ["mailto:a@b", "javascript:1", "http://[", "http://u@h/", "tel:1", "blob:x"])
def test_references_that_are_not_http_are_refused(reference):
    with pytest.raises(BadTarget):
        resolve("http://h/", reference)


@given(st.text(st.characters(), max_size=60), st.sampled_from(["http://h/", "http://", "https://é.example/?", ""]))
def test_whatever_is_accepted_is_safe_to_send_and_stays_the_same(tail, head):
    try:
        url = parse_target(head + tail)
    except BadTarget:
        return
    text = str(url)
    assert text.isascii()
    assert not set(text) & set(' \r\n\t#\x00"<>')
    assert url.path.startswith("/")
    assert parse_target(text) == url
    parts = urlsplit(text)
    assert (parts.scheme, parts.hostname) == (url.scheme, url.host)


@given(st.text(max_size=40))
def test_resolving_never_raises_anything_else(reference):
    with suppress(BadTarget):
        assert resolve("http://h/d/p", reference).scheme in {"http", "https"}
