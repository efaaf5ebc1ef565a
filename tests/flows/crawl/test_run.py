"""Crawls of the bundled sites and of five publishers' into real archives: runs, records, changes, the command."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from sijill.archive.crawl.pages import PageOutcome, Task
from sijill.flows import evidence
from sijill.flows.crawl.journal import RunPlan, begin_run, leased, site_folder
from sijill.flows.crawl.record import find_last_run, load_report
from sijill.flows.crawl.run import crawl_site
from sijill.flows.crawl.schedule import missed_runs
from sijill.flows.crawl.sites import read_sites
from sijill.flows.errors import SiteBusy
from sijill.flows.signing import recorded
from sijill.flows.stored_captures import load_capture, load_captures
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.attestation import Trigger
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.run import parse_run_statement
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.errors import LogDamaged
from sijill.provenance.log.entry import Kind
from sijill.storage.layout import PENDING, object_key

SAHLAN = ("/2024/*/*/*/", "/2025/*/*/*/", "/ar/2024/*/*/*/", "/2019/*/*/*/")


def sites_toml(path, sites, chosen, **politeness):
    """A sites file for hosts of `sites`: id -> (host, statement patterns)."""
    polite = {"delay_seconds": 0, "obey_robots": True, "max_retry_after_seconds": 0, **politeness}
    text = ""
    for site_id, (host, statements) in chosen.items():
        text += f'[[sites]]\nid = "{site_id}"\nname = "{host}"\nstart = ["{sites.url(host)}"]\n'
        text += f"statements = {json.dumps(statements)}\n[sites.politeness]\n"
        text += "".join(f"{name} = {json.dumps(value)}\n" for name, value in polite.items())
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def copied(repository, tmp_path, serve):
    """The bundled sites in a folder where pages may be changed and removed, served."""
    root = tmp_path / "sites"
    shutil.copytree(repository / "deployments" / "demo" / "sites", root)
    with serve(root) as sites:
        sites_folder = root
        yield sites, sites_folder


@pytest.fixture
def sahlan(copied, tmp_path, new_archive):
    """An archive, and a site of a few statement pages whose files may be changed."""
    sites, root = copied
    settings = new_archive(tmp_path / "archive", sites.pins)
    path = sites_toml(settings.parent / "sites.toml", sites, {"sahlan": ("sahlandoc.example", SAHLAN)})
    return open_archive(settings), read_sites(path)[0], sites, root / "sahlandoc.example"


def statements(result):
    return {urlsplit(row.url).path: row for row in result.rows if row.task is Task.STATEMENT}


def runs_of(archive):
    return [found.statement.predicate for found in recorded(archive, Kind.RUN, parse_run_statement)]


def test_a_first_run_a_second_and_what_was_changed_and_removed_in_between(sahlan):
    archive, site, _, folder = sahlan
    first = crawl_site(archive, site)
    found = statements(first)
    assert Counter(row.outcome for row in found.values()) == {PageOutcome.CAPTURED: 3, PageOutcome.FAILED: 1}
    assert found["/2019/03/02/visit-to-bir-nasr/"].reason == "HTTP status 404"
    for row in found.values():
        capture = load_capture(archive, row.capture_id).statement.predicate
        assert capture.target == row.url
        assert (capture.robots.consulted, capture.robots.decision) == (True, "allowed")

    report = next(folder.glob("2025/02/04/*/index.html"))
    report.unlink()
    joint = next(folder.glob("ar/2024/*/*/*/index.html"))
    joint.write_text(joint.read_text(encoding="utf-8").replace("</body>", "<p>تصحيح</p></body>"), encoding="utf-8")
    second = crawl_site(archive, site)
    found = statements(second)
    assert {path: str(row.outcome) for path, row in found.items()} == {
        "/2019/03/02/visit-to-bir-nasr/": "failed",
        "/2024/11/12/joint-statement-keep-the-records-of-zarqun/": "unchanged",
        "/2025/02/04/ten-walls/": "gone",
        "/ar/2024/11/12/bayan-mushtarak-sijillat-zarqun/": "captured",
    }
    gone = load_capture(archive, found["/2025/02/04/ten-walls/"].capture_id).statement.predicate
    assert gone.exchanges[0].status == 404

    size = evidence.seal(archive).log.size
    assert size == 8 + 2, "every capture and both runs are in the log"
    records = runs_of(archive)
    assert [record.counts["unchanged"] for record in records] == [0, 1]
    assert list(archive.store.list(f"{PENDING}crawls/")) == [f"{site_folder('sahlan')}last"]

    third = crawl_site(archive, site)
    assert "/2025/02/04/ten-walls/" not in {path for path, row in statements(third).items() if row.how == "known"}


def test_the_record_of_a_run_survives_the_loss_of_what_only_helps_to_find_it(sahlan):
    archive, site, _, _ = sahlan
    crawl_site(archive, site)
    archive.store.delete(f"{site_folder('sahlan')}last")
    again = crawl_site(archive, site)
    assert Counter(row.outcome for row in statements(again).values())[PageOutcome.UNCHANGED] == 3


def test_every_statement_page_of_five_publishers_and_nothing_out_of_scope(shared_sites, serve, tmp_path, new_archive):
    expected = json.loads((shared_sites / "expected.json").read_text(encoding="utf-8"))
    pages = [place.partition("/") for place in expected]
    wanted = {host: {f"/{path}" for named, _, path in pages if named == host} for host, _, _ in pages}
    with serve(shared_sites) as sites:
        settings = new_archive(tmp_path / "archive", sites.pins)
        patterns = {host: sorted({quote(path) for path in paths}) for host, paths in wanted.items()}
        chosen = {host.partition(".")[0]: (host, patterns[host]) for host in wanted}
        archive = open_archive(settings)
        for site in read_sites(sites_toml(tmp_path / "sites.toml", sites, chosen)):
            result = crawl_site(archive, site)
            host = site.start[0].split("/")[2].partition(":")[0]
            captured = {path for path, row in statements(result).items() if row.outcome is PageOutcome.CAPTURED}
            assert captured == {quote(path, safe="/%") for path in wanted[host]}, (host, result.problems)
    hosts = {urlsplit(capture.statement.predicate.target).hostname for capture in load_captures(archive)}
    assert hosts == set(wanted)


def test_two_workers_at_one_site_the_second_leaves_it_alone(sahlan):
    archive, site, _, _ = sahlan
    entered, leave = threading.Event(), threading.Event()

    def pause(progress):
        entered.set()
        assert leave.wait(60)

    results = []
    first = threading.Thread(target=lambda: results.append(crawl_site(archive, site, show=pause)))
    first.start()
    assert entered.wait(60)
    with pytest.raises(SiteBusy):
        crawl_site(archive, site)
    leave.set()
    first.join(60)
    assert len(results) == len(runs_of(archive)) == 1


def test_the_lease_of_another_machine_is_kept_until_it_is_stale(sahlan):
    archive, site, _, _ = sahlan
    key = f"{site_folder(site.id)}lease"

    def held_since(age, *, ahead):
        at = format_timestamp(archive.clock() - age + ahead)
        archive.store.replace(key, json.dumps({"token": "another", "at": at}).encode())
        written = time.time() - age.total_seconds()
        os.utime(archive.folder / "store" / key, (written, written))

    # How late it is where the other worker runs does not matter: the store's clock counts.
    for ahead in (timedelta(0), timedelta(hours=3), timedelta(hours=-3)):
        held_since(timedelta(minutes=1), ahead=ahead)
        with pytest.raises(SiteBusy, match="another worker"):
            crawl_site(archive, site)
        held_since(timedelta(minutes=10), ahead=ahead)
        with leased(archive, site.id):
            pass
        assert list(archive.store.list(site_folder(site.id))) == []


def test_a_page_whose_markup_alone_changed_is_unchanged_and_one_with_another_word_is_not(sahlan):
    archive, site, _, folder = sahlan
    crawl_site(archive, site)
    joint, walls = next(folder.glob("2024/11/12/*/index.html")), next(folder.glob("2025/02/04/*/index.html"))
    page = joint.read_text(encoding="utf-8")
    assert "<body" in page
    script = '<script nonce="4f1c">window.token = "4f1c";</script><input type="hidden" name="csrf" value="4f1c">'
    joint.write_text(page.replace("</body>", f"{script}</body>"), encoding="utf-8")
    walls.write_text(walls.read_text(encoding="utf-8").replace("</body>", "<p>Correction</p></body>"), encoding="utf-8")
    second = crawl_site(archive, site)
    found = {path: (str(row.outcome), row.reason) for path, row in statements(second).items()}
    assert found["/2024/11/12/joint-statement-keep-the-records-of-zarqun/"] == (
        "unchanged",
        "the same text in other bytes",
    )
    assert found["/2025/02/04/ten-walls/"] == ("captured", "")
    known = find_last_run(archive, site.id).known
    for row in statements(second).values():
        if row.outcome is not PageOutcome.FAILED:
            assert (known[row.url].sha256, known[row.url].text_sha256) == (row.sha256, row.text_sha256)
            assert None not in (row.sha256, row.text_sha256)
    [_, record] = runs_of(archive)
    assert b"http://" not in canonical({"predicate": record.model_dump(mode="json", exclude={"collector"})})


def test_runs_that_were_due_and_did_not_happen_are_missed_in_the_next(sahlan, tmp_path):
    archive, site, sites, _ = sahlan
    path = sites_toml(tmp_path / "scheduled.toml", sites, {"sahlan": ("sahlandoc.example", SAHLAN)})
    path.write_text(
        path.read_text(encoding="utf-8") + '[sites.schedule]\ncron = "0 */6 * * *"\ntimezone = "Asia/Beirut"\n',
        encoding="utf-8",
    )
    site = read_sites(path)[0]
    now = datetime.now(UTC)
    due = list(missed_runs(site.schedule, since=now - timedelta(days=2), until=now, due=None))[-5:]
    crawl_site(archive, site, trigger=Trigger.SCHEDULE, due=due[0])
    result = crawl_site(archive, site, trigger=Trigger.SCHEDULE, due=due[3])
    assert result.missed == tuple(due[1:3])
    last = crawl_site(archive, site, trigger=Trigger.SCHEDULE, due=due[4])
    assert last.missed == ()
    records = runs_of(archive)
    assert [record.due for record in records] == [due[0], due[3], due[4]]
    assert [[one.due for one in record.missed] for record in records] == [[], due[1:3], []]
    assert {capture.statement.predicate.trigger for capture in load_captures(archive)} == {"schedule"}


def test_a_run_left_by_a_killed_worker_does_not_stand_for_the_next_date_of_the_schedule(sahlan):
    archive, site, _, _ = sahlan
    earlier = archive.clock() - timedelta(hours=30)
    begin_run(archive, site.id, RunPlan(archive.new_capture_id(earlier), Trigger.SCHEDULE, earlier, earlier))
    due = archive.clock() - timedelta(minutes=1)
    result = crawl_site(archive, site, trigger=Trigger.SCHEDULE, due=due)
    assert (result.due, result.taken_up) == (due, False)
    assert [record.due for record in runs_of(archive)] == [earlier, due]


def test_summer_time_neither_adds_nor_loses_a_run():
    from sijill.archive.crawl.site import Schedule

    schedule = Schedule("30 2 * * *", "Europe/Berlin")
    start = datetime(2026, 3, 27, 12, tzinfo=UTC)
    moments = missed_runs(schedule, since=start, until=start + timedelta(days=4), due=None)
    assert len(moments) == 4
    assert len(set(moments)) == 4


@pytest.mark.timeout(300)
def test_no_death_loses_or_repeats_a_capture(copied, tmp_path, new_archive):
    sites, _ = copied
    settings = new_archive(tmp_path / "archive", sites.pins)
    path = sites_toml(
        settings.parent / "sites.toml",
        sites,
        {"sahlan": ("sahlandoc.example", SAHLAN)},
        concurrency=3,
    )
    script = Path(__file__).with_name("killed_crawl.py")
    done = subprocess.run(
        [sys.executable, script, settings.parent, path, "sahlan", "14"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    states = [json.loads(line) for line in done.stdout.splitlines()]
    whole, *others = states
    assert whole["total"] > 100
    assert all(state["killed"] for state in others)
    assert sum(len(state["killed"]) for state in others) > len(others)
    for state in states:
        assert set(state["captures"].values()) == {1}, state
        assert set(state["captures"]) == set(whole["captures"]), state
        assert state["runs"] == 1, state
        assert {url: outcome for url, (outcome, _) in state["planned"].items()} == {
            url: outcome for url, (outcome, _) in whole["planned"].items()
        }, state
        named = sorted(capture_id for _, capture_id in state["planned"].values() if capture_id)
        assert named == state["ids"], state
        assert (state["pending"], state["work"]) == ([], []), state
        assert state["size"] == len(state["ids"]) + 1, state


def test_the_command(run, sahlan):
    archive, _, _, folder = sahlan
    config = ("--config", archive.folder / "sijill.toml")
    done = run("sijill", *config, "crawl", "--all", "--json")
    assert done.returncode == 1, "a page that pages link to is not there"
    told = json.loads(done.stdout)
    assert told["runs"][0]["counts"]["captured"] == 3
    assert told["logSize"] == 5
    assert run("sijill", *config, "audit").returncode == 0
    assert done.stderr == ""
    index = folder / "2019" / "03" / "02" / "visit-to-bir-nasr" / "index.html"
    only = run("sijill", *config, "crawl", "sahlan")
    assert only.returncode == 1
    assert not index.exists()
    assert "unchanged" in only.stderr
    assert "visit-to-bir-nasr/: HTTP status 404" in only.stdout
    assert "Traceback" not in only.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name the sites to crawl, or give --all"),
        (("sahlan", "--all"), "name the sites to crawl, or give --all"),
        (("sahlam",), "no site has the id 'sahlam'; is it 'sahlan'?"),
        (("--all", "--sites", "missing.toml"), "missing.toml"),
    ],
)
def test_bad_input(run, sahlan, arguments, said):
    archive = sahlan[0]
    done = run("sijill", "--config", archive.folder / "sijill.toml", "crawl", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_report_that_was_changed_fails_the_audit_and_is_not_relied_on(run, sahlan):
    archive, site, _, _ = sahlan
    result = crawl_site(archive, site)
    evidence.seal(archive)
    [found] = recorded(archive, Kind.RUN, parse_run_statement)
    key = object_key(found.statement.subject[0].digests.sha256.hex)
    path = archive.folder / "store" / key
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"ten-walls", b"ten-halls"))
    audited = run("sijill", "--config", archive.folder / "sijill.toml", "audit")
    assert audited.returncode == 1
    assert key in audited.stdout
    with pytest.raises(LogDamaged, match="not the report that was signed"):
        load_report(archive, result.run_id)
