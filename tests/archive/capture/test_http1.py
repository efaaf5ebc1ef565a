"""Reading responses out of bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.archive.capture.http1 import HeaderTooLarge, MalformedResponse, ResponseReader, parse_head

BEGUN = b"HTTP/1.1 200 OK\r\n"
CASES = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", b""),
    "surplus": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world", b"hello", b", world"),
    "same length twice": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\nhello", b"hello", b""),
    "space before colon": (b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", b"hello", b""),
    "bare LF": (b"HTTP/1.0 200 OK\nContent-Length:5\n\nhello", b"hello", b""),
    "no body": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx", b"", b"x"),
    "204": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", b"", b"hello"),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"", b""),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"hello", b""),
    "chunk extensions and trailer": (
        BEGUN + b'Transfer-Encoding: Chunked\r\n\r\n 002 ; a="b;c"\r\nhe\r\n3;x\r\nllo\r\n00\r\nT: v\r\nU:w\r\n\r\n!',
        b"hello",
        b"!",
    ),
    "chunked counts before length": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"hello",
        b"",
    ),
    "interim": (
        b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100\r\n\r\n" + BEGUN + b"Content-Length: 5\r\n\r\nhello",
        b"hello",
        b"",
    ),
}


def read(data, pieces=None, *, method="GET", limit=65536):
    payload = bytearray()
    reader = ResponseReader(method, header_limit=limit, payload=payload.extend)
    surplus = b""
    for piece in pieces or [data]:
        surplus += piece[reader.feed(piece) :]
    return reader, bytes(payload), surplus


@pytest.mark.parametrize("name", CASES)
def test_body_and_surplus_are_told_apart(name):
    data, body, surplus = CASES[name]
    reader, found, rest = read(data)
    assert (reader.complete, found, rest) == (True, body, surplus)


@given(st.sampled_from(sorted(CASES)), st.lists(st.integers(0, 150), max_size=12))
def test_how_the_bytes_are_cut_does_not_matter(name, cuts):
    data, body, surplus = CASES[name]
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    whole, _, _ = read(data)
    reader, found, rest = read(data, pieces)
    assert (reader.complete, found, rest) == (True, body, surplus)
    assert (reader.head, reader.interim) == (whole.head, whole.interim)


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", BEGUN, BEGUN + b"\r\n", BEGUN + b"Transfer-Encoding: chunked\r\n\r\n"]),
)
def test_no_bytes_raise_anything_else(tail, head):
    try:
        _, payload, surplus = read(head + tail, limit=100)
    except (MalformedResponse, HeaderTooLarge):
        return
    assert len(payload) + len(surplus) <= len(head + tail)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
    ],
)
def test_without_a_length_to_believe_the_body_ends_with_the_connection(head):
    reader, body, surplus = read(head + b"anything")
    assert (reader.until_close, reader.complete, reader.reusable) == (True, False, False)
    assert (body, surplus) == (b"anything", b"")


def test_a_response_to_head_has_no_body():
    reader, body, surplus = read(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method="HEAD")
    assert (reader.complete, reader.reusable, body, surplus) == (True, True, b"", b"")


def test_names_values_and_repetitions_are_kept():
    head = parse_head(
        b"HTTP/1.1 200  Fine \r\nX-A : 1\r\nx-a:2 \r\n\tfolded\r\nno colon\r\nSet-Cookie: a=b\r\nE:\r\nL: \xe9\r\n\r\n"
    )
    assert (head.http_version, head.status, head.reason) == ("1.1", 200, "Fine")
    assert head.headers == (("X-A", "1"), ("x-a", "2 folded"), ("Set-Cookie", "a=b"), ("E", ""), ("L", "é"))


@pytest.mark.parametrize(
    ("data", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: foo, Close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n", True),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", False),
    ],
)
def test_whether_the_connection_may_be_used_again(data, reusable):
    reader, _, _ = read(data)
    assert (reader.complete, reader.reusable) == (True, reusable)


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"<html>",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 099 x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 16 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"e" * 20000 + b"\r\n",
    ],
)
def test_what_is_not_http_is_refused(data):
    with pytest.raises(MalformedResponse):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 2000,
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 2000 + b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: v\r\n" * 400,
    ],
)
def test_headers_and_trailers_are_bounded(data):
    for pieces in ([data], [data[i : i + 7] for i in range(0, len(data), 7)]):
        with pytest.raises(HeaderTooLarge):
            read(data, pieces, limit=1000)
