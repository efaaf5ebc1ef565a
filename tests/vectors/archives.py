"""Whole archives in memory: captures and other statements, sealed by the product's own sealer with fixed keys."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from captures import capture, written
from evidence import ATTESTATION_KEY, LOG, LOG_KEY, ORIGIN, signed, statement_of
from parties import stamp

from sijill.archive.digest import digest_bytes
from sijill.provenance.attest.attestation import CollectorName, Software, Subject
from sijill.provenance.attest.envelope import envelope_sha256
from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.checkpoint import parse_checkpoint
from sijill.provenance.log.entry import Kind, LogEntry
from sijill.provenance.log.layout import CHECKPOINT, attestation_key, checkpoint_key, cosignature_key, timestamp_key
from sijill.provenance.log.log import seal
from sijill.provenance.log.queue import enqueue
from sijill.provenance.verify.archive.source import MUTABLE, object_key

LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
FIRST = datetime(2026, 11, 21, 1, 16, 30, 123456, tzinfo=UTC)
COLLECTOR = CollectorName("Archive of Examples", "archive@archive.example")
SOFTWARE = (Software("sijill", "0.1.0"),)


def entry_id(number: int, moment: datetime = FIRST) -> str:
    """An id; later numbers sort later."""
    letters = "".join(LETTERS[number >> shift & 31] for shift in range(55, -5, -5))
    return f"{moment:%Y%m%dt%H%M%Sz}-{letters}"


@dataclass(frozen=True)
class Version:
    """What a listing says of one thing kept under a key."""

    key: str
    size: int
    deletion: bool = False


@dataclass
class MemoryArchive:
    """An archive whose store is a dict: it can be built, tampered with, and read for an audit."""

    objects: dict[str, bytes] = field(default_factory=dict)
    extra: list[Version] = field(default_factory=list)
    """What the listing has beside the first versions."""
    reads: int = 0

    def read(self, key: str) -> bytes | None:
        """See `ArchiveSource.read`."""
        self.reads += 1
        return self.objects.get(key)

    @contextlib.contextmanager
    def open(self, key: str) -> Iterator[BinaryIO | None]:
        """See `ArchiveSource.open`."""
        data = self.objects.get(key)
        yield None if data is None else io.BytesIO(data)

    def list(self, prefix: str, after: str | None = None) -> Iterator[str]:
        """See `ArchiveSource.list`."""
        return iter(sorted(key for key in self.objects if key.startswith(prefix) and key > (after or "")))

    def versions(self, prefix: str) -> Iterator[Version]:
        """See `ArchiveSource.versions`."""
        found = [Version(key, len(data)) for key, data in self.objects.items()] + self.extra
        return iter(sorted((one for one in found if one.key.startswith(prefix)), key=lambda one: one.key))

    def create(self, key: str, data: bytes) -> bool:
        """See `LogStorage.create`."""
        return self.objects.setdefault(key, data) == data

    def replace(self, key: str, data: bytes) -> None:
        """See `LogStorage.replace`."""
        if key != CHECKPOINT and not key.startswith(MUTABLE):
            raise ValueError(key)
        self.objects[key] = data

    def delete(self, key: str) -> None:
        """See `LogStorage.delete`."""
        self.objects.pop(key, None)

    def copy(self) -> MemoryArchive:
        """The same archive, to be tampered with."""
        return MemoryArchive(dict(self.objects), list(self.extra))

    def write(self, folder: Path) -> Path:
        """The same archive in a folder."""
        for key, data in self.objects.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder

    def put(self, data: bytes) -> str:
        """Store an object by its digest; its key."""
        key = object_key(digest_bytes(data).sha256.hex)
        self.objects[key] = data
        return key

    def capture(
        self,
        number: int,
        *,
        moment: datetime = FIRST,
        seconds: int = 2,
        queued: bool = True,
        key: SigningKey = ATTESTATION_KEY,
        edit: Any = None,
        warc: bytes | None = None,
        html: bytes = b"",
        **context: Any,
    ) -> str:
        """Store one capture and queue it for the log; its id.

        Args:
            number: makes id and page one of their own.
            moment: when it began.
            seconds: how long it took.
            queued: whether it goes to the log.
            key: signs it.
            edit: called with the statement before it is signed.
            warc: stored and attested in the place of the true WARC.
            html: what its page holds beside a title.
            context: what the statement says beside the capture.
        """
        made = capture(entry_id(number, moment), f"<title>page {number}</title>".encode() + html)
        shift = moment - made.started
        exchanges = tuple(
            dataclasses.replace(one, started=one.started + shift, ended=one.ended + shift) for one in made.exchanges
        )
        made = dataclasses.replace(made, started=moment, ended=moment + timedelta(seconds=seconds), exchanges=exchanges)
        true, records = written(made)
        warc = true if warc is None else warc
        statement = statement_of(made, warc, records, **context)
        if edit is not None:
            edit(statement)
        self.put(warc)
        self.attest(Kind.CAPTURE, made.id, statement, key=key, queued=queued)
        return made.id

    def attest(
        self,
        kind: Kind,
        own_id: str,
        statement: dict[str, Any],
        *,
        key: SigningKey = ATTESTATION_KEY,
        queued: bool = True,
    ) -> bytes:
        """Sign and store a statement, and queue it; its envelope."""
        envelope = signed(statement, key)
        self.objects[attestation_key(own_id, kind)] = envelope
        if queued:
            enqueue(self, LogEntry(own_id, envelope_sha256(envelope), kind))
        return envelope

    def report(self, data: bytes, name: str) -> Subject:
        """Store a report, and give it as a subject."""
        self.put(data)
        return Subject(name, "application/json", digest_bytes(data))

    def seal(self, key: SigningKey = LOG_KEY) -> int:
        """Seal what is queued; the size of the log."""
        return seal(self, origin=ORIGIN, signer=key, verifiers=(LOG.verifier,)).size

    def head(self, size: int | None = None) -> bytes:
        """The checkpoint that is kept for a size; the published one."""
        return self.objects[CHECKPOINT if size is None else checkpoint_key(size)]

    def vouch(self, size: int, moment: datetime, *, authorities: Any = (), witnesses: Any = ()) -> None:
        """Have outside parties vouch for a checkpoint."""
        head = self.head(size)
        for name, authority in dict(authorities).items():
            self.objects[timestamp_key(size, name)] = stamp(authority, parse_checkpoint(head).first_signed, moment)
        for witness in witnesses:
            self.objects[cosignature_key(size, witness.verifier.key_id)] = witness.line(head, moment)


def archive(count: int = 5, batches: int = 2) -> MemoryArchive:
    """An archive of captures, sealed in several batches."""
    made = MemoryArchive()
    for number in range(count):
        made.capture(number)
        if (number + 1) % max(1, count // batches) == 0:
            made.seal()
    made.seal()
    return made
