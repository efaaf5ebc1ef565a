"""Taking responses apart, whole or in any pieces, and never otherwise than the fetcher does."""

from __future__ import annotations

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sijill.archive.capture.http1 import MalformedResponse, ResponseReader
from sijill.archive.warc import http_message
from sijill.archive.warc.http_message import LINE_LIMIT, ResponseParser, is_plain_head

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def parse(*pieces: bytes, method: str = "GET") -> tuple[bytes, ResponseParser]:
    parser = ResponseParser(method)
    payload = b"".join(bytes(part) for piece in pieces for part in parser.feed(piece))
    parser.finish()
    return payload, parser


@pytest.mark.parametrize(
    ("framing", "payload"),
    [
        (b"4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n", b"Wikipedia"),
        (b'4;a=1;b="x;y"\r\nWiki\r\n0;last\r\n\r\n', b"Wiki"),
        (b"4  \r\nWiki\r\n000\r\n\r\n", b"Wiki"),
        (b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\nExpires: 0\r\nX-Sum: 1\r\n\r\n", b"0123456789" * 2),
        (b"0\r\n\r\n", b""),
        (b"4\nWiki\n0\n\n", b"Wiki"),
    ],
)
def test_chunks_with_extensions_and_trailers(framing, payload):
    found, parser = parse(CHUNKED + framing)
    assert (found, parser.problem, parser.surplus) == (payload, None, 0)


@pytest.mark.parametrize(
    ("framing", "payload", "problem"),
    [
        (b"4\r\nWikiX\r\n0\r\n\r\n", b"Wiki", "chunk longer"),
        (b"+4\r\nWiki\r\n0\r\n\r\n", b"", "hexadecimal"),
        (b"0x4\r\nWiki\r\n0\r\n\r\n", b"", "hexadecimal"),
        (b"4_0\r\nWiki\r\n0\r\n\r\n", b"", "hexadecimal"),
        (b"-1\r\n", b"", "hexadecimal"),
        (b"\r\n4\r\nWiki", b"", "hexadecimal"),
        (b"ffffffffffffffff\r\n", b"", "hexadecimal"),
        (b"4;" + b"x" * LINE_LIMIT + b"\r\nWiki\r\n0\r\n\r\n", b"", "too long"),
        (b"4\r\nWiki\r\n0\r\n" + b"X: 1\r\n" * 400_000, b"Wiki", "trailer too long"),
        (b"4\r\nWi", b"Wi", "ends within"),
        (b"4\r\nWiki\r\n", b"Wiki", "ends within"),
        (b"4\r\nWiki\r\n0\r\n", b"Wiki", "ends within"),
    ],
)
def test_broken_chunks_end_the_payload(framing, payload, problem):
    found, parser = parse(CHUNKED + framing)
    assert found == payload
    assert problem in (parser.problem or "")


@pytest.mark.parametrize(
    ("raw", "payload", "surplus", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour", b"four", 0, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfourmore", b"four", 4, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfo", b"fo", 0, "ends within the body"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\nContent-Length: 4\r\n\r\nfour", b"four", 0, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nfour", b"four", 0, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nfour", b"four", 0, None),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            b"x",
            0,
            None,
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\nfour", b"four", 0, None),
        (b"HTTP/1.0 200\r\n\r\nto the end", b"to the end", 0, None),
        (b"HTTP/1.1 204 No Content\r\n\r\nxy", b"", 2, None),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", 0, None),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x", 0, None),
        (b"HTTP/1.1 200 OK\nContent-Length : 1\n\nxy", b"x", 1, None),
        (b"HTTP/1.1 200 OK\r\nX: a\r\n  Content-Length: 1\r\nno colon\r\nContent-Length: 2\r\n\r\nxyz", b"xy", 1, None),
        (b"ICY 200 OK\r\n\r\nx", b"", 0, "not an HTTP/1.x status line"),
        (b"HTTP/1.1 200 OK\r\nX: 1\r\n", b"", 0, "no whole HTTP header"),
        (b"", b"", 0, "no whole HTTP header"),
    ],
)
def test_where_the_body_ends(raw, payload, surplus, problem):
    for pieces in ([raw], [raw[at : at + 1] for at in range(len(raw))]):
        found, parser = parse(*pieces)
        assert (found, parser.surplus, parser.problem) == (payload, surplus, problem)


def test_a_response_to_head_has_no_body():
    found, parser = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", method="HEAD")
    assert (found, parser.problem, parser.surplus) == (b"", None, 0)


def test_head_is_read_as_sent():
    _, parser = parse(
        b"HTTP/1.1 404  Not Found \r\nContent-Type:text/HTML ;charset=x\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\n"
    )
    head = parser.head
    assert head is not None
    assert (head.version, head.status, head.reason, head.media_type) == ("1.1", 404, "Not Found", "text/HTML")
    assert head.headers[1:] == (("Set-Cookie", "a"), ("set-cookie", "b"))


@pytest.mark.parametrize(
    ("head", "plain"),
    [
        (b"HTTP/1.1 200 OK\r\nA: 1\r\n\r\n", True),
        (b"HTTP/1.0 200\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nA: \xe9\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\nA: 1\n\n", False),
        (b"HTTP/1.1 200 OK\r\nA: 1\nB: 2\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nA: 1\r\n more\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n \r\nA: 1\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nA : 1\r\n\r\n", False),
        (b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nA: 1\r\n", False),
        (b"", False),
    ],
)
def test_plain_heads(head, plain):
    assert is_plain_head(head) is plain


LINES = st.sampled_from(
    [
        b"Transfer-Encoding: chunked",
        b"transfer-encoding:\tgzip , Chunked",
        b"Transfer-Encoding:",
        b"Content-Length: 5",
        b"Content-Length: 0",
        b"Content-Length: 5,5",
        b"Content-Length: 1x",
        b"Content-Length : 3",
        b"X: y",
        b" folded",
        b"no colon",
    ]
)
BODIES = st.lists(
    st.sampled_from(
        [
            b"5\r\nhello\r\n",
            b"5;x=y\nhello\n",
            b"0\r\n\r\n",
            b"0\r\nT: 1\r\n\r\n",
            b"A\r\n",
            b"\r\n",
            b"\n",
            b"x",
            b"1" * 20,
            b" 2 \r\n",
        ]
    ),
    max_size=8,
).map(b"".join)
STATUS = st.sampled_from([b"200 OK", b"200", b"204 None", b"304  Not ", b"101 Switch", b"404 \xe9"])


@given(
    status=STATUS,
    lines=st.lists(LINES, max_size=4),
    end=st.sampled_from([b"\r\n", b"\n"]),
    interim=st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n"]),
    body=BODIES,
    step=st.integers(1, 40),
)
@example(b"200 OK", [b"Transfer-Encoding: chunked"], b"\r\n", b"", b"5\r\nhelloX\r\n", 7)
def test_agrees_with_the_fetcher(status, lines, end, interim, body, step):
    raw = interim + end.join([b"HTTP/1.1 " + status, *lines, b"", b""]) + body
    payload = io.BytesIO()
    fetcher = ResponseReader("GET", header_limit=1 << 16, payload=payload.write)
    read, malformed = 0, False
    try:
        for at in range(0, len(raw), step):
            read += fetcher.feed(raw[at : at + step])
    except MalformedResponse:
        malformed = True
    found, parser = parse(*[raw[at : at + step] for at in range(0, len(raw), step)])
    assert found == payload.getvalue()
    whole = fetcher.complete or fetcher.until_close
    assert (parser.problem is None) == (whole and not malformed)
    if whole:
        assert fetcher.head is not None
        assert parser.head is not None
        assert parser.head.headers == fetcher.head.headers
        assert parser.head.size == len(fetcher.interim) + fetcher.head.size
        assert parser.surplus == len(raw) - read


def test_a_field_of_very_many_lines():
    head = b"HTTP/1.1 200 OK\r\nX-Long: a\r\n" + b" b\r\n \r\n" * 200_000 + b"Y: z\r\n\r\n"
    parsed = http_message.parse_head(head)
    assert parsed.headers == (("X-Long", "a" + " b" * 200_000), ("Y", "z"))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("200", ""),
        ("200 ", ""),
        ("200  \t", ""),
        ("200 OK", "OK"),
        ("200 \t Not  quite\t ", "Not  quite"),
        ("200" + " " * 500_000, ""),
    ],
)
def test_reasons(line, reason):
    assert http_message.parse_head(f"HTTP/1.1 {line}\r\n\r\n".encode()).reason == reason
