"""The record of a batch, written before anything else of it, so that whoever comes can complete it the same way."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from sijill.provenance.attest.canonical import canonical, parse_canonical
from sijill.provenance.errors import MalformedBatch, MalformedEntry, MalformedJson
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.merkle import MAX_SIZE

BATCH_TYPE = "https://sijill.org/log-batch/v1"
MAX_BATCH = 32 << 20
"""The largest record accepted, in bytes."""
MAX_ENTRIES = 65_536
_MEMBERS = frozenset({"type", "key", "start", "entries"})


@dataclass(frozen=True, slots=True)
class Batch:
    """Which entries, in which order, extend the log from size `start`, under the log key `vkey`.

    Ed25519 gives one signature for one message, so this fixes every byte of tiles and checkpoint.
    """

    start: int
    vkey: str
    entries: tuple[LogEntry, ...]

    @property
    def end(self) -> int:
        """The size of the log with this batch."""
        return self.start + len(self.entries)

    @property
    def data(self) -> bytes:
        """The record: RFC 8785 bytes."""
        return canonical(
            {
                "type": BATCH_TYPE,
                "key": self.vkey,
                "start": self.start,
                "entries": [entry.json for entry in self.entries],
            }
        )


def parse_batch(data: bytes) -> Batch:
    """Parse the record of a batch.

    Raises:
        MalformedBatch: `data` is not exactly what `Batch.data` writes, or has no entry, too many, or entries that are
            not in the order of their ids, each once.
    """
    try:
        value = parse_canonical(data, limit=MAX_BATCH)
    except MalformedJson as err:
        raise MalformedBatch(err.reason) from err
    if not isinstance(value, dict) or set(value) != _MEMBERS or value["type"] != BATCH_TYPE:
        raise MalformedBatch(f"not an object of {', '.join(sorted(_MEMBERS))}")
    start, vkey, listed = value["start"], value["key"], value["entries"]
    if not isinstance(vkey, str) or type(start) is not int or not 0 <= start <= MAX_SIZE:
        raise MalformedBatch("key or start of another type")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_ENTRIES:
        raise MalformedBatch(f"entries: not a list of 1 to {MAX_ENTRIES}")
    try:
        entries = tuple(LogEntry.from_json(item) for item in listed)
    except MalformedEntry as err:
        raise MalformedBatch(f"entries: {err.reason}") from err
    ids = [entry.id for entry in entries]
    if any(first >= second for first, second in pairwise(ids)):
        raise MalformedBatch("entries: not in the order of their ids, each once")
    return Batch(start, vkey, entries)
