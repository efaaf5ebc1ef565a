"""Checkpoints: what a log says its tree is at one size (c2sp.org/tlog-checkpoint)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from sijill.provenance.errors import MalformedCheckpoint, MalformedNote
from sijill.provenance.log.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE
from sijill.provenance.log.note import Note, NoteSigner, NoteVerifier, format_note, parse_note

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: origin, number of leaves, root. Signed by nobody as such; see `SignedCheckpoint`."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()
    """Further lines. sijill writes none, and gives no meaning to those of others."""

    @property
    def text(self) -> str:
        """The note text.

        Raises:
            MalformedCheckpoint: a member cannot be written.
        """
        root = base64.b64encode(self.root).decode("ascii")
        text = "".join(f"{line}\n" for line in (self.origin, str(self.size), root, *self.extensions))
        if parse_text(text) != self:
            raise MalformedCheckpoint("members that a checkpoint cannot hold")
        return text


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with the note it was read from. Its signatures are unverified until `verify` returns."""

    checkpoint: Checkpoint
    note: Note

    @property
    def data(self) -> bytes:
        """The note, byte for byte as it was parsed."""
        return format_note(self.note)

    @property
    def first_signed(self) -> bytes:
        """The note with its first signature alone: what a log keeps of a checkpoint, and what authorities timestamp."""
        return format_note(Note(self.note.text, self.note.signatures[:1]))

    def verify(self, verifier: NoteVerifier) -> None:
        """Check that the log whose key `verifier` is signed this checkpoint.

        Raises:
            UnverifiedNote: there is no valid signature of that key.
            MalformedCheckpoint: the key is that of another log: its name is not the origin.
        """
        if verifier.name != self.checkpoint.origin:
            raise MalformedCheckpoint(f"origin {self.checkpoint.origin!r}, the key is for {verifier.name!r}")
        verifier.verify(self.note)


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> bytes:
    """The signed note of `checkpoint`; the same checkpoint gives the same bytes.

    Raises:
        MalformedCheckpoint: a member cannot be written, or the signer's name is not the origin.
    """
    if signer.name != checkpoint.origin:
        raise MalformedCheckpoint(f"origin {checkpoint.origin!r}, the key is for {signer.name!r}")
    return format_note(signer.sign(checkpoint.text))


def parse_checkpoint(data: bytes) -> SignedCheckpoint:
    """Parse a checkpoint. Nothing is verified.

    Raises:
        MalformedCheckpoint: `data` is not a signed note, or its text is not what a log would write: size not decimal,
            root not 32 bytes, a root other than the empty one at size 0, an empty line.
    """
    try:
        note = parse_note(data)
    except MalformedNote as err:
        raise MalformedCheckpoint(err.reason) from err
    return SignedCheckpoint(parse_text(note.text), note)


def parse_text(text: str) -> Checkpoint:
    """Parse the text of a checkpoint, without signatures.

    Raises:
        MalformedCheckpoint: see `parse_checkpoint`.
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() != "" or not all(lines):
        raise MalformedCheckpoint("not three or more lines, each with text")
    origin, size, root, *extensions = lines
    number = parse_decimal(size)
    if number is None:
        raise MalformedCheckpoint(f"size {size[:40]!r}")
    checkpoint = Checkpoint(origin, number, _root(root), tuple(extensions))
    if number == 0 and checkpoint.root != EMPTY_ROOT:
        raise MalformedCheckpoint("size 0 with the root of something")
    return checkpoint


def parse_decimal(text: str) -> int | None:
    """The number that `text` is in ASCII digits without leading zeroes, at most `MAX_SIZE`; None if it is not."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        return None
    return int(text)


def _root(text: str) -> bytes:
    try:
        root = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as err:
        raise MalformedCheckpoint("root: not base64") from err
    if len(root) != HASH_SIZE or base64.b64encode(root).decode("ascii") != text:
        raise MalformedCheckpoint(f"root: not the standard base64 of {HASH_SIZE} bytes")
    return root
