"""Statements of other kinds than captures: signed, stored, queued for the log and read back, all in one way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import digest_bytes
from sijill.flows.wiring import Archive
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.envelope import MAX_ENVELOPE, PAYLOAD_TYPE, parse_envelope, sign_envelope
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.layout import attestation_key, attested_entry, kind_folder
from sijill.provenance.log.queue import enqueue
from sijill.storage.layout import PENDING

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Recorded(Generic[S]):
    """A statement as the store has it."""

    entry_id: str
    statement: S
    envelope: bytes
    ours: bool
    """Whether a key of this archive signed it."""


def record(
    archive: Archive,
    kind: Kind,
    entry_id: str,
    statement: dict[str, Any],
    *,
    parse: Callable[[bytes], object],
    keys: tuple[SigningKey, ...] = (),
    finish: Callable[[], None] | None = None,
) -> str:
    """Sign `statement` with the archive's attestation key, or with `keys`; store it, and queue it for the log.

    Objects that it names as subjects must be stored before. A mark, `pending/<folder of the kind>/<id>`, stands until
    the statement is queued and `finish` was called, so that whoever comes after a killed process finishes it: `mend`.

    Returns:
        The key of the envelope in the store.

    Raises:
        MalformedStatement: `parse`, the strict parser of this kind, refuses the statement; nothing was stored.
        StorageError: the store did not take it; if it took the statement, the next call of `mend` does the rest.
    """
    payload = canonical(statement)
    parse(payload)
    envelope = sign_envelope(payload, PAYLOAD_TYPE, list(keys) or [archive.attestation_key])
    digests = digest_bytes(envelope)
    key, mark = attestation_key(entry_id, kind), mark_key(kind, entry_id)
    archive.store.replace(mark, b"")
    archive.store.put(key, MemoryBody(envelope), expected=digests)
    enqueue(archive.log, LogEntry(entry_id, digests.sha256.hex, kind))
    if finish is not None:
        finish()
    archive.store.delete(mark)
    return key


def mark_key(kind: Kind, entry_id: str) -> str:
    """Where it stands that a statement is being recorded; of the empty id, where all marks of a kind are."""
    return f"{PENDING}{kind_folder(kind)}{entry_id}"


def recorded(archive: Archive, kind: Kind, parse: Callable[[bytes], S]) -> Iterator[Recorded[S]]:
    """All statements of a kind in the store, by their ids, which begin with a time.

    Raises:
        ProvenanceError: what is stored is not such a statement.
    """
    for key in archive.store.list(kind_folder(kind)):
        if (entry_id := attested_entry(key, kind)) is not None:
            yield load(archive, kind, entry_id, parse)


def load(archive: Archive, kind: Kind, entry_id: str, parse: Callable[[bytes], S]) -> Recorded[S]:
    """One statement.

    Raises:
        NotFound: there is none with this id.
        ProvenanceError: what is stored is not such a statement.
    """
    data = archive.store.read(attestation_key(entry_id, kind), limit=MAX_ENVELOPE)
    envelope = parse_envelope(data)
    ours = bool(envelope.verified_by(list(archive.attestation_keys)))
    return Recorded(entry_id, parse(envelope.payload), data, ours)
