"""Addresses in HTML and CSS lead to the replay server, and every other byte stays as it was."""

import pytest
import webencodings

from sijill.viewer.replay.addresses import Address, Mode, Passes, ReplayLinks, parse_address
from sijill.viewer.replay.bodies import markup
from sijill.viewer.replay.css import rewrite_css
from sijill.viewer.replay.html import rewrite_html
from sijill.viewer.replay.rewriting import Rewriter

ID = "20261121t011630z-k3j5x2m4q7ab"
PREFIX = f"/{ID}/20261121011630/page/"
ADDRESS = Address(ID, "20261121011630", Mode.PAGE, "https://site.example/a/b.html")


def html(text, encoding="utf-8"):
    rewriter = Rewriter(ADDRESS, webencodings.lookup(encoding))
    return rewrite_html(text.encode(encoding).decode("latin-1"), rewriter).encode("latin-1").decode(encoding)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('<a href="c.html">', f'<a href="{PREFIX}https://site.example/a/c.html">'),
        ("<a href=/c>", f'<a href="{PREFIX}https://site.example/c">'),
        ("<A HREF = '//o.example/x?a=1&amp;b=2'>", f'<A HREF="{PREFIX}https://o.example/x?a=1&amp;b=2">'),
        ('<a href="?x=1&copy=2&section=3">', f'<a href="{PREFIX}https://site.example/a/b.html?x=1&amp;copy=2&amp;section=3">'),
        ('<a href="c#d">', f'<a href="{PREFIX}https://site.example/a/c#d">'),
        ('<img src="a.png" srcset="a.png 1x, b.png?x,y 2x">',
         (f'<img src="{PREFIX}https://site.example/a/a.png" srcset="{PREFIX}https://site.example/a/a.png 1x, '
          f'{PREFIX}https://site.example/a/b.png?x,y 2x">')),
        ('<p style="background:url(&quot;x.png&quot;)">',
         f'<p style="background:url(&quot;{PREFIX}https://site.example/a/x.png&quot;)">'),
        ('<style>p{background:url( x.png )}</style>', f'<style>p{{background:url("{PREFIX}https://site.example/a/x.png")}}</style>'),
        ('<meta http-equiv=Refresh content="3; URL=\'/n\'">',
         f'<meta http-equiv=Refresh content="3; URL={PREFIX}https://site.example/n">'),
        ('<svg><use xlink:href="s.svg#a"/></svg>', f'<svg><use xlink:href="{PREFIX}https://site.example/a/s.svg#a"/></svg>'),
        ('<base href="/up/"><img src=x>', f'<base href="{PREFIX}https://site.example/up/"><img src="{PREFIX}https://site.example/up/x">'),
        ('<meta http-equiv="Content-Security-Policy" content="default-src *">',
         '<meta http-equiv="x-archived" content="default-src *">'),
        ('<a target="_blank" ping="https://t.example/">', '<a target="_self" ping="">'),
        ('<link rel=preconnect href=https://t.example>', f'<link rel=preconnect href="{PREFIX}https://t.example/">'),
        ('<iframe srcdoc="&lt;img src=&quot;i.png&quot;&gt;"></iframe>',
         f'<iframe srcdoc="<img src=&quot;{PREFIX}https://site.example/a/i.png&quot;>"></iframe>'),
        ('<a href="بيان">', f'<a href="{PREFIX}https://site.example/a/%D8%A8%D9%8A%D8%A7%D9%86">'),
    ],
)  # fmt: skip
def test_addresses_lead_to_the_replay_server(written, expected):
    assert html(written) == expected


@pytest.mark.parametrize(
    "text",
    [
        '<a href="#top">', '<a href="">', '<a href="mailto:a@b.example">', '<a href="javascript:void(0)">',
        '<img src="data:image/png;base64,AAAA">', "<!-- <a href=/x> -->", "<script>var a = '<a href=/x>';</script>",
        '<textarea><a href="/x"></textarea>', '<p data-src="/x">بيان & "text" < 3', "<a href=/x", '<a href="/x',
        "<style>p{color:red}/* url(x) */</style>", "</a href=/x>", "<", "", "<!doctype html>\r\n\0<p>\x85\xa0",
    ],
)  # fmt: skip
def test_what_is_no_address_stays_byte_for_byte(text):
    assert html(text) == text


def test_the_encoding_of_a_page_is_kept():
    data = '<p>بيان</p><a href="/بيان?ن">x</a>'.encode("windows-1256")
    made = markup(data, "windows-1256", "text/html", ADDRESS, began=None)
    assert made.content_type == "text/html; charset=windows-1256"
    assert made.data.startswith("<p>بيان</p>".encode("windows-1256"))
    # The path in UTF-8, the query in the page's encoding, as browsers ask.
    assert b"/%D8%A8%D9%8A%D8%A7%D9%86?%E4" in made.data


def test_a_page_in_utf16_is_given_in_utf8():
    made = markup('<p>بيان</p><a href="/x">'.encode("utf-16"), None, "text/html", ADDRESS, began=None)
    assert made.content_type.endswith("charset=utf-8")
    assert "بيان" in made.data.decode("utf-8")
    assert f"{PREFIX}https://site.example/x" in made.data.decode("utf-8")


def test_the_stand_in_comes_before_every_script():
    for page in (b"<!doctype html><html><head><script>1</script>", b"<script>1</script>", b"<p>x<script>1</script>"):
        made = markup(page, "utf-8", "text/html", ADDRESS, began=1000).data
        assert 0 <= made.index(b"/stand-in.js") < made.index(b"<script>1")
    assert b"stand-in" not in markup(b"<p>", "utf-8", "text/html", ADDRESS, began=None).data


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('@import "x.css";', '@import "W:x.css";'),
        ("@import url(x.css) print;", '@import url("W:x.css") print;'),
        ("a{b:url('x\\20y.png')}", 'a{b:url("W:x y.png")}'),
        ("a{b:image-set('x.png' 1x, url(y.png) 2x)} c{content:'z.png'}",
         "a{b:image-set(\"W:x.png\" 1x, url(\"W:y.png\") 2x)} c{content:'z.png'}"),
        ("/* url(x) */ a{content:'url(x)'}", "/* url(x) */ a{content:'url(x)'}"),
        ("a{b:url(x.png", "a{b:url(x.png"),
    ],
)  # fmt: skip
def test_style_sheets(written, expected):
    assert rewrite_css(written, lambda url: f"W:{url}") == expected


@pytest.mark.parametrize(
    "text",
    [
        "<" * 400_000, "<a " * 150_000, '<a href="' * 100_000, "<style>" * 100_000, "<!--" * 100_000,
        "<a " + "x=" * 300_000, "<p style=\"" + "url(" * 100_000, "&" * 400_000, "<a href=\"" + "&" * 200_000 + "\">",
        "<style>" + "/*" * 200_000, "<style>" + "url(" * 100_000 + "</style>",
        "<style>" + "url('" * 50_000 + "</style>",
        "<iframe srcdoc='" + "&lt;iframe srcdoc=&quot;" * 20_000 + "'>", "<img srcset='" + "a," * 100_000 + "'>",
    ],
)  # fmt: skip
@pytest.mark.timeout(60)
def test_hostile_markup_takes_time_in_proportion_to_its_length(text):
    assert html(text)  # work that grew with the square of the length would meet the time limit


def test_addresses_are_parsed_as_they_are_made():
    passes = Passes(bytes(32))
    stamped = passes.stamped(ADDRESS)
    found = parse_address(stamped.path, "")
    assert found == stamped
    assert passes.admits(found)
    assert not passes.admits(ADDRESS)
    assert not Passes(b"1" * 32).admits(found)
    other = parse_address(stamped.path.replace("k3j5", "k3j6"), "")
    assert not passes.admits(other)
    folded = parse_address(PREFIX + "https:/site.example/x", "q=1")
    assert folded.url == "https://site.example/x?q=1"
    assert ReplayLinks("http://r.example", passes).origin == "http://r.example"


@pytest.mark.parametrize(
    "path",
    [
        "/", "/x", f"/{ID}/20261121011630/page/ftp://x/", f"/{ID}/2026/page/http://x/", f"/{ID}/20261121011630/run/http://x/",
        f"/{ID}/20261121011630/page.short/http://x/", f"/{ID}/20261121011630/page/http://x/\n", "/../../etc/passwd",
        f"/{ID}/20261121011630/page/http://" + "x" * 20_000,
    ],
)  # fmt: skip
def test_anything_else_is_no_address(path):
    assert parse_address(path, "") is None
