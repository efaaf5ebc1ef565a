"""The catalog of a real archive: kept up with the log, thrown away when it is another log's, and asked by commands."""

import csv
import io
import json
import shutil
import subprocess
import sys
from datetime import date

import pytest

from sijill.archive.catalog.search import search
from sijill.archive.catalog.statements import find_statement, statements
from sijill.archive.reading.statement import (
    READER,
    Found,
    LanguageVersion,
    Place,
    PublicationDate,
    Reading,
    Signatory,
    SignatoryList,
    Teaser,
    reading_json,
)
from sijill.flows import evidence
from sijill.flows.custody import erasing
from sijill.flows.reading import catalog as catalog_of_archive
from sijill.flows.reading import loading
from sijill.flows.reading.catalog import open_catalog, update_catalog
from sijill.flows.reading.entries import goes_on, stored_entries
from sijill.flows.reading.rows import UnusableReading, reading_row
from sijill.flows.reading.stored import StoredReadings
from sijill.flows.stored_captures import load_capture
from sijill.flows.wiring import open_archive
from sijill.provenance.errors import LogDamaged
from sijill.provenance.log.layout import attestation_key

TEXT = (
    "We, the undersigned, welcome the arrest warrants.\n\n"
    + "Families wait for accountability. " * 10
    + "\n\nKesh Malek"
)
ARABIC = "نحن المنظمات الموقعة أدناه نرحب بمذكرات التوقيف. " * 8


def reading(
    url, text=TEXT, *, title="Joint Statement", day="2018-11-15", precision="day", names=("Kesh Malek",), **given
):
    at = text.find(names[0]) if names else 0
    listed = tuple(Signatory(n, n, n.casefold(), Place(at, at + len(n)), k) for k, n in enumerate(names, 1))
    dated = None if day is None else PublicationDate(date.fromisoformat(day), precision, "metadata", day)
    members = {
        "kind": "statement",
        "language": Found("en", "html lang"),
        "versions": (),
        "teasers": (),
        **given,
    }
    return reading_json(
        Reading(
            reader=READER,
            source_sha256="ab" * 32,
            url=url,
            kind_reason="a long text",
            title=Found(title, "h1"),
            date=Found(dated, "not found: no date" if dated is None else "meta"),
            issuers=("Example",),
            text=text,
            paragraphs=(),
            signatories=(SignatoryList("Signatories", "list", listed),) if listed else (),
            signatories_reason="heading",
            documents=(),
            frame_sha256="cd" * 32,
            links=(),
            **members,
        )
    )


def updated(archive, **options):
    with open_catalog(archive) as catalog:
        return update_catalog(archive, catalog, **options)


def test_without_readings_captures_are_listed_and_nothing_is_found(archive, captured):
    (one,) = captured("one")
    found = updated(archive)
    assert (found.size, found.added, found.rebuilt, found.unread) == (1, 1, False, ())
    with open_catalog(archive) as catalog:
        row = catalog.connection.execute(
            "SELECT capture_id, outcome, payload_sha256, warc_sha256 FROM capture"
        ).fetchone()
        stored = load_capture(archive, one)
        exchange = stored.statement.predicate.exchanges[0]
        assert row == (one, "complete", exchange.payload.digest.sha256, stored.statement.warc.digests.sha256.hex)
        assert statements(catalog).total == 0
        assert catalog.outstanding(READER) == {one: None}


def test_it_goes_on_from_where_it_stands_and_takes_late_readings(archive, captured, keep, sites):
    one, two = captured("one", "two")
    assert updated(archive).added == 2
    assert updated(archive).added == 0
    keep(one, reading("https://x.example/"))
    (three,) = captured("three")
    captured("waits", seal=False)
    keep(three, reading("https://x.example/", TEXT.replace("welcome", "condemn")))
    found = updated(archive)
    assert (found.size, found.added, found.readings) == (3, 1, 1)
    with open_catalog(archive) as catalog:
        assert [hit.capture_id for hit in search(catalog, "warrants welcome").hits] == [one]
        assert catalog.outstanding(READER) == {two: None}
        root = archive.log_reader.checkpoint().checkpoint.root
        assert catalog.position().root == root
        assert goes_on(archive.log, 3, catalog.position().peaks, to=3, root=root)


def test_rebuilt_it_is_the_same(archive, captured, keep, sites):
    ids = captured("one", "two", "three")
    keep(ids[0], reading("https://x.example/", versions=(LanguageVersion("ar", sites_url(sites, "two"), "hreflang"),)))
    keep(
        ids[1],
        reading(
            sites_url(sites, "two"),
            ARABIC,
            language=Found("ar", "script"),
            versions=(LanguageVersion("en", "?one", "available-in"),),
            names=(),
        ),
    )
    keep(
        ids[2],
        reading("https://x.example/", "A card", kind="index", teasers=(Teaser(sites_url(sites, "one"), "", ""),)),
    )
    updated(archive)
    dumps = []
    for _ in range(2):
        with open_catalog(archive) as catalog:
            found = find_statement(catalog, ids[1])
            assert found.row.languages == ("en", "ar")
            assert [one.kind for one in found.related] == ["teaser"]
            tables = ("page", "capture", "version", "signature", "relation", "link", "state")
            dumps.append([catalog.connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables])
        (archive.folder / "catalog.sqlite").unlink()
        assert updated(archive).added == 3
    assert dumps[0] == dumps[1]


def sites_url(sites, path):
    return sites.url("remedylawyers.example", f"/robots.txt?{path}")


def test_a_log_that_does_not_go_on_from_the_catalog_throws_it_away(archive, captured, new_archive, sites, tmp_path):
    captured("one", "two")
    updated(archive)
    other = open_archive(new_archive(tmp_path / "other", sites.pins))
    for path in ("a", "b", "c"):
        evidence.archive_url(other, sites_url(sites, path))
    evidence.seal(other)
    shutil.copy(archive.folder / "catalog.sqlite", other.folder / "catalog.sqlite")
    found = updated(other)
    assert (found.size, found.added, found.rebuilt) == (3, 3, True)
    with open_catalog(other) as catalog:
        targets = [row[0] for row in catalog.connection.execute("SELECT target FROM capture ORDER BY leaf_index")]
    assert targets == [sites_url(sites, path) for path in ("a", "b", "c")]


def test_a_log_that_is_damaged_changes_nothing(archive, captured):
    captured("one")
    updated(archive)
    captured("two")
    bundle = archive.folder / "store" / "log" / "tile" / "entries" / "000.p" / "2"
    data = bundle.read_bytes()
    bundle.chmod(0o600)
    bundle.write_bytes(data.replace(b'"capture"', b'"fixity\x20"'))
    with pytest.raises(LogDamaged):
        updated(archive)
    bundle.write_bytes(data)
    assert updated(archive).size == 2


def test_an_attestation_that_is_not_the_one_of_the_log(archive, captured):
    one, two = captured("one", "two")
    path = archive.folder / "store" / attestation_key(one)
    data = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(data[:-1] + b" ")
    (archive.folder / "store" / attestation_key(two)).rename(archive.folder / "kept")
    reasons = [(missing.capture_id, missing.reason) for missing in updated(archive).unread]
    assert reasons[0] == (one, "the attestation in the store is not the one that the log holds")
    assert reasons[1][0] == two
    path.write_bytes(data)
    assert [missing.capture_id for missing in updated(archive).unread] == [two]


def test_a_removed_capture_is_forgotten_with_its_words(archive, captured, keep):
    one, two = captured("one", "two")
    keep(one, reading("https://x.example/", f"{TEXT} Unobtainium."))
    keep(two, reading("https://x.example/"))
    updated(archive)
    erasing.remove(archive, erasing.plan_removal(archive, one, with_attestation=True), reason="r", authority="a")
    evidence.seal(archive)
    for _ in range(2):
        updated(archive)
        with open_catalog(archive) as catalog:
            assert search(catalog, "unobtainium").total == 0
            assert search(catalog, "warrants").hits[0].capture_id == two
            assert b"unobtainium" not in catalog.path.read_bytes().lower()
        (archive.folder / "catalog.sqlite").unlink()


def test_readings_are_made_of_what_has_none_and_a_better_one_replaces_another(archive, captured, keep, monkeypatch):
    one, two = captured("one", "two")
    keep(one, reading("https://x.example/"))
    asked = []

    def make(captures):
        asked.append(list(captures))
        keep(two, reading("https://x.example/", ARABIC, names=()))

    assert updated(archive, make=make).readings == 1
    assert updated(archive, make=make).readings == 0
    assert asked == [[two]]
    newer = StoredReadings(archive.store, ("sijill-reader/2", READER))
    assert updated(archive, readings=newer, make=make).readings == 0
    archive.store.replace(f"readings/sijill-reader/2/{one}.json", newer_reading("https://x.example/"))
    monkeypatch.setattr(catalog_of_archive, "_ASKED_SINGLY", 0)
    assert updated(archive, readings=newer, make=make).readings == 1
    monkeypatch.setattr(catalog_of_archive, "_ASKED_SINGLY", 500)
    assert updated(archive, readings=newer, make=make).readings == 0
    with open_catalog(archive) as catalog:
        assert catalog.outstanding("sijill-reader/2") == {two: READER}


def newer_reading(url):
    return reading(url, TEXT.replace("welcome", "condemn")).replace(READER.encode(), b"sijill-reader/2")


def test_two_processes_at_once(archive, captured):
    captured(*(str(number) for number in range(8)))
    script = (
        "import sys; from pathlib import Path; from sijill.flows.wiring import open_archive;"
        "from sijill.flows.reading.catalog import *;"
        "archive = open_archive(Path(sys.argv[1]));\n"
        "with open_catalog(archive) as catalog: print(update_catalog(archive, catalog).size)"
    )
    command = [sys.executable, "-c", script, archive.folder / "sijill.toml"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [one.communicate(timeout=100)[0].strip() for one in running] == ["8"] * 3
    with open_catalog(archive) as catalog:
        assert catalog.connection.execute("SELECT count(*) FROM capture").fetchone() == (8,)


def test_entries_over_several_bundles_are_worked_out_to_the_root():
    from sijill.flows.reading.entries import Frontier
    from sijill.provenance.log.edge import RightEdge

    entries = [b"%d" % number for number in range(700)]
    edge = RightEdge.empty()
    objects = {tile.key: data for tile, data in edge.append(entries)}
    source = type("Source", (), {"read": lambda _, key: objects.get(key)})()
    frontier = Frontier(0, [])
    for size in (1, 255, 256, 257, 512, 699, 700):
        for _, data in list(stored_entries(source, 0, 700))[frontier.size : size]:
            frontier.add(data)
        assert goes_on(source, size, frontier.peaks, to=700, root=edge.root())
        assert not goes_on(source, size, [bytes(32), *frontier.peaks[1:]], to=700, root=edge.root())
    assert frontier.root == edge.root()
    assert not goes_on(source, 701, frontier.peaks, to=700, root=edge.root())


def test_many_are_loaded_by_processes_and_come_to_the_same(archive, captured, keep, monkeypatch):
    ids = captured("one", "two", "three")
    keep(ids[1], reading("https://x.example/"))
    dumps = []
    for many in (loading.MANY, 1):
        monkeypatch.setattr(loading, "MANY", many)
        assert updated(archive).added == 3
        with open_catalog(archive) as catalog:
            dumps.append(catalog.connection.execute("SELECT * FROM capture").fetchall())
            assert search(catalog, "warrants").hits[0].capture_id == ids[1]
        (archive.folder / "catalog.sqlite").unlink()
    assert dumps[0] == dumps[1]
    path = archive.folder / "store" / attestation_key(ids[2])
    path.unlink()
    path.symlink_to("/dev/zero")
    (missing,) = updated(archive).unread
    assert missing.capture_id == ids[2]


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"url": 1, "reader": 2}'])
def test_what_is_no_reading(data):
    with pytest.raises(UnusableReading):
        reading_row("20261121t011630z-aaaaaaaaaaaa", data)


def test_a_month_is_all_its_days():
    row = reading_row("x", reading("https://x.example/", day="2024-02-01", precision="month"))
    assert (row.published.first, row.published.last) == (date(2024, 2, 1), date(2024, 2, 29))


@pytest.fixture
def asked(archive, run):
    """`asked(command, …)` runs `sijill` on the archive."""
    return lambda *arguments: run("sijill", "--config", archive.folder / "sijill.toml", *arguments)


def test_the_commands(archive, captured, keep, asked, sites):
    one, two = captured("one", "two")
    keep(one, reading("https://x.example/", title="=HYPERLINK(\x1b[31m)"))
    keep(two, reading("https://x.example/", ARABIC, language=Found("ar", "script"), day=None, names=()))
    done = asked("search", "arrest warrants", "account*")
    assert (done.returncode, done.stderr) == (0, "")
    assert "[arrest warrants]" in done.stdout
    assert "\x1b" not in done.stdout
    assert one in done.stdout
    assert "sha256:" + "ab" * 32 in done.stdout

    found = json.loads(asked("search", "الموقّعة", "--language", "ar", "--json").stdout)
    (hit,) = found["hits"]
    assert (hit["capture"], hit["published"], hit["site"]) == (two, None, "remedylawyers.example")
    start, end = hit["snippet"]["marks"][0]
    assert hit["snippet"]["text"][start:end] == "الموقعة"

    lines = list(csv.DictReader(io.StringIO(asked("search", "--site", "remedylawyers.example", "--csv").stdout)))
    assert {line["capture"] for line in lines} == {one, two}
    assert {line["title"] for line in lines} == {"'=HYPERLINK(\x1b[31m)", "Joint Statement"}
    assert json.loads(asked("search", "--from", "2018-11", "--to", "2018", "--json").stdout)["total"] == 1

    listed = asked("statements")
    assert listed.returncode == 0
    assert "2 statements" in listed.stdout
    shown = json.loads(asked("statement", one, "--json").stdout)
    assert shown["statement"] == one
    assert [name["verbatim"] for name in shown["signatories"]] == [["Kesh Malek"]]
    assert shown["publications"][0]["captures"][0]["payloadSha256"]
    assert asked("statement", two).stdout.count("no date found") == 2
    signed = json.loads(asked("signatory", "kesh  MALEK", "--json").stdout)
    assert signed["signatories"][0]["signed"][0]["statement"]["statement"] == one
    assert asked("signatory", "Kesh Malek", "--csv").stdout.startswith("signatory,")


def test_bad_input_is_one_line(asked):
    for arguments in (
        ("search",),
        ("search", "***"),
        ("search", "x", "--json", "--csv"),
        ("search", "x", "--from", "2018-13"),
        ("search", "x", "--to", "yesterday"),
        ("statement", "nothing"),
        ("signatory", "nobody"),
        ("statements", "--limit", "0"),
    ):
        done = asked(*arguments)
        assert (done.returncode, len(done.stderr.splitlines()), done.stdout) == (2, 1, ""), (arguments, done)


def test_with_the_store_out_of_reach_the_catalog_still_answers(archive, captured, keep, asked, monkeypatch):
    (one,) = captured("one")
    keep(one, reading("https://x.example/"))
    assert asked("search", "warrants").returncode == 0
    settings = archive.folder / "sijill.toml"
    text = settings.read_text(encoding="utf-8")
    away = '"s3://bucket/x?endpoint=http://127.0.0.1:9&region=none"'
    settings.write_text(text.replace('store]\nurl = "./store"', f"store]\nurl = {away}"), encoding="utf-8")
    assert away in settings.read_text(encoding="utf-8")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    done = asked("search", "warrants")
    assert "the store is out of reach" in done.stderr, done.stderr
    assert one in done.stdout
