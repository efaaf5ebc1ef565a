"""How the viewer sees the archive: by these Protocols, which whoever serves it fulfils. Nothing here writes.

Every method may be called from several threads at once. Beside what it names, each may raise `Unavailable` when the
store or the catalog cannot be reached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.crawl.site import Site
from sijill.archive.digest import DigestSet
from sijill.archive.reading.statement import Reading
from sijill.provenance.attest.members import CaptureStatement
from sijill.provenance.attest.run import RunStatement
from sijill.provenance.attest.run_report import RunReport
from sijill.provenance.log.checkpoint import SignedCheckpoint
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.proof import LogProof
from sijill.provenance.verify.report import Report
from sijill.provenance.verify.trust import TrustRoot


@dataclass(frozen=True, slots=True)
class StoredEnvelope:
    """An attestation as the store has it, parsed."""

    capture_id: str
    envelope: bytes
    statement: CaptureStatement
    keyids: tuple[str, ...]
    """Of the keys of this archive whose signatures verify; none if it is nobody's that is known here."""
    leaf_index: int | None
    """Its place in the log, from 0; None if it is not sealed yet."""


@dataclass(frozen=True, slots=True)
class Package:
    """An evidence package that was made for the viewer; it was verified with the archive's own keys then."""

    path: Path
    digests: DigestSet


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the verifier found just now."""

    report: Report
    at: datetime
    package: DigestSet | None
    """Of the package that was verified; None if none can be made, and what is stored was verified as it lies there."""
    problems: tuple[str, ...]
    """Why no package can be made, if so."""


@dataclass(frozen=True, slots=True)
class CustodyEvent:
    """One link of the chain of custody."""

    at: datetime | None
    step: str
    detail: str
    vouched_by: str
    doubt: str | None
    """Why it is not to be relied on."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A recorded run in short."""

    run_id: str
    site_id: str
    site_name: str
    trigger: str
    due: datetime | None
    started: datetime
    ended: datetime
    counts: Mapping[str, int]
    """How many URLs came to what, by `PageOutcome`."""
    problems: int
    missed: int
    """Runs that were due before it and did not happen."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs, the newest first, and how many there are in all."""

    total: int
    rows: tuple[RunFacts, ...]
    complete: bool = True
    """False while the older ones are still being read."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run with all that its report lists."""

    statement: RunStatement
    keyids: tuple[str, ...]
    report: RunReport | None
    problem: str | None
    """Why there is no report: it is missing or is not the one that was signed."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation of the sites file, or one that is only known by its runs."""

    id: str
    name: str
    site: Site | None
    """None if it is no longer in the sites file."""
    next_run: datetime | None
    working_since: datetime | None
    """When the worker that crawls it now last showed that it lives."""


@dataclass(frozen=True, slots=True)
class CatalogState:
    """How far the catalog is behind the log."""

    size: int
    """Entries of the log that are in the catalog."""
    log_size: int | None
    """Entries of the log; None if that could not be found out."""
    updated: datetime | None
    """When the catalog was last brought up to date."""
    problem: str | None
    """Why it could not be brought up to date last time, in one sentence."""
    unread: int
    """Captures that the log has and whose attestations cannot be read."""

    @property
    def behind(self) -> int:
        """Entries of the log that are not in the catalog yet."""
        return 0 if self.log_size is None else max(0, self.log_size - self.size)


class Readings(Protocol):
    """What the reader made of captures."""

    def reading(self, capture_id: str) -> Reading | None:
        """The newest reading of a capture; None if there is none."""


class LogSource(Protocol):
    """The archive's log; whatever is returned was hashed up to a checkpoint that the log signed."""

    def newest(self) -> SignedCheckpoint | None:
        """The newest checkpoint; None if nothing was sealed yet."""

    def entries(self, start: int, end: int, size: int) -> tuple[LogEntry, ...]:
        """The entries from `start` up to `end`, shown to be in the log of `size`.

        Raises:
            NotHere: the log has no such entries at that size, or no checkpoint of that size.
            Refused: the log is damaged.
        """

    def proof(self, index: int, size: int) -> LogProof:
        """The proof that entry `index` is in the log of `size`; raises what `entries` raises."""

    def vouchers(self, size: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names of the timestamping authorities, and of the witnesses, that answered for a checkpoint."""


class ArchiveSource(Readings, Protocol):
    """An archive, read-only."""

    @property
    def name(self) -> str:
        """Who archives, as the settings say; empty if that is concealed."""

    @property
    def origin(self) -> str:
        """The name of the log."""

    @property
    def trust(self) -> TrustRoot:
        """The archive's own trust root. An auditor brings another copy."""

    @property
    def log(self) -> LogSource:
        """The log."""

    def now(self) -> datetime:
        """The time, in UTC."""

    def catalog(self) -> AbstractContextManager[Catalog]:
        """The catalog, opened for reading; for one request in one thread, in a `with` statement."""

    def catalog_state(self) -> CatalogState:
        """How far the catalog is behind the log, as found out last; reads no store."""

    def read(self, key: str, *, limit: int) -> bytes:
        """The bytes stored at `key`, not checked against anything.

        Raises:
            NotHere: there are none.
            Refused: there are more than `limit`.
        """

    def open_object(self, sha256: str) -> AbstractContextManager[BinaryIO]:
        """A reader of the object stored under this digest, for a `with` statement; it can seek.

        The bytes are not checked: compare their digest while or after reading them.

        Raises:
            NotHere: there is none; also raised if `sha256` is not 64 lowercase hexadecimal digits.
        """

    def envelope(self, capture_id: str) -> StoredEnvelope:
        """The attestation of a capture.

        Raises:
            NotHere: there is no such capture.
            Removed: it was removed, and a tombstone says why.
            Refused: what is stored is not an attestation.
        """

    def removal(self, capture_id: str) -> str | None:
        """What a tombstone says of the removal of what the capture held, in one line; None if there is none.

        Raises:
            Refused: what is stored is not a tombstone.
        """

    def package(self, capture_id: str) -> Package:
        """The evidence package of a capture, in a file that stays for some minutes at least.

        Raises:
            NotHere, Removed: as for `envelope`.
            NotSealedYet: it is not in the log.
            Refused: what is stored does not verify, so that no package can be made.
            Busy: too many packages are being made.
        """

    def verdict(self, capture_id: str) -> Verdict:
        """Verify a capture now, from the stored bytes, with the archive's own trust root; raises as `package` does.

        What is missing or altered is told in the verdict, and raises nothing.
        """

    def report(self, capture_id: str) -> bytes:
        """The evidence report as one HTML file, for download; raises what `package` raises."""

    def custody(self, capture_id: str) -> Sequence[CustodyEvent]:
        """The chain of custody, the oldest first.

        Raises:
            NotHere: there is no such capture, and no tombstone of one.
            Refused: something stored is not what it must be.
        """

    def runs(self, *, site_id: str | None = None, offset: int = 0, limit: int = 50) -> Runs:
        """Recorded runs of one organisation or of all; reads no store."""

    def run(self, run_id: str) -> StoredRun:
        """One run.

        Raises:
            NotHere: there is none.
            Refused: what is stored is not a run's statement.
        """

    def organisations(self) -> tuple[Organisation, ...]:
        """All organisations, in the order of the sites file, those behind it that are in it no more."""

    @property
    def sites_unusable(self) -> bool:
        """Whether there is a sites file that cannot be used, so that no organisation is listed from it."""
