"""The zip of a package: one form, and whatever is changed in it is refused."""

from __future__ import annotations

import io
import struct
import subprocess
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import digest_bytes
from sijill.archive.errors import BadMemberName, BodyChanged, MalformedPackage, TooLarge
from sijill.archive.warc.zip_form import MEMBER_LIMIT
from sijill.archive.warc.zip_reader import open_member, read_zip
from sijill.archive.warc.zip_writer import write_zip
from sijill.provenance.verify.package import PackageFiles

MEMBERS = {"archive/data.warc.gz": b"\x1f\x8bwarc", "datapackage.json": b"{}", "provenance/SHA256SUMS": b""}


def zipped(members: dict[str, bytes] = MEMBERS) -> bytes:
    sink = io.BytesIO()
    digests = write_zip([(name, MemoryBody(data)) for name, data in members.items()], sink)
    assert digests == digest_bytes(sink.getvalue())
    return sink.getvalue()


def unzipped(data: bytes) -> dict[str, bytes]:
    source = io.BytesIO(data)
    found = {}
    for member in read_zip(source):
        with open_member(source, member) as reader:
            found[member.name] = reader.read()
    return found


NAMES = st.lists(st.from_regex(r"[a-z0-9]{1,6}(/[a-z0-9._-]{0,3}[a-z]){0,2}", fullmatch=True), unique=True).map(sorted)


@given(st.data())
def test_what_is_written_is_read(data):
    names = [name for name in data.draw(NAMES) if "/." not in name and "/-" not in name]
    members = {name: data.draw(st.binary(max_size=40)) for name in names}
    packed = zipped(members)
    assert unzipped(packed) == members
    assert zipped(members) == packed
    with zipfile.ZipFile(io.BytesIO(packed)) as stock:
        assert stock.testzip() is None
        assert {name: stock.read(name) for name in stock.namelist()} == members


def test_form_of_the_zip():
    with zipfile.ZipFile(io.BytesIO(zipped())) as stock:
        for info in stock.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert (info.flag_bits, info.extra, info.comment, info.create_system) == (0, b"", b"", 0)
        assert stock.comment == b""


def test_unzip_takes_it(tmp_path, tool):
    (tmp_path / "a.zip").write_bytes(zipped())
    subprocess.run([tool("unzip", "unzip"), "-q", "a.zip"], cwd=tmp_path, check=True, timeout=30)
    assert (tmp_path / "archive/data.warc.gz").read_bytes() == b"\x1f\x8bwarc"


@pytest.mark.parametrize("bit", range(8))
def test_any_changed_byte_is_refused(bit):
    data = zipped()
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 1 << bit
        with pytest.raises(MalformedPackage):
            unzipped(bytes(broken))


def test_cut_short_or_longer_is_refused():
    data = zipped()
    for size in range(len(data)):
        with pytest.raises(MalformedPackage):
            unzipped(data[:size])
        with pytest.raises(MalformedPackage):
            unzipped(data[size:] if size else b"")


@given(garbage=st.binary(min_size=1, max_size=30), share=st.floats(0, 1))
def test_bytes_put_in_anywhere_are_refused(garbage, share):
    data = zipped()
    at = round(share * len(data))
    with pytest.raises(MalformedPackage):
        unzipped(data[:at] + garbage + data[at:])


def stock_zip(**kinds: object) -> bytes:
    """A zip by the standard library, as alike to ours as its options allow but for `kinds`."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as stock:
        for name in kinds.get("names", ["a", "b"]):
            info = zipfile.ZipInfo(name, kinds.get("date", (1980, 1, 1, 0, 0, 0)))
            info.create_system = 0
            info.create_version = info.extract_version = 10
            info.compress_type = kinds.get("method", zipfile.ZIP_STORED)
            info.extra = kinds.get("extra", b"")
            info.comment = kinds.get("comment", b"")
            stock.writestr(info, b"text")
            info.external_attr = kinds.get("attr", 0)
        stock.comment = kinds.get("end", b"")
    return sink.getvalue().replace(struct.pack("<HH", 20, 10), struct.pack("<HH", 10, 10))


@pytest.mark.parametrize(
    "kinds",
    [
        {"date": (1980, 1, 1, 0, 0, 2)},
        {"date": (2026, 1, 1, 0, 0, 0)},
        {"method": zipfile.ZIP_DEFLATED},
        {"extra": b"\x01\x99\x02\x00ab"},
        {"comment": b"x"},
        {"end": b"x"},
        {"attr": 1},
        {"names": ["b", "a"]},
        {"names": ["a", "A"]},
        {"names": ["A", "a"]},
        {"names": ["../a"]},
        {"names": ["a/../b"]},
        {"names": ["/a"]},
        {"names": ["a//b"]},
        {"names": ["a/"]},
        {"names": ["./a"]},
        {"names": [".a"]},
        {"names": ["a\\b"]},
        {"names": ["c:a"]},
        {"names": ["é"]},
        {"names": ["a\n"]},
        {"names": ["x" * 201]},
    ],
)
def test_other_zips_are_refused(kinds):
    with pytest.raises(MalformedPackage):
        unzipped(stock_zip(**kinds))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_names_are_refused():
    with pytest.raises(MalformedPackage, match="ascending"):
        unzipped(stock_zip(names=["a", "a"]))


def test_the_zips_above_differ_only_by_what_they_say():
    assert unzipped(stock_zip()) == {"a": b"text", "b": b"text"}


def test_overlapping_members_are_refused():
    data = zipped({"a": b"x" * 50, "b": b"x" * 50})
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    broken = bytearray(data)
    broken[second + 42 : second + 46] = bytes(4)
    with pytest.raises(MalformedPackage, match="does not begin where"):
        unzipped(bytes(broken))


@pytest.mark.parametrize("name", ["../a", "/a", "a\\b", "", "a/", "é", "a b", "x" * 201])
def test_unsafe_names_are_not_written(name):
    sink = io.BytesIO()
    with pytest.raises(BadMemberName):
        write_zip([(name, MemoryBody(b""))], sink)
    assert not sink.getvalue()


@pytest.mark.parametrize("names", [["b", "a"], ["a", "a"], ["A", "a"]])
def test_order_and_doubles_are_not_written(names):
    with pytest.raises(BadMemberName):
        write_zip([(name, MemoryBody(b"")) for name in names], io.BytesIO())


class Huge:
    """Claims nothing, gives four gibibytes."""

    size = 0

    def open(self):
        return Zeros(1 << 32)


class Zeros(io.RawIOBase):
    BLOCK = bytes(1 << 25)

    def __init__(self, left: int):
        self.left = left

    def read(self, size: int = -1) -> bytes:
        taken = min(len(self.BLOCK), self.left)
        self.left -= taken
        return self.BLOCK[:taken]


def test_no_zip64():
    sink = io.BytesIO()
    with pytest.raises(TooLarge):
        write_zip([("a", Huge())], sink)
    assert not sink.getvalue()


def test_too_many_members():
    with pytest.raises(TooLarge):
        write_zip([(f"{number:05}", MemoryBody(b"")) for number in range(MEMBER_LIMIT + 1)], io.BytesIO())


class Growing:
    size = 1

    def __init__(self):
        self.data = b"x"

    def open(self):
        self.data += b"x"
        return io.BytesIO(self.data)


def test_a_body_that_changes_is_noticed():
    with pytest.raises(BodyChanged):
        write_zip([("a", Growing())], io.BytesIO())


def test_members_can_be_read_side_by_side():
    data = {"a": bytes(range(256)) * 4000, "b": b"b" * 1_000_000}
    source = io.BytesIO(zipped(data))
    one, two = (open_member(source, member) for member in read_zip(source))
    read = {"a": b"", "b": b""}
    while part := one.read(300_001):
        read["a"] += part
        read["b"] += two.read(300_001)
    assert read == data


def test_every_file_is_compared_even_one_that_was_opened_and_never_read():
    data = bytearray(zipped())
    at = data.index(b"\x1f\x8bwarc")
    data[at] ^= 1
    files = PackageFiles(io.BytesIO(bytes(data)))
    files.open("archive/data.warc.gz").close()
    assert files.read("datapackage.json", limit=10) == b"{}"
    with pytest.raises(MalformedPackage, match="CRC-32"):
        files.check_unread()
