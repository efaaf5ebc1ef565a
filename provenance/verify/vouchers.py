"""What outside parties of the trust root say of a moment: timestamps of authorities, cosignatures of witnesses."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from sijill.provenance.errors import MalformedTimestampResponse, UnverifiedNote, UnverifiedTimestamp
from sijill.provenance.log.checkpoint import SignedCheckpoint
from sijill.provenance.log.cosignature import verify_cosignature
from sijill.provenance.timestamp import parse_response, verify_timestamp
from sijill.provenance.verify.report import Finding
from sijill.provenance.verify.trust import TrustRoot


@dataclass(frozen=True, slots=True)
class Vouched:
    """What one outside party says of one moment: it lies between `earliest` and `latest`, by the party's own clock."""

    party: str
    """Who; the same name is the same party."""
    earliest: datetime
    latest: datetime


def stamped(trust: TrustRoot, data: bytes, message: bytes) -> Vouched:
    """What the timestamp in the response `data` says of `message`.

    Authorities are told apart by the root certificate that vouches for them, in the order of the trust root.

    Raises:
        MalformedTimestampResponse: it is no granted response, or one over other bytes.
        UnverifiedTimestamp: no authority of the trust root vouches for it.
    """
    response = parse_response(data)
    if hashlib.new(response.imprint_algorithm, message).digest() != response.imprint:
        raise MalformedTimestampResponse("it is over other bytes")
    reason = "the trust root names no authority"
    for number, root in enumerate(trust.tsa_roots, start=1):
        try:
            found = verify_timestamp(
                data,
                message,
                roots=[root],
                intermediates=trust.tsa_intermediates,
                certificates=trust.tsa_certificates,
            )
        except UnverifiedTimestamp as err:
            reason = err.reason
        else:
            return Vouched(f"timestamping authority {number}", found.earliest, found.latest)
    raise UnverifiedTimestamp(reason)


def witnessed(trust: TrustRoot, signed: SignedCheckpoint) -> tuple[list[Vouched], list[Finding]]:
    """What the witnesses of the trust root say of a checkpoint by their cosignatures, and which of those are false."""
    vouched, false = [], []
    for witness in trust.witnesses:
        try:
            if witness.signature_in(signed.note) is None:
                continue
            moment = datetime.fromtimestamp(verify_cosignature(signed.note, witness), UTC)
        except (UnverifiedNote, OverflowError, ValueError, OSError) as err:
            false.append(Finding(witness.name, str(err)))
        else:
            vouched.append(Vouched(witness.name, moment, moment))
    return vouched, false
