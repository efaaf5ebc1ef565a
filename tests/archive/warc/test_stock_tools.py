"""What others' tools make of our WARC: they are the ones who must be able to read it without us."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator

from sijill.archive.warc.cdxj import index_lines
from sijill.archive.warc.examine import examine_records
from sijill.archive.warc.reader import read_records

BIN = Path(sys.executable).parent


def run(*args: str | Path) -> str:
    done = subprocess.run([BIN / args[0], *args[1:]], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_warcio_check(warc_path):
    said = run("warcio", "check", "-v", warc_path)
    assert said.count("digest pass") == said.count("WARC-Record-ID") == 22


def test_fastwarc_check(warc_path):
    said = run("fastwarc", "check", "--verify-payloads", "--output", "-", warc_path)
    assert "FAIL" not in said
    assert said.count(": OK, ") == 22
    assert said.count("PAYLOAD_OK") == 7


def test_warcio_reads_the_same_blocks(warc, capture):
    with_http = {}
    for record in ArchiveIterator(io.BytesIO(warc), no_record_parse=True):
        block = record.raw_stream.read()
        with_http[record.rec_headers["WARC-Record-ID"]] = block
    ours = {f"<{record.id}>": b"".join(record.chunks()) for record in read_records(io.BytesIO(warc))}
    assert with_http == ours


def test_warcio_reads_the_same_page(warc, site):
    pages = {
        record.rec_headers["WARC-Target-URI"]: record.content_stream().read()
        for record in ArchiveIterator(io.BytesIO(warc))
        if record.rec_type == "response"
    }
    assert pages[site.page_url] == site.html
    assert pages[site.png_url] == site.png


def test_fastwarc_reads_the_same_blocks(warc):
    theirs = []
    for record in FastIterator(io.BytesIO(warc), parse_http=False):
        theirs.append((record.record_id, record.stream_pos, record.reader.read()))
        assert record.headers["WARC-Date"].endswith("Z")
    ours = [(f"<{record.id}>", record.offset, b"".join(record.chunks())) for record in read_records(io.BytesIO(warc))]
    assert theirs == ours


def test_cdxj_indexer_writes_the_same_index(warc, warc_path):
    """Byte for byte, but for the digest of records without a payload digest: it takes the SHA-1 of chunk framing."""
    theirs = run("cdxj-indexer", "-s", "--records", "response", warc_path)
    ours = index_lines(examine_records(io.BytesIO(warc))).decode()
    compared = 0
    for their, our in zip(theirs.splitlines(), ours.splitlines(), strict=True):
        if "sha1:" in their:
            digest = re.compile(r'"digest": "[^"]+"')
            assert digest.sub("", their) == digest.sub("", our)
        else:
            assert their == our
            compared += 1
    assert compared == 7
