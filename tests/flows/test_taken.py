"""A capture that takes from another what both pages need: exported it stands alone, and what it needs stays."""

import gzip
import json
import zipfile

import pytest

from sijill.archive.warc.wacz import DEPENDENCIES, INDEX
from sijill.flows import evidence
from sijill.flows.crawl.resources import RunResources
from sijill.flows.custody import erasing
from sijill.flows.custody.tombstones import find_tombstone
from sijill.flows.errors import PackageRefused, RemovalRefused, TombstonedCapture
from sijill.flows.export import export_package
from sijill.flows.stored_captures import load_capture
from sijill.flows.wiring import open_archive
from sijill.provenance.verify.codes import Code
from sijill.provenance.verify.report import Status
from sijill.provenance.verify.verify import verify_package


@pytest.fixture
def archive(archive_settings):
    return open_archive(archive_settings)


@pytest.fixture
def pair(archive, sites):
    """Ids of two captures of one run: the second takes style, logo and script from the first."""
    shared = RunResources(archive, "sahlandoc", "one-run")
    made = []
    for path in ("/2025/02/04/ten-walls/", "/"):
        with shared.capturing() as known:
            archived = evidence.archive_url(archive, sites.url("sahlandoc.example", path), known=known)
            known.stored(archived)
        made.append(archived.capture.id)
    evidence.seal(archive)
    return made


def statement_of(archive, capture_id):
    return load_capture(archive, capture_id).statement


def remove(archive, capture_id):
    removal = erasing.plan_removal(archive, capture_id, with_attestation=False)
    return erasing.remove(archive, removal, reason="names a minor", authority="a court")


def test_the_package_holds_what_others_received(archive, pair, tmp_path):
    first, second = pair
    [dependency] = statement_of(archive, second).predicate.dependencies
    assert dependency.capture_id == first
    package = tmp_path / "second.wacz"
    exported = export_package(archive, second, package)
    with package.open("rb") as file:
        report = verify_package(file, archive.trust)
    assert report.holds
    assert report.check(Code.WARC_05).status is Status.PASSED
    with zipfile.ZipFile(package) as files:
        taken = files.read(DEPENDENCIES)
        lines = gzip.decompress(files.read(INDEX)).decode().splitlines()
        text = files.read("provenance/report.html").decode()
    assert len(taken) == sum(record.length for record in dependency.records)
    kept = archive.store.read(load_capture(archive, first).warc_key, limit=1 << 24)
    assert taken == b"".join(kept[one.offset : one.offset + one.length] for one in dependency.records)
    entries = [json.loads(line.split(" ", 2)[2]) for line in lines]
    resolved = {entry["url"] for entry in entries if entry["filename"] == "dependencies.warc.gz"}
    assert {one.url for one in dependency.records} == resolved
    assert first in text
    again = tmp_path / "again.wacz"
    assert export_package(archive, second, again).digests == exported.digests


def test_a_package_without_dependencies_has_no_such_file(archive, pair, tmp_path):
    export_package(archive, pair[0], tmp_path / "first.wacz")
    with zipfile.ZipFile(tmp_path / "first.wacz") as files:
        assert DEPENDENCIES not in files.namelist()


def test_what_another_capture_takes_from_is_not_removed_before_it(archive, pair, tmp_path):
    first, second = pair
    with pytest.raises(RemovalRefused, match=second):
        remove(archive, first)
    assert find_tombstone(archive, first) is None
    remove(archive, second)
    remove(archive, first)
    with pytest.raises(TombstonedCapture, match=second):
        export_package(archive, second, tmp_path / "second.wacz")


def test_no_package_without_what_others_received(archive, pair, tmp_path):
    first, second = pair
    # As whoever has the store can, without a word in the log.
    archive.store.erase(load_capture(archive, first).warc_key)
    with pytest.raises(PackageRefused, match=first):
        export_package(archive, second, tmp_path / "second.wacz")
    assert not (tmp_path / "second.wacz").exists()
