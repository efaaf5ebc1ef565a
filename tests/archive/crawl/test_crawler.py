"""Runs over sites served on loopback: what is captured and what is not, politeness, limits, going on after a death.

Captures are stood in for by plain fetches; that they are real ones is tested with the flows.
"""

import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from itertools import count, pairwise
from urllib.parse import unquote

import pytest

from sijill.archive.capture.exchange import Network
from sijill.archive.crawl.absence import NO_SUCH_PAGE
from sijill.archive.crawl.crawler import Crawler
from sijill.archive.crawl.document import Documents
from sijill.archive.crawl.pages import Captured, Known, PageOutcome, Task
from sijill.archive.crawl.site import CrawlLimits, Politeness, Site
from sijill.archive.crawl.urls import PathPattern, ScopeHost
from sijill.archive.digest import digest_bytes

LOOPBACK = Network((ip_network("127.0.0.0/8"),))
EAGER = Politeness(delay_seconds=0, concurrency=2)
DAY = datetime(2026, 11, 21, tzinfo=UTC)


def html(*links, text=""):
    anchors = "".join(f'<p><a href="{link}">x</a>' for link in links)
    return f"<!doctype html><title>t</title><p>{text}{anchors}"


@dataclass
class Web:
    """A server whose paths are scripted: text, a status, (status, fields, body), or a function that gives one."""

    pages: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    active: int = 0
    most_active: int = 0

    def __post_init__(self):
        web, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with lock:
                    web.asked.append(self.path)
                    web.active += 1
                    web.most_active = max(web.most_active, web.active)
                try:
                    web.answer(self)
                finally:
                    with lock:
                        web.active -= 1

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    def url(self, path):
        return f"http://{self.host}{path}"

    def answer(self, handler):
        script = self.pages.get(handler.path, self.pages.get("*", 404))
        script = script(handler) if callable(script) else script
        if script is None:
            return
        status, fields, body = script if isinstance(script, tuple) else (200, {}, script)
        if isinstance(script, int):
            status, body = script, "no"
        data = body.encode() if isinstance(body, str) else body
        handler.send_response(status)
        xml = data.startswith(b"<?xml")
        plain = handler.path == "/robots.txt" and not data.startswith(b"<")
        kind = "application/xml" if xml else "text/plain" if plain else "text/html; charset=utf-8"
        for name, value in {"Content-Type": kind, **fields, "Content-Length": str(len(data))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    def counts(self, prefix="/"):
        return Counter(path for path in self.asked if path.startswith(prefix))


class Time:
    """A clock that sleeping moves on."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def seconds(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += max(seconds, 0.001)


class Fetches:
    """Stands in for captures: fetches the page, and remembers."""

    def __init__(self, documents):
        self.documents = documents
        self.numbers = count(1)
        self.made = {}
        self.robots = {}
        self.started = []

    def capture(self, url, *, robots, begun):
        capture_id = f"20261121t000000z-{next(self.numbers):012d}".replace("0", "a").replace("1", "b")
        self.robots[url] = robots
        begun(capture_id)
        got = self.documents.fetch(url, limit=1 << 20)
        captured = Captured(
            capture_id=capture_id,
            partial=False,
            final_url=None if got.status is None else got.final_url,
            status=got.status,
            failure=got.failure,
            no_host=got.no_host,
            sha256=None if got.status is None else digest_bytes(got.body).sha256.hex,
            retry_after=got.retry_after,
            size=got.size,
            media_type=got.media_type,
            charset=got.charset,
            body=got.body,
        )
        self.made[capture_id] = (url, captured)
        return captured

    def recall(self, capture_id, url):
        made = self.made.get(capture_id)
        return made[1] if made is not None and made[0] == url else None


class Memory:
    """A journal that outlives its crawler."""

    def __init__(self, die_at=None):
        self.steps = {}
        self.left = die_at
        self.lock = threading.Lock()

    def note(self, step):
        with self.lock:
            if self.left is not None:
                self.left -= 1
                if self.left < 0:
                    raise Death
            self.steps[step.number] = step

    def alive(self):
        pass


class Death(Exception):
    pass


@pytest.fixture
def web():
    made = []

    def start(pages):
        made.append(Web({"/robots.txt": 404, NO_SUCH_PAGE: 404, **pages}))
        return made[-1]

    yield start
    for one in made:
        one.server.shutdown()
        one.server.server_close()


@pytest.fixture
def crawl(tmp_path):
    """`crawl(web, …)` makes a run over its site and gives the rows by path; what took part is in `crawl.last`."""

    def run(web, *, known=(), journal=None, fetches=None, clock=None, earlier=(), resolver=None, seconds=20, **changes):
        more = {"resolver": resolver} if resolver else {}
        documents = Documents(
            network=LOOPBACK, user_agent="sijill test", workdir=tmp_path, clock=lambda: DAY, seconds=seconds, **more
        )
        fetches = fetches or Fetches(documents)
        clock = clock or Time()
        site = replace(site_of(web), **changes)
        run.journal, run.fetches, run.clock, run.site = journal or Memory(), fetches, clock, site
        crawler = Crawler(
            site,
            documents=documents,
            captures=fetches,
            journal=run.journal,
            known={page.url: page for page in known},
            user_agent="sijill test",
            now=lambda: DAY,
            seconds=clock.seconds,
            sleep=clock.sleep,
            workers=4,
        )
        run.outcome = crawler.run(earlier)
        origin = f"http://{web.host}"
        return {row.url.removeprefix(origin): row for row in run.outcome.rows}

    return run


def site_of(web):
    return Site(
        id="test",
        name="Test",
        start=(web.url("/"),),
        hosts=(ScopeHost.parse(web.host),),
        statements=(PathPattern.parse("/s/*"),),
        politeness=EAGER,
    )


def outcomes(rows):
    return {path: str(row.outcome) for path, row in rows.items()}


def known(web, path, body=None, *, gone=False):
    sha256 = None if body is None else digest_bytes(body.encode()).sha256.hex
    return Known(web.url(path), "20251121t000000z-aaaaaaaaaaaa", sha256, gone)


SITEMAP = '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{}</urlset>'
FEED = '<?xml version="1.0"?><rss version="2.0"><channel><title>f</title>{}</channel></rss>'


def test_statement_pages_are_found_in_every_way_and_nothing_out_of_scope_is_asked_for(web, crawl):
    site = web({})
    site.pages.update(
        {
            "/robots.txt": f"User-agent: *\nAllow: /\nSitemap: {site.url('/map.xml')}\n",
            "/map.xml": SITEMAP.format(f"<url><loc>{site.url('/s/mapped')}</loc></url>"),
            "/feed": FEED.format(f"<item><link>{site.url('/s/fed')}</link></item>"),
            "/": html("/s/linked", "/list", "http://elsewhere.example/s/other", "mailto:a@b.example", "/picture.jpg"),
            "/list": html("/s/listed", "/", "/list#top"),
            "/s/linked": html("/s/chained"),
            **{f"/s/{name}": html() for name in ("mapped", "fed", "listed", "chained")},
        }
    )
    rows = crawl(site, feeds=(site.url("/feed"),))
    assert outcomes(rows) == {
        "/": "read",
        "/map.xml": "read",
        "/feed": "read",
        "/list": "read",
        "/s/linked": "captured",
        "/s/mapped": "captured",
        "/s/fed": "captured",
        "/s/listed": "captured",
        "/s/chained": "captured",
        "http://elsewhere.example/s/other": "out-of-scope",
        "/picture.jpg": "out-of-scope",
    }
    assert set(site.counts().values()) == {1}, "nothing is asked for twice"
    assert "/picture.jpg" not in site.asked
    ways = {path: (row.how, row.via.removeprefix(f"http://{site.host}")) for path, row in rows.items()}
    assert ways["/s/mapped"] == ("sitemap", "/map.xml")
    assert ways["/s/fed"] == ("feed", "/feed")
    assert ways["/s/chained"] == ("link", "/s/linked")
    assert ways["/map.xml"] == ("robots", "/robots.txt")
    assert [row.url for row in crawl.outcome.rows if row.capture_id] == [
        row.url for row in crawl.outcome.rows if row.outcome is PageOutcome.CAPTURED
    ]


def test_robots_is_obeyed_and_its_decision_recorded(web, crawl):
    site = web({"/robots.txt": "User-agent: *\nDisallow: /s/secret\n", "/": html("/s/secret", "/s/open")})
    site.pages["/s/open"] = html()
    rows = crawl(site)
    assert rows["/s/secret"].outcome is PageOutcome.REFUSED_BY_ROBOTS
    assert "line 2" in rows["/s/secret"].reason
    assert "/s/secret" not in site.asked
    said = crawl.fetches.robots[site.url("/s/open")]
    assert (said.consulted, said.decision) == (True, "allowed")
    assert crawl.outcome.robots[0].origin == f"http://{site.host}"


def test_robots_may_be_disobeyed_by_the_archivist_and_the_capture_says_so(web, crawl):
    site = web({"/robots.txt": "User-agent: *\nDisallow: /\n", "/": html("/s/1"), "/s/1": html()})
    rows = crawl(site, politeness=replace(EAGER, obey_robots=False))
    assert outcomes(rows) == {"/": "read", "/s/1": "captured"}
    assert crawl.fetches.robots[site.url("/s/1")].decision == "disallowed"


@pytest.mark.parametrize(
    ("answer", "allowed", "source"),
    [
        (404, True, "status 404"),
        (403, True, "status 403"),
        (html(text="not rules"), True, "is a page"),
        (500, False, "status 500"),
        (503, False, "status 503"),
        ("#" * 5_000_000, True, "it is larger"),
    ],
    ids=["404", "403", "html", "500", "503", "5 MB"],
)
def test_odd_robots(web, crawl, answer, allowed, source):
    site = web({"/robots.txt": answer, "/": html("/s/1"), "/s/1": html()})
    rows = crawl(site)
    expected = {"/": "read", "/s/1": "captured"} if allowed else {"/": "refused-by-robots"}
    assert outcomes(rows) == expected
    assert site.asked.count("/robots.txt") == (3 if answer == 503 else 1)
    [recorded] = crawl.outcome.robots
    assert recorded.origin == f"http://{site.host}"
    assert source in recorded.source


def test_unchanged_is_said_of_what_has_the_same_payload(web, crawl):
    site = web({"/": html("/s/same", "/s/new", "/s/other"), "/s/same": "same", "/s/new": "new", "/s/other": "other"})
    rows = crawl(site, known=[known(site, "/s/same", "same"), known(site, "/s/other", "what it was")])
    assert (rows["/s/same"].outcome, rows["/s/new"].outcome) == (PageOutcome.UNCHANGED, PageOutcome.CAPTURED)
    assert rows["/s/other"].outcome is PageOutcome.CAPTURED
    assert rows["/s/same"].capture_id is not None


PAGE = """<!doctype html><title>Statement</title><meta name=csrf-token content={token}>
<script nonce="{token}">var session = "{token}";</script><!-- made at {token} -->
<nav><a href="/?sid={token}">Home</a></nav><p data-at="{token}" class="c{token}">We the undersigned {word}<b>.</b></p>
<form><input type=hidden name=csrf value="{token}"></form>"""


@pytest.mark.parametrize(
    ("before", "after", "outcome", "reason"),
    [
        (PAGE.format(token="a1", word="demand"), PAGE.format(token="b2", word="demand"), "unchanged", "the same text"),
        (PAGE.format(token="a1", word="demand"), PAGE.format(token="a1", word="ask"), "captured", ""),
        ("<script>a()</script>", "<script>b()</script>", "captured", ""),
        ("<script>a()</script>", "<script>a()</script>", "unchanged", ""),
    ],
    ids=["markup", "one word", "nothing to read, other bytes", "nothing to read, same bytes"],
)
def test_unchanged_is_judged_by_what_a_page_says(web, crawl, before, after, outcome, reason):
    site = web({"/": html("/s/1"), "/s/1": before})
    first = crawl(site)["/s/1"]
    assert (first.text_sha256 is None) is ("undersigned" not in before)
    site.pages["/s/1"] = after
    page = Known(first.url, first.capture_id, first.sha256, text_sha256=first.text_sha256)
    row = crawl(site, known=[page])["/s/1"]
    assert str(row.outcome) == outcome
    assert row.reason.startswith(reason) if reason else row.reason == ""


def test_a_document_that_is_no_page_is_compared_by_its_bytes(web, crawl):
    plain = {"Content-Type": "text/plain"}
    site = web({"/": html("/s/1"), "/s/1": (200, plain, "We <i>demand</i>")})
    first = crawl(site)["/s/1"]
    assert first.text_sha256 is None
    site.pages["/s/1"] = (200, plain, "We <b>demand</b>")
    row = crawl(site, known=[Known(first.url, first.capture_id, first.sha256)])["/s/1"]
    assert row.outcome is PageOutcome.CAPTURED


def test_links_that_are_not_for_a_crawl_are_counted_by_scheme(web, crawl):
    odd = ("javascript:void(0)", "mailto:a@b.example", "MAILTO:c@d.example", "tel:+1", "data:text/html,x", "http://[")
    site = web({"/": html(*odd, "/s/1"), "/s/1": html("mailto:a@b.example")})
    crawl(site)
    expected = {"data": 1, "javascript": 1, "mailto": 3, "malformed": 1, "tel": 1}
    assert dict(crawl.outcome.refused) == expected
    told = "links of pages that are not for a crawl to follow: 1 data, 1 javascript, 3 mailto, 1 malformed, 1 tel"
    assert told in crawl.outcome.problems
    steps = tuple(crawl.journal.steps.values())
    crawl(site, earlier=steps)
    assert dict(crawl.outcome.refused) == expected, "whoever goes on with the run counts them as well"


def test_the_limit_of_sitemap_urls_is_one_for_all_sitemaps_of_a_site(web, crawl):
    site = web({"/": html("/s/linked", "/s/c3"), "*": html()})

    def urls(name):
        return SITEMAP.format("".join(f"<url><loc>{site.url(f'/s/{name}{n}')}</loc></url>" for n in range(4)))

    site.pages |= {f"/{name}.xml": urls(name) for name in "abc"}
    maps = tuple(site.url(f"/{name}.xml") for name in "abc")
    crawl(site, sitemaps=maps, start=(), limits=CrawlLimits(sitemap_urls=6), politeness=replace(EAGER, concurrency=1))
    named = [row for row in crawl.outcome.rows if row.task is Task.STATEMENT]
    assert len(named) == 6
    problems = [problem for problem in crawl.outcome.problems if "may name 6 in all" in problem]
    assert [problem.split(": ")[1].split()[0] for problem in problems] == ["2", "4"]
    steps = tuple(crawl.journal.steps.values())
    crawl(site, sitemaps=maps, earlier=steps[:2], limits=CrawlLimits(sitemap_urls=6))
    found = {row.url.rpartition("/")[2]: row.how for row in crawl.outcome.rows if row.task is Task.STATEMENT}
    assert Counter(found.values()) == {"sitemap": 6, "link": 2}, "one limit for all who work at the run"
    assert {"linked", "c3"} <= set(found), "what pages link to is let in all the same"


def test_pages_that_were_there_are_gone_and_their_absence_is_captured(web, crawl):
    moved = (302, {"Location": "/"}, "")
    site = web({"/": html("/s/3", "/s/dead"), "/s/1": 404, "/s/2": 410, "/s/3": moved, "/s/5": "there", "/s/6": 500})
    rows = crawl(
        site, known=[known(site, f"/s/{n}", "was") for n in (1, 2, 3, 5, 6)] + [known(site, "/s/old", gone=True)]
    )
    found = {path: (str(row.outcome), row.how) for path, row in rows.items()}
    assert found == {
        "/": ("read", "start"),
        "/s/1": ("gone", "known"),
        "/s/2": ("gone", "known"),
        "/s/3": ("gone", "link"),
        "/s/5": ("captured", "known"),
        "/s/6": ("failed", "known"),
        "/s/dead": ("failed", "link"),
    }
    assert all(rows[f"/s/{n}"].capture_id for n in (1, 2, 3))
    assert rows["/s/dead"].capture_id, "a dead link is evidence too"
    assert "home page" in rows["/s/3"].reason


def test_a_host_that_is_no_more_gives_captures_of_absence_for_what_was_there(web, crawl):
    site = web({})

    def resolver(host, port):
        raise OSError("no such host")

    url = "http://vanished.example/"
    page = Known(f"{url}s/1", "20251121t000000z-aaaaaaaaaaaa", "0" * 64)
    rows = crawl(site, start=(url,), hosts=(ScopeHost.parse("vanished.example"),), known=[page], resolver=resolver)
    assert outcomes(rows) == {url: "failed", page.url: "gone"}
    assert "dns" in rows[page.url].reason
    assert rows[page.url].capture_id


def test_a_page_that_leads_to_a_login_is_no_statement(web, crawl):
    pages = {f"/s/{n}": (302, {"Location": "/login"}, "") for n in range(4)}
    site = web({"/": html(*pages), **pages, "/login": html(text="log in")})
    rows = crawl(site, known=[known(site, "/s/0", "was")])
    assert {str(rows[path].outcome) for path in pages} == {"failed"}
    assert all("/login, which is no statement page" in rows[path].reason for path in pages)
    assert any("4 pages lead to" in problem for problem in crawl.outcome.problems)


def test_soft_404_is_told_and_what_was_there_is_gone(web, crawl):
    sorry = html("/s/1", text="sorry, nothing here")
    site = web({"/": html("/s/1", "/s/2", "/s/3"), "/s/3": html(text="a statement"), NO_SUCH_PAGE: sorry, "*": sorry})
    rows = crawl(site, known=[known(site, "/s/1", "was")])
    found = {path: (str(rows[path].outcome), rows[path].reason) for path in ("/s/1", "/s/2", "/s/3")}
    soft = "the same text as is sent there for pages that do not exist"
    assert found == {"/s/1": ("gone", soft), "/s/2": ("failed", soft), "/s/3": ("captured", "")}
    assert all(rows[path].capture_id for path in found), "each is evidence of what the server sent"
    assert crawl.outcome.problems[0].startswith(
        f"http://{site.host} answers for pages that do not exist with status 200: a crawl cannot tell"
    )
    assert site.asked.count(NO_SUCH_PAGE) == 1


def test_soft_404_by_redirect_to_a_page_that_could_be_a_statement(web, crawl):
    away = (302, {"Location": "/s/latest"}, "")
    site = web({"/": html("/s/1", "/s/latest"), "/s/latest": html(text="new"), NO_SUCH_PAGE: away, "*": away})
    rows = crawl(site, known=[known(site, "/s/1", "was")])
    assert {path: str(rows[path].outcome) for path in ("/s/1", "/s/latest")} == {
        "/s/1": "gone",
        "/s/latest": "captured",
    }
    assert rows["/s/1"].reason == f"leads to {site.url('/s/latest')}, as what does not exist there does"


@pytest.mark.parametrize("by_redirect", [False, True], ids=["one page", "login"])
def test_a_site_that_answers_everything_with_one_page_or_a_login_has_no_statements(web, crawl, by_redirect):
    page = html(*(f"/s/{n}" for n in range(5)), text="we are being renovated")
    answer = (302, {"Location": "/s/login"}, "") if by_redirect else page
    site = web({"*": answer, "/s/login": page, NO_SUCH_PAGE: answer, "/robots.txt": answer})
    rows = crawl(site, known=[known(site, "/s/0", "was")])
    statements = {path: row for path, row in rows.items() if row.task is Task.STATEMENT}
    assert len(statements) == 5 + by_redirect
    assert {str(row.outcome) for row in statements.values()} == {"failed"}, "nothing is told of what was there either"
    where = f" by {site.url('/s/login')}" if by_redirect else ""
    assert crawl.outcome.problems[0] == (
        f"http://{site.host} answers with one page whatever is asked for{where}: nothing can be told of its pages"
    )


def test_pages_that_say_the_same_are_told_even_where_what_does_not_exist_is_404(web, crawl):
    pages = {f"/s/{n}": f"<!doctype html><p data-nonce={n}>please log in" for n in range(4)}
    site = web({"/": html(*pages), **pages})
    rows = crawl(site)
    assert {str(rows[path].outcome) for path in pages} == {"captured"}
    assert sum("the same text as" in rows[path].reason for path in pages) == 3
    assert any(problem.startswith("4 statement pages have the same text") for problem in crawl.outcome.problems)


def test_one_page_for_everything_is_not_asked_about_where_robots_forbid_it(web, crawl):
    rules = f"User-agent: *\nDisallow: {NO_SUCH_PAGE}\n"
    site = web({"/robots.txt": rules, "/": html("/s/1"), "/s/1": html(text="a"), NO_SUCH_PAGE: html(text="a")})
    assert crawl(site)["/s/1"].outcome is PageOutcome.CAPTURED
    assert NO_SUCH_PAGE not in site.asked


def test_a_statement_page_that_moved_within_the_site_is_captured(web, crawl):
    site = web({"/": html("/s/old"), "/s/old": (301, {"Location": "/s/new"}, ""), "/s/new": html()})
    rows = crawl(site)
    assert rows["/s/old"].outcome is PageOutcome.CAPTURED
    assert "leads to" in rows["/s/old"].reason


def test_a_list_that_leads_out_of_the_site_is_not_followed(web, crawl):
    other = web({"/": html("/s/theirs")})
    site = web({"/": html("/away"), "/away": (302, {"Location": other.url("/")}, "")})
    rows = crawl(site)
    assert (rows["/away"].outcome, rows["/away"].reason) == (PageOutcome.FAILED, "leads out of the site")
    assert other.asked == []


def test_the_delay_between_requests_is_kept(web, crawl):
    site = web({"/": html("/s/1", "/s/2", "/s/3"), **{f"/s/{n}": html() for n in (1, 2, 3)}})
    clock = Time()
    begun = []
    site.pages["/s/1"] = site.pages["/s/2"] = site.pages["/s/3"] = lambda handler: begun.append(clock.now) or html()
    crawl(site, clock=clock, politeness=Politeness(delay_seconds=7, concurrency=1))
    gaps = [later - before for before, later in pairwise(begun)]
    assert len(begun) == 3
    assert all(gap >= 7 for gap in gaps), gaps


def test_the_crawl_delay_of_robots_is_kept(web, crawl):
    site = web({"/robots.txt": "User-agent: *\nCrawl-delay: 11\n", "/": html("/s/1"), "/s/1": html()})
    crawl(site)
    assert sum(crawl.clock.slept) >= 22


def test_no_more_pages_at_once_than_settings_say(web, crawl):
    def slow(handler):
        time.sleep(0.05)
        return html()

    site = web({"/": html(*(f"/s/{n}" for n in range(12))), "*": slow})
    rows = crawl(site, politeness=Politeness(delay_seconds=0, concurrency=2))
    assert Counter(outcomes(rows).values())["captured"] == 12
    assert site.most_active == 2


def test_a_server_that_asks_to_wait_is_waited_for_and_every_attempt_is_kept(web, crawl):
    answers = iter([(429, {"Retry-After": "40"}, "wait"), (503, {"Retry-After": "50"}, "wait"), "here"])
    site = web({"/": html("/s/1"), "/s/1": lambda handler: next(answers)})
    row = crawl(site)["/s/1"]
    assert row.outcome is PageOutcome.CAPTURED
    assert len(row.earlier) == 2
    assert len({row.capture_id, *row.earlier}) == 3
    assert sum(crawl.clock.slept) >= 90


def test_a_server_that_keeps_asking_to_wait_fails_after_some_attempts(web, crawl):
    site = web({"/": html("/s/1"), "/s/1": (503, {}, "busy")})
    row = crawl(site)["/s/1"]
    assert (row.outcome, row.reason) == (PageOutcome.FAILED, "HTTP status 503")
    assert site.asked.count("/s/1") == 3


def test_a_server_that_asks_to_wait_for_too_long_is_put_aside(web, crawl):
    site = web({"/": html("/s/1", "/s/2"), "*": (429, {"Retry-After": "86400"}, "")})
    rows = crawl(site, politeness=replace(EAGER, concurrency=1))
    assert Counter(str(rows[f"/s/{n}"].outcome) for n in (1, 2)) == {"failed": 1, "put-aside": 1}
    assert sum(crawl.clock.slept) < 300


@pytest.mark.parametrize("ban", [403, (429, {}, "too many"), (503, {"Retry-After": "1"}, "later")])
def test_a_host_that_bans_after_fifty_requests_is_put_aside(web, crawl, ban):
    site = web({})
    links = [f"/s/{n}" for n in range(100)]
    site.pages["*"] = lambda handler: html() if len(site.asked) <= 53 else ban
    site.pages["/"] = html(*links)
    rows = crawl(site)
    found = Counter(outcomes(rows).values())
    assert found["captured"] == 50
    assert found["failed"] <= 6
    assert found["put-aside"] == 100 - 50 - found["failed"]
    aside = [row for row in rows.values() if row.outcome is PageOutcome.PUT_ASIDE]
    assert all("failures in a row, the last: HTTP status" in row.reason for row in aside)
    assert len(site.asked) <= 53 + 6


def test_a_host_that_resets_every_connection_is_put_aside(web, crawl):
    def drop(handler):
        handler.close_connection = True
        handler.connection.close()

    site = web({"/": html(*(f"/s/{n}" for n in range(20))), "*": drop})
    rows = crawl(site)
    found = Counter(outcomes(rows).values())
    assert found["put-aside"] >= 14
    assert found["failed"] + found["put-aside"] == 20


def test_a_server_of_a_byte_a_second_does_not_hold_the_run_up(web, crawl):
    def trickle(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.end_headers()
        with suppress(OSError):
            for _ in range(60):
                handler.wfile.write(b"x")
                time.sleep(1)
        handler.close_connection = True

    site = web({"/": html("/slow", "/s/1"), "/slow": trickle, "/s/1": html()})
    begun = time.monotonic()
    rows = crawl(site, seconds=2)
    assert rows["/s/1"].outcome is PageOutcome.CAPTURED
    assert rows["/slow"].reason.startswith("cut short")
    assert time.monotonic() - begun < 40


def test_the_limit_of_pages(web, crawl):
    site = web({"/": html(*(f"/s/{n}" for n in range(9))), "*": html()})
    rows = crawl(site, limits=CrawlLimits(pages=4))
    assert Counter(outcomes(rows).values()) == {"read": 1, "captured": 4, "limit-reached": 5}
    assert len(site.counts("/s/")) == 4
    assert rows["/s/8"].reason == "the limit of 4 pages"


def test_the_limit_of_depth_counts_links_and_not_next_pages_of_a_list(web, crawl):
    site = web(
        {
            "/": html("/l1"),
            "/l1": html("/l2"),
            "/l2": html("/l3", "/s/three"),
            "/s/three": html("/s/four"),
            "/l3": html("/l4"),
            "*": html(),
        }
    )
    site.pages["/"] = html("/l1") + '<link rel="next" href="/page/2">'
    for n in range(2, 8):
        site.pages[f"/page/{n}"] = f'<link rel="next" href="/page/{n + 1}">' + html(f"/s/p{n}")
    rows = crawl(site, limits=CrawlLimits(depth=3))
    assert rows["/s/three"].outcome is PageOutcome.CAPTURED
    assert (rows["/s/four"].outcome, rows["/l4"].outcome) == (PageOutcome.LIMIT_REACHED, PageOutcome.LIMIT_REACHED)
    assert rows["/s/p7"].outcome is PageOutcome.CAPTURED


@pytest.mark.parametrize("limits", [CrawlLimits(bytes=40_000), CrawlLimits(seconds=30)], ids=["bytes", "seconds"])
def test_the_limits_of_bytes_and_time(web, crawl, limits):
    site = web({"/": html(*(f"/s/{n}" for n in range(30))), "*": html(text="x" * 5000)})
    rows = crawl(site, limits=limits, politeness=Politeness(delay_seconds=5, concurrency=1))
    found = Counter(outcomes(rows).values())
    assert 3 <= found["captured"] <= 10
    assert found["captured"] + found["limit-reached"] == 30


def test_endless_calendars_and_paths_come_to_an_end(web, crawl):
    def endless(handler):
        path = handler.path.rstrip("/")
        number = int(path.rpartition("-")[2]) if path.rpartition("-")[2].isdigit() else 0
        return html(
            f"{path}/deeper/", f"/day-{number + 1}", f"/events/2024-01-{number % 28 + 1:02}/", f"?sid=abcdef{number}ghi"
        )

    site = web({"/": html("/day-1", "/s/1"), "/s/1": html(), "*": endless})
    rows = crawl(site, limits=CrawlLimits(depth=20))
    assert rows["/s/1"].outcome is PageOutcome.CAPTURED
    assert len(site.asked) < 3000
    assert Counter(outcomes(rows).values())["trap"] > 0


def test_a_page_with_ten_thousand_links(web, crawl):
    site = web({"/": html(*(f"/s/{n}" for n in range(10_000))), "*": html()})
    rows = crawl(site, limits=CrawlLimits(pages=5, links_per_page=2000))
    assert len(rows) == 2001
    assert Counter(outcomes(rows).values())["captured"] == 5
    assert any("2000 links" in problem for problem in crawl.outcome.problems)


def test_bad_sitemaps_and_feeds_are_reported_and_the_run_goes_on(web, crawl):
    laughs = (
        '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "' + "&a;" * 10_000 + '">]><urlset>&b;</urlset>'
    )
    site = web(
        {"/": html("/s/1"), "/s/1": html(), "/laugh.xml": laughs, "/feed": html(text="no feed"), "/gone.xml": 404}
    )
    rows = crawl(site, sitemaps=(site.url("/laugh.xml"), site.url("/gone.xml")), feeds=(site.url("/feed"),))
    assert rows["/s/1"].outcome is PageOutcome.CAPTURED
    assert rows["/gone.xml"].outcome is rows["/feed"].outcome is rows["/laugh.xml"].outcome is PageOutcome.FAILED
    assert "not a feed" in rows["/feed"].reason
    assert "it declares entities of its own" in rows["/laugh.xml"].reason
    assert any("/laugh.xml: it declares entities" in problem for problem in crawl.outcome.problems)
    assert any("/feed" in problem for problem in crawl.outcome.problems)


@pytest.mark.timeout(100)
def test_a_sitemap_of_more_than_fifty_megabytes_is_read_as_far_as_the_limits_go(web, crawl):
    entry = "<url><loc>/s/%07d</loc></url>"
    site = web({"/": html("/s/1"), "*": html(text="a statement")})
    site.pages["/map.xml"] = '<?xml version="1.0"?><urlset>' + "".join(entry % n for n in range(1_800_000))
    assert len(site.pages["/map.xml"]) > 50_000_000
    limits = CrawlLimits(pages=3, sitemap_urls=2000)
    rows = crawl(site, sitemaps=(site.url("/map.xml"),), limits=limits, seconds=60)
    assert rows["/map.xml"].outcome is PageOutcome.READ
    problems = [problem for problem in crawl.outcome.problems if "/map.xml" in problem]
    assert any("cut short (length)" in problem for problem in problems)
    assert any("more than 2000 items" in problem for problem in problems)
    assert Counter(row.how for row in rows.values())["sitemap"] == 2000
    assert Counter(outcomes(rows).values())["captured"] == 3


def test_mixed_encodings(web, crawl):
    """A list in windows-1256 that does not say so in its head, one in UTF-16, one that lies about being UTF-8."""
    plain = {"Content-Type": "text/html"}
    arabic = '<meta charset="windows-1256"><a href="/s/بيان">بيان</a>'.encode("cp1256")
    wide = '<a href="/s/واسع">x</a>'.encode("utf-16")
    lie = b'<meta charset="utf-8"><a href="/s/\xd8\xa8\xff">x</a><a href="/s/true">y</a>'
    site = web({"/": html("/a", "/b", "/c"), "*": html(text="بيان")})
    site.pages |= {"/a": (200, plain, arabic), "/c": (200, plain, lie)}
    site.pages["/b"] = (200, {"Content-Type": "text/html; charset=utf-16"}, wide)
    rows = crawl(site)
    captured = {unquote(path) for path, row in rows.items() if row.outcome is PageOutcome.CAPTURED}
    assert {"/s/بيان", "/s/واسع", "/s/true"} <= captured
    assert len(captured) == 4


def test_spaces_fragments_and_hosts_in_other_scripts(web, crawl):
    site = web({"*": html(text="a statement")})
    idn = f"http://xn--mgbh0fb.example:{site.port}"
    links = ("/s/with space", " /s/padded ", "/s/one#a", "/s/one#b", "#top", f"http://مثال.example:{site.port}/s/بيان")
    site.pages["/"] = html(*links, "javascript:void(0)", "mailto:a@b.example")
    rows = crawl(
        site,
        hosts=(ScopeHost.parse(site.host), ScopeHost.parse(f"مثال.example:{site.port}")),
        resolver=lambda host, port: ["127.0.0.1"],
    )
    arabic = f"{idn}/s/%D8%A8%D9%8A%D8%A7%D9%86"
    expected = {"/s/with%20space", "/s/padded", "/s/one", arabic}
    assert {path for path, row in rows.items() if row.task is Task.STATEMENT} == expected
    assert {str(rows[path].outcome) for path in expected} == {"captured"}
    assert {"/s/with%20space", "/s/padded", "/s/one", "/s/%D8%A8%D9%8A%D8%A7%D9%86"} <= set(site.asked)
    assert site.asked.count("/s/one") == 1
    assert {one.origin for one in crawl.outcome.robots} == {f"http://{site.host}", idn}
    assert dict(crawl.outcome.refused) == {"javascript": 1, "mailto": 1}


def test_a_site_that_names_no_statement_page_says_so(web, crawl):
    crawl(web({"/": html("/about")}))
    assert "no statement page was found" in crawl.outcome.problems


def test_a_run_that_died_anywhere_is_gone_on_with(web, crawl):
    """Whatever note a worker dies at, the next one repeats no page whose capture was made, and misses none."""
    pages = {"/": html("/s/1", "/list"), "/list": html("/s/2", "/s/3"), "/s/3": html("/s/4")}
    pages |= {f"/s/{n}": html(text=str(n)) for n in (1, 2, 4)}
    statements = {f"/s/{n}" for n in (1, 2, 3, 4)}
    for die_at in range(100):
        site = web(pages)
        journal = Memory(die_at)
        with suppress(Death):
            crawl(site, journal=journal)
            break
        fetches = crawl.fetches
        captured = {url for url, _ in fetches.made.values()}
        journal.left = None
        before = len(site.asked)
        rows = crawl(site, journal=journal, fetches=fetches, earlier=tuple(journal.steps.values()))
        assert {path for path, row in rows.items() if row.outcome is PageOutcome.CAPTURED} == statements, die_at
        # A capture that nobody was told of may be made again; one whose id was noted is found again.
        noted = {step.capture_id for step in journal.steps.values()}
        again = Counter(url for capture_id, (url, _) in fetches.made.items() if capture_id in noted)
        assert set(again.values()) == {1}, die_at
        repeated = {site.url(path) for path in site.asked[before:] if path.startswith("/s/")} & captured
        assert repeated == set(), die_at
        assert len({step.number for step in journal.steps.values()}) == len(journal.steps)
    assert die_at > 8
