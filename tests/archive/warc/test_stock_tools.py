"""What others' tools make of our WARC: they are the ones who must be able to read it without us."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent


def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / args[0], *args[1:]], capture_output=True, text=True, check=False, timeout=60)


def test_warcio_check(warc_path):
    done = run("warcio", "check", "-v", warc_path)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    assert "failed" not in done.stdout
    assert done.stdout.count("digest pass") == done.stdout.count("WARC-Record-ID")


def test_fastwarc_check(warc_path):
    done = run("fastwarc", "check", "-p", warc_path, "-o", "-")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout
    print(done.stdout)
    assert done.stdout.count("PAYLOAD_OK") >= 5
