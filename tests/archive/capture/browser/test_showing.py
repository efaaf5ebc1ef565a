"""How a page in a browser becomes exchanges: hops, requests with bodies, cookies, ranges, limits, what is left over."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from sijill.archive.capture.browser.chromium import open_browser
from sijill.archive.capture.browser.rendering import Appearance, BlockedKind, BrowserSettings, NotCollectedKind
from sijill.archive.capture.exchange import Limits, Original, Outcome, Purpose, RevisitKind
from sijill.archive.capture.known import Known, can_be_original
from sijill.archive.errors import BrowserUnavailable

LIMITS = Limits(exchange_seconds=10, capture_seconds=60)


@pytest.fixture
def shoot(serve, capture, browser, wire):
    """`shoot(routes)` captures `/` of a server with the browser; values of routes may be HTML."""

    def run(routes, *, limits=LIMITS, **options):
        made = {path: wire.page(text) if isinstance(text, str) else text for path, text in routes.items()}
        server = serve(made)
        return capture(server.url(), browser=browser, limits=limits, **options), server

    return run


def paths(capture, *, purpose=None):
    return ["/" + e.url.split("/", 3)[3] for e in capture.exchanges if purpose in {None, e.purpose}]


def dom(capture):
    return capture.rendering.file("dom.html").body.content.decode()


def test_a_page_drawn_by_a_script_from_a_json_call(shoot, wire):
    html = """<title>x</title><p id=p></p><script>fetch("/data.json").then(r => r.json()).then(d => {
      p.textContent = d.text; const i = new Image(); i.src = d.image; p.append(i);
      const a = document.createElement("a"); a.href = "/report.pdf"; a.textContent = "report"; p.append(a);
    })</script>"""
    capture, _ = shoot(
        {
            "/": html,
            "/data.json": wire.response('{"text":"بيان مشترك","image":"/drawn.png"}'.encode(), "application/json"),
            "/drawn.png": wire.response(),
            "/report.pdf": wire.response(b"%PDF-", "application/pdf"),
            "/favicon.ico": wire.response(),
        }
    )
    assert capture.outcome is Outcome.COMPLETE, capture.reasons
    assert "بيان مشترك" in dom(capture)
    assert paths(capture, purpose=Purpose.PAGE) == ["/"]
    assert set(paths(capture, purpose=Purpose.REQUISITE)) >= {"/data.json", "/drawn.png"}
    assert paths(capture, purpose=Purpose.DOCUMENT) == ["/report.pdf"]
    assert [e.number for e in capture.exchanges] == list(range(1, len(capture.exchanges) + 1))
    assert capture.title == "x"


def test_it_holds_at_least_what_a_plain_capture_holds(shoot, capture, serve, wire):
    routes = {
        "/": wire.page(
            '<link rel=stylesheet href=/a.css><img src=/1.png srcset="/2.png 2x, /3.png 3x">'
            '<video src=/v.mp4 preload=none></video><iframe src=/frame></iframe>'
            '<main><a href=/statement.pdf>pdf</a></main>'
        ),
        "/a.css": wire.response(b"@import '/b.css'; .none{background:url(/unused.png)}", "text/css"),
        "/b.css": wire.response(b"@font-face{font-family:x;src:url(/x.woff2)}", "text/css"),
        "/frame": wire.page('<img srcset="/in-frame.png 3x" src=/in-frame-1.png>'),
        **{f"/{n}.png": wire.response() for n in (1, 2, 3, "unused", "in-frame", "in-frame-1")},
        "/v.mp4": wire.response(b"x" * 100, "video/mp4"),
        "/x.woff2": wire.response(b"x", "font/woff2"),
        "/statement.pdf": wire.response(b"%PDF-", "application/pdf"),
        "/favicon.ico": wire.response(),
    }  # fmt: skip
    shown, _ = shoot(routes)
    plain = capture(serve(routes).url())
    assert shown.outcome is plain.outcome is Outcome.COMPLETE, (shown.reasons, plain.reasons)
    assert set(paths(shown)) >= set(paths(plain)) >= {"/unused.png", "/in-frame.png", "/x.woff2", "/v.mp4"}
    assert len(paths(shown)) == len(set(paths(shown)))


def test_hops_are_recorded_as_without_a_browser(shoot, capture, serve):
    def to(path):
        return f"HTTP/1.1 301 Moved\r\nLocation: {path}\r\nContent-Length: 0\r\n\r\n".encode()

    routes = {
        "/": to("/a"),
        "/a": '<meta http-equiv=refresh content="3; url=/b"><p>moved',
        "/b": to("/c"),
        "/c": "<p>here",
    }
    shown, server = shoot(routes)
    plain = capture(server.url())
    assert paths(shown, purpose=Purpose.PAGE) == ["/", "/a", "/b", "/c"]
    assert shown.redirect_chain == plain.redirect_chain
    hops = [e for e in shown.exchanges if e.purpose is Purpose.PAGE]
    for one, other in zip(hops, plain.exchanges, strict=False):
        assert (one.url, one.via, one.redirect_to, one.status) == (
            other.url,
            other.via,
            other.redirect_to,
            other.status,
        )
    assert shown.final_url == plain.final_url
    assert "here" in dom(shown)


def test_a_script_that_leads_on_before_the_page_is_there(shoot):
    capture, _ = shoot({"/": "<script>location = '/next'</script><p>first", "/next": "<p>second"})
    assert paths(capture, purpose=Purpose.PAGE) == ["/", "/next"]
    first, second = [e for e in capture.exchanges if e.purpose is Purpose.PAGE]
    assert (first.redirect_to, second.via) == (second.url, first.url)
    assert capture.page == second
    assert "second" in dom(capture)


def test_a_page_that_leads_away_once_it_is_shown_stays(shoot, opened, capture, serve, wire, quietly):
    class Late(quietly):
        async def take_results(self, page, cdp, showing):
            await page.evaluate("setTimeout(() => { location = '/away' }, 0)")
            await asyncio.sleep(0.5)
            await super().take_results(page, cdp, showing)

    server = serve({"/": wire.page("<p>here"), "/away": wire.page("<p>elsewhere")})
    made = capture(server.url(), browser=opened(Late()), limits=LIMITS)
    assert paths(made, purpose=Purpose.PAGE) == ["/"]
    assert [(e.kind, e.url) for e in made.rendering.blocked] == [(BlockedKind.NAVIGATION, server.url("/away"))]
    assert "here" in dom(made)


def test_a_page_that_leads_on_for_ever(shoot):
    html = "<script>location = '/?' + Math.random()</script>"
    capture, _ = shoot({"/": html}, limits=replace(LIMITS, redirects=4))
    assert capture.exchanges
    hops = [e for e in capture.exchanges if e.purpose is Purpose.PAGE]
    assert 1 <= len(hops) <= 5


def test_requests_with_bodies_are_recorded_and_their_preflight_too(shoot, serve, wire):
    def cors(connection, request):
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: x-a\r\n"
            b"Access-Control-Allow-Methods: PUT\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
        )
        return True

    other = serve({"/put": cors})
    html = f"""<p id=p></p><script>
      fetch("/form", {{method: "POST", body: new Blob([new Uint8Array([1, 2, 255])])}}).then(r => r.text()).then(t =>
        fetch("{other.url("/put")}", {{method: "PUT", headers: {{"x-a": "1"}}, body: "y"}})).then(r => r.text())
        .then(t => p.textContent = "said " + t)
    </script>"""
    capture, _ = shoot({"/": html, "/form": wire.response(b"ok", "text/plain")})
    assert "said ok" in dom(capture)
    sent = {(e.method, e.url.rpartition("/")[2]): e for e in capture.exchanges}
    assert sent["POST", "form"].request.endswith(b"\r\n\r\n\x01\x02\xff")
    assert sent["OPTIONS", "put"].response.status == 200
    assert b"access-control-request-method: put" in sent["OPTIONS", "put"].request.lower()
    assert sent["PUT", "put"].request.endswith(b"\r\n\r\ny")
    assert b"\r\nOrigin: http://" in sent["PUT", "put"].request


def test_a_site_that_does_not_allow_it_is_not_read(shoot, serve, wire):
    other = serve({"/secret": wire.response(b"secret", "text/plain")})
    capture, _ = shoot(
        {
            "/": f"<p id=p></p><script>fetch('{other.url('/secret')}')"
            ".then(r => r.text()).then(t => p.append(t))</script>"
        }
    )
    assert '<p id="p"></p>' in dom(capture)
    assert any(e.url == other.url("/secret") and e.status == 200 for e in capture.exchanges)


def test_cookies_and_headers_pass_both_ways(shoot, wire):
    page = wire.page(
        "<p id=p></p><script>document.cookie = 'own=1'; p.textContent = document.cookie;"
        "fetch('/data', {headers: {'X-Own': 'a', Accept: 'application/json'}})</script>",
        fields="Set-Cookie: server=1\r\nSet-Cookie: hidden=1; HttpOnly\r\n",
    )
    capture, server = shoot({"/": page, "/data": wire.response(b"{}", "application/json")})
    assert "server=1; own=1" in dom(capture)
    asked = next(r for r in server.requests if b"GET /data" in r).decode()
    fields = dict(line.split(": ", 1) for line in asked.split("\r\n")[1:] if line)
    assert set(fields["Cookie"].split("; ")) == {"server=1", "hidden=1", "own=1"}
    assert fields["X-Own"] == "a"
    assert fields["Accept"] == "application/json"
    assert fields["Referer"] == server.url()
    assert fields["User-Agent"] == "test"
    assert fields["Accept-Language"] == "en-US"
    first = server.requests[0]
    assert b"Cookie" not in first


def test_nothing_of_one_capture_is_there_in_the_next(shoot, wire):
    page = wire.page("<p id=p></p><script>p.textContent = document.cookie + localStorage.length;"
                     "localStorage.a = 1</script>", fields="Set-Cookie: a=1\r\n")  # fmt: skip
    for _ in range(2):
        capture, server = shoot({"/": page})
        assert '<p id="p">a=10</p>' in dom(capture)
        assert b"Cookie" not in server.requests[0]


def test_a_range_of_a_video_is_cut_from_the_whole_that_is_kept(shoot, wire):
    html = """<p id=p></p><script>fetch("/v.mp4", {headers: {Range: "bytes=2-4"}}).then(async r =>
      p.textContent = r.status + " " + await r.text() + " " + r.headers.get("Content-Range"))</script>
      <video src=/v.mp4 preload=auto></video>"""
    capture, server = shoot({"/": html, "/v.mp4": wire.response(b"0123456789", "video/mp4")})
    assert "206 234 bytes 2-4/10" in dom(capture)
    assert all(b"Range" not in request for request in server.requests)
    kept = [e for e in capture.exchanges if e.url.endswith("/v.mp4")]
    assert all(e.payload.size == 10 and e.status == 200 for e in kept)


def test_a_stream_of_events_is_not_collected(shoot):
    capture, server = shoot({"/": "<script>new EventSource('/events')</script>"})
    assert [(e.kind, e.url) for e in capture.rendering.not_collected] == [
        (NotCollectedKind.STREAM, server.url("/events"))
    ]


class Shelf:
    """What one capture received, known to the next."""

    def __init__(self, capture):
        self.known, self.said = {}, []
        for number, exchange in enumerate(capture.exchanges):
            if can_be_original(exchange):
                original = Original(
                    capture_id=capture.id,
                    envelope_sha256="0" * 64,
                    warc=exchange.payload,
                    record=f"urn:uuid:{number}",
                    url=exchange.url,
                    date=exchange.started,
                    media_type=exchange.media_type,
                    payload=exchange.payload,
                    offset=0,
                    member=exchange.payload,
                )
                self.known[exchange.url] = Known(original, exchange.response.headers, True, exchange.response)

    def find(self, url, *, content, deadline, called_off):
        return self.known.get(url)

    def received(self, exchange):
        self.said.append(exchange.url)


def test_what_is_known_is_shown_and_not_asked_for_again(serve, capture, browser, wire):
    page = """<p id=p></p><script src=/a.js></script><script>
      fetch("/data").then(r => r.text()).then(t => p.append(t))</script>"""
    routes = {
        "/": wire.page(page),
        "/a.js": wire.response(b"p.textContent = 'from script, '", "text/javascript"),
        "/data": wire.response(b"from data", "text/plain"),
        "/favicon.ico": wire.response(),
    }
    server = serve(routes)
    first = capture(server.url(), browser=browser, limits=LIMITS)
    asked = len(server.requests)
    shelf = Shelf(first)
    second = capture(server.url(), browser=browser, limits=LIMITS, known=shelf)
    assert "from script, from data" in dom(second)
    assert second.outcome is Outcome.COMPLETE, second.reasons
    assert [e.revisit.kind if e.revisit else None for e in second.exchanges] == [None] + [RevisitKind.REUSED] * 3
    assert len(server.requests) == asked + 1


def test_more_requests_than_the_limit(shoot, wire):
    html = "<script>for (let i = 0; i < 40; i++) fetch('/n?' + i).catch(() => {})</script>"
    capture, _ = shoot({"/": html}, limits=replace(LIMITS, requisites=10))
    assert len(capture.exchanges) == 11
    assert capture.outcome is Outcome.PARTIAL
    assert any("more than the limit of 10" in reason for reason in capture.reasons)
    assert BlockedKind.LIMIT in {e.kind for e in capture.rendering.blocked}


def test_dialogs_are_dismissed_and_console_is_kept(shoot):
    capture, _ = shoot(
        {
            "/": "<script>alert('a'); document.title = confirm('b') + '|' + prompt('c');"
            "console.log('said'); boom()</script>"
        }
    )
    assert "<title>false|null</title>" in dom(capture)
    assert [e.reason for e in capture.rendering.blocked if e.kind is BlockedKind.DIALOG] == [
        "alert: a", "confirm: b", "prompt: c"
    ]  # fmt: skip
    said = {(m.level, m.text) for m in capture.rendering.console}
    assert ("log", "said") in said
    assert any(level == "exception" and "boom" in text for level, text in said)


def test_a_download_is_refused(shoot, wire):
    away = wire.response(b"x", "application/octet-stream")
    capture, _ = shoot(
        {"/": "<p>here<a id=a href=/x download>x</a><script>onload = () => a.click()</script>", "/x": away}
    )
    assert "here" in dom(capture)
    assert capture.outcome is not Outcome.FAILED
    assert {e.kind for e in capture.rendering.blocked} & {BlockedKind.DOWNLOAD, BlockedKind.NAVIGATION}


def test_a_page_that_is_no_page_is_kept_and_not_shown(shoot, wire):
    capture, _ = shoot({"/": wire.response(b"%PDF-1.7", "application/pdf")})
    assert capture.outcome is Outcome.COMPLETE
    assert capture.rendering is None
    assert "application/pdf" in capture.browser_fallback
    assert paths(capture) == ["/"]


def test_no_server(capture, browser):
    made = capture("http://127.0.0.1:9/", browser=browser, limits=LIMITS)
    assert made.outcome is Outcome.FAILED
    assert made.rendering is None
    assert [e.failure.kind for e in made.exchanges] == ["connect"]


def test_an_error_page_is_shown_for_what_it_is(shoot, wire):
    capture, _ = shoot({"/": wire.response(b"<p>gone", "text/html", status="410 Gone")})
    assert capture.page.status == 410
    assert "gone" in dom(capture)


def test_threads_wait_for_each_other(serve, capture, browser, wire):
    server = serve({"/": wire.page("<p>here"), "/favicon.ico": wire.response()})
    with ThreadPoolExecutor(3) as threads:
        made = list(threads.map(lambda _: capture(server.url(), browser=browser, limits=LIMITS), range(3)))
    assert all("here" in dom(each) for each in made)


def test_without_a_browser_plain_http_if_that_will_do(serve, capture, wire, tmp_path):
    server = serve({"/": wire.page("<p>here")})
    with open_browser(BrowserSettings(executable=tmp_path / "none")) as missing:
        with pytest.raises(BrowserUnavailable, match="apt-get install chromium"):
            capture(server.url(), browser=missing, limits=LIMITS)
        assert server.requests == []
        made = capture(server.url(), browser=missing, browser_required=False, limits=LIMITS)
    assert made.outcome is Outcome.COMPLETE
    assert made.rendering is None
    assert "none is not a program" in made.browser_fallback


def test_an_icon_that_nobody_promised_is_not_missed(shoot, wire):
    capture, _ = shoot({"/": "<p>here"})
    assert "/favicon.ico" in paths(capture, purpose=Purpose.REQUISITE)
    assert capture.outcome is Outcome.COMPLETE, capture.reasons
    capture, _ = shoot({"/": "<p>here", "/favicon.ico": wire.response(status="500 Out of Order")})
    assert [reason for reason in capture.reasons if "favicon.ico: HTTP status 500" in reason]


def test_what_a_page_says_and_opens_without_end_is_bounded(shoot):
    capture, _ = shoot(
        {
            "/": "<p>here<script>for (let n = 0; n < 1300; n++) console.log('said ' + n);"
            "for (let n = 0; n < 5; n++) window.open('/popup?' + n);"
            "addEventListener('beforeunload', (event) => { event.preventDefault(); event.returnValue = 'no'; });"
            "setTimeout(() => { location = '/elsewhere'; }, 50)</script>",
            "/elsewhere": "<p>elsewhere",
        }
    )
    made = capture.rendering
    said = [one.text for one in made.console if one.text.startswith("said ")]
    assert len(made.console) == 1000
    assert said == [f"said {n}" for n in range(len(said))]
    assert made.console_left_out >= 1300 - len(said)
    assert not [path for path in paths(capture) if path.startswith("/popup")]


def test_a_page_made_ready_ahead_is_shown_as_whoever_asks_wants(opened, serve, capture, wire):
    server = serve({"/": wire.page("<p id=p></p><script>p.textContent = navigator.userAgent</script>")})
    browser = opened()
    browser.start("first/1")
    for agent in ("first/1", "first/1", "second/2", "second/2"):
        made = capture(server.url(), browser=browser, limits=LIMITS, user_agent=agent)
        assert f">{agent}</p>" in dom(made)


def test_a_time_zone_that_the_browser_does_not_know_is_said(chromium, serve, capture, wire):
    server = serve({"/": wire.page("<p>here")})
    settings = BrowserSettings(executable=Path(chromium), appearance=Appearance(time_zone="Nowhere/None"))
    with open_browser(settings) as browser, pytest.raises(BrowserUnavailable, match="time zone 'Nowhere/None'"):
        capture(server.url(), browser=browser, limits=LIMITS)
    assert server.requests == []
