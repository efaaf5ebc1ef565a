"""Stands between a store and a healthy S3 server and does what an ill one would."""

from __future__ import annotations

import http.client
import random
import socket
import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Request:
    """What a fault sees of a request before its body is read."""

    method: str
    path: str
    query: str
    headers: dict[str, str]

    @property
    def puts_object(self) -> bool:
        return self.method == "PUT" and "retention" not in self.query and "legal-hold" not in self.query

    @property
    def reads_object(self) -> bool:
        """Whether it asks for the bytes of an object; a bucket has no slash in its path."""
        return self.method == "GET" and "/" in self.path.strip("/")


@dataclass
class Fault:
    """What is done to a request and its answer; one that does nothing passes both on."""

    status: int | None = None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """End the connection after that many bytes of the request's body."""
    unanswered: bool = False
    """Pass the request on, and end the connection instead of answering."""
    cut_answer_after: int | None = None
    """End the connection after that many bytes of the answer's body."""
    flip: int | None = None
    """Change that byte of the answer's body."""
    wait: float = 0


def error(status: int, code: str, message: str = "", more: str = "") -> Fault:
    """An answer as S3 servers refuse."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>"
    return Fault(status=status, body=body.encode(), headers={"Content-Type": "application/xml"})


def times(count, when, fault):
    """`fault` for the first `count` requests of which `when` is true; it may also be a function that makes one."""
    left = [count]
    lock = threading.Lock()

    def choose(request):
        with lock:
            if not left[0] or not when(request):
                return None
            left[0] -= 1
        return fault() if callable(fault) else fault

    return choose


ALWAYS = 1 << 30
_OF_ONE_HOP = {"connection", "content-length", "transfer-encoding"}


def random_flip(size):
    """A fault that changes another byte each time."""
    return lambda: Fault(flip=random.randrange(size))


class Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname, parts.port)
        self.choose = lambda _request: None
        self.conditional = threading.Lock()
        """Held while a conditional request is decided on and passed on."""
        self.seen: list[Request] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """Clients go away; that is what is tested."""


@contextmanager
def between(upstream: str):
    """A proxy in front of the server at `upstream`; its `choose` gives the fault for a request, or None."""
    with Proxy(upstream) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy

    def handle_any(self):
        # A client that was told to use a proxy names the whole URL.
        target = urlsplit(self.path)
        path = target.path + (f"?{target.query}" if target.query else "")
        request = Request(self.command, target.path, target.query, {k.lower(): v for k, v in self.headers.items()})
        self.server.seen.append(request)
        with self.server.conditional if "if-none-match" in request.headers else nullcontext():
            fault = self.server.choose(request) or Fault()
            if not fault.wait:
                self.handle_one(request, path, fault)
                return
        # Not under the lock: whoever is slow must not hold up those that come after.
        time.sleep(fault.wait)
        self.handle_one(request, path, fault)

    def handle_one(self, request, path, fault):
        length = int(self.headers.get("Content-Length", 0))
        if fault.cut_after is not None:
            self.rfile.read(min(length, fault.cut_after))
            self.hang_up()
            return
        body = self.rfile.read(length)
        if fault.status is not None:
            self.answer(fault.status, fault.headers, fault.body)
            return
        status, headers, answer = self.pass_on(path, body)
        if fault.unanswered:
            self.hang_up()
            return
        if fault.flip is not None and answer:
            place = fault.flip % len(answer)
            answer = answer[:place] + bytes([answer[place] ^ 1]) + answer[place + 1 :]
        self.answer(status, headers, answer, cut_after=fault.cut_answer_after)

    def do_GET(self):
        self.handle_any()

    def do_PUT(self):
        self.handle_any()

    def do_POST(self):
        self.handle_any()

    def do_DELETE(self):
        self.handle_any()

    def do_HEAD(self):
        self.handle_any()

    def pass_on(self, path, body):
        connection = http.client.HTTPConnection(*self.server.upstream, timeout=60)
        connection.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in {"connection", "expect", "proxy-connection"}:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        data = answer.read()
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        headers = {k: v for k, v in answer.getheaders() if k.lower() not in _OF_ONE_HOP}
        connection.close()
        return answer.status, {**headers, **({"Content-Length": length} if length else {})}, data

    def answer(self, status, headers, body, cut_after=None):
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut_after is None else body[:cut_after])
        if cut_after is not None:
            self.hang_up()

    def hang_up(self):
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_):
        """Keep quiet."""
