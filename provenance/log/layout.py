"""Where the objects of a log are, and what the log asks of whatever stores them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from sijill.provenance.attest.timestamps import capture_id_time
from sijill.provenance.log.entry import Kind

CHECKPOINT = "log/checkpoint"
"""The mutable key: a checkpoint that tiles fully back, usually the newest."""

QUEUE = "queue/"
"""What waits to be sealed; the rest of the key is the entry's id."""


class TileSource(Protocol):
    """What reading a log needs."""

    def read(self, key: str) -> bytes | None:
        """The bytes stored at `key`, or None if there are none."""


class LogStorage(TileSource, Protocol):
    """What sealing a log needs. Every call has taken effect for all readers when it returns."""

    def create(self, key: str, data: bytes) -> bool:
        """Store `data` at `key` unless something is there, in one step.

        Returns:
            True if and only if the bytes stored at `key` now are `data`, whoever stored them.
        """

    def replace(self, key: str, data: bytes) -> None:
        """Store `data` at the mutable `key`; readers see the old bytes or the new, never a mixture."""

    def delete(self, key: str) -> None:
        """Remove `key`; nothing happens if it is not there."""

    def list(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, sorted."""


def checkpoint_key(size: int) -> str:
    """Where the checkpoint of a size stays for good."""
    return f"log/checkpoints/{size}"


def batch_key(size: int) -> str:
    """Where the record of the batch is that extends the log from `size`."""
    return f"log/batches/{size}"


def queue_key(entry_id: str) -> str:
    """Where an entry waits to be sealed."""
    return f"{QUEUE}{entry_id}"


def attestation_folder(entry_id: str, kind: Kind = Kind.CAPTURE) -> str:
    """The prefix of what is stored about one attestation, by what it is about and the day of its id.

    Raises:
        MalformedCaptureId: it is not an id.
    """
    capture_id_time(entry_id)
    return f"{kind.value}s/{entry_id[:4]}/{entry_id[4:6]}/{entry_id[6:8]}/{entry_id}/"


def leaf_index_key(entry_id: str, kind: Kind = Kind.CAPTURE) -> str:
    """Where the place of an attestation in the log is kept.

    Raises:
        MalformedCaptureId: it is not an id.
    """
    return f"{attestation_folder(entry_id, kind)}leaf-index"
