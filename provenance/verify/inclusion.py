"""The checks of the log: proof, checkpoint, inclusion, and the checkpoint that the attestation quotes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sijill.provenance.attest.envelope import envelope_sha256
from sijill.provenance.errors import InvalidProof, MalformedCheckpoint, MalformedProof, UnverifiedNote
from sijill.provenance.log.checkpoint import SignedCheckpoint, parse_checkpoint
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.note import NoteVerifier
from sijill.provenance.log.proof import LogProof, parse_proof
from sijill.provenance.verify.attestation import Attestation
from sijill.provenance.verify.codes import Code
from sijill.provenance.verify.report import Finding, Ledger, LogHead, LogPlace
from sijill.provenance.verify.trust import TrustRoot


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A proof whose checkpoint is signed by a log of the trust root. What it proves is in the ledger."""

    data: bytes
    """The proof file."""
    signed: SignedCheckpoint
    """The note inside it."""
    keys: tuple[NoteVerifier, ...]
    """The keys of the log that signed it."""


def check_inclusion(ledger: Ledger, data: bytes, name: str, attestation: Attestation | None) -> Inclusion | None:
    """Run the E-LOG checks; None unless a log of the trust root signed the proof's checkpoint.

    Args:
        ledger: takes the outcome.
        data: the proof file.
        name: what findings call it.
        attestation: what should be in the log; None if it is not worth looking for.
    """
    try:
        proof = parse_proof(data)
    except MalformedProof as err:
        ledger.record(Code.LOG_01, [Finding(name, err.reason)])
        return None
    ledger.record(Code.LOG_01, ())
    keys = _log_keys(ledger.trust, proof.checkpoint)
    if not ledger.record(Code.LOG_02, [] if keys else _strangers(proof.checkpoint, name)):
        return None
    if not ledger.record(Code.LOG_03, _false_signatures(proof.checkpoint, keys, name)):
        return None
    if attestation is not None:
        _check_leaf(ledger, proof, attestation, name)
        _check_quoted(ledger, proof, attestation)
    return Inclusion(data, proof.checkpoint, tuple(keys))


def _log_keys(trust: TrustRoot, signed: SignedCheckpoint) -> list[NoteVerifier]:
    """The keys of this log in the trust root that the note's signatures name."""
    named = {(signature.name, signature.key_id) for signature in signed.note.signatures}
    origin = signed.checkpoint.origin
    return [key for key in trust.log_keys if key.name == origin and (key.name, key.key_id) in named]


def _strangers(signed: SignedCheckpoint, about: str) -> list[Finding]:
    origin = signed.checkpoint.origin
    return [
        Finding(about, f"origin {origin}, signed by {signature.name} with key id {signature.key_id.hex()}")
        for signature in signed.note.signatures
    ]


def _false_signatures(signed: SignedCheckpoint, keys: list[NoteVerifier], about: str) -> Iterator[Finding]:
    # c2sp.org/signed-note: one bad signature of a known key is reason to refuse the note.
    for key in keys:
        try:
            signed.verify(key)
        except (UnverifiedNote, MalformedCheckpoint) as err:
            yield Finding(about, str(err))


def _check_leaf(ledger: Ledger, proof: LogProof, attestation: Attestation, name: str) -> None:
    entry = LogEntry(attestation.statement.predicate.capture_id, envelope_sha256(attestation.data))
    try:
        proof.verify(entry.data)
    except InvalidProof as err:
        ledger.record(Code.LOG_04, [Finding(name, err.reason)])
        return
    ledger.record(Code.LOG_04, ())
    checkpoint = proof.checkpoint.checkpoint
    ledger.place = LogPlace(checkpoint.origin, proof.index, checkpoint.size)


def _check_quoted(ledger: Ledger, proof: LogProof, attestation: Attestation) -> None:
    quoted = attestation.statement.predicate.freshness
    if quoted is None:
        ledger.skip(Code.LOG_05, "freshness", "the attestation quotes no checkpoint")
        return
    if not ledger.ready(Code.LOG_05):
        return
    try:
        signed = parse_checkpoint(quoted.encode("utf-8"))
    except MalformedCheckpoint as err:
        ledger.record(Code.LOG_05, [Finding("freshness", err.reason)])
        return
    keys = _log_keys(ledger.trust, signed)
    problems = [] if keys else _strangers(signed, "freshness")
    problems += _false_signatures(signed, keys, "freshness")
    head = signed.checkpoint
    if head.origin == proof.checkpoint.checkpoint.origin and head.size > proof.index:
        problems.append(Finding("freshness", f"size {head.size}, but the attestation's entry is {proof.index}"))
    if ledger.record(Code.LOG_05, problems):
        ledger.quoted = LogHead(head.origin, head.size)
