"""A small capture and its WARC. All bytes are the same on every machine: WARC members are deflated by stored blocks,
because what a deflate library makes of its input changes with its version.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import zlib
from datetime import UTC, datetime, timedelta

from sijill.archive.capture.browser.rendering import (
    Appearance,
    BrowserFacts,
    Rendering,
    RenderingFile,
    Screenshot,
    ScreenshotKind,
    Waiting,
)
from sijill.archive.capture.exchange import (
    Capture,
    Exchange,
    Failure,
    FailureKind,
    Limits,
    Outcome,
    Purpose,
    Response,
    ServerAddress,
    TlsFacts,
)
from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import digest_bytes
from sijill.archive.warc.member import gzip_stored
from sijill.archive.warc.writer import write_capture

STARTED = datetime(2026, 11, 21, 1, 16, 30, 123456, tzinfo=UTC)
CAPTURE_ID = "20261121t011630z-k3j2x5m4q7ab"
OTHER_ID = "20261121t011630z-abcdefghijkl"
TARGET = "http://site.example/statement"
PAGE = "https://site.example/statement"
IMAGE = "https://site.example/seal.gif"
HTML = "<!doctype html><html lang=ar><title>بيان مشترك</title><p>نحن المنظمات الموقعة أدناه<img src=seal.gif>".encode()
GIF = bytes.fromhex("47494638396101000100800000000000ffffff2c00000000010001000002024401003b")
TLS = TlsFacts(
    "TLSv1.3",
    "TLS_AES_256_GCM_SHA384",
    (b"not a real certificate: site.example", b"not a real certificate: issuer"),
    verified=False,
    verify_error="self-signed certificate in certificate chain",
)


def capture(capture_id: str = CAPTURE_ID, html: bytes = HTML) -> Capture:
    """A redirect to a page in chunks, an image, and a script whose host does not exist."""
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(html), html)
    exchanges = (
        exchange(
            1, TARGET, b"HTTP/1.1 301 Moved\r\nLocation: " + PAGE.encode() + b"\r\nContent-Length: 0\r\n\r\n", b""
        ),
        exchange(
            2,
            PAGE,
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
            + chunked,
            html,
        ),
        exchange(
            3,
            IMAGE,
            b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: %d\r\n\r\n" % len(GIF) + GIF,
            GIF,
        ),
        dataclasses.replace(
            exchange(4, "https://nowhere.example/x.js", b"HTTP/1.1 200 OK\r\n\r\n", b""),
            request=b"",
            response=None,
            server=None,
            tls=None,
            failure=Failure(FailureKind.DNS, "no such host"),
        ),
    )
    return Capture(
        id=capture_id,
        target=TARGET,
        final_url=PAGE,
        outcome=Outcome.PARTIAL,
        reasons=("https://nowhere.example/x.js: no such host",),
        started=STARTED,
        ended=STARTED + timedelta(seconds=2),
        exchanges=exchanges,
        limits=Limits(),
        user_agent="sijill/0.1.0 (+https://archive.example/)",
        title="بيان مشترك",
    )


def rendered(*files: tuple[str, str, bytes]) -> Capture:
    """The small capture, of whose page a browser made `files`: names, media types and contents."""
    pictures = [name for name, media_type, _ in files if media_type == "image/png"]
    rendering = Rendering(
        browser=BrowserFacts("Chromium", "150.0.7871.0", True, True, "sijill/0.1.0 Chromium", Appearance(16, 20)),
        files=tuple(
            RenderingFile(name, media_type, MemoryBody(data), STARTED + timedelta(seconds=1, milliseconds=number))
            for number, (name, media_type, data) in enumerate(files)
        ),
        screenshots=tuple(Screenshot(name, ScreenshotKind.AS_SEEN, 16, 20, 0) for name in pictures),
        scripts=(),
        transformations=(),
        waiting=Waiting(()),
        blocked=(),
        blocked_left_out=0,
        not_collected=(),
        not_collected_left_out=0,
        console=(),
        console_left_out=0,
        metadata={},
        problems=(),
    )
    return dataclasses.replace(capture(), rendering=rendering)


def exchange(number: int, url: str, raw: bytes, payload: bytes) -> Exchange:
    """One by GET; the first two are the page's own."""
    head = raw[: raw.index(b"\r\n\r\n") + 4]
    status_line, *fields = head.decode().rstrip().split("\r\n")
    headers = tuple(tuple(field.split(": ", 1)) for field in fields)
    page = number <= 2
    started = STARTED + timedelta(milliseconds=100 * number)
    path = url.partition("://")[2].partition("/")[2]
    host = url.partition("://")[2].partition("/")[0]
    secure = url.startswith("https:")
    return Exchange(
        number=number,
        url=url,
        method="GET",
        purpose=Purpose.PAGE if page else Purpose.REQUISITE,
        via=None if page else PAGE,
        started=started,
        ended=started + timedelta(milliseconds=50),
        request=f"GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(),
        response=Response(
            raw=MemoryBody(raw),
            head_size=len(head),
            http_version="1.1",
            status=int(status_line.split(" ")[1]),
            reason=status_line.split(" ", 2)[2],
            headers=headers,
            payload=digest_bytes(payload),
            surplus=0,
            truncated=None,
        ),
        failure=None,
        server=ServerAddress("192.0.2.7", 443 if secure else 80, pinned=False),
        tls=TLS if secure else None,
        redirect_to=PAGE if number == 1 else None,
    )


def records_of(warc: bytes) -> list[bytes]:
    """The records of a WARC, each decompressed."""
    found = []
    while warc:
        inflater = zlib.decompressobj(wbits=31)
        found.append(inflater.decompress(warc))
        warc = inflater.unused_data
    return found


def warc_of(records: list[bytes]) -> bytes:
    """A WARC of these records."""
    return b"".join(gzip_stored(record) for record in records)


def written(made: Capture) -> tuple[bytes, dict[int, str]]:
    """The WARC of a capture, and the ids of its response records by exchange number."""
    numbers = itertools.count(1)
    sink = io.BytesIO()
    result = write_capture(
        made,
        sink,
        new_id=lambda: f"urn:uuid:00000000-0000-4000-8000-{next(numbers):012x}",
        info={"software": "sijill/0.1.0"},
    )
    return warc_of(records_of(sink.getvalue())), dict(result.records)
