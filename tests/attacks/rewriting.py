"""An operator with all true keys who makes the whole log anew, everything in it fitting."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from tsa import Authority
from victim import Copy, Victim, attest, subject_key

from sijill.provenance.log.checkpoint import parse_checkpoint
from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.layout import (
    CHECKPOINT,
    attestation_folder,
    leaf_index_key,
    queue_key,
    timestamp_key,
)
from sijill.provenance.log.log import seal

Batches = list[list[LogEntry]]
Change = Callable[[Batches], Batches]


def rewrite(copy: Copy, victim: Victim, change: Change, *, attestations: bool = True) -> None:
    """Make the log anew with other batches, signed by its true key; nothing that outside parties gave is kept.

    With `attestations`, those that quote a checkpoint of the old log quote one of the new one instead, signed anew.
    """
    batches = [_entries(copy.read(key)) for key in sorted(copy.keys("log/batches/"), key=_size)]
    changed = change(batches)
    kept = [entry for batch in changed for entry in batch]
    for entry in (entry for batch in batches for entry in batch):
        if entry not in kept:
            _forget(copy, entry)
        elif copy.path(leaf_index_key(entry.id, entry.kind)).exists():
            copy.remove(leaf_index_key(entry.id, entry.kind))
    shutil.rmtree(copy.path("log"))
    for key in copy.keys("captures/"):
        if key.endswith(".tsr"):
            copy.remove(key)
    for batch in changed:
        for entry in batch:
            quoting = attestations and entry.kind is Kind.CAPTURE
            if not (quoting and _quote(copy, victim, entry)):
                copy.write(queue_key(entry.id), entry.data)
        reseal(copy, victim)


def reseal(copy: Copy, victim: Victim) -> int:
    """Seal what is queued with the log's true key; the log's size."""
    archive = victim.archive
    return seal(copy.log, origin=archive.settings.log.origin, signer=archive.log_key, verifiers=archive.log_keys).size


def without(capture_id: str) -> Change:
    """The same batches without one capture."""
    return lambda batches: [[entry for entry in batch if entry.id != capture_id] for batch in batches]


def stamp_newest(copy: Copy, authorities: Iterable[tuple[str, Authority]], moment: datetime | None = None) -> None:
    """Put timestamps of these authorities over the newest checkpoint in the place of those that are there."""
    head = parse_checkpoint(copy.read(CHECKPOINT))
    size = head.checkpoint.size
    for name, tsa in authorities:
        copy.write(timestamp_key(size, name), tsa.respond(head.first_signed, moment or datetime.now(UTC)))


def _entries(batch: bytes) -> list[LogEntry]:
    return [LogEntry.from_json(entry) for entry in json.loads(batch)["entries"]]


def _size(key: str) -> int:
    return int(key.rpartition("/")[2])


def _forget(copy: Copy, entry: LogEntry) -> None:
    """As if it had never been captured."""
    if entry.kind is Kind.CAPTURE:
        for number in range(len(copy.statement(entry.id)["subject"])):
            copy.remove(subject_key(copy, entry.id, number))
    shutil.rmtree(copy.path(attestation_folder(entry.id, entry.kind)))


def _quote(copy: Copy, victim: Victim, entry: LogEntry) -> bool:
    """Have a capture quote what is the newest checkpoint now; False if it need not be signed anew."""
    statement = copy.statement(entry.id)
    if statement["predicate"]["freshness"] is None:
        return False
    statement["predicate"] |= {"freshness": copy.read(CHECKPOINT).decode(), "freshnessTimestamps": []}
    attest(copy, victim.archive, entry.id, statement)
    return True
