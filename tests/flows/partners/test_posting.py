import ipaddress
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sijill.flows.errors import BadSettings, ExitStatus, PartnerUnreachable, status_of
from sijill.flows.partners.posting import Posting, post

LONG = 60


@contextmanager
def partner(answer, context=None):
    """A server that hands each connection, as a file, to `answer`; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    def handle(connection):
        try:
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rwb") as file:
                answer(file)
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def request_in(file):
    head = {}
    first = file.readline().decode("latin-1").strip()
    while line := file.readline().decode("latin-1").strip():
        name, _, value = line.partition(": ")
        head[name.lower()] = value
    return first, head, file.read(int(head["content-length"]))


def answering(*pieces):
    def answer(file):
        request_in(file)
        for piece in pieces:
            file.write(piece)
            file.flush()

    return answer


def send(url, *, timeout=LONG, limit=1000, **more):
    return post(
        url, b"asked", content_type="text/x-asked", accept="text/x-told", timeout_seconds=timeout, limit=limit, **more
    )


def test_the_request_and_the_whole_answer():
    seen = []

    def answer(file):
        seen.append(request_in(file))
        file.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/x-told; a=b\r\nContent-Length: 4\r\n\r\ntold")

    with partner(answer) as port:
        told = send(f"http://127.0.0.1:{port}/a/b?c=d")
    assert (told.status, told.content_type, told.body) == (200, "text/x-told; a=b", b"told")
    first, head, body = seen[0]
    assert first == "POST /a/b?c=d HTTP/1.1"
    assert body == b"asked"
    assert head["content-type"] == "text/x-asked"
    assert head["accept"] == "text/x-told"
    assert head["host"] == f"127.0.0.1:{port}"


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nto\r\n2\r\nld\r\n0\r\n\r\n"],
        [b"HTTP/1.0 200 OK\r\n\r\n", b"to", b"ld"],
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntold"],
    ],
)
def test_any_framing_of_the_answer(pieces):
    with partner(answering(*pieces)) as port:
        told = send(f"http://127.0.0.1:{port}")
    assert (told.status, told.content_type, told.body) == (200, None, b"told")


@pytest.mark.parametrize("status", [302, 307, 404, 409, 500])
def test_other_statuses_are_answers_and_nothing_is_followed(status):
    connections = []

    def answer(file):
        connections.append(request_in(file))
        file.write(b"HTTP/1.1 %d X\r\nLocation: /elsewhere\r\nContent-Length: 2\r\n\r\nno" % status)

    with partner(answer) as port:
        told = send(f"http://127.0.0.1:{port}/")
    assert (told.status, told.body) == (status, b"no")
    assert len(connections) == 1


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([], "closed the connection without an answer"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nto"], "cut, 8 bytes before its end"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nto"], "cut"),
        ([b"SSH-2.0-OpenSSH\r\n"], "no HTTP answer"),
        ([b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"], "no HTTP answer"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001], "longer than 1000 bytes"),
        ([b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 5000], "longer than 1000 bytes"),
    ],
)
def test_what_is_no_whole_answer(pieces, reason):
    with partner(answering(*pieces)) as port, pytest.raises(PartnerUnreachable, match=reason) as caught:
        send(f"http://127.0.0.1:{port}/")
    assert caught.value.url == f"http://127.0.0.1:{port}/"
    assert status_of(caught.value) is ExitStatus.FAILED


def test_an_answer_of_exactly_the_limit_is_whole():
    with partner(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000)) as port:
        assert len(send(f"http://127.0.0.1:{port}/").body) == 1000


def silent(ended):
    def answer(file):
        request_in(file)
        ended.wait(LONG)

    return answer


def dripping(ended):
    def answer(file):
        request_in(file)
        file.write(b"HTTP/1.1 200 OK\r\n")
        while not ended.wait(0.02):
            file.write(b"A: b\r\n")
            file.flush()

    return answer


def deaf(ended):
    def answer(file):
        ended.wait(LONG)

    return answer


@pytest.mark.parametrize("behaviour", [silent, dripping, deaf])
def test_the_time_limit_is_of_all_of_it(behaviour):
    ended = threading.Event()
    begun = time.monotonic()
    with partner(behaviour(ended)) as port, pytest.raises(PartnerUnreachable, match=r"no whole answer within 0\.3 s"):
        send(f"http://127.0.0.1:{port}/", timeout=0.3)
    ended.set()
    assert time.monotonic() - begun < LONG / 2


def test_several_are_under_way_at_once():
    """Each waits until all have come, so one after the other would never end."""
    here = threading.Barrier(4)

    def answer(file):
        request_in(file)
        here.wait(LONG)
        file.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with partner(answer) as port:
        url = f"http://127.0.0.1:{port}/"
        under_way = [
            Posting(url, b"", content_type="a/b", accept=None, timeout_seconds=LONG, limit=9) for _ in range(4)
        ]
        assert [one.answer().body for one in under_way] == [b"ok"] * 4


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://nowhere.invalid/", "name does not resolve"),
        ("http://" + "a" * 70 + ".invalid/", "no HTTP answer|name does not resolve"),
        ("http://127.0.0.1:{closed}/", "the connection was refused"),
        ("ftp://127.0.0.1/", "not an http or https URL"),
        ("http:///path", "not an http or https URL"),
        ("http://127.0.0.1:99999/", "no HTTP answer"),
    ],
)
def test_what_cannot_be_reached(url, reason):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    with pytest.raises(PartnerUnreachable, match=reason):
        send(url.replace("{closed}", str(closed)))


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A server context, and the file of the one anchor that vouches for it."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "partner")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "partner.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "partner.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "partner.pem", folder / "partner.key")
    return context, folder / "partner.pem"


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_tls_is_verified(tls):
    context, anchor = tls
    with partner(answering(OK), context) as port:
        assert send(f"https://127.0.0.1:{port}/", ca_file=anchor).body == b"ok"
        with pytest.raises(PartnerUnreachable, match=r"its certificate does not verify: self.signed"):
            send(f"https://127.0.0.1:{port}/")
        with pytest.raises(PartnerUnreachable, match=r"does not verify: (Hostname mismatch|.*localhost)"):
            send(f"https://localhost:{port}/", ca_file=anchor)


def test_what_speaks_no_tls():
    with partner(lambda file: file.write(OK)) as port, pytest.raises(PartnerUnreachable, match=r"TLS failed|closed"):
        send(f"https://127.0.0.1:{port}/")


def test_anchors_must_be_some(tmp_path):
    with pytest.raises(BadSettings, match=r"missing\.pem"):
        send("https://127.0.0.1/", ca_file=tmp_path / "missing.pem")
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(BadSettings, match=r"empty\.pem"):
        send("https://127.0.0.1/", ca_file=tmp_path / "empty.pem")
