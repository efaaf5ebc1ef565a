"""Four capturing workers and two sealers at once, as processes: no entry lost or doubled, one log."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from sijill.flows import evidence
from sijill.flows.wiring import open_archive
from sijill.provenance.log.queue import leaf_index

SECONDS = float(os.environ.get("SIJILL_WORKERS_SECONDS", "8"))
"""How long they work; the full trial is SIJILL_WORKERS_SECONDS=60 make test TESTS=tests/flows/test_workers.py."""


def start(settings, *arguments):
    script = Path(__file__).with_name("worker.py")
    return subprocess.Popen([sys.executable, script, settings, *arguments], stdout=subprocess.PIPE, text=True)


@pytest.mark.timeout(120 + 3 * SECONDS)
def test_workers_and_sealers_at_once(any_store_settings, sites):
    settings = any_store_settings
    url = sites.url("remedylawyers.example", "/robots.txt")
    workers = [start(settings, "capture", str(SECONDS), url) for _ in range(4)]
    sealers = [start(settings, "seal", str(SECONDS)) for _ in range(2)]
    said = [json.loads(process.communicate()[0]) for process in (*workers, *sealers)]
    assert [process.returncode for process in (*workers, *sealers)] == [0] * 6
    captured = sorted(capture_id for one in said for capture_id in one["captured"])

    archive = open_archive(settings)
    last = evidence.seal(archive).log
    assert last.size == len(captured) == len(set(captured))
    assert all(one["added"] for one in said[4:]), "both sealers sealed something"
    reader = archive.log_reader
    entries = [reader.entry(index, last.size) for index in range(last.size)]
    assert sorted(entry.id for entry in entries) == captured
    assert [leaf_index(archive.log, entry.id) for entry in entries] == list(range(last.size))
    sizes = sorted(int(key.rpartition("/")[2]) for key in archive.store.list("log/checkpoints/"))
    assert sizes[-1] == last.size
    for older, newer in pairwise(sizes):
        reader.consistency(older, newer)
    assert list(archive.store.list("queue/")) == []
