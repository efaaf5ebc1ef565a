"""What a page links to, and how: languages, canonical, the next page of a list; and what is not followed."""

import pytest

from sijill.archive.crawl.found import How
from sijill.archive.crawl.links import OLDER_WORDS, read_links

URL = "https://example.org/news/"


def read(html, limit=2000, **options):
    return read_links(html if isinstance(html, bytes) else html.encode(), URL, limit=limit, **options)


def found(links):
    return [(one.url.removeprefix("https://example.org"), one.how, one.language) for one in links.found]


def test_links_of_every_kind():
    links = read(
        """<!doctype html><html lang="ar-SY"><head><link rel="canonical" href="/news">
        <link rel="alternate" hreflang="en" href="/en/news/"><link rel="alternate" hreflang="x-default" href="/">
        <link rel="alternate" type="application/rss+xml" href="feed.xml"><link rel="next" href="?page=2">
        <link rel="stylesheet" href="/s.css"></head><body>
        <a href="one">1</a><a href="/two#part">2</a><a href="#top">top</a><a href="/news/">self</a><a name="x">n</a>
        <a href="">e</a><a href="/de" hreflang="de">de</a><area href="/area"><a href="/two?fbclid=1">again</a>"""
    )
    assert found(links) == [
        ("/news", How.CANONICAL, None),
        ("/en/news/", How.HREFLANG, "en"),
        ("/", How.HREFLANG, None),
        ("/news/?page=2", How.OLDER, None),
        ("/news/one", How.LINK, None),
        ("/two", How.LINK, None),
        ("/de", How.LINK, "de"),
        ("/area", How.LINK, None),
    ]
    assert [feed.url for feed in links.feeds] == ["https://example.org/news/feed.xml"]
    assert links.language == "ar-sy"
    assert {one.via for one in links.found} == {URL}


def test_what_no_request_can_be_made_of_is_refused_with_a_reason():
    links = read(
        """<a href="javascript:go()"><a href="mailto:a@example.org"><a href="tel:+123"><a href="data:text/html,x">
        <a href="http://[bad"><a href="https://user:pw@example.org/"><a href="http://a..b/"><a href="ftp://x/">"""
    )
    assert links.found == ()
    reasons = {one.reference: one.reason for one in links.refused}
    assert "'javascript'" in reasons["javascript:go()"]
    assert "'mailto'" in reasons["mailto:a@example.org"]
    assert "'tel'" in reasons["tel:+123"]
    assert "'data'" in reasons["data:text/html,x"]
    assert "user name" in reasons["https://user:pw@example.org/"]
    assert len(reasons) == 8


def test_urls_as_people_write_them():
    links = read(
        """<base href="/b/"><a href=" with space "><a href="a b/c d?q=e f"><a href="//مثال.example/بيان">
        <a href="back\\slash"><a href="line
break"><a href="http://EXAMPLE.org:80/../x/./y">"""
    )
    assert [one.url for one in links.found] == [
        "https://example.org/b/with%20space",
        "https://example.org/b/a%20b/c%20d?q=e%20f",
        "https://xn--mgbh0fb.example/%D8%A8%D9%8A%D8%A7%D9%86",
        "https://example.org/b/back/slash",
        "https://example.org/b/linebreak",
        "http://example.org/x/y",
    ]


@pytest.mark.parametrize(
    ("html", "charset"),
    [
        ('<meta charset="windows-1256"><a href="/بيان?q=بيان">x</a>'.encode("cp1256"), None),
        ('<meta charset="utf-8"><a href="/بيان?q=بيان">x</a>'.encode("cp1256"), "windows-1256"),
        ('<a href="/بيان?q=%C8%ED%C7%E4">x</a>'.encode(), None),
    ],
)
def test_mixed_encodings(html, charset):
    """Paths go out as UTF-8, queries in the page's own encoding, as browsers send them."""
    assert found(read(html, charset=charset)) == [("/%D8%A8%D9%8A%D8%A7%D9%86?q=%C8%ED%C7%E4", How.LINK, None)]


def test_ten_thousand_links_are_read_up_to_the_limit():
    links = read("".join(f'<a href="/{n}">x</a>' for n in range(10_000)))
    assert len(links.found) == 2000
    assert links.problems[0].what == "it has more than 2000 links; the first 2000 are read"
    assert len(read('<a href="/same">x</a>' * 10_000).problems) == 0


@pytest.mark.parametrize(
    "anchor",
    [
        '<a href="/p2" rel="next">2</a>',
        '<a href="/p2">« Older posts</a>',
        '<a href="/p2"><span>Next</span> <i>→</i></a>',
        '<a href="/p2" class="btn pager-next">»</a>',
        '<a href="/news/page/2/">2</a>',
        '<a href="/news?page=2">٢</a>',
        '<div class="x"><a class="next page-numbers" href="/p2">التالي</a></div>',
        *(f'<a href="/p2">{min(words).upper()} ›</a>' for words in OLDER_WORDS.values()),
    ],
)
def test_the_next_page_of_a_list(anchor):
    assert [one.how for one in read(anchor).found] == [How.OLDER]


@pytest.mark.parametrize(
    "anchor", ['<a href="/2018">2018</a>', '<a href="/n">Next of kin speak</a>', '<a href="/3">3</a>']
)
def test_what_is_not_the_next_page(anchor):
    assert [one.how for one in read(anchor).found] == [How.LINK]


def test_a_home_page_that_only_sends_on():
    links = read('<meta http-equiv="refresh" content="0; url=/ar/"><meta http-equiv="refresh" content="900">')
    assert found(links) == [("/ar/", How.LINK, None)]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "html",
    [
        b"",
        b"   ",
        b"<!-- -->",
        b"\0\0\0",
        b"%PDF-1.4 \xff\xfe",
        b"<a href='/x'>" * 50_000,
        b"<div>" * 200_000 + b"<a href=/x>",
        b"<a href='" + b"a" * 1_000_000 + b"'>",
        b"<a href=\xff\xfe\x80>x",
        b"<base href='data:x'><a href='rel'>",
    ],
    ids=["empty", "blank", "comment", "nul", "pdf", "nested", "deep", "long", "bytes", "base"],
)
def test_whatever_a_server_sends_is_read_without_raising(html):
    assert len(read(html).found) <= 1
