"""What runs a browser, begun before the browser is known."""

import asyncio
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from sijill.archive.capture.browser.chromium import open_browser
from sijill.archive.capture.browser.driver import Driver
from sijill.archive.capture.browser.rendering import BrowserSettings
from sijill.archive.errors import BrowserUnavailable


def drivers():
    """Playwright's drivers that this process started and that run."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    children = [pid for task in tasks for pid in task.read_text().split()]
    return [pid for pid in children if b"run-driver" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_what_nobody_takes_ends_with_it():
    before, threads = drivers(), threading.active_count()
    with Driver() as driver:
        driver.begin()
        driver.begin()
        driver.submit(asyncio.sleep(0)).result()
    driver.close()
    assert drivers() == before
    assert threading.active_count() <= threads
    Driver().close()


def test_the_browser_takes_what_was_begun_and_ends_it(chromium):
    before = drivers()
    driver = Driver()
    driver.begin()
    with open_browser(behaviour=object(), driver=driver) as browser:
        assert browser.start().result().usable
        [ours] = set(drivers()) - set(before)
    assert ours not in drivers()
    assert drivers() == before


def test_what_was_begun_ends_with_a_browser_that_does_not_start(tmp_path):
    before = drivers()
    driver = Driver()
    driver.begin()
    settings = BrowserSettings(executable=tmp_path)
    with (
        open_browser(settings, behaviour=object(), driver=driver) as browser,
        pytest.raises(BrowserUnavailable, match="not a program"),
    ):
        browser.start().result()
    assert drivers() == before


def test_a_driver_that_is_killed_while_it_starts(chromium):
    before = drivers()
    driver = Driver()
    driver.begin()
    until = time.monotonic() + 30
    while not (begun := set(drivers()) - set(before)) and time.monotonic() < until:
        time.sleep(0.005)
    for pid in begun:
        os.kill(int(pid), signal.SIGKILL)
    with (
        open_browser(behaviour=object(), driver=driver) as browser,
        pytest.raises(BrowserUnavailable, match="does not start"),
    ):
        browser.start().result()
    assert drivers() == before


def test_a_driver_that_nobody_takes_is_killed_while_it_starts():
    before = drivers()
    with Driver() as driver:
        driver.begin()
        until = time.monotonic() + 30
        while not (begun := set(drivers()) - set(before)) and time.monotonic() < until:
            time.sleep(0.005)
        for pid in begun:
            os.kill(int(pid), signal.SIGINT)
    assert drivers() == before
