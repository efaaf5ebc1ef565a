"""What reports are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sijill.archive.digest import DigestSet, digest_bytes
from sijill.provenance.attest.members import CaptureStatement
from sijill.provenance.errors import MalformedTimestampResponse
from sijill.provenance.log.proof import LogProof
from sijill.provenance.package_layout import Token
from sijill.provenance.timestamp import parse_response
from sijill.provenance.verify.report import Report


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a timestamp in a package says of itself. Nothing of it is verified."""

    token: Token
    sha256: str
    """Of the file, lowercase hexadecimal."""
    time: datetime | None
    """None if the file is no granted response of an authority."""
    accuracy: timedelta | None
    signer_sha256: str | None
    """SHA-256 of the certificate that it names as its signer's, lowercase hexadecimal; None if it is not sent along."""

    @classmethod
    def of(cls, token: Token, data: bytes) -> TokenFacts:
        """What the response `data` of an authority says of itself; nothing can make this raise."""
        sha256 = digest_bytes(data).sha256.hex
        try:
            response = parse_response(data)
        except MalformedTimestampResponse:
            return cls(token, sha256, None, None, None)
        return cls(token, sha256, response.time, response.accuracy, response.signer_sha256)


@dataclass(frozen=True, slots=True)
class ReportInput:
    """The signed parts of a capture that its report describes."""

    statement: CaptureStatement
    envelope: bytes
    """The envelope file as stored."""
    proof: LogProof
    """Its checkpoint bears the log's signature first, then cosignatures."""
    keyid: str
    """Of the attestation key."""
    log_vkey: str
    tokens: tuple[TokenFacts, ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """The subjects that `shown_pictures` names."""


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """One event in the chain of custody of a capture."""

    at: datetime | None
    """By the clock of whoever vouches for it; None if nobody knows."""
    what: str
    who: str
    """On whose word."""
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """A verification that was made, and of what."""

    report: Report
    at: datetime
    """When, by the clock of the machine that made it."""
    software: str
    """With what, name and version."""
    package: DigestSet
    """Of the package file that was verified."""
