"""A real archive of the bundled sites and of hostile pages, and its replay server on a real socket."""

import contextlib
import importlib.util
import json
import socket
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import uvicorn

from sijill.archive.capture.browser.chromium import open_browser
from sijill.flows import evidence
from sijill.flows.errors import UnknownCapture
from sijill.flows.init import initialise
from sijill.flows.stored_captures import load_capture
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.envelope import parse_envelope
from sijill.storage.errors import NotFound
from sijill.storage.layout import object_key
from sijill.viewer.errors import NotHere
from sijill.viewer.replay.addresses import Passes, ReplayLinks
from sijill.viewer.replay.app import ReplayApp, ReplaySettings
from sijill.viewer.source import StoredEnvelope

ROOT = Path(__file__).resolve().parents[3]
KEY = bytes(range(32))


class StoreSource:
    """What the replay server asks of an archive, and nothing else."""

    def __init__(self, archive):
        self.archive = archive

    def envelope(self, capture_id):
        try:
            found = load_capture(self.archive, capture_id)
        except UnknownCapture as err:
            raise NotHere(capture_id) from err
        signed = parse_envelope(found.envelope).verified_by(self.archive.attestation_keys)
        return StoredEnvelope(capture_id, found.envelope, found.statement, tuple(signed), found.leaf_index)

    @contextlib.contextmanager
    def open_object(self, sha256):
        try:
            with self.archive.store.open(object_key(sha256)) as source:
                yield source
        except NotFound as err:
            raise NotHere(sha256) from err


def make_archive(folder, pins=()):
    settings = initialise(folder, operator="Test archive", contact="test@sijill.example", store="./store").settings
    text = settings.read_text(encoding="utf-8").replace("allow = []", 'allow = ["127.0.0.0/8"]')
    lines = "".join(f"{json.dumps(name)} = {json.dumps(address)}\n" for name, address in dict(pins).items())
    settings.write_text(text.replace("[network.pins]", "[network.pins]\n" + lines, 1), encoding="utf-8")
    return open_archive(settings)


@pytest.fixture(scope="session")
def demo_sites():
    path = ROOT / "deployments" / "demo" / "serve.py"
    spec = importlib.util.spec_from_file_location("replay_demo_sites", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    with module.serve_sites() as served:
        yield served


@dataclass
class Page:
    """What a server of a test answers at a path."""

    body: bytes
    headers: tuple = (("Content-Type", "text/html; charset=utf-8"),)
    status: int = 200


class Website:
    """A server whose pages a test writes; `url` gives the address of a path."""

    def __init__(self):
        self.pages = {}
        self.posted = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.answer(site.pages.get(self.path))

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer(site.posted.get(self.path))

            def answer(self, page):
                page = page or Page(b"no such page", status=404)
                self.send_response(page.status)
                for name, value in page.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(page.body)))
                self.end_headers()
                self.wfile.write(page.body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"

    def url(self, path):
        return self.origin + path

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def website():
    made = Website()
    yield made
    made.close()


@contextlib.contextmanager
def serving(app, listener):
    """Run an ASGI application on a socket that listens, until left."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()


def listening():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@dataclass
class Served:
    """A replay server and what its viewer would know."""

    origin: str
    links: ReplayLinks
    viewer: str


@contextlib.contextmanager
def replay_server(source, *, viewer="http://127.0.0.1:1", admits=None):
    listener, origin = listening()
    passes = Passes(KEY)
    settings = ReplaySettings(frozenset({origin.removeprefix("http://")}), viewer, admits)
    with serving(ReplayApp(source, settings, passes), listener):
        yield Served(origin, ReplayLinks(origin, passes), viewer)


@pytest.fixture
def archived(tmp_path):
    """`archived(*urls)` captures pages without a browser; gives the archive's source and the captures."""
    archive = make_archive(tmp_path / "archive")
    source = StoreSource(archive)

    def capture(*urls, browser=None):
        made = [evidence.archive_url(archive, url, browser=browser).capture for url in urls]
        return archive, source, made

    return capture


@pytest.fixture(scope="session")
def capturing(tool):
    """The browser that captures."""
    tool("chromium", "chromium")
    with open_browser() as made:
        yield made
