"""Whatever a server does, an exchange ends within its limits, and what came until then is kept."""

import socket
import time

import pytest

from sijill.archive.capture.exchange import FailureKind, Limits, Truncation

QUICK = Limits(exchange_seconds=1.0)
HANG = 6.0


@pytest.fixture
def timed(fetch):
    """`timed(url)` is the exchange, and the test fails if it took far longer than its limit."""

    def run(url, **options):
        began = time.monotonic()
        done = fetch(url, **{"limits": QUICK} | options)
        assert time.monotonic() - began < HANG
        return done

    return run


def wait(_connection, _request):
    time.sleep(HANG + 1)


def test_a_server_that_says_nothing(timed, serve):
    done = timed(serve({"/": wait}).url("/"))
    assert (done.failure.kind, done.response) == (FailureKind.TIMEOUT, None)
    assert done.request.startswith(b"GET / ")
    assert done.server.ip == "127.0.0.1"


def test_a_server_that_does_not_read(timed, serve):
    server = serve({"/": wait}, read_requests=False)
    done = timed(server.url("/"), method="POST", body=bytes(64 << 20))
    assert (done.failure.kind, done.response) == (FailureKind.TIMEOUT, None)
    assert 0 < len(done.request) < 64 << 20


def test_a_host_that_does_not_accept(timed):
    """A listener whose queue is full leaves further connections unanswered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(("127.0.0.1", port))
            done = timed(f"http://127.0.0.1:{port}/")
    assert (done.failure.kind, done.request, done.server) == (FailureKind.TIMEOUT, b"", None)


def test_a_port_that_nobody_listens_on(timed):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = timed(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert (done.failure.kind, done.request, done.response) == (FailureKind.CONNECT, b"", None)


@pytest.mark.parametrize(
    ("beginning", "kept"),
    [
        (b"", False),
        (b"HTTP/1.1 200 OK\r\nX: ", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", True),
    ],
)
def test_one_byte_now_and_then_ends_at_the_deadline(timed, serve, wire, beginning, kept):
    def drip(connection, _):
        connection.sendall(beginning)
        for byte in b"HTTP/1.1 200 OK\r\nX: " * 10 if not beginning else b"a" * 100:
            connection.sendall(bytes([byte]))
            time.sleep(0.15)

    done = timed(serve({"/": drip}).url("/"))
    assert done.failure.kind is FailureKind.TIMEOUT
    assert (done.response is not None) is kept
    if kept:
        assert done.response.truncated is Truncation.TIME
        assert wire.raw(done).startswith(beginning + b"a")


def test_an_endless_body_ends_at_the_limit_of_bytes(timed, serve, wire):
    def endless(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"a" * 65536)

    done = timed(serve({"/": endless}).url("/"), limits=Limits(exchange_seconds=5, exchange_bytes=300_000))
    assert (done.failure, done.response.truncated) == (None, Truncation.LENGTH)
    assert done.response.raw.size == len(wire.raw(done)) == 300_000
    assert done.response.payload.size == 300_000 - 19


@pytest.mark.parametrize(("room", "truncated"), [(1000, None), (999, Truncation.LENGTH)])
@pytest.mark.parametrize(
    "head", [b"HTTP/1.0 200 OK\r\nX: 123456789012\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"]
)
def test_the_limit_of_bytes_is_exact(timed, serve, head, room, truncated):
    def whole(connection, _):
        connection.sendall(head + b"a" * 1000)

    limit = len(head) + room
    done = timed(serve({"/": whole}).url("/"), limits=Limits(exchange_seconds=5, exchange_bytes=limit))
    assert (done.response.truncated, done.response.raw.size) == (truncated, limit)


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_a_huge_header(timed, serve, end):
    def huge(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000 + end)
        time.sleep(0.5)

    done = timed(serve({"/": huge}).url("/"))
    assert (done.failure.kind, done.response) == (FailureKind.HEADER_LIMIT, None)


def test_a_huge_trailer_leaves_the_body(timed, serve):
    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n" + b"T: v\r\n" * 20_000
    done = timed(serve({"/": sent}).url("/"))
    assert done.failure.kind is FailureKind.HEADER_LIMIT
    assert (done.response.payload.size, done.response.truncated) == (2, Truncation.LENGTH)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_body_shorter_than_its_length(timed, serve, wire, tls, authority):
    sent = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"
    context = authority.context("127.0.0.1") if tls else None
    done = timed(serve({"/": lambda c, _: c.sendall(sent)}, context).url("/"))
    assert (done.failure.kind, done.response.truncated) == (FailureKind.RESET, Truncation.DISCONNECT)
    assert wire.raw(done) == sent
    assert done.response.payload.size == 5


def test_a_reset_in_the_body(timed, serve, wire):
    sent = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"

    def broken(connection, _):
        connection.sendall(sent)
        time.sleep(0.2)
        wire.reset(connection)

    done = timed(serve({"/": broken}).url("/"))
    assert (done.failure.kind, done.response.truncated) == (FailureKind.RESET, Truncation.DISCONNECT)
    assert wire.raw(done) == sent


def test_a_chunked_body_that_breaks_off(timed, serve):
    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo"
    done = timed(serve({"/": lambda c, _: c.sendall(sent)}).url("/"))
    assert (done.failure.kind, done.response.truncated) == (FailureKind.RESET, Truncation.DISCONNECT)
    assert done.response.payload.size == 7


def test_a_connection_that_ends_at_once(timed, serve):
    for script in (lambda *_: False, lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\nX: y\r\n")):
        done = timed(serve({"/": script}).url("/"))
        assert (done.failure.kind, done.response) == (FailureKind.RESET, None)


@pytest.mark.parametrize("sent", [b"SSH-2.0-OpenSSH_9.2\r\n", b"220 mail.example ESMTP\r\n", b"<html>hello</html>"])
def test_what_is_not_http(timed, serve, sent):
    done = timed(serve({"/": lambda c, _: c.sendall(sent)}).url("/"))
    assert (done.failure.kind, done.response) == (FailureKind.MALFORMED, None)
    assert sent[:10].decode() in done.failure.detail


def test_chunks_that_are_none(timed, serve, wire):
    sent = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\nworld"
    done = timed(serve({"/": sent}).url("/"))
    assert (done.failure.kind, done.response.truncated) == (FailureKind.MALFORMED, Truncation.UNSPECIFIED)
    assert wire.raw(done) == sent
    assert done.response.payload.size == 5


def test_limits_of_the_whole_capture_stop_further_requests(timed, serve, wire):
    server = serve({"/": wire.response(b"a" * 5000)})
    limits = Limits(exchange_seconds=5, capture_bytes=3000)
    assert timed(server.url("/"), limits=limits).response.truncated is Truncation.LENGTH
    second = timed(server.url("/"), limits=limits)
    assert (second.failure.kind, second.request, len(server.requests)) == (FailureKind.CAPTURE_LIMIT, b"", 1)
    late = timed(server.url("/"), limits=Limits(capture_seconds=0))
    assert (late.failure.kind, late.request, len(server.requests)) == (FailureKind.CAPTURE_LIMIT, b"", 1)


def test_an_unresolvable_name(timed):
    done = timed("http://nothing.invalid/", limits=Limits(exchange_seconds=5))
    assert done.failure.kind in {FailureKind.DNS, FailureKind.TIMEOUT}
    assert (done.request, done.server) == (b"", None)

    def unknown(*_):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    done = timed("http://nothing.example/", resolver=unknown)
    assert done.failure.kind is FailureKind.DNS
    assert "not known" in done.failure.detail


def test_a_name_service_that_says_nothing(timed):
    done = timed("http://slow.example/", resolver=lambda *_: time.sleep(HANG) or [])
    assert (done.failure.kind, done.request) == (FailureKind.TIMEOUT, b"")
