"""Statements about a capture, found from the capture without looking through all there are.

A pointer is `captures/<yyyy>/<mm>/<dd>/<capture id>/<folder of the kind>/<id>`: a convenience that proves nothing. A
mark, `pending/<folder of the kind>/<id>`, stands while a statement of any kind is being stored, queued and pointed to,
so that whoever comes after a killed process finishes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from sijill.archive.digest import digest_bytes
from sijill.flows.signing import Recorded, load, mark_key, record
from sijill.flows.wiring import Archive
from sijill.provenance.attest.custody import CustodyStatement, parse_custody_statement
from sijill.provenance.attest.tombstone import TombstoneStatement, parse_tombstone_statement
from sijill.provenance.errors import LogDamaged, MalformedCaptureId
from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.layout import attestation_folder, kind_folder
from sijill.provenance.log.queue import enqueue
from sijill.storage.errors import NotFound

AboutCapture = CustodyStatement | TombstoneStatement
S = TypeVar("S", CustodyStatement, TombstoneStatement)

_PARSERS: Mapping[Kind, Callable[[bytes], AboutCapture | None]] = {
    Kind.CUSTODY: parse_custody_statement,
    Kind.TOMBSTONE: parse_tombstone_statement,
}
_ABANDONED = timedelta(days=1)


def pointer_key(kind: Kind, capture_id: str, entry_id: str) -> str:
    """Where it is kept that statement `entry_id` is about a capture.

    Raises:
        MalformedCaptureId: `capture_id` is not a capture id.
    """
    return f"{attestation_folder(capture_id)}{kind_folder(kind)}{entry_id}"


def record_about(archive: Archive, kind: Kind, capture_id: str, entry_id: str, statement: dict[str, Any]) -> str:
    """Sign, store and queue a statement about a capture, and point to it; returns the key of its envelope.

    Raises:
        MalformedStatement: the statement is not one of its kind; nothing was stored.
        StorageError: the store did not take it; if it took the statement, the next call of `mend` does the rest.
    """
    mend(archive)

    def point() -> None:
        _point(archive, kind, capture_id, entry_id)

    return record(archive, kind, entry_id, statement, parse=_PARSERS[kind], finish=point)


def mend(archive: Archive) -> int:
    """Finish what killed processes left half recorded; returns how many statements. May be called at any time.

    Raises:
        StorageError: the store failed.
        ProvenanceError: what is stored is not such a statement.
    """
    kinds = [kind for kind in Kind if kind is not Kind.CAPTURE]
    return sum(_finish(archive, kind, mark) for kind in kinds for mark in archive.store.list(mark_key(kind, "")))


def custody_of(archive: Archive, capture_id: str) -> Iterator[Recorded[CustodyStatement]]:
    """What was recorded of a capture's custody, by time; also what no key of this archive signed.

    Raises:
        ProvenanceError: what is stored is not such a statement.
    """
    for recorded in _pointed(archive, Kind.CUSTODY, capture_id, parse_custody_statement):
        if recorded.statement.predicate.capture_id == capture_id:
            yield recorded


def tombstones_of(archive: Archive, capture_id: str) -> Iterator[Recorded[TombstoneStatement]]:
    """The tombstones of a capture that this archive signed, by time.

    Raises:
        ProvenanceError: what is stored is not such a statement.
    """
    for recorded in _pointed(archive, Kind.TOMBSTONE, capture_id, parse_tombstone_statement):
        if recorded.ours and recorded.statement.predicate.capture_id == capture_id:
            yield recorded


def _pointed(archive: Archive, kind: Kind, capture_id: str, parse: Callable[[bytes], S]) -> Iterator[Recorded[S]]:
    folder = pointer_key(kind, capture_id, "")
    for key in archive.store.list(folder):
        # A pointer to nothing, or with a name that is no id, was not left by this archive.
        with suppress(NotFound, MalformedCaptureId):
            yield load(archive, kind, key.removeprefix(folder), parse)


def _finish(archive: Archive, kind: Kind, mark: str) -> bool:
    entry_id = mark.removeprefix(mark_key(kind, ""))
    try:
        found = load(archive, kind, entry_id, _PARSERS.get(kind, _unread))
    except (NotFound, MalformedCaptureId):
        # Nothing was stored yet; whoever left the mark may be about to.
        left = archive.store.stat(mark)
        if left is not None and archive.clock() - left.modified > _ABANDONED:
            archive.store.delete(mark)
        return False
    if found.ours:
        enqueue(archive.log, LogEntry(entry_id, digest_bytes(found.envelope).sha256.hex, kind))
        if found.statement is not None:
            _point(archive, kind, found.statement.predicate.capture_id, entry_id)
    archive.store.delete(mark)
    return found.ours


def _point(archive: Archive, kind: Kind, capture_id: str, entry_id: str) -> None:
    key = pointer_key(kind, capture_id, entry_id)
    if not archive.store.create(key, f"{entry_id}\n".encode("ascii")):
        raise LogDamaged(key, "does not hold the id that it is named by")


def _unread(_: bytes) -> None:
    """What need not be read, because nothing points to statements of its kind."""
