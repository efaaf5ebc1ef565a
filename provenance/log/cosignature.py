"""Witness cosignatures of checkpoints, Ed25519, version 1 (c2sp.org/tlog-cosignature)."""

from __future__ import annotations

from collections.abc import Iterable

from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.errors import MalformedNote, UnverifiedNote
from sijill.provenance.log.note import Algorithm, Note, NoteSignature, NoteVerifier, format_note, parse_note

_TIME_SIZE = 8
_LATEST = 2**63 - 1

_ANY_TEXT = "-\n"
"""Signature lines are read and written as those of a note with this text, so that they have one grammar."""
_BEFORE = f"{_ANY_TEXT}\n".encode()


def sign_cosignature(text: str, key: SigningKey, name: str, seconds: int) -> NoteSignature:
    """The cosignature of the checkpoint of this text by the witness `name`, made at `seconds` (POSIX time).

    Who calls this has seen that the log only grew and has remembered it durably (c2sp.org/tlog-witness).

    Raises:
        MalformedNote: the name cannot be that of a key.
        ValueError: the time is not between 1 and 2**63 - 1.
    """
    if not 1 <= seconds <= _LATEST:
        raise ValueError(f"no time of a cosignature: {seconds}")
    witness = NoteVerifier(name, key.public, Algorithm.COSIGNATURE_V1)
    value = seconds.to_bytes(_TIME_SIZE, "big") + key.sign(cosigned_message(text, seconds))
    return NoteSignature(name, witness.key_id, value)


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
    if seconds == 0:
        # c2sp.org/tlog-witness, add-checkpoint: a witness must not omit the time.
        raise UnverifiedNote(witness.name, "the cosignature states no time")
    if seconds > _LATEST or not witness.key.verify(line.value[_TIME_SIZE:], cosigned_message(note.text, seconds)):
        raise UnverifiedNote(witness.name, "the cosignature does not verify")
    return seconds


def cosigned_message(text: str, seconds: int) -> bytes:
    """What a witness signs for the checkpoint of this text at this time."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def format_line(signature: NoteSignature) -> bytes:
    """The signature line, with its newline.

    Raises:
        MalformedNote: the name or the bytes are such that `parse_line` would not give `signature` back.
    """
    return format_note(Note(_ANY_TEXT, (signature,))).removeprefix(_BEFORE)


def parse_line(data: bytes) -> NoteSignature:
    """Parse exactly one signature line. Nothing is verified.

    Raises:
        MalformedNote: it is anything else.
    """
    lines = parse_lines(data)
    if len(lines) != 1:
        raise MalformedNote(f"{len(lines)} signature lines instead of one")
    return lines[0]


def parse_lines(data: bytes) -> tuple[NoteSignature, ...]:
    """Parse one signature line or more, as a witness answers them. Nothing is verified.

    Raises:
        MalformedNote: a line is not a signature line, there is none, or there are too many.
    """
    note = parse_note(_BEFORE + data)
    if note.text != _ANY_TEXT:
        raise MalformedNote("an empty line before a signature line")
    return note.signatures


def with_cosignatures(checkpoint: bytes, lines: Iterable[bytes]) -> bytes:
    """`checkpoint` with cosignature lines after the log's: each once, sorted by key id. Nothing is verified.

    The first line of `checkpoint` is the log's and stays first; lines that it has beside are cosignatures already.

    Raises:
        MalformedNote: `checkpoint` is not a note, a line is not a signature line, or there are two of one key.
    """
    note = parse_note(checkpoint)
    log, *present = note.signatures
    cosignatures = {*present, *map(parse_line, lines)}
    if len({(line.name, line.key_id) for line in (log, *cosignatures)}) != len(cosignatures) + 1:
        raise MalformedNote("two signatures of one key")
    ordered = sorted(cosignatures, key=lambda line: (line.key_id, line.name))
    return format_note(Note(note.text, (log, *ordered)))
