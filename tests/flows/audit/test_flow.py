"""The audit as a Prefect flow against a real server: artifact, failed run, event, and a notification that arrives."""

import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sijill.flows import evidence
from sijill.flows.wiring import open_archive

PROGRAM = """
import sys
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from sijill.flows.audit.flow import audit_flow, timestamp_flow

settings, alarm = sys.argv[1:]
CustomWebhookNotificationBlock(
    name="alarm", url=alarm, json_data={"subject": "{{subject}}", "body": "{{body}}"}
).save("alarm", overwrite=True)
for number in range(2):
    state = audit_flow(config=settings, notify="custom-webhook/alarm", return_state=True)
    print(state.type.value, state.message)
    key = sys.stdin.readline().strip()
    if key:
        with open(key, "r+b") as file:
            file.seek(100)
            byte = file.read(1)
            file.seek(100)
            file.write(bytes([byte[0] ^ 1]))
state = timestamp_flow(config=settings, return_state=True)
print(state.type.value, state.message)
"""


@pytest.mark.timeout(300)
def test_a_good_archive_completes_and_a_damaged_one_fails_and_raises_the_alarm(tmp_path, sites, new_archive, alarm):
    prefect_server = runpy.run_path(str(Path(__file__).parents[1].joinpath("test_prefect.py")))["prefect_server"]
    settings = new_archive(tmp_path / "archive", sites.pins)
    archive = open_archive(settings)
    evidence.archive_url(archive, sites.url("remedylawyers.example", "/robots.txt"))
    evidence.seal(archive)
    victim = archive.folder / "store" / next(archive.store.list("objects/"))
    victim.chmod(0o644)
    url, arrived = f"http://{alarm.place}", alarm.arrived
    home = tmp_path / "prefect"
    home.mkdir()
    with prefect_server(home) as server:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, settings, url],
            input=f"{victim}\n\n",
            env={**os.environ, **server.env},
            capture_output=True,
            text=True,
            timeout=200,
        )
        lines = done.stdout.splitlines()
        assert lines[0] == "COMPLETED THE ARCHIVE HOLDS", done.stdout + done.stderr
        assert lines[1].startswith("FAILED THE ARCHIVE DOES NOT HOLD: E-ARC-22, E-ARC-23")
        assert "name no timestamping authority" in lines[2], "and it was not tried again"
        [notification] = arrived
        assert "DOES NOT HOLD" in notification["subject"]
        assert "E-ARC-22" in notification["body"]
        artifacts = server.post("/artifacts/filter", {"artifacts": {"type": {"any_": ["markdown"]}}})
        assert len(artifacts) == 2
        assert any("E-ARC-23" in one["data"] and "| FAILED |" in one["data"] for one in artifacts)
        [event] = wait_for_events(server, "sijill.audit.failed")
        assert event["resource"]["prefect.resource.id"] == f"sijill.archive.{archive.settings.log.origin}"
        assert event["payload"]["failed"] == ["E-ARC-22", "E-ARC-23"]
    assert archive.log_reader.checkpoint().checkpoint.size == 3, "both audits are in the log"


def wait_for_events(server, name):
    deadline = time.monotonic() + 60
    while True:
        events = server.post("/events/filter", {"filter": {"event": {"name": [name]}}})["events"]
        if events:
            return events
        assert time.monotonic() < deadline, "the event did not arrive"
        time.sleep(0.5)
