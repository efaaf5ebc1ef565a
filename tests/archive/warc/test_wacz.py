"""The derived files of a package: what WACZ asks for, the same bytes every time, taken by `wacz validate`."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cdxj_indexer.main import CompressedWriter

from sijill.archive.errors import MalformedWarc
from sijill.archive.warc.wacz import (
    BLOCK_LINES,
    compress_index,
    derive_index,
    derive_index_summary,
    derive_pages,
    gzip_stored,
)
from sijill.archive.warc.zip_reader import open_member, read_zip

BIN = Path(sys.executable).parent


def test_wacz_validate(wacz_path):
    done = subprocess.run(
        [BIN / "wacz", "validate", "-f", wacz_path], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Version detected as 1.1.1" in done.stdout
    assert done.stdout.rstrip().endswith("Validation succeeded, the passed WACZ is valid")


def test_package_is_read_back(wacz_path, package_files):
    with wacz_path.open("rb") as source:
        found = {}
        for member in read_zip(source):
            with open_member(source, member) as reader:
                found[member.name] = reader.read()
    assert found == package_files


def test_derived_again_from_the_package(wacz_path, package_files):
    """What a verifier does: read the WARC where it lies in the zip and derive the index from it."""
    with wacz_path.open("rb") as source:
        warc = next(member for member in read_zip(source) if member.name == "archive/data.warc.gz")
        with open_member(source, warc) as reader:
            index = derive_index(reader)
    assert index == package_files["indexes/index.cdx.gz"]
    assert derive_index_summary(index) == package_files["indexes/index.idx"]


def test_index_is_gzip_of_sorted_lines(package_files):
    lines = gzip.decompress(package_files["indexes/index.cdx.gz"]).splitlines()
    assert lines == sorted(lines)
    assert len(lines) == 9


@pytest.mark.parametrize("count", [1, BLOCK_LINES - 1, BLOCK_LINES, BLOCK_LINES + 1, 2 * BLOCK_LINES + 7])
def test_summary_is_what_cdxj_indexer_writes(count):
    """All but places and digests, which depend on the compression."""
    lines = [f'org,example)/{number:05} 20261121011630 {{"url": "x"}}\n' for number in range(count)]
    summary, data = io.StringIO(), io.BytesIO()
    stock = CompressedWriter(summary, data, BLOCK_LINES, "index.cdx.gz", digest_records=True)
    stock.num_lines = BLOCK_LINES
    stock.data_out_name = "index.cdx.gz"
    for line in lines:
        stock.write(line)
    if stock.block:
        stock.flush()
    index = compress_index("".join(lines).encode())
    ours = derive_index_summary(index).decode().splitlines()
    theirs = summary.getvalue().splitlines()
    assert gzip.decompress(index) == "".join(lines).encode()
    assert ours[0] == theirs[0]
    for our, their in zip(ours[1:], theirs[1:], strict=True):
        assert our.split(" {")[0] == their.split(" {")[0]
        entry = json.loads(our[our.index("{") :])
        assert list(entry) == list(json.loads(their[their.index("{") :]))
        block = index[entry["offset"] : entry["offset"] + entry["length"]]
        assert gzip.decompress(block).startswith(our.split(" {")[0].encode())
        assert entry["digest"] == f"sha256:{hashlib.sha256(block).hexdigest()}"


def test_an_index_without_lines():
    index = compress_index(b"")
    assert gzip.decompress(index) == b""
    assert derive_index_summary(index).splitlines() == [
        b'!meta 0 {"format": "cdxj-gzip-1.0", "filename": "index.cdx.gz"}'
    ]


def test_summary_of_something_else():
    with pytest.raises(MalformedWarc):
        derive_index_summary(gzip.compress(b"x", mtime=1))


def test_stored_gzip_is_these_very_bytes():
    """The verifier compares bytes, so they are fixed here: RFC 1952 header, one stored block, CRC-32, size."""
    assert gzip_stored(b"abc").hex() == "1f8b08000000000000ff" + "010300fcff" + "616263" + "c2412435" + "03000000"
    assert gzip_stored(b"").hex() == "1f8b08000000000000ff" + "010000ffff" + "00000000" + "00000000"


def test_pages(package_files, site):
    header, page = [json.loads(line) for line in package_files["pages/pages.jsonl"].splitlines()]
    assert header["format"] == "json-pages-1.0"
    assert page["url"] == site.page_url
    assert page["title"] == "بيان مشترك"
    assert len(derive_pages().splitlines()) == 1


def test_datapackage(package_files):
    package = json.loads(package_files["datapackage.json"])
    assert package["profile"] == "data-package"
    assert package["wacz_version"] == "1.1.1"
    listed = {resource["path"]: resource for resource in package["resources"]}
    assert set(listed) == set(package_files) - {"datapackage.json", "datapackage-digest.json"}
    for path, resource in listed.items():
        data = package_files[path]
        assert resource["name"] == path.lower()
        assert resource["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert resource["bytes"] == len(data)
    digest = json.loads(package_files["datapackage-digest.json"])
    expected = hashlib.sha256(package_files["datapackage.json"]).hexdigest()
    assert digest == {"path": "datapackage.json", "hash": f"sha256:{expected}"}


def test_a_changed_package_is_not_valid_for_wacz_validate(package_files, tmp_path):
    """So that the validator above is known to look."""
    path = tmp_path / "bad.wacz"
    with zipfile.ZipFile(path, "w") as stock:
        for name, data in package_files.items():
            stock.writestr(name, data + b"\n" if name == "pages/pages.jsonl" else data)
    done = subprocess.run(
        [BIN / "wacz", "validate", "-f", path], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 1
