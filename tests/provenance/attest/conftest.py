"""A capture with every kind of exchange, and one of each simpler kind."""

from __future__ import annotations

import dataclasses
import io
from datetime import UTC, datetime, timedelta

import pytest

from sijill.archive.capture.browser.rendering import (
    Appearance,
    Blocked,
    BlockedKind,
    BrowserFacts,
    NotCollected,
    NotCollectedKind,
    Quality,
    Rendering,
    RenderingFile,
    Screenshot,
    ScreenshotKind,
    Script,
    Transformation,
    Waiting,
)
from sijill.archive.capture.exchange import (
    Capture,
    Exchange,
    Failure,
    FailureKind,
    Limits,
    Original,
    Outcome,
    Purpose,
    Response,
    Revisit,
    RevisitKind,
    ServerAddress,
    TlsFacts,
    Truncation,
)
from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.attestation import (
    CollectorName,
    Context,
    Orchestrator,
    Robots,
    Software,
    Subject,
    Trigger,
)

STARTED = datetime(2026, 11, 21, 1, 16, 30, 123456, tzinfo=UTC)
CAPTURE_ID = "20261121t011630z-k3j2x5m4q7ab"


class BytesBody:
    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        return len(self._data)

    def open(self) -> io.BytesIO:
        return io.BytesIO(self._data)


def response(body: bytes = b"<p>", status: int = 200, media_type: str | None = "text/html", **changes) -> Response:
    headers = () if media_type is None else (("Content-Type", f"{media_type}; charset=utf-8"),)
    head = b"HTTP/1.1 %d OK\r\n\r\n" % status
    made = Response(
        raw=BytesBody(head + body),
        head_size=len(head),
        http_version="1.1",
        status=status,
        reason="OK",
        headers=headers,
        payload=digest_bytes(body),
        surplus=0,
        truncated=None,
    )
    return dataclasses.replace(made, **changes)


def exchange(number: int, url: str, **changes) -> Exchange:
    started = STARTED + timedelta(milliseconds=100 * number)
    made = Exchange(
        number=number,
        url=url,
        method="GET",
        purpose=Purpose.REQUISITE,
        via="https://example.org/b",
        started=started,
        ended=started + timedelta(microseconds=54321),
        request=b"GET / HTTP/1.1\r\n\r\n",
        response=response(),
        failure=None,
        server=ServerAddress("93.184.215.14", 443, pinned=False),
        tls=TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", (b"leaf", b"root"), True, None),
    )
    return dataclasses.replace(made, **changes)


def original(name: str, media_type: str, offset: int, *, capture_id: str) -> Original:
    number = 1 + offset // 1000
    return Original(
        capture_id=capture_id,
        envelope_sha256=digest_bytes(f"envelope {capture_id}".encode()).sha256.hex,
        warc=digest_bytes(b"w" * 9000),
        record=f"urn:uuid:00000000-0000-4000-8000-0000000001{number:02x}",
        url=f"https://example.org/{name}",
        date=STARTED - timedelta(days=1, milliseconds=100 * number),
        media_type=media_type,
        payload=digest_bytes(name.encode()),
        offset=offset,
        member=digest_bytes(b"m" * 700),
    )


def revisits() -> tuple[Exchange, ...]:
    """One of each kind; two stand on records of one capture, which is named after another."""
    earlier, latest = "20261120t011630z-aaaaaaaaaaaa", "20261120t011631z-bbbbbbbbbbbb"
    logo = original("logo.svg", "image/svg+xml", 5000, capture_id=latest)
    style = original("site.css", "text/css", 2000, capture_id=latest)
    font = original("font.woff2", "font/woff2", 0, capture_id=earlier)
    return (
        exchange(
            7,
            logo.url,
            request=b"",
            response=None,
            server=None,
            tls=None,
            revisit=Revisit(RevisitKind.REUSED, logo),
        ),
        exchange(
            8,
            style.url,
            response=response(b"site.css", media_type="text/css"),
            revisit=Revisit(RevisitKind.IDENTICAL, style),
        ),
        exchange(
            9,
            font.url,
            response=response(b"", status=304, media_type=None),
            revisit=Revisit(RevisitKind.NOT_MODIFIED, font),
        ),
    )


def rich_capture() -> Capture:
    self_signed = TlsFacts("TLSv1.2", "ECDHE-RSA", (b"leaf",), False, "self-signed certificate")
    exchanges = (
        exchange(
            1,
            "http://example.org/a",
            purpose=Purpose.PAGE,
            via=None,
            response=response(status=301),
            redirect_to="https://example.org/b",
            tls=None,
            server=ServerAddress("2001:db8::7", 80, pinned=True),
        ),
        exchange(2, "https://example.org/b", purpose=Purpose.PAGE, via=None, response=response("بيان".encode())),
        exchange(3, "https://example.org/style.css", response=response(media_type=None, surplus=4), tls=self_signed),
        exchange(
            4,
            "https://example.org/photo.jpg",
            response=response(media_type="image/jpeg", truncated=Truncation.DISCONNECT),
            failure=Failure(FailureKind.RESET, "connection reset by peer"),
        ),
        exchange(
            5,
            "https://nowhere.invalid/x.js",
            response=None,
            server=None,
            tls=None,
            failure=Failure(FailureKind.DNS, "no such host"),
        ),
        exchange(6, "https://example.org/full.pdf", purpose=Purpose.DOCUMENT),
        *revisits(),
    )
    return Capture(
        id=CAPTURE_ID,
        target="http://example.org/a#part",
        final_url="https://example.org/b",
        outcome=Outcome.PARTIAL,
        reasons=("https://example.org/photo.jpg was cut short", "https://nowhere.invalid/x.js did not come"),
        started=STARTED,
        ended=STARTED + timedelta(seconds=3),
        exchanges=exchanges,
        limits=Limits(exchange_seconds=2.5),
        user_agent="sijill/0.1.0",
        title="بيان — statement",
        rendering=rendering(),
    )


def plain_capture() -> Capture:
    return dataclasses.replace(
        rich_capture(),
        target="https://example.org/b",
        outcome=Outcome.COMPLETE,
        reasons=(),
        exchanges=(exchange(1, "https://example.org/b", purpose=Purpose.PAGE, via=None),),
        title=None,
        rendering=None,
    )


def failed_capture() -> Capture:
    failure = exchange(
        1,
        "https://example.org/b",
        purpose=Purpose.PAGE,
        via=None,
        response=None,
        tls=None,
        failure=Failure(FailureKind.TIMEOUT, "no answer within 60 s"),
    )
    return dataclasses.replace(
        plain_capture(),
        final_url=None,
        outcome=Outcome.FAILED,
        reasons=("https://example.org/b: timeout",),
        exchanges=(failure,),
    )


def records_of(capture: Capture) -> dict[int, str]:
    return {
        item.number: f"urn:uuid:00000000-0000-4000-8000-{item.number:012x}"
        for item in capture.exchanges
        if item.answered
    }


def plain_context() -> Context:
    return Context(
        trigger=Trigger.ON_DEMAND,
        collector=CollectorName("Archive of Statements"),
        software=(Software("sijill", "0.1.0"),),
        robots=Robots(consulted=False, decision=None, reason="a single page was asked for by a person"),
    )


def rich_context() -> Context:
    return Context(
        trigger=Trigger.SCHEDULE,
        collector=CollectorName("Archive of Statements", "archive@example.org"),
        software=(Software("sijill", "0.1.0"), Software("OpenSSL", "3.0.19")),
        robots=Robots(consulted=True, decision="allowed", reason="robots.txt of example.org"),
        egress="198.51.100.9",
        allowed_networks=("127.0.0.0/8",),
        pins={"example.org:80": "2001:db8::7"},
        reject_invalid_certificates=True,
        orchestrator=Orchestrator("3.8.8", "0d7a3f2e-0000-4000-8000-000000000000"),
        freshness="sijill.org/log/x\n7\n...\n",
        freshness_timestamps={"other-tsa": "b" * 64, "a-tsa": "a" * 64},
        clock_offset_microseconds=-1234,
        supersedes="20261120t011630z-aaaaaaaaaaaa",
    )


def shown_file(name: str, media_type: str) -> RenderingFile:
    return RenderingFile(name, media_type, BytesBody(name.encode()), STARTED + timedelta(seconds=2))


def rendering() -> Rendering:
    """A page in two pictures, with an overlay, a player and a blocked socket."""
    return Rendering(
        browser=BrowserFacts("Chromium", "150.0.7871.0", False, True, "sijill/0.1.0 Chromium", Appearance()),
        files=(
            shown_file("dom.html", "text/html; charset=utf-8"),
            shown_file("screenshot.png", "image/png"),
            shown_file("screenshot-2.png", "image/png"),
            shown_file("screenshot-clean.png", "image/png"),
            shown_file("screenshot-captioned.png", "image/png"),
            shown_file("page.json", "application/json"),
        ),
        screenshots=(
            Screenshot("screenshot.png", ScreenshotKind.AS_SEEN, 1280, 16000, 0),
            Screenshot("screenshot-2.png", ScreenshotKind.AS_SEEN, 1280, 900, 16000),
            Screenshot("screenshot-clean.png", ScreenshotKind.OVERLAYS_REMOVED, 1280, 16000, 0),
            Screenshot("screenshot-captioned.png", ScreenshotKind.CAPTIONED, 1280, 16108, 0),
        ),
        scripts=(Script("observe.js", "c" * 64),),
        transformations=(Transformation("caption", "screenshot.png", "screenshot-captioned.png", "with a strip"),),
        waiting=Waiting((("milliseconds", 1234), ("ended", "quiet"))),
        blocked=(Blocked(BlockedKind.WEBSOCKET, "wss://example.org/live", "no WebSocket is let through"),),
        blocked_left_out=1,
        not_collected=(NotCollected(NotCollectedKind.PLAYER, "https://www.youtube.com/embed/x", "player of YouTube"),),
        not_collected_left_out=2,
        console=(),
        console_left_out=0,
        metadata={"contentHeight": 16900},
        problems=(),
        quality=Quality(1000, 990, 980, 985, "two pixels"),
    )


def subjects(capture: Capture | None = None) -> list[Subject]:
    files = () if capture is None or capture.rendering is None else capture.rendering.files
    return [
        Subject.warc(digest_bytes(b"the WARC file")),
        *(Subject.file(file, digest_bytes(file.name.encode())) for file in files),
    ]


class Samples:
    """What the tests of attestations build from."""

    exchange = staticmethod(exchange)
    response = staticmethod(response)
    rich_capture = staticmethod(rich_capture)
    plain_capture = staticmethod(plain_capture)
    failed_capture = staticmethod(failed_capture)
    plain_context = staticmethod(plain_context)
    rich_context = staticmethod(rich_context)
    records_of = staticmethod(records_of)
    subjects = staticmethod(subjects)
    rendering = staticmethod(rendering)


@pytest.fixture(scope="session")
def samples() -> Samples:
    return Samples()
