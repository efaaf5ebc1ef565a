"""A real process is killed at every change it makes to the file system; the next command finishes or discards."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.timeout(300)
def test_no_death_loses_doubles_or_half_writes_a_capture(archive_settings, sites):
    script = Path(__file__).with_name("killed.py")
    url = sites.url("remedylawyers.example", "/robots.txt")
    done = subprocess.run(
        [sys.executable, script, archive_settings, url], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    states = [json.loads(line) for line in done.stdout.splitlines()]
    assert states[-1]["finished"]
    assert len(states) > 30
    before = 0
    for state in states:
        assert state["captures"] in (before, before + 1), state
        assert state["size"] == state["captures"], state
        assert state["indexes"] == list(range(state["size"])), state
        assert state["logged"], state
        assert state["queue"] == [], state
        assert [path for path in state["work"] if "/.new-" not in path and "/.done-" not in path] == [], state
        before = state["captures"]
    assert 0 < before < len(states), "some deaths discard the capture, some leave it to be finished"
