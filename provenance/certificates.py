"""X.509 certificates in PEM, as trust roots hold them and as files bring them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sijill.provenance.errors import MalformedCertificate

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def split_certificates(pem: bytes) -> tuple[str, ...]:
    """The certificates of a PEM file in their order, each as OpenSSL writes it and as a trust root holds it.

    Raises:
        MalformedCertificate: there is none, or one cannot be read.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        found = x509.load_pem_x509_certificates(pem)
    except (ValueError, x509.InvalidVersion) as err:
        raise MalformedCertificate("not certificates in PEM") from err
    return tuple(certificate.public_bytes(Encoding.PEM).decode("ascii") for certificate in found)


def load_pem(text: str) -> Certificate:
    """The first certificate in `text`.

    Raises:
        MalformedCertificate: there is none, or it cannot be read.
    """
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(text.encode("utf-8", "replace"))
    except (ValueError, x509.InvalidVersion) as err:
        raise MalformedCertificate("not a certificate in PEM") from err


def sha256_of(certificate: Certificate) -> str:
    """SHA-256 of the certificate's DER, lowercase hexadecimal."""
    from cryptography.hazmat.primitives.hashes import SHA256

    return certificate.fingerprint(SHA256()).hex()
