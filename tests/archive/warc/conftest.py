"""Captures made by hand: every kind of exchange that a WARC must hold, with no network."""

from __future__ import annotations

import gzip
import io
import itertools
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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
    Truncation,
)
from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import digest_bytes
from sijill.archive.warc.wacz import (
    ARCHIVE,
    DATAPACKAGE,
    DATAPACKAGE_DIGEST,
    INDEX,
    INDEX_SUMMARY,
    PAGES,
    PackageResource,
    PageEntry,
    derive_datapackage,
    derive_datapackage_digest,
    derive_index,
    derive_index_summary,
    derive_pages,
)
from sijill.archive.warc.writer import WrittenWarc, write_capture
from sijill.archive.warc.zip_writer import write_zip

START = datetime(2026, 11, 21, 1, 16, 30, 123456, tzinfo=UTC)
CAPTURE_ID = "20261121t011630z-k3j5x2m4q7ab"
PAGE_URL = "https://site.example/en/statement?b=2&a=1"
PNG_URL = "https://site.example/assets/logo.png"
INFO = {"software": "sijill/0.1.0", "description": "نص عربي", "operator": "جمعه‌ها <a@b.example>"}


def png(width: int = 7, height: int = 5) -> bytes:
    """A small real PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((x * 31 + y * 17) % 256 for x in range(width * 3)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def chunked(data: bytes, size: int = 97) -> bytes:
    """Chunk framing with an extension and a trailer (RFC 9112 §7.1)."""
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    framed = b"".join(b"%x;note=1\r\n%s\r\n" % (len(part), part) for part in parts)
    return framed + b"0\r\nX-Checksum: none\r\n\r\n"


HTML = (
    "<!doctype html><html lang=ar><title>بيان مشترك</title><p>"
    + "منظمات المجتمع المدني " * 60
    + "<img src=/assets/logo.png>"
).encode()


@dataclass
class CaptureBuilder:
    """Collects exchanges and makes a Capture of them."""

    exchanges: list[Exchange] = field(default_factory=list)

    def add(
        self,
        url: str,
        raw: bytes | None,
        payload: bytes = b"",
        *,
        status: int = 200,
        headers: tuple[tuple[str, str], ...] = (),
        version: str = "1.1",
        purpose: Purpose = Purpose.REQUISITE,
        surplus: int = 0,
        truncated: Truncation | None = None,
        failure: Failure | None = None,
        sent: bool = True,
        tls: TlsFacts | None = None,
        redirect_to: str | None = None,
        head_size: int | None = None,
        raw_body: object | None = None,
    ) -> Exchange:
        """Append an exchange; `raw` None means that no response came."""
        number = len(self.exchanges) + 1
        started = START + timedelta(milliseconds=137 * number)
        host, _, path = url.partition("://")[2].partition("/")
        response = None
        if raw is not None:
            size = raw.index(b"\r\n\r\n") + 4 if head_size is None else head_size
            response = Response(
                raw=raw_body or MemoryBody(raw),
                head_size=size,
                http_version=version,
                status=status,
                reason="OK",
                headers=headers,
                payload=digest_bytes(payload),
                surplus=surplus,
                truncated=truncated,
            )
        exchange = Exchange(
            number=number,
            url=url,
            method="GET",
            purpose=purpose,
            via=None if number == 1 else PAGE_URL,
            started=started,
            ended=started + timedelta(milliseconds=90),
            request=f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n".encode() if sent else b"",
            response=response,
            failure=failure,
            server=ServerAddress("2001:db8::7" if tls else "192.0.2.7", 443 if tls else 80, pinned=False)
            if sent
            else None,
            tls=tls,
            redirect_to=redirect_to,
        )
        self.exchanges.append(exchange)
        return exchange

    def simple(
        self, url: str, body: bytes, media_type: str, *, status: int = 200, tls: TlsFacts | None = None
    ) -> Exchange:
        """A whole response with Content-Length."""
        headers = (("Content-Type", media_type), ("Content-Length", str(len(body))))
        raw = (
            f"HTTP/1.1 {status} OK\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        return self.add(url, raw, body, status=status, headers=headers, tls=tls)

    def capture(self) -> Capture:
        """The capture of all exchanges so far."""
        return Capture(
            id=CAPTURE_ID,
            target="http://site.example/en/statement",
            final_url=PAGE_URL,
            outcome=Outcome.PARTIAL,
            reasons=("an image is missing",),
            started=START,
            ended=START + timedelta(seconds=9),
            exchanges=tuple(self.exchanges),
            limits=Limits(),
            user_agent="sijill/0.1.0 (+https://archive.example)",
            title="بيان مشترك",
        )


@pytest.fixture(scope="session")
def tls() -> TlsFacts:
    """A chain of two real certificates."""
    issuer_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
    chain = []
    for name, key in (("site.example", leaf_key), ("Test CA", issuer_key)):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder(
            issuer, subject, key.public_key(), 1 + len(chain), START, START + timedelta(90)
        )
        certificate = builder.sign(issuer_key, hashes.SHA256())
        chain.append(certificate.public_bytes(serialization.Encoding.DER))
    return TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", tuple(chain), verified=False, verify_error="self-signed")


@pytest.fixture(scope="session")
def capture(tls: TlsFacts) -> Capture:
    """One exchange of every kind."""
    build = CaptureBuilder()
    location = (("Location", PAGE_URL), ("Content-Length", "0"))
    redirect = f"HTTP/1.1 301 Moved\r\nLocation: {PAGE_URL}\r\nContent-Length: 0\r\n\r\n".encode()
    build.add(
        "http://site.example/en/statement",
        redirect,
        status=301,
        headers=location,
        purpose=Purpose.PAGE,
        redirect_to=PAGE_URL,
    )
    coded = gzip.compress(HTML, mtime=0)
    headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("content-encoding", "gzip"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Transfer-Encoding", "chunked"),
    )
    head = "".join(f"{name}:   {value}\r\n" for name, value in headers)
    raw = b"HTTP/1.1 200 OK\r\n" + head.encode() + b"\r\n" + chunked(coded)
    build.add(PAGE_URL, raw, coded, headers=headers, purpose=Purpose.PAGE, tls=tls)
    build.simple(PNG_URL, png(), "image/png", tls=tls)
    build.simple("https://www.site.example/site.css", b"p { color: #223 }\n" * 40, "text/css", tls=tls)
    build.simple("https://site.example/missing.js", b"not here", "text/plain", status=404, tls=tls)
    head_10 = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n"
    until_close = b"until the connection closes"
    build.add(
        "http://old.example/",
        head_10 + until_close,
        until_close,
        headers=(("Content-Type", "text/plain"),),
        version="1.0",
    )
    short = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 1000\r\n\r\n" + b"only this"
    lengths = (("Content-Type", "video/mp4"), ("Content-Length", "1000"))
    broke_off = Failure(FailureKind.RESET, "connection reset by peer")
    build.add(
        "https://site.example/film.mp4",
        short,
        b"only this",
        headers=lengths,
        truncated=Truncation.DISCONNECT,
        failure=broke_off,
        tls=tls,
    )
    more = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfourEXTRA"
    build.add("https://site.example/surplus", more, b"four", headers=(("Content-Length", "4"),), surplus=5, tls=tls)
    unknown = Failure(FailureKind.DNS, "no such host: \udcff nowhere.example")
    build.add("http://nowhere.example/x.png", None, sent=False, failure=unknown)
    build.add("http://slow.example/y.png", None, failure=Failure(FailureKind.TIMEOUT, "no answer in 60 s"))
    build.add("http://empty.example/", b"HTTP/1.1 204 No Content\r\n\r\n", status=204)
    return build.capture()


@dataclass(frozen=True)
class Site:
    """What the page and the image of `capture` are."""

    page_url: str = PAGE_URL
    html: bytes = HTML
    png_url: str = PNG_URL
    png: bytes = field(default_factory=png)


@pytest.fixture(scope="session")
def site() -> Site:
    """What the page and the image of `capture` are."""
    return Site()


@pytest.fixture
def build() -> CaptureBuilder:
    """An empty capture to add exchanges to."""
    return CaptureBuilder()


@pytest.fixture(scope="session")
def write() -> Callable[[Capture], tuple[bytes, WrittenWarc]]:
    """Writes a capture: its WARC and what the writer says of it."""
    return written


def make_ids() -> Callable[[], str]:
    """Record ids that are the same in every run."""
    numbers = itertools.count(1)
    return lambda: f"urn:uuid:00000000-0000-4000-8000-{next(numbers):012x}"


def written(capture: Capture) -> tuple[bytes, WrittenWarc]:
    """The WARC of `capture` and what the writer says of it."""
    sink = io.BytesIO()
    result = write_capture(capture, sink, new_id=make_ids(), info=INFO)
    return sink.getvalue(), result


@pytest.fixture(scope="session")
def warc(capture: Capture) -> bytes:
    """The WARC of `capture`."""
    return written(capture)[0]


@pytest.fixture
def warc_path(warc: bytes, tmp_path: Path) -> Path:
    """The WARC as a file under its own name."""
    path = tmp_path / "data.warc.gz"
    path.write_bytes(warc)
    return path


@pytest.fixture
def small_warc() -> bytes:
    """A WARC of one small exchange, for tests that break every byte."""
    build = CaptureBuilder()
    build.simple("http://site.example/", b"<p>hello</p>", "text/html")
    return written(build.capture())[0]


@pytest.fixture(scope="session")
def package_files(warc: bytes) -> dict[str, bytes]:
    """Every file of an evidence package; what the provenance files say is not looked at here."""
    index = derive_index(io.BytesIO(warc))
    page = PageEntry(CAPTURE_ID, PAGE_URL, "2026-11-21T01:16:30.397456Z", "بيان مشترك")
    files = {
        ARCHIVE: warc,
        INDEX: index,
        INDEX_SUMMARY: derive_index_summary(index),
        PAGES: derive_pages(page),
        "provenance/attestation.dsse.json": b'{"payload":"e30=","payloadType":"x","signatures":[]}',
        "provenance/attestation.pem": b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
        "provenance/checkpoint": b"archive.example\n1\nAAAA\n",
        "provenance/inclusion.tlog-proof": b"c2sp.org/tlog-proof@v1\n",
        "provenance/log.vkey": b"archive.example+00000000+AAAA\n",
        "provenance/tsa1.tsr": b"\x30\x03\x02\x01\x00",
        "provenance/screenshot.png": png(),
        "provenance/SHA256SUMS": b"00  data.warc.gz\n",
        "provenance/B3SUMS": b"00  data.warc.gz\n",
        "provenance/VERIFY.txt": b"How to verify\n",
    }
    resources = [PackageResource(path, len(data), digest_bytes(data).sha256) for path, data in sorted(files.items())]
    files[DATAPACKAGE] = derive_datapackage(
        resources,
        created="2026-11-21T01:17:00.000000Z",
        software="sijill 0.1.0",
        title="بيان مشترك",
        description="A capture of one page.",
        main_page_url=PAGE_URL,
        main_page_date="2026-11-21T01:16:30.397456Z",
    )
    files[DATAPACKAGE_DIGEST] = derive_datapackage_digest(files[DATAPACKAGE])
    return dict(sorted(files.items()))


@pytest.fixture
def wacz_path(package_files: dict[str, bytes], tmp_path: Path) -> Path:
    """The package as a file."""
    path = tmp_path / "capture.wacz"
    with path.open("wb") as file:
        write_zip([(name, MemoryBody(data)) for name, data in package_files.items()], file)
    return path
