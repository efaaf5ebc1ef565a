"""Cutting records out of a WARC, and taking a file of them apart again."""

from __future__ import annotations

import io

import pytest

from sijill.archive.digest import digest_bytes
from sijill.archive.warc.dependencies import Members, Pieces, cut
from sijill.archive.warc.examine import examine_warc


class OnlyForward(io.BytesIO):
    """A reader as a pipe or a socket gives it."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation


class Counting(io.BytesIO):
    """Counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


@pytest.fixture
def places(warc):
    """Where every second response of the WARC is."""
    found = [one for one in examine_warc(io.BytesIO(warc)).records if one.response is not None][::2]
    return [(one.offset, one.length) for one in found]


@pytest.mark.parametrize("reader", [io.BytesIO, OnlyForward])
def test_cut(warc, places, reader):
    assert b"".join(cut(reader(warc), places)) == b"".join(warc[at : at + size] for at, size in places)


def test_no_more_is_read_than_is_cut_out(warc, places):
    source = Counting(warc)
    size = len(b"".join(cut(source, places)))
    assert source.count == size < len(warc)


@pytest.mark.parametrize("reader", [io.BytesIO, OnlyForward])
def test_cut_beyond_the_end(warc, reader):
    assert b"".join(cut(reader(warc), [(len(warc) - 5, 9), (len(warc) + 9, 1)])) == warc[-5:]


def test_pieces_of_any_size():
    reader = io.BufferedReader(Pieces(iter([b"a", b"bcd", b"efghij"])), 4)
    assert (reader.read(2), reader.read(3), reader.read()) == (b"ab", b"cde", b"fghij")
    assert reader.read(1) == b""


def test_members_are_what_was_cut_out(warc, places):
    taken = b"".join(cut(io.BytesIO(warc), places))
    members = Members(io.BytesIO(taken))
    at = 0
    for (offset, length), found in zip(places, members.examine(size for _, size in places), strict=True):
        assert found.problem is None
        assert found.digests == digest_bytes(warc[offset : offset + length])
        assert (found.record.offset, found.record.length) == (at, length)
        assert found.record.block_digest_holds
        at += length
    assert members.finish() == 0
    assert members.digests() == digest_bytes(taken)


def test_a_bad_member_does_not_hide_the_others(warc, places):
    members = [warc[at : at + size] for at, size in places]
    sizes = [len(member) for member in members]
    bad = bytearray(members[1])
    bad[20] ^= 0xFF
    reader = Members(io.BytesIO(b"".join([members[0], bytes(bad), *members[2:], b"more"])))
    found = list(reader.examine(sizes))
    assert [one.record is None for one in found] == [False, True] + [False] * (len(members) - 2)
    assert found[1].problem is not None
    assert reader.finish() == 4


def test_too_much_content(warc, places):
    taken = b"".join(cut(io.BytesIO(warc), places))
    found = list(Members(io.BytesIO(taken), limit=100).examine(size for _, size in places))
    assert "more content than the limit" in str(found[-1].problem)
