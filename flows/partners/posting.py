"""One POST to a partner: a timestamping authority or a witness. Bounded in time and size; follows nothing."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sijill.flows.errors import BadSettings, PartnerUnreachable


@dataclass(frozen=True, slots=True)
class Answer:
    """What the partner answered, whatever its status."""

    status: int
    content_type: str | None
    """The `Content-Type` header as sent."""
    body: bytes


class Posting:
    """A POST that is under way in a thread of its own."""

    def __init__(
        self,
        url: str,
        body: bytes,
        *,
        content_type: str,
        accept: str | None,
        timeout_seconds: float,
        limit: int,
        ca_file: Path | None = None,
    ) -> None:
        """Begin to send `body` to an http or https URL.

        `timeout_seconds` bounds all of it together: name, connection, TLS, request and the last byte of the answer.
        Redirects are answers like any other. TLS is verified against `ca_file`, or the anchors of the certifi package.

        Raises:
            BadSettings: `ca_file` cannot be used.
        """
        self._url = url
        self._timeout = timeout_seconds
        self._limit = limit
        self._context = _verifying(ca_file) if urlsplit(url).scheme == "https" else None
        self._lock = threading.Lock()
        self._abandoned = False
        self._socket: socket.socket | None = None
        self._answer: Answer | None = None
        self._reason: str | None = None
        headers = {"Content-Type": content_type, "User-Agent": "sijill", "Connection": "close"}
        if accept is not None:
            headers["Accept"] = accept
        self._deadline = time.monotonic() + timeout_seconds
        # A thread, because nothing can end a look-up of a name, and a partner that sends one byte at a time never
        # exceeds the time limit of a single read.
        self._thread = threading.Thread(target=self._run, args=(body, headers), daemon=True)
        self._thread.start()

    def answer(self) -> Answer:
        """Wait for the answer.

        Raises:
            PartnerUnreachable: no whole answer within the limits of size and time, or TLS does not verify.
        """
        self._thread.join(max(0.0, self._deadline - time.monotonic()))
        with self._lock:
            self._abandoned = True
            if self._socket is not None:
                # Wakes a thread that still waits on it, which then closes it.
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
        if self._answer is not None:
            return self._answer
        raise PartnerUnreachable(self._url, self._reason or _too_late(self._timeout))

    def _run(self, body: bytes, headers: dict[str, str]) -> None:
        try:
            self._answer = self._exchange(body, headers)
        except _NoAnswer as err:
            self._reason = str(err)
        # ValueError: what `http.client` and the codec of host names find wrong with a URL.
        except (OSError, http.client.HTTPException, ValueError) as err:
            self._reason = _reason(err, self._timeout)

    def _exchange(self, body: bytes, headers: dict[str, str]) -> Answer:
        parts = urlsplit(self._url)
        connection = _connection(parts, self._timeout, self._context)
        try:
            connection.connect()
            with self._lock:
                if self._abandoned:
                    raise _NoAnswer(_too_late(self._timeout))
                self._socket = connection.sock
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body=body, headers=headers)
            with connection.getresponse() as response:
                received = response.read(self._limit + 1)
                if len(received) > self._limit:
                    raise _NoAnswer(f"its answer is longer than {self._limit} bytes")
                # `read` with a length says nothing of an end that comes too early; `length` is what is missing.
                if response.length:
                    raise _NoAnswer(f"its answer was cut, {response.length} bytes before its end")
                return Answer(response.status, response.getheader("Content-Type"), received)
        finally:
            with self._lock:
                self._socket = None
            connection.close()


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of asking one partner for a timestamp or a cosignature."""

    name: str
    held: bool
    """Whether what was asked for is in the store."""
    problem: str | None = None
    """What went wrong, or what is strange about something that is held all the same."""


def post(
    url: str,
    body: bytes,
    *,
    content_type: str,
    accept: str | None,
    timeout_seconds: float,
    limit: int,
    ca_file: Path | None = None,
) -> Answer:
    """Send `body` to an http or https URL and wait for the whole answer; see `Posting`.

    Raises:
        PartnerUnreachable: no whole answer within the limits of size and time, or TLS does not verify.
        BadSettings: `ca_file` cannot be used.
    """
    posting = Posting(
        url,
        body,
        content_type=content_type,
        accept=accept,
        timeout_seconds=timeout_seconds,
        limit=limit,
        ca_file=ca_file,
    )
    return posting.answer()


class _NoAnswer(Exception):
    """Why an answer that came is none. `str()` is the reason."""


def _verifying(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is None:
        import certifi

        return ssl.create_default_context(cafile=certifi.where())
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as err:  # SSLError is one: the file holds no certificate
        raise BadSettings(f"{ca_file}: no file of certificates in PEM that can be read") from err


def _connection(parts: SplitResult, timeout: float, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise _NoAnswer("not an http or https URL")
    if context is None:
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)


def _too_late(timeout: float) -> str:
    return f"no whole answer within {timeout:g} s"


def _reason(err: Exception, timeout: float) -> str:
    match err:
        case socket.gaierror():
            return "its name does not resolve"
        case ssl.SSLCertVerificationError():
            return f"its certificate does not verify: {err.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {err.reason or err}"
        case TimeoutError():
            return _too_late(timeout)
        case ConnectionRefusedError():
            return "the connection was refused"
        case http.client.RemoteDisconnected() | ConnectionError():
            return "it closed the connection without an answer"
        case http.client.IncompleteRead():
            return "its answer was cut"
        case http.client.HTTPException() | ValueError():
            return f"no HTTP answer: {type(err).__name__}: {str(err)[:200]!r}"
        case _:
            return getattr(err, "strerror", None) or str(err) or type(err).__name__
