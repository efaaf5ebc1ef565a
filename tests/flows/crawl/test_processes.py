"""Several sites at once in processes of their own: what is recorded, and how it ends if somebody ends it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sijill.flows.signing import recorded
from sijill.flows.stored_captures import load_captures
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.run import parse_run_statement
from sijill.provenance.log.entry import Kind

HOSTS = ("sahlandoc.example", "remedylawyers.example")
_LONG = 120


def test_sites_are_crawled_at_once_and_sealed_once(run, two_sites):
    archive = two_sites(delay=0)
    config = ("--config", archive.folder / "sijill.toml")
    done = run("sijill", *config, "crawl", "--all", "--processes", "2", "--json")
    told = json.loads(done.stdout)
    assert [one["site"] for one in told["runs"]] == ["site-0", "site-1"]
    captures = [capture.capture_id for capture in load_captures(archive)]
    assert captures
    assert told["logSize"] == len(captures) + 2, "one entry a capture and one a run"
    assert archive.log_reader.checkpoint().checkpoint.size == told["logSize"]
    lines = run("sijill", *config, "crawl", "--all", "--processes", "2").stderr.splitlines()
    assert {line.split(":")[0] for line in lines} == {"site-0", "site-1"}


def test_an_interrupt_ends_all_and_the_next_goes_on(two_sites):
    archive = two_sites(delay=1)
    process = _begin(archive)
    _first_page(process)
    children = _children(process.pid)
    assert len(children) == 2
    # Only to the first process: a terminal would tell all of them.
    process.send_signal(signal.SIGINT)
    assert process.wait(_LONG) == 130
    assert "interrupted" in process.stderr.read()
    assert not any(_lives(pid) for pid in children)
    _go_on(archive)


def test_whoever_is_left_behind_ends(two_sites):
    archive = two_sites(delay=1)
    process = _begin(archive)
    _first_page(process)
    children = _children(process.pid)
    process.kill()
    process.wait(_LONG)
    until = time.monotonic() + _LONG
    while any(_lives(pid) for pid in children) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(_lives(pid) for pid in children)
    _go_on(archive)


def test_a_killed_process_is_told(two_sites):
    archive = two_sites(delay=1)
    process = _begin(archive)
    _first_page(process)
    children = _children(process.pid)
    os.kill(children[0], signal.SIGKILL)
    assert process.wait(_LONG) == 1
    said = process.stderr.read()
    assert "a crawling process was killed; run the same command again to go on" in said
    assert "Traceback" not in said
    assert not any(_lives(pid) for pid in children)
    _go_on(archive)


@pytest.fixture
def two_sites(repository, tmp_path, serve, new_archive):
    """Makes an archive with a sites file of two of the bundled sites."""
    with serve(repository / "deployments" / "demo" / "sites") as sites:

        def make(*, delay):
            archive = open_archive(new_archive(tmp_path / "archive", sites.pins))
            text = ""
            for number, host in enumerate(HOSTS):
                text += f'[[sites]]\nid = "site-{number}"\nname = "{host}"\nstart = ["{sites.url(host)}"]\n'
                text += 'statements = ["/2019/**", "/2024/**", "/2025/**", "/ar/**", "/statements/**"]\n'
                text += f"[sites.politeness]\ndelay_seconds = {delay}\nobey_robots = false\n"
            (archive.folder / "sites.toml").write_text(text, encoding="utf-8")
            return archive

        yield make


def _begin(archive):
    command = Path(sys.executable).parent / "sijill"
    options = ("--config", archive.folder / "sijill.toml", "crawl", "--all", "--processes", "2")
    return subprocess.Popen([command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _first_page(process):
    line = ""
    while " captured " not in line:
        line = process.stderr.readline()
        assert line, "it ended before the first page"


def _children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _go_on(archive):
    """Finish the crawl; no run has captured anything twice."""
    process = _begin(archive)
    _, said = process.communicate(timeout=_LONG)
    assert process.returncode in (0, 1), said
    runs = Counter(found.statement.predicate.site.id for found in recorded(archive, Kind.RUN, parse_run_statement))
    assert set(runs) == {"site-0", "site-1"}
    targets = Counter(capture.statement.predicate.target for capture in load_captures(archive))
    assert targets
    for target, captures in targets.items():
        assert captures <= runs[f"site-{HOSTS.index(urlsplit(target).hostname)}"], target
