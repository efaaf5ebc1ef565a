"""Witness cosignatures of checkpoints, Ed25519, version 1 (c2sp.org/tlog-cosignature)."""

from __future__ import annotations

from sijill.provenance.errors import UnverifiedNote
from sijill.provenance.log.note import Algorithm, Note, NoteVerifier

_TIME_SIZE = 8
_LATEST = 2**63 - 1


def verify_cosignature(note: Note, witness: NoteVerifier) -> int:
    """Check that `witness` cosigned the checkpoint `note`, and return when it says it did, in POSIX seconds.

    It shows that the witness had seen no larger tree of this log, and none inconsistent with this one, by then.

    Raises:
        UnverifiedNote: the key is not a witness's, or there is no valid cosignature of it, or more than one.
    """
    if witness.algorithm is not Algorithm.COSIGNATURE_V1:
        raise UnverifiedNote(witness.name, "the key is not for cosignatures")
    line = witness.signature_in(note)
    if line is None:
        raise UnverifiedNote(witness.name, "no cosignature of this key")
    seconds = int.from_bytes(line.value[:_TIME_SIZE], "big")
    if seconds > _LATEST or not witness.key.verify(line.value[_TIME_SIZE:], cosigned_message(note.text, seconds)):
        raise UnverifiedNote(witness.name, "the cosignature does not verify")
    return seconds


def cosigned_message(text: str, seconds: int) -> bytes:
    """What a witness signs for the checkpoint of this text at this time."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
