"""Speed of `verify.html` in Chromium beside `sijill-verify`, on the same package: tests/bench/verify_page.py [MB]

The package is that of `verify.py`, of 1,000 MB of WARC unless another size is given. They take turns; the median of
each and of the ratios within a turn is printed, with the longest time for which the page did not answer and the memory
of the largest process of the browser.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import verify
from playwright.sync_api import Browser, sync_playwright

PAGE = verify.ROOT / "provenance" / "verify.html"
TURNS = 3
HANG = 1_800_000

# The longest gap between two ticks is how long the page did not answer.
WATCH = """() => {
  globalThis.longest = 0;
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    globalThis.longest = Math.max(globalThis.longest, now - last);
    last = now;
  }, 10);
}"""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a verification in the browser took: wall seconds, the longest gap in seconds, and memory in MiB."""

    wall: float
    gap: float
    memory: float


def processes(browser: Browser) -> list[int]:
    """The ids of the browser's processes."""
    session = browser.new_browser_cdp_session()
    try:
        return [one["id"] for one in session.send("SystemInfo.getProcessInfo")["processInfo"]]
    finally:
        session.detach()


def show(browser: Browser, package: Path, trust: Path) -> Shown:
    """Verify `package` in a new page, which must find it good."""
    context = browser.new_context()
    context.set_offline(True)
    page = context.new_page()
    page.goto(PAGE.as_uri())
    page.set_input_files("#trust-file", trust)
    page.locator("#trust-state.good").wait_for()
    page.evaluate(WATCH)
    ended = threading.Event()
    peaks: list[float] = []
    watcher = threading.Thread(target=sample, args=(processes(browser), ended, peaks))
    watcher.start()
    begun = time.perf_counter()
    page.set_input_files("#package-files", package)
    page.locator(".verdict").wait_for(timeout=HANG)
    wall = time.perf_counter() - begun
    ended.set()
    watcher.join()
    if not page.locator(".verdict.good").count():
        raise SystemExit(page.locator(".verdict").inner_text())
    gap = page.evaluate("globalThis.longest")
    context.close()
    return Shown(wall, gap / 1_000, max(peaks, default=0.0))


def sample(ids: list[int], ended: threading.Event, peaks: list[float]) -> None:
    """Note what memory the largest of the processes has, ten times a second (Linux)."""
    while not ended.wait(0.1):
        peaks.append(max(verify.resident(one) for one in ids))


def main() -> None:
    """Build the package, take turns, print."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    verify.TEXTS, verify.IMAGES = verify.TEXTS * size // 1_000, verify.IMAGES * size // 1_000
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        package, trust, _ = verify.build(Path(name))
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        print(f"package of {package.stat().st_size / 1e6:,.0f} MB, Chromium {browser.version}, {TURNS} turns")
        terminal, shown = [], []
        for _ in range(TURNS):
            terminal.append(verify.measure([verify.BIN / "sijill-verify", package, "--trust", trust]))
            shown.append(show(browser, package, trust))
        browser.close()
    ratio = statistics.median(page.wall / command.wall for page, command in zip(shown, terminal, strict=True))
    print(f"sijill-verify  {statistics.median(one.wall for one in terminal):7.1f} s")
    print(f"verify.html    {statistics.median(one.wall for one in shown):7.1f} s, {ratio:.1f} times as long")
    print(f"               {max(one.gap for one in shown):7.2f} s was the longest that the page did not answer")
    print(f"               {max(one.memory for one in shown):7,.0f} MiB in the largest process of the browser")


if __name__ == "__main__":
    main()
