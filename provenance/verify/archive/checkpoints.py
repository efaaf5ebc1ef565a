"""The checkpoints that a log keeps, and the one that it publishes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sijill.provenance.errors import MalformedCheckpoint, UnreadableObject, UnverifiedNote
from sijill.provenance.log.checkpoint import SignedCheckpoint, parse_checkpoint, parse_decimal
from sijill.provenance.log.layout import CHECKPOINT, checkpoint_key
from sijill.provenance.log.note import NoteVerifier
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.archive.journal import Journal
from sijill.provenance.verify.archive.source import CHECKPOINTS, ArchiveSource
from sijill.provenance.verify.trust import TrustRoot

Show = Callable[[int, int], None]
"""Told how far a step is: how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class LogHead:
    """The newest checkpoint of the log, as far as it is signed."""

    signed: SignedCheckpoint
    keys: tuple[NoteVerifier, ...]
    """The log keys of the trust root that signed it."""

    @property
    def size(self) -> int:
        """Entries in the log."""
        return self.signed.checkpoint.size


def log_signers(trust: TrustRoot, signed: SignedCheckpoint) -> tuple[NoteVerifier, ...]:
    """The log keys of the trust root that signed a checkpoint.

    Raises:
        UnverifiedNote: there is none, or the signature of one does not verify.
        MalformedCheckpoint: a key that signed is for another origin.
    """
    origin = signed.checkpoint.origin
    keys = tuple(key for key in trust.log_keys if key.name == origin and key.signature_in(signed.note) is not None)
    if not keys:
        names = ", ".join(f"{line.name} with key id {line.key_id.hex()}" for line in signed.note.signatures)
        raise UnverifiedNote(origin, f"signed by no log key of the trust root, but by {names}")
    for key in keys:
        signed.verify(key)
    return keys


def find_checkpoints(journal: Journal, source: ArchiveSource, trust: TrustRoot, show: Show) -> LogHead | None:
    """Verify every checkpoint that the log keeps and mark its size; the largest that is signed, or None.

    Must come before the store is listed: whatever a checkpoint stands on was stored before it.
    """
    sizes = sorted(
        size for key in source.list(CHECKPOINTS) if (size := parse_decimal(key.removeprefix(CHECKPOINTS))) is not None
    )
    head: LogHead | None = None
    for number, size in enumerate(sizes, start=1):
        journal.mark(size, checkpoint=True)
        try:
            signed = kept_checkpoint(source, size)
            keys = log_signers(trust, signed)
        except (MalformedCheckpoint, UnverifiedNote, UnreadableObject) as err:
            journal.find(ArchiveCode.SIGNED, checkpoint_key(size), str(err), place=size)
        else:
            if head is not None and signed.checkpoint.origin != head.signed.checkpoint.origin:
                reason = f"origin {signed.checkpoint.origin}, smaller ones have {head.signed.checkpoint.origin}"
                journal.find(ArchiveCode.SIGNED, checkpoint_key(size), reason, place=size)
            head = LogHead(signed, keys)
        show(number, len(sizes))
    return head


def kept_checkpoint(source: ArchiveSource, size: int) -> SignedCheckpoint:
    """The checkpoint that the log keeps for a size; no signature is verified.

    Raises:
        MalformedCheckpoint: it is none of that size with the one signature of the log.
        UnreadableObject: it is not there, or no object.
    """
    data = source.read(checkpoint_key(size))
    if data is None:
        raise UnreadableObject(checkpoint_key(size), "listed, but not there")
    signed = parse_checkpoint(data)
    if signed.checkpoint.size != size:
        raise MalformedCheckpoint(f"is one of size {signed.checkpoint.size}")
    if signed.first_signed != data:
        raise MalformedCheckpoint("has more signatures than the log's")
    return signed


def check_newest(journal: Journal, source: ArchiveSource, trust: TrustRoot, size: int) -> None:
    """Check the published checkpoint, which may have been moved on since the audit began, but never back."""
    try:
        fault = _published_fault(source, trust, size)
    except (MalformedCheckpoint, UnverifiedNote, UnreadableObject) as err:
        fault = str(err)
    if fault is not None:
        journal.find(ArchiveCode.NEWEST, CHECKPOINT, fault)


def _published_fault(source: ArchiveSource, trust: TrustRoot, size: int) -> str | None:
    data = source.read(CHECKPOINT)
    if data is None:
        return "is missing"
    signed = parse_checkpoint(data)
    log_signers(trust, signed)
    published = signed.checkpoint.size
    if published < size:
        return f"has size {published}, but the log keeps a checkpoint of size {size}"
    # What is published may carry cosignatures after the log's signature.
    if kept_checkpoint(source, published).first_signed != signed.first_signed:
        return f"is not the checkpoint that the log keeps for size {published}"
    return None
