"""Handing entries to the log, and asking where the log put them."""

from __future__ import annotations

from sijill.provenance.errors import ConflictingEntry, LogDamaged
from sijill.provenance.log.checkpoint import parse_decimal
from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.layout import LogStorage, TileSource, leaf_index_key, queue_key


def enqueue(storage: LogStorage, entry: LogEntry) -> None:
    """Leave `entry` for the next sealing. Doing it again, before or after the sealing, changes nothing.

    Raises:
        ConflictingEntry: another entry with the same id waits already.
    """
    if not storage.create(queue_key(entry.id), entry.data):
        raise ConflictingEntry(entry.id)


def leaf_index(source: TileSource, entry_id: str, kind: Kind = Kind.CAPTURE) -> int | None:
    """The place in the log of an attestation; None if it is not sealed yet.

    It is a convenience, not a proof: verify the inclusion proof for it.

    Raises:
        MalformedCaptureId: it is not an id.
        LogDamaged: what is stored is not a number.
    """
    key = leaf_index_key(entry_id, kind)
    data = source.read(key)
    if data is None:
        return None
    index = parse_decimal(data[:-1].decode("ascii", "replace"))
    if index is None or data != format_leaf_index(index):
        raise LogDamaged(key, "not a decimal number and a newline")
    return index


def format_leaf_index(index: int) -> bytes:
    """The bytes of a leaf-index object."""
    return b"%d\n" % index
