"""Reading what a response holds never takes more memory than was allowed."""

import gzip
import tracemalloc
import zlib
from pathlib import Path

import pytest

from sijill.archive.capture.content import decode, payload
from sijill.archive.capture.exchange import Response
from sijill.archive.capture.http1 import parse_head
from sijill.archive.capture.spool import MemoryBody, Spool
from sijill.archive.digest import digest_bytes

TEXT = b"statement of organisations " * 400
RAW_DEFLATE = zlib.compress(TEXT)[2:-4]


def made(body, coding=None, *, chunk=None):
    fields = f"Content-Encoding: {coding}\r\n" if coding else ""
    if chunk:
        body = b"".join(
            b"%x\r\n%s\r\n" % (len(p), p) for p in (body[i : i + chunk] for i in range(0, len(body), chunk))
        )
        body += b"0\r\n\r\n"
        fields += "Transfer-Encoding: chunked\r\n"
    head = f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode()
    parsed = parse_head(head)
    return Response(MemoryBody(head + body), len(head), "1.1", 200, "OK", parsed.headers, digest_bytes(body), 0, None)


@pytest.mark.parametrize("chunk", [None, 1, 1000])
@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (TEXT, None),
        (TEXT, "identity"),
        (gzip.compress(TEXT), "gzip"),
        (gzip.compress(TEXT), "X-GZip"),
        (gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:]), "gzip"),
        (gzip.compress(TEXT) + bytes(20), "gzip"),
        (zlib.compress(TEXT), "deflate"),
        (RAW_DEFLATE, "deflate"),
    ],
    ids=["none", "identity", "gzip", "x-gzip", "members", "padding", "zlib", "raw deflate"],
)
def test_codings(body, coding, chunk):
    content = decode(made(body, coding, chunk=chunk), limit=1 << 20)
    assert (content.data, content.problem) == (TEXT, None)


def test_the_payload_keeps_its_coding():
    packed = gzip.compress(TEXT)
    assert b"".join(payload(made(packed, "gzip", chunk=7))) == packed


@pytest.mark.parametrize(
    ("body", "coding", "data", "word"),
    [
        (b"x", "br", b"", "'br'"),
        (b"x", "gzip, gzip", b"", "gzip, gzip"),
        (b"no gzip", "gzip", b"", "not gzip"),
        (gzip.compress(TEXT)[:-12], "gzip", TEXT[:1000], "breaks off"),
        (gzip.compress(TEXT) + gzip.compress(TEXT)[:-12], "gzip", TEXT, "breaks off"),
        (b"", "gzip", b"", None),
    ],
)
def test_problems_are_told(body, coding, data, word):
    content = decode(made(body, coding), limit=1 << 20)
    assert content.data.startswith(data)
    assert content.problem is None if word is None else word in content.problem


def test_more_than_the_limit_is_not_read():
    for response in (made(TEXT), made(gzip.compress(TEXT), "gzip")):
        content = decode(response, limit=1000)
        assert (content.data, "larger" in content.problem) == (TEXT[:1000], True)
        assert decode(response, limit=len(TEXT)).problem is None


def test_a_bomb_does_not_go_off():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    response = made(gzip.compress(bomb), "gzip")
    bare = made(bomb, "gzip")
    tracemalloc.start()
    assert len(decode(bare, limit=1 << 20).data) == 1 << 20
    assert len(decode(response, limit=1 << 20).data) <= 1 << 20
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def test_a_spool_gives_back_what_went_in(tmp_path):
    for size in (0, 9, 10, 11, 5000):
        spool = Spool(tmp_path, in_memory=10)
        for start in range(0, size, 7):
            spool.write(bytes(range(256))[start % 200 :][: min(7, size - start)])
        body = spool.finish()
        assert body.size == size
        with body.open() as first, body.open() as second:
            assert first.read() == second.read()
        assert isinstance(body, MemoryBody) == (size <= 10)
    before = set(tmp_path.iterdir())
    spool = Spool(tmp_path, in_memory=10)
    spool.write(bytes(100))
    spool.discard()
    assert set(tmp_path.iterdir()) == before


def test_a_spool_without_a_folder_says_so(tmp_path):
    spool = Spool(Path(tmp_path, "gone"), in_memory=10)
    with pytest.raises(FileNotFoundError):
        spool.write(bytes(11))
