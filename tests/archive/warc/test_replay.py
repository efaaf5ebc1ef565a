"""pywb replays page and image, found through its own index of the WARC and through ours in the WACZ."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PYWB = (sys.executable, "-W", "ignore", str(Path(__file__).with_name("pywb_process.py")))


def manage(folder: Path, *args: str | Path) -> None:
    done = subprocess.run([*PYWB, "wb-manager", *args], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(port: int, path: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


@pytest.fixture
def pywb(tmp_path: Path, warc_path: Path, wacz_path: Path) -> Iterator[int]:
    """The port of a pywb that serves the collections `fromwarc` and `fromwacz`."""
    folder = tmp_path / "pywb"
    folder.mkdir()
    manage(folder, "init", "fromwarc")
    manage(folder, "add", "fromwarc", warc_path)
    manage(folder, "init", "fromwacz")
    manage(folder, "add", "--unpack-wacz", "fromwacz", wacz_path)
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*PYWB, "wayback", "-b", "127.0.0.1", "-p", str(port), "-d", folder], stdout=log, stderr=log, cwd=folder
        )
    try:
        _wait(port, process, folder / "log")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(log.read_text())


def test_page_and_image_come_back(pywb, site):
    for collection in ("fromwarc", "fromwacz"):
        status, headers, body = get(pywb, f"/{collection}/20261121011630id_/{site.page_url}")
        assert (status, body) == (200, site.html)
        assert headers["Memento-Datetime"] == "Sat, 21 Nov 2026 01:16:30 GMT"
        status, headers, body = get(pywb, f"/{collection}/mp_/{site.png_url}")
        assert (status, headers["Content-Type"], body) == (200, "image/png", site.png)
        status, headers, _ = get(pywb, f"/{collection}/20261121011630mp_/http://site.example/en/statement")
        assert status == 301
        assert headers["Location"].endswith(site.page_url)
        status, _, body = get(pywb, f"/{collection}/mp_/https://site.example/missing.js")
        assert (status, body) == (404, b"not here")
        assert get(pywb, f"/{collection}/mp_/https://site.example/never")[0] == 404
