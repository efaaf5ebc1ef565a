"""A real archive with pages that changed, and the API over it on a real socket."""

import contextlib
import http.client
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import FastAPI

from sijill.archive.capture.exchange import Outcome
from sijill.flows import evidence
from sijill.flows.init import initialise
from sijill.flows.reading.catalog import open_current
from sijill.flows.reading.making import read_captures
from sijill.flows.viewing.source import ViewedArchive
from sijill.flows.wiring import open_archive
from sijill.viewer.api.router import router_for
from sijill.viewer.replay.addresses import Passes, ReplayLinks
from sijill.viewer.replay.app import ReplayApp, ReplaySettings

NAMES = ("Kesh Malek", "Sahlan Documentation Centre", "Zarqun Families Association", "Bir Nasr Lawyers")
FIRST = "We, the undersigned organisations, welcome the arrest warrants that a court issued on Monday after long work."
SECOND = "Families of the disappeared have waited for an answer since the spring of 2012, and no authority gave one."


def statement(word="hand over", title="Joint Statement <b>&</b> \x0b more", names=NAMES):
    signed = "".join(f"<li>{name}</li>" for name in names)
    shown = title.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'<!doctype html><html lang="en"><head><title>{shown}</title><meta property="og:type" content="article">'
        '<meta property="article:published_time" content="2018-11-15T09:00:00+00:00"></head>'
        f"<body><main><article><h1>{shown}</h1><p>{FIRST}</p><p>{SECOND}</p>"
        f"<p>We call on all states to cooperate with the court, protect witnesses and {word} whoever is wanted.</p>"
        f"<h2>Signatory Organizations</h2><ul>{signed}</ul></article></main></body></html>"
    ).encode()


OTHER = (
    b'<!doctype html><html lang="en"><head><title>Another</title><meta property="og:type" content="article">'
    b'<meta property="article:published_time" content="2020-03-01T09:00:00+00:00"></head><body><main><article>'
    b"<h1>Another</h1><p>The archive of the old port was flooded in winter, and nobody was told for forty days.</p>"
    b"<p>We ask the court of the province to have the shelves dried, counted and copied before the next rains come.</p>"
    b"<h2>Signatory Organizations</h2><ul><li>Kesh Malek</li><li>Bir Nasr Lawyers</li></ul></article></main></body>"
)


class Site:
    """A server; `pages` is what it answers, by path."""

    def __init__(self):
        self.pages = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = site.pages.get(self.path)
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(body or b"<title>no</title>no such page")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Served:
    """The API on a socket, and what is in its archive."""

    def __init__(self, origin, replay, archive, source, captures, site):
        self.origin = origin
        self.replay = replay
        self.archive = archive
        self.source = source
        self.captures = captures
        self.site = site

    def ask(self, path, *, origin=None, method="GET", **headers):
        """Status, headers in lower case and body of one answer, as a plain HTTP client has it."""
        parts = urlsplit(origin or self.origin)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def json(self, path):
        status, _, body = self.ask(path)
        assert status == 200, body
        return json.loads(body)


@contextlib.contextmanager
def _serving(*apps):
    with contextlib.ExitStack() as stack:
        for app, listener in apps:
            server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
            thread.start()
            stack.callback(listener.close)
            stack.callback(thread.join, 30)
            stack.callback(setattr, server, "should_exit", True)
        yield


def _listening():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """A statement captured three times, changed in between; another page whose address has a query."""
    settings = initialise(
        tmp_path_factory.mktemp("api") / "archive", operator="Test archive", contact="a@sijill.example", store="./store"
    ).settings
    settings.write_text(settings.read_text().replace("allow = []", 'allow = ["127.0.0.0/8"]'))
    archive = open_archive(settings)
    site = Site()
    made = []
    for body in (statement(), statement("surrender"), statement("surrender", names=(*NAMES, "Ninth Hour"))):
        site.pages["/statement"] = body
        made.append(evidence.archive_url(archive, f"{site.origin}/statement").capture)
    site.pages["/other?a=1&b=2"] = OTHER
    made.append(evidence.archive_url(archive, f"{site.origin}/other?a=1&b=2").capture)
    made.append(evidence.archive_url(archive, f"{site.origin}/gone").capture)
    assert made[0].outcome is Outcome.COMPLETE
    evidence.seal(archive)
    site.close()
    read_captures(archive, [one.id for one in made])
    with open_current(archive, quiet=True):
        pass
    with contextlib.closing(ViewedArchive(archive)) as source:
        (own, origin), (other, replay) = _listening(), _listening()
        passes = Passes(bytes(range(32)))
        app = FastAPI()
        app.include_router(router_for(source, ReplayLinks(replay, passes), origin))
        settings = ReplaySettings(frozenset({replay.removeprefix("http://")}), origin)
        with _serving((app, own), (ReplayApp(source, settings, passes), other)):
            yield Served(origin, replay, archive, source, made, site)
