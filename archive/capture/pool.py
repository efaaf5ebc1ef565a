"""The one way to the network: guarded connections, opened, reused and, when a capture is called off, cut."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from ipaddress import IPv6Address
from pathlib import Path

from sijill.archive.capture.connection import Bounds, Connection, Recording, failure
from sijill.archive.capture.exchange import Failure, FailureKind, Network, ServerAddress
from sijill.archive.capture.guard import Address, AddressGuard, Checked, Resolver
from sijill.archive.capture.target import RequestUrl
from sijill.archive.capture.tls import TrustAnchors, client_context
from sijill.archive.errors import RefusedAddress, Unresolvable

_CONNECT_SECONDS = 10.0
"""Longest wait for one address; a host's next address is tried then."""
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
"""RFC 9110 §9.2.1: methods whose second sending changes nothing."""


class _NoConnection(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class ConnectionPool:
    """Opens connections to checked addresses and keeps them for further requests to the same origin.

    Safe to share between threads. A kept connection goes to the address that was checked when it was opened; each new
    one is resolved and checked again.
    """

    def __init__(self, network: Network, resolver: Resolver, workdir: Path, clock: Callable[[], datetime]) -> None:
        self._guard = AddressGuard(network, resolver)
        self._anchors = TrustAnchors(network.ca_file)
        self._reject_invalid = network.reject_invalid_certificates
        self._context: ssl.SSLContext | None = None
        self._workdir = workdir
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: defaultdict[str, list[Connection]] = defaultdict(list)
        self._busy: set[socket.socket] = set()
        self._closed = False

    def exchange(self, url: RequestUrl, method: str, request: bytes, bounds: Bounds) -> Recording:
        """Send `request` to the origin of `url`; what came of it, failures included.

        A kept connection that the server gave up meanwhile is replaced by a new one, once, if no byte of an answer
        came and the request may be repeated.

        Raises:
            OSError: the response cannot be written to the working directory.
            UnusableTrustAnchors: the file of the trust anchors cannot be read.
        """
        if kept := self._take_idle(url):
            recording = self._over(kept, url, method, request, bounds)
            if not recording.silent or method not in _REPEATABLE:
                return recording
        recording = Recording()
        try:
            connection = self._open(url, bounds, recording)
        except _NoConnection as err:
            recording.failure = err.failure
            return recording
        return self._over(connection, url, method, request, bounds)

    def close(self) -> None:
        """Close kept connections and end what other threads are waiting for. Nothing is opened afterwards."""
        with self._lock:
            self._closed = True
            idle = [connection for connections in self._idle.values() for connection in connections]
            self._idle.clear()
            busy = list(self._busy)
        for connection in idle:
            connection.close()
        for waiting in busy:
            # socket.socket's own shutdown: that of SSLSocket takes the TLS state away from the thread that uses it.
            with suppress(OSError):
                socket.socket.shutdown(waiting, socket.SHUT_RDWR)

    def _over(self, connection: Connection, url: RequestUrl, method: str, request: bytes, bounds: Bounds) -> Recording:
        try:
            return connection.exchange(method, request, bounds, self._workdir)
        finally:
            self._give_back(connection, url)

    def _take_idle(self, url: RequestUrl) -> Connection | None:
        while True:
            with self._lock:
                kept = self._idle[url.origin]
                if not kept:
                    return None
                connection = kept.pop()
                self._busy.add(connection.socket)
            if connection.is_idle():
                return connection
            self._drop(connection)

    def _give_back(self, connection: Connection, url: RequestUrl) -> None:
        with self._lock:
            if connection.reusable and not self._closed:
                self._busy.discard(connection.socket)
                self._idle[url.origin].append(connection)
                return
        self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        with self._lock:
            self._busy.discard(connection.socket)
        connection.close()

    def _open(self, url: RequestUrl, bounds: Bounds, recording: Recording) -> Connection:
        checked = self._check(url, bounds)
        plain, address = self._connect(url, checked, bounds)
        recording.server = ServerAddress(str(address), url.port, checked.pinned)
        connection = Connection(plain, recording.server, None)
        try:
            if url.scheme == "https":
                self._start_tls(connection, url, bounds, recording)
        except BaseException:
            self._drop(connection)
            raise
        return connection

    def _check(self, url: RequestUrl, bounds: Bounds) -> Checked:
        try:
            return self._guard.check(url.host, url.port, deadline=bounds.deadline, called_off=lambda: self._closed)
        except RefusedAddress as err:
            raise _NoConnection(failure(FailureKind.REFUSED_ADDRESS, str(err))) from err
        except Unresolvable as err:
            kind = FailureKind.TIMEOUT if err.timed_out else FailureKind.DNS
            raise _NoConnection(failure(kind, str(err))) from err

    def _connect(self, url: RequestUrl, checked: Checked, bounds: Bounds) -> tuple[socket.socket, Address]:
        """Try the addresses in order; none may use up the time of those after it."""
        troubles: list[str] = []
        timed_out = False
        for position, address in enumerate(checked.addresses):
            family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
            attempt = socket.socket(family, socket.SOCK_STREAM)
            try:
                self._register(attempt)
                share = bounds.left() / (len(checked.addresses) - position)
                attempt.settimeout(min(_CONNECT_SECONDS, share))
                attempt.connect((str(address), url.port))
            except OSError as err:
                timed_out = isinstance(err, TimeoutError)
                troubles.append(f"{address} port {url.port}: {'no answer' if timed_out else err}")
                self._unregister(attempt)
                attempt.close()
            except BaseException:
                self._unregister(attempt)
                attempt.close()
                raise
            else:
                return attempt, address
        kind = FailureKind.TIMEOUT if timed_out else FailureKind.CONNECT
        raise _NoConnection(failure(kind, "; ".join(troubles)))

    def _start_tls(self, connection: Connection, url: RequestUrl, bounds: Bounds, recording: Recording) -> None:
        plain = connection.socket
        try:
            plain.settimeout(bounds.left())
            secure = self._tls_context().wrap_socket(
                plain,
                server_hostname=url.host.removesuffix("."),
                do_handshake_on_connect=False,
                suppress_ragged_eofs=False,
            )
            self._unregister(plain)
            connection.socket = secure
            self._register(secure)
            secure.settimeout(bounds.left())
            secure.do_handshake()
        except TimeoutError as err:
            raise _NoConnection(failure(FailureKind.TIMEOUT, "the TLS handshake did not end in time")) from err
        except OSError as err:  # ssl.SSLError is one; a reset here says that the server refuses TLS
            raise _NoConnection(failure(FailureKind.TLS, f"handshake: {err}")) from err
        facts = self._anchors.facts(secure, url.host, self._clock())
        connection.tls = recording.tls = facts
        if self._reject_invalid and not facts.verified:
            raise _NoConnection(failure(FailureKind.TLS, f"settings refuse its certificate: {facts.verify_error}"))

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = client_context()
            return self._context

    def _register(self, opened: socket.socket) -> None:
        with self._lock:
            if self._closed:
                raise ConnectionAbortedError("the capture was called off")
            self._busy.add(opened)

    def _unregister(self, opened: socket.socket) -> None:
        with self._lock:
            self._busy.discard(opened)
