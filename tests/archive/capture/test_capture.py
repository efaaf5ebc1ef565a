"""A page, the hops to it, what it needs, and what the whole came to."""

import gzip
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from sijill.archive.capture.exchange import FailureKind, Limits, Network, Outcome, Purpose, Truncation
from sijill.archive.errors import BadTarget


def redirect(location, status=302, body=b""):
    return f"HTTP/1.1 {status} x\r\nLocation: {location}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def paths(capture, server):
    return [exchange.url.removeprefix(server.url("")) for exchange in capture.exchanges]


@pytest.fixture
def site(serve, wire):
    """A page with everything, all of it there."""
    return serve(
        {
            "/": wire.page(
                "<title>Joint  statement</title><link rel=stylesheet href=/a.css><img src=/a.png>"
                "<iframe src=/frame.html></iframe><a href=/report.pdf>report</a><script src=/moved.js></script>"
            ),
            "/a.css": wire.response(b"@import 'b.css'; p { background: url(/b.png) }", "text/css"),
            "/b.css": wire.response(b"@font-face { src: url(f.woff2) } q { background: url(/a.png) }", "text/css"),
            "/a.png": wire.response(),
            "/b.png": wire.response(),
            "/f.woff2": wire.response(b"f", "font/woff2"),
            "/frame.html": wire.page("<title>frame</title><img src=/inner.png><a href=/other.pdf>x</a>"),
            "/inner.png": wire.response(),
            "/report.pdf": wire.response(b"%PDF", "application/pdf"),
            "/moved.js": redirect("/here.js"),
            "/here.js": wire.response(b"1", "text/javascript"),
        }
    )


ORDER = [
    "/", "/a.css", "/a.png", "/frame.html", "/report.pdf", "/moved.js", "/here.js",
    "/b.css", "/b.png", "/inner.png", "/f.woff2",
]  # fmt: skip


def test_a_whole_page(site, capture):
    told = []
    target = site.url("/") + "#part"
    done = capture(target, on_exchange=told.append)
    assert (done.outcome, done.reasons) == (Outcome.COMPLETE, ())
    assert (done.target, done.final_url, done.title) == (target, site.url("/"), "Joint statement")
    assert paths(done, site) == ORDER
    assert [exchange.number for exchange in done.exchanges] == list(range(1, len(ORDER) + 1))
    assert tuple(told) == done.exchanges
    by_path = dict(zip(ORDER, done.exchanges, strict=True))
    assert by_path["/"].purpose is Purpose.PAGE
    assert by_path["/report.pdf"].purpose is Purpose.DOCUMENT
    assert {e.purpose for e in done.exchanges[1:]} == {Purpose.REQUISITE, Purpose.DOCUMENT}
    vias = {path: exchange.via and exchange.via.removeprefix(site.url("")) for path, exchange in by_path.items()}
    assert (vias["/"], vias["/a.css"], vias["/b.css"], vias["/f.woff2"]) == (None, "/", "/a.css", "/b.css")
    assert (vias["/inner.png"], vias["/here.js"], vias["/a.png"]) == ("/frame.html", "/moved.js", "/")
    assert done.page is done.exchanges[0]
    assert done.started <= min(e.started for e in done.exchanges)
    assert done.ended >= max(e.ended for e in done.exchanges)
    sent = {request.split(b" ")[1].decode(): request for request in site.requests}
    assert f"Referer: {site.url('/a.css')}\r\n".encode() in sent["/b.css"]
    assert b"Referer" not in sent["/"]


def test_numbers_do_not_depend_on_what_arrives_first(site, capture):
    def slowed(content, seconds):
        def script(connection, _):
            time.sleep(seconds)
            connection.sendall(content)
            return True

        return script

    for path, seconds in (("/a.css", 0.2), ("/a.png", 0.1), ("/b.css", 0.1)):
        site.routes[path] = slowed(site.routes[path], seconds)
    assert paths(capture(site.url("/")), site) == ORDER


def test_bad_targets_send_nothing(capture, serve):
    server = serve({})
    for target in ("", "example.org", "ftp://h/", f"http://user@127.0.0.1:{server.port}/", server.url("/") + "\n"):
        with pytest.raises(BadTarget):
            capture(target)
    assert server.connections == 0


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("missing", Outcome.PARTIAL), ("cut", Outcome.PARTIAL), ("broken", Outcome.PARTIAL), ("refused", Outcome.PARTIAL)],
)
def test_one_reason_for_each_part_that_is_not_there(site, capture, name, outcome):
    if name == "missing":
        del site.routes["/b.png"]
        words = ["requisite", "/b.png", "404"]
    elif name == "cut":
        site.routes["/b.png"] = lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
        words = ["requisite", "/b.png", "reset"]
    elif name == "broken":
        site.routes["/report.pdf"] = lambda *_: False
        words = ["document", "/report.pdf", "reset"]
    else:
        site.routes["/moved.js"] = redirect("http://169.254.169.254/latest/meta-data/")
        words = ["requisite", "169.254.169.254", "refused-address"]
    done = capture(site.url("/"))
    assert (done.outcome, len(done.reasons)) == (outcome, 1)
    assert all(word in done.reasons[0] for word in words)
    assert len(done.exchanges) == len(ORDER)


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "500 Error", "503 Busy"])
def test_pages_that_say_no_are_kept_with_their_parts(serve, capture, wire, status):
    server = serve({"/": wire.page("<title>no</title><img src=/a.png>"), "/a.png": wire.response()})
    server.routes["/"] = server.routes["/"].replace(b"200 OK", status.encode())
    done = capture(server.url("/"))
    assert (done.outcome, done.title, done.page.response.status) == (Outcome.COMPLETE, "no", int(status[:3]))
    assert paths(done, server) == ["/", "/a.png"]


def test_hops_by_location_and_by_meta_refresh(serve, capture, wire):
    server = serve(
        {
            "/": redirect("/b", 301, b"moved"),
            "/b": redirect("c/?q", 302),
            "/c/?q": redirect("../d", 307),
            "/d": wire.page("<meta http-equiv=refresh content='0; url=e#x'><img src=/not-fetched.png>"),
            "/e": wire.page("<title>there</title><img src=a.png>"),
            "/a.png": wire.response(),
        }
    )
    done = capture(server.url("/"))
    assert (done.outcome, done.title, done.final_url) == (Outcome.COMPLETE, "there", server.url("/e"))
    assert [url.removeprefix(server.url("")) for url in done.redirect_chain] == ["/", "/b", "/c/?q", "/d", "/e"]
    hops = [exchange for exchange in done.exchanges if exchange.purpose is Purpose.PAGE]
    assert [hop.redirect_to for hop in hops] == [*done.redirect_chain[1:], None]
    assert [hop.via for hop in hops] == [None, *done.redirect_chain[:-1]]
    assert wire.raw(hops[0]).endswith(b"moved")
    assert paths(done, server)[-1] == "/a.png"


def test_a_refresh_back_to_a_page_seen_before_is_no_hop(serve, capture, wire):
    server = serve(
        {
            "/": wire.page("<meta http-equiv=refresh content='5; url=/2'>"),
            "/2": wire.page("<title>2</title><meta http-equiv=refresh content='5; url=/'>"),
        }
    )
    done = capture(server.url("/"))
    assert (done.outcome, done.title, paths(done, server)) == (Outcome.COMPLETE, "2", ["/", "/2"])


def test_endless_redirects(serve, capture, wire):
    def further(connection, request):
        connection.sendall(redirect(request.split(b" ")[1].decode() + "x"))
        return True

    server = serve({"/" + "x" * i: further for i in range(30)})
    done = capture(server.url("/"), limits=Limits(redirects=5))
    assert (done.outcome, done.final_url, done.page) == (Outcome.FAILED, None, None)
    assert len(done.exchanges) == 7
    last = done.exchanges[-1]
    assert (last.failure.kind, last.request, last.url) == (FailureKind.REDIRECT_LIMIT, b"", server.url("/xxxxxx"))
    assert "redirect-limit" in done.reasons[0]
    assert len(server.requests) == 6

    server.routes["/page"] = wire.page("<img src=/>")
    done = capture(server.url("/page"), limits=Limits(redirects=2))
    assert (done.outcome, len(done.reasons), len(done.exchanges)) == (Outcome.PARTIAL, 1, 5)


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        ("http://10.0.0.1/", FailureKind.REFUSED_ADDRESS),
        ("http://[::ffff:10.0.0.1]/", FailureKind.REFUSED_ADDRESS),
        ("http://[::1]/", FailureKind.REFUSED_ADDRESS),
        ("http://169.254.169.254/latest/meta-data/", FailureKind.REFUSED_ADDRESS),
        ("http://100.64.0.1/", FailureKind.REFUSED_ADDRESS),
        ("http://inside.example/", FailureKind.REFUSED_ADDRESS),
        ("http://nowhere.example/", FailureKind.DNS),
        ("http://2130706433/", FailureKind.REFUSED_URL),
        ("file:///etc/passwd", FailureKind.REFUSED_URL),
        ("gopher://127.0.0.1:70/_x", FailureKind.REFUSED_URL),
        ("http://user:word@127.0.0.1/", FailureKind.REFUSED_URL),
        ("http://[", FailureKind.REFUSED_URL),
    ],
)
@pytest.mark.parametrize("by", ["location", "refresh"])
def test_a_redirect_to_where_no_capture_may_go(serve, capture, wire, location, kind, by):
    def resolver(host, _):
        if host == "inside.example":
            return ["192.168.0.1"]
        raise OSError("Name or service not known")

    content = redirect(location) if by == "location" else wire.page(f"<meta http-equiv=refresh content='0;{location}'>")
    server = serve({"/": content})
    done = capture(server.url("/"), resolver=resolver)
    if by == "refresh" and kind is FailureKind.REFUSED_URL:
        assert (done.outcome, len(done.exchanges)) == (Outcome.COMPLETE, 1)
        return
    assert (done.outcome, done.final_url, len(done.exchanges)) == (Outcome.FAILED, None, 2)
    hop, refused = done.exchanges
    assert (hop.response is not None, hop.redirect_to) == (True, refused.url)
    assert (refused.failure.kind, refused.request, refused.server) == (kind, b"", None)
    assert kind in done.reasons[0]


def test_an_address_that_may_not_be_reached_at_all(serve, capture):
    server = serve({})
    done = capture(server.url("/"), network=Network())
    assert (done.outcome, done.exchanges[0].failure.kind) == (Outcome.FAILED, FailureKind.REFUSED_ADDRESS)
    assert (done.redirect_chain, server.connections) == ((server.url("/"),), 0)


def test_an_invalid_certificate_is_a_reason_and_no_obstacle(serve, capture, wire, authority, local):
    server = serve({"/": wire.page("<img src=/a.png>"), "/a.png": wire.response()}, authority.context("other.example"))
    done = capture(server.url("/"), network=local(ca_file=authority.file))
    assert (done.outcome, len(done.reasons)) == (Outcome.PARTIAL, 1)
    assert "certificate" in done.reasons[0]
    assert not done.page.tls.verified
    strict = capture(server.url("/"), network=local(ca_file=authority.file, reject_invalid_certificates=True))
    assert (strict.outcome, strict.exchanges[0].failure.kind) == (Outcome.FAILED, FailureKind.TLS)


def test_a_page_cut_short(serve, capture):
    whole = b"<title>cut</title><img src=/a.png>" + b" " * 5000
    sent = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9000\r\n\r\n" + whole
    server = serve({"/": lambda c, _: c.sendall(sent), "/a.png": b"HTTP/1.1 204 x\r\n\r\n"})
    done = capture(server.url("/"))
    assert (done.outcome, done.title, len(done.reasons)) == (Outcome.PARTIAL, "cut", 1)
    assert done.page.response.truncated is Truncation.DISCONNECT
    assert paths(done, server) == ["/", "/a.png"]
    done = capture(server.url("/"), limits=Limits(exchange_bytes=500))
    assert (done.page.response.truncated, done.title) == (Truncation.LENGTH, "cut")
    assert "cut short (length)" in done.reasons[0]


def test_more_requisites_than_the_limit(serve, capture, wire):
    server = serve({"/": wire.page("".join(f"<img src=/{i}.png>" for i in range(20)))})
    server.routes |= {f"/{i}.png": wire.response() for i in range(20)}
    done = capture(server.url("/"), limits=Limits(requisites=7))
    assert (done.outcome, len(done.exchanges)) == (Outcome.PARTIAL, 8)
    assert "13" in done.reasons[0]


def test_limits_of_the_capture(serve, capture, wire):
    server = serve({"/": wire.page("".join(f"<img src=/{i}.png>" for i in range(10)))})
    server.routes |= {f"/{i}.png": wire.response(bytes(10_000)) for i in range(10)}
    done = capture(server.url("/"), limits=Limits(capture_bytes=25_000, parallel=1))
    assert sum(e.response.raw.size for e in done.exchanges if e.response) == 25_000
    came, refused = done.exchanges[:4], done.exchanges[4:]
    assert [e.response.truncated for e in came] == [None, None, None, Truncation.LENGTH]
    reached = "the capture's limit of 25000 bytes was reached"
    assert [(e.failure.kind, e.failure.detail) for e in refused] == [(FailureKind.CAPTURE_LIMIT, reached)] * 7
    assert done.outcome is Outcome.PARTIAL

    def slow(connection, _):
        time.sleep(0.4)
        connection.sendall(wire.response())
        return True

    server.routes |= {f"/{i}.png": slow for i in range(10)}
    done = capture(server.url("/"), limits=Limits(capture_seconds=1, parallel=2))
    assert len(done.exchanges) == 11
    # Two at once, two each in one second: then each was at a third, and the rest was not sent.
    cut_off = [e for e in done.exchanges if e.failure and e.failure.kind is FailureKind.TIMEOUT]
    assert len(cut_off) <= 2
    reached = "the capture's limit of 1 seconds was reached"
    failures = [e.failure for e in done.exchanges if e.failure and e not in cut_off]
    assert len(failures) >= 4
    assert {(one.kind, one.detail) for one in failures} == {(FailureKind.CAPTURE_LIMIT, reached)}
    assert done.exchanges[-1].failure in failures


def test_style_sheets_and_frames_within_each_other_end(serve, capture, wire):
    def deeper(connection, request):
        path = request.split(b" ")[1].decode()
        css = path.startswith("/c")
        content = f"@import '{path}x'" if css else f"<iframe src='{path}x'></iframe>"
        connection.sendall(wire.response(content.encode(), "text/css") if css else wire.page(content))
        return True

    server = serve({path + "x" * i: deeper for i in range(30) for path in ("/c", "/f")})
    server.routes["/"] = wire.page("<link rel=stylesheet href=/c><iframe src=/f></iframe>")
    done = capture(server.url("/"))
    assert len(done.exchanges) == 11
    assert (done.outcome, len(done.reasons)) == (Outcome.PARTIAL, 1)
    assert "deeper" in done.reasons[0]


def test_a_page_that_swells_is_recorded_and_read_in_part(serve, capture, wire):
    packed = gzip.compress(b"<title>bomb</title><img src=/a.png>" + bytes(30 << 20))
    sent = wire.response(packed, "text/html").replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1)
    server = serve({"/": sent, "/a.png": wire.response()})
    done = capture(server.url("/"))
    assert (done.outcome, done.title, len(done.reasons)) == (Outcome.PARTIAL, "bomb", 1)
    assert wire.raw(done.page) == sent
    assert paths(done, server) == ["/", "/a.png"]


def test_a_target_that_is_no_page(serve, capture, wire):
    bare = b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n%PDF"
    server = serve({"/a.pdf": wire.response(b"%PDF", "application/pdf"), "/bare": bare})
    for path in server.routes:
        done = capture(server.url(path))
        assert (done.outcome, done.title, len(done.exchanges)) == (Outcome.COMPLETE, None, 1)


def test_what_the_referrer_says_across_sites(serve, capture, wire, local, authority):
    plain = serve({"/p.png": wire.response()})
    other = serve({"/a.png": wire.response()}, authority.context("127.0.0.1"))
    server = serve({}, authority.context("127.0.0.1"))
    server.routes["/page?secret"] = wire.page(
        f"<img src=/own.png><img src={other.url('/a.png')}><img src={plain.url('/p.png')}>"
    )
    server.routes["/own.png"] = wire.response()
    done = capture(server.url("/page?secret"), network=local(ca_file=authority.file))
    assert done.outcome is Outcome.COMPLETE
    assert f"Referer: {server.url('/page?secret')}\r\n".encode() in server.requests[1]
    assert f"Referer: {server.url('/')}\r\n".encode() in other.requests[0]
    assert b"Referer" not in plain.requests[0]


def test_cookies_do_not_outlive_the_capture(serve, capture, wire):
    server = serve(
        {"/": wire.page("<img src=/a.png>", fields="Set-Cookie: a=b\r\n"), "/a.png": wire.response()},
    )
    capture(server.url("/"))
    capture(server.url("/"))
    assert [b"Cookie: a=b" in request for request in server.requests] == [False, True, False, True]


def test_a_capture_that_is_called_off_stops_at_once(serve, capture, wire):
    """An error of the caller must not leave threads waiting for servers that say nothing."""

    class CalledOff(Exception):
        pass

    server = serve({"/": wire.page("<img src=/0.png>" + "".join(f"<img src=/{i}.png>" for i in range(1, 20)))})
    server.routes |= {f"/{i}.png": lambda *_: time.sleep(60) for i in range(1, 20)}
    server.routes["/0.png"] = wire.response()

    def call_off(exchange):
        if exchange.number == 2:
            raise CalledOff

    began = time.monotonic()
    with pytest.raises(CalledOff):
        capture(server.url("/"), on_exchange=call_off)
    assert time.monotonic() - began < 40
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch")]


PROGRAM = """
    import re, sys, tempfile, pathlib
    from datetime import UTC, datetime
    from ipaddress import ip_network
    from sijill.archive.capture.capture import capture_page
    from sijill.archive.capture.exchange import Limits, Network
    with tempfile.TemporaryDirectory() as folder:
        done = capture_page(
            sys.argv[1], capture_id="20261121t011630z-k3j5x2m4q7ab", user_agent="test", workdir=pathlib.Path(folder),
            clock=lambda: datetime.now(UTC), network=Network((ip_network("127.0.0.0/8"),)), limits=Limits(),
        )
        response = done.page.response
        print(done.outcome, response.payload.size, response.raw.size - response.head_size, response.truncated)
        # Not ru_maxrss: that begins with what the process was that started this one.
        print(re.search(r"VmHWM:\\s+([0-9]+) kB", pathlib.Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.parametrize("media_type", ["application/octet-stream", "text/html"])
def test_half_a_gigabyte_fits_through_little_memory(serve, media_type):
    size = 500 << 20
    block = bytes(range(256)) * 4096

    def large(connection, _):
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {size}\r\n\r\n"
        connection.sendall(head.encode())
        for _ in range(size // len(block)):
            connection.sendall(block)

    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), serve({"/": large}).url("/")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    facts, memory = done.stdout.splitlines()
    assert facts.split()[1:] == [str(size), str(size), "None"]
    assert int(memory) < 150 << 10  # KiB


@pytest.mark.parametrize("path", ["/silent", "/page"])
def test_an_interrupt_ends_the_process_promptly(serve, wire, path):
    asked, released = threading.Event(), threading.Event()

    def silent(*_):
        asked.set()
        released.wait(100)

    server = serve({"/silent": silent, "/page": wire.page("<img src=/silent><img src=/silent?2>"), "/silent?2": silent})
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), server.url(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert asked.wait(60)
    os.kill(process.pid, signal.SIGINT)
    # It ends although the server still says nothing.
    _, errors = process.communicate(timeout=50)
    released.set()
    assert errors.rstrip().endswith("KeyboardInterrupt")
