"""Packages whose cosignatures are too few, false or of strangers; and good ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from evidence import FULL_TRUST, TRUST, Evidence, evidence, log_head, proof_of, zipped
from parties import GAMMA, QUOTED_AT, SEALED_AT, THIRD_WITNESS, WITNESSES
from vector import TRUE, bad, good, trusting

from sijill.provenance.log.checkpoint import parse_checkpoint
from sijill.provenance.log.cosignature import format_line, parse_line
from sijill.provenance.log.note import Note, NoteSigner, format_note
from sijill.provenance.log.proof import parse_proof
from sijill.provenance.verify.trust import Policy

HEAD = parse_proof(TRUE.proof).checkpoint.first_signed
"""The checkpoint with the log's signature alone."""
FIRST, SECOND = WITNESSES


def with_lines(*lines: bytes) -> Callable[[], bytes]:
    """The true package with these lines instead of the cosignatures on its checkpoint."""

    def package() -> bytes:
        log = parse_checkpoint(HEAD).note
        head = format_note(Note(log.text, (*log.signatures, *map(parse_line, lines))))
        checkpoint = parse_proof(TRUE.proof).checkpoint.data
        return zipped(TRUE.sealed(TRUE.proof.replace(checkpoint, head)).files())

    return package


def flipped_line(line: bytes, place: int) -> bytes:
    """A line with one bit of its bytes changed: 0 to 7 are the time, what follows is the signature."""
    parsed = parse_line(line)
    value = parsed.value[:place] + bytes([parsed.value[place] ^ 1]) + parsed.value[place + 1 :]
    return format_line(dataclasses.replace(parsed, value=value))


def plain_signature() -> bytes:
    """What the first witness's key signs as if it were a log's, under the key id of its cosignatures."""
    signed = NoteSigner(FIRST.name, FIRST.key).sign(parse_checkpoint(HEAD).note.text).signatures[0]
    return format_line(dataclasses.replace(signed, key_id=FIRST.verifier.key_id))


ONE, TWO, THREE = (witness.line(HEAD, SEALED_AT) for witness in (FIRST, SECOND, THIRD_WITNESS))
OLDER = dataclasses.replace(parse_line(THREE), name=FIRST.name)
bad("E-WIT-01_none", "no cosignature", with_lines())
bad("E-WIT-01_too-few", "one witness of two", with_lines(ONE))
bad(
    "E-WIT-01_other-checkpoint",
    "the cosignature of another checkpoint",
    with_lines(ONE, SECOND.line(log_head(7), SEALED_AT)),
)
bad("E-WIT-01_signature", "a bit of a cosignature changed", with_lines(ONE, flipped_line(TWO, 40)))
bad("E-WIT-01_time", "another time than the one that was signed", with_lines(ONE, flipped_line(TWO, 7)))
bad("E-WIT-01_older-key", "a cosignature by another key of the same name", with_lines(format_line(OLDER), TWO))
bad("E-WIT-01_twice", "a witness that cosigned twice", with_lines(ONE, FIRST.line(HEAD, QUOTED_AT), TWO))
bad("E-WIT-01_plain", "a plain signature instead of a cosignature", with_lines(plain_signature(), TWO))
bad("E-WIT-01_stranger", "a stranger instead of a witness", with_lines(ONE, THREE))

TWO_OF_THREE = trusting(
    witnesses=(*FULL_TRUST.witnesses, THIRD_WITNESS.verifier),
    tsa_roots=(*FULL_TRUST.tsa_roots, GAMMA.root.pem),
    policy=Policy(witnesses=2, timestamps=2),
)
bad(
    "E-WIT-01_one-false",
    "two witnesses are enough, and there are two; the line of the third does not verify",
    with_lines(ONE, TWO, flipped_line(THREE, 40)),
    trust=TWO_OF_THREE,
)
good(
    "two-of-three",
    "the trust root names three witnesses and three authorities and needs two of each",
    with_lines(TWO, THREE),
    trust=TWO_OF_THREE,
)
good(
    "stranger-cosigned",
    "a third cosignature, of a witness that the trust root does not know",
    with_lines(*sorted([ONE, TWO, THREE], key=lambda line: parse_line(line).key_id)),
)
good("keys-alone", "the trust root names neither witnesses nor authorities", lambda: zipped(TRUE.files()), trust=TRUST)


def alone() -> Evidence:
    """Evidence that no outside party has seen."""
    made = evidence(freshness=log_head(3), freshness_timestamps={})
    return dataclasses.replace(made, proof=proof_of(made.envelope, witnesses=()), tokens={})


good(
    "no-outsiders",
    "neither cosignatures nor timestamps, and nobody asks for any",
    lambda: zipped(alone().files()),
    trust=TRUST,
)
bad("E-WIT-01_no-outsiders", "neither cosignatures nor timestamps", lambda: zipped(alone().files()), "E-TSA-01")


def cosignature_first() -> bytes:
    """The true package with the first cosignature before the log's signature."""
    note = parse_proof(TRUE.proof).checkpoint.note
    log, first, *others = note.signatures
    head = format_note(Note(note.text, (first, log, *others)))
    return zipped(TRUE.sealed(TRUE.proof.replace(format_note(note), head)).files())


bad("E-PKG-03_cosignature-first", "a cosignature before the log's signature", cosignature_first)
