"""One connection: a request goes out, a response comes in, and the bytes of both are kept as they were.

The bytes are those above TLS. Whatever a server does (says nothing, one byte a second, no end, a cut), the exchange
ends at its deadline and within its sizes, and what came until then is kept.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from sijill.archive.capture.exchange import Failure, FailureKind, Response, ServerAddress, TlsFacts, Truncation
from sijill.archive.capture.http1 import HeaderTooLarge, MalformedResponse, ResponseReader
from sijill.archive.capture.spool import IN_MEMORY, Spool
from sijill.archive.digest import Hasher

_RECEIVE = 128 << 10
_SURPLUS = 64 << 10
"""Most bytes after the end of a response that are still looked for."""
_DETAIL = 500
_IN_MEMORY = 256 << 10
_FEW = 4 << 20
"""While a capture has received less, larger responses stay in memory, too: most pages never need a file."""


class ByteBudget:
    """Bytes that all exchanges of a capture may receive together; safe to share between threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size
        self._lock = threading.Lock()

    def take(self, wanted: int) -> int:
        """How many of `wanted` bytes may be kept; they are counted as received."""
        with self._lock:
            granted = min(wanted, self._left)
            self._left -= granted
            return granted

    @property
    def received(self) -> int:
        """Bytes that were kept so far."""
        return self._size - self._left

    @property
    def spent(self) -> bool:
        """Whether not one more byte may be received."""
        return self._left <= 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long one exchange may last and how much of it is kept."""

    deadline: float
    """As `time.monotonic()` counts; for everything: resolving, connecting, sending, receiving."""
    response_bytes: int
    header_bytes: int
    budget: ByteBudget

    def left(self) -> float:
        """Seconds until the deadline.

        Raises:
            TimeoutError: it has passed.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


@dataclass(slots=True)
class Recording:
    """What is known of an exchange so far; filled in while it happens."""

    request: bytes = b""
    """As far as it was sent."""
    response: Response | None = None
    failure: Failure | None = None
    server: ServerAddress | None = None
    tls: TlsFacts | None = None
    silent: bool = False
    """Whether the connection ended before the first byte of an answer."""


def failure(kind: FailureKind, detail: str) -> Failure:
    """A failure with its words shortened to what a record may hold."""
    return Failure(kind, detail[:_DETAIL])


@dataclass(slots=True)
class Connection:
    """An open connection to a checked address."""

    socket: socket.socket | ssl.SSLSocket
    server: ServerAddress
    tls: TlsFacts | None
    reusable: bool = field(default=False)
    """Whether another request may follow the last one."""

    def close(self) -> None:
        """Close it, without waiting for the other side."""
        self.reusable = False
        self.socket.close()

    def is_idle(self) -> bool:
        """Whether the server neither closed the connection nor sent anything since the last response."""
        try:
            return self._read_waiting(1) is None
        except OSError:
            return False

    def exchange(self, method: str, request: bytes, bounds: Bounds, workdir: Path) -> Recording:
        """Send `request` and receive its response.

        Raises:
            OSError: the response cannot be written to `workdir`; troubles of the network are in the recording.
        """
        self.reusable = False
        recording = Recording(server=self.server, tls=self.tls)
        trouble = self._send(request, bounds, recording)
        if trouble is not None and trouble.kind is FailureKind.TIMEOUT:
            recording.failure = trouble
            return recording
        # A server may answer and close before it has read all of a request: the answer is there to be read.
        _Receiver(self, method, bounds, workdir, recording).run()
        if recording.response is None and trouble is not None:
            recording.failure = trouble
        return recording

    def _send(self, request: bytes, bounds: Bounds, recording: Recording) -> Failure | None:
        sent = 0
        try:
            while sent < len(request):
                self.socket.settimeout(bounds.left())
                sent += self.socket.send(memoryview(request)[sent:])
        except TimeoutError:
            return failure(FailureKind.TIMEOUT, f"the server took only {sent} of {len(request)} bytes of the request")
        except OSError as err:
            return failure(FailureKind.RESET, f"while the request was sent: {err}")
        finally:
            recording.request = request[:sent]
        return None

    def receive(self, size: int, bounds: Bounds) -> bytes:
        """The next bytes, at most `size`; none if the server closed the connection.

        Raises:
            OSError: the connection broke; TimeoutError: the deadline passed.
        """
        self.socket.settimeout(bounds.left())
        return self.socket.recv(size)

    def _read_waiting(self, size: int) -> bytes | None:
        """Bytes that have arrived already; None if there are none, nothing at all if the connection was closed.

        Raises:
            OSError: the connection broke.
        """
        self.socket.settimeout(0)
        try:
            return self.socket.recv(size)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None

    def read_surplus(self) -> bytes:
        """What the server has sent beyond the end of the response; `reusable` is cleared if it sent or closed."""
        surplus = b""
        try:
            while len(surplus) < _SURPLUS:
                piece = self._read_waiting(_SURPLUS - len(surplus))
                if piece is None:
                    break
                self.reusable = False
                if not piece:
                    break
                surplus += piece
        except OSError:
            self.reusable = False
        return surplus


class _Receiver:
    """Receives one response."""

    def __init__(
        self, connection: Connection, method: str, bounds: Bounds, workdir: Path, recording: Recording
    ) -> None:
        self._connection = connection
        self._bounds = bounds
        self._recording = recording
        self._hasher = Hasher()
        self._reader = ResponseReader(method, header_limit=bounds.header_bytes, payload=self._hasher.update)
        in_memory = _IN_MEMORY if bounds.budget.received < _FEW else IN_MEMORY
        self._spool = Spool(workdir, in_memory=in_memory)
        self._early = bytearray()
        self._surplus = 0
        self._truncated: Truncation | None = None

    def run(self) -> None:
        """Fill in response and failure of the recording."""
        try:
            while self._step():
                pass
            if self._reader.complete and not self._truncated:
                self._finish_connection()
            self._recording.response = self._response()
        finally:
            if self._recording.response is None:
                self._spool.discard()

    def _step(self) -> bool:
        """Receive once; whether there is more to come."""
        if self._reader.complete or self._truncated or self._recording.failure:
            return False
        room = self._bounds.response_bytes - self._spool.size - len(self._early)
        try:
            # One byte more than there is room for tells a response that just fits from one that does not.
            data = self._connection.receive(min(_RECEIVE, room + 1), self._bounds)
        except TimeoutError:
            self._cut(FailureKind.TIMEOUT, "the time limit was reached", Truncation.TIME)
            return False
        except ssl.SSLEOFError:
            # RFC 9112 §9.8: without a closure alert nobody knows that a body without a length is whole.
            self._cut(FailureKind.RESET, "the connection was cut, without a TLS closure alert,", Truncation.DISCONNECT)
            return False
        except ssl.SSLError as err:
            self._cut(FailureKind.TLS, str(err), Truncation.DISCONNECT)
            return False
        except OSError as err:
            self._cut(FailureKind.RESET, str(err), Truncation.DISCONNECT)
            return False
        if not data:
            if not self._reader.until_close:
                self._cut(FailureKind.RESET, "the server closed the connection early", Truncation.DISCONNECT)
            return False
        kept = self._bounds.budget.take(min(len(data), room))
        if kept < len(data):
            self._truncated = Truncation.LENGTH
        self._take(data[:kept])
        return True

    def _take(self, data: bytes) -> None:
        consumed = len(data)
        try:
            consumed = self._reader.feed(data)
        except HeaderTooLarge as err:
            self._break(FailureKind.HEADER_LIMIT, str(err), Truncation.LENGTH)
        except MalformedResponse as err:
            self._break(FailureKind.MALFORMED, str(err), Truncation.UNSPECIFIED)
        self._keep(data)
        self._surplus += len(data) - consumed

    def _keep(self, data: bytes) -> None:
        """Spool what belongs to the final response; 1xx responses before it are kept apart."""
        if not self._spool.size:
            self._early += data
            if self._reader.head is None:
                return
            data = bytes(self._early[len(self._reader.interim) :])
            self._early.clear()
        self._spool.write(data)

    def _cut(self, kind: FailureKind, detail: str, truncated: Truncation) -> None:
        """The connection ended, or time did, before the response."""
        head = self._reader.head
        if head is None and not self._early:
            self._recording.silent = kind is FailureKind.RESET
            detail += " before any answer came"
        elif head is None:
            detail += " within the header"
        self._break(kind, detail, truncated)

    def _break(self, kind: FailureKind, detail: str, truncated: Truncation) -> None:
        self._truncated = truncated
        self._recording.failure = failure(kind, detail)

    def _finish_connection(self) -> None:
        self._connection.reusable = self._reader.reusable and not self._surplus
        surplus = self._connection.read_surplus()
        kept = self._bounds.budget.take(min(len(surplus), self._bounds.response_bytes - self._spool.size))
        self._spool.write(surplus[:kept])
        self._surplus += kept

    def _response(self) -> Response | None:
        head = self._reader.head
        if head is None:
            if self._recording.failure is None:
                self._recording.failure = failure(
                    FailureKind.HEADER_LIMIT, "the header did not end within the limit of bytes"
                )
            return None
        # The framing is satisfied: what was cut off was surplus.
        truncated = None if self._reader.complete else self._truncated
        return Response(
            raw=self._spool.finish(),
            head_size=head.size,
            http_version=head.http_version,
            status=head.status,
            reason=head.reason,
            headers=head.headers,
            payload=self._hasher.digests(),
            surplus=self._surplus,
            truncated=truncated,
            interim=self._reader.interim,
        )
