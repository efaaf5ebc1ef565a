"""What is recorded of TLS, and that a certificate which does not validate is recorded and does not stop the capture."""

import hashlib
import socket
import ssl
import subprocess
import threading
import time

import pytest

from sijill.archive.capture.exchange import FailureKind, Limits, Truncation
from sijill.archive.capture.tls import TrustAnchors, client_context, iana_name
from sijill.archive.errors import UnusableTrustAnchors


@pytest.fixture
def trusting(authority, local):
    """`trusting((host, server), ...)` are settings that trust the test's authority."""

    def settings(*pinned, **more):
        return local(*pinned, ca_file=authority.file, **more)

    return settings


def served_by(serve, wire, context):
    return serve({"/": wire.response(b"secure")}, context)


def test_a_valid_certificate(fetch, serve, wire, authority, trusting):
    context = authority.context("site.example", "127.0.0.1")
    server = served_by(serve, wire, context)
    done = fetch(server.url("/", "site.example"), network=trusting(("site.example", server)))
    tls = done.tls
    assert (tls.version, tls.verified, tls.verify_error) == ("TLSv1.3", True, None)
    assert tls.cipher in {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"}
    assert len(tls.chain) == 2
    assert tls.chain[1] == ssl.PEM_cert_to_DER_cert(authority.file.read_text())
    seen = ssl.get_server_certificate(("127.0.0.1", server.port))
    assert hashlib.sha256(tls.chain[0]).digest() == hashlib.sha256(ssl.PEM_cert_to_DER_cert(seen)).digest()
    assert (done.server.ip, done.server.port, done.server.pinned) == ("127.0.0.1", server.port, True)
    by_address = fetch(server.url("/"), network=trusting())
    assert (by_address.tls.verified, by_address.server.pinned) == (True, False)


def test_tls_1_2_and_its_cipher_by_the_iana_name(fetch, serve, wire, authority, trusting):
    context = authority.context("127.0.0.1", maximum=ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256")
    done = fetch(served_by(serve, wire, context).url("/"), network=trusting())
    assert (done.tls.version, done.tls.verified) == ("TLSv1.2", True)
    assert done.tls.cipher == "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"


@pytest.mark.parametrize(
    ("certificate", "word"),
    [
        ({"names": ("other.example",)}, "subjectAltName"),
        ({"names": ("site.example",), "days": (-9, -1)}, "not valid at"),
        ({"names": ("site.example",), "days": (1, 9)}, "not valid at"),
        ({"names": ("site.example",), "self_signed": True}, "trust anchor"),
    ],
    ids=["wrong host", "expired", "not yet", "self-signed"],
)
def test_certificates_that_do_not_validate(fetch, serve, wire, authority, trusting, certificate, word):
    options = dict(certificate)
    context = authority.context(*options.pop("names"), **options)
    server = served_by(serve, wire, context)
    done = fetch(server.url("/", "site.example"), network=trusting(("site.example", server)))
    assert (done.response.status, done.failure, done.tls.verified) == (200, None, False)
    assert wire.raw(done).endswith(b"secure")
    assert word in done.tls.verify_error
    assert "<Certificate" not in done.tls.verify_error
    assert done.tls.chain
    strict = trusting(("site.example", server), reject_invalid_certificates=True)
    refused = fetch(server.url("/", "site.example"), network=strict)
    assert (refused.failure.kind, refused.response, refused.request) == (FailureKind.TLS, None, b"")
    assert refused.tls == done.tls
    assert len(server.requests) == 1


def test_an_authority_that_is_not_trusted(fetch, serve, wire, authority, local):
    server = served_by(serve, wire, authority.context("127.0.0.1"))
    done = fetch(server.url("/"), network=local())
    assert (done.tls.verified, len(done.tls.chain)) == (False, 2)
    assert "sijill test authority" in done.tls.verify_error


def test_a_host_name_that_no_certificate_can_hold(fetch, serve, wire, authority, trusting):
    server = served_by(serve, wire, authority.context("site.example"))
    done = fetch(server.url("/", "a_b.example"), network=trusting(("a_b.example", server)))
    assert (done.response.status, done.tls.verified) == (200, False)


def test_a_server_that_does_not_speak_tls(fetch, serve, wire):
    server = serve({"/": wire.response()}, read_requests=False)
    done = fetch(f"https://127.0.0.1:{server.port}/")
    assert (done.failure.kind, done.response, done.tls, done.request) == (FailureKind.TLS, None, None, b"")
    assert done.server.port == server.port


def test_a_handshake_that_ends_or_never_ends(fetch, serve):
    closing = serve({"/": lambda *_: False}, read_requests=False)
    assert fetch(f"https://127.0.0.1:{closing.port}/").failure.kind is FailureKind.TLS
    silent = serve({"/": lambda *_: time.sleep(60)}, read_requests=False)
    began = time.monotonic()
    done = fetch(f"https://127.0.0.1:{silent.port}/", limits=Limits(exchange_seconds=0.5))
    assert (done.failure.kind, done.tls) == (FailureKind.TIMEOUT, None)
    assert time.monotonic() - began < 40


def test_a_cut_without_closure_alert_leaves_a_body_without_length_in_doubt(fetch, authority):
    """RFC 9112 §9.8: anybody on the way can cut a connection; only TLS can say that the server meant to."""
    sent = b"HTTP/1.0 200 OK\r\n\r\nstatement"
    context = authority.context("127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def cut():
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(65536)
                secure.sendall(sent)

        thread = threading.Thread(target=cut)
        thread.start()
        done = fetch(f"https://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()
    assert done.response.truncated is Truncation.DISCONNECT
    assert done.failure.kind is FailureKind.RESET
    assert "closure alert" in done.failure.detail
    assert done.response.payload.size == 9


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_trust_anchors_that_cannot_be_read_are_a_fault_of_settings(
    fetch, serve, wire, authority, local, tmp_path, content
):
    path = tmp_path / "anchors.pem"
    if content:
        path.write_text(content)
    server = served_by(serve, wire, authority.context("127.0.0.1"))
    with pytest.raises(UnusableTrustAnchors) as caught:
        fetch(server.url("/"), network=local(ca_file=path))
    assert caught.value.path == path


def test_public_anchors_are_used_unless_settings_name_others():
    """The chain of a public site would be too short-lived for a test; that anchors load is what can be shown."""
    assert len(TrustAnchors(None)._encoded) > 50


def test_cipher_names_are_those_of_iana(tool):
    openssl = tool("openssl", "openssl")
    listed = subprocess.run([openssl, "ciphers", "-stdname", "ALL"], capture_output=True, text=True, check=True)
    names = {line.split()[2]: line.split()[0] for line in listed.stdout.splitlines()}
    offered = [cipher["name"] for cipher in client_context().get_ciphers()]
    assert len(offered) > 10
    assert {name: iana_name(name) for name in offered} == {name: names[name] for name in offered}
