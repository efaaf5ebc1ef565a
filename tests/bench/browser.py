"""Browser captures beside bare Chromium's `--screenshot --print-to-pdf` of the same page, in the same run: make bench

    python tests/bench/browser.py [--rounds N] [--pages N] [--leaks N]

Ours is the whole way: screenshot, caption, PDF, DOM, text, WARC, digests, attestation, store, log and package. Prints a
capture in a process of its own, without and with the quality check, then pages in one browser, then the processes that
are left after many captures.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sijill.archive.capture.browser.chromium import find_chromium, open_browser
from sijill.flows.evidence import archive_url, seal
from sijill.flows.export import export_package
from sijill.flows.wiring import open_archive

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PAGE = "/2024/11/12/joint-statement-keep-the-records-of-zarqun/"


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description="browser captures beside bare Chromium")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--leaks", type=int, default=50)
    options = parser.parse_args()
    chromium = find_chromium(None)
    spec = importlib.util.spec_from_file_location("serve", ROOT / "deployments" / "demo" / "serve.py")
    serve = importlib.util.module_from_spec(spec)
    sys.modules["serve"] = serve
    spec.loader.exec_module(serve)
    with tempfile.TemporaryDirectory() as scratch, serve.serve_sites() as sites:
        folder = Path(scratch)
        settings = _archive(folder / "archive", sites.pins, quality=False)
        url = sites.url("sahlandoc.example", PAGE)
        checked = _archive(folder / "checked", sites.pins, quality=True)
        bare, cold, with_check = [], [], []
        for number in range(options.rounds):
            bare.append(_bare(chromium, url, folder / f"profile-{number}"))
            cold.append(_cold(settings, url, folder / "packages"))
            with_check.append(_cold(checked, url, folder / "packages"))
        _show("bare Chromium, picture and PDF", bare)
        _show("capture --browser --export", cold)
        _show("the same with the quality check", with_check)
        print(f"  ratio without the check {statistics.median(cold) / statistics.median(bare):.2f}  (aim: under 2)\n")
        _in_one_browser(settings, url, options.pages, folder)
        _leaks(checked, url, options.leaks)


def _archive(folder: Path, pins: dict[str, str], *, quality: bool) -> Path:
    command = [BIN / "sijill", "init", folder, "--operator", "Bench", "--contact", "bench@sijill.example"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    settings = folder / "sijill.toml"
    text = settings.read_text(encoding="utf-8").replace("allow = []", 'allow = ["127.0.0.0/8"]')
    lines = "".join(f'"{name}" = "{address}"\n' for name, address in pins.items())
    text = text.replace("quality = true", f"quality = {str(quality).lower()}", 1)
    settings.write_text(text.replace("[network.pins]", "[network.pins]\n" + lines, 1), encoding="utf-8")
    return settings


def _bare(chromium: Path | str, url: str, profile: Path) -> float:
    command = [
        chromium,
        "--headless",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        "--host-resolver-rules=MAP * 127.0.0.1",
        f"--user-data-dir={profile}",
        f"--screenshot={profile}.png",
        f"--print-to-pdf={profile}.pdf",
        "--window-size=1280,900",
        url,
    ]
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took = time.perf_counter() - begun
    shutil.rmtree(profile, ignore_errors=True)
    return took


def _cold(settings: Path, url: str, packages: Path) -> float:
    begun = time.perf_counter()
    command = [BIN / "sijill", "--config", settings, "capture", "--browser", "--export", packages, "--json", url]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


def _in_one_browser(settings: Path, url: str, pages: int, folder: Path) -> None:
    """Each page with its package."""
    archive = open_archive(settings)
    took = []
    with open_browser(archive.browser_settings) as browser:
        for _ in range(pages + 1):
            begun = time.perf_counter()
            archived = archive_url(archive, url, browser=browser)
            seal(archive)
            export_package(archive, archived.capture.id, folder / "one.wacz")
            took.append(time.perf_counter() - begun)
    print(f"  first page in a browser {took[0]:.3f} s")
    _show(f"each of {pages} more (aim: under 1.0)", took[1:])


def _leaks(settings: Path, url: str, captures: int) -> None:
    archive = open_archive(settings)
    with open_browser(archive.browser_settings) as browser:
        for _ in range(captures):
            archive_url(archive, url, browser=browser)
    left = subprocess.run(["ps", "--ppid", str(os.getpid()), "-o", "comm="], stdout=subprocess.PIPE, text=True)
    names = [name for name in left.stdout.split() if name != "ps"]
    chromiums = subprocess.run(["pgrep", "-c", "chromium"], stdout=subprocess.PIPE, text=True).stdout.strip()
    print(f"  after {captures} captures: own children left: {names or 'none'}; Chromiums on this machine: {chromiums}")


def _show(name: str, seconds: Sequence[float]) -> None:
    print(f"  {name:40} {statistics.median(seconds):.3f} s ({min(seconds):.3f} to {max(seconds):.3f})")


if __name__ == "__main__":
    main()
