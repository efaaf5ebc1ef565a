"""The elements of a timestamp token as they came (RFC 5652): whose signature it is, and all that it protects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sijill.provenance.der import SEQUENCE, Element, element
from sijill.provenance.errors import MalformedTimestampResponse

CERTIFICATES: Final = 0xA0
"""The tag of the certificates in SignedData, [0] of RFC 5652 §5.1."""
_GRANTED: Final = element(0x02, b"\x00")
_WITH_MODIFICATIONS: Final = element(0x02, b"\x01")
_REVOCATIONS: Final = 0xA1  # [1] of SignedData
_VERSION: Final = 0xA0  # [0] of TBSCertificate, RFC 5280 §4.1


def named_signer(signers: Element, certificates: Sequence[Element]) -> bytes | None:
    """The certificate, among those sent along, that the one signer names; None if it is not among them.

    Raises:
        MalformedTimestampResponse: there is not one signer, it is not named by issuer and serial number, or several
            certificates could be its own.
    """
    if len(signers.elements) != 1:
        raise MalformedTimestampResponse(f"{len(signers.elements)} signers, expected one")
    version, named = signers.elements[0].elements[:2]
    # RFC 5652 §5.3: version 1 goes with this way of naming the signer.
    if version.contents != b"\x01" or named.tag != SEQUENCE:
        raise MalformedTimestampResponse("its signer is not named by issuer and serial number")
    issuer, serial = named.elements
    found = []
    for certificate in certificates:
        if certificate.tag != SEQUENCE:
            raise MalformedTimestampResponse("it brings something else than X.509 certificates")
        # RFC 5280 §4.1: version unless it is 1, serial number, signature algorithm, issuer.
        body = certificate.elements[0].elements
        number, _, authority = body[1:4] if body[0].tag == _VERSION else body[:3]
        if (number.whole, authority.whole) == (serial.whole, issuer.whole):
            found.append(certificate.whole)
    if len(found) > 1:
        # Signature and usage could otherwise be checked against different ones.
        raise MalformedTimestampResponse("it brings several certificates that could be its signer's")
    return found[0] if found else None


def with_signer_alone(response: Element, signer: bytes | None) -> bytes:
    """The response with its signer's certificate alone; all that the signature protects is as it came.

    Raises:
        MalformedTimestampResponse: its status is not in DER.
    """
    if response.elements[0].elements[0].whole not in (_GRANTED, _WITH_MODIFICATIONS):
        raise MalformedTimestampResponse("its status is not in DER")
    kind, tagged = response.elements[1].elements
    parts = [part for part in tagged.elements[0].elements if part.tag not in (CERTIFICATES, _REVOCATIONS)]
    wholes = [part.whole for part in parts]
    if signer is not None:
        # RFC 5652 §5.1: certificates come after the content.
        wholes.insert(3, element(CERTIFICATES, signer))
    token = element(SEQUENCE, kind.whole, element(tagged.tag, element(SEQUENCE, *wholes)))
    return element(SEQUENCE, element(SEQUENCE, _GRANTED), token)
