"""Revisit records: what is in them, and what others' tools make of a WARC that has them."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator

from sijill.archive.capture.exchange import Capture, Exchange, Original, Purpose, Revisit, RevisitKind
from sijill.archive.digest import digest_bytes
from sijill.archive.errors import BadRecordField
from sijill.archive.warc.reader import read_records
from sijill.archive.warc.record import header_bytes

BIN = Path(sys.executable).parent
CSS = b"p { color: #223 }\n" * 40
NAMES = {"a.css": RevisitKind.REUSED, "b.css": RevisitKind.IDENTICAL, "c.css": RevisitKind.NOT_MODIFIED}


def url(name: str) -> str:
    return f"http://site.example/{name}"


def first_and_second(build, write) -> tuple[Capture, bytes, Capture]:
    """A capture, its WARC, and one that stands on it in every way."""
    build.add("http://site.example/", b"HTTP/1.1 200 OK\r\n\r\n<p>", b"<p>", purpose=Purpose.PAGE)
    for name in NAMES:
        build.simple(url(name), CSS + name.encode(), "text/css")
    build.simple(url("missing.css"), CSS, "text/css", status=404)
    first = build.capture()
    warc, written = write(first)

    def original(exchange: Exchange) -> Original:
        member = written.originals[exchange.number]
        return Original(
            "20261120t011630z-aaaaaaaaaaaa",
            "0" * 64,
            written.digests,
            written.records[exchange.number].replace("4000-8000", "4000-9000"),
            exchange.url,
            exchange.started - timedelta(days=1),
            exchange.media_type,
            exchange.payload,
            member.offset,
            member.digests,
        )

    page, reused, identical, unmodified, missing = first.exchanges
    head = b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'
    build.exchanges.clear()
    not_modified = build.add(unmodified.url, head, status=304, headers=(("ETag", '"1"'),))
    exchanges = (
        page,
        replace(
            reused,
            request=b"",
            response=None,
            server=None,
            tls=None,
            revisit=Revisit(RevisitKind.REUSED, original(reused)),
        ),
        replace(identical, revisit=Revisit(RevisitKind.IDENTICAL, original(identical))),
        replace(not_modified, number=4, revisit=Revisit(RevisitKind.NOT_MODIFIED, original(unmodified))),
        missing,
    )
    return first, warc, replace(first, exchanges=exchanges)


@pytest.fixture
def pair(build, write):
    return first_and_second(build, write)


@pytest.fixture
def revisiting(pair, write, tmp_path) -> Path:
    path = tmp_path / "data.warc.gz"
    path.write_bytes(write(pair[2])[0])
    return path


def fields_of(warc: bytes, kind: str) -> list[tuple[dict[str, str], bytes]]:
    found = []
    for record in read_records(io.BytesIO(warc)):
        block = b"".join(record.chunks())
        if record.type == kind:
            found.append((dict(reversed(record.fields)), block))
    return found


def test_the_members_that_others_may_refer_to_are_told(pair, write):
    first, warc, second = pair
    _, written = write(first)
    assert list(written.originals) == [2, 3, 4], "neither the page nor what was not found"
    for number, member in written.originals.items():
        data = warc[member.offset : member.offset + member.digests.size]
        assert digest_bytes(data) == member.digests
        record = gzip.decompress(data)
        assert f"WARC-Record-ID: <{written.records[number]}>".encode() in record
        assert record.count(b"WARC/1.1") == 1
    again = write(second)[1]
    assert list(again.originals) == []
    assert list(again.records) == [1, 2, 3, 4, 5]


def test_fields_and_blocks(pair, write):
    second = pair[2]
    warc, written = write(second)
    revisits = fields_of(warc, "revisit")
    for (fields, block), exchange in zip(revisits, second.exchanges[1:4], strict=True):
        original = exchange.revisit.original
        assert fields["WARC-Record-ID"] == f"<{written.records[exchange.number]}>"
        assert fields["WARC-Target-URI"] == fields["WARC-Refers-To-Target-URI"] == exchange.url
        assert fields["WARC-Refers-To"] == f"<{original.record}>"
        assert fields["WARC-Refers-To-Date"][:10] == "2026-11-20"
        assert fields["WARC-Payload-Digest"] == str(original.payload.sha256)
        assert fields["WARC-Block-Digest"] == str(digest_bytes(block).sha256)
        assert fields["Content-Type"] == "application/http;msgtype=response"
        assert "WARC-Truncated" not in fields
    (reused, nothing), (identical, head), (unmodified, answer) = revisits
    assert [fields["WARC-Profile"] for fields, _ in revisits] == [
        "https://sijill.org/warc/1.1/revisit/reused",
        "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
        "http://netpreserve.org/warc/1.1/revisit/server-not-modified",
    ]
    assert nothing == b""
    assert not {"WARC-IP-Address", "WARC-Protocol", "WARC-Cipher-Suite"} & reused.keys()
    assert identical["WARC-IP-Address"] == unmodified["WARC-IP-Address"] == "192.0.2.7"
    assert head.startswith(b"HTTP/1.1 200 ")
    assert head.endswith(b"\r\n\r\n")
    assert CSS not in head
    assert answer == b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'
    concurrent = [fields.get("WARC-Concurrent-To") for fields, _ in fields_of(warc, "request")]
    assert concurrent == [f"<{written.records[number]}>" for number in (1, 3, 4, 5)]


def test_the_fetch_log_names_them(pair, write):
    warc, written = write(pair[2])
    log = json.loads(fields_of(warc, "metadata")[0][1])
    assert [one["revisit"] and one["revisit"]["kind"] for one in log["exchanges"]] == [
        None,
        "reused",
        "identical",
        "not-modified",
        None,
    ]
    assert [one["status"] for one in log["exchanges"]] == [200, 200, 200, 304, 404]
    assert [one["record"] for one in log["exchanges"]] == list(written.records.values())
    assert log["exchanges"][3]["payload"]["size"] == len(CSS) + 5
    assert log["exchanges"][1]["requestRecord"] is None


def test_warcio_check(revisiting):
    done = subprocess.run([BIN / "warcio", "check", "-v", revisiting], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert said.count("WARC-Record-ID") == 11, said
    assert (said.count("digest pass"), said.count("digest present but not checked (revisit)")) == (8, 3)


def test_fastwarc_check(revisiting):
    # Not with --verify-payloads: it looks for the payload of a revisit in its own block, whoever wrote it.
    done = subprocess.run(
        [BIN / "fastwarc", "check", "--output", "-", revisiting], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    assert done.stdout.count(": OK") == 11, done.stdout


def test_others_read_the_same_of_them(revisiting):
    warc = revisiting.read_bytes()
    ours = [(fields, block) for fields, block in fields_of(warc, "revisit")]
    found = [
        (record.rec_headers, record.raw_stream.read())
        for record in ArchiveIterator(io.BytesIO(warc), no_record_parse=True)
        if record.rec_type == "revisit"
    ]
    assert [block for _, block in found] == [block for _, block in ours]
    names = ("WARC-Refers-To-Target-URI", "WARC-Refers-To-Date", "WARC-Profile", "WARC-Payload-Digest")
    for name in names:
        assert [fields.get_header(name) for fields, _ in found] == [fields[name] for fields, _ in ours]
    fast = [record for record in FastIterator(io.BytesIO(warc)) if record.headers["WARC-Type"] == "revisit"]
    assert len(fast) == 3


def test_a_revisit_says_what_it_stands_on(pair, write):
    records = read_records(io.BytesIO(write(pair[2])[0]))
    fields = next(record.fields for record in records if record.type == "revisit")
    header_bytes(fields)
    for name in ("WARC-Refers-To", "WARC-Refers-To-Target-URI", "WARC-Refers-To-Date", "WARC-Profile"):
        with pytest.raises(BadRecordField, match=name):
            header_bytes([field for field in fields if field[0] != name])
    for name, value in {
        "WARC-Profile": "http://netpreserve.org/warc/1.1/revisit/other",
        "WARC-Refers-To": "<urn:uuid:1>",
        "WARC-Refers-To-Date": "2026-11-20T01:16:30Z",
    }.items():
        with pytest.raises(BadRecordField, match=name):
            header_bytes([(key, value if key == name else stated) for key, stated in fields])
