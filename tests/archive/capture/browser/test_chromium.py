"""A browser that crashes, hangs or takes too much: the capture keeps what there is, and the next one is whole."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sijill.archive.capture.browser.chromium import find_chromium
from sijill.archive.capture.browser.process import ProcessGroup
from sijill.archive.capture.exchange import Limits, Outcome
from sijill.archive.errors import BrowserUnavailable

LIMITS = Limits(exchange_seconds=10, capture_seconds=60)
ENDLESS = "<p>here<img src=/i.png><script>onload = () => setTimeout(() => { for (;;); }, 50)</script>"
GREEDY = """<p>here<script>
const kept = [];
onload = () => setInterval(() => { const a = new Uint8Array(64 << 20); a.fill(1); kept.push(a); }, 10)</script>"""


@pytest.fixture
def pages(serve, wire):
    return serve(
        {
            "/": wire.page("<p>whole<img src=/i.png>"),
            "/endless": wire.page(ENDLESS),
            "/greedy": wire.page(GREEDY),
            "/i.png": wire.response(),
            "/favicon.ico": wire.response(),
        }
    )


def processes(browser):
    """What runs for a browser."""
    return browser.start().result().group


def is_whole(capture):
    return capture.outcome is Outcome.COMPLETE and "whole" in capture.rendering.file("dom.html").body.content.decode()


def left_in(folder):
    return sorted(p.name for p in Path(folder).iterdir())


def test_a_crash_leaves_what_was_fetched(opened, capture, pages, quietly):
    class Crash(quietly):
        async def take_results(self, page, cdp, showing):
            await super().take_results(page, cdp, showing)
            if page.url.endswith("/?crash"):
                await cdp.send("Page.crash")

    browser = opened(Crash())
    first = processes(browser)
    pages.routes["/?crash"] = pages.routes["/"]
    made = capture(pages.url("/?crash"), browser=browser, limits=LIMITS)
    assert made.outcome is Outcome.PARTIAL
    assert any("crashed" in reason for reason in made.reasons), made.reasons
    assert made.page is not None
    assert made.rendering.file("dom.html") is not None
    assert first.members() == []
    assert is_whole(capture(pages.url(), browser=browser, limits=LIMITS))
    assert processes(browser).id != first.id


def test_a_browser_that_is_killed_between_two_pages(opened, capture, pages):
    browser = opened()
    assert is_whole(capture(pages.url(), browser=browser, limits=LIMITS))
    processes(browser).kill()
    assert is_whole(capture(pages.url(), browser=browser, limits=LIMITS))


def test_a_browser_that_is_killed_while_it_shows(opened, capture, pages, quietly):
    class Killed(quietly):
        async def settle(self, page, cdp, showing):
            if page.url.endswith("?kill"):
                await asyncio.to_thread(group.kill)
            return await super().settle(page, cdp, showing)

    browser = opened(Killed())
    group = processes(browser)
    pages.routes["/?kill"] = pages.routes["/"]
    made = capture(pages.url("/?kill"), browser=browser, limits=LIMITS)
    assert made.outcome is Outcome.PARTIAL
    assert any("the browser: " in reason and "crashed" in reason for reason in made.reasons), made.reasons
    assert {e.url.rpartition("/")[2] for e in made.exchanges} >= {"?kill", "i.png"}
    assert is_whole(capture(pages.url(), browser=browser, limits=LIMITS))


def test_a_page_whose_scripts_never_end(opened, capture, pages, quietly):
    browser = opened(quietly(0.6), settle_seconds=2.0)
    first = processes(browser)
    made = capture(pages.url("/endless"), browser=browser, limits=LIMITS)
    assert made.outcome is Outcome.PARTIAL
    assert any("does not answer" in reason for reason in made.reasons), made.reasons
    assert {e.url.rpartition("/")[2] for e in made.exchanges} >= {"endless", "i.png"}
    assert first.members() == []
    assert is_whole(capture(pages.url(), browser=browser, limits=LIMITS))


def test_the_time_of_the_capture_holds_for_the_browser(opened, capture, pages, quietly):
    class Never(quietly):
        async def settle(self, page, cdp, showing):
            await asyncio.sleep(3600)

    browser = opened(Never())
    browser.start().result()
    made = capture(pages.url(), browser=browser, limits=replace(LIMITS, capture_seconds=4))
    assert made.outcome is Outcome.PARTIAL
    assert any("time was over" in reason for reason in made.reasons), made.reasons


def test_a_page_that_takes_more_memory_than_it_may(opened, capture, pages, quietly):
    most = 900 << 20
    browser = opened(quietly(30), memory_bytes=most)
    first = processes(browser)
    made = capture(pages.url("/greedy"), browser=browser, limits=LIMITS)
    assert made.outcome is Outcome.PARTIAL
    assert any(f"more than {most} bytes of memory" in r or "the page crashed" in r for r in made.reasons), made.reasons
    assert first.members() == []
    assert first.memory() == 0


def test_nothing_is_left_behind(opened, capture, pages, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = threading.active_count()
    browser = opened()
    group = processes(browser)
    for _ in range(3):
        assert is_whole(capture(pages.url(), browser=browser, limits=LIMITS))
    assert len(group.members()) > 2
    assert group.memory() > 10 << 20
    group.kill()
    browser.close()
    assert group.members() == []
    assert [name for name in left_in(tmp_path) if name.startswith(("sijill", "playwright", ".org.chromium"))] == []
    assert threading.active_count() <= before


def test_a_program_that_ends_without_closing_leaves_no_browser(chromium):
    program = """
import sys
from sijill.archive.capture.browser.chromium import open_browser
browser = open_browser(behaviour=object())
print(browser.start().result().group.id, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        group = ProcessGroup(int(running.stdout.readline()))
        assert group.members()
        running.kill()
    until = time.monotonic() + 30
    while group.members() and time.monotonic() < until:
        time.sleep(0.1)
    assert group.members() == []


def test_a_capture_that_is_called_off(opened, capture, pages, quietly):
    begun = threading.Event()

    class Never(quietly):
        async def settle(self, page, cdp, showing):
            begun.set()
            await asyncio.sleep(3600)

    browser = opened(Never())

    def call_off():
        begun.wait(60)
        browser.call_off()

    threading.Thread(target=call_off, daemon=True).start()
    made = capture(pages.url(), browser=browser, limits=LIMITS)
    assert made.rendering is None
    assert "called off" in made.browser_fallback


def test_facts_of_the_browser(opened, capture, pages):
    browser = opened()
    facts = capture(pages.url(), browser=browser, limits=LIMITS).rendering.browser
    assert facts.name == "Chromium"
    assert facts.version.split(".")[0].isdigit()
    assert facts.sandboxed is (os.geteuid() != 0)
    assert facts.user_agent == "test"


def test_a_program_that_is_no_browser(opened, tmp_path, serve, capture):
    from sijill.archive.capture.browser.chromium import open_browser
    from sijill.archive.capture.browser.rendering import BrowserSettings

    impostor = tmp_path / "chromium"
    impostor.write_text("#!/bin/sh\nexit 1\n")
    impostor.chmod(0o755)
    with (
        open_browser(BrowserSettings(executable=impostor), behaviour=object()) as browser,
        pytest.raises(BrowserUnavailable, match="does not start"),
    ):
        capture("http://127.0.0.1:9/", browser=browser, limits=LIMITS)
    with pytest.raises(BrowserUnavailable, match="not a program"):
        find_chromium(tmp_path)
