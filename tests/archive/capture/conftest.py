"""Servers that send exactly the bytes a test scripts, and captures that may reach them."""

import contextlib
import socket
import ssl
import struct
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sijill.archive.capture.capture import capture_page
from sijill.archive.capture.exchange import Limits, Network, Pin, Purpose
from sijill.archive.capture.fetch import Fetcher

LOOPBACK = (ip_network("127.0.0.0/8"),)
NETWORK = Network(LOOPBACK)
LIMITS = Limits(exchange_seconds=10, capture_seconds=30)


def now():
    return datetime.now(UTC)


class Server:
    """Answers each request with what its path is scripted to.

    A script is bytes, sent as they are over a connection that is kept, or a function that is given the connection
    and the request; the connection is closed after it unless it returns True.
    """

    def __init__(self, routes, tls=None, *, read_requests=True):
        self.routes = routes
        self.tls = tls
        self.read_requests = read_requests
        self.requests = []
        self.connections = 0
        self._open = []
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def url(self, path="/", host="127.0.0.1"):
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, ssl.SSLError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while self._answer(connection):
                pass
            with contextlib.suppress(OSError, ValueError):
                connection = connection.unwrap() if self.tls else connection
        connection.close()

    def _answer(self, connection):
        request = b""
        while self.read_requests and b"\r\n\r\n" not in request:
            received = connection.recv(65536)
            if not received:
                return False
            request += received
        self.requests.append(request)
        path = request.split(b" ")[1].decode() if request else "/"
        script = self.routes.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        if callable(script):
            return script(connection, request) is True
        connection.sendall(script)
        return True


def reset(connection):
    """Close so that the other side sees a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def page(html, *, fields=""):
    """An HTML response with its length."""
    body = html.encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def response(body=b"x", media_type="image/png", status="200 OK"):
    """A response with its length."""
    return f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
def serve():
    """`serve(routes)` starts a server, stopped when the test ends."""
    servers = []

    def start(routes, tls=None, **options):
        servers.append(Server(routes, tls, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def fetch(tmp_path):
    """`fetch(url)` makes one exchange; fetchers live as long as the test, one for each set of options."""
    with contextlib.ExitStack() as stack:
        fetchers = {}

        def run(url, *, limits=LIMITS, network=NETWORK, resolver=None, **request):
            key = (limits, network, resolver)
            if key not in fetchers:
                more = {"resolver": resolver} if resolver else {}
                fetchers[key] = stack.enter_context(
                    Fetcher(limits=limits, network=network, user_agent="test", workdir=tmp_path, clock=now, **more)
                )
            return fetchers[key].fetch(url, purpose=Purpose.PAGE, **request)

        yield run


@pytest.fixture
def capture(tmp_path):
    """`capture(url)` captures a page that may be on the loopback interface."""

    def run(target, *, limits=LIMITS, network=NETWORK, user_agent="test", **options):
        return capture_page(
            target,
            capture_id="20261121t011630z-k3j5x2m4q7ab",
            user_agent=user_agent,
            workdir=tmp_path,
            clock=now,
            limits=limits,
            network=network,
            **options,
        )

    return run


def raw(exchange):
    with exchange.response.raw.open() as reader:
        return reader.read()


@dataclass
class Authority:
    """A certificate authority of this test run."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def file(self):
        return self.folder / "ca.pem"

    def context(self, *names, days=(-1, 30), self_signed=False, maximum=None, ciphers=None):
        """A server's TLS context with a certificate for `names`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
        alternatives = [x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if self_signed else self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now() + timedelta(days=days[0]))
            .not_valid_after(now() + timedelta(days=days[1]))
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    key.public_key() if self_signed else self.key.public_key()
                ),
                critical=False,
            )
            .sign(key if self_signed else self.key, hashes.SHA256())
        )
        chain = certificate.public_bytes(serialization.Encoding.PEM)
        if not self_signed:
            chain += self.certificate.public_bytes(serialization.Encoding.PEM)
        path = self.folder / f"{certificate.serial_number}.pem"
        path.write_bytes(
            chain
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        if maximum:
            context.maximum_version = maximum
        if ciphers:
            context.set_ciphers(ciphers)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sijill test authority")])
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"),
        False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=2))
        .not_valid_after(now() + timedelta(days=60))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("authority")
    made = Authority(folder, key, certificate)
    made.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return made


@pytest.fixture(scope="session")
def wire():
    """The functions that tests build and read bytes with."""

    class Wire:
        page = staticmethod(page)
        raw = staticmethod(raw)
        reset = staticmethod(reset)
        response = staticmethod(response)

    return Wire


@pytest.fixture(scope="session")
def local():
    """`local(server, *hosts)` are settings under which `hosts` are served by `server`."""

    def settings(*pinned, **more):
        pins = tuple(Pin(host, server.port, ip_address("127.0.0.1")) for host, server in pinned)
        return Network(LOOPBACK, pins, **more)

    return settings
