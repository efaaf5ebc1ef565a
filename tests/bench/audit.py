"""Audits: a log of 1,000,000 entries recomputed from its tiles, and an archive of 2,000 captures beside sha256sum.

make bench, or: python tests/bench/audit.py [log|archive]
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.batch import Batch
from sijill.provenance.log.checkpoint import Checkpoint, sign_checkpoint
from sijill.provenance.log.edge import RightEdge
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.layout import CHECKPOINT, batch_key, checkpoint_key
from sijill.provenance.log.note import NoteSigner

ENTRIES = 1_000_000
BATCH = 10_000
ORIGIN = "archive.example/log"
LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
KEY = SigningKey(bytes(range(32)))


def put(root: Path, key: str, data: bytes) -> None:
    """Write one object, without any of the care that a store takes."""
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def build_log(root: Path, entries: Iterator[LogEntry], size: int) -> None:
    """A log as sealing leaves it, its tiles written directly."""
    signer, edge = NoteSigner(ORIGIN, KEY), RightEdge.empty()
    while edge.size < size:
        batch = Batch(edge.size, signer.verifier.vkey, tuple(next(entries) for _ in range(min(BATCH, size - edge.size))))
        put(root, batch_key(batch.start), batch.data)
        for tile, data in edge.append([entry.data for entry in batch.entries]):
            put(root, tile.key, data)
        checkpoint = sign_checkpoint(Checkpoint(ORIGIN, edge.size, edge.root()), signer)
        put(root, checkpoint_key(edge.size), checkpoint)
    put(root, CHECKPOINT, checkpoint)


def numbered(size: int) -> Iterator[LogEntry]:
    """Entries with ids that sort as they come."""
    for number in range(size):
        seconds, rest = divmod(number, 1000)
        letters = "".join(LETTERS[rest >> shift & 31] for shift in (15, 10, 5, 0))
        moment = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"
        yield LogEntry(f"20261121t{moment}z-{letters}22222222", f"{number:064x}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        t=time.perf_counter()
        build_log(Path("/tmp/biglog"), numbered(ENTRIES), ENTRIES)
        print(time.perf_counter()-t)
