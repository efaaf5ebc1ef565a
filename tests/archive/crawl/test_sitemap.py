"""Sitemaps in all their forms, and what servers send instead."""

import gzip
from datetime import UTC, datetime

import pytest

from sijill.archive.crawl.found import How
from sijill.archive.crawl.sitemap import MOST_CHILDREN, parse_w3c_date, read_sitemap

URL = "https://example.org/sitemap.xml"
NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
MB = 1_000_000


def read(data, *, urls=50_000, size=50 * MB, **options):
    data = data.encode() if isinstance(data, str) else data
    return read_sitemap(data, URL, limit_urls=urls, limit_bytes=size, **options)


def urls(sitemap):
    return [found.url for found in sitemap.found]


def entry(path):
    return f"<url><loc>https://example.org{path}</loc></url>"


def test_a_url_set():
    sitemap = read(
        f"""<?xml version="1.0"?><urlset {NS} xmlns:xhtml="http://www.w3.org/1999/xhtml">
        <url><loc> https://example.org/a </loc><lastmod>2018-11-15T10:00:00+02:00</lastmod>
        <xhtml:link rel="alternate" hreflang="AR" href="/ar/a"/>
        <xhtml:link rel="alternate" hreflang="x-default" href="/a"/></url>
        <url><loc>/b?utm_source=x</loc><lastmod>2018-11</lastmod></url></urlset>"""
    )
    assert [(f.url, f.how, f.lastmod, f.language, f.via) for f in sitemap.found] == [
        ("https://example.org/a", How.SITEMAP, datetime(2018, 11, 15, 8, tzinfo=UTC), None, URL),
        ("https://example.org/ar/a", How.HREFLANG, datetime(2018, 11, 15, 8, tzinfo=UTC), "ar", URL),
        ("https://example.org/b", How.SITEMAP, datetime(2018, 11, 1, tzinfo=UTC), None, URL),
    ]
    assert sitemap.problems == ()


def test_an_index_gzipped_in_two_members():
    text = f"<sitemapindex {NS}><sitemap><loc>/1.xml.gz</loc></sitemap><sitemap><loc>/2.xml</loc></sitemap>".encode()
    sitemap = read(gzip.compress(text) + gzip.compress(b"</sitemapindex>"))
    assert sitemap.children == ("https://example.org/1.xml.gz", "https://example.org/2.xml")
    assert sitemap.problems == ()


def test_an_index_of_endlessly_many_is_cut():
    text = "".join(f"<sitemap><loc>/{n}.xml</loc></sitemap>" for n in range(MOST_CHILDREN + 5))
    sitemap = read(f"<sitemapindex>{text}</sitemapindex>")
    assert len(sitemap.children) == MOST_CHILDREN
    assert "1005 sitemaps" in sitemap.problems[0].what


def test_a_list_of_urls():
    sitemap = read("\ufeffhttps://example.org/a\r\n\r\nhttps://example.org/b c\nnonsense\n")
    assert urls(sitemap) == ["https://example.org/a", "https://example.org/b%20c"]
    assert [p.what for p in sitemap.problems] == ["1 of its lines are not URLs that can be requested"]


def test_a_feed_in_its_place_is_told():
    assert read("<rss version='2.0'><channel/></rss>").is_feed


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("<!doctype html><html><head><title>x</title></head><body><p>no<br></body></html>", "an HTML page"),
        ("<catalogue><url><loc>https://example.org/a</loc></url></catalogue>", "root element is <catalogue>"),
        ("just words", "neither XML nor a list"),
        ("", "neither XML nor a list"),
        ("<", "no element"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(1000), "neither XML nor a list"),
        (b"\x1f\x8bnot really", "not gzip"),
        (gzip.compress(b"<urlset>" * 1000)[:40], "breaks off"),
    ],
)
def test_what_is_no_sitemap_is_reported(data, what):
    sitemap = read(data)
    assert sitemap.found == sitemap.children == ()
    assert any(what in problem.what for problem in sitemap.problems), sitemap.problems


def test_billion_laughs_are_not_read():
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    evil = f'<!DOCTYPE urlset [<!ENTITY a0 "ha">{entities}]><urlset>{entry("/&a11;")}</urlset>'
    sitemap = read(evil)
    assert sitemap.found == ()
    assert "declares entities" in sitemap.problems[0].what


def test_a_file_of_the_server_is_not_read():
    evil = '<!DOCTYPE u SYSTEM "file:///etc/passwd"><urlset><url><loc>/a&x;b</loc></url></urlset>'
    assert urls(read(evil)) == ["https://example.org/a&x;b"]


@pytest.mark.timeout(100)
def test_fifty_megabytes_and_gzip_bombs_are_bounded():
    body = f"<urlset {NS}>".encode() + entry("/a").encode() * (60 * MB // len(entry("/a")))
    sitemap = read(body)
    assert len(sitemap.found) == 50_000
    assert any("larger than 50000000 bytes" in problem.what for problem in sitemap.problems)
    assert any("more than 50000 items" in problem.what for problem in sitemap.problems)
    bomb = gzip.compress(f"<urlset>{entry('/a')}".encode() + bytes(200 * MB), 1)
    assert len(bomb) < MB
    sitemap = read(bomb, size=5 * MB)
    assert urls(sitemap) == ["https://example.org/a"]
    assert "decompressed it is larger" in sitemap.problems[0].what


@pytest.mark.timeout(100)
@pytest.mark.parametrize(
    "evil",
    [
        "<urlset>" + "<url>" * 500_000,
        "<urlset><url><loc>" + "<![CDATA[" * 300_000,
        "<urlset>" + "&" * 1_000_000,
        "<urlset " + " ".join(f"a{n}='b'" for n in range(100_000)),
        "<urlset>" + "<!--" * 500_000,
        "<!DOCTYPE " + "[" * 500_000,
        "<urlset>" + "<x/>" * 2_500_000,
        "<urlset><url><loc>" + "/a" * 5_000_000,
    ],
    ids=["deep", "cdata", "ampersands", "attributes", "comments", "doctype", "elements", "long"],
)
def test_ill_meant_documents_end_soon(evil):
    sitemap = read(evil)
    assert len(sitemap.found) <= 1


def test_broken_xml_is_read_as_far_as_it_goes():
    sitemap = read(f"<urlset {NS}>{entry('/?a=1&b=2')}{entry('/b')}<url><loc>/c</url>")
    assert urls(sitemap)[:2] == ["https://example.org/?a=1&b=2", "https://example.org/b"]
    assert "not well-formed" in sitemap.problems[0].what


def test_entries_that_cannot_be_requested_are_counted():
    sitemap = read("<urlset><url><loc>javascript:x()</loc></url><url/><url><loc>/ok</loc></url></urlset>")
    assert urls(sitemap) == ["https://example.org/ok"]
    assert "2 of its entries" in sitemap.problems[0].what


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1256", "iso-8859-6"])
def test_encodings(encoding):
    text = f"<?xml version='1.0' encoding='{encoding}'?><urlset>{entry('/بيان')}</urlset>"
    expected = ["https://example.org/%D8%A8%D9%8A%D8%A7%D9%86"]
    assert urls(read(text.encode(encoding))) == expected
    if encoding != "utf-16":
        bare = text.partition("?>")[2].encode(encoding)
        assert urls(read(bare, charset=encoding)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2018", datetime(2018, 1, 1, tzinfo=UTC)),
        ("2018-11-15", datetime(2018, 11, 15, tzinfo=UTC)),
        ("2018-11-15T10:20Z", datetime(2018, 11, 15, 10, 20, tzinfo=UTC)),
        ("2018-11-15T10:20:30.45-05:30", datetime(2018, 11, 15, 15, 50, 30, tzinfo=UTC)),
        ("2018-13-01", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
    ],
)
def test_dates(text, expected):
    assert parse_w3c_date(text) == expected
