"""What a browser makes of a page is kept as evidence: stored, attested, packed, verified, recovered and erased."""

import base64
import dataclasses
import gzip
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sijill.archive.capture.browser.chromium import open_browser
from sijill.archive.digest import digest_bytes
from sijill.flows import evidence
from sijill.flows.custody import erasing, holds
from sijill.flows.custody.chain import chain
from sijill.flows.export import export_package
from sijill.flows.stored_captures import load_capture, load_captures
from sijill.flows.wiring import open_archive
from sijill.provenance.verify.verify import verify_package
from sijill.storage.errors import ObjectLocked, StoreUnavailable
from sijill.storage.layout import attestation_key, object_key

sys.path.insert(0, str(Path(__file__).parent))
from shown import PICTURE, TEXT, Shown  # the path is set above

PICTURE_KEY, TEXT_KEY = (object_key(digest_bytes(data).sha256.hex) for data in (PICTURE, TEXT))
OTHER_PICTURE = PICTURE + b"\0"
OTHER_KEY = object_key(digest_bytes(OTHER_PICTURE).sha256.hex)


@pytest.fixture
def archive(archive_settings):
    return open_archive(archive_settings)


@pytest.fixture
def capture(archive, sites):
    """`capture(picture)` makes a sealed capture that a stand-in for a browser showed; gives its id."""

    def make(picture=PICTURE, archive=archive):
        url = sites.url("remedylawyers.example", "/robots.txt")
        made = evidence.archive_url(archive, url, browser=Shown(picture)).capture.id
        evidence.seal(archive)
        return made

    return make


@pytest.fixture
def audit(archive, run):
    """`audit()` is the report of an audit of all of the archive."""

    def call():
        store, trust = archive.folder / "store", archive.folder / "trust.json"
        done = run("sijill-verify", "archive", store, "--trust", trust, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    return call


def failed(report):
    return [check["code"] for check in report["checks"] if check["status"] == "failed"]


def package_of(archive, capture_id, path):
    export_package(archive, capture_id, path)
    return path.read_bytes()


def test_files_are_objects_subjects_and_members(archive, capture, audit, tmp_path):
    captured = capture()
    assert archive.store.read(PICTURE_KEY, limit=1 << 20) == PICTURE
    assert archive.store.read(TEXT_KEY, limit=1 << 20) == TEXT
    statement = load_capture(archive, captured).statement
    assert [(one.name, one.media_type) for one in statement.subject[1:]] == [
        ("text.txt", "text/plain"),
        ("screenshot.png", "image/png"),
    ]
    package = package_of(archive, captured, tmp_path / "a.wacz")
    with zipfile.ZipFile(io.BytesIO(package)) as zipped:
        assert zipped.read("provenance/screenshot.png") == PICTURE
        assert base64.b64encode(PICTURE) in zipped.read("provenance/report.html")
    assert verify_package(io.BytesIO(package), archive.trust).holds
    assert failed(audit()) == []
    stored = {event.reference for event in chain(archive, captured) if event.step.value == "stored"}
    assert stored >= {PICTURE_KEY, TEXT_KEY}
    assert not list((archive.folder / "work" / "finished").iterdir())


def test_the_index_leads_to_answers_to_get_alone(archive, sites, tmp_path):
    url = sites.url("remedylawyers.example", "/robots.txt")
    made = evidence.archive_url(archive, url, browser=Shown(also=("POST", "OPTIONS", "HEAD"))).capture.id
    evidence.seal(archive)
    package = package_of(archive, made, tmp_path / "a.wacz")
    exchanges = load_capture(archive, made).statement.predicate.exchanges
    assert [exchange.method for exchange in exchanges] == ["GET", "POST", "OPTIONS", "HEAD"]
    assert all(exchange.record is not None for exchange in exchanges)
    with zipfile.ZipFile(io.BytesIO(package)) as zipped:
        lines = gzip.decompress(zipped.read("indexes/index.cdx.gz")).decode().splitlines()
    assert [json.loads(line.split(" ", 2)[2])["status"] for line in lines if "robots.txt" in line] == ["200"]
    assert verify_package(io.BytesIO(package), archive.trust).holds


def test_a_missing_changed_or_unknown_picture_is_found(archive, capture, audit):
    capture()
    path = archive.folder / "store" / PICTURE_KEY
    path.chmod(0o644)
    path.write_bytes(PICTURE[:-1] + b"\1")
    assert failed(audit()) == ["E-ARC-22", "E-ARC-23"]
    path.unlink()
    assert failed(audit()) == ["E-ARC-21"]
    stranger = archive.folder / "store" / OTHER_KEY
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(OTHER_PICTURE)
    assert set(failed(audit())) == {"E-ARC-21", "E-ARC-29"}


class Unfinished:
    """A store that goes away before it takes an attestation."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def put(self, key, source, *, expected):
        if key.startswith("captures/"):
            raise StoreUnavailable(key, "gone")
        return self._store.put(key, source, expected=expected)


@pytest.mark.parametrize("damaged", [False, True])
def test_what_waits_for_the_store_waits_with_its_files(archive, sites, damaged):
    broken = dataclasses.replace(archive, store=Unfinished(archive.store))
    url = sites.url("remedylawyers.example", "/robots.txt")
    with pytest.raises(StoreUnavailable):
        evidence.archive_url(broken, url, browser=Shown())
    [item] = (archive.folder / "work" / "finished").iterdir()
    assert sorted(path.name for path in (item / "files").iterdir()) == ["screenshot.png", "text.txt"]
    assert not list(item.glob("picture-*")), "what only the capturing needed is gone"
    if damaged:
        (item / "files" / "screenshot.png").write_bytes(PICTURE[:100])
    evidence.recover(archive)
    captures = [one.capture_id for one in load_captures(archive)]
    assert captures == ([] if damaged else [item.name])
    assert (archive.folder / "work" / "damaged" / item.name).exists() is damaged


@pytest.mark.timeout(400)
def test_no_death_leaves_a_capture_without_its_files(archive_settings, sites):
    script = Path(__file__).with_name("killed.py")
    url = sites.url("remedylawyers.example", "/robots.txt")
    done = subprocess.run(
        [sys.executable, script, archive_settings, url, "shown"],
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    states = [json.loads(line) for line in done.stdout.splitlines()]
    assert states[-1]["finished"]
    before = 0
    for state in states:
        assert state["captures"] in (before, before + 1), state
        assert state["size"] == state["captures"], state
        before = state["captures"]
    assert 0 < before < len(states)


def remove(archive, capture_id, **options):
    removal = erasing.plan_removal(archive, capture_id, **({"with_attestation": False} | options))
    erasing.remove(archive, removal, reason="a reason", authority="an authority")
    return removal


def test_a_tombstone_takes_the_files_too(archive, capture, audit):
    captured = capture()
    warc = load_capture(archive, captured).warc_key
    removal = remove(archive, captured)
    assert set(removal.keys) == {warc, PICTURE_KEY, TEXT_KEY}
    assert [archive.store.stat(key) for key in removal.keys] == [None] * 3
    assert failed(audit()) == []


def test_what_another_capture_has_too_stays_until_that_one_goes(archive, capture, audit):
    first, second, third = capture(), capture(OTHER_PICTURE), capture(OTHER_PICTURE)
    removal = remove(archive, first)
    assert removal.kept == (TEXT_KEY,)
    assert archive.store.stat(PICTURE_KEY) is None
    assert archive.store.read(TEXT_KEY, limit=100) == TEXT
    assert failed(audit()) == []
    removal = remove(archive, second, with_attestation=True)
    assert set(removal.kept) == {TEXT_KEY, OTHER_KEY}
    assert archive.store.stat(attestation_key(second)) is None
    assert failed(audit()) == []
    removal = remove(archive, third)
    assert removal.kept == ()
    assert [one.capture_id for one in removal.further] == [first], "the other attestation, which named it, is gone"
    assert [archive.store.stat(key) for key in (TEXT_KEY, OTHER_KEY)] == [None, None]
    report = audit()
    assert failed(report) == []
    assert all(event.doubt is None for one in (first, third) for event in chain(archive, one))


def test_a_page_that_is_captured_again_keeps_what_a_tombstone_took(archive, capture, audit):
    first = capture()
    remove(archive, first)
    second = capture()
    assert TEXT_KEY not in remove(archive, first).keys
    assert archive.store.read(TEXT_KEY, limit=100) == TEXT
    assert failed(audit()) == []
    assert load_capture(archive, second).statement.subject[1].name == "text.txt"


def test_a_release_leaves_what_another_capture_is_held_for(s3_archive, capture):
    archive = open_archive(s3_archive("locked"))
    first, second = capture(archive=archive), capture(OTHER_PICTURE, archive=archive)
    for one in (first, second):
        holds.hold(archive, one)
    assert TEXT_KEY not in holds.release(archive, first)
    archive.store.check_erasable(PICTURE_KEY)
    with pytest.raises(ObjectLocked):
        archive.store.check_erasable(TEXT_KEY)
    holds.release(archive, second)
    archive.store.check_erasable(TEXT_KEY)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium: apt-get install chromium")
@pytest.mark.timeout(200)
def test_a_page_in_a_real_browser(archive, sites, audit, tmp_path):
    with open_browser() as browser:
        url = sites.url("remedylawyers.example", "/")
        made = evidence.archive_url(archive, url, browser=browser).capture
    evidence.seal(archive)
    statement = load_capture(archive, made.id).statement
    met = {item.item for item in statement.predicate.berkeley if item.met}
    assert {"url", "html-source", "screenshot"} <= met
    package = package_of(archive, made.id, tmp_path / "a.wacz")
    report = verify_package(io.BytesIO(package), archive.trust)
    assert report.holds, report.failed
    with zipfile.ZipFile(io.BytesIO(package)) as zipped:
        picture = zipped.read("provenance/screenshot-captioned.png")
        assert base64.b64encode(picture) in zipped.read("provenance/report.html")
    assert failed(audit()) == []
