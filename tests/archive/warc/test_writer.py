"""What the writer writes: which records, in which order, with which fields, in how much memory."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace

import pytest
from cryptography import x509

from sijill.archive.capture.browser.rendering import Appearance, BrowserFacts, Rendering, RenderingFile, Waiting
from sijill.archive.capture.exchange import Truncation
from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import digest_bytes
from sijill.archive.errors import BadRecordField, BodyChanged
from sijill.archive.warc.examine import examine_warc
from sijill.archive.warc.member import gzip_stored
from sijill.archive.warc.reader import read_records
from sijill.archive.warc.record import warc_date
from sijill.archive.warc.writer import is_compressed, write_capture


def read(warc: bytes) -> list[tuple[dict[str, list[str]], bytes]]:
    """Named fields and block of each record."""
    found = []
    for record in read_records(io.BytesIO(warc)):
        fields: dict[str, list[str]] = {}
        for name, value in record.fields:
            fields.setdefault(name, []).append(value)
        found.append((fields, b"".join(record.chunks())))
    return found


def test_records_in_order(capture, warc):
    records = read(warc)
    types = [fields["WARC-Type"][0] for fields, _ in records]
    expected = ["warcinfo"]
    for exchange in capture.exchanges:
        expected += ["response"] * (exchange.response is not None) + ["request"] * bool(exchange.request)
    assert types == [*expected, "resource", "metadata"]


def test_blocks_are_the_bytes_on_the_wire(capture, warc):
    records = read(warc)
    responses = [block for fields, block in records if fields["WARC-Type"] == ["response"]]
    requests = [block for fields, block in records if fields["WARC-Type"] == ["request"]]
    assert responses == [e.response.raw.open().read() for e in capture.exchanges if e.response]
    assert requests == [e.request for e in capture.exchanges if e.request]


def test_what_is_returned(capture, warc, write):
    again, result = write(capture)
    assert again == warc
    assert result.digests == digest_bytes(warc)
    assert sorted(result.records) == [e.number for e in capture.exchanges if e.response]
    by_id = {fields["WARC-Record-ID"][0]: fields for fields, _ in read(warc)}
    for exchange in capture.exchanges:
        if exchange.response:
            assert by_id[f"<{result.records[exchange.number]}>"]["WARC-Target-URI"] == [exchange.url]


def test_fields_of_an_exchange(warc, site):
    about = [fields for fields, _ in read(warc) if fields.get("WARC-Target-URI") == [site.page_url]]
    response, request = about
    assert response["WARC-Date"] == request["WARC-Date"] == ["2026-11-21T01:16:30.397456Z"]
    assert response["WARC-IP-Address"] == ["2001:db8::7"]
    assert response["WARC-Protocol"] == ["http/1.1", "tls/1.3"]
    assert response["WARC-Cipher-Suite"] == ["TLS_AES_256_GCM_SHA384"]
    assert request["WARC-Concurrent-To"] == response["WARC-Record-ID"]
    assert "WARC-Payload-Digest" not in response


def test_fields_of_odd_exchanges(warc):
    by_url = {fields["WARC-Target-URI"][0]: fields for fields, _ in read(warc) if fields["WARC-Type"] == ["response"]}
    assert by_url["https://site.example/film.mp4"]["WARC-Truncated"] == ["disconnect"]
    assert "WARC-Payload-Digest" not in by_url["https://site.example/surplus"]
    assert by_url["http://old.example/"]["WARC-Protocol"] == ["http/1.0"]
    payload = hashlib.sha256(b"until the connection closes").hexdigest()
    assert by_url["http://old.example/"]["WARC-Payload-Digest"] == [f"sha256:{payload}"]
    lonely = [fields for fields, _ in read(warc) if fields.get("WARC-Target-URI") == ["http://slow.example/y.png"]]
    assert [fields["WARC-Type"] for fields in lonely] == [["request"]]
    assert "WARC-Concurrent-To" not in lonely[0]


@pytest.mark.parametrize("number", ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "SSLv3"])
def test_protocol_names(build, tls, write, number):
    build.simple("https://site.example/", b"x", "text/plain", tls=replace(tls, version=number))
    protocols = read(write(build.capture())[0])[1][0]["WARC-Protocol"]
    expected = {"TLSv1": "tls/1.0", "SSLv3": "ssl/3"}.get(number, number.lower().replace("v", "/"))
    assert protocols == ["http/1.1", expected]


def test_no_payload_digest_where_tools_would_read_another_head(build, write):
    raw = b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx"
    build.add("http://site.example/", raw, b"x", headers=(("Content-Length", "1"),), head_size=len(raw) - 1)
    assert "WARC-Payload-Digest" not in read(write(build.capture())[0])[1][0]


def test_warcinfo(warc, capture):
    fields, block = read(warc)[0]
    lines = block.decode().split("\r\n")
    assert fields["WARC-Filename"] == ["data.warc.gz"]
    assert "software: sijill/0.1.0" in lines
    assert "description: نص عربي" in lines
    assert "format: WARC File Format 1.1" in lines
    assert f"isPartOf: {capture.id}" in lines
    for bad in ({"software": "a\r\nformat: b"}, {"a: b": "c"}, {"بيان": "x"}, {"": "x"}, {"a": "\udc80"}):
        with pytest.raises(BadRecordField):
            write_capture(capture, io.BytesIO(), new_id=lambda: "", info=bad)


def test_certificates_once_per_chain(warc, tls):
    chains = [(fields, block) for fields, block in read(warc) if fields["WARC-Type"] == ["resource"]]
    assert len(chains) == 1
    fields, block = chains[0]
    assert fields["Content-Type"] == ["application/pem-certificate-chain"]
    assert fields["WARC-Target-URI"] == [f"urn:sijill:certificates:{hashlib.sha256(block).hexdigest()}"]
    assert fields["WARC-Date"] == ["2026-11-21T01:16:30.397456Z"]
    certificates = x509.load_pem_x509_certificates(block)
    assert tuple(base64.b64decode(pem) for pem in _bodies(block)) == tls.chain
    assert [c.subject.rfc4514_string() for c in certificates] == ["CN=site.example", "CN=Test CA"]


def _bodies(pem: bytes) -> list[bytes]:
    return [part.partition(b"-----END")[0] for part in pem.split(b"-----BEGIN CERTIFICATE-----")[1:]]


def test_fetch_log(warc, capture, write):
    fields, block = read(warc)[-1]
    log = json.loads(block)
    assert fields["WARC-Target-URI"] == [f"urn:sijill:capture:{capture.id}"]
    assert fields["Content-Type"] == ["application/json"]
    assert log["title"] == "بيان مشترك"
    assert b"." not in b"".join(part for part in block.split(b'"')[::2])
    exchanges = {entry["number"]: entry for entry in log["exchanges"]}
    assert len(exchanges) == len(capture.exchanges)
    nowhere = exchanges[9]
    assert nowhere["failure"] == {"kind": "dns", "detail": "no such host: \udcff nowhere.example"}
    assert (nowhere["record"], nowhere["requestRecord"], nowhere["status"]) == (None, None, None)
    page = exchanges[2]
    assert page["record"] == write(capture)[1].records[2]
    assert page["tls"]["chain"] == [hashlib.sha256(der).hexdigest() for der in capture.exchanges[1].tls.chain]
    assert page["payload"]["size"] == capture.exchanges[1].response.payload.size


def test_interim_responses_are_in_the_fetch_log(capture, write):
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </\xe9.css>\r\n\r\n"
    [*others, page] = capture.exchanges
    page = replace(page, response=replace(others[1].response, interim=interim), failure=None)
    block = read(write(replace(capture, exchanges=(*others, page)))[0])[-1][1]
    logged = {entry["number"]: entry["interim"] for entry in json.loads(block)["exchanges"]}
    assert logged[page.number].encode("iso-8859-1") == interim
    assert set(logged.values()) == {"", interim.decode("iso-8859-1")}


def test_files_of_a_rendering_are_kept(capture, site, write):
    dom = "<p>بيان".encode()
    files = (
        RenderingFile("screenshot.png", "image/png", MemoryBody(site.png), capture.ended),
        RenderingFile("dom.html", "text/html; charset=utf-8", MemoryBody(dom), capture.started),
    )
    shown = Rendering(
        BrowserFacts("Chromium", "150", True, True, "agent", Appearance()),
        files, (), (), (), Waiting(()), (), 0, (), 0, (), 0, {}, (),
    )  # fmt: skip
    warc, written = write(replace(capture, rendering=shown))
    picture, document = read(warc)[-3:-1]
    assert picture[1] == site.png
    assert picture[0]["WARC-Target-URI"] == [f"urn:sijill:rendering:{capture.id}:screenshot.png"]
    assert picture[0]["Content-Type"] == ["image/png"]
    assert document[1] == dom
    assert document[0]["Content-Type"] == ["text/html;charset=utf-8"]
    assert document[0]["WARC-Date"] == [warc_date(capture.started)]
    assert written.files == {"screenshot.png": digest_bytes(site.png), "dom.html": digest_bytes(dom)}


def test_a_url_that_fits_no_header_is_refused(build, write):
    build.simple("https://site.example/a b", b"", "text/plain")
    with pytest.raises(BadRecordField, match="WARC-Target-URI"):
        write(build.capture())


def test_what_is_compressed_already():
    assert is_compressed("image/png", None)
    assert is_compressed("text/html", "gzip")
    assert is_compressed("video/mp4", None)
    assert is_compressed("application/vnd.openxmlformats-officedocument.wordprocessingml.document", None)
    assert not is_compressed("text/html", None)
    assert not is_compressed("text/html", " Identity")
    assert not is_compressed("image/svg+xml", None)
    assert not is_compressed(None, None)


def test_compressed_media_are_stored(build, write, site):
    build.simple("http://site.example/a.png", site.png * 20, "image/png")
    build.simple("http://site.example/a.txt", site.png * 20, "text/plain")
    warc, _ = write(build.capture())
    image, text = (r for r in examine_warc(io.BytesIO(warc)).records if r.response)
    assert site.png * 20 in warc[image.offset : image.offset + image.length]
    assert text.length < image.length // 5


@pytest.mark.parametrize("size", [0, 1, 65534, 65535, 65536, 131070, 131071, 1 << 20])
def test_stored_members(size):
    data = bytes(range(256)) * (size // 256 + 1)
    member = gzip_stored(data[:size])
    assert gzip.decompress(member) == data[:size]
    assert len(member) == 18 + size + 5 * max(1, -(-size // 65535))


class Pattern:
    """Many bytes that no one holds: a body that makes them while they are read."""

    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n"

    def __init__(self, media_type: bytes, size: int, *, shrinks: bool = False):
        self.start = self.head % media_type
        self.size = size
        self.readings = 0
        self.shrinks = shrinks

    def open(self):
        self.readings += 1
        return Reader(self.start, self.size - (self.shrinks and self.readings > 1))


class Reader(io.RawIOBase):
    BLOCK = b"0123456789abcdef" * 16384

    def __init__(self, start: bytes, size: int):
        self.rest = start
        self.left = size

    def read(self, size: int = -1) -> bytes:
        data = self.rest or self.BLOCK[: min(size, self.left)]
        self.rest = b""
        self.left -= len(data)
        return data


class Nowhere:
    size = 0

    def write(self, data: bytes, /) -> None:
        self.size += len(data)


@pytest.mark.parametrize(("media_type", "size"), [(b"video/mp4", 500 << 20), (b"text/html", 64 << 20)])
def test_large_bodies_in_constant_memory(build, media_type, size):
    body = Pattern(media_type, size)
    head = body.start
    build.add(
        "http://site.example/film",
        head,
        headers=(("Content-Type", media_type.decode()),),
        truncated=Truncation.LENGTH,
        raw_body=body,
    )
    ids = (f"urn:uuid:00000000-0000-4000-8000-{number:012x}" for number in range(9))
    sink = Nowhere()
    tracemalloc.start()
    result = write_capture(build.capture(), sink, new_id=ids.__next__, info={})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert body.readings <= 3
    assert peak < 8 << 20
    assert result.digests.size == sink.size > 0


def test_large_records_are_read_in_constant_memory(build, tmp_path):
    body = Pattern(b"text/html", 64 << 20)
    build.add("http://site.example/film", body.start, raw_body=body)
    ids = (f"urn:uuid:00000000-0000-4000-8000-{number:012x}" for number in range(9))
    path = tmp_path / "data.warc.gz"
    with path.open("wb") as sink:
        written = write_capture(build.capture(), sink, new_id=ids.__next__, info={})
    tracemalloc.start()
    with path.open("rb") as source:
        examined = examine_warc(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
    assert examined.digests == written.digests
    assert examined.records[1].size == body.size
    assert examined.records[1].block_digest_holds


def test_a_body_that_changes_is_noticed(build):
    body = Pattern(b"text/html", 100, shrinks=True)
    build.add("http://site.example/", body.start, headers=(), raw_body=body)
    ids = (f"urn:uuid:00000000-0000-4000-8000-{number:012x}" for number in range(9))
    with pytest.raises(BodyChanged):
        write_capture(build.capture(), io.BytesIO(), new_id=ids.__next__, info={})


def test_zlib_where_isa_l_is_missing(tmp_path, warc):
    """What either library writes the other reads; only the size differs."""
    path = tmp_path / "data.warc.gz"
    path.write_bytes(warc)
    program = """
import io, sys
sys.modules["isal"] = None
from sijill.archive.warc import deflate
from sijill.archive.warc.examine import examine_warc
from sijill.archive.warc.member import MemberWriter
assert deflate.compressor().__class__.__module__ == "zlib"
sink = open(sys.argv[2], "wb")
with open(sys.argv[1], "rb") as source:
    assert all(record.block_digest_holds for record in examine_warc(source).records)
import gzip
for record in examine_warc(open(sys.argv[1], "rb")).records:
    with open(sys.argv[1], "rb") as source:
        source.seek(record.offset)
        member = MemberWriter(sink, stored=False)
        member.write(gzip.decompress(source.read(record.length)))
        member.close()
sink.close()
"""
    other = tmp_path / "zlib.warc.gz"
    subprocess.run([sys.executable, "-c", program, path, other], check=True, timeout=60)
    with path.open("rb") as one, other.open("rb") as two:
        ours, theirs = examine_warc(one).records, examine_warc(two).records
    assert [record.block for record in ours] == [record.block for record in theirs]
    assert other.read_bytes() != warc
