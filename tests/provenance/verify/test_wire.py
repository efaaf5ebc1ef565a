"""Whatever a server sends, what the real fetcher records of it verifies: two readers of HTTP agree on every byte."""

import contextlib
import io
import socket
import struct
import threading
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from evidence import TRUST, evidence, zipped

from sijill.archive.capture.capture import capture_page
from sijill.archive.capture.exchange import Limits, Network
from sijill.provenance.verify.verify import verify_package

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<p>hi"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<p>until the end"
RESPONSES = {
    "plain": PLAIN,
    "empty": b"",
    "not-http": b"SSH-2.0-OpenSSH_9.6\r\n",
    "half-a-head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "no-body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not-modified-with-length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "until-close": CLOSING,
    "old": CLOSING.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "odd-version": CLOSING.replace(b"HTTP/1.1", b"HTTP/1.2"),
    "http-2": CLOSING.replace(b"HTTP/1.1", b"HTTP/2.0"),
    "no-reason": PLAIN.replace(b"200 OK", b"200"),
    "reason-not-ascii": PLAIN.replace(b"200 OK", "200 حسنا".encode()),
    "status-of-four-digits": PLAIN.replace(b"200 OK", b"2000 OK"),
    "status-999": PLAIN.replace(b"200 OK", b"999 Blocked"),
    "lf-only": PLAIN.replace(b"\r\n", b"\n"),
    "lf-mixed": PLAIN.replace(b"\r\n\r\n", b"\n\r\n"),
    "cr-in-value": PLAIN.replace(b"text/html", b"text/\rhtml"),
    "folded-field": PLAIN.replace(b"text/html", b"text/html;\r\n charset=utf-8"),
    "space-before-colon": PLAIN.replace(b"Content-Type:", b"Content-Type :"),
    "space-in-name": PLAIN.replace(b"Content-Type:", b"X Content Type:"),
    "line-without-colon": PLAIN.replace(b"Content-Type: ", b"nonsense\r\nContent-Type: "),
    "empty-name": PLAIN.replace(b"Content-Type: ", b": nothing\r\nContent-Type: "),
    "nul-in-value": PLAIN.replace(b"text/html", b"text/html\0"),
    "high-bytes": PLAIN.replace(b"text/html", b"text/html; x=\xff\xfe\x85"),
    "no-content-type": PLAIN.replace(b"Content-Type: text/html\r\n", b""),
    "empty-content-type": PLAIN.replace(b"text/html", b""),
    "content-type-space": PLAIN.replace(b"text/html", b"text/html charset=utf-8"),
    "content-type-capitals": PLAIN.replace(b"text/html", b"Text/HTML; Charset=UTF-8"),
    "content-type-comma": PLAIN.replace(b"text/html", b"text/html, text/plain"),
    "two-content-types": PLAIN.replace(b"Content-Length", b"content-type: image/png\r\nContent-Length"),
    "first-content-type-empty": PLAIN.replace(b"Content-Type", b"content-type:\r\nContent-Type"),
    "surplus": PLAIN + b"EXTRA",
    "surplus-response": PLAIN + PLAIN,
    "short": PLAIN.replace(b"Length: 5", b"Length: 50"),
    "length-twice": PLAIN.replace(b"Content-Length: 5", b"Content-Length: 5\r\nContent-Length: 5"),
    "length-list": PLAIN.replace(b"Length: 5", b"Length: 5, 5"),
    "length-contradiction": PLAIN.replace(b"Length: 5", b"Length: 5, 6"),
    "length-negative": PLAIN.replace(b"Length: 5", b"Length: -5"),
    "length-plus": PLAIN.replace(b"Length: 5", b"Length: +5"),
    "length-underscore": PLAIN.replace(b"Length: 5", b"Length: 0_5"),
    "length-zeroes": PLAIN.replace(b"Length: 5", b"Length: 0005"),
    "length-huge": PLAIN.replace(b"Length: 5", b"Length: " + b"9" * 30),
    "length-empty": PLAIN.replace(b"Length: 5", b"Length:"),
    "length-empty-member": PLAIN.replace(b"Length: 5", b"Length: 5,"),
    "chunked": CHUNKED + b"5\r\n<p>hi\r\n0\r\n\r\n",
    "chunk-capitals-and-zeroes": CHUNKED + b"00A\r\n<p>hi<br/>\r\n000\r\n\r\n",
    "chunk-extension": CHUNKED + b'5;a="b;c" \r\n<p>hi\r\n0;last\r\n\r\n',
    "chunk-space": CHUNKED + b"5  \r\n<p>hi\r\n0\r\n\r\n",
    "chunk-space-before": CHUNKED + b" 5\r\n<p>hi\r\n0\r\n\r\n",
    "chunk-lf": CHUNKED + b"5\n<p>hi\n0\n\n",
    "chunk-trailer": CHUNKED + b"5\r\n<p>hi\r\n0\r\nX-Sum: 1\r\n\r\n",
    "chunk-trailer-nonsense": CHUNKED + b"5\r\n<p>hi\r\n0\r\nnonsense\r\n\r\n",
    "chunk-not-hex": CHUNKED + b"5\r\n<p>hi\r\nxyz\r\n",
    "chunk-prefix": CHUNKED + b"0x5\r\n<p>hi\r\n0\r\n\r\n",
    "chunk-sign": CHUNKED + b"+5\r\n<p>hi\r\n0\r\n\r\n",
    "chunk-huge": CHUNKED + b"F" * 20 + b"\r\n<p>hi\r\n0\r\n\r\n",
    "chunk-empty-size": CHUNKED + b"\r\n<p>hi\r\n0\r\n\r\n",
    "chunk-too-long": CHUNKED + b"3\r\n<p>hi\r\n0\r\n\r\n",
    "chunk-cut": CHUNKED + b"5\r\n<p>",
    "chunk-no-end": CHUNKED + b"5\r\n<p>hi\r\n",
    "chunk-surplus": CHUNKED + b"5\r\n<p>hi\r\n0\r\n\r\nEXTRA",
    "chunked-and-length": CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n") + b"5\r\n<p>hi\r\n0\r\n\r\n",
    "chunked-capitals": CHUNKED.replace(b"chunked", b"Chunked") + b"5\r\n<p>hi\r\n0\r\n\r\n",
    "chunked-twice": CHUNKED.replace(b"chunked", b"chunked, chunked") + b"5\r\n<p>hi\r\n0\r\n\r\n",
    "gzip-then-chunked": CHUNKED.replace(b"chunked", b"gzip, chunked") + b"5\r\n<p>hi\r\n0\r\n\r\n",
    "chunked-then-gzip": CHUNKED.replace(b"chunked", b"chunked, gzip") + b"5\r\n<p>hi\r\n0\r\n\r\n",
    "identity": CHUNKED.replace(b"chunked", b"identity") + b"<p>hi",
    "coding-empty": CHUNKED.replace(b"chunked", b"") + b"<p>hi",
    "coding-quoted": CHUNKED.replace(b"chunked", b'"chunked"') + b"<p>hi",
    "old-and-chunked": CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"5\r\n<p>hi\r\n0\r\n\r\n",
    "continue-first": b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN,
    "hints-first": b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + PLAIN,
    "only-continue": b"HTTP/1.1 100 Continue\r\n\r\n",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nbytes",
    "blank-line-first": b"\r\n" + PLAIN,
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: http://nowhere.invalid/\r\nContent-Length: 0\r\n\r\n",
    "redirect-nowhere": b"HTTP/1.1 302 Found\r\nLocation: javascript:alert(1)\r\nContent-Length: 0\r\n\r\n",
    "redirect-hostile": b"HTTP/1.1 302 Found\r\nLocation: /a\x1b[2J b\xff\r\nContent-Length: 0\r\n\r\n",
    "head-too-long": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
}


def serve(response, *, reset=False):
    """A server that answers every connection with `response` and closes it."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65_536)
                    connection.sendall(response)
                    if reset:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    else:
                        connection.shutdown(socket.SHUT_WR)

    threading.Thread(target=answer, daemon=True).start()
    return server


def captured(response, workdir, limits, **how):
    """What the fetcher makes of a server that answers so, as evidence."""
    started = datetime.now(UTC)
    with contextlib.closing(serve(response, **how)) as server:
        made = capture_page(
            f"http://127.0.0.1:{server.getsockname()[1]}/page",
            capture_id=f"{started:%Y%m%dt%H%M%Sz}-k3j2x5m4q7ab",
            user_agent="sijill test",
            workdir=workdir,
            clock=lambda: datetime.now(UTC),
            limits=limits,
            network=Network((ip_network("127.0.0.0/8"),)),
            resolver=lambda *_: [],
            started=started,
        )
        return evidence(made, freshness=b"")


@pytest.fixture
def verify():
    """Verifies without outside parties: those of the vectors have their own times."""
    return lambda package: verify_package(io.BytesIO(package), TRUST)


LIMITS = Limits(exchange_seconds=5, capture_seconds=10, redirects=2)


@pytest.mark.parametrize("name", RESPONSES)
def test_what_was_recorded_verifies(name, tmp_path, verify):
    made = captured(RESPONSES[name], tmp_path, LIMITS)
    report = verify(zipped(made.files()))
    assert report.holds, [check.detail for check in report.checks if check.failed]


@pytest.mark.parametrize("size", [40, 70, 75, 90, 120])
@pytest.mark.parametrize("response", [PLAIN + b"more", CLOSING, CHUNKED + b"5\r\n<p>hi\r\n0\r\nA: b\r\n\r\nmore"])
def test_what_was_cut_off_by_a_limit_verifies(response, size, tmp_path, verify):
    made = captured(response, tmp_path, Limits(exchange_bytes=size, exchange_seconds=5, capture_seconds=10))
    report = verify(zipped(made.files()))
    assert report.holds, [check.detail for check in report.checks if check.failed]


@pytest.mark.parametrize("response", [b"", PLAIN[:30], PLAIN[:-2], CLOSING, CHUNKED + b"5\r\n<p>"])
def test_what_was_cut_off_by_a_reset_verifies(response, tmp_path, verify):
    report = verify(zipped(captured(response, tmp_path, LIMITS, reset=True).files()))
    assert report.holds, [check.detail for check in report.checks if check.failed]
