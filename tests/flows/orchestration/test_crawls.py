"""Crawls by workers of a real Prefect server: a schedule fires, workers die, several share the sites."""

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sijill.flows.crawl.journal import site_folder
from sijill.flows.crawl.record import load_report
from sijill.flows.signing import recorded
from sijill.flows.stored_captures import load_captures
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.run import parse_run_statement
from sijill.provenance.log.entry import Kind

pytestmark = pytest.mark.timeout(1800)

_HERE = runpy.run_path(str(Path(__file__).with_name("conftest.py")))
write_sites, set_prefect, worker = _HERE["write_sites"], _HERE["set_prefect"], _HERE["worker"]
until, kill_group, HANG = _HERE["until"], _HERE["kill_group"], _HERE["HANG"]


def runs_of(archive):
    return [one.statement.predicate for one in recorded(archive, Kind.RUN, parse_run_statement)]


def planned_captures(archive):
    """The captures that records of runs name, how often each."""
    reports = [load_report(archive, one.run_id) for one in runs_of(archive)]
    return Counter(row.capture_id for report in reports for row in report.planned if row.capture_id)


def deploy(run, settings, prefect, *arguments):
    done = run("sijill", "--config", settings, "deploy", *arguments, env=prefect.env)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_schedule_fires_a_killed_worker_loses_nothing_and_the_next_date_goes_on(
    prefect, publish, new_archive, tmp_path, run
):
    sites = publish({"slow.example": 25})
    settings = new_archive(tmp_path / "archive", sites.pins)
    set_prefect(settings, pool="killed")
    write_sites(
        settings.parent / "sites.toml",
        {"slow": sites.url("slow.example")},
        cron="* * * * *",
        delay_seconds=0.6,
        concurrency=1,
    )
    deploy(run, settings, prefect)
    crawl = prefect.deployments("killed")["killed-crawl-slow"]["id"]
    archive = open_archive(settings)

    def finished():
        """Captures that a run in progress has finished: id -> step."""
        steps = [key for key in archive.store.list(site_folder("slow")) if "/steps/" in key]
        read = [json.loads(archive.store.read(key, limit=1 << 20)) for key in steps]
        return {one["captureId"] for one in read if one["captureId"] and one["outcome"] == "captured"}

    log = tmp_path / "worker.log"
    with worker(settings, prefect.env, log=log) as first:
        # The schedule made this run; nobody asked for it.
        until("the schedule's run captures", lambda: len(finished()) >= 4)
        kill_group(first)
    before = finished()
    killed = prefect.runs(crawl, any_=["RUNNING"])
    assert len(killed) == 1
    assert killed[0]["auto_scheduled"]
    assert runs_of(archive) == []

    with worker(settings, prefect.env, log=log):
        until("another worker records the run", lambda: runs_of(archive))
        prefect.pause(crawl)
        # Prefect learns of the death by the silence of the run.
        [run_id] = [one["id"] for one in killed]
        assert prefect.ended(run_id)["state"]["type"] == "CRASHED"
        until("nothing runs any more", lambda: not prefect.runs(crawl, any_=["RUNNING", "PENDING"]))
    taken_up = runs_of(archive)[0]
    assert taken_up.trigger == "schedule"
    assert taken_up.due.second == taken_up.due.microsecond == 0
    statements = [row for row in load_report(archive, taken_up.run_id).planned if "/s/" in row.url]
    assert len(statements) == len({row.url for row in statements}) == 25
    assert {row.outcome for row in statements} == {"captured"}
    assert before <= {row.capture_id for row in statements}, "a finished capture was lost"
    stored = [capture.capture_id for capture in load_captures(archive)]
    assert planned_captures(archive) == Counter(stored), "a capture was repeated, or belongs to no run"
    tables = prefect.artifacts(f"run-{taken_up.run_id}")
    assert len(tables) == 1
    assert sum(row["outcome"] == "captured" for row in json.loads(tables[0]["data"])) == 25
    assert 100.0 in [one["data"] for one in prefect.artifacts("crawl-slow")]


def test_what_fails_and_what_finds_nothing_is_told(prefect, publish, new_archive, tmp_path, run, alarm):
    sites = publish({"good.example": 3, "empty.example": 0})
    settings = new_archive(tmp_path / "archive", {**sites.pins, "dead.example:9": "127.0.0.1"})
    set_prefect(settings, pool="told")
    urls = {"good": sites.url("good.example"), "empty": sites.url("empty.example"), "dead": "http://dead.example:9/"}
    write_sites(settings.parent / "sites.toml", urls)
    url, arrived = f"http://{alarm.place}", alarm.arrived
    save = (
        "from prefect.blocks.notifications import CustomWebhookNotificationBlock as Block\n"
        f"Block(name='alarm', url={url!r}, json_data={{'subject': '{{{{subject}}}}', 'body': '{{{{body}}}}'}})"
        ".save('alarm', overwrite=True)"
    )
    subprocess.run([sys.executable, "-c", save], env=prefect.env, check=True, timeout=HANG)
    deploy(run, settings, prefect, "--notify", "custom-webhook/alarm")
    with worker(settings, prefect.env, log=tmp_path / "worker.log", limit=4):
        whole = prefect.ended(prefect.start_run("crawl-all/told-crawl-all"))
        assert whole["state"]["type"] == "FAILED", whole["state"]
        assert whole["state"]["message"] == "3 sites: 2 completed, 1 failed; not completed: dead"
        # Prefect delivers at least once: a busy server may tell the same thing again.
        until("four notifications", lambda: len({one["subject"] for one in arrived}) >= 4)
    assert {one["subject"] for one in arrived} == {
        "told: crawl all Failed",
        "told: crawl dead Failed",
        "told: no statement page of dead",
        "told: no statement page of empty",
    }
    states = {one["name"]: one for one in prefect.runs(any_=["COMPLETED", "FAILED"])}
    assert states["crawl good"]["state"]["message"] == "3 captured"
    [table] = prefect.artifacts("crawl-all")[-1:]
    assert {row["site"]: row["state"] for row in json.loads(table["data"])} == {
        "good": "Completed", "empty": "Completed", "dead": "Failed",
    }  # fmt: skip
    archive = open_archive(settings)
    captures = list(load_captures(archive))
    logged = prefect.all("logs", {"logs": {"flow_run_id": {"any_": [states["crawl good"]["id"]]}}})
    for capture in captures:
        assert any(capture.capture_id in line["message"] for line in logged), "a log line has the capture id"
        assert capture.leaf_index is not None, "crawling all ends with a sealing"
        assert capture.statement.predicate.orchestrator.flow_run_id == states["crawl good"]["id"]
    assert len(captures) == 3


def test_two_workers_share_the_sites_of_an_archive_in_s3(prefect, s3, publish, s3_archive, tmp_path, run):
    hosts = {f"host{number}.example": 4 for number in range(6)}
    sites = publish(hosts)
    settings = s3_archive("versioned")
    text = settings.read_text(encoding="utf-8")
    pins = "".join(f'"{name}" = "{address}"\n' for name, address in sites.pins.items())
    text = text.replace("[network.pins]\n", f"[network.pins]\n{pins}")
    settings.write_text(text.replace("[secrets]", '[secrets]\nAWS_SECRET_ACCESS_KEY = "sijill-s3"'), encoding="utf-8")
    set_prefect(settings, pool="shared")
    urls = {host.partition(".")[0]: sites.url(host) for host in hosts}
    write_sites(settings.parent / "sites.toml", urls, delay_seconds=0.5, concurrency=1)
    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    program = "import os; from prefect.blocks.system import Secret; Secret(value=os.environ['GIVEN']).save('sijill-s3')"
    subprocess.run([sys.executable, "-c", program], env={**prefect.env, "GIVEN": secret}, check=True, timeout=HANG)
    without = {**prefect.env, "AWS_ACCESS_KEY_ID": os.environ["AWS_ACCESS_KEY_ID"], "AWS_SECRET_ACCESS_KEY": ""}
    plain = run("sijill", "--config", settings, "list", env=without)
    assert plain.returncode == 2
    assert "AWS_SECRET_ACCESS_KEY: not set" in plain.stderr
    deploy(run, settings, prefect)
    # Another machine has its own folder with the same settings and keys.
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(settings.parent, elsewhere)
    folders = [settings.parent, elsewhere]
    with (
        worker(settings, without, log=tmp_path / "one.log", limit=2),
        worker(elsewhere / "sijill.toml", without, log=tmp_path / "two.log", limit=2),
    ):
        whole = prefect.ended(prefect.start_run("crawl-all/shared-crawl-all"))
    logs = "".join((tmp_path / name).read_text(encoding="utf-8")[-5000:] for name in ("one.log", "two.log"))
    assert whole["state"]["type"] == "COMPLETED", f"{whole['state']}\n{logs}"
    assert secret not in logs
    done = [{path.name for path in (folder / "work" / "crawls").iterdir()} for folder in folders]
    assert done[0] | done[1] == set(urls)
    assert not done[0] & done[1]
    assert all(done), "each worker crawled some of them"
    archive = open_archive(settings)
    assert len(runs_of(archive)) == 6
    stored = Counter(capture.capture_id for capture in load_captures(archive))
    assert sum(stored.values()) == 24
    assert planned_captures(archive) == stored
    assert archive.log_reader.checkpoint().checkpoint.size == 30


def test_crawling_all_without_a_deployment_crawls_here(prefect, publish, new_archive, tmp_path):
    sites = publish({"here.example": 2, "there.example": 2})
    settings = new_archive(tmp_path / "archive", sites.pins)
    set_prefect(settings, pool="here")
    urls = {"here": sites.url("here.example"), "there": sites.url("there.example")}
    write_sites(settings.parent / "sites.toml", urls)
    program = (
        "import sys; from sijill.flows.crawl.flow import crawl_all_flow\n"
        "state = crawl_all_flow(config=sys.argv[1], return_state=True); print(state.type.value, state.message)\n"
        "state = crawl_all_flow(config=sys.argv[1], left=True, return_state=True); print(state.message)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, settings],
        env={**os.environ, **prefect.env},
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert done.stdout.splitlines() == ["COMPLETED 2 sites: 2 completed", "nothing was left"], done.stderr
    archive = open_archive(settings)
    assert len(list(load_captures(archive))) == 4
    assert archive.log_reader.checkpoint().checkpoint.size == 6


def test_up_starts_everything_and_leaves_nothing_behind(publish, new_archive, tmp_path):
    sites = publish({"trial.example": 2})
    settings = new_archive(tmp_path / "archive", sites.pins)
    write_sites(settings.parent / "sites.toml", {"trial": sites.url("trial.example")}, cron="* * * * *")
    port = runpy.run_path(str(Path(__file__).parents[1] / "test_prefect.py"))["free_port"]()
    said = tmp_path / "up.log"
    command = [Path(sys.executable).with_name("sijill"), "--config", settings, "up", "--port", str(port)]
    with said.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink)
    try:
        text = said.read_text
        until("all is up", lambda: "running;" in text() or process.poll() is not None)
        assert process.poll() is None, text()
        assert f"http://127.0.0.1:{port}" in text()
        second = subprocess.run(command, capture_output=True, text=True, timeout=100)
        assert second.returncode == 3
        assert "is taken" in second.stderr
        archive = open_archive(settings)
        until("the schedule's run is recorded", lambda: runs_of(archive))
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0, text()
    finally:
        process.kill()
        process.wait()
    assert "stopped;" in text()
    assert "Traceback" not in text()
    assert belonging_to(settings.parent / "prefect") == []


def belonging_to(home):
    """Processes whose environment names Prefect's folder."""
    wanted = f"PREFECT_HOME={home}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                names = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if wanted in names:
                found.append((entry.name, (entry / "cmdline").read_bytes()))
    return found
