"""The certificates of a timestamping authority for trials, right or wrong for their use, each with a new key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 3650


class Usage(StrEnum):
    """What the authority's certificate says it may be used for (RFC 3161 §2.3)."""

    RIGHT = "timeStamping alone, critical"
    NOT_CRITICAL = "timeStamping alone, not critical"
    MIXED = "timeStamping and codeSigning, critical"
    OTHER = "codeSigning alone, critical"
    NONE = "no extended key usage"


_PURPOSES = {
    Usage.RIGHT: [ExtendedKeyUsageOID.TIME_STAMPING],
    Usage.NOT_CRITICAL: [ExtendedKeyUsageOID.TIME_STAMPING],
    Usage.MIXED: [ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING],
    Usage.OTHER: [ExtendedKeyUsageOID.CODE_SIGNING],
    Usage.NONE: [],
}


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    @property
    def key_pem(self) -> bytes:
        """The key in PEM, PKCS #8, not encrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def write(self, folder: Path, name: str) -> None:
        """Write `<name>.pem` and `<name>.key`."""
        (folder / f"{name}.pem").write_text(self.pem, encoding="ascii")
        (folder / f"{name}.key").write_bytes(self.key_pem)


def issue(
    name: str,
    issuer: Identity | None,
    *,
    authority: bool = False,
    usage: Usage = Usage.NONE,
    valid_seconds: float | None = None,
    with_rsa: bool = False,
) -> Identity:
    """A new certificate called `name`, signed by `issuer`, or by itself.

    Args:
        name: its common name.
        issuer: whose key signs it; None: its own.
        authority: whether it may sign others.
        usage: what it says it may be used for.
        valid_seconds: when it expires, from now; None for years.
        with_rsa: make an RSA key, not one on P-256.
    """
    key = rsa.generate_private_key(65537, 2048) if with_rsa else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "sijill tests"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    now = datetime.now(UTC)
    valid = timedelta(days=VALID_DAYS) if valid_seconds is None else timedelta(seconds=valid_seconds)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + valid)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_key_usage(authority=authority), critical=True)
    )
    issuer_key = (issuer.key if issuer else key).public_key()
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    if purposes := _PURPOSES[usage]:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=usage is not Usage.NOT_CRITICAL)
    return Identity(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
