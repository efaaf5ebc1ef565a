"""Speed and memory of `sijill-verify` on a package with 1 GB of WARC, beside stock tools on that WARC: make bench

Two thirds of the exchanges are pages and scripts of about 100 KB, deflated; images of about 2 MB, stored as they are,
are the rest and most of the bytes. Tools take turns; the median of each and of the ratios within a turn is printed.
`warcio check` and `fastwarc check -p` compute a block and a payload digest of each record; `sijill-verify` these two,
those of each record and of the file that the index and the attestation state, and BLAKE3 of payloads and file.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "vectors"))

from captures import STARTED, capture  # noqa: E402
from evidence import ATTESTATION_KEY, LOG, TRUST, proof_of, signed, statement_of  # noqa: E402

from sijill.archive.capture.exchange import Capture, Exchange, Purpose  # noqa: E402
from sijill.archive.capture.spool import FileBody  # noqa: E402
from sijill.archive.digest import digest_bytes  # noqa: E402
from sijill.archive.warc.writer import write_capture  # noqa: E402
from sijill.archive.warc.zip_writer import write_zip  # noqa: E402
from sijill.provenance.package import evidence_package  # noqa: E402
from sijill.provenance.verify.trust import format_trust  # noqa: E402

BIN = Path(sys.executable).parent
TURNS = 3
TEXTS, TEXT_SIZE = 1_000, 100_000
IMAGES, IMAGE_SIZE = 500, 2_000_000
SEED = 20261121


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took: wall seconds, and the peak memory in MiB of its largest process and of all together."""

    wall: float
    largest: float
    together: float


@dataclass(frozen=True, slots=True)
class Made:
    """A response that is made anew whenever it is read."""

    head: bytes
    length: int
    texts: Sequence[bytes]
    """Empty if the body is an image."""
    seed: int

    @property
    def size(self) -> int:
        """Bytes of head and body."""
        return len(self.head) + self.length

    def body(self) -> bytes:
        """The body alone."""
        chance = random.Random(self.seed)
        if not self.texts:
            return chance.randbytes(self.length)
        return b"".join(chance.choices(self.texts, k=self.length // len(self.texts[0]) + 1))[: self.length]

    def open(self) -> BinaryIO:
        """A reader of head and body."""
        return io.BytesIO(self.head + self.body())


def paragraphs() -> list[bytes]:
    """Pieces of HTML of 4 KiB that deflate to about a third."""
    chance = random.Random(SEED)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 10))) for _ in range(5_000)]
    weights = [1 / place for place in range(1, len(words) + 1)]

    def paragraph() -> bytes:
        chosen = iter(chance.choices(words, weights, k=1_000))
        lines = iter(lambda: " ".join(itertools.islice(chosen, 14)), "")
        return "\n".join(f'<p class="{line[:4]}"><a href="/{line[:9]}">{line}</a></p>' for line in lines).encode()[
            :4096
        ]

    return [paragraph() for _ in range(2_000)]


def exchanges(base: Capture) -> Iterator[Exchange]:
    """The page, and all that it needs."""
    chance = random.Random(SEED)
    texts = paragraphs()
    model = base.exchanges[1]
    yield base.exchanges[0]
    kinds = ["text/html"] * TEXTS + ["image/jpeg"] * IMAGES
    chance.shuffle(kinds)
    for number, media_type in enumerate(["text/html", *kinds], start=2):
        text = media_type == "text/html"
        length = 1_000 + int((TEXT_SIZE if text else IMAGE_SIZE) * chance.lognormvariate(-0.125, 0.5))
        headers = (("Content-Type", media_type), ("Content-Length", str(length)))
        head = "HTTP/1.1 200 OK\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
        made = Made(head.encode(), length, texts if text else (), number)
        page = number == 2
        yield dataclasses.replace(
            model,
            number=number,
            url=model.url if page else f"{model.url}/{number}",
            purpose=Purpose.PAGE if page else Purpose.REQUISITE,
            via=None if page else model.url,
            started=STARTED + timedelta(milliseconds=number),
            ended=STARTED + timedelta(milliseconds=number + 50),
            response=dataclasses.replace(
                model.response, raw=made, head_size=len(made.head), headers=headers, payload=digest_bytes(made.body())
            ),
        )


def build(folder: Path) -> tuple[Path, Path, Path]:
    """Make package, trust root and WARC."""
    package, trust, warc = folder / "capture.wacz", folder / "trust.json", folder / "data.warc.gz"
    base = capture()
    made = dataclasses.replace(base, exchanges=tuple(exchanges(base)), ended=STARTED + timedelta(seconds=60))
    numbers = itertools.count(1)
    with warc.open("wb") as sink:
        written = write_capture(
            made,
            sink,
            new_id=lambda: f"urn:uuid:00000000-0000-4000-8000-{next(numbers):012x}",
            info={"software": "sijill"},
        )
    envelope = signed(statement_of(made, warc.read_bytes(), dict(written.records)))
    proof = proof_of(envelope, made.id)
    members = evidence_package(
        envelope=envelope,
        warc=FileBody(warc, written.digests.size),
        proof=proof,
        key=ATTESTATION_KEY.public,
        log=LOG.verifier,
    )
    with package.open("wb") as sink:
        write_zip(members, sink)
    trust.write_bytes(format_trust(TRUST))
    return package, trust, warc


def measure(command: Sequence[str | Path]) -> Cost:
    """Run `command` to its end, which must be a good one."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peaks: list[tuple[float, float]] = []
    watcher = threading.Thread(target=watch, args=(process, peaks))
    watcher.start()
    status = process.wait()
    wall = time.perf_counter() - begun
    watcher.join()
    if status:
        raise SystemExit(f"{command[0]} ended with {status}")
    return Cost(wall, *(max(column, default=0.0) for column in zip(*peaks, strict=True)))


def watch(process: subprocess.Popen[bytes], peaks: list[tuple[float, float]]) -> None:
    """Note what memory a process and those it started have, ten times a second (Linux)."""
    while process.poll() is None:
        sizes = [resident(each) for each in (process.pid, *started_by(process.pid))]
        peaks.append((max(sizes), sum(sizes)))
        time.sleep(0.1)


def started_by(process: int) -> list[int]:
    """The processes that `process` started."""
    found: list[int] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [int(each) for each in path.read_text().split()]
        except OSError:  # the thread has ended
            continue
    return found


def resident(process: int) -> float:
    """The memory of a process in MiB; 0 if it has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as scratch:
        package, trust, warc = build(Path(scratch))
        size = warc.stat().st_size / 1e6
        print(f"{size:,.0f} MB of WARC, {2 * (TEXTS + IMAGES):,} records, {len(os.sched_getaffinity(0))} processors")
        commands: dict[str, list[str | Path]] = {
            "sijill-verify": [BIN / "sijill-verify", package, "--trust", trust],
            "warcio check": [BIN / "warcio", "check", warc],
            "fastwarc check -p": [BIN / "fastwarc", "check", "--verify-payloads", "--quiet", warc],
        }
        turns = [{name: measure(command) for name, command in commands.items()} for _ in range(TURNS)]
        for name in commands:
            costs = [turn[name] for turn in turns]
            wall = statistics.median(cost.wall for cost in costs)
            ratio = statistics.median(turn[name].wall / turn["sijill-verify"].wall for turn in turns)
            print(
                f"  {name:18} {wall:7.2f} s  {size / wall:6.0f} MB/s  {ratio:5.2f} x the time of sijill-verify  "
                f"peak {max(cost.largest for cost in costs):.0f} MiB, "
                f"all processes {max(cost.together for cost in costs):.0f} MiB"
            )


if __name__ == "__main__":
    main()
