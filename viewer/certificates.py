"""The certificates that servers sent, out of a capture's WARC and compared with what the attestation says of them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from cryptography import x509

from sijill.archive.errors import MalformedWarc
from sijill.archive.warc.reader import Record, read_records
from sijill.archive.warc.record import RecordType
from sijill.provenance.attest.members import Exchange
from sijill.viewer.errors import Refused

_PREFIX: Final = "urn:sijill:certificates:"
_LARGEST: Final = 1 << 20
"""Bytes of a chain."""
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_MOST: Final = 200
"""Chains of a capture."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate as a server sent it; nothing of it is verified here."""

    sha256: str
    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """The certificates of some connections, the server's own first."""

    hosts: tuple[str, ...]
    version: str
    cipher: str
    verified: bool
    verify_error: str | None
    digests: tuple[str, ...]
    """As attested."""
    certificates: tuple[Certificate | None, ...]
    """None for one that cannot be read, or that the WARC does not hold."""
    held: frozenset[str]
    """Which of them the WARC holds, by digest."""


def chains(exchanges: tuple[Exchange, ...], warc: BinaryIO) -> tuple[Chain, ...]:
    """The distinct chains of a capture's exchanges, each certificate found in the WARC by its digest.

    Raises:
        Refused: the WARC is not whole.
    """
    met: dict[tuple[str, ...], Exchange] = {}
    hosts: dict[tuple[str, ...], dict[str, None]] = {}
    for exchange in exchanges:
        if exchange.tls is not None and exchange.tls.chain and len(met) < _MOST:
            met.setdefault(exchange.tls.chain, exchange)
            hosts.setdefault(exchange.tls.chain, {})[exchange.url.split("/")[2]] = None
    if not met:
        return ()
    try:
        held = dict(_held(warc))
    except MalformedWarc as err:
        raise Refused(f"the WARC cannot be read: {err}") from err
    return tuple(
        Chain(
            tuple(hosts[digests]),
            exchange.tls.version,
            exchange.tls.cipher,
            exchange.tls.verified,
            exchange.tls.verify_error,
            digests,
            tuple(held.get(digest) for digest in digests),
            frozenset(held) & frozenset(digests),
        )
        for digests, exchange in met.items()
        if exchange.tls is not None
    )


def certificates(pem: bytes) -> Iterator[tuple[str, Certificate | None]]:
    """The certificates of a PEM text: for each the SHA-256 of its DER, and what it says; None if it cannot be read."""
    for block in _PEM.findall(pem):
        try:
            der = base64.b64decode(block, validate=False)
        except binascii.Error:
            continue
        digest = hashlib.sha256(der).hexdigest()
        try:
            yield digest, _certificate(digest, x509.load_der_x509_certificate(der))
        except ValueError:
            yield digest, None


def _held(warc: BinaryIO) -> Iterator[tuple[str, Certificate | None]]:
    for record in read_records(warc):
        if record.type is RecordType.RESOURCE and (record.target or "").startswith(_PREFIX):
            yield from certificates(_block(record))


def _block(record: Record) -> bytes:
    return b"".join(record.chunks()) if record.size <= _LARGEST else b""


def _certificate(digest: str, found: x509.Certificate) -> Certificate:
    return Certificate(
        digest,
        found.subject.rfc4514_string(),
        found.issuer.rfc4514_string(),
        f"{found.serial_number:x}",
        found.not_valid_before_utc,
        found.not_valid_after_utc,
        _names(found),
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(found.get_values_for_type(x509.DNSName))
