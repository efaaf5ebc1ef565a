"""Audits: a log of 1,000,000 entries recomputed from its tiles, and an archive of 2,000 captures beside sha256sum.

make bench, or: python tests/bench/audit.py [log|archive]
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sijill.flows.audit.source import open_source
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.batch import BATCH_TYPE
from sijill.provenance.log.checkpoint import Checkpoint, sign_checkpoint
from sijill.provenance.log.edge import RightEdge
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.layout import CHECKPOINT, batch_key, checkpoint_key
from sijill.provenance.log.note import NoteSigner
from sijill.provenance.log.reader import LogReader
from sijill.provenance.verify.archive.audit import Plan, audit
from sijill.provenance.verify.archive.checkpoints import find_checkpoints
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.archive.journal import opened_journal
from sijill.provenance.verify.archive.log import check_log
from sijill.provenance.verify.archive.strays import list_store
from sijill.provenance.verify.trust import TrustRoot

ENTRIES = 1_000_000
BATCH = 10_000
CAPTURES = 2_000
PAGE = 50_000
ORIGIN = "archive.example/log"
LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
KEY = SigningKey(bytes(range(32)))
SIGNER = NoteSigner(ORIGIN, KEY)


def put(root: Path, key: str, data: bytes) -> None:
    """Write one object, without any of the care that a store takes."""
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def entry(number: int) -> bytes:
    """The leaf data of an entry; ids sort by number."""
    seconds, rest = divmod(number, 1000)
    moment = f"20261121t{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}z"
    letters = "".join(LETTERS[rest >> shift & 31] for shift in (15, 10, 5, 0))
    own_id = f"{moment}-{letters}22222222"
    # What LogEntry writes, some forty times faster.
    return (
        f'{{"envelopeSha256":"{number:064x}","id":"{own_id}","kind":"capture","type":"https://sijill.org/log-entry/v1"}}'
    ).encode()


def build_log(root: Path, size: int) -> None:
    """A log as sealing leaves it, its tiles written directly."""
    edge, vkey, kind = RightEdge.empty(), canonical(SIGNER.verifier.vkey), canonical(BATCH_TYPE)
    if entry(7) != LogEntry("20261121t000000z-222b22222222", f"{7:064x}").data:
        raise SystemExit("not the form of an entry")
    while edge.size < size:
        start = edge.size
        entries = [entry(number) for number in range(start, min(start + BATCH, size))]
        record = b'{"entries":[%b],"key":%b,"start":%d,"type":%b}' % (b",".join(entries), vkey, start, kind)
        put(root, batch_key(start), record)
        for tile, data in edge.append(entries):
            put(root, tile.key, data)
        checkpoint = sign_checkpoint(Checkpoint(ORIGIN, edge.size, edge.root()), SIGNER)
        put(root, checkpoint_key(edge.size), checkpoint)
    put(root, CHECKPOINT, checkpoint)


def silent(*_: object) -> None:
    """Show nothing."""


def bench_log(root: Path) -> None:
    """Recompute a log of a million entries; make and check inclusion proofs in it."""
    build_log(root, ENTRIES)
    source, trust = open_source(root.as_uri()), TrustRoot((KEY.public,), (SIGNER.verifier,))
    begun = time.perf_counter()
    with opened_journal(None) as journal:
        head = find_checkpoints(journal, source, trust, silent)
        list_store(journal, source, silent)
        if head is None or head.size != ENTRIES:
            raise SystemExit("the log has no checkpoint of its size")
        check_log(journal, source, trust, head.size, since=ENTRIES // 3, jobs=1, show=silent)
        journal.index_entries()
        doubles = list(journal.doubles())
        if doubles or any(journal.findings(code, 1)[1] for code in ArchiveCode):
            raise SystemExit("the log does not hold")
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  log of {ENTRIES:,} recomputed from its tiles: {seconds:.1f} s, at most {peak:.0f} MB")
    reader = LogReader(source, SIGNER.verifier)
    places = [number * 7_919 % ENTRIES for number in range(200)]
    begun = time.perf_counter()
    proofs = [LogReader(source, SIGNER.verifier).proof(place, ENTRIES) for place in places]
    made = time.perf_counter()
    for place, proof in zip(places, proofs, strict=True):
        proof.checkpoint.verify(SIGNER.verifier)
        proof.verify(entry(place))
    checked = time.perf_counter()
    reader.check_root(ENTRIES)
    print(
        f"  inclusion proof in it: made in {(made - begun) / len(places) * 1e3:.2f} ms with nothing kept in memory, "
        f"checked in {(checked - made) / len(places) * 1e3:.2f} ms"
    )


def bench_archive(root: Path) -> None:
    """Audit an archive of 2,000 captures in full, beside sha256sum of the same files."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "vectors"))
    from archives import MemoryArchive
    from evidence import TRUST

    made = MemoryArchive()
    text = bytes(range(32, 127)) * (PAGE // 95 + 1)
    for number in range(CAPTURES):
        made.capture(number, html=text[number % 95 :][:PAGE])
        if (number + 1) % 100 == 0:
            made.seal()
    made.write(root)
    files = [path for path in root.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    print(f"  archive of {CAPTURES:,} captures: {len(files):,} files, {size / 1e6:.0f} MB")
    for jobs in (1, 2):
        begun = time.perf_counter()
        with opened_journal(None) as journal:
            report = audit(
                partial(open_source, root.as_uri()),
                TRUST,
                Plan("bench", jobs=jobs),
                journal=journal,
                clock=lambda: datetime.now(UTC),
                new_seed=lambda: "00",
                show=silent,
            )
        seconds = time.perf_counter() - begun
        if report.failed or report.counts.read != CAPTURES:
            raise SystemExit(f"the archive does not hold: {report.failed}")
        print(f"  audited in full by {jobs} {'process' if jobs == 1 else 'processes'}: {seconds:.1f} s")
    begun = time.perf_counter()
    command = ["xargs", "-0", "sha256sum"]
    subprocess.run(
        command, input=b"\0".join(str(path).encode() for path in files), stdout=subprocess.DEVNULL, check=True
    )
    print(f"  sha256sum of the same files: {time.perf_counter() - begun:.1f} s")


def main() -> None:
    """Run what is asked for, or both."""
    wanted = sys.argv[1:] or ["log", "archive"]
    for name, bench in (("log", bench_log), ("archive", bench_archive)):
        if name in wanted:
            with tempfile.TemporaryDirectory() as folder:
                bench(Path(folder))


if __name__ == "__main__":
    main()
