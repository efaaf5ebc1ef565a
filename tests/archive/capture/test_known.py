"""What was received before stands for what would be sent again, or the server is asked on a condition."""

import io
import re
import uuid

import pytest

from sijill.archive.capture.exchange import Original, Outcome, Purpose, RevisitKind
from sijill.archive.capture.known import Known, can_be_original, conditions, may_be_reused
from sijill.archive.digest import digest_bytes
from sijill.archive.warc.writer import write_capture

CSS = b"body { background: url(ground.png) }"
PAGE = '<title>t</title><link rel=stylesheet href=/site.css><img src=/logo.png><iframe src="/frame.html"></iframe>'
PAGE += '<main><a href="/report.pdf">report</a></main>'
MODIFIED = "Wed, 11 Nov 2026 10:00:00 GMT"


class Shelf:
    """What one capture brought, known to the next."""

    def __init__(self, capture, *, this_run=False):
        warc = io.BytesIO()
        written = write_capture(capture, warc, new_id=lambda: uuid.uuid4().urn, info={})
        self.known, self.asked, self.said = {}, [], []
        for exchange in capture.exchanges:
            if (member := written.originals.get(exchange.number)) is not None:
                data = warc.getvalue()[member.offset : member.offset + member.digests.size]
                assert digest_bytes(data) == member.digests
                original = Original(
                    capture_id=capture.id,
                    envelope_sha256="0" * 64,
                    warc=written.digests,
                    record=written.records[exchange.number],
                    url=exchange.url,
                    date=exchange.started,
                    media_type=exchange.media_type,
                    payload=exchange.payload,
                    offset=member.offset,
                    member=member.digests,
                )
                response = exchange.response
                self.known[exchange.url] = Known(original, response.headers, this_run, response)

    def find(self, url, *, content, deadline, called_off):
        assert not called_off()
        self.asked.append((url.rpartition("/")[2], content))
        return self.known.get(url)

    def received(self, exchange):
        self.said.append(exchange.url.rpartition("/")[2])


def site(wire, routes=()):
    return {
        "/": wire.page(PAGE),
        "/site.css": wire.response(CSS, "text/css"),
        "/logo.png": wire.response(b"logo"),
        "/ground.png": wire.response(b"ground"),
        "/frame.html": wire.page("<img src=/framed.png>"),
        "/framed.png": wire.response(b"framed"),
        "/report.pdf": wire.response(b"%PDF", "application/pdf"),
        **dict(routes),
    }


def validated(body, media_type="text/css", *, etag='"1"', answer=b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'):
    """Answers 304 to whoever has `etag` already."""
    fields = f"ETag: {etag}\r\nLast-Modified: {MODIFIED}\r\nContent-Type: {media_type}\r\n"
    full = f"HTTP/1.1 200 OK\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def script(connection, request):
        connection.sendall(answer if f"If-None-Match: {etag}\r\n".encode() in request else full)
        return True

    return script


def kinds(capture):
    return {
        exchange.url.rpartition("/")[2]: exchange.revisit.kind if exchange.revisit else exchange.status
        for exchange in capture.exchanges
    }


def requests_for(server, name):
    return [request for request in server.requests if request.split(b" ")[1] == f"/{name}".encode()]


def test_what_is_fetched_again_and_is_the_same_is_identical(serve, wire, capture):
    server = serve(site(wire))
    first = capture(server.url())
    second = capture(server.url(), known=Shelf(first))
    assert kinds(second) == {
        "": 200,
        **dict.fromkeys(
            ("site.css", "logo.png", "ground.png", "frame.html", "framed.png", "report.pdf"), RevisitKind.IDENTICAL
        ),
    }
    assert (second.outcome, second.reasons) == (Outcome.COMPLETE, ())
    for one, other in zip(first.exchanges, second.exchanges, strict=True):
        assert (one.url, one.status, one.media_type, one.payload, one.via) == (
            other.url,
            other.status,
            other.media_type,
            other.payload,
            other.via,
        )
        assert other.request
        assert other.server is not None


def test_what_a_capture_of_the_run_received_is_not_asked_for_again(serve, wire, capture):
    server = serve(site(wire))
    first = capture(server.url())
    before = len(server.requests)
    shelf = Shelf(first, this_run=True)
    second = capture(server.url(), known=shelf)
    assert [request.split(b" ")[1] for request in server.requests[before:]] == [b"/"]
    assert set(kinds(second).values()) == {200, RevisitKind.REUSED}
    assert [one.url for one in second.exchanges] == [one.url for one in first.exchanges]
    for one in second.exchanges[1:]:
        assert (one.request, one.response, one.failure, one.server, one.tls) == (b"", None, None, None, None)
        assert (one.status, one.answered, one.method) == (200, True, "GET")
        assert one.started == one.ended
    assert dict(shelf.asked)["frame.html"]
    assert not dict(shelf.asked)["report.pdf"]
    assert shelf.said == [], "nothing was received"


def test_a_server_that_says_that_nothing_changed_sends_nothing(serve, wire, capture):
    server = serve(site(wire, {"/site.css": validated(CSS)}))
    first = capture(server.url())
    second = capture(server.url(), known=Shelf(first))
    assert kinds(second)["site.css"] is RevisitKind.NOT_MODIFIED
    assert kinds(second)["ground.png"] is RevisitKind.IDENTICAL, "what the style sheet needs was found in the one kept"
    request = requests_for(server, "site.css")[1]
    assert b'If-None-Match: "1"\r\n' in request
    assert f"If-Modified-Since: {MODIFIED}\r\n".encode() in request
    style = next(one for one in second.exchanges if one.url.endswith("site.css"))
    assert (style.status, style.media_type, style.payload) == (304, "text/css", digest_bytes(CSS))
    assert wire.raw(style).startswith(b"HTTP/1.1 304 ")
    assert second.outcome is Outcome.COMPLETE


def test_what_changed_is_stored_in_full(serve, wire, capture):
    routes = site(wire, {"/site.css": validated(CSS)})
    server = serve(routes)
    first = capture(server.url())
    routes["/site.css"] = validated(b"body { background: url(framed.png) }", etag='"2"')
    second = capture(server.url(), known=Shelf(first))
    style = next(one for one in second.exchanges if one.url.endswith("site.css"))
    assert (style.revisit, style.status) == (None, 200)
    assert can_be_original(style)
    assert b'If-None-Match: "1"' in style.request
    assert "ground.png" not in kinds(second)


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 304 Not Modified\r\nETag: "2"\r\n\r\n',
        b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
)
def test_a_304_for_something_else_is_kept_and_the_thing_is_asked_for_anew(serve, wire, capture, answer):
    server = serve(site(wire, {"/site.css": validated(CSS, answer=answer)}))
    first = capture(server.url())
    second = capture(server.url(), known=Shelf(first))
    styles = [one for one in second.exchanges if one.url.endswith("site.css")]
    assert [(one.status, one.revisit) for one in styles] == [(304, None), (200, None)]
    assert b"If-None-Match" not in styles[1].request
    assert [one.number for one in second.exchanges] == list(range(1, len(second.exchanges) + 1))
    assert "ground.png" in kinds(second)


def test_another_type_or_coding_of_the_same_bytes_is_another_response(serve, wire, capture):
    routes = site(wire)
    server = serve(routes)
    first = capture(server.url())
    routes["/logo.png"] = wire.response(b"logo", "image/webp")
    routes["/report.pdf"] = routes["/report.pdf"].replace(b"Content-Length", b"Content-Encoding: br\r\nContent-Length")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
    routes["/framed.png"] = head + b"6\r\nframed\r\n0\r\n\r\n"
    found = kinds(capture(server.url(), known=Shelf(first)))
    assert (found["logo.png"], found["report.pdf"], found["framed.png"]) == (200, 200, 200)


def test_the_page_is_never_taken_from_elsewhere(serve, wire, capture):
    server = serve(site(wire))
    first = capture(server.url())
    shelf = Shelf(first, this_run=True)
    assert server.url() not in shelf.known
    frame = server.url("/frame.html")
    assert frame in shelf.known
    page = capture(frame, known=shelf)
    assert [one.revisit is None for one in page.exchanges] == [True, False]
    assert page.exchanges[0].purpose is Purpose.PAGE


def test_what_is_known_of_another_url_is_not_taken(serve, wire, capture):
    server = serve(site(wire))
    shelf = Shelf(capture(server.url()), this_run=True)
    shelf.known = {url: shelf.known[server.url("/framed.png")] for url in shelf.known}
    found = kinds(capture(server.url(), known=shelf))
    assert [name for name, kind in found.items() if kind != 200] == ["framed.png"]


@pytest.mark.parametrize("field", ["Cache-Control: max-age=60, no-store", "Vary: *", "Set-Cookie: a=1"])
def test_what_is_not_to_be_shared_is_asked_for_each_time(serve, wire, capture, field):
    style = wire.response(CSS, "text/css").replace(b"Content-Type", f"{field}\r\nContent-Type".encode(), 1)
    server = serve(site(wire, {"/site.css": style}))
    first = capture(server.url())
    second = capture(server.url(), known=Shelf(first, this_run=True))
    assert kinds(second)["site.css"] is RevisitKind.IDENTICAL
    assert kinds(second)["logo.png"] is RevisitKind.REUSED
    assert len(requests_for(server, "site.css")) == 2


def test_only_what_is_whole_and_plain_may_be_referred_to(serve, wire, capture):
    chunked = b"HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na{\r\n0\r\n\r\n"
    routes = {
        "/": wire.page("".join(f"<img src=/{name}>" for name in ("ok", "short", "chunked", "gone", "more", "moved"))),
        "/ok": wire.response(),
        "/short": lambda connection, _: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
        "/chunked": chunked,
        "/more": lambda connection, _: connection.sendall(wire.response(b"four") + b"EXTRA"),
        "/moved": b"HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n",
    }
    made = capture(serve(routes).url())
    assert {re.sub(".*/", "", one.url) for one in made.exchanges if can_be_original(one)} == {"ok"}
    assert {re.sub(".*/", "", url) for url in Shelf(made).known} == {"ok"}


def test_what_came_over_a_doubtful_connection_is_not_referred_to(serve, wire, capture, authority, local):
    server = serve(site(wire), tls=authority.context("127.0.0.1", self_signed=True))
    made = capture(server.url())
    assert made.outcome is Outcome.PARTIAL
    assert not any(can_be_original(one) for one in made.exchanges)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((), {}),
        ((("ETag", '"abc"'),), {"If-None-Match": '"abc"'}),
        (
            (("etag", 'W/"abc"'), ("LAST-MODIFIED", MODIFIED)),
            {"If-None-Match": 'W/"abc"', "If-Modified-Since": MODIFIED},
        ),
        ((("ETag", "abc"),), {}),
        ((("ETag", '"a", "b"'),), {}),
        ((("ETag", '"' + "a" * 401 + '"'),), {}),
        ((("ETag", '"a\tb"'), ("Last-Modified", "yesterday")), {}),
        ((("ETag", "*"), ("Last-Modified", MODIFIED + "\x0b")), {}),
    ],
)
def test_conditions(fields, expected):
    assert conditions(fields) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ((), True),
        ((("Cache-Control", "max-age=0, must-revalidate"),), True),
        ((("Vary", "Accept-Encoding, User-Agent"),), True),
        ((("vary", "ACCEPT-ENCODING"), ("Vary", "*")), False),
        ((("Vary", "Cookie"),), False),
        ((("Vary", "Accept, Referer"),), False),
        ((("Cache-Control", "private"), ("cache-control", "No-Store")), False),
        ((("Cache-Control", 'no-cache="set-cookie"'),), False),
        ((("set-cookie", "a=1"),), False),
    ],
)
def test_reuse(fields, expected):
    assert may_be_reused(fields) is expected
