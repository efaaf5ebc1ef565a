"""What a page and a style sheet refer to."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from sijill.archive.capture.reference import References, Use, same_site
from sijill.archive.capture.requisites import parse_html, read_html, srcset_urls
from sijill.archive.capture.stylesheet import decode_css, read_css

URL = "https://www.site.example/dir/page"
BASE = "https://www.site.example/dir/"


def found(html, url=URL, use=None):
    return [r.url.removeprefix(BASE) for r in read_html(html.encode(), url).references if use is None or r.use is use]


def styles(css):
    references = References(BASE)
    read_css(css, references)
    return [(r.url.removeprefix(BASE), r.use) for r in references]


@pytest.mark.parametrize(
    ("html", "urls"),
    [
        ("<img src=a.png>", ["a.png"]),
        ("<IMG SRC=' a.png\n'>", ["a.png"]),
        ("<img src=a.png srcset='b.png 1x, c.png 2x'>", ["a.png", "b.png", "c.png"]),
        ("<img data-src=a.png data-srcset='b.png 2x' src='data:image/gif;base64,AA'>", ["a.png", "b.png"]),
        ("<picture><source srcset=a.webp><img src=a.png></picture>", ["a.webp", "a.png"]),
        ("<video poster=p.jpg src=v.mp4><source src=w.webm><track src=t.vtt></video>",
         ["p.jpg", "v.mp4", "w.webm", "t.vtt"]),
        ("<audio src=a.mp3><source src=b.ogg></audio>", ["a.mp3", "b.ogg"]),
        ("<link rel=stylesheet href=a.css><link rel='Shortcut ICON' href=i.ico>", ["a.css", "i.ico"]),
        ("<link rel=preload as=image href=a.png imagesrcset='b.png 1x'>", ["a.png", "b.png"]),
        ("<link rel=canonical href=/><link rel=alternate href=feed><link rel=dns-prefetch href=//x>", []),
        ("<script src=a.js></script><script>var a = 'b.js'</script>", ["a.js"]),
        ("<iframe src=f.html></iframe><object data=o.svg></object><embed src=e.svg>", ["f.html", "o.svg", "e.svg"]),
        ("<frameset><frame src=f.html></frameset>", ["f.html"]),
        ("<iframe srcdoc='<img src=a.png><iframe srcdoc=\"<img src=deep.png>\"></iframe>'></iframe>", ["a.png"]),
        ("<body background=b.gif><table background=t.gif><td background=d.gif>", ["b.gif", "t.gif", "d.gif"]),
        ("<input type=image src=a.png>", ["a.png"]),
        ("<svg><image href=a.png /><image xlink:href=b.png /><use href=s.svg#x /></svg>", ["a.png", "b.png", "s.svg"]),
        ("<p style='background: url(&quot;a.png&quot;)'>", ["a.png"]),
        ("<style>@import 'a.css'; p { background: url(b.png) }</style>", ["a.css", "b.png"]),
        ("<noscript><img src=a.png></noscript>", ["a.png"]),
        ("<img src=a.png><img src=./a.png#x><img src=../dir/a.png>", ["a.png"]),
        ("<img src=''><img src=' '><img><img src='#top'><img src=page>", []),
        ("<img src=javascript:a()><img src=about:blank><iframe src=blob:x></iframe><img src=//>", []),
        ("<img src='http://[bad'><img src='http://user@h/'><img src=a.png>", ["a.png"]),
        ("<!-- <img src=a.png> --><p>", []),
        ("<base href='/other/'><img src=a.png>", ["https://www.site.example/other/a.png"]),
        ("<img src=a.png><base href=https://cdn.example/><base href=/no/>", ["https://cdn.example/a.png"]),
        ("<base href='javascript:x'><img src=a.png>", ["a.png"]),
        ("<img src='صورة.png?x=é'>", ["%D8%B5%D9%88%D8%B1%D8%A9.png?x=%C3%A9"]),
    ],
)  # fmt: skip
def test_requisites_in_the_order_of_the_page(html, urls):
    assert found(html) == urls


def test_what_a_style_sheet_is_used_for_counts_more_than_that_it_was_preloaded():
    html = "<link rel=preload href=a.css><img src=b.png><link rel=stylesheet href=a.css>"
    assert [(r.url.removeprefix(BASE), r.use) for r in read_html(html.encode(), URL).references] == [
        ("a.css", Use.STYLE),
        ("b.png", Use.OTHER),
    ]


@pytest.mark.parametrize(
    ("html", "documents"),
    [
        ("<a href=report.pdf>full report</a>", ["report.pdf"]),
        ("<p><a href='Report.DOCX?x=1#page=2'>", ["Report.DOCX?x=1"]),
        ("<a href=a.doc></a><a href=b.odt></a><area href=c.pdf>", ["a.doc", "b.odt", "c.pdf"]),
        ("<a href=//site.example/a.pdf>", ["https://site.example/a.pdf"]),
        ("<a href=https://files.site.example/a.pdf>", ["https://files.site.example/a.pdf"]),
        ("<a href=https://other.example/a.pdf>", []),
        ("<a href=page2.html></a><a href=?file=a.pdf></a><a href=pdf></a><a href=a.pdf/></a>", []),
        ("<nav><a href=a.pdf></a></nav><aside><p><a href=b.pdf></a></aside><footer><a href=c.pdf></a></footer>", []),
        ("<article><header><a href=a.pdf></a></header></article><header><a href=b.pdf></a></header>", ["a.pdf"]),
    ],
)
def test_documents_of_the_same_site_outside_navigation(html, documents):
    assert found(html, use=Use.DOCUMENT) == documents


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("site.example", "www.site.example", True),
        ("a.site.example", "b.site.example", True),
        ("site.example", "other.example", False),
        ("a.org.uk", "b.org.uk", False),
        ("www.a.org.uk", "files.a.org.uk", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "198.51.2.1", False),
        ("[::1]", "::1", False),
        ("localhost", "localhost", True),
    ],
)
def test_where_a_site_ends(one, other, same):
    assert same_site(one, other) is same


@pytest.mark.parametrize(
    ("content", "target"),
    [
        ("0;url=next", "next"),
        ("0; URL = 'next'", "next"),
        ('5,url="next" x', "next"),
        ("0 next", "next"),
        ("; url=next", "next"),
        ("1.5;url=next", "next"),
        ("0;url=https://other.example/", "https://other.example/"),
        ("0", None),
        ("", None),
        ("60;url=next", None),
        ("0;url=page", None),
        ("0;url=", None),
        ("0;url=javascript:x", None),
        ("9999999999999999999999;url=next", None),
        ("next", None),
    ],
)
def test_meta_refresh(content, target):
    refresh = read_html(
        f"<meta http-equiv=Refresh content='{content.replace(chr(39), '&#39;')}'>".encode(), URL
    ).refresh
    assert refresh == (target if target is None or "://" in target else BASE + target)


def test_a_refresh_for_those_without_scripts_does_not_count():
    assert read_html(b"<noscript><meta http-equiv=refresh content='0;url=/x'></noscript>", URL).refresh is None


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title> Joint\n  statement </title>", "Joint statement"),
        ("<svg><title>icon</title></svg><title>page</title>", "page"),
        ("<title></title>", None),
        ("<p>", None),
        ("<title>a &amp; b</title>", "a & b"),
        ("<iframe srcdoc='<title>inner</title>'></iframe>", None),
    ],
)
def test_title(html, title):
    assert read_html(html.encode(), URL).title == title


ARABIC = "بيان مشترك"


@pytest.mark.parametrize(
    ("data", "charset", "encoding"),
    [
        (f"<title>{ARABIC}</title>".encode(), None, "utf-8"),
        (f"<title>{ARABIC}</title>".encode("cp1256"), "windows-1256", "windows-1256"),
        (f"<meta charset=windows-1256><title>{ARABIC}</title>".encode("cp1256"), None, "windows-1256"),
        (
            f"<meta http-equiv=content-type content='text/html; charset=iso-8859-6'><title>{ARABIC}</title>".encode(
                "iso-8859-6"
            ),
            "no-such-charset",
            "iso-8859-6",
        ),
        (f"\ufeff<meta charset=latin1><title>{ARABIC}</title>".encode(), "windows-1256", "utf-8"),
        (f"\ufeff<title>{ARABIC}</title>".encode("utf-16-le"), None, "utf-16le"),
        (f"<meta charset=utf-16><title>{ARABIC}</title>".encode(), None, "utf-8"),
        (f"<?xml version='1.0' encoding='latin1'?><title>{ARABIC}</title>".encode(), None, "utf-8"),
    ],
)
def test_encodings(data, charset, encoding):
    page = read_html(data, URL, charset)
    assert (page.title, page.encoding) == (ARABIC, encoding)


def test_queries_are_sent_in_the_encoding_of_the_page():
    page = read_html("<img src='é.png?q=é'>".encode("cp1252"), URL, "iso-8859-1")
    assert [r.url for r in page.references] == [BASE + "%C3%A9.png?q=%E9"]


@pytest.mark.parametrize("data", [b"", b" ", b"<!-- -->", b"\x00", b"\xff\xfe", b"%PDF-1.7", b"<" * 100, b"<?x"])
def test_what_is_no_page_refers_to_nothing(data):
    assert read_html(data, URL).references == ()


@given(st.binary(max_size=200))
def test_no_bytes_raise(data):
    read_html(data, URL)
    read_html(b"<style>" + data, URL)


@pytest.mark.parametrize(
    "html",
    [
        b"<div>" * 200_000 + b"<a href=x.pdf>" * 1000,
        b"<nav>" * 2000 + b"".join(b"<a href=%d.pdf>" % i for i in range(20_000)),
        b"<img srcset='" + b"(" * 500_000 + b"'>",
        b"<img srcset='" + b"a ( " * 100_000 + b"'>",
        b"<meta http-equiv=refresh content='" + b" " * 1_000_000 + b"'>",
        b"<style>" + b"a{" * 100_000 + b"b:url(x)</style>",
        b"<style>url(" + b"(" * 200_000,
        b"<meta " + b"charset " * 500_000,
    ],
    ids=range(8),
)
def test_hostile_pages_take_no_unreasonable_time(html):
    began = time.monotonic()
    read_html(html, URL)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("value", "urls"),
    [
        ("a.png", ["a.png"]),
        (" a.png 1x , b.png 2x ", ["a.png", "b.png"]),
        ("a.png, b.png", ["a.png", "b.png"]),
        ("a.png,b.png 2x", ["a.png,b.png"]),
        ("a,b.png 100w, c.png,, d.png", ["a,b.png", "c.png", "d.png"]),
        ("a.png (x, y), b.png", ["a.png", "b.png"]),
        ("data:image/png;base64,AA== 1x, a.png 2x", ["data:image/png;base64,AA==", "a.png"]),
        ("", []),
        (" , ,", []),
    ],
)
def test_srcset(value, urls):
    assert list(srcset_urls(value)) == urls


SOURCE = st.text(st.sampled_from("abc,;=().:/%"), min_size=1, max_size=10).filter(
    lambda text: text[0] != "," and text[-1] != ","
)


@given(st.lists(st.tuples(SOURCE, st.sampled_from(["1x", "2.5x", "100w", "10w 20h"])), max_size=6))
def test_srcset_gives_back_what_was_put_in(candidates):
    value = ", ".join(f"{url} {descriptor}" for url, descriptor in candidates)
    assert list(srcset_urls(value)) == [url for url, _ in candidates]


@given(st.text(st.sampled_from("ab,( )\t\n1x"), max_size=40))
def test_srcset_urls_are_never_empty_and_never_hold_space(value):
    for url in srcset_urls(value):
        assert url.split() == [url]
        assert not url.endswith(",")


@pytest.mark.parametrize(
    ("css", "references"),
    [
        ("a{background:url(a.png)}", [("a.png", Use.OTHER)]),
        ("a{background:url( 'a b.png' )}", [("a%20b.png", Use.OTHER)]),
        ("a{b:URL(\"a.png\"), url(b.png)}", [("a.png", Use.OTHER), ("b.png", Use.OTHER)]),
        ("@import 'a.css';@import url(b.css) screen;@import url('c.css')",
         [("a.css", Use.STYLE), ("b.css", Use.STYLE), ("c.css", Use.STYLE)]),
        ("@IMPORT/**/\"a.css\";", [("a.css", Use.STYLE)]),
        ("@media print { @supports (a:b) { a { &:hover { b: url(deep.png) } } } }", [("deep.png", Use.OTHER)]),
        ("@font-face{src:url(f.woff2) format('woff2'),local('x')}", [("f.woff2", Use.OTHER)]),
        ("@namespace url(http://www.w3.org/1999/xhtml);@namespace svg 'http://x/';", []),
        ("a{b:image-set('a.png' 1x, url(b.png) 2x)}", [("a.png", Use.OTHER), ("b.png", Use.OTHER)]),
        ("a{b:u\\72l(a.png)}", [("a.png", Use.OTHER)]),
        ("/* url(a.png) */ a{content:'url(b.png)'}", []),
        ("a{b:url(data:image/png;base64,AA)} c{d:url(#mask)} e{f:url()}", []),
        ("a{b:var(--x, url(a.png))}", [("a.png", Use.OTHER)]),
        ("a{b:url(bad url.png)} c{d:url(good.png)}", [("good.png", Use.OTHER)]),
        ("a{b:url(unclosed.png", [("unclosed.png", Use.OTHER)]),
        ("}}} a{b:url(a.png)}", [("a.png", Use.OTHER)]),
    ],
)  # fmt: skip
def test_style_sheets(css, references):
    assert styles(css) == references


@pytest.mark.parametrize(
    ("data", "charset", "environment", "text"),
    [
        ("é".encode(), None, None, "é"),
        ("é".encode("latin-1"), "iso-8859-1", None, "é"),
        ('@charset "iso-8859-1";é'.encode("latin-1"), None, "utf-8", '@charset "iso-8859-1";é'),
        ('@charset "utf-16";é'.encode(), None, "latin1", '@charset "utf-16";é'),
        ("س".encode("cp1256"), "nonsense", "windows-1256", "س"),
        ("\ufeffé".encode(), "iso-8859-1", None, "é"),
    ],
)
def test_encodings_of_style_sheets(data, charset, environment, text):
    assert decode_css(data, charset, environment) == text


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<title>T</title><main>x</main>", "<head><title>T</title></head><body><main>x</main></body>"),
        (
            "<title>T</title><article><p>x</article>y",
            "<head><title>T</title></head><body><article><p>x</p></article>y</body>",
        ),
        (
            "<head><title>T</title><main>x</main> y<body>z<p>1",
            "<head><title>T</title></head><body><main>x</main> yz<p>1</p></body>",
        ),
        (
            "<head><title>T</title></head><body><main>x</main>",
            "<head><title>T</title></head><body><main>x</main></body>",
        ),
    ],
)
def test_the_head_ends_where_a_browser_ends_it(html, expected):
    root = parse_html(f"<!doctype html><html>{html}</html>")
    assert "".join(etree.tostring(part, encoding="unicode") for part in root) == expected
