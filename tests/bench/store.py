"""Putting objects into a real S3 store, each read back with both digests, beside clients that do neither: make bench

2,000 objects of 20 KB and one of 1 GiB. Peers are the AWS command line and s5cmd, each if it is installed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sijill.archive.digest import digest_stream
from sijill.storage.open import open_store
from sijill.storage.store import Store

ROOT = Path(__file__).resolve().parents[2]
SMALL, SMALL_SIZE = 2_000, 20_000
LARGE = 1 << 30
WORKERS = 8


def put(store: Store, file: Path, key: str) -> None:
    """Put one file, as a capture does: digests first, then the bytes, read back and compared."""
    with file.open("rb") as source:
        digests = digest_stream(source)
    store.put(key, file, expected=digests)


def put_all(url: str, folder: Path) -> None:
    """Put every file of `folder` by several threads."""
    store = open_store(url, create=True)
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda file: put(store, file, f"objects/{file.name}"), sorted(folder.iterdir())))


def timed(name: str, command: list[str | Path], amount: float, unit: str) -> None:
    """Run a command and print what it took."""
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}")
    wall = time.perf_counter() - begun
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    print(f"  {name:32} {wall:7.2f} s  cpu {cpu:6.2f} s  {amount / wall:8.0f} {unit}  peak {peak:.0f} MiB")


def main() -> None:
    """Print all figures."""
    spec = importlib.util.spec_from_file_location("s3_server", ROOT / "deployments" / "s3" / "serve.py")
    server = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = server
    spec.loader.exec_module(server)
    if missing := server.missing_packages():
        raise SystemExit(f"no S3 server: sh deployments/s3/install.sh (Debian packages {' '.join(missing)})")
    aws, s5cmd = shutil.which("aws"), shutil.which("s5cmd")
    with tempfile.TemporaryDirectory() as scratch, server.serve_s3() as gateway:
        os.environ.update(gateway.user.environment)
        gateway.make_bucket("bench", server.BucketKind.VERSIONED)
        for name, count, size in (("small", SMALL, SMALL_SIZE), ("large", 1, LARGE)):
            folder = Path(scratch) / name
            folder.mkdir()
            for number in range(count):
                with (folder / f"{number:05}").open("wb") as file:
                    for piece in range(0, size, 1 << 20):
                        file.write(os.urandom(min(1 << 20, size - piece)))
            amount, unit = (count, "objects/s") if count > 1 else (size / 1e6, "MB/s")
            print(f"{count} objects of {size:,} bytes" if count > 1 else f"one object of {size:,} bytes")
            for turn in range(3):
                ours = [sys.executable, __file__, gateway.store_url("bench", f"{name}-{turn}"), folder]
                timed("sijill, read back, both digests", ours, amount, unit)
                at = ["--endpoint-url", gateway.endpoint]
                if aws:
                    there = f"s3://bench/aws-{name}-{turn}"
                    command = [aws, *at, "s3", "cp", "--recursive", "--quiet", folder, there]
                    timed("aws s3 cp --recursive", command, amount, unit)
                if s5cmd:
                    there = f"s3://bench/s5cmd-{name}-{turn}/"
                    timed("s5cmd cp", [s5cmd, *at, "cp", f"{folder}/*", there], amount, unit)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        put_all(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
