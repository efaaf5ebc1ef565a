"""The sections of a report about the log and time: where the attestation stands, and who says when it was there."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.errors import MalformedCheckpoint
from sijill.provenance.log.checkpoint import SignedCheckpoint, parse_checkpoint
from sijill.provenance.log.note import NoteSignature
from sijill.provenance.package_layout import About
from sijill.provenance.report.input import ReportInput, TokenFacts, Verification
from sijill.provenance.report.markup import code, facts, number, paragraph, plain, section, small, table, text
from sijill.provenance.verify.report import Bound

# c2sp.org/tlog-cosignature: 8 bytes of POSIX time, then an Ed25519 signature.
_COSIGNATURE_SIZE: Final = 72
_TIME_SIZE: Final = 8
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = int((datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH).total_seconds())
_OVER: Final = {
    About.CHECKPOINT: "the checkpoint that includes the attestation",
    About.ATTESTATION: "the attestation",
    About.FRESHNESS: "the checkpoint that the attestation quotes",
}


def log_place(evidence: ReportInput) -> str:
    """Where the attestation stands in the log, and who signed the checkpoint."""
    signed = evidence.proof.checkpoint
    head = signed.checkpoint
    return section(
        "log",
        "Place in the log",
        paragraph(
            "The log is append-only: each checkpoint commits to all entries before it, and a proof leads from the "
            "attestation's entry to the root of the tree."
        ),
        facts(
            (
                ("Log", code(head.origin)),
                ("Entry", f"index {number(evidence.proof.index)}, counted from 0"),
                ("Checkpoint", f"of {number(head.size)} {'entry' if head.size == 1 else 'entries'}"),
                ("Root of the tree", code(base64.b64encode(head.root).decode("ascii"))),
                ("Key of the log", code(evidence.log_vkey)),
                ("Hashes in the proof", number(len(evidence.proof.hashes))),
            )
        ),
        "<h3>Signatures on the checkpoint</h3>\n",
        table(("Name", "Key id", "Says that it signed at"), _signatures(signed)),
        "<h3>The checkpoint that the attestation quotes</h3>\n",
        _quoted(evidence),
    )


def bracket(evidence: ReportInput, verification: Verification | None) -> str:
    """Between which moments the attestation was made, and who says so."""
    if verification is None:
        first, last = _claimed_first(evidence), _claimed_last(evidence)
        lead = (
            "As the timestamps and cosignatures in the package state it. On this page none of them is verified, and "
            "whether their authors deserve belief is for the reader to decide."
        )
    else:
        found = verification.report.bracket
        first, last = _bound(found.not_before), _bound(found.not_after)
        lead = "As verified, by outside parties that the trust root of the verification names."
    times = evidence.statement.predicate.times
    return section(
        "time",
        "When: the time bracket",
        paragraph(plain(lead)),
        facts(
            (
                ("T0, not made before", first),
                (
                    "Collector's own clock",
                    f"{code(format_timestamp(times.started))} to {code(format_timestamp(times.ended))}, a claim",
                ),
                ("T1, not made after", last),
            )
        ),
        paragraph(
            "T1: someone outside the archive put a time on the attestation, or on a checkpoint that includes it, so it "
            "existed then. T0: the attestation quotes something that nobody could know before it was made, a timestamp "
            "or cosignature over an earlier checkpoint, so it is younger.",
            kind="note",
        ),
        table(
            ("Timestamp", "States the time", "SHA-256 of its signer's certificate"),
            (_token(token) for token in sorted(evidence.tokens, key=lambda stamp: stamp.token)),
            kind="stamps",
        )
        if evidence.tokens
        else paragraph("There is no timestamp in the package."),
    )


def _signatures(signed: SignedCheckpoint) -> Iterator[tuple[str, str, str]]:
    for signature in signed.note.signatures:
        moment = _cosigned(signature)
        says = "says no time" if moment is None else code(format_timestamp(moment))
        yield text(signature.name), code(signature.key_id.hex()), says


def _quoted(evidence: ReportInput) -> str:
    quoted = _quoted_checkpoint(evidence)
    if quoted is None:
        return paragraph("It quotes none that could be read.")
    head = quoted.checkpoint
    rows = (
        ("Log", code(head.origin)),
        ("Entries", number(head.size)),
        ("Root", code(base64.b64encode(head.root).decode("ascii"))),
    )
    return facts(rows) + table(("Name", "Key id", "Says that it signed at"), _signatures(quoted))


def _quoted_checkpoint(evidence: ReportInput) -> SignedCheckpoint | None:
    quoted = evidence.statement.predicate.freshness
    if quoted is None:
        return None
    try:
        return parse_checkpoint(quoted.encode("utf-8"))
    except MalformedCheckpoint:
        return None


def _cosigned(signature: NoteSignature) -> datetime | None:
    """When a witness says that it signed; None if the line has not the form of a cosignature."""
    if len(signature.value) != _COSIGNATURE_SIZE:
        return None
    seconds = int.from_bytes(signature.value[:_TIME_SIZE], "big")
    return _EPOCH + timedelta(seconds=seconds) if seconds <= _LATEST else None


def _cosignatures(signed: SignedCheckpoint | None) -> Iterator[tuple[datetime, str]]:
    for signature in () if signed is None else signed.note.signatures:
        if (moment := _cosigned(signature)) is not None:
            yield moment, f"a cosignature in the name of {text(signature.name)}"


def _claimed_first(evidence: ReportInput) -> str:
    claims = [*_stamped(evidence, About.FRESHNESS), *_cosignatures(_quoted_checkpoint(evidence))]
    if not claims:
        return "no claim: the attestation quotes nothing that an outside party dated"
    return _claim(*max(claims))


def _claimed_last(evidence: ReportInput) -> str:
    stamped = _stamped(evidence, About.CHECKPOINT, About.ATTESTATION)
    claims = [*stamped, *_cosignatures(evidence.proof.checkpoint)]
    if not claims:
        return "no claim: no outside party put a time on it"
    return _claim(*min(claims))


def _stamped(evidence: ReportInput, *about: About) -> Iterator[tuple[datetime, str]]:
    for stamp in evidence.tokens:
        if stamp.token.about in about and stamp.time is not None:
            yield stamp.time, f"the timestamp {code(stamp.token.path)}{_accuracy(stamp)}"


def _accuracy(stamp: TokenFacts) -> str:
    if stamp.accuracy is None:
        return ""
    seconds = stamp.accuracy.days * 86_400 + stamp.accuracy.seconds
    return f", accurate to {seconds}.{stamp.accuracy.microseconds:06d} s"


def _claim(moment: datetime, claimed_by: str) -> str:
    return f"{code(format_timestamp(moment))} by the claim of {claimed_by}"


def _bound(bound: Bound | None) -> str:
    if bound is None:
        return "<b>none</b>: no outside party of the trust root vouches for a time"
    vouchers = " and ".join(text(voucher) for voucher in bound.vouchers)
    return f"<b>{code(format_timestamp(bound.time))}</b>, for which {vouchers} vouch"


def _token(stamp: TokenFacts) -> tuple[str, str, str]:
    over = small(f"over {plain(_OVER[stamp.token.about])}")
    time = "nothing that could be read" if stamp.time is None else code(format_timestamp(stamp.time))
    certificate = "not sent along" if stamp.signer_sha256 is None else code(stamp.signer_sha256)
    return (
        f"{code(stamp.token.path)}{over}{small(f'SHA-256 {code(stamp.sha256)}')}",
        f"{time}{small(_accuracy(stamp).removeprefix(', '))}",
        small(certificate),
    )
