"""What Prefect adds to a crawl: the same site crawled bare and as a flow on a real server, in turns: make bench

The site has ten loopback hosts, served by a process of its own, politeness off. Both are timed within their process,
from the call to the sealed log, so that loading Prefect is told apart; the server's own CPU time is told, too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crawl import BIN, HOSTS, Served, serving

_SITE = """
[[sites]]
id = "bench"
name = "Bench"
start = [{starts}]
statements = ["/statements/**"]
[sites.limits]
pages = 20000
[sites.politeness]
delay_seconds = 0
concurrency = 32
"""
_BARE = """
import json, sys, time
from pathlib import Path
from sijill.flows import evidence
from sijill.flows.crawl.run import crawl_site
from sijill.flows.crawl.sites import read_sites
from sijill.flows.wiring import open_archive

settings = Path(sys.argv[1])
begun, cpu = time.perf_counter(), time.process_time()
archive = open_archive(settings)
[site] = read_sites(settings.parent / "sites.toml")
crawl_site(archive, site)
evidence.seal(archive)
print(json.dumps({"wall": time.perf_counter() - begun, "cpu": time.process_time() - cpu}))
"""
_FLOW = """
import json, sys, time
from sijill.flows.crawl.flow import crawl_site_flow

begun, cpu = time.perf_counter(), time.process_time()
state = crawl_site_flow("bench", config=sys.argv[1], return_state=True)
assert state.is_completed(), state
print(json.dumps({"wall": time.perf_counter() - begun, "cpu": time.process_time() - cpu}))
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one crawl took, in seconds."""

    wall: float
    cpu: float
    server: float = 0.0
    """CPU time of the Prefect server meanwhile."""


@contextmanager
def prefect_server(home: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """A Prefect server of its own: its process id and the environment that reaches it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    own = {"PREFECT_HOME": str(home), "PREFECT_API_URL": url, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    environment = {**os.environ, **own, "DO_NOT_TRACK": "1"}
    command = [BIN / "prefect", "server", "start", "--port", str(port), "--no-ui"]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        while True:
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=5):
                    break
            except OSError:
                if server.poll() is not None:
                    raise SystemExit((home / "server.log").read_text()) from None
                time.sleep(0.3)
        yield server.pid, environment
    finally:
        server.terminate()
        server.wait(60)


def cpu_of(pid: int) -> float:
    """CPU seconds of a process, of its living children, and of those that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_of(int(child)) for child in children)


def run(folder: Path, served: Served, pages: int, program: str, environment: dict[str, str], server: int) -> Cost:
    """One crawl into an archive of its own."""
    command = [BIN / "sijill", "init", folder, "--operator", "Bench", "--contact", "bench@sijill.example"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    settings = folder / "sijill.toml"
    text = settings.read_text(encoding="utf-8").replace("allow = []", 'allow = ["127.0.0.0/8"]')
    settings.write_text(text, encoding="utf-8")
    starts = ", ".join(f'"http://{host}:{served.port}/"' for host in HOSTS)
    (folder / "sites.toml").write_text(_SITE.format(starts=starts), encoding="utf-8")
    before = cpu_of(server)
    done = subprocess.run(
        [sys.executable, "-c", program, settings], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    told = json.loads(done.stdout.splitlines()[-1])
    captured = sum(1 for path in (folder / "store" / "captures").rglob("attestation.dsse.json"))
    if captured != pages:
        raise SystemExit(f"{captured} of {pages} pages were captured; see {folder}")
    shutil.rmtree(folder)
    return Cost(told["wall"], told["cpu"], cpu_of(server) - before)


def show(name: str, costs: list[Cost], pages: int) -> None:
    """One row of figures: medians and, of the time, the extremes."""
    walls = [cost.wall for cost in costs]
    print(
        f"  {name:5} wall {statistics.median(walls):6.1f} s ({min(walls):.1f} to {max(walls):.1f})   "
        f"cpu {statistics.median(cost.cpu for cost in costs):6.1f} s   "
        f"{pages / statistics.median(walls):5.1f} pages/s   "
        f"cpu of the server meanwhile {statistics.median(cost.server for cost in costs):.1f} s"
    )


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=1000, help="pages of all hosts together (default: 1000)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (default: 3)")
    arguments = parser.parse_args()
    # Ended from outside, it still ends the server.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with (
        tempfile.TemporaryDirectory() as scratch,
        tempfile.TemporaryDirectory() as home,
        serving(arguments.pages, 2) as served,
        prefect_server(Path(home)) as (server, environment),
    ):
        print(f"one site of {arguments.pages} pages, {served.urls} URLs, on {len(HOSTS)} hosts")
        bare: list[Cost] = []
        flow: list[Cost] = []
        for number in range(arguments.rounds):
            folder = Path(scratch) / f"{number}"
            bare.append(run(Path(f"{folder}-bare"), served, arguments.pages, _BARE, environment, server))
            flow.append(run(Path(f"{folder}-flow"), served, arguments.pages, _FLOW, environment, server))
        show("bare", bare, arguments.pages)
        show("flow", flow, arguments.pages)
        walls, cpus = (
            [getattr(with_, what) / getattr(without, what) - 1 for with_, without in zip(flow, bare, strict=True)]
            for what in ("wall", "cpu")
        )
        print(
            f"  Prefect adds {100 * statistics.median(walls):.1f}% of time "
            f"({100 * min(walls):.1f} to {100 * max(walls):.1f}), {100 * statistics.median(cpus):.1f}% of CPU"
        )


if __name__ == "__main__":
    main()
