"""Crawls of an archive in a real S3 store: killed in mid run, gone on with by others, asked for by two at once."""

import json
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sijill.flows import evidence
from sijill.flows.crawl import journal
from sijill.flows.crawl.journal import leased, site_folder
from sijill.flows.crawl.record import load_report
from sijill.flows.crawl.run import crawl_site
from sijill.flows.crawl.sites import read_sites
from sijill.flows.errors import LeaseLost, SiteBusy
from sijill.flows.signing import recorded
from sijill.flows.stored_captures import load_captures
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.run import parse_run_statement
from sijill.provenance.log.entry import Kind
from sijill.storage.layout import PENDING

SIJILL = Path(sys.executable).with_name("sijill")
PAGES = 10
HELD = 5
"""From this statement page on, the server does not answer until it is told to."""


@pytest.fixture
def slow():
    """A server of statement pages, the later of which wait for `answer`; `reached` says that one was asked for."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            page = self.path.removeprefix("/s/")
            if page.isdecimal() and int(page) >= HELD:
                self.server.reached.set()
                self.server.answer.wait(100)
            there = self.path == "/" or (page.isdecimal() and int(page) < PAGES)
            links = "".join(f'<a href="/s/{n}">{n}</a>' for n in range(PAGES)) if self.path == "/" else ""
            body = f"<!doctype html><title>{page}</title><p>Statement {page}{links}".encode()
            self.send_response(200 if there else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # whoever is killed closes the connection
    server.reached, server.answer = threading.Event(), threading.Event()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.answer.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["plain", "versioned"])
def machine(request, s3_archive, slow):
    """The settings of an archive in a bucket, with a file of one site."""
    settings = s3_archive(request.param)
    (settings.parent / "sites.toml").write_text(
        f'[[sites]]\nid = "slow"\nname = "Slow"\nstart = ["http://127.0.0.1:{slow.server_port}/"]\n'
        'statements = ["/s/*"]\npoliteness.delay_seconds = 0\n',
        encoding="utf-8",
    )
    return settings


@pytest.fixture
def other_machine(machine):
    """The same archive in another folder, as another machine has it."""
    folder = machine.parent.with_name(f"{machine.parent.name}-other")
    shutil.copytree(machine.parent, folder, ignore=shutil.ignore_patterns("work"))
    return folder / machine.name


@pytest.fixture
def begin():
    """`begin(settings)` starts a process that crawls the site."""
    started = []

    def start(settings):
        command = [SIJILL, "--config", settings, "crawl", "slow", "--json"]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def killed_in_mid_run(begin, settings, slow):
    first = begin(settings)
    assert slow.reached.wait(100)
    first.send_signal(signal.SIGKILL)
    assert first.wait(60) == -signal.SIGKILL
    first.communicate()
    slow.answer.set()


def check_whole(settings):
    """One run that has every page, each captured once, and nothing left over."""
    archive = open_archive(settings)
    [run] = recorded(archive, Kind.RUN, parse_run_statement)
    rows = [row for row in load_report(archive, run.entry_id).planned if row.task == "statement"]
    assert Counter(row.outcome for row in rows) == {"captured": PAGES}
    captures = list(load_captures(archive))
    assert Counter(capture.statement.predicate.target for capture in captures) == {row.url: 1 for row in rows}
    assert {capture.capture_id for capture in captures} == {row.capture_id for row in rows}
    assert list(archive.store.list(f"{PENDING}crawls/")) == [f"{site_folder('slow')}last"]
    assert archive.log_reader.checkpoint().checkpoint.size == PAGES + 1


def test_another_process_goes_on_with_a_crawl_that_was_killed(begin, machine, slow):
    killed_in_mid_run(begin, machine, slow)
    archive = open_archive(machine)
    before = {capture.capture_id for capture in load_captures(archive)}
    assert archive.store.stat(f"{site_folder('slow')}lease") is not None, "the dead have not given it back"
    second = begin(machine)
    out, err = second.communicate(timeout=100)
    assert second.returncode == 0, err
    [run] = json.loads(out)["runs"]
    assert run["takenUp"]
    assert before <= {row["captureId"] for row in run["planned"]}
    check_whole(machine)


def test_another_machine_takes_a_dead_crawl_over_once_the_lease_is_stale(
    begin, machine, other_machine, slow, monkeypatch
):
    killed_in_mid_run(begin, machine, slow)
    second = begin(other_machine)
    out, err = second.communicate(timeout=100)
    assert (second.returncode, json.loads(out)["busy"]) == (0, ["slow"]), err
    assert json.loads(out)["runs"] == []
    # The store's clock cannot be set, but what counts as stale can.
    monkeypatch.setattr(journal, "STALE", timedelta(0))
    result = crawl_site(open_archive(other_machine), read_sites(other_machine.parent / "sites.toml")[0])
    assert result.taken_up
    evidence.seal(open_archive(other_machine))
    check_whole(other_machine)


def test_of_two_machines_at_once_the_second_leaves_the_site_alone(begin, machine, other_machine, slow):
    first = begin(machine)
    assert slow.reached.wait(100)
    second = begin(other_machine)
    out, err = second.communicate(timeout=100)
    assert (second.returncode, json.loads(out)["busy"]) == (0, ["slow"]), err
    slow.answer.set()
    out, err = first.communicate(timeout=100)
    assert first.returncode == 0, err
    assert not json.loads(out)["runs"][0]["takenUp"]
    check_whole(machine)


def test_a_machine_whose_clock_is_wrong_neither_steals_a_lease_nor_keeps_it(machine, other_machine, monkeypatch):
    for ahead in (timedelta(hours=2), timedelta(hours=-2)):
        one, other = open_archive(machine), open_archive(other_machine)
        clock = one.clock
        object.__setattr__(one, "clock", lambda clock=clock, ahead=ahead: clock() + ahead)
        with leased(one, "slow") as lease:
            with pytest.raises(SiteBusy), leased(other, "slow"):
                pytest.fail("the lease was stolen from one who lives")
            with monkeypatch.context() as soon:
                soon.setattr(journal, "STALE", timedelta(0))
                with leased(other, "slow"):
                    object.__setattr__(
                        one, "clock", lambda clock=clock, ahead=ahead: clock() + ahead + timedelta(minutes=1)
                    )
                    with pytest.raises(LeaseLost):
                        lease.renew()
        assert list(one.store.list(site_folder("slow"))) == []
