"""A real Chromium for the tests of how it is used; what is done with pages is small here."""

import asyncio
import contextlib
import socket
import threading
from datetime import UTC, datetime

import pytest

from sijill.archive.capture.browser.chromium import open_browser
from sijill.archive.capture.browser.rendering import BrowserLimits, BrowserSettings, RenderingFile, Waiting
from sijill.archive.capture.spool import MemoryBody


class Quietly:
    """Waits until nothing was in flight for a while, and keeps the document."""

    def __init__(self, quiet=0.3):
        self.quiet = quiet

    async def prepare(self, page, cdp, showing):
        return

    async def settle(self, page, cdp, showing):
        while showing.traffic.quiet_seconds < self.quiet:
            await asyncio.sleep(0.02)
        await page.evaluate("document.readyState")
        return Waiting((("ended", "done"),))

    async def take_results(self, page, cdp, showing):
        dom = (await page.content()).encode()
        showing.results.files.append(RenderingFile("dom.html", "text/html", MemoryBody(dom), datetime.now(UTC)))


class Forbidden:
    """Listens at an address and port, for TCP and UDP, and keeps what comes: nothing may."""

    def __init__(self, address, port=0):
        self.reached = []
        self._tcp = socket.create_server((address, port))
        self.address, self.port = self._tcp.getsockname()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((address, self.port))
        for listen in (self._accept, self._receive):
            threading.Thread(target=listen, daemon=True).start()

    def close(self):
        for each in (self._tcp, self._udp):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self):
        while True:
            try:
                connection, peer = self._tcp.accept()
            except OSError:
                return
            connection.settimeout(5)
            try:
                self.reached.append(("tcp", peer, connection.recv(4096)))
            except OSError as err:
                self.reached.append(("tcp", peer, err))
            connection.close()

    def _receive(self):
        while True:
            try:
                data, peer = self._udp.recvfrom(4096)
            except OSError:
                return
            if not data:
                return
            self.reached.append(("udp", peer, data))


@pytest.fixture
def forbidden():
    """`forbidden(address, port)` listens where nothing may arrive."""
    listening = []

    def start(address, port=0):
        listening.append(Forbidden(address, port))
        return listening[-1]

    yield start
    for each in listening:
        each.close()


@pytest.fixture(scope="session")
def chromium(tool):
    return tool("chromium", "chromium")


@pytest.fixture
def opened(chromium):
    """`opened(behaviour, **limits)` is a browser of its own, closed when the test ends."""
    browsers = []

    def start(behaviour=None, **limits):
        settings = BrowserSettings(limits=BrowserLimits(**limits))
        browsers.append(open_browser(settings, behaviour or Quietly()))
        return browsers[-1]

    yield start
    for browser in browsers:
        browser.close()


@pytest.fixture(scope="session")
def browser(chromium):
    """A browser that tests share."""
    with open_browser(behaviour=Quietly()) as made:
        yield made


@pytest.fixture(scope="session")
def quietly():
    return Quietly
