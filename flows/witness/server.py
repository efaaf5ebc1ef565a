"""A witness over HTTP: `POST …/add-checkpoint` (c2sp.org/tlog-witness), for as many logs as its folder names."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, cast

from sijill.flows.errors import BadSettings, CannotListen, WitnessStateUnusable
from sijill.flows.witness.folder import WitnessFolder
from sijill.provenance.log.witness import MAX_REQUEST, TEXT_TYPE, Response, Witness
from sijill.provenance.printable import printable

_PATH = "/add-checkpoint"
REQUEST_SECONDS = 30.0
"""How long a connection may be idle, and how long one request with its answer may take."""
MOST_CONNECTIONS = 100


@contextmanager
def serve_witness(
    folder: WitnessFolder,
    host: str,
    port: int,
    *,
    clock: Callable[[], datetime],
    show: Callable[[str], None],
    request_seconds: float = REQUEST_SECONDS,
    most_connections: int = MOST_CONNECTIONS,
) -> Iterator[str]:
    """Serve the witness of `folder` in threads while the context is open; gives its URL. Port 0 takes a free one.

    `show` is called from several threads with one line for each request. On leaving, requests that were read are
    answered.

    Raises:
        CannotListen: the address cannot be used.
    """
    witness = Witness(folder.name, folder.key, logs=folder.logs, state=folder.state, clock=clock)
    try:
        server = _Server(host, port, witness, show, request_seconds, most_connections)
    except (OSError, OverflowError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise CannotListen(f"cannot listen at {host} port {port}: {reason}") from err
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 64
    # Threads are waited for, so that who was cosigned gets the cosignature.
    daemon_threads = False

    def __init__(
        self,
        host: str,
        port: int,
        witness: Witness,
        show: Callable[[str], None],
        request_seconds: float,
        most_connections: int,
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.witness = witness
        self.show = show
        self.stopping = False
        self._request_seconds = request_seconds
        self._most = most_connections
        self._deadlines: dict[socket.socket, float] = {}
        self._guard = threading.Lock()
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        name = host.decode() if isinstance(host, bytes) else str(host)
        return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"

    def renew(self, connection: socket.socket) -> None:
        """Give `connection` the time of one more request."""
        with self._guard:
            if connection in self._deadlines:
                self._deadlines[connection] = time.monotonic() + self._request_seconds

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            full = len(self._deadlines) >= self._most
            if not full:
                self._deadlines[request] = time.monotonic() + self._request_seconds
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._deadlines.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        # A peer that sends a byte now and then never exceeds the time limit of a single read.
        now = time.monotonic()
        with self._guard:
            late = [connection for connection, deadline in self._deadlines.items() if deadline < now]
            for connection in late:
                _end(connection, socket.SHUT_RDWR)

    def server_close(self) -> None:
        # Whoever waits for a request sees its end; answers can still be sent.
        self.stopping = True
        with self._guard:
            for connection in self._deadlines:
                _end(connection, socket.SHUT_RD)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        err = sys.exception()
        self.show(f"{client_address[0]} fault: {printable(f'{type(err).__name__}: {err}')}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else a request that cannot be read at all would be answered without status, as HTTP/0.9 had it.
    default_request_version = "HTTP/1.1"
    # Head and body of an answer are sent separately; waiting for the head to be acknowledged costs 40 ms.
    disable_nagle_algorithm = True
    server_version = "sijill-witness"
    sys_version = ""

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            return
        server = cast(_Server, self.server)
        try:
            response = server.witness.add_checkpoint(body)
        except (BadSettings, WitnessStateUnusable) as err:
            # What is wrong in its folder is for the witness's operator, not for whoever asks.
            response = Response(500, TEXT_TYPE, b"the witness cannot work\n", f"fault: {err}")
        self._answer(response)

    def handle_one_request(self) -> None:
        server = cast(_Server, self.server)
        super().handle_one_request()
        server.renew(self.connection)
        self.close_connection |= server.stopping

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with one line of plain text, and read nothing more from this connection."""
        reason = message or HTTPStatus(code).phrase
        self.close_connection = True
        self._answer(Response(code, TEXT_TYPE, f"{printable(reason)}\n".encode(), f"refused, {reason}"))

    def _body(self) -> bytes | None:
        """The body of a request for what this server does; otherwise None, and the request is answered."""
        length = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or len(length) != 1 or not _is_decimal(length[0]):
            self.send_error(411, "one Content-Length is needed")
        elif int(length[0]) > MAX_REQUEST:
            self.send_error(413, f"limit {MAX_REQUEST} bytes")
        else:
            body = self.rfile.read(int(length[0]))
            if len(body) < int(length[0]):
                self.send_error(400, "the request was cut")
            elif not self.path.partition("?")[0].endswith(_PATH):
                self.send_error(404, f"nothing here but {_PATH}")
            else:
                return body
        return None

    def _answer(self, response: Response) -> None:
        cast(_Server, self.server).show(f"{self.client_address[0]} {response.status} {printable(response.summary)}")
        self.send_response_only(response.status)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        if response.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _not_allowed(self) -> None:
        self.send_error(405, "only POST")

    do_GET = do_HEAD = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = _not_allowed  # noqa: N815 - names that http.server asks for


def _is_decimal(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 19


def _end(connection: socket.socket, how: int) -> None:
    with suppress(OSError):
        connection.shutdown(how)
