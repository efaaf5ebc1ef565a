"""Reading real captures: what they say, tied to the attested bytes, and nothing of it left once they are removed."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote

import pytest

from sijill.archive.reading.statement import READER, parse_reading
from sijill.archive.warc.reader import read_records
from sijill.flows import evidence
from sijill.flows.custody import erasing
from sijill.flows.reading.after import read_new
from sijill.flows.reading.catalog import open_catalog, open_current
from sijill.flows.reading.making import Outcome, all_captures, read_captures, read_here, read_missing
from sijill.flows.reading.processes import Bounds, ReadingProcesses
from sijill.flows.reading.source import SourceUnusable, attested_source, open_source
from sijill.flows.reading.stored import StoredReadings, versions_up_to
from sijill.flows.stored_captures import load_capture
from sijill.flows.wiring import open_archive
from sijill.storage.errors import ObjectLocked

BIN = Path(sys.executable).parent
JOINT = "/2024/11/12/joint-statement-keep-the-records-of-zarqun/"
BUNDLED = (
    ("sahlandoc.example", JOINT),
    ("sahlandoc.example", "/ar/2024/11/12/bayan-mushtarak-sijillat-zarqun/"),
    ("zarqunfamilies.example", "/bayanat/sijillat-al-qalaa/"),
    ("zarqunfamilies.example", "/en/statements/keep-the-records/"),
    ("sahlandoc.example", "/2025/02/04/ten-walls/"),
    ("remedylawyers.example", "/news/appeal-court-upholds-verdict/"),
    ("remedylawyers.example", "/ar/akhbar/mahkamat-al-istinaf/"),
    ("sahlandoc.example", "/"),
    ("sahlandoc.example", "/2019/03/02/visit-to-bir-nasr/"),
    ("sahlandoc.example", "/wp-content/uploads/2024/11/joint-statement-zarqun-en.pdf"),
)


def capture(archive, *urls):
    ids = [evidence.archive_url(archive, url).capture.id for url in urls]
    evidence.seal(archive)
    return ids


def stored(archive, capture_id):
    return StoredReadings(archive.store).reading(capture_id)


@pytest.fixture
def asked(run):
    """`asked(archive, command, …)` runs `sijill` on an archive; gives what it prints as JSON."""

    def ask(archive, *arguments, status=0):
        done = run("sijill", "--config", archive.folder / "sijill.toml", *arguments, "--json")
        assert done.returncode == status, done
        return json.loads(done.stdout)

    return ask


@pytest.mark.timeout(240)
def test_the_bundled_sites(archive, sites, asked):
    ids = capture(archive, *(sites.url(host, path) for host, path in BUNDLED))
    assert asked(archive, "read") == {"read": len(BUNDLED), "noPage": 0, "removed": 0, "problems": []}
    assert asked(archive, "read")["read"] == 0
    for capture_id in ids:
        exchange = load_capture(archive, capture_id).statement.predicate.exchanges[0]
        assert stored(archive, capture_id).source_sha256 == exchange.payload.digest.sha256

    listed = asked(archive, "statements")["statements"]
    joint = next(one for one in listed if one["statement"] == ids[0])
    assert (sorted(joint["languages"]), joint["publications"], joint["signatories"] > 10) == (["ar", "en"], 5, True)
    assert joint["sites"] == ["sahlandoc.example", "zarqunfamilies.example"]
    verdict = next(one for one in listed if one["statement"] == ids[5])
    assert (verdict["languages"], verdict["publications"]) == (["en", "ar"], 2)
    assert asked(archive, "statement", ids[3])["statement"] == ids[0]
    related = asked(archive, "statement", ids[0])["related"]
    assert {"teaser"} == {one["kind"] for one in related if one["url"] == sites.url("sahlandoc.example")}

    hits = asked(archive, "search", "سجلّات القلعة", "--language", "ar")["hits"]
    assert ids[0] in {hit["statement"] for hit in hits}
    name = asked(archive, "statement", ids[0])["signatories"][0]["verbatim"][0]
    (signatory, *_) = asked(archive, "signatory", name)["signatories"]
    assert ids[0] in {one["statement"]["statement"] for one in signatory["signed"]}
    gone = stored(archive, ids[8])
    assert (gone.kind, gone.kind_reason, gone.text) == ("other", "the server answered with status 404", "")
    assert stored(archive, ids[9]).kind == "document"


@pytest.mark.timeout(240)
def test_the_shared_sites(shared_sites, serve, tmp_path, new_archive, asked):
    expected = json.loads((shared_sites / "expected.json").read_text(encoding="utf-8"))
    with serve(shared_sites) as sites:
        archive = open_archive(new_archive(tmp_path / "archive", sites.pins))
        places = [place.partition("/") for place in expected]
        ids = capture(archive, *(sites.url(host, f"/{path}") for host, _, path in places))
    together = [one for one, want in zip(ids, expected.values(), strict=True) if want.get("same_statement")]
    assert len(together) == 3
    found = [asked(archive, "statement", one) for one in together]
    assert {one["statement"] for one in found} == {together[0]}
    assert found[0]["publications"][0]["excerptOf"] is None
    assert len(found[0]["signatories"]) == 47
    (card,) = found[0]["related"]
    assert (card["kind"], "pro-justice.example" in card["url"]) == ("teaser", True)
    statements = asked(archive, "statements")["statements"]
    assert len(statements) == 3
    assert sum(one["publications"] for one in statements) == 5


def test_what_cannot_be_read_is_said_and_nothing_made_up(archive, sites):
    ok, failed = capture(archive, sites.url("sahlandoc.example", JOINT), "http://nowhere.invalid/")
    assert read_here(archive.store, failed) is Outcome.NO_PAGE
    attested = attested_source(archive.store, ok)
    source = open_source(archive.store, attested)
    assert b"<html" in source.data
    path = archive.folder / "store" / attested.key
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-40])
    # The page comes before the end that is missing; its own bytes are whole.
    assert read_here(archive.store, ok) is Outcome.MADE
    with path.open("rb") as file:
        page = next(record.offset for record in read_records(file) if record.id == attested.record)
    data = bytearray(path.read_bytes())
    data[page + 700] ^= 1
    path.write_bytes(data)
    read = read_captures(archive, [ok])
    assert (read.made, [one.capture_id for one in read.problems]) == (0, [ok])
    path.unlink()
    read = read_missing(archive)
    assert read.problems == []
    with pytest.raises(SourceUnusable):
        open_source(archive.store, attested)
    assert read_new(archive, [ok])[0].problems


@pytest.fixture
def pages(serve, tmp_path, new_archive):
    """`pages({path: bytes})` serves pages, and gives an archive that can reach them and their URLs."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def make(files):
            root = tmp_path / "sites"
            for name, data in files.items():
                file = root / "odd.example" / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            sites = stack.enter_context(serve(root))
            return open_archive(new_archive(tmp_path / "odd", sites.pins)), [
                sites.url("odd.example", f"/{name}") for name in files
            ]

        yield make


def test_readers_are_bounded_in_time_and_memory(pages):
    large = b"<html><body>" + b"<p>We, the undersigned, ask for the records of the fortress to be kept.</p>" * 50_000
    archive, urls = pages({"large.html": large, "small.html": b"<p>Small.</p>", "text.pdf": b"%PDF-1.7 no more"})
    ids = capture(archive, *urls)
    assert [read_here(archive.store, one) for one in ids] == [Outcome.LEFT, Outcome.MADE, Outcome.LEFT]
    read = read_captures(archive, ids)
    assert (read.made, read.problems) == (3, [])
    assert stored(archive, ids[0]).text.count("fortress") > 1_000
    assert "PDF" in stored(archive, ids[2]).kind_reason + stored(archive, ids[2]).title.reason

    for bounds, why in ((Bounds(seconds=0.0), "took longer than 0 s"), (Bounds(memory=1 << 20), "")):
        with ReadingProcesses(archive.store, 1, bounds) as readers:
            assert list(readers.read(ids[:1])) == [Outcome.MADE]
        given_up = stored(archive, ids[0])
        assert (given_up.kind, given_up.text) == ("other", "")
        assert given_up.kind_reason.startswith("not read: ")
        assert why in given_up.kind_reason
        assert given_up.source_sha256 == hashlib.sha256(large).hexdigest()


@pytest.mark.timeout(240)
def test_after_a_tombstone_nothing_of_the_text_is_left(any_store_settings, sites, run):
    archive = open_archive(any_store_settings)
    one, two = capture(
        archive, sites.url("sahlandoc.example", JOINT), sites.url("sahlandoc.example", "/2025/02/04/ten-walls/")
    )
    with open_current(archive, quiet=True):
        words = stored(archive, one).text[600:640]
    assert words.encode() in (archive.folder / "catalog.sqlite").read_bytes()
    if archive.settings.store.lock != "none":
        with pytest.raises(ObjectLocked):
            erasing.plan_removal(archive, one, with_attestation=False)
        return
    archive.store.replace(f"readings/sijill-reader/99/{one}.json", words.encode())
    erasing.remove(archive, erasing.plan_removal(archive, one, with_attestation=False), reason="r", authority="a")
    assert not any(one in version.key for version in archive.store.versions("readings/"))
    assert stored(archive, two) is not None
    if archive.store.url.startswith("file:"):
        for path in archive.folder.rglob("*"):
            assert not path.is_file() or words.encode() not in path.read_bytes(), path
    # A reader that was at it meanwhile leaves nothing, and nothing is missed.
    read = read_missing(archive)
    assert (read.made, read.removed, read.problems) == (0, 1, [])
    assert not list(archive.store.list(f"readings/{READER}/{one}"))
    done = run("sijill-verify", "archive", archive.store.url, "--trust", archive.folder / "trust.json")
    assert done.returncode == 0, done.stdout


def test_a_reading_made_while_its_capture_is_removed_does_not_stay(archive, sites, monkeypatch):
    (one,) = capture(archive, sites.url("sahlandoc.example", JOINT))
    keep = StoredReadings.keep

    def remove_then_keep(self, capture_id, reading):
        erasing.remove(archive, erasing.plan_removal(archive, one, with_attestation=False), reason="r", authority="a")
        keep(self, capture_id, reading)

    monkeypatch.setattr(StoredReadings, "keep", remove_then_keep)
    assert read_here(archive.store, one) is Outcome.REMOVED
    assert list(archive.store.list("readings/")) == []


def test_an_older_reading_is_used_until_there_is_a_newer(archive, sites):
    (one,) = capture(archive, sites.url("sahlandoc.example", JOINT))
    read_captures(archive, [one])
    assert versions_up_to("sijill-reader/3") == ("sijill-reader/3", "sijill-reader/2", "sijill-reader/1")
    newer = StoredReadings(archive.store, versions_up_to("sijill-reader/3"))
    assert newer.reading(one).reader == READER
    assert newer.read(one).reader == READER


def test_the_command_refuses_what_it_does_not_know(archive, sites, run):
    (one,) = capture(archive, sites.url("sahlandoc.example", JOINT))
    settings = archive.folder / "sijill.toml"
    done = run("sijill", "--config", settings, "read", "20261121t011630z-k3j5x2m4q7ab")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    first = run("sijill", "--config", settings, "read", one)
    assert (first.returncode, first.stdout) == (0, "1 captures read\n")
    path = archive.folder / "store" / "readings" / READER / f"{one}.json"
    before = path.read_bytes()
    assert parse_reading(before).url == unquote(sites.url("sahlandoc.example", JOINT))
    path.write_bytes(b"{}")
    assert run("sijill", "--config", settings, "read", "--again").returncode == 0
    assert path.read_bytes() == before
    shutil.rmtree(archive.folder / "store" / "readings")
    with open_catalog(archive) as catalog:
        assert catalog.outstanding(READER) == {}


def test_a_crawl_reads_what_it_captured(archive, sites, repository, run):
    text = (repository / "deployments" / "demo" / "sites.toml").read_text(encoding="utf-8")
    named = re.sub(r"http://([a-z.]+)/", lambda host: sites.url(host[1]), text)
    (archive.folder / "sites.toml").write_text(named, encoding="utf-8")
    site = re.search(r'id = "([a-z-]+)"\nname = "Remedy', named)[1]
    done = run("sijill", "--config", archive.folder / "sijill.toml", "crawl", site)
    assert (done.returncode, "read" in done.stderr) == (0, False), done
    made = set(StoredReadings(archive.store).made(READER))
    assert made
    assert made == set(all_captures(archive))


def test_reading_that_is_interrupted_goes_on_where_it_was(archive, captured, run):
    ids = captured(*range(80))
    command = (BIN / "sijill", "--config", archive.folder / "sijill.toml", "read", "--processes", "2")
    readings = StoredReadings(archive.store)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as reading:
        while next(readings.made(READER), None) is None and reading.poll() is None:
            time.sleep(0.005)
        os.killpg(reading.pid, signal.SIGINT)
        _, said = reading.communicate(timeout=120)
    assert (reading.returncode, b"interrupted" in said, b"Traceback" in said) == (130, True, False)
    made = set(readings.made(READER))
    assert 0 < len(made) < len(ids)
    before = {one: readings.reading(one) for one in made}
    done = run("sijill", "--config", archive.folder / "sijill.toml", "read", "--json")
    assert json.loads(done.stdout)["read"] == len(ids) - len(made)
    assert set(readings.made(READER)) == set(ids)
    assert {one: readings.reading(one) for one in made} == before
