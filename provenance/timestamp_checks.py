"""What is checked of a timestamp beside its signature and its certificate path (RFC 3161, RFC 5652, RFC 5816)."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sijill.provenance.errors import UnverifiedTimestamp

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

DIGESTS: Final = ("sha256", "sha384", "sha512")
"""Those that imprints and signatures may be by."""
_SIGNATURES: Final = {"rsassa_pkcs1v15": "rsa", "ecdsa": "ec"}
"""Kinds of signatures that OpenSSL's PKCS #7 verifies, and the kinds of keys that make them."""


def check_signer(certificate: Certificate, time: datetime) -> None:
    """Check that the certificate was valid at `time` and is for timestamps alone.

    Raises:
        UnverifiedTimestamp: it was not, or is not.
    """
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    if not certificate.not_valid_before_utc <= time <= certificate.not_valid_after_utc:
        raise UnverifiedTimestamp("the certificate of its signer was not valid at its time")
    # RFC 3161 §2.3: one extended key usage, timeStamping, and it must be critical.
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound as err:
        raise UnverifiedTimestamp("the certificate of its signer is not for timestamps: no extended key usage") from err
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as err:
        raise UnverifiedTimestamp(f"the certificate of its signer cannot be read: {err}") from err
    if list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise UnverifiedTimestamp("the certificate of its signer is not for timestamps, or not for them alone")
    if not usage.critical:
        raise UnverifiedTimestamp("the certificate of its signer is for timestamps, but does not say so critically")


def check_signed(signed_data: Any, content: bytes, signer: bytes, certificate: Any) -> None:
    """Check that all that is signed agrees: with the content, the signer's certificate and the algorithms named.

    Args:
        signed_data: the CMS SignedData, with one signer.
        content: the TSTInfo in it, as it came.
        signer: the signer's certificate, as it came.
        certificate: the same, decoded by asn1crypto.

    Raises:
        UnverifiedTimestamp: something does not agree.
    """
    signer_info = signed_data["signer_infos"][0]
    digest = signer_info["digest_algorithm"]["algorithm"].native
    if digest not in DIGESTS:
        raise UnverifiedTimestamp(f"its signature is by {digest}, which is weaker than SHA-256 or unknown")
    if digest not in [named["algorithm"].native for named in signed_data["digest_algorithms"]]:
        raise UnverifiedTimestamp("its signature is by a digest that it does not name")
    _check_algorithm(signer_info["signature_algorithm"], digest, certificate)
    attributes = _attributes(signer_info["signed_attrs"])
    if _only(attributes, "content_type").native != "tst_info":
        raise UnverifiedTimestamp("its signature is for another type of content")
    if _only(attributes, "message_digest").native != hashlib.new(digest, content).digest():
        raise UnverifiedTimestamp("its signature is over other content")
    _check_binding(attributes, signer, certificate)
    info = signed_data["encap_content_info"]["content"].parsed
    if any(extension["critical"].native for extension in info["extensions"] or ()):
        raise UnverifiedTimestamp("it has a critical extension that is not known")
    if not _is_named(info["tsa"], certificate):
        raise UnverifiedTimestamp("the authority that it names is not that of the certificate")


def _check_algorithm(algorithm: Any, digest: str, certificate: Any) -> None:
    # Not protected by the signature, so it must say what the rest says.
    kind = algorithm.signature_algo
    if certificate.public_key.algorithm != _SIGNATURES.get(kind):
        raise UnverifiedTimestamp(f"a signature of kind {kind} by a key of kind {certificate.public_key.algorithm}")
    # RFC 3370 §3.2: rsaEncryption alone names no digest.
    if algorithm["algorithm"].native != "rsassa_pkcs1v15" and algorithm.hash_algo != digest:
        raise UnverifiedTimestamp(f"a signature by {algorithm.hash_algo} over attributes by {digest}")


def _attributes(signed: Any) -> dict[str, Any]:
    if not signed:
        # RFC 5652 §5.3: they must be there if the content is not plain data.
        raise UnverifiedTimestamp("it has no signed attributes")
    attributes: dict[str, Any] = {}
    for attribute in signed:
        name = attribute["type"].native
        if name in attributes:
            raise UnverifiedTimestamp(f"it has two signed attributes of type {name}")
        attributes[name] = attribute["values"]
    return attributes


def _only(attributes: dict[str, Any], name: str) -> Any:
    values = attributes.get(name)
    if values is None or len(values) != 1:
        raise UnverifiedTimestamp(f"it has not exactly one signed attribute {name}")
    return values[0]


def _check_binding(attributes: dict[str, Any], signer: bytes, certificate: Any) -> None:
    """RFC 3161 §2.4.2, RFC 5816 §2.2.1: the signature names the certificate that it is to be verified with."""
    named = [name for name in ("signing_certificate_v2", "signing_certificate") if name in attributes]
    if not named:
        raise UnverifiedTimestamp("its signature is bound to no certificate")
    for name in named:
        first = _only(attributes, name)["certs"][0]
        # RFC 2634 §5.4.1: the first form is always by SHA-1, and needs no collision resistance.
        algorithm = "sha1" if name == "signing_certificate" else first["hash_algorithm"]["algorithm"].native
        if algorithm not in (*DIGESTS, "sha1"):
            raise UnverifiedTimestamp(f"its signature is bound to a certificate by {algorithm}")
        bound = hashlib.new(algorithm, signer, usedforsecurity=False).digest()
        if first["cert_hash"].native != bound or not _is_issuer(first["issuer_serial"], certificate):
            raise UnverifiedTimestamp("its signature is bound to another certificate")


def _is_issuer(named: Any, certificate: Any) -> bool:
    if named.native is None:
        return True
    names = named["issuer"]
    same = len(names) == 1 and names[0].name == "directory_name" and names[0].chosen == certificate.issuer
    return same and named["serial_number"].native == certificate.serial_number


def _is_named(tsa: Any, certificate: Any) -> bool:
    """RFC 3161 §2.4.2: the name, if there is one, must be one of those in the certificate."""
    if tsa.native is None:
        return True
    names = [name.untag().dump() for name in certificate.subject_alt_name_value or ()]
    return (tsa.name == "directory_name" and tsa.chosen == certificate.subject) or tsa.untag().dump() in names
