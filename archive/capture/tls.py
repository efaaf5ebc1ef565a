"""TLS of a capture: a handshake that any certificate survives, and what the handshake said.

Why the certificate is verified apart from the handshake: Python's `ssl` either ends a handshake at a certificate that
does not validate, and then there is no page to record, or does not check it and keeps OpenSSL's own verdict to itself.
Shaking hands twice would join the verdict about one connection to the bytes of another. So the handshake runs
unchecked, the chain that the server sent on it is taken from that connection, and `cryptography` verifies that very
chain: signatures, validity at the time of the exchange, names, key usage, up to a trust anchor (RFC 5280 and the CA/B
profile, so it is stricter than OpenSSL and as strict as browsers). The handshake itself has proved that the server
holds the leaf's private key. Revocation is not looked at. Nothing secret travels on these connections; what is at
stake is what the record may say about them.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from sijill.archive.capture.exchange import TlsFacts
from sijill.archive.errors import UnusableTrustAnchors

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from cryptography.x509.verification import Subject

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_ENCOUNTERED = re.compile(r" \(encountered processing .*\)", re.DOTALL)
"""How the library shows the certificate that it objects to; the chain itself is recorded."""
_NO_CHAIN = "the server sent no certificate"
# RFC 5746 §4.1: old servers that do not know secure renegotiation; named in `ssl` only since Python 3.12.
_LEGACY_SERVER_CONNECT = 0x4
_SUITE = re.compile(
    r"(?:(?P<exchange>(?:ECDHE|DHE)-(?:ECDSA|RSA|DSS))-)?"
    r"(?P<cipher>(?:AES|CAMELLIA|ARIA)(?P<bits>128|256)|CHACHA20-POLY1305|DES-CBC3)"
    r"(?:-(?P<mode>GCM|CCM8|CCM))?(?:-(?P<hash>SHA|SHA256|SHA384))?"
)


class _RawCertificate(Protocol):
    def public_bytes(self, encoding: int = ...) -> bytes: ...


class _TlsObject(Protocol):
    def get_unverified_chain(self) -> list[_RawCertificate] | None: ...


def client_context() -> ssl.SSLContext:
    """A context whose handshake succeeds with any certificate; `TrustAnchors` gives the verdict afterwards."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= _LEGACY_SERVER_CONNECT
    context.set_alpn_protocols(["http/1.1"])
    return context


def sent_chain(connection: ssl.SSLSocket) -> tuple[bytes, ...]:
    """The certificates as the server sent them on `connection`, DER, leaf first; empty if it sent none."""
    public = getattr(connection, "get_unverified_chain", None)
    if public is not None:  # Python 3.13 and later
        return tuple(bytes(der) for der in public())
    # Python 3.10 to 3.12 have the same method on the object inside, giving certificates that know their encodings.
    inside = cast("_TlsObject | None", getattr(connection, "_sslobj", None))
    chain = inside.get_unverified_chain() if inside else None
    der_encoding = 2  # _ssl.ENCODING_DER; X509_FILETYPE_ASN1 of OpenSSL
    return tuple(certificate.public_bytes(der_encoding) for certificate in chain or ())


class TrustAnchors:
    """The certificates that verification may end at.

    Args:
        ca_file: a PEM file; None means the anchors of the certifi package.
    """

    def __init__(self, ca_file: Path | None) -> None:
        self._ca_file = ca_file

    def facts(self, connection: ssl.SSLSocket, host: str, at: datetime) -> TlsFacts:
        """What TLS said on `connection`, and whether its certificate is valid for `host` at the time `at`.

        Raises:
            UnusableTrustAnchors: the file of the trust anchors cannot be read.
        """
        chain = sent_chain(connection)
        error = self.objection(chain, host, at)
        cipher = connection.cipher()
        return TlsFacts(
            version=connection.version() or "unknown",
            cipher=iana_name(cipher[0]) if cipher else "unknown",
            chain=chain,
            verified=error is None,
            verify_error=error,
        )

    def objection(self, chain: tuple[bytes, ...], host: str, at: datetime) -> str | None:
        """Why `chain` (DER, leaf first) is not valid for `host` at the time `at`; None if it is valid.

        Raises:
            UnusableTrustAnchors: the file of the trust anchors cannot be read.
        """
        from cryptography import x509  # some 50 ms that a page over http need not wait for
        from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

        if not chain:
            return _NO_CHAIN
        try:
            leaf, *others = [x509.load_der_x509_certificate(der) for der in chain]
            anchors = self._anchors_for([leaf, *others])
            if not anchors:
                return f"no trust anchor: {leaf.issuer.rfc4514_string()[:200]!r} is not known"
            verifier = PolicyBuilder().store(Store(anchors)).time(at).build_server_verifier(_subject(host))
            verifier.verify(leaf, others)
        except (VerificationError, ValueError) as err:  # ValueError: not parseable, or no host name to X.509
            return _ENCOUNTERED.sub("", str(err))[:500]
        return None

    def _anchors_for(self, chain: Iterable[Certificate]) -> list[Certificate]:
        """The anchors whose certificate contains the issuer's name of one of `chain`.

        A path can end at no other, and parsing all anchors for each capture would be waste.
        """
        from cryptography import x509

        issuers = {certificate.issuer.public_bytes() for certificate in chain}
        return [x509.load_der_x509_certificate(der) for der in self._encoded if any(name in der for name in issuers)]

    @cached_property
    def _encoded(self) -> tuple[bytes, ...]:
        path = self._ca_file
        if path is None:
            import certifi

            path = Path(certifi.where())
        try:
            blocks = _PEM.findall(path.read_text(encoding="ascii", errors="replace"))
            encoded = tuple(ssl.PEM_cert_to_DER_cert(block) for block in blocks)
        except (OSError, ValueError) as err:
            raise UnusableTrustAnchors(path, str(err)) from err
        if not encoded:
            raise UnusableTrustAnchors(path, "it holds no certificate in PEM form")
        return encoded


def _subject(host: str) -> Subject:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host.removesuffix("."))


def iana_name(openssl_name: str) -> str:
    """The name that IANA gives the cipher suite OpenSSL calls `openssl_name`; that name itself if it is unknown.

    Known are all that `client_context` offers. Suites of TLS 1.3 have the same name in both.
    """
    parts = _SUITE.fullmatch(openssl_name)
    if parts is None:
        return openssl_name
    exchange = (parts["exchange"] or "RSA").replace("-", "_")
    match parts["cipher"], parts["mode"]:
        case "CHACHA20-POLY1305", _:
            return f"TLS_{exchange}_WITH_CHACHA20_POLY1305_SHA256"
        case "DES-CBC3", _:
            return f"TLS_{exchange}_WITH_3DES_EDE_CBC_{parts['hash']}"
        case cipher, mode:
            name = f"TLS_{exchange}_WITH_{cipher.removesuffix(parts['bits'])}_{parts['bits']}_"
            if mode in {"CCM", "CCM8"}:
                return name + ("CCM" if mode == "CCM" else "CCM_8")
            return name + f"{mode or 'CBC'}_{parts['hash']}"
