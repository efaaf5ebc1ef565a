"""The proof an auditor keeps: index, audit path and checkpoint in one text (`c2sp.org/tlog-proof@v1`)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from sijill.provenance.errors import MalformedCheckpoint, MalformedProof
from sijill.provenance.log.checkpoint import SignedCheckpoint, parse_checkpoint, parse_decimal
from sijill.provenance.log.merkle import HASH_SIZE, leaf_hash, verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF = (1 << 20) + 8_192
"""The largest proof accepted, in bytes."""
MAX_HASHES = 63


@dataclass(frozen=True, slots=True)
class LogProof:
    """That an entry is in a log, if its checkpoint is genuine: verify the checkpoint's signature first."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: SignedCheckpoint

    def verify(self, entry: bytes) -> None:
        """Check that `entry` is the leaf at `index` under the checkpoint's root.

        Raises:
            InvalidProof: it is not shown.
        """
        tree = self.checkpoint.checkpoint
        verify_inclusion(leaf_hash(entry), self.index, tree.size, self.hashes, tree.root)


def format_proof(proof: LogProof) -> bytes:
    """The bytes of `proof`, without extra data.

    Raises:
        MalformedProof: a member cannot be written.
    """
    hashes = "".join(f"{base64.b64encode(value).decode('ascii')}\n" for value in proof.hashes)
    data = f"{HEADER}\nindex {proof.index}\n{hashes}\n".encode("ascii") + proof.checkpoint.data
    if parse_proof(data) != proof:
        raise MalformedProof("members that a proof cannot hold")
    return data


def parse_proof(data: bytes) -> LogProof:
    """Parse a proof. Nothing is verified.

    The format allows a line of extra data that nothing authenticates. sijill writes none and refuses it, so that no
    byte of a package is without meaning.

    Raises:
        MalformedProof: `data` is not such a proof, or holds extra data.
    """
    if len(data) > MAX_PROOF:
        raise MalformedProof(f"{len(data)} bytes, limit {MAX_PROOF}")
    head, separator, note = data.partition(b"\n\n")
    if not separator:
        raise MalformedProof("no empty line before the checkpoint")
    try:
        header, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as err:
        raise MalformedProof(f"not ASCII at byte {err.start}") from err
    if header != HEADER:
        raise MalformedProof(f"the first line is not {HEADER}")
    if lines and lines[0].startswith("extra "):
        raise MalformedProof("extra data")
    if not lines or not lines[0].startswith("index "):
        raise MalformedProof("no index")
    index = parse_decimal(lines[0].removeprefix("index "))
    if index is None:
        raise MalformedProof(f"index {lines[0][6:46]!r}")
    if len(lines) > MAX_HASHES + 1:
        raise MalformedProof(f"more than {MAX_HASHES} hashes")
    try:
        checkpoint = parse_checkpoint(note)
    except MalformedCheckpoint as err:
        raise MalformedProof(f"checkpoint: {err.reason}") from err
    return LogProof(index, tuple(_hash(line) for line in lines[1:]), checkpoint)


def _hash(line: str) -> bytes:
    try:
        value = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as err:
        raise MalformedProof("a hash is not base64") from err
    if len(value) != HASH_SIZE or base64.b64encode(value).decode("ascii") != line:
        raise MalformedProof(f"a hash is not the standard base64 of {HASH_SIZE} bytes")
    return value
