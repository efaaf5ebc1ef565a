"""The reader takes what the writer wrote and nothing else, whichever byte is changed."""

from __future__ import annotations

import gzip
import io
import re
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.archive.digest import digest_bytes
from sijill.archive.errors import MalformedWarc
from sijill.archive.warc.examine import examine_warc, payload_chunks
from sijill.archive.warc.member import MemberWriter, gzip_stored
from sijill.archive.warc.reader import read_records
from sijill.archive.warc.record import RecordType

MEMBER = bytes.fromhex("1f8b08000000000000ff")


def test_one_pass_gives_offsets_lengths_and_digests(warc):
    class OnlyRead:
        """Neither seekable nor generous."""

        def __init__(self):
            self.source = io.BytesIO(warc)

        def read(self, size, /):
            return self.source.read(min(size, 1000))

    examined = examine_warc(OnlyRead())
    assert examined.digests == digest_bytes(warc)
    end = 0
    for record in examined.records:
        assert record.offset == end
        end += record.length
        member = warc[record.offset : end]
        text = gzip.decompress(member)
        block = text[text.index(b"\r\n\r\n") + 4 : -4]
        assert (len(block), digest_bytes(block).sha256) == (record.size, record.block)
        assert record.block_digest_holds
        assert record.payload_digest_holds in (True, None)
    assert end == len(warc)


def test_payloads_are_what_the_capture_says(warc, capture):
    found = [record.response for record in examine_warc(io.BytesIO(warc)).records if record.response]
    stated = [exchange.response for exchange in capture.exchanges if exchange.response]
    assert [response.payload for response in found] == [response.payload for response in stated]
    assert [response.surplus for response in found] == [response.surplus for response in stated]
    assert [response.head.headers for response in found if response.head] == [response.headers for response in stated]
    assert [response.problem for response in found if response.problem] == ["ends within the body"]


def test_payload_of_one_record(warc, site):
    payloads = {
        record.target: b"".join(payload_chunks(record))
        for record in read_records(io.BytesIO(warc))
        if record.type is RecordType.RESPONSE
    }
    assert payloads[site.png_url] == site.png
    assert gzip.decompress(payloads[site.page_url]) == site.html


def test_a_record_not_read_is_read_over(warc):
    assert len(list(read_records(io.BytesIO(warc)))) == len(examine_warc(io.BytesIO(warc)).records)


def test_length_is_not_known_before_the_end(warc):
    record = next(read_records(io.BytesIO(warc)))
    with pytest.raises(ValueError, match="not been read"):
        _ = record.length
    assert b"".join(record.chunks())
    assert warc[record.length :].startswith(MEMBER)


def test_any_changed_byte_is_noticed(small_warc):
    before = digest_bytes(small_warc)
    whole = 0
    for place in range(len(small_warc)):
        broken = bytearray(small_warc)
        broken[place] ^= 0x20
        try:
            examined = examine_warc(io.BytesIO(broken))
        except MalformedWarc:
            continue
        whole += 1
        assert examined.digests != before
    # CRC-32 finds a changed byte of content; bits of deflate that mean nothing are all that can be left.
    assert whole < 10


def test_cut_short_anywhere_is_refused(small_warc):
    for size in range(len(small_warc)):
        with pytest.raises(MalformedWarc):
            examine_warc(io.BytesIO(small_warc[:size]))


@given(garbage=st.binary(min_size=1, max_size=40), place=st.integers(0, 5))
def test_bytes_between_members_are_refused(warc, garbage, place):
    starts = [record.offset for record in examine_warc(io.BytesIO(warc)).records] + [len(warc)]
    at = starts[place]
    with pytest.raises(MalformedWarc):
        examine_warc(io.BytesIO(warc[:at] + garbage + warc[at:]))


def plain(small_warc: bytes) -> list[bytes]:
    """The decompressed records."""
    records = examine_warc(io.BytesIO(small_warc)).records
    return [gzip.decompress(small_warc[record.offset : record.offset + record.length]) for record in records]


def rebuilt(records: list[bytes]) -> io.BytesIO:
    return io.BytesIO(b"".join(gzip_stored(record) for record in records))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"WARC/1.1", b"WARC/1.0", "WARC/1.1"),
        (b"WARC-Type: response", b"WARC-Type: continuation", "WARC-Type"),
        (b"WARC-Type: response", b"warc-type: response", "no field of ours"),
        (b"WARC-Type: response", b"WARC-Type:response", "not a named field"),
        (b"WARC-Type: response", b"WARC-Type:  response", "WARC-Type"),
        (b"WARC-Type: response\r\n", b"WARC-Type: response\r\nWARC-Type: response\r\n", "repeated"),
        (b"WARC-Type: response\r\n", b"WARC-Type: response\n", "WARC-Type"),
        (b"WARC-Type: response\r\n", b"WARC-Type: response\r\n continued\r\n", "not a named field"),
        (b"WARC-IP-Address: 192.0.2.7\r\n", b"WARC-IP-Address: 192.0.2.7\r\nX-More: 1\r\n", "no field of ours"),
        (b"WARC-IP-Address: 192.0.2.7\r\n", b"WARC-Filename: a\r\nWARC-IP-Address: 192.0.2.7\r\n", "out of order"),
        (b"Content-Length: 7", b"Content-Length: 07", "Content-Length"),
        (b"Content-Length: 7", b"Content-Length: +7", "Content-Length"),
        (b"Content-Length: 7", b"Content-Length: 6", "two CRLF"),
        (b"Content-Length: 7", b"Content-Length: 8", "two CRLF|before its Content-Length"),
        (b"Content-Length: 7", b"Content-Length: 9999999", "before its Content-Length"),
        (b"Content-Length: 7", b"Content-Length: 99999999999999", "limit"),
        (b"WARC-Date: 2026-11-21T01:16:30", b"WARC-Date: 2026-11-21 01:16:30", "WARC-Date"),
        (b"WARC-Target-URI: http://site.example/", b"WARC-Target-URI: http://site.example/ x", "WARC-Target-URI"),
        (b"WARC-Target-URI: http://site.example/", "WARC-Target-URI: http://é.example/".encode(), "not a named field"),
        (b"msgtype=response", b"msgtype=request", "Content-Type"),
        (b"WARC-Block-Digest: sha256:", b"WARC-Block-Digest: sha1:", "WARC-Block-Digest"),
    ],
)
def test_headers_that_we_would_not_write(small_warc, old, new, reason):
    records = plain(small_warc)
    assert old in records[1]
    records[1] = records[1].replace(old, new)
    with pytest.raises(MalformedWarc, match=reason) as caught:
        examine_warc(rebuilt(records))
    assert caught.value.offset == len(gzip_stored(records[0]))


@pytest.mark.parametrize(
    "name", [b"WARC-Record-ID", b"WARC-Date", b"WARC-Block-Digest", b"Content-Type", b"Content-Length"]
)
def test_missing_fields(small_warc, name):
    records = plain(small_warc)
    head, _, block = records[1].partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(name)]
    records[1] = b"\r\n".join(lines) + b"\r\n\r\n" + block
    with pytest.raises(MalformedWarc, match=f"{name.decode()}.*missing"):
        examine_warc(rebuilt(records))


def test_records_out_of_place(small_warc):
    info, response, request, *rest = plain(small_warc)
    for records, reason in [
        ([response, info], "warcinfo must be the first"),
        ([info, info], "earlier record"),
        ([info, response, response], "earlier record"),
        ([info, request, response], "names no response before it"),
        ([info, *rest, info.replace(b"000000000001>", b"00000000ffff>")], "warcinfo must be the first"),
        ([info, response.replace(b"WARC-Warcinfo-ID: <urn:uuid:0", b"WARC-Warcinfo-ID: <urn:uuid:1")], "Warcinfo-ID"),
        ([], "no records"),
    ]:
        with pytest.raises(MalformedWarc, match=reason):
            examine_warc(rebuilt(records))


@pytest.mark.parametrize("tail", [b"", b"\r\n", b"\r\n\r\n\r\n", b"\r\n\n\r", b"\r\n\r\nx"])
def test_record_ends(small_warc, tail):
    records = plain(small_warc)
    records[1] = records[1].removesuffix(b"\r\n\r\n") + tail
    with pytest.raises(MalformedWarc, match="two CRLF"):
        examine_warc(rebuilt(records))


def test_two_records_in_one_member(small_warc):
    records = plain(small_warc)
    records[1:3] = [records[1] + records[2]]
    with pytest.raises(MalformedWarc, match="two CRLF"):
        examine_warc(rebuilt(records))


@pytest.mark.parametrize(
    "header",
    [
        bytes.fromhex("1f8b0800000000000003"),
        bytes.fromhex("1f8b08000000000002ff"),
        bytes.fromhex("1f8b08000000000100ff"),
        bytes.fromhex("1f8b08040000000000ff0000"),
        bytes.fromhex("1f8b08080000000000ff") + b"name\0",
        bytes.fromhex("1f8b08100000000000ff") + b"comment\0",
    ],
)
def test_other_gzip_headers(small_warc, header):
    assert small_warc.startswith(MEMBER)
    with pytest.raises(MalformedWarc, match="gzip member header") as caught:
        examine_warc(io.BytesIO(header + small_warc[len(MEMBER) :]))
    assert caught.value.offset == 0


def test_a_wrong_block_digest_is_told_apart_from_a_malformed_record(small_warc):
    records = plain(small_warc)
    records[1] = records[1].replace(b"hello", b"hullo")
    examined = examine_warc(rebuilt(records)).records[1]
    assert not examined.block_digest_holds
    assert examined.payload_digest_holds is False


def test_bombs_are_bounded(small_warc):
    info, response, *_ = plain(small_warc)
    head, _, block = response.partition(b"\r\n\r\n")
    bomb = re.sub(rb"Content-Length: [0-9]+$", b"Content-Length: 4000000000", head) + b"\r\n\r\n" + block
    sink = io.BytesIO()
    member = MemberWriter(sink, stored=False)
    member.write(bomb)
    for _ in range(64):
        member.write(bytes(1 << 20))
    member.close()
    file = gzip_stored(info) + sink.getvalue()
    tracemalloc.start()
    with pytest.raises(MalformedWarc):
        examine_warc(io.BytesIO(file), limit=5_000_000_000)
    with pytest.raises(MalformedWarc, match="limit"):
        examine_warc(io.BytesIO(file), limit=3_999_999_999)
    endless = io.BytesIO()
    member = MemberWriter(endless, stored=False)
    for _ in range(64):
        member.write(b"A" * (1 << 20))
    member.close()
    with pytest.raises(MalformedWarc, match="too long"):
        examine_warc(io.BytesIO(endless.getvalue()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_not_deflate():
    trailer = zlib.crc32(b"").to_bytes(4, "little") + bytes(4)
    with pytest.raises(MalformedWarc, match="does not decompress"):
        examine_warc(io.BytesIO(MEMBER + b"\x07" + trailer))
