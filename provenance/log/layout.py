"""Where the objects of a log are, and what the log asks of whatever stores them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from sijill.provenance.attest.timestamps import capture_id_time
from sijill.provenance.errors import MalformedCaptureId
from sijill.provenance.log.entry import Kind

_FOLDERS = {
    Kind.CAPTURE: "captures/",
    Kind.PROBE: "probes/",
    Kind.FIXITY: "fixity/",
    Kind.KEY: "keys/",
    Kind.CUSTODY: "custody/",
    Kind.RUN: "runs/",
    Kind.TOMBSTONE: "tombstones/",
}

_ENVELOPE = "attestation.dsse.json"

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


def kind_folder(kind: Kind) -> str:
    """The prefix of everything stored about attestations of one kind."""
    return _FOLDERS[kind]


def attestation_key(entry_id: str, kind: Kind = Kind.CAPTURE) -> str:
    """Where the envelope of an attestation is kept.

    Raises:
        MalformedCaptureId: it is not an id.
    """
    return f"{attestation_folder(entry_id, kind)}{_ENVELOPE}"


def attested_entry(key: str, kind: Kind) -> str | None:
    """The id of the attestation that has this key, or None if it is the key of something else."""
    folder, _, name = key.rpartition("/")
    if name != _ENVELOPE:
        return None
    entry_id = folder.rpartition("/")[2]
    try:
        return entry_id if attestation_key(entry_id, kind) == key else None
    except MalformedCaptureId:
        return None


def timestamp_key(size: int, authority: str) -> str:
    """Where the response of a timestamping authority over the checkpoint of a size is kept, by the authority's name."""
    return f"log/checkpoints/{size}.{authority}.tsr"


def cosignature_key(size: int, key_id: bytes) -> str:
    """Where a witness's signature line for the checkpoint of a size is kept, by the id of the witness's key."""
    return f"log/checkpoints/{size}.{key_id.hex()}.cosignature"


def attestation_folder(entry_id: str, kind: Kind = Kind.CAPTURE) -> str:
    """The prefix of what is stored about one attestation, by what it is about and the day of its id.

    Raises:
        MalformedCaptureId: it is not an id.
    """
    capture_id_time(entry_id)
    return f"{_FOLDERS[kind]}{entry_id[:4]}/{entry_id[4:6]}/{entry_id[6:8]}/{entry_id}/"


def leaf_index_key(entry_id: str, kind: Kind = Kind.CAPTURE) -> str:
    """Where the place of an attestation in the log is kept.

    Raises:
        MalformedCaptureId: it is not an id.
    """
    return f"{attestation_folder(entry_id, kind)}leaf-index"
