"""What is recorded is what was on the wire."""

import gzip
import hashlib
import time

import pytest

from sijill.archive.capture.exchange import FailureKind, Limits, Purpose
from sijill.archive.digest import digest_bytes

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    b'4;name="a;b"\r\nstat\r\n 5 \r\nement\r\n0;last\r\nX-Sum: 1\r\nX-More:2\r\n\r\n'
)
# name: what the server sends, the payload in it, how many bytes are surplus
KEPT = {
    "plain": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nstatement", b"statement", 0),
    "odd spacing": (
        b"HTTP/1.1   200  Very  OK \r\nCONTENT-LENGTH :9\r\nX:\t a  b \t\r\nX-Fold: a\r\n  b\r\n\r\nstatement",
        b"statement",
        0,
    ),
    "repeated headers": (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nx-b: 1\r\nSet-Cookie: b=2\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n",
        b"",
        0,
    ),
    "latin-1 header": (b"HTTP/1.1 200 D\xe9j\xe0\r\nX: \xff\xfe\r\nContent-Length: 0\r\n\r\n", b"", 0),
    "chunk extensions and trailers": (CHUNKED, b"statement", 0),
    "204": (b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n", b"", 0),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", 0),
    "empty": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", 0),
    "bare LF": (b"HTTP/1.1 200 OK\nContent-Length: 9\n\nstatement", b"statement", 0),
    "surplus": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nstatement and more", b"statement", 9),
    "surplus after 204": (b"HTTP/1.1 204 No Content\r\n\r\nmore", b"", 4),
    "404": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", b"gone", 0),
    "503": (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy", b"busy", 0),
}
ENDED = {
    "HTTP/1.0 without a length": (b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nstatement", b"statement"),
    "HTTP/1.1 without a length": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nstatement", b"statement"),
    "lengths that contradict": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nstat", b"stat"),
    "no header": (b"HTTP/1.0 200 OK\r\n\r\n", b""),
}


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_bytes_are_recorded_exactly(name, tls, fetch, serve, wire, authority):
    sent, body, surplus = KEPT[name]
    server = serve({"/": sent}, authority.context("127.0.0.1") if tls else None)
    done = fetch(server.url("/"))
    assert done.failure is None
    assert wire.raw(done) == sent
    assert done.request == server.requests[0]
    response = done.response
    assert (response.payload, response.surplus, response.truncated) == (digest_bytes(body), surplus, None)
    assert sent[: response.head_size].endswith((b"\r\n\r\n", b"\n\n"))


@pytest.mark.parametrize("name", ENDED)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_bodies_that_end_with_the_connection(name, tls, fetch, serve, wire, authority):
    sent, body = ENDED[name]
    context = authority.context("127.0.0.1") if tls else None
    server = serve({"/": lambda connection, _: connection.sendall(sent)}, context)
    done = fetch(server.url("/"))
    assert (wire.raw(done), done.failure, done.response.truncated) == (sent, None, None)
    assert done.response.payload == digest_bytes(body)
    assert done.response.http_version == sent[5:8].decode()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_one_connection_carries_many_exchanges_and_each_keeps_its_own_bytes(fetch, serve, wire, tls, authority):
    names = [name for name in KEPT if not KEPT[name][2]]
    routes = {f"/{i}": KEPT[name][0] for i, name in enumerate(names)}
    server = serve(routes, authority.context("127.0.0.1") if tls else None)
    for path, sent in routes.items():
        done = fetch(server.url(path))
        assert wire.raw(done) == sent
        assert done.server.port == server.port
        assert (done.tls is not None) is tls
    assert server.connections == 1


def test_after_surplus_the_connection_is_not_used_again(fetch, serve, wire):
    server = serve({"/": KEPT["surplus"][0], "/next": wire.response(b"next")})
    fetch(server.url("/"))
    assert wire.raw(fetch(server.url("/next"))).endswith(b"next")
    assert server.connections == 2


def test_surplus_that_comes_late_does_not_get_into_the_next_response(fetch, serve, wire):
    def late(connection, _):
        connection.sendall(wire.response(b"one"))
        time.sleep(0.1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        return True

    server = serve({"/": late, "/next": wire.response(b"next")})
    fetch(server.url("/"))
    time.sleep(0.4)
    assert wire.raw(fetch(server.url("/next"))) == wire.response(b"next")


def test_interim_responses_are_kept_apart(fetch, serve, wire):
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    final = wire.response(b"statement")

    def in_pieces(connection, _):
        for piece in (interim[:30], interim[30:] + final[:9], final[9:]):
            connection.sendall(piece)
            time.sleep(0.05)
        return True

    server = serve({"/": interim + final, "/pieces": in_pieces})
    for path in ("/", "/pieces"):
        done = fetch(server.url(path))
        assert (wire.raw(done), done.response.interim, done.response.status) == (final, interim, 200)
    assert server.connections == 1


def test_content_coding_stays_on(fetch, serve, wire):
    packed = gzip.compress(b"statement" * 100)
    sent = wire.response(packed).replace(b"\r\n", b"\r\nContent-Encoding: gzip\r\n", 1)
    done = fetch(serve({"/": sent}).url("/"))
    assert wire.raw(done) == sent
    assert done.response.payload.sha256.value == hashlib.sha256(packed).digest()


def test_a_large_body_goes_to_the_working_directory(fetch, serve, wire, tmp_path):
    sent = wire.response(bytes(range(256)) * 4096)
    done = fetch(serve({"/": sent}).url("/"))
    assert wire.raw(done) == sent == wire.raw(done)
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [len(sent)] == [done.response.raw.size]


def test_the_request_is_what_was_asked_for(fetch, serve, wire):
    server = serve({"/a%20b?c[]=%zz&d=%C3%A9": wire.response()})
    done = fetch(server.url("/a b?c[]=%zz&d=é#part"))
    expected = (
        f"GET /a%20b?c[]=%zz&d=%C3%A9 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUser-Agent: test\r\nAccept: */*\r\n"
        "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n\r\n"
    )
    assert done.request.decode() == expected == server.requests[0].decode()
    assert done.url == server.url("/a%20b?c[]=%zz&d=%C3%A9")


def test_any_method_headers_and_body_can_be_sent(fetch, serve, wire):
    server = serve({"/": wire.response()})
    done = fetch(
        server.url("/"),
        method="POST",
        headers={"user-agent": "browser", "X-A": "1", "Host": "other", "content-length": "3", "Connection": "close"},
        body=b"a=b&c",
    )
    head = server.requests[0].decode()
    assert head.startswith(f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nuser-agent: browser\r\n")
    assert "X-A: 1\r\n" in head
    assert "Content-Length: 5\r\n" in head
    assert "close" not in head
    assert "other" not in head
    assert head.endswith("\r\n\r\na=b&c")
    assert done.request == server.requests[0]
    assert fetch(server.url("/"), method="HEAD").method == "HEAD"
    for bad in ({"method": "GET /x"}, {"headers": {"X": "a\r\nY: b"}}):
        with pytest.raises(ValueError):
            fetch(server.url("/"), **bad)


def test_the_environment_has_no_say(fetch, serve, wire, monkeypatch, tmp_path):
    server = serve({"/": wire.response()})
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password word\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert fetch(server.url("/")).response.status == 200
    assert b"Authorization" not in server.requests[0]


def test_cookies_stay_within_one_fetcher(fetch, serve):
    sent = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie : c=d\rX: y\r\nContent-Length: 0\r\n\r\n"
    server = serve({"/": sent})
    fetch(server.url("/"))
    fetch(server.url("/"))
    fetch(server.url("/"), limits=Limits(exchange_seconds=5))
    assert [b"Cookie: a=b\r\n" in request for request in server.requests] == [False, True, False]
    assert not any(b"c=d" in request for request in server.requests)


@pytest.mark.parametrize(
    ("status", "location", "leads_to"),
    [
        (301, b"/next", "/next"),
        (302, b"next?q#part", "/dir/next?q"),
        (303, b"../\xd8\xa8", "/%D8%A8"),
        (307, b"?x", "/dir/page?x"),
        (308, b"//127.0.0.1:{port}/y", "/y"),
        (302, b"", None),
        (300, b"/next", None),
        (200, b"/next", None),
        (304, b"/next", None),
    ],
)
def test_where_a_redirect_leads(fetch, serve, status, location, leads_to):
    server = serve({})
    location = location.replace(b"{port}", str(server.port).encode())
    server.routes["/dir/page"] = b"HTTP/1.1 %d x\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, location)
    done = fetch(server.url("/dir/page"))
    assert done.redirect_to == (server.url(leads_to) if leads_to else None)
    assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["mailto:a@b.example", "http://[", "http://127.1/", "file:///etc/passwd"])
def test_a_redirect_to_no_url_is_told_as_written_and_refused(fetch, serve, location):
    server = serve({"/": f"HTTP/1.1 302 x\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()})
    done = fetch(server.url("/"))
    assert done.redirect_to == location
    refused = fetch(done.redirect_to, via=done.url)
    assert (refused.url, refused.via, refused.failure.kind) == (location, done.url, FailureKind.REFUSED_URL)
    assert (refused.request, refused.server, refused.purpose) == (b"", None, Purpose.PAGE)


def test_a_kept_connection_that_died_is_replaced_without_a_trace(fetch, serve, wire):
    answered = []

    def once(connection, _):
        answered.append(1)
        connection.sendall(wire.response(b"first"))
        if len(answered) == 1:
            wire.reset(connection)

    server = serve({"/": once})
    for _ in range(2):
        done = fetch(server.url("/"))
        assert (done.failure, done.response.status) == (None, 200)
    assert server.connections == 2


def test_a_request_whose_kept_connection_is_closed_on_it_is_sent_once_more(fetch, serve, wire):
    """The server closes after it has read the second request, as one that was about to time out does."""
    seen = []

    def script(connection, request):
        seen.append(connection)
        if len(seen) == 2:
            return False
        connection.sendall(wire.response())
        return True

    server = serve({"/": script})
    fetch(server.url("/"))
    done = fetch(server.url("/"))
    assert (done.failure, done.response.status, done.request) == (None, 200, server.requests[2])
    assert (len(server.requests), server.connections) == (3, 2)


def test_a_post_is_never_sent_twice(fetch, serve, wire):
    seen = []

    def script(connection, request):
        seen.append(request)
        if request.startswith(b"POST"):
            return False
        connection.sendall(wire.response())
        return True

    server = serve({"/": script})
    fetch(server.url("/"))
    done = fetch(server.url("/"), method="POST")
    assert (done.failure.kind, len(seen)) == (FailureKind.RESET, 2)


def test_an_answer_before_the_end_of_a_large_request_is_received(fetch, serve):
    def refuse(connection, _):
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        time.sleep(0.3)

    done = fetch(serve({"/": refuse}).url("/"), method="POST", body=bytes(16 << 20))
    assert (done.response.status, done.failure) == (413, None)
    assert 100 < len(done.request) < 16 << 20
