"""The audit by ranges as a Prefect flow against a real server: on a Dask cluster, and by processes of this machine."""

import json
import os
import runpy
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from sijill.flows import evidence
from sijill.flows.audit.flow import task_runner
from sijill.flows.audit.source import open_source
from sijill.flows.errors import BadSettings
from sijill.flows.signing import recorded
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.fixity import parse_fixity_statement
from sijill.provenance.log.entry import Kind
from sijill.provenance.verify.archive.audit import Plan, audit
from sijill.provenance.verify.archive.journal import opened_journal
from sijill.provenance.verify.archive.render import archive_report_json
from sijill.storage.layout import object_key

CAPTURES = 260

PROGRAM = """
import json
import sys

from distributed import Client, LocalCluster, get_task_stream

from sijill.flows.audit.flow import audit_flow

if __name__ == "__main__":
    settings, where = sys.argv[1:]
    if where == "dask":
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            with get_task_stream(client) as ran:
                state = audit_flow(config=settings, ranges=7, cluster=cluster.scheduler_address, return_state=True)
            workers = len({one["worker"] for one in ran.data})
    else:
        state, workers = audit_flow(config=settings, ranges=3, jobs=2, return_state=True), None
    print(json.dumps([state.type.value, state.message, workers]))
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory, sites, new_archive):
    opened = open_archive(new_archive(tmp_path_factory.mktemp("spread") / "archive", sites.pins))
    for number in range(CAPTURES):
        evidence.archive_url(opened, sites.url("remedylawyers.example", "/robots.txt"))
        if number % 65 == 64:
            evidence.seal(opened)
    return opened


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    prefect_server = runpy.run_path(str(Path(__file__).parents[1].joinpath("test_prefect.py")))["prefect_server"]
    with prefect_server(tmp_path_factory.mktemp("prefect")) as running:
        yield running


def path_of(archive, key):
    path = archive.folder / "store" / key
    path.chmod(0o644)
    return path


def damage(archive):
    """A byte of one capture changed, the object of another taken away: one in each half of the log."""
    keys = list(archive.store.list("objects/"))
    changed, gone = keys[3], keys[-3]
    data = bytearray(path_of(archive, changed).read_bytes())
    data[100] ^= 1
    path_of(archive, changed).write_bytes(data)
    path_of(archive, gone).unlink()
    return changed, gone


def by_one_process(archive):
    with opened_journal(None) as journal:
        report = audit(
            partial(open_source, archive.store.url),
            archive.trust,
            Plan(archive.store.url),
            journal=journal,
            clock=lambda: datetime.now(UTC),
            new_seed=lambda: "00",
            show=lambda step, done, total: None,
        )
    return without_times(archive_report_json(report))


def last_report(archive):
    check = list(recorded(archive, Kind.FIXITY, parse_fixity_statement))[-1]
    [subject] = check.statement.subject
    return without_times(json.loads(archive.store.read(object_key(subject.digest.sha256), limit=1 << 24)))


def without_times(report):
    return canonical({name: value for name, value in report.items() if name not in ("started", "ended")})


def run(server, archive, where):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, archive.folder / "sijill.toml", where],
        env={**os.environ, **server.env},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.timeout(600)
def test_two_dask_workers_find_the_damage_and_one_report_tells_of_it(server, archive):
    changed, gone = damage(archive)
    expected = by_one_process(archive)
    kind, message, workers = run(server, archive, "dask")
    assert kind == "FAILED"
    assert message.startswith("THE ARCHIVE DOES NOT HOLD: E-ARC-21, E-ARC-22, E-ARC-23")
    assert workers == 2, "both took part"
    assert last_report(archive) == expected
    findings = {check["code"]: check["findings"] for check in json.loads(expected)["checks"]}
    assert [one["about"] for one in findings["E-ARC-22"]] == [changed]
    assert [one["about"] for one in findings["E-ARC-21"]] == [gone]
    ranges = server.post("/task_runs/filter", {"task_runs": {"name": {"like_": "audit-range"}}})
    assert len(ranges) == 7
    assert {one["state_type"] for one in ranges} == {"COMPLETED"}


@pytest.mark.timeout(600)
def test_processes_of_one_machine_give_the_same(server, archive):
    expected = by_one_process(archive)
    kind, message, _ = run(server, archive, "here")
    assert (kind, message.partition(":")[0]) == ("FAILED", "THE ARCHIVE DOES NOT HOLD")
    assert last_report(archive) == expected


def test_without_the_extra_a_cluster_is_refused_with_the_command_that_helps(monkeypatch):
    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    with pytest.raises(BadSettings, match=r"pip install 'sijill\[dask\]'"):
        task_runner(2, "tcp://127.0.0.1:8786")
