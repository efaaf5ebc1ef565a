"""Speed and memory of `sijill capture` beside peers, in pairs within one run: make bench

Prints the median, minimum and maximum of each figure. Whole processes are timed, from start to exit.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
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

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
RUNS = 9
LARGE = 500 << 20
PAGE = "/2024/11/12/joint-statement-keep-the-records-of-zarqun/"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took: wall seconds, CPU seconds, and its peak memory in MiB."""

    wall: float
    cpu: float
    peak: float


def measure(command: Sequence[str | Path], cwd: Path) -> Cost:
    """Run `command` to its end."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 8):  # wget: 8 is an error response of the server
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def pair(name: str, ours: Sequence[str | Path], peer_name: str, peer: Sequence[str | Path], cwd: Path) -> None:
    """Time two commands in turn and print both with their difference and ratio."""
    measure(ours, cwd), measure(peer, cwd)
    costs = [(measure(ours, cwd), measure(peer, cwd)) for _ in range(RUNS)]
    show(name, [one for one, _ in costs])
    show(peer_name, [other for _, other in costs])
    differences = [one.wall - other.wall for one, other in costs]
    ratios = [one.wall / other.wall for one, other in costs]
    print(f"  difference of pairs {_spread(differences)} s; ratio {_spread(ratios)}\n")


def show(name: str, costs: Sequence[Cost]) -> None:
    """One row of figures."""
    wall, cpu = _spread([cost.wall for cost in costs]), _spread([cost.cpu for cost in costs])
    print(f"  {name:34} wall {wall} s   cpu {cpu} s   peak {max(cost.peak for cost in costs):.0f} MiB")


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


@contextmanager
def large_body(size: int) -> Iterator[str]:
    """Serve one body of `size` bytes on loopback, as often as asked; yields its URL."""
    block = os.urandom(1 << 20)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    head = f"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {size}\r\n\r\n"
                    connection.sendall(head.encode())
                    for _ in range(size // len(block)):
                        connection.sendall(block)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/large.mp4"


def archive(folder: Path, pins: dict[str, str]) -> Path:
    """A fresh archive that may reach loopback; returns its settings file."""
    subprocess.run(
        [BIN / "sijill", "init", folder, "--operator", "Bench", "--contact", "bench@sijill.example"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    settings = folder / "sijill.toml"
    text = settings.read_text(encoding="utf-8").replace("allow = []", 'allow = ["127.0.0.0/8"]')
    lines = "".join(f'"{name}" = "{address}"\n' for name, address in pins.items())
    settings.write_text(text.replace("[network.pins]", "[network.pins]\n" + lines, 1), encoding="utf-8")
    return settings


def main() -> None:
    """Print all figures."""
    wget = shutil.which("wget")
    if wget is None:
        raise SystemExit("wget is not installed: apt-get install wget")
    spec = importlib.util.spec_from_file_location("serve", ROOT / "deployments" / "demo" / "serve.py")
    serve = importlib.util.module_from_spec(spec)
    sys.modules["serve"] = serve
    spec.loader.exec_module(serve)
    with tempfile.TemporaryDirectory() as scratch, serve.serve_sites() as sites:
        folder = Path(scratch)
        settings = archive(folder / "archive", sites.pins)
        sijill = [BIN / "sijill", "--config", settings, "capture", "--json"]

        print("start-up: sijill --version beside an interpreter that imports requests")
        pair(
            "sijill --version",
            [BIN / "sijill", "--version"],
            "python -c 'import requests'",
            [sys.executable, "-c", "import requests"],
            folder,
        )

        print("a cold capture of a sample page with its requisites, from process start to sealed log")
        # wget cannot be told where a host is, so that both fetch by the proxy-free loopback address and Host header.
        url = sites.url("sahlandoc.example", PAGE)
        direct = f"http://127.0.0.1:{sites.port}{PAGE}"
        peer = [
            wget,
            "--quiet",
            "--page-requisites",
            "--header",
            f"Host: sahlandoc.example:{sites.port}",
            "--warc-file",
            "peer",
            "--directory-prefix",
            "peer",
            "--execute",
            "robots=off",
            direct,
        ]
        pair("sijill capture", [*sijill, url], "wget --page-requisites --warc-file", peer, folder)

        print(f"one body of {LARGE >> 20} MiB")
        with large_body(LARGE) as large:
            plain = [wget, "--quiet", "--warc-file", "large", "--output-document", "/dev/null", large]
            show("sijill capture", [measure([*sijill, large], folder)])
            show("wget --warc-file", [measure(plain, folder)])


if __name__ == "__main__":
    main()
