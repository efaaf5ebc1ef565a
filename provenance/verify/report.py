"""What a verification says: every check with how it ended, and what all of it shows and does not show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sijill.provenance.verify.codes import PREREQUISITES, SENTENCES, Code
from sijill.provenance.verify.trust import TrustRoot

MAX_FINDINGS: Final = 100
"""The most findings that a check keeps; the last one then says how many there were."""


class Status(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """Where something was found, and what. Both may hold text from the evidence: escape it before printing."""

    about: str
    found: str


@dataclass(frozen=True, slots=True)
class Check:
    """One check. If it is required, nothing but `passed` is good enough."""

    code: Code
    status: Status
    required: bool
    findings: tuple[Finding, ...] = ()

    @property
    def sentence(self) -> str:
        """The check in words: what is so, or what was found if it failed."""
        sentences = SENTENCES[self.code]
        return sentences.fails if self.failed else sentences.holds

    @property
    def failed(self) -> bool:
        """Whether the check ran and did not pass."""
        return self.status is Status.FAILED

    @property
    def detail(self) -> str:
        """The sentence with its findings, on one line; not escaped."""
        found = "; ".join(f"{finding.about}: {finding.found}" for finding in self.findings)
        return f"{self.sentence} ({found})" if found else self.sentence


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where the attestation stands in the log."""

    origin: str
    index: int
    size: int
    """Entries that the log had at the checkpoint."""


@dataclass(frozen=True, slots=True)
class LogHead:
    """A log at one size."""

    origin: str
    size: int


@dataclass(frozen=True, slots=True)
class Bound:
    """A moment that outside parties of the trust root vouch for."""

    time: datetime
    vouchers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bracket:
    """Between which moments the attestation was made."""

    not_before: Bound | None = None
    """T0: it was made after this."""
    not_after: Bound | None = None
    """T1: it existed by then."""


@dataclass(frozen=True, slots=True)
class Attested:
    """What the attestation says. Its signature was verified, so these are the collector's words; no more than that."""

    capture_id: str
    target: str
    final_url: str | None
    title: str | None
    outcome: str
    reasons: tuple[str, ...]
    exchanges: int
    started: datetime
    ended: datetime
    collector: str | None
    """The collector's name; None if it is kept behind a commitment."""
    commitment: str | None
    keyids: tuple[str, ...]
    """Keys of the trust root whose signatures verify."""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a verification. `holds` is the verdict."""

    checks: tuple[Check, ...]
    trust: TrustRoot
    attested: Attested | None = None
    """None unless signature and statement are good."""
    place: LogPlace | None = None
    """None unless the attestation was shown to be in the log."""
    quoted: LogHead | None = None
    """The checkpoint inside the attestation, if a log of the trust root signed it: the attestation is younger."""
    bracket: Bracket = Bracket()

    @property
    def holds(self) -> bool:
        """Whether every required check ran and passed. Absence is not success."""
        return bool(self.checks) and all(c.status is Status.PASSED for c in self.checks if c.required)

    def check(self, code: Code) -> Check:
        """The check with this code."""
        return next(check for check in self.checks if check.code is code)

    @property
    def failed(self) -> tuple[Code, ...]:
        """The codes of the checks that failed, required or not."""
        return tuple(check.code for check in self.checks if check.failed)


class Ledger:
    """Collects checks while a verification runs and sees to it that none is left out."""

    def __init__(self, trust: TrustRoot, *, not_required: Iterable[Code] = ()) -> None:
        self.trust = trust
        self.attested: Attested | None = None
        self.place: LogPlace | None = None
        self.quoted: LogHead | None = None
        self.bracket = Bracket()
        self._not_required = frozenset(not_required)
        self._checks: dict[Code, Check] = {}

    def ready(self, code: Code) -> bool:
        """Whether all that `code` presupposes has passed."""
        return all(self.passed(earlier) for earlier in PREREQUISITES[code])

    def passed(self, code: Code) -> bool:
        """Whether the check ran and passed."""
        return code in self._checks and self._checks[code].status is Status.PASSED

    def record(self, code: Code, problems: Iterable[Finding]) -> bool:
        """Record that `code` passed if there are no problems, else that it failed; whether it passed."""
        kept = _shortened(tuple(problems))
        self._put(code, Status.FAILED if kept else Status.PASSED, kept)
        return not kept

    def skip(self, code: Code, about: str, reason: str, *, required: bool = True) -> None:
        """Record that `code` was not checked, and why; if it is not required here, the verdict does not need it."""
        if not required:
            self._not_required |= {code}
        self._put(code, Status.NOT_CHECKED, (Finding(about, reason),))

    def report(self) -> Report:
        """The report; checks that were never reached are in it as not checked."""
        checks = tuple(self._checks.get(code) or self._unreached(code) for code in Code)
        return Report(checks, self.trust, self.attested, self.place, self.quoted, self.bracket)

    def _put(self, code: Code, status: Status, findings: tuple[Finding, ...]) -> None:
        self._checks[code] = Check(code, status, code not in self._not_required, findings)

    def _unreached(self, code: Code) -> Check:
        missing = [str(earlier) for earlier in PREREQUISITES[code] if not self.passed(earlier)]
        reason = f"needs {', '.join(missing)}" if missing else "was not reached"
        return Check(code, Status.NOT_CHECKED, code not in self._not_required, (Finding(str(code), reason),))


def _shortened(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    if len(findings) <= MAX_FINDINGS:
        return findings
    return (*findings[: MAX_FINDINGS - 1], Finding("findings", f"{len(findings)} in all"))
