"""What an audit of a whole archive says: every check with how it ended, and how much was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sijill.provenance.log.entry import Kind
from sijill.provenance.verify.archive.codes import ARCHIVE_SENTENCES, ArchiveCode
from sijill.provenance.verify.report import Finding, Status
from sijill.provenance.verify.trust import TrustRoot


class Verdict(StrEnum):
    """What an audit came to."""

    HOLDS = "holds"
    """Every required check ran over all there is, and passed."""
    HOLDS_FOR_SAMPLE = "holds-for-what-was-checked"
    """The same, but of the objects only a sample was read."""
    DOES_NOT_HOLD = "does-not-hold"
    """A required check failed, or could not be run."""


@dataclass(frozen=True, slots=True)
class ArchiveCheck:
    """One check. If it is required, nothing but `passed` is good enough for a verdict without reservation."""

    code: ArchiveCode
    status: Status
    required: bool
    findings: tuple[Finding, ...] = ()
    total: int = 0
    """How many findings there are; not all may be listed."""
    sampled: bool = False
    """Whether it ran over a sample, found nothing there, and is not checked for the rest."""

    @property
    def sentence(self) -> str:
        """The check in words: what is so, or what was found if it failed."""
        sentences = ARCHIVE_SENTENCES[self.code]
        return sentences.fails if self.status is Status.FAILED else sentences.holds


@dataclass(frozen=True, slots=True)
class Scope:
    """Which captures were read: all, or those whose SHA-256 of seed and id comes first."""

    seed: str | None = None
    count: int | None = None
    captures: tuple[str, ...] = ()

    @property
    def full(self) -> bool:
        """Whether all were to be read."""
        return self.count is None


@dataclass(frozen=True, slots=True)
class AuditedLog:
    """The log as it was found."""

    origin: str
    size: int
    root: bytes
    """As the newest checkpoint has it."""
    checkpoint: bytes
    """The newest checkpoint that is signed: keep it for the next audit."""
    first: str | None
    last: str | None
    """The smallest and the largest id of its entries, which begin with the collector's own times."""


@dataclass(frozen=True, slots=True)
class Shown:
    """That an outside party vouches for the time of a checkpoint."""

    size: int
    by: datetime
    parties: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is, and how much of it was read."""

    entries: Mapping[Kind, int]
    read: int
    """Captures whose objects were read."""
    objects: int
    """Objects that were read."""
    bytes: int
    """Bytes of objects and attestations that were read."""
    keys: int
    """Keys in the store."""
    waiting: int
    """Statements that are not in the log yet."""
    gone: int
    """Objects that were removed, as tombstones say."""

    @property
    def captures(self) -> int:
        """Captures in the log."""
        return self.entries.get(Kind.CAPTURE, 0)

    @property
    def total(self) -> int:
        """Entries in the log."""
        return sum(self.entries.values())


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """The outcome of an audit. `verdict` sums it up."""

    store: str
    started: datetime
    ended: datetime
    trust: TrustRoot
    trust_sha256: str
    scope: Scope
    since: int | None
    """The size of the checkpoint that the auditor kept from an earlier visit, if there was one."""
    log: AuditedLog | None
    """None if the log has no checkpoint that is signed."""
    shown: Shown | None
    """The largest checkpoint whose time somebody vouches for."""
    counts: Counts
    checks: tuple[ArchiveCheck, ...]

    @property
    def verdict(self) -> Verdict:
        """What all of it comes to. Absence is not success."""
        needed = [check for check in self.checks if check.required]
        if not needed or any(check.status is not Status.PASSED and not check.sampled for check in needed):
            return Verdict.DOES_NOT_HOLD
        return Verdict.HOLDS_FOR_SAMPLE if any(check.sampled for check in needed) else Verdict.HOLDS

    def check(self, code: ArchiveCode) -> ArchiveCheck:
        """The check with this code."""
        return next(check for check in self.checks if check.code is code)

    @property
    def failed(self) -> tuple[ArchiveCode, ...]:
        """The codes of the checks that failed, required or not."""
        return tuple(check.code for check in self.checks if check.status is Status.FAILED)
