"""Printing a page of ours to PDF with the system's Chromium, in a process of its own that has no network."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from sijill.flows.errors import BrowserMissing, PdfNotMade

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_TAIL = 1024
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pdf-header-footer",
    # No name resolves, and what needs none goes to a proxy that is not there.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
)


def find_browser(search_path: str | None = None) -> str:
    """The path of an installed Chromium.

    Args:
        search_path: folders to look in, as PATH has them; PATH itself if None.

    Raises:
        BrowserMissing: there is none.
    """
    for name in _NAMES:
        if (found := shutil.which(name, path=search_path)) is not None:
            return found
    raise BrowserMissing(
        "a PDF needs Chromium, which is not installed: apt-get install chromium (or write HTML, and print that)"
    )


def print_pdf(page: Path, pdf: Path, *, browser: str, seconds: float = 180.0) -> None:
    """Print the HTML file `page` to `pdf`. No process outlives the call, and nothing but `pdf` is left.

    Args:
        page: the page.
        pdf: what to write.
        browser: the path of Chromium.
        seconds: how long it may take.

    Raises:
        PdfNotMade: the browser cannot be run, took too long, failed, or wrote no whole PDF.
    """
    # Chromium's sandbox does not work for root.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    # Not beside the page: Chromium puts a socket there, whose path may have 107 characters and no more.
    with tempfile.TemporaryDirectory(prefix="sijill-", ignore_cleanup_errors=True) as home:
        command = [
            *(browser, *_FLAGS, *sandbox),
            f"--user-data-dir={home}/profile",
            f"--print-to-pdf={pdf.absolute()}",
            page.absolute().as_uri(),
        ]
        log = Path(home, "log")
        with log.open("wb") as output:
            status = _run(command, home, output.fileno(), seconds)
        if status is None:
            raise PdfNotMade(f"{browser}: no PDF after {seconds:g} s")
        if status != 0 or not _is_whole(pdf):
            raise PdfNotMade(f"{browser}: printed no PDF (status {status}){_last_line(log)}")


def _run(command: list[str], home: str, output: int, seconds: float) -> int | None:
    """The exit status, or None if it took too long. Whatever is left of the process's group is killed."""
    homes = dict.fromkeys(("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"), home)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **homes},
            start_new_session=True,
        )
    except OSError as err:
        raise PdfNotMade(f"{command[0]}: {err.strerror}") from err
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_whole(pdf: Path) -> bool:
    try:
        with pdf.open("rb") as file:
            begins = file.read(5) == b"%PDF-"
            file.seek(max(0, pdf.stat().st_size - _TAIL))
            return begins and b"%%EOF" in file.read()
    except FileNotFoundError:
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return f": {lines[-1][:300]}" if lines else ""
