"""robots.txt by RFC 9309: what its text means, and what stands in its place."""

import pytest

from sijill.archive.crawl.robots import READ_BYTES, RobotsRules, Source

AGENT = "sijill/0.1 (web archive; a@example.org)"


def parse(text, status=200, content_type="text/plain"):
    return RobotsRules.parse(status, content_type, text if isinstance(text, bytes) else text.encode())


def allowed(rules, path, agent=AGENT):
    return rules.decide(f"https://example.org{path}", agent).allowed


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        # RFC 9309 §2.2.2, §2.2.3 and §5.2
        ("User-agent: *\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif", "/example/page/x", True),
        (
            "User-agent: *\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif",
            "/example/page/disallowed.gif",
            False,
        ),
        ("User-agent: *\nDisallow: *.gif$", "/a.gif", False),
        ("User-agent: *\nDisallow: *.gif$", "/a.gif?x", True),
        ("User-agent: *\nDisallow: /path/file-with-a-%2A.html", "/path/file-with-a-*.html", False),
        ("User-agent: *\nDisallow: /foo/bar/ツ", "/foo/bar/%E3%83%84", False),
        ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: sijill\nAllow: /", "/x", True),
        ("User-agent: *\nAllow: /\n\nUser-agent: SIJILL\nDisallow: /x", "/x", False),
        ("User-agent: other\nUser-agent: sijill\nDisallow: /x", "/x", False),
        ("User-agent: other\nDisallow: /x", "/x", True),
        ("User-agent: sijillbot\nDisallow: /x", "/x", True),
        (
            "User-agent: sijill\nDisallow: /a\nUser-agent: *\nDisallow: /b\nUser-agent: sijill\nDisallow: /c",
            "/c",
            False,
        ),
        ("User-agent: *\nDisallow:", "/x", True),
        ("Disallow: /x", "/x", True),
        ("\ufeffUser-agent: *\r\nDisallow: /x # why\r\n", "/x", False),
        ("User-agent: *\nDisallow: /", "/robots.txt", True),
    ],
)
def test_rules(text, path, expected):
    assert allowed(parse(text), path) is expected


def test_the_reason_names_the_rule_and_its_line():
    rules = parse("# hello\nUser-agent: *\nDisallow: /a\nDisallow: /a/b*c\nAllow: /z\n")
    decision = rules.decide("https://example.org/a/bxc", AGENT)
    assert (decision.allowed, decision.line) == (False, 4)
    assert decision.reason == "robots.txt disallows /a/b*c in line 4"
    assert rules.decide("https://example.org/a/x", AGENT).line == 3
    assert rules.decide("https://example.org/z", AGENT).line is None


@pytest.mark.parametrize(
    ("status", "source", "expected"),
    [
        (404, Source.NONE, True),
        (401, Source.NONE, True),
        (410, Source.NONE, True),
        (301, Source.NONE, True),
        (429, Source.UNREACHABLE, False),
        (500, Source.UNREACHABLE, False),
        (503, Source.UNREACHABLE, False),
        (999, Source.UNREACHABLE, False),
        (None, Source.UNREACHABLE, False),
    ],
)
def test_what_stands_in_its_place(status, source, expected):
    rules = parse("User-agent: *\nDisallow: /x", status)
    assert rules.source is source
    assert allowed(rules, "/y") is expected
    if status is not None:
        assert str(status) in rules.decide("https://example.org/y", AGENT).reason


@pytest.mark.parametrize(
    ("body", "note"),
    [
        (b"<!doctype html><html><body>User-agent: *\nDisallow: /</body></html>", "a page of type text/html"),
        (b"\n\n  <html>Disallow: /", "a page"),
        (b"User-agent: *\0\xff\xfe\nDisallow: /", "binary"),
    ],
)
def test_what_is_a_page_or_binary_has_no_rules_and_the_note_says_so(body, note):
    rules = parse(body, content_type="text/html; charset=utf-8")
    assert rules.source is Source.NONE
    assert note in rules.decide("https://example.org/", AGENT).reason
    assert allowed(rules, "/x")


def test_five_megabytes_are_read_as_far_as_the_standard_asks():
    filler = "# " + "x" * 98 + "\n"
    late = filler * (READ_BYTES // 100) + "User-agent: *\nDisallow: /late\n"
    rules = parse("User-agent: *\nDisallow: /early\n" + late + filler * 50_000)
    assert not allowed(rules, "/early")
    assert allowed(rules, "/late")
    assert "larger" in rules.note


def test_a_rule_is_not_cut_in_two_at_the_limit():
    rule = "Disallow: /secret-page\n"
    head = "User-agent: *\n"
    rules = parse(head + "#" * (READ_BYTES - len(head) - 12) + "\n" + rule)
    assert allowed(rules, "/s")


@pytest.mark.timeout(60)
def test_thousands_of_names_above_thousands_of_rules_stay_cheap():
    names = "".join(f"User-agent: a{number}\n" for number in range(10_000))
    rules = "".join(f"Disallow: /{number}*a*b$\n" for number in range(10_000))
    evil = parse(names + rules + "User agent: *\nDisallow: /x")
    assert not allowed(evil, "/x")
    assert allowed(evil, "/y")
    stars = parse("User-agent: *\n" + "".join(f"Disallow: /*{n}*a*a*a*a*a*a$\n" for n in range(15_000)))
    assert allowed(stars, "/" + "a" * 1900)


def test_crawl_delay_and_request_rate_are_capped_and_sitemaps_listed():
    rules = parse("User-agent: *\nCrawl-delay: 10\nRequest-rate: 1/20s\nSitemap: /a.xml\nSitemap: https://h/b.xml\n")
    assert rules.crawl_delay(AGENT, longest=300) == 20
    assert rules.crawl_delay(AGENT, longest=5) == 5
    assert rules.sitemaps == ("/a.xml", "https://h/b.xml")
    assert parse("User-agent: *\nCrawl-delay: 1e999").crawl_delay(AGENT, longest=300) is None
    assert parse("User-agent: other\nCrawl-delay: 9").crawl_delay(AGENT, longest=300) is None
