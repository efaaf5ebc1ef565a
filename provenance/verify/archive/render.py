"""The report of an audit as JSON for programs and as text for people. Text from the archive is shown harmlessly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.printable import printable
from sijill.provenance.verify.archive.report import ArchiveCheck, ArchiveReport, Verdict
from sijill.provenance.verify.archive.words import VERDICTS, conclusion, limits, numbers
from sijill.provenance.verify.render import Style
from sijill.provenance.verify.report import Status

FORMAT: Final = "https://sijill.org/archive-report/v1"
MARKS: Final = {Status.PASSED: "passed", Status.FAILED: "FAILED", Status.NOT_CHECKED: "not checked"}
_SHOWN: Final = 20
"""Findings of a check that people are shown; the JSON has more."""


def archive_report_json(report: ArchiveReport) -> dict[str, Any]:
    """The report as FORMAT.md lays it down: JSON values only, no floats."""
    counts, log, shown, scope = report.counts, report.log, report.shown, report.scope
    return {
        "format": FORMAT,
        "verdict": str(report.verdict),
        "store": report.store,
        "started": format_timestamp(report.started),
        "ended": format_timestamp(report.ended),
        "scope": {
            "kind": "full" if scope.full else "sample",
            "seed": scope.seed,
            "count": scope.count,
            "captures": list(scope.captures),
        },
        "log": None
        if log is None
        else {
            "origin": log.origin,
            "size": log.size,
            "root": log.root.hex(),
            "checkpoint": log.checkpoint.decode("utf-8"),
            "firstId": log.first,
            "lastId": log.last,
        },
        "since": report.since,
        "shown": None
        if shown is None
        else {"size": shown.size, "by": format_timestamp(shown.by), "parties": list(shown.parties)},
        "counts": {
            "entries": {kind.value: number for kind, number in sorted(counts.entries.items())},
            "capturesRead": counts.read,
            "objectsRead": counts.objects,
            "bytesRead": counts.bytes,
            "keys": counts.keys,
            "waiting": counts.waiting,
            "removed": counts.gone,
        },
        "conclusion": list(conclusion(report)),
        "limits": list(limits(report)),
        "checks": [_check_json(check) for check in report.checks],
        "trustRoot": {
            "sha256": report.trust_sha256,
            "attestationKeys": [key.keyid for key in report.trust.attestation_keys],
            "logKeys": [key.vkey for key in report.trust.log_keys],
            "tsaRoots": len(report.trust.tsa_roots),
            "witnesses": [key.vkey for key in report.trust.witnesses],
        },
    }


def archive_report_text(report: ArchiveReport, *, style: Style) -> Iterator[str]:
    """The report as lines for people; `style` colours a text, or gives it back as it is."""
    yield from (f"{name:<20} {value}" for name, value in numbers(report).items())
    yield ""
    for check in report.checks:
        yield style(f"{mark(check):11}  {check.code:8}  {check.sentence}{remark(check)}", check.status)
        if check.status is not Status.PASSED:
            yield from (f"{'':23}{printable(one.about)}: {printable(one.found)}" for one in check.findings[:_SHOWN])
            if check.total > _SHOWN:
                yield f"{'':23}and {check.total - _SHOWN} more"
    yield ""
    yield f"trust root {report.trust_sha256}"
    yield ""
    good = Status.FAILED if report.verdict is Verdict.DOES_NOT_HOLD else Status.PASSED
    yield style(f"{printable(report.store)}: {VERDICTS[report.verdict]}", good)
    yield from (printable(sentence) for sentence in conclusion(report))
    yield ""
    yield from (f"- {printable(sentence)}" for sentence in limits(report))


def mark(check: ArchiveCheck) -> str:
    """How a check ended, in a word or two."""
    return "sample only" if check.sampled else MARKS[check.status]


def remark(check: ArchiveCheck) -> str:
    """What is to be said after a check's sentence."""
    return "" if check.required else " (not required)"


def _check_json(check: ArchiveCheck) -> dict[str, Any]:
    return {
        "code": str(check.code),
        "sentence": check.sentence,
        "status": str(check.status),
        "required": check.required,
        "sampled": check.sampled,
        "found": check.total,
        "findings": [{"about": finding.about, "found": finding.found} for finding in check.findings],
    }
