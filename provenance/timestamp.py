"""Timestamps of authorities (RFC 3161, RFC 5816): asking for one, reading the response, verifying it offline.

Signature and certificate path are left to rfc3161-client, which hands them to OpenSSL with the time that the token
states, and with no other certificate from the token than its signer's. What it does not look at is checked here and in
`timestamp_checks`. Whether a certificate was revoked is not looked at: no list is at hand offline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sijill.provenance.certificates import load_pem, sha256_of
from sijill.provenance.der import Element, elements
from sijill.provenance.errors import MalformedTimestampResponse, UnverifiedTimestamp
from sijill.provenance.timestamp_checks import DIGESTS, check_signed, check_signer
from sijill.provenance.timestamp_token import CERTIFICATES, named_signer, with_signer_alone

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

MAX_RESPONSE: Final = 64 << 10
"""The largest response accepted, in bytes."""
QUERY_TYPE: Final = "application/timestamp-query"
REPLY_TYPE: Final = "application/timestamp-reply"
"""Media types of RFC 3161 §3.4."""

_LARGEST_ACCURACY: Final = timedelta(days=366)
# asn1crypto decodes when a value is asked for, and hostile bytes make it fail in any of these ways.
_UNREADABLE: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class TimestampResponse:
    """What a granted response says. Nothing of it is verified."""

    time: datetime
    """In UTC, with the fraction that the authority gave."""
    accuracy: timedelta | None
    serial: int
    policy: str
    """The object identifier of the authority's policy."""
    imprint_algorithm: str
    imprint: bytes
    nonce: int | None
    signer_sha256: str | None
    """SHA-256 of the certificate that it names as its signer's; None if that certificate was not sent along."""
    signer_subject: str | None

    def is_over(self, message: bytes) -> bool:
        """Whether the imprint is that of `message`."""
        return hashlib.new(self.imprint_algorithm, message).digest() == self.imprint


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A verified timestamp: an authority says that the message existed at this time."""

    time: datetime
    """In UTC, by the authority's clock."""
    accuracy: timedelta | None
    """How far it says its clock may be off; None if it does not say."""
    signer_sha256: str
    """SHA-256 of the certificate that signed."""
    signer_subject: str
    serial: int
    policy: str

    @property
    def earliest(self) -> datetime:
        """The earliest time that the authority's statement allows."""
        return self.time - (self.accuracy or timedelta())

    @property
    def latest(self) -> datetime:
        """The latest time that the authority's statement allows."""
        left = datetime.max.replace(tzinfo=self.time.tzinfo) - self.time
        return self.time + min(self.accuracy or timedelta(), left)


@dataclass(frozen=True, slots=True)
class _Token:
    response: TimestampResponse
    bare: bytes
    """The response with its signer's certificate alone; see `with_signer_alone`."""
    signed_data: Any
    content: bytes
    """What is signed: the timestamp itself, as it came."""
    signer: bytes | None
    """The signer's certificate, as it came."""
    brings_more: bool
    """Whether other certificates were sent along."""


def timestamp_request(message: bytes, *, nonce: int) -> bytes:
    """The request (RFC 3161 §2.4.1) for a timestamp over `message`, by its SHA-256, with the certificate, in DER."""
    from asn1crypto import tsp

    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": hashlib.sha256(message).digest()}
    request = tsp.TimeStampReq({"version": "v1", "message_imprint": imprint, "nonce": nonce, "cert_req": True})
    return bytes(request.dump())


def parse_response(data: bytes) -> TimestampResponse:
    """Parse a granted response (RFC 3161 §2.4.2). Nothing is verified.

    Raises:
        MalformedTimestampResponse: `data` is no response in DER, has bytes left over, is larger than `MAX_RESPONSE`,
            is no grant (the reason the authority gave is told), has an imprint weaker than SHA-256, or other than
            one signer, who must be named by issuer and serial number.
    """
    return _read(data).response


def check_answer(data: bytes, message: bytes, nonce: int) -> TimestampResponse:
    """What an asker can tell without roots: the answer is to this very request. Its signature is not verified.

    Raises:
        MalformedTimestampResponse: as for `parse_response`.
        UnverifiedTimestamp: it is over other bytes, has another nonce, or does not bring its signer's certificate.
    """
    response = parse_response(data)
    if not response.is_over(message):
        raise UnverifiedTimestamp("it is over other bytes")
    if response.nonce != nonce:
        raise UnverifiedTimestamp("it has another nonce than the request")
    if response.signer_sha256 is None:
        raise UnverifiedTimestamp("it does not bring the certificate of its signer")
    return response


def verify_timestamp(
    data: bytes,
    message: bytes,
    *,
    roots: Sequence[str],
    intermediates: Sequence[str] = (),
    certificates: Sequence[str] = (),
) -> Timestamp:
    """Verify a stored response over `message` as of the time that it states, so that it outlives its certificates.

    A certificate path must lead to one of `roots`, through `intermediates` alone: of the certificates that were sent
    along none but the signer's is looked at. If there are `certificates`, the signer must be one of them. All are PEM,
    one in each text.

    Raises:
        MalformedTimestampResponse: as for `parse_response`.
        UnverifiedTimestamp: it does not show that `message` existed at its time; the reason says why.
        MalformedCertificate: a given text is no certificate.
    """
    token = _read(data)
    response = token.response
    if not response.is_over(message):
        raise UnverifiedTimestamp("it is over other bytes")
    if token.signer is None or response.signer_sha256 is None or response.signer_subject is None:
        raise UnverifiedTimestamp("it does not bring the certificate of its signer")
    check_signer(_load_der(token.signer), response.time)
    if certificates and response.signer_sha256 not in {sha256_of(load_pem(text)) for text in certificates}:
        raise UnverifiedTimestamp(f"its signer {response.signer_subject} is none of the certificates that are pinned")
    try:
        check_signed(token.signed_data, token.content, token.signer, _decoded(token.signer))
    except _UNREADABLE as err:
        raise MalformedTimestampResponse(f"what is signed cannot be read: {err}") from err
    _check_path(token, message, [load_pem(text) for text in roots], [load_pem(text) for text in intermediates])
    return Timestamp(
        time=response.time,
        accuracy=response.accuracy,
        signer_sha256=response.signer_sha256,
        signer_subject=response.signer_subject,
        serial=response.serial,
        policy=response.policy,
    )


def _read(data: bytes) -> _Token:
    if len(data) > MAX_RESPONSE:
        raise MalformedTimestampResponse(f"larger than {MAX_RESPONSE} bytes")
    from rfc3161_client import decode_timestamp_response

    try:
        response = _response_type().load(data, strict=True)
        _check_granted(response["status"])
        token = _token(elements(data)[0], response["time_stamp_token"])
        # A second parser, strict about DER: what both read the same way is what is meant.
        decode_timestamp_response(token.bare)
    except _UNREADABLE as err:
        reason = str(err).partition("\n")[0][:200]
        raise MalformedTimestampResponse(f"not a timestamp response in DER: {reason}") from err
    return token


@cache
def _response_type() -> Any:
    from asn1crypto import cms, core, tsp

    # RFC 3161 §2.4.2; asn1crypto's own type asks for a token even where there is none, in a rejection.
    fields = [("status", tsp.PKIStatusInfo), ("time_stamp_token", cms.ContentInfo, {"optional": True})]
    return type("Response", (core.Sequence,), {"_fields": fields})


def _check_granted(status: Any) -> None:
    # RFC 3161 §2.4.2: only these carry a token.
    if status["status"].native in ("granted", "granted_with_mods"):
        return
    said = [str(status["status"].native), *sorted(status["fail_info"].native or ())]
    said += [str(text)[:200] for text in status["status_string"].native or ()]
    raise MalformedTimestampResponse(f"the authority did not grant it: {'; '.join(said)}")


def _token(response: Element, token: Any) -> _Token:
    if not token or token["content_type"].native != "signed_data":
        raise MalformedTimestampResponse("there is no token, or it is not signed")
    signed_data = token["content"]
    encapsulated = signed_data["encap_content_info"]
    # RFC 5652 §5.1: version 3, because the content is not plain data.
    if signed_data["version"].native != "v3" or encapsulated["content_type"].native != "tst_info":
        raise MalformedTimestampResponse("what is signed is no timestamp")
    info = encapsulated["content"].parsed
    if info["version"].native != "v1":
        raise MalformedTimestampResponse("a timestamp of an unknown version")
    algorithm = info["message_imprint"]["hash_algorithm"]["algorithm"].native
    imprint = info["message_imprint"]["hashed_message"].native
    if algorithm not in DIGESTS:
        raise MalformedTimestampResponse(f"the imprint is by {algorithm}, which is weaker than SHA-256 or unknown")
    if len(imprint) != hashlib.new(algorithm).digest_size:
        raise MalformedTimestampResponse(f"an imprint of {len(imprint)} bytes, which {algorithm} does not give")
    # RFC 5652 §5.1: version, digest algorithms, content, certificates if there are any, ..., signers.
    parts = response.elements[1].elements[1].elements[0].elements
    certificates = next((part for part in parts if part.tag == CERTIFICATES), None)
    brought = certificates.elements if certificates else []
    signer = named_signer(parts[-1], brought)
    said = TimestampResponse(
        time=_time(info["gen_time"].native),
        accuracy=_accuracy(info["accuracy"]),
        serial=info["serial_number"].native,
        policy=info["policy"].dotted,
        imprint_algorithm=algorithm,
        imprint=imprint,
        nonce=info["nonce"].native,
        signer_sha256=None if signer is None else hashlib.sha256(signer).hexdigest(),
        signer_subject=None if signer is None else _load_der(signer).subject.rfc4514_string(),
    )
    content = parts[2].elements[1].elements[0].contents
    return _Token(said, with_signer_alone(response, signer), signed_data, content, signer, brings_more=len(brought) > 1)


def _time(moment: object) -> datetime:
    # asn1crypto has a type of its own for the year 0.
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise MalformedTimestampResponse("its time is no time in UTC")
    return moment.astimezone(UTC)


def _accuracy(accuracy: Any) -> timedelta | None:
    if accuracy.native is None:
        return None
    parts = [accuracy[name].native or 0 for name in ("seconds", "millis", "micros")]
    seconds, millis, micros = parts
    # RFC 3161 §2.4.2: millis and micros are 1 to 999.
    if min(parts) < 0 or max(millis, micros) > 999 or seconds > _LARGEST_ACCURACY.total_seconds():
        raise MalformedTimestampResponse("an impossible accuracy")
    return timedelta(seconds=seconds, milliseconds=millis, microseconds=micros)


def _check_path(
    token: _Token, message: bytes, roots: Sequence[Certificate], intermediates: Iterable[Certificate]
) -> None:
    from cryptography.x509 import InvalidVersion
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    if not roots:
        raise UnverifiedTimestamp("no root certificate of an authority is given")
    # rfc3161-client hands them to OpenSSL as it does roots: one that signed itself would be believed like a root.
    between = [certificate for certificate in intermediates if certificate.subject != certificate.issuer]
    decoded = decode_timestamp_response(token.bare)
    verifier = VerifierBuilder(roots=list(roots), intermediates=between).build()
    try:
        verifier.verify_message(decoded, message)
    except (VerificationError, ValueError, InvalidVersion) as err:
        raise UnverifiedTimestamp(_failure(str(err), brings_more=token.brings_more)) from err
    seen = decoded.tst_info
    if seen.gen_time != token.response.time.replace(microsecond=0) or seen.serial_number != token.response.serial:
        raise UnverifiedTimestamp("two parsers read it differently")


def _failure(reason: str, *, brings_more: bool) -> str:
    path = "no path leads from the certificate of its signer to a trusted root, as of its time"
    if "certificate verify error" in reason:
        return path + ("; certificates that only the timestamp brings do not count" if brings_more else "")
    if "PKCS7_verify" in reason or "EVP_" in reason or "signature" in reason:
        return f"its signature does not verify, or {path}"
    return reason.partition("\n")[0][:200]


def _load_der(data: bytes) -> Certificate:
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(data)
    except x509.InvalidVersion as err:
        raise MalformedTimestampResponse("a certificate of an unknown version") from err


def _decoded(certificate: bytes) -> Any:
    from asn1crypto import x509

    return x509.Certificate.load(certificate, strict=True)
