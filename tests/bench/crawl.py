"""Speed, memory and size of `sijill crawl --all` beside `wget --recursive --page-requisites --warc-file`: make bench

Both fetch the same generated corpus from ten loopback hosts, in turns, politeness off, served by a process of its own.
URLs are the distinct ones of the corpus, robots.txt included, so that whoever asks twice for the same gains nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
HOSTS = tuple(f"127.0.0.{number}" for number in range(2, 12))
_SITE = """
[[sites]]
id = "host-{number}"
name = "Host {number}"
start = ["http://{host}:{port}/"]
statements = ["/statements/**"]
[sites.limits]
pages = 20000
[sites.politeness]
delay_seconds = 0
concurrency = 32
"""


@dataclass(frozen=True, slots=True)
class Served:
    """The corpus as it is being served."""

    port: int
    urls: int
    size: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What one crawl took, its children included: seconds, memory in MiB, bytes of WARC."""

    wall: float
    cpu: float
    together: float
    """Most memory of all its processes together, shared pages counted once (proportional set size)."""
    largest: float
    """Most resident memory of one process."""
    warc: int


@contextmanager
def serving(pages: int, shared: int) -> Iterator[Served]:
    """Serve the corpus from another process."""
    command = [sys.executable, HERE / "crawl_corpus.py", str(pages), str(shared)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            told = json.loads(process.stdout.readline())
            yield Served(told["port"], told["urls"], told["bytes"])
        finally:
            process.stdin.close()


def measure(
    command: Sequence[str | Path], cwd: Path, expected: Sequence[int] = (0,)
) -> tuple[float, float, float, float]:
    """Run `command` to its end: wall and CPU seconds, memory of all its processes together and of the largest."""
    begun = time.perf_counter()
    with (cwd / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, cwd=cwd, stdout=output, stderr=output)
    peak, over = 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.25):
            peak = max(peak, sum(_proportional(pid) for pid in _family(process.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    over.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = (cwd / "output.txt").read_text(errors="replace")[-2000:]
        raise SystemExit(f"{command[0]} ended with {process.returncode}:\n{tail}")
    return wall, usage.ru_utime + usage.ru_stime, peak, usage.ru_maxrss / 1024


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _family(int(child))
    except (FileNotFoundError, ProcessLookupError):
        return


def _proportional(pid: int) -> float:
    """MiB of a process; 0 if it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass
    return 0.0


def wget(folder: Path, served: Served) -> Cost:
    """One crawl by wget."""
    command = ["wget", "--quiet", "--recursive", "--level=inf", "--page-requisites", "--warc-file=peer"]
    folder.mkdir()
    costs = measure([*command, *(f"http://{host}:{served.port}/" for host in HOSTS)], folder)
    return Cost(*costs, (folder / "peer.warc.gz").stat().st_size)


def sijill(folder: Path, served: Served, options: Sequence[str], pages: int) -> Cost:
    """One crawl by sijill, into an archive of its own."""
    folder.mkdir()
    archive = folder / "archive"
    command = [BIN / "sijill", "init", archive, "--operator", "Bench", "--contact", "bench@sijill.example"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    settings = archive / "sijill.toml"
    text = settings.read_text(encoding="utf-8").replace("allow = []", 'allow = ["127.0.0.0/8"]')
    settings.write_text(text, encoding="utf-8")
    sites = (_SITE.format(number=number, host=host, port=served.port) for number, host in enumerate(HOSTS))
    (archive / "sites.toml").write_text("".join(sites), encoding="utf-8")
    costs = measure([BIN / "sijill", "--config", settings, "crawl", "--all", *options], folder)
    captured = sum(1 for path in (archive / "store" / "captures").rglob("attestation.dsse.json"))
    if captured != pages:
        raise SystemExit(f"{captured} of {pages} pages were captured; see {folder}")
    objects = (path for path in (archive / "store" / "objects").rglob("*") if path.is_file())
    return Cost(*costs, sum(size for size in (path.stat().st_size for path in objects if _is_warc(path))))


def _is_warc(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def show(name: str, costs: Sequence[Cost], served: Served) -> None:
    """One row of figures: the median and, of the speed, the extremes."""
    speeds = [served.urls / cost.wall for cost in costs]
    size = statistics.median(served.size / cost.wall for cost in costs) / 1e6
    together, largest = max(cost.together for cost in costs), max(cost.largest for cost in costs)
    print(
        f"  {name:8} {statistics.median(speeds):6.0f} URLs/s ({min(speeds):.0f} to {max(speeds):.0f})   "
        f"{size:5.1f} MB/s   wall {statistics.median(cost.wall for cost in costs):6.1f} s   "
        f"cpu {statistics.median(cost.cpu for cost in costs):6.1f} s   "
        f"memory {together:.0f} MiB, largest process {largest:.0f}   "
        f"WARC {costs[-1].warc / 1e6:.2f} MB"
    )


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=1000, help="pages of all hosts together (default: 1000)")
    parser.add_argument("--shared", type=int, default=2, choices=(0, 1, 2), help="files that all pages of a host share")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (default: 3)")
    parser.add_argument("--only", choices=("sijill", "wget"), help="leave the other out")
    parser.add_argument("options", nargs="*", help="for sijill crawl, after --")
    arguments = parser.parse_args()
    if arguments.pages % len(HOSTS):
        raise SystemExit(f"--pages: a multiple of {len(HOSTS)}")
    if shutil.which("wget") is None:
        raise SystemExit("wget is not installed: apt-get install wget")
    with tempfile.TemporaryDirectory() as scratch, serving(arguments.pages, arguments.shared) as served:
        print(
            f"{served.urls} URLs, {arguments.pages} pages among them, {served.size / 1e6:.0f} MB, on {len(HOSTS)} hosts"
        )
        ours: list[Cost] = []
        theirs: list[Cost] = []
        for number in range(arguments.rounds):
            folder = Path(scratch) / f"{number}"
            if arguments.only != "wget":
                ours.append(sijill(Path(f"{folder}-sijill"), served, arguments.options, arguments.pages))
                shutil.rmtree(f"{folder}-sijill")
            if arguments.only != "sijill":
                theirs.append(wget(Path(f"{folder}-wget"), served))
                shutil.rmtree(f"{folder}-wget")
        if ours:
            show("sijill", ours, served)
        if theirs:
            show("wget", theirs, served)
        if ours and theirs:
            ratios = [peer.wall / own.wall for own, peer in zip(ours, theirs, strict=True)]
            print(
                f"  sijill beside wget: {statistics.median(ratios):.2f} times the URLs/s "
                f"({min(ratios):.2f} to {max(ratios):.2f}); {ours[-1].warc / theirs[-1].warc:.3f} times the WARC bytes"
            )


if __name__ == "__main__":
    main()
