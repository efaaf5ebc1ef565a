"""The outside parties of the vectors, witnesses and timestamping authorities, and what they make of a checkpoint."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tsa import Authority, authority

from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.checkpoint import parse_checkpoint
from sijill.provenance.log.cosignature import format_line, sign_cosignature, with_cosignatures
from sijill.provenance.log.note import Algorithm, NoteVerifier

QUOTED_AT = datetime(2026, 11, 20, 23, 55, 10, 250_000, tzinfo=UTC)
"""When outside parties saw the checkpoint that the attestation quotes."""
ATTESTED_AT = datetime(2026, 11, 21, 1, 16, 38, tzinfo=UTC)
"""When an authority saw the attestation."""
SEALED_AT = datetime(2026, 11, 21, 1, 20, 5, 500_000, tzinfo=UTC)
"""When outside parties saw the checkpoint that includes the attestation."""


@dataclass(frozen=True)
class Witness:
    """A witness with its key."""

    name: str

    @property
    def key(self) -> SigningKey:
        """Its key."""
        return SigningKey(hashlib.sha256(f"sijill test vectors: {self.name}".encode()).digest())

    @property
    def verifier(self) -> NoteVerifier:
        """Its vkey."""
        return NoteVerifier(self.name, self.key.public, Algorithm.COSIGNATURE_V1)

    def line(self, checkpoint: bytes, moment: datetime) -> bytes:
        """Its signature line for a checkpoint, made at this moment."""
        text = parse_checkpoint(checkpoint).note.text
        return format_line(sign_cosignature(text, self.key, self.name, int(moment.timestamp())))


WITNESSES = (Witness("witness-one.example"), Witness("witness-two.example"))
THIRD_WITNESS = Witness("witness-three.example")
ALPHA = authority("alpha")
BETA = authority("beta", intermediate=True, digest="sha512", accuracy=(0, 500, 20))
GAMMA = authority("gamma")
"""Known to few trust roots."""
AUTHORITIES = {"alpha": ALPHA, "beta": BETA}


def cosigned(checkpoint: bytes, moment: datetime, witnesses: Sequence[Witness] = WITNESSES) -> bytes:
    """`checkpoint` with a line of each of `witnesses`."""
    return with_cosignatures(checkpoint, [witness.line(checkpoint, moment) for witness in witnesses])


@functools.cache
def stamp(tsa: Authority, message: bytes, moment: datetime) -> bytes:
    """The authority's response over `message` at `moment`."""
    return tsa.respond(message, moment)


def stamps_of_checkpoint(checkpoint: bytes, moment: datetime) -> dict[str, bytes]:
    """The responses of all authorities over the checkpoint with its first signature alone, by their names."""
    message = parse_checkpoint(checkpoint).first_signed
    return {name: stamp(tsa, message, moment) for name, tsa in AUTHORITIES.items()}
