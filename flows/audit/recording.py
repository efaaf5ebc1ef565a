"""The archive's own audit: what an auditor would do, as far as its owner can, recorded as a signed fixity check."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import digest_bytes
from sijill.flows import evidence
from sijill.flows.audit.source import open_source
from sijill.flows.context import collector, software
from sijill.flows.errors import NotSealed
from sijill.flows.signing import record
from sijill.flows.wiring import Archive
from sijill.provenance.attest.attestation import Subject
from sijill.provenance.attest.canonical import canonical
from sijill.provenance.attest.fixity import (
    REPORT_NAME,
    REPORT_TYPE,
    FixityCounts,
    FixityFinding,
    Sample,
    fixity_statement,
    parse_fixity_statement,
)
from sijill.provenance.log.checkpoint import SignedCheckpoint
from sijill.provenance.log.entry import Kind
from sijill.provenance.verify.archive.audit import Plan, Progress, Step, audit
from sijill.provenance.verify.archive.journal import opened_journal
from sijill.provenance.verify.archive.ranges import Spread
from sijill.provenance.verify.archive.render import archive_report_json
from sijill.provenance.verify.archive.report import ArchiveReport, Verdict
from sijill.provenance.verify.report import Status
from sijill.storage.layout import object_key


@dataclass(frozen=True, slots=True)
class Audited:
    """An audit whose outcome is stored, signed and queued for the log."""

    report: ArchiveReport
    fixity_id: str
    attestation_key: str

    @property
    def passed(self) -> bool:
        """Whether everything that was looked at is as it must be."""
        return self.report.verdict is not Verdict.DOES_NOT_HOLD


def audit_archive(
    archive: Archive,
    *,
    sample: int | None = None,
    since: SignedCheckpoint | None = None,
    jobs: int = 1,
    show: Progress | None = None,
    spread: Spread | None = None,
    journal: Path | None = None,
) -> Audited:
    """Audit the archive with its own trust root, and record the outcome; sealing is left to the caller.

    What an earlier command left unfinished is stored first, so that it is not taken for a stranger.

    Args:
        archive: what is audited.
        sample: how many captures to read; None: all.
        since: a checkpoint of the past that the log must go on from.
        jobs: how many processes.
        show: told how far it is.
        spread: who examines the captures in ranges of the log; None: this process, and `jobs` of its making.
        journal: the file by which an audit that was interrupted goes on, removed once the outcome is recorded;
            None: one that nobody sees again.

    Raises:
        NotSealed: the log has no checkpoint, so that there is nothing to audit.
        JournalUnusable: the journal is of another audit, or in use.
        RangeRefused: a range was not found in this archive by whoever was to examine it.
        StorageError: the store failed.
    """
    evidence.recover(archive)
    plan = Plan(archive.store.url, sample, None, since, jobs)
    with opened_journal(journal) as opened:
        report = audit(
            partial(open_source, archive.store.url),
            archive.trust,
            plan,
            journal=opened,
            clock=archive.clock,
            new_seed=lambda: secrets.token_hex(8),
            show=show or _say_nothing,
            spread=spread,
        )
    audited = _recorded(archive, report)
    if journal is not None:
        for left in journal.parent.glob(f"{journal.name}*"):
            left.unlink()
    return audited


def _recorded(archive: Archive, report: ArchiveReport) -> Audited:
    """Store the report, sign a statement about it, and queue that for the log."""
    if report.log is None:
        raise NotSealed(f"{archive.store.url}: the log has no checkpoint that is signed; run: sijill seal")
    data = canonical(archive_report_json(report))
    digests = digest_bytes(data)
    fixity_id = archive.new_capture_id(report.started)
    scope = report.scope
    statement = fixity_statement(
        fixity_id,
        checkpoint=report.log.checkpoint.decode("utf-8"),
        sample=None if scope.full else Sample(scope.seed or "", scope.count or 0, scope.captures),
        started=report.started,
        ended=report.ended,
        counts=FixityCounts(report.counts.total, report.counts.captures, report.counts.objects, report.counts.bytes),
        passed=report.verdict is not Verdict.DOES_NOT_HOLD,
        findings=list(_amiss(report)),
        report=Subject(REPORT_NAME, REPORT_TYPE, digests),
        collector=collector(archive),
        software=software(),
    )
    archive.store.put(object_key(digests.sha256.hex), MemoryBody(data), expected=digests)
    key = record(archive, Kind.FIXITY, fixity_id, statement, parse=parse_fixity_statement)
    return Audited(report, fixity_id, key)


def _amiss(report: ArchiveReport) -> Iterator[FixityFinding]:
    """What kept the audit from passing: faults, and required checks that could not be run."""
    if report.verdict is not Verdict.DOES_NOT_HOLD:
        return
    for check in report.checks:
        if check.required and check.status is not Status.PASSED and not check.sampled:
            yield from (FixityFinding(str(check.code), one.about, one.found) for one in check.findings)


def _say_nothing(step: Step, done: int, total: int) -> None:
    """Show nothing."""
