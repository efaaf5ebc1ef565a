"""Runs a timestamping authority (RFC 3161) on loopback for the demo and for tests: `openssl ts` behind a small server.

    python deployments/tsa/serve.py [--name NAME] [--address IP] [--port N] [--root FILE]

Its root, its certificates and its keys are made afresh at each start in a temporary folder, and nothing outlives it
but the root certificate, if `--root` names a file for it. Its time is this machine's, so it proves nothing to anyone.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

# Tests and the demo load this file by its path, which does not make its neighbours known.
sys.path.append(str(Path(__file__).resolve().parent))

from tsa_certificates import Usage, issue

QUERY_TYPE = "application/timestamp-query"
REPLY_TYPE = "application/timestamp-reply"
POLICY = "1.3.6.1.4.1.99999.1.1"
LARGEST_QUERY = 4096
COMMAND_SECONDS = 60

_SIGNER = "signer"
_CLOCK = "clock"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"  # id-ct-TSTInfo, RFC 3161 §2.4.2

# No `certs`: only the signer goes into a token, unless the whole chain is asked for.
CONFIGURATION = """\
[tsa]
default_tsa = authority
[authority]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/{signer}.pem
signer_key = {folder}/{signer}.key
signer_digest = sha256
default_policy = {policy}
digests = sha256, sha384, sha512
accuracy = {accuracy}
clock_precision_digits = {digits}
ordering = no
tsa_name = {named}
ess_cert_id_chain = no
ess_cert_id_alg = sha256
{certificates}
"""


class Fault(Enum):
    """How the authority fails. It may be changed while it serves."""

    NONE = "answers"
    ERROR = "answers 500"
    CLOSED = "closes the connection"
    HANGS = "says nothing until it ends"
    DRIPS = "sends a byte now and then"
    GARBAGE = "answers what is no response"
    REJECTION = "answers with a rejection"
    OTHER_BYTES = "answers over other bytes"
    OTHER_NONCE = "answers with another nonce"
    REDIRECT = "sends the asker elsewhere"


@dataclass(slots=True)
class ServedTsa:
    """An authority while it is served."""

    name: str
    url: str
    root_pem: str
    intermediate_pem: str | None
    certificate_pem: str
    """The certificate that signs."""
    fault: Fault = Fault.NONE
    requests: int = 0
    """How many requests have come."""


@contextmanager
def serve_tsa(
    name: str = "one",
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    intermediate: bool = False,
    chain_in_token: bool = False,
    usage: Usage = Usage.RIGHT,
    valid_seconds: float | None = None,
    accuracy: str = "secs:1, millisecs:500, microsecs:100",
    digits: int = 3,
    with_rsa: bool = False,
) -> Iterator[ServedTsa]:
    """Serve a new authority until the block ends; port 0 takes a free one.

    Args:
        name: what its certificates are called.
        address: where to listen.
        port: where to listen.
        intermediate: put a certificate between its root and its signer.
        chain_in_token: send root and intermediate in each token, as many authorities do.
        usage: what the signer's certificate says it is for.
        valid_seconds: when the signer's certificate expires, from now; None for years.
        accuracy: as `openssl ts` wants it.
        digits: fractional digits of its times, up to 6.
        with_rsa: sign with RSA, as most authorities do, and not with ECDSA.

    Raises:
        FileNotFoundError: there is no `openssl`.
        OSError: the address or port cannot be had.
    """
    if shutil.which("openssl") is None:
        raise FileNotFoundError("openssl: apt-get install openssl")
    with tempfile.TemporaryDirectory(prefix="sijill-tsa-") as temporary:
        folder = Path(temporary)
        root = issue(f"{name} root", None, authority=True)
        middle = issue(f"{name} intermediate", root, authority=True) if intermediate else None
        signer = issue(
            f"{name} timestamps", middle or root, usage=usage, valid_seconds=valid_seconds, with_rsa=with_rsa
        )
        chain = [root.pem] + ([middle.pem] if middle else [])
        signer.write(folder, _SIGNER)
        if usage is not Usage.RIGHT:
            issue("clock", None, usage=Usage.RIGHT).write(folder, _CLOCK)
        (folder / "chain.pem").write_text("".join(chain), encoding="ascii")
        (folder / "serial").write_text("01\n", encoding="ascii")
        (folder / "openssl.cnf").write_text(
            CONFIGURATION.format(
                folder=folder,
                signer=_SIGNER if usage is Usage.RIGHT else _CLOCK,
                named="yes" if usage is Usage.RIGHT else "no",
                policy=POLICY,
                accuracy=accuracy,
                digits=digits,
                certificates=f"certs = {folder}/chain.pem" if chain_in_token else "",
            ),
            encoding="ascii",
        )
        tsa = ServedTsa(name, "", root.pem, middle.pem if middle else None, signer.pem)
        with _TsaServer((address, port), tsa, _Signer(folder, usage)) as server:
            tsa.url = f"http://{address}:{server.server_port}/"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            try:
                yield tsa
            finally:
                server.ended.set()
                server.shutdown()
                thread.join()


class _Signer:
    """Makes responses by `openssl`, each in a folder of its own; only the serial number is shared."""

    def __init__(self, folder: Path, usage: Usage) -> None:
        self._folder = folder
        self._usage = usage
        self._lock = threading.Lock()

    def answer(self, query: bytes, fault: Fault) -> bytes:
        with tempfile.TemporaryDirectory(dir=self._folder) as temporary:
            folder = Path(temporary)
            request, response = folder / "request.tsq", folder / "response.tsr"
            match fault:
                case Fault.OTHER_BYTES:
                    request.write_bytes(_over_other_bytes(query))
                case Fault.OTHER_NONCE:
                    _openssl("ts", "-query", "-digest", _imprint(query).hex(), "-sha256", "-cert", "-out", request)
                case Fault.REJECTION:
                    request.write_bytes(b"no request")
                case _:
                    request.write_bytes(query)
            # `openssl ts` reads the serial number, adds one and writes it back without a lock of its own.
            with self._lock:
                configured = ("-config", self._folder / "openssl.cnf")
                _openssl("ts", "-reply", *configured, "-queryfile", request, "-out", response)
            if self._usage is not Usage.RIGHT:
                self._sign_again(folder, response)
            return response.read_bytes()

    def _sign_again(self, folder: Path, response: Path) -> None:
        """Sign what the clock's certificate signed with the authority's, with which `openssl ts` refuses to sign."""
        token, content = folder / "token.der", folder / "content.der"
        signer = ("-signer", self._folder / f"{_SIGNER}.pem", "-inkey", self._folder / f"{_SIGNER}.key")
        form = ("-binary", "-nodetach", "-cades", "-nosmimecap", "-md", "sha256", "-econtent_type", _TST_INFO)
        _openssl("ts", "-reply", "-in", response, "-token_out", "-out", token)
        _openssl("cms", "-verify", "-noverify", "-inform", "DER", "-in", token, "-binary", "-out", content)
        _openssl("cms", "-sign", *form, *signer, "-in", content, "-outform", "DER", "-out", token)
        _openssl("ts", "-reply", "-in", token, "-token_in", "-out", response)


_IMPRINT = bytes.fromhex("060960864801650304020105000420")
"""What stands before a SHA-256 imprint in a request: the algorithm, no parameters, 32 bytes follow."""


def _imprint(query: bytes) -> bytes:
    begin = query.index(_IMPRINT) + len(_IMPRINT)
    return query[begin : begin + 32]


def _over_other_bytes(query: bytes) -> bytes:
    imprint = _imprint(query)
    return query.replace(imprint, imprint[::-1])


def _openssl(*arguments: str | Path) -> None:
    command = ["openssl", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=COMMAND_SECONDS)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")


class _TsaServer(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = False  # so that its end waits for those who still write into the folder

    def __init__(self, where: tuple[str, int], tsa: ServedTsa, signer: _Signer) -> None:
        self.tsa = tsa
        self.signer = signer
        self.ended = threading.Event()
        self._lock = threading.Lock()
        super().__init__(where, _TsaHandler)

    def count(self) -> Fault:
        """Count a request, and tell how to answer it."""
        with self._lock:
            self.tsa.requests += 1
            return self.tsa.fault

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong, unless it is only that the client has gone away."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _TsaHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "local-tsa"
    sys_version = ""
    timeout = 5
    server: _TsaServer

    def version_string(self) -> str:
        return self.server_version

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Content-Type") != QUERY_TYPE or not length.isdecimal() or int(length) > LARGEST_QUERY:
            self.close_connection = True
            self._send(HTTPStatus.BAD_REQUEST, "text/plain", b"not a small timestamp query\n")
            return
        self._answer(self.rfile.read(int(length)), self.server.count())

    def _answer(self, query: bytes, fault: Fault) -> None:
        match fault:
            case Fault.ERROR:
                self._send(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", b"no time today\n")
            case Fault.CLOSED:
                self.close_connection = True
            case Fault.HANGS:
                self.server.ended.wait()
                self.close_connection = True
            case Fault.DRIPS:
                self._drip()
            case Fault.GARBAGE:
                self._send(HTTPStatus.OK, REPLY_TYPE, b"\x30\x03\x02\x01\x00 and more")
            case Fault.REDIRECT:
                self._send(HTTPStatus.FOUND, "text/plain", b"elsewhere\n", location=self.server.tsa.url)
            case _:
                self._send(HTTPStatus.OK, REPLY_TYPE, self.server.signer.answer(query, fault))

    def _send(self, status: HTTPStatus, content_type: str, body: bytes, *, location: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")  # which http.server heeds
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", "60000")
        self.end_headers()
        while not self.server.ended.wait(0.1):
            self.wfile.write(b"0")


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Run a timestamping authority on loopback, for trials only.")
    parser.add_argument("--name", default="local", help="what its certificates are called")
    parser.add_argument("--address", default="127.0.0.1", help="the address to listen at")
    parser.add_argument("--port", type=int, default=8318, help="the port to listen at; 0 takes a free one")
    parser.add_argument("--root", type=Path, help="write its root certificate to this file")
    options = parser.parse_args()
    with serve_tsa(options.name, address=options.address, port=options.port) as tsa:
        if options.root is not None:
            options.root.write_text(tsa.root_pem, encoding="ascii")
        # A request to end it is as good as an interrupt: the temporary folder goes away.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        print(tsa.url, flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
