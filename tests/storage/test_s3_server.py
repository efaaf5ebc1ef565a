"""The script that runs an S3 server for tests and trials."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sijill.storage.open import open_store

SCRIPT = Path(__file__).resolve().parents[2] / "deployments" / "s3" / "serve.py"


@pytest.fixture
def trial(s3, tmp_path):
    """The script as a process, and what it printed until it was ready; `s3` is here for its skip."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, SCRIPT, "--port", "0"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "serving" in line:
            break
    yield process, "".join(lines)
    process.kill()
    process.wait()
    process.stdout.close()


def daemons(folder):
    """Processes whose command line names something in `folder`."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in place.read_bytes():
                found.append(place.parent.name)
        except OSError:
            continue
    return found


def test_it_prints_what_a_store_needs_and_leaves_nothing_behind(trial, tmp_path, monkeypatch):
    process, printed = trial
    for name, value in re.findall(r"^export (\w+)=(\S+)$", printed, re.MULTILINE):
        monkeypatch.setenv(name, value)
    urls = re.findall(r"s3://\S+", printed)
    assert len(urls) == 3
    for url in urls:
        assert open_store(url, create=True).create("log/batches/0", b"first")
    assert len(daemons(tmp_path)) == 3
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert daemons(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_its_daemons_end_with_it_even_if_it_is_killed(trial, tmp_path):
    process, _ = trial
    assert len(daemons(tmp_path)) == 3
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while daemons(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert daemons(tmp_path) == []


def test_a_port_that_is_taken_is_one_line(s3):
    port = s3.endpoint.rpartition(":")[2]
    done = subprocess.run([sys.executable, SCRIPT, "--port", port], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"127.0.0.1:{port}: Address already in use\n"


def test_it_says_what_to_install(tmp_path):
    done = subprocess.run([sys.executable, SCRIPT], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("apt-get install --no-install-recommends ceph-base ")
    assert "radosgw" in done.stderr
