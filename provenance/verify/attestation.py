"""The checks of the attestation: envelope, trusted signature, statement."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sijill.provenance.attest.envelope import PAYLOAD_TYPE, Envelope, parse_envelope
from sijill.provenance.attest.keys import PublicKey
from sijill.provenance.attest.members import CaptureStatement, NamedCollector
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.errors import MalformedEnvelope, MalformedStatement
from sijill.provenance.verify.codes import Code
from sijill.provenance.verify.report import Attested, Finding, Ledger


@dataclass(frozen=True, slots=True)
class Attestation:
    """An attestation whose signature was verified and whose statement is well formed."""

    data: bytes
    """The envelope file."""
    statement: CaptureStatement
    predicate: dict[str, Any]
    """The predicate as JSON."""
    keys: tuple[PublicKey, ...]
    """The keys of the trust root among the signatures, in their order."""


def check_attestation(ledger: Ledger, data: bytes, name: str) -> Attestation | None:
    """Run the E-ATT checks on an envelope file; None unless all of them passed.

    Args:
        ledger: takes the outcome.
        data: the file.
        name: what findings call it.
    """
    try:
        envelope = parse_envelope(data)
    except MalformedEnvelope as err:
        ledger.record(Code.ATT_01, [Finding(name, err.reason)])
        return None
    ledger.record(Code.ATT_01, ())
    known = envelope.payload_type == PAYLOAD_TYPE
    ledger.record(Code.ATT_02, [] if known else [Finding(name, f"payload type {envelope.payload_type}")])
    keys = _check_signatures(ledger, envelope, name)
    # A payload is read only after its signature was verified (DSSE v1, protocol, "Verification").
    if not keys or not ledger.ready(Code.ATT_05):
        return None
    try:
        statement = parse_statement(envelope.payload)
    except MalformedStatement as err:
        ledger.record(Code.ATT_05, [Finding(err.path or name, err.reason)])
        return None
    ledger.record(Code.ATT_05, ())
    ledger.attested = _attested(statement, keys)
    return Attestation(data, statement, json.loads(envelope.payload)["predicate"], tuple(keys))


def _check_signatures(ledger: Ledger, envelope: Envelope, name: str) -> list[PublicKey]:
    """The keys of the trust root that are named by signatures, in their order; empty unless all of those verify."""
    keys = [key for key in (ledger.trust.attestation_key(s.keyid) for s in envelope.signatures) if key is not None]
    strangers = [Finding(name, f"signed by {signature.keyid}") for signature in envelope.signatures]
    if not ledger.record(Code.ATT_03, [] if keys else strangers):
        return []
    verified = envelope.verified_by(keys)
    false = [
        Finding(name, f"the signature of {key.keyid} does not verify") for key in keys if key.keyid not in verified
    ]
    return keys if ledger.record(Code.ATT_04, false) else []


def _attested(statement: CaptureStatement, keys: list[PublicKey]) -> Attested:
    predicate = statement.predicate
    collector = predicate.collector
    return Attested(
        capture_id=predicate.capture_id,
        target=predicate.target,
        final_url=predicate.final_url,
        title=predicate.title,
        outcome=str(predicate.outcome),
        reasons=predicate.reasons,
        exchanges=len(predicate.exchanges),
        started=predicate.times.started,
        ended=predicate.times.ended,
        collector=collector.name if isinstance(collector, NamedCollector) else None,
        commitment=None if isinstance(collector, NamedCollector) else collector.commitment,
        keyids=tuple(key.keyid for key in keys),
    )
