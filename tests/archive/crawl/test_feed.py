"""RSS and Atom in their dialects, and what servers send instead."""

from datetime import UTC, datetime

import pytest

from sijill.archive.crawl.feed import MOST_ENTRIES, read_feed
from sijill.archive.crawl.found import How

URL = "https://example.org/feed/"

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>a & b</title><link>https://example.org/</link><language>ar</language>
<atom:link rel="self" href="https://example.org/feed/"/><atom:link rel="next" href="?paged=2"/>
<item><title>بيان</title><link>/s/1?a=1&b=2&utm_source=rss</link><pubDate>Wed, 05 Feb 2025 09:00:00 +0200</pubDate>
<content:encoded><![CDATA[<p>x <a href="/no">y</a> & <item><link>/no</link></item></p>]]></content:encoded></item>
<item><guid isPermaLink="true">https://example.org/2</guid><dc:date>2020-01-01</dc:date></item>
<item><guid isPermaLink="false">tag:1</guid><link>mailto:x@y</link></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><link rel="self" href="/x"/>
<link rel="next" href="/feed?page=2"/>
<entry><link href="/a" hreflang="en"/><link rel="alternate" hreflang="ar" href="/ar/a"/>
<link rel="enclosure" href="/a.mp3"/><published>2019-01-01T00:00:00Z</published>
<updated>2020-02-02T10:00:00Z</updated></entry></feed>"""

RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
<channel rdf:about="x"><link>https://example.org/</link></channel>
<item rdf:about="https://example.org/1"><link>https://example.org/1</link></item></rdf:RDF>"""


def read(text, **options):
    return read_feed(text if isinstance(text, bytes) else text.encode(), URL, **options)


def facts(feed):
    return [(found.url.removeprefix("https://example.org"), found.how, found.language) for found in feed.found]


def test_rss():
    feed = read(RSS)
    assert facts(feed) == [
        ("/s/1?a=1&b=2", How.FEED, "ar"),
        ("/2", How.FEED, "ar"),
        ("/feed/?paged=2", How.OLDER, None),
    ]
    assert feed.found[0].lastmod == datetime(2025, 2, 5, 7, tzinfo=UTC)
    assert feed.found[1].lastmod == datetime(2020, 1, 1, tzinfo=UTC)
    assert [problem.what for problem in feed.problems] == ["1 of its entries name no URL that can be requested"]


def test_atom():
    feed = read(ATOM)
    assert facts(feed) == [
        ("/a", How.FEED, "en"),
        ("/ar/a", How.HREFLANG, "ar"),
        ("/feed?page=2", How.OLDER, None),
    ]
    assert feed.found[0].lastmod == datetime(2020, 2, 2, 10, tzinfo=UTC)
    assert feed.problems == ()


def test_rdf():
    assert facts(read(RDF)) == [("/1", How.FEED, None)]


@pytest.mark.parametrize("encoding", ["utf-16", "windows-1256"])
def test_encodings(encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?><rss><channel><item><link>/بيان</link></item></channel></rss>'
    assert facts(read(text.encode(encoding)))[0][0] == "/%D8%A8%D9%8A%D8%A7%D9%86"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<!doctype html><html><body><p>maintenance<br></body></html>", "an HTML page, not a feed"),
        ('{"version": "https://jsonfeed.org/version/1"}', "no XML, not a feed"),
        ("", "no XML, not a feed"),
        ("<urlset/>", "<urlset>, not a feed"),
        ('<!DOCTYPE rss [<!ENTITY a "b">]><rss><channel><item><link>/a</link></item></channel></rss>', "entities"),
    ],
)
def test_what_is_no_feed_is_reported(text, what):
    feed = read(text)
    assert feed.found == ()
    assert any(what in problem.what for problem in feed.problems)


def test_a_feed_that_breaks_off_is_read_as_far_as_it_goes():
    feed = read(RSS[: RSS.index("<item><guid")], cut="cut short (time)")
    assert facts(feed)[0] == ("/s/1?a=1&b=2", How.FEED, "ar")
    assert feed.problems[0].what == "cut short (time)"
    assert "not well-formed" in feed.problems[1].what


@pytest.mark.timeout(100)
@pytest.mark.parametrize(
    "evil",
    [
        "<rss><channel>" + "<item><link>/q</link></item>" * 700_000,
        "<rss><channel><item>" + "<a" * 200_000,
        "<rss><channel>" + "<x>" * 500_000,
        "<rss><channel><item><link>" + "&lt;" * 2_000_000,
        "<rss><channel><item>" + "<link>/x</link>" * 500_000,
        "<rss><channel>" + "".join(f"<a xmlns:n{n}='u{n}'>" for n in range(20_000)),
        "<rss><channel>" + "<item><link>/\x01\ufffe</link></item>" * 10,
    ],
    ids=["many", "open tags", "deep", "escapes", "links", "namespaces", "controls"],
)
def test_ill_meant_feeds_end_soon(evil):
    assert len(read(evil).found) <= MOST_ENTRIES + 300
