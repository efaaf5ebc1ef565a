"""What the log and the store cost: the figures of deployments/scale.md.

make bench, or: python tests/bench/scale.py [sizes|seal|ranges]
"""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import botocore.httpsession

from sijill.flows import evidence
from sijill.flows.audit.source import open_source
from sijill.flows.init import initialise
from sijill.flows.wiring import Archive, StoreLog, open_archive
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.checkpoint import Checkpoint, sign_checkpoint
from sijill.provenance.log.edge import partial_tiles
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.layout import batch_key, leaf_index_key
from sijill.provenance.log.log import seal
from sijill.provenance.log.note import NoteSigner
from sijill.provenance.log.queue import enqueue
from sijill.provenance.log.tiles import WIDTH
from sijill.provenance.verify.archive.audit import Plan, audit
from sijill.provenance.verify.archive.journal import opened_journal
from sijill.provenance.verify.archive.ranges import Spread, examine_range
from sijill.storage.open import open_store

ROOT = Path(__file__).resolve().parents[2]
AIM = 100_000_000
QUEUED = 500
CAPTURES = 300
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
KEY = SigningKey(bytes(range(32)))


def entry(number: int) -> LogEntry:
    """An entry; later numbers sort later."""
    letters = "".join(LETTERS[number >> shift & 31] for shift in range(55, -5, -5))
    return LogEntry(f"20261121t011630z-{letters}", f"{number:064x}")


def bench_sizes() -> None:
    """Objects and bytes of a log of 100 million entries: counted by the layout, nothing is extrapolated."""
    leaf = len(entry(0).data)
    print(f"log of {AIM:,} entries of {leaf} bytes")
    full = [AIM // WIDTH ** (level + 1) for level in range(4)]
    entries = full[0] * WIDTH * (leaf + 2)
    print(f"  full bundles of entries: {full[0]:,} objects, {entries / 1e9:.2f} GB")
    hashes = sum(full)
    print(f"  full tiles of hashes: {hashes:,} objects, {hashes * WIDTH * 32 / 1e9:.2f} GB")
    print(f"  leaf-index objects: {AIM:,}, {sum(9 * 10**d * (d + 2) for d in range(8)) / 1e9:.2f} GB")
    print(f"  each entry once more in the record of its batch: {AIM * (leaf + 1) / 1e9:.2f} GB")
    signer = NoteSigner("archive.example/log", KEY)
    head = len(sign_checkpoint(Checkpoint("archive.example/log", AIM, bytes(32)), signer))
    for batch in (285, 10_000):
        count = size = 0
        for end in range(batch, AIM + 1, batch):
            for tile in partial_tiles(end):
                count += 1
                size += tile.width * (leaf + 2 if tile.level is None else 32)
        batches = AIM // batch
        print(
            f"  sealed by {batch:,}: {batches:,} checkpoints of {head} bytes ({batches * head / 1e6:.0f} MB), as many "
            f"records of batches, {count:,} partial tiles ({size / 1e9:.2f} GB)"
        )


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """HTTP requests that boto3 sends, by method."""
    sent: Counter[str] = Counter()
    true = botocore.httpsession.URLLib3Session.send

    def send(self: object, request: object) -> object:
        sent[request.method] += 1
        return true(self, request)

    botocore.httpsession.URLLib3Session.send = send
    try:
        yield sent
    finally:
        botocore.httpsession.URLLib3Session.send = true


def said(requests: Counter[str], each: int) -> str:
    """Requests, for each of something."""
    total = sum(requests.values())
    if not total:
        return ""
    parts = ", ".join(f"{number / each:.2f} {method}" for method, number in sorted(requests.items()))
    return f"; requests: {total / each:.2f} each ({parts})"


def bench_store(name: str, url: str, captures: str, folder: Path, page: str) -> None:
    """Queue and seal entries; capture pages; list what is there."""
    log = StoreLog(open_store(url, create=True))
    with counted() as requests:
        begun = time.perf_counter()
        for number in range(QUEUED):
            enqueue(log, entry(number))
        seconds = time.perf_counter() - begun
    print(f"{name}: queued one after the other {QUEUED / seconds:.0f} entries/s{said(requests, QUEUED)}")
    for jobs in (1, 8):
        if jobs > 1:
            for number in range(QUEUED, 2 * QUEUED):
                enqueue(log, entry(number))
        waiting = sum(1 for _ in log.list("queue/"))
        with counted() as requests:
            begun, cpu = time.perf_counter(), time.process_time()
            result = seal(log, origin="bench/log", signer=KEY, jobs=jobs)
            seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        if result.added != waiting:
            raise SystemExit("not all was sealed")
        print(
            f"{name}: sealed by {jobs} {'job' if jobs == 1 else 'jobs'}: {waiting / seconds:.0f} entries/s, "
            f"{cpu / waiting * 1e6:.0f} us of CPU an entry{said(requests, waiting)}"
        )
    with counted() as requests:
        begun = time.perf_counter()
        number = sum(1 for _ in log.store.versions(""))
        seconds = time.perf_counter() - begun
    print(f"{name}: listed {number:,} keys, {number / seconds:.0f} keys/s{said(requests, number)}")
    if log.read(batch_key(0)) is None or log.read(leaf_index_key(entry(0).id)) is None:
        raise SystemExit("the log is not there")
    archive = made_archive(folder / "captures", captures)
    with counted() as requests:
        begun, cpu = time.perf_counter(), time.process_time()
        for _ in range(50):
            evidence.archive_url(archive, page)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    kept = sum(version.size for version in archive.store.versions("captures/")) / 50
    print(
        f"{name}: captured one after the other {50 / seconds:.1f} pages/s, {cpu / 50 * 1e3:.0f} ms of CPU each, "
        f"attestation of {kept:.0f} bytes{said(requests, 50)}"
    )


def made_archive(folder: Path, url: str) -> Archive:
    """An archive that may reach loopback."""
    settings = initialise(folder, operator="Bench", contact="bench@archive.example", store=url).settings
    text = settings.read_text(encoding="utf-8").replace("allow = []", 'allow = ["127.0.0.0/8"]')
    pins = "".join(f'{json.dumps(name)} = "{address}"\n' for name, address in PINS.items())
    settings.write_text(text.replace("[network.pins]", "[network.pins]\n" + pins, 1), encoding="utf-8")
    return open_archive(settings)


PINS: dict[str, str] = {}


def bench_seal(scratch: Path) -> None:
    """Queue, seal, list and capture on a folder and on a real S3 server with versions."""
    serve = runpy.run_path(str(ROOT / "deployments" / "demo" / "serve.py"))["serve_sites"]
    with serve() as sites:
        PINS.update(sites.pins)
        page = sites.url("remedylawyers.example", "/robots.txt")
        bench_store("folder", (scratch / "store").as_uri(), (scratch / "archive").as_uri(), scratch / "local", page)
        spec = importlib.util.spec_from_file_location("s3_server", ROOT / "deployments" / "s3" / "serve.py")
        server = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = server
        spec.loader.exec_module(server)
        if missing := server.missing_packages():
            raise SystemExit(f"no S3 server: sh deployments/s3/install.sh (Debian packages {' '.join(missing)})")
        with server.serve_s3() as gateway:
            os.environ.update(gateway.user.environment)
            gateway.make_bucket("bench", server.BucketKind.VERSIONED)
            bench_store(
                "S3", gateway.store_url("bench", "log"), gateway.store_url("bench", "archive"), scratch / "s3", page
            )


def bench_ranges(scratch: Path) -> None:
    """Audit an archive by ranges: what examining costs, what merging costs, and what goes over the wire."""
    sys.path.insert(0, str(ROOT / "tests" / "vectors"))
    from archives import MemoryArchive
    from evidence import TRUST

    made = MemoryArchive()
    text = bytes(range(32, 127)) * 600
    for number in range(CAPTURES):
        made.capture(number, html=text[number % 95 :][:50_000])
        if number % 100 == 99:
            made.seal()
    url = made.write(scratch / "store").as_uri()
    source, sent, returned, examining = open_source(url), 0, 0, 0.0

    def examine(ranges: Iterator[str]) -> Iterator[str]:
        nonlocal sent, returned, examining
        for one in ranges:
            begun = time.process_time()
            outcome = examine_range(one, source)
            examining += time.process_time() - begun
            sent, returned = sent + len(one), returned + len(outcome)
            yield outcome

    begun = time.process_time()
    with opened_journal(None) as journal:
        report = audit(
            partial(open_source, url),
            TRUST,
            Plan("bench"),
            journal=journal,
            clock=lambda: datetime.now(UTC),
            new_seed=lambda: "00",
            show=lambda *_: None,
            spread=Spread(1, examine),
        )
    rest = time.process_time() - begun - examining
    if report.failed or report.counts.read != CAPTURES:
        raise SystemExit(f"the archive does not hold: {report.failed}")
    print(
        f"{CAPTURES} captures of 50 KB: examined in {examining / CAPTURES * 1e3:.2f} ms of CPU each, all else "
        f"{rest / CAPTURES * 1e3:.2f} ms; a range of all: {sent:,} bytes sent, {returned / CAPTURES:.0f} bytes got each"
    )


def main() -> None:
    """Run what is asked for, or everything."""
    wanted = sys.argv[1:] or ["sizes", "seal", "ranges"]
    if "sizes" in wanted:
        bench_sizes()
    for name, bench in (("seal", bench_seal), ("ranges", bench_ranges)):
        if name in wanted:
            with tempfile.TemporaryDirectory() as folder:
                bench(Path(folder))


if __name__ == "__main__":
    main()
