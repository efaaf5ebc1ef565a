"""Looking at real servers on loopback: every statement page of the shared sites, nothing else, and bad servers."""

import gzip
import importlib.util
import json
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from sijill.archive.capture.exchange import Network, Pin
from sijill.archive.crawl.absence import NO_SUCH_PAGE
from sijill.archive.crawl.discover import survey
from sijill.archive.crawl.document import Documents
from sijill.archive.crawl.site import CrawlLimits, Politeness, Site
from sijill.archive.crawl.urls import PathPattern, ScopeHost
from sijill.flows.crawl.sites import read_sites

AGENT = "sijill/0 (test)"
LOOPBACK = (ip_network("127.0.0.0/8"),)


class Routes(BaseHTTPRequestHandler):
    """Answers with what `server.routes` holds for the path: (status, headers, body), or a function of the handler."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.path)
        route = self.server.routes.get(self.path, self.server.routes.get(None, (404, {}, b"no such page")))
        if callable(route):
            route(self)
            return
        status, headers, body = route
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    served = ThreadingHTTPServer(("127.0.0.1", 0), Routes)
    served.daemon_threads = True
    served.handle_error = lambda *_: None  # whoever gives a slow answer up closes the connection
    served.routes = {}
    served.asked = []
    threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


def page(body):
    return 200, {}, f"<!doctype html><html lang=en><body>{body}</body></html>".encode()


def text(body, kind="text/plain"):
    return 200, {"Content-Type": kind}, body.encode() if isinstance(body, str) else body


def look(site, *, network=None, depth=3, seconds=20.0, sleep=time.sleep):
    with tempfile.TemporaryDirectory() as folder:
        documents = Documents(
            network=network or Network(LOOPBACK),
            user_agent=AGENT,
            workdir=Path(folder),
            clock=lambda: datetime.now(UTC),
            seconds=seconds,
        )
        return survey(site, documents=documents, user_agent=AGENT, seconds=time.monotonic, sleep=sleep, depth=depth)


def site_of(server, *, statements=("/s/*",), start=("/",), **changes):
    origin = f"http://127.0.0.1:{server.server_port}"
    values = {
        "id": "x",
        "name": "X",
        "start": tuple(origin + path for path in start),
        "hosts": (ScopeHost.parse(f"127.0.0.1:{server.server_port}"),),
        "statements": tuple(map(PathPattern.parse, statements)),
        "politeness": Politeness(delay_seconds=0),
    }
    for name in ("feeds", "sitemaps"):
        if name in changes:
            changes[name] = tuple(origin + path for path in changes[name])
    return Site(**{**values, **changes})


def paths(found):
    return sorted(unquote(urlsplit(planned.url)._replace(scheme="", netloc="").geturl()) for planned in found)


def outcomes(seen):
    return {urlsplit(row.url).path: (row.outcome.value, row.reason) for row in seen.seen.rows}


@pytest.fixture(scope="module")
def serve_sites(repository):
    spec = importlib.util.spec_from_file_location("serve_for_crawl", repository / "deployments" / "demo" / "serve.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.serve_sites


PATTERNS = {
    "admsp.example": ["/en/*"],
    "dawlaty.example": ["/en/statements/*"],
    "pro-justice.example": ["/en/news/*"],
    "snhr.example": ["/blog/*/*/*/*", "/arabic/*/*/*/*"],
    "syrianlegal.example": ["/joint-statement"],
}


def sites_toml(served):
    return "".join(
        f"""
[[sites]]
id = "{host.partition(".")[0]}"
name = "{host}"
start = ["{served.url(host)}"]
statements = {json.dumps(patterns)}
politeness.delay_seconds = 0
"""
        for host, patterns in PATTERNS.items()
    )


def test_every_statement_page_of_the_shared_sites_and_nothing_else(shared_sites, serve_sites, tmp_path):
    # A page is what is there as a page; what expected.json calls an index, and the lists and homes, are none.
    on_disk = {
        f"{file.parent.relative_to(shared_sites).as_posix()}/" for file in shared_sites.glob("*.example/**/index.html")
    }
    lists = {f"{host}/" for host in PATTERNS} | {"snhr.example/statements/", "dawlaty.example/en/statements/"}
    expected = on_disk - lists
    told = json.loads((shared_sites / "expected.json").read_text(encoding="utf-8"))
    statements = {name for name, facts in told.items() if "kind" not in facts}
    assert statements <= expected
    with serve_sites(shared_sites) as served:
        network = Network(LOOPBACK, tuple(Pin(host, served.port, ip_address(served.address)) for host in served.hosts))
        (tmp_path / "sites.toml").write_text(sites_toml(served), encoding="utf-8")
        found = {}
        for site in read_sites(tmp_path / "sites.toml"):
            seen = look(site, network=network)
            for planned in seen.statements:
                parts = urlsplit(planned.url)
                found[f"{parts.hostname}{parts.path}"] = planned
    # pro-justice links to two stories that are not there, which is no fault of discovery.
    assert set(found) == expected
    assert found["snhr.example/arabic/2018/11/15/towards-accountability/"].how == "hreflang"
    assert found["snhr.example/blog/2018/11/15/towards-accountability/"].how == "sitemap"


def test_the_bundled_sites(serve_sites, tmp_path):
    with serve_sites() as served:
        hosts = ("sahlandoc.example", "zarqunfamilies.example", "remedylawyers.example")
        network = Network(LOOPBACK, tuple(Pin(host, served.port, ip_address(served.address)) for host in hosts))
        site = Site(
            id="s",
            name="S",
            start=(served.url("sahlandoc.example"),),
            hosts=(ScopeHost.parse(f"sahlandoc.example:{served.port}"),),
            statements=tuple(map(PathPattern.parse, ("/*/*/*/*", "/ar/*/*/*/*"))),
            politeness=Politeness(delay_seconds=0),
        )
        seen = look(site, network=network, sleep=lambda _: None)
    assert set(paths(seen.statements)) == {
        "/2024/11/12/joint-statement-keep-the-records-of-zarqun/",
        "/2025/02/04/ten-walls/",
        "/ar/2024/11/12/bayan-mushtarak-sijillat-zarqun/",
    }


def test_depth_nought_reads_only_what_was_listed(server):
    server.routes |= {
        "/": page('<a href="/list">list</a><a href="/s/1">1</a><a href="https://elsewhere.example/">x</a>'),
        "/list": page('<a href="/s/2">2</a>'),
        "/s/1": page("one"),
        "/s/2": page("two"),
    }
    seen = look(site_of(server), depth=0)
    assert paths(seen.statements) == ["/s/1"]
    assert server.asked == ["/robots.txt", "/", NO_SUCH_PAGE]
    assert outcomes(seen)["/list"][1] == "would be read; not looked at now"
    row = next(row for row in seen.seen.rows if "elsewhere" in row.url)
    assert (row.outcome, row.reason) == ("out-of-scope", "elsewhere.example is not one of the site's hosts")
    assert paths(look(site_of(server), depth=1).statements) == ["/s/1", "/s/2"]


def test_sitemaps_feeds_and_older_pages_lead_on(server):
    server.routes |= {
        "/robots.txt": text("User-agent: *\nDisallow: /s/secret\nSitemap: /index.xml\n"),
        "/index.xml": text("<sitemapindex><sitemap><loc>/s.xml.gz</loc></sitemap></sitemapindex>"),
        "/s.xml.gz": text(gzip.compress(b"<urlset><url><loc>/s/map</loc></url></urlset>"), "application/gzip"),
        "/feed": text("<rss><channel><item><link>/s/feed</link></item></channel></rss>", "application/rss+xml"),
        "/": page(
            '<link rel="alternate" type="application/rss+xml" href="/own-feed"><a href="/s/secret">x</a>'
            '<a href="/old?page=2">Older posts</a><a href="javascript:void(0)">x</a><a href="mailto:a@b">x</a>'
        ),
        "/own-feed": text("<rss><channel><item><link>/s/own</link></item></channel></rss>"),
        "/old?page=2": page('<a href="/s/old#part">x</a><a href="/s/with space">x</a><a href="/old?page=3">3</a>'),
        "/old?page=3": page('<a href="/s/oldest">x</a>'),
        None: page("a statement"),
    }
    seen = look(site_of(server, feeds=["/feed"]), depth=1)
    assert paths(seen.statements) == [f"/s/{n}" for n in ("feed", "map", "old", "oldest", "own", "with space")]
    assert outcomes(seen)["/s/secret"] == ("refused-by-robots", "robots.txt disallows /s/secret in line 2")


@pytest.mark.parametrize(
    ("robots", "note", "finds"),
    [
        ((503, {}, b"later"), "status 503", False),
        ((200, {"Content-Type": "text/html"}, b"<html>User-agent: *\nDisallow: /</html>"), "is a page", True),
        ((200, {"Content-Type": "text/plain"}, b"# x\n" * 1_300_000), "it is larger", True),
        ((302, {"Location": "/login"}, b""), "is a page", True),
        ((302, {"Location": "/robots.txt"}, b""), "could not be fetched", False),
    ],
    ids=["503", "html", "5 MB", "login", "loop"],
)
def test_what_stands_in_the_place_of_robots(server, robots, note, finds):
    server.routes |= {"/robots.txt": robots, "/": page('<a href="/s/1">1</a>'), "/login": page("log in")}
    seen = look(site_of(server), depth=0)
    assert note in seen.seen.robots[0].source
    assert bool(seen.statements) is finds
    if not finds:
        assert outcomes(seen)["/"][0] == "refused-by-robots"


def test_a_feed_and_a_sitemap_that_are_html_or_gone_or_ill_meant(server):
    laughs = "<!DOCTYPE u [" + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)) + "]><urlset/>"
    server.routes |= {
        "/": page("x"),
        "/feed": page("maintenance"),
        "/sitemap": page("maintenance"),
        "/laughs": text(laughs, "application/xml"),
    }
    seen = look(site_of(server, feeds=["/feed", "/gone"], sitemaps=["/sitemap", "/laughs"]))
    problems = "\n".join(seen.seen.problems)
    assert "/feed: it is an HTML page, not a feed" in problems
    assert "/sitemap: it is an HTML page, not a sitemap" in problems
    assert "/laughs: it declares entities of its own" in problems
    assert "no statement page was found" in problems
    assert outcomes(seen)["/gone"] == ("failed", "HTTP status 404")


@pytest.mark.timeout(100)
def test_a_sitemap_of_fifty_megabytes(server):
    entry = b"<url><loc>/s/%07d</loc></url>"
    server.routes |= {
        "/": page("x"),
        "/big.xml": text(b"<urlset>" + b"".join(entry % n for n in range(1_700_000)), "application/xml"),
    }
    limits = CrawlLimits(sitemap_bytes=50_000_000, sitemap_urls=3000)
    seen = look(site_of(server, sitemaps=["/big.xml"], limits=limits), depth=0, seconds=60.0)
    assert len(seen.statements) == 3000
    assert any("more than 3000 items" in problem for problem in seen.seen.problems)


def test_a_site_that_sends_everything_to_one_page(server):
    server.routes |= {None: (302, {"Location": "/login"}, b""), "/login": page('<a href="/s/1">1</a> log in')}
    seen = look(site_of(server, start=("/", "/news")))
    problems = "\n".join(seen.seen.problems)
    assert f"answers with one page whatever is asked for by http://127.0.0.1:{server.server_port}/login" in problems
    assert outcomes(seen)["/"] == ("read", f"leads to http://127.0.0.1:{server.server_port}/login")


def test_soft_404(server):
    server.routes |= {None: page("Sorry, nothing here"), "/robots.txt": text(""), "/": page("x")}
    assert any("a crawl cannot tell there that a page is gone" in p for p in look(site_of(server)).seen.problems)
    server.routes |= {None: (404, {}, b"no"), "/": page("x")}
    assert not any("cannot tell" in problem for problem in look(site_of(server)).seen.problems)


def test_a_page_with_ten_thousand_links(server):
    server.routes |= {"/": page("".join(f'<a href="/s/{n}">x</a>' for n in range(10_000)))}
    seen = look(site_of(server), depth=0)
    assert len(seen.statements) == 2000
    assert any("more than 2000 links" in problem for problem in seen.seen.problems)


def test_traps_and_endless_paths_end(server):
    def endless(handler):
        server_routes = page(
            f'<a href="{handler.path}a/">deeper</a><a href="{handler.path}?PHPSESSID=0123456789abcdef">s</a>'
            '<a href="/calendar/2031/01/">c</a>'
        )
        handler.server.routes[handler.path] = server_routes
        handler.server.asked.pop()
        handler.do_GET()

    server.routes |= {None: endless, "/robots.txt": text(""), NO_SUCH_PAGE: (404, {}, b"")}
    seen = look(site_of(server, start=("/x/",), limits=CrawlLimits(depth=20)), depth=20)
    assert len(server.asked) < 12
    assert outcomes(seen)["/calendar/2031/01/"] == ("trap", "it is a page of a calendar")
    assert outcomes(seen)["/x/a/a/a/"] == ("trap", "its path repeats 'a'")
    assert any("session id" in row.reason for row in seen.seen.rows)


def test_mixed_encodings_and_other_scripts(server):
    body = '<meta charset="windows-1256"><a href="/s/بيان">x</a><a href="http://مثال.example/s/x">y</a>'.encode(
        "cp1256"
    )
    server.routes |= {"/": (200, {"Content-Type": "text/html"}, body)}
    seen = look(site_of(server), depth=0)
    assert paths(seen.statements) == ["/s/بيان"]
    assert any(row.url == "http://xn--mgbh0fb.example/s/x" for row in seen.seen.rows)


def test_a_server_that_slows_to_a_byte_a_second(server):
    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for _ in range(60):
            handler.wfile.write(b"<")
            handler.wfile.flush()
            time.sleep(1)

    server.routes |= {"/": drip}
    seen = look(site_of(server), depth=0, seconds=2.0)
    assert len(seen.seen.rows) == 1
    assert seen.statements == ()


def test_a_server_that_bans_is_asked_no_more_than_it_must(server):
    def ban(handler):
        banned = len(handler.server.asked) > 50
        status, headers, body = (
            (403, {}, b"banned") if banned else page("".join(f'<a href="{handler.path}{n}/">x</a>' for n in range(5)))
        )
        handler.server.routes[handler.path] = status, headers, body
        handler.server.asked.pop()
        handler.do_GET()

    server.routes |= {None: ban, "/robots.txt": text("")}
    seen = look(site_of(server, limits=CrawlLimits(pages=80, depth=3)))
    failed = [row for row in seen.seen.rows if row.reason == "HTTP status 403"]
    assert 20 < len(failed) <= 40
    assert len(server.asked) < 90


def test_pauses_are_those_of_robots_if_longer(server):
    server.routes |= {"/robots.txt": text("User-agent: *\nCrawl-delay: 7"), "/": page("x"), "/b": page("x")}
    slept = []
    look(site_of(server, start=("/", "/b")), depth=0, sleep=slept.append)
    assert len(slept) == 3
    assert all(6 < pause <= 7 for pause in slept)


def test_nobody_there(server):
    site = site_of(server)
    server.shutdown()
    server.server_close()
    seen = look(site)
    assert seen.statements == ()
    assert "could not be fetched" in seen.seen.robots[0].source
