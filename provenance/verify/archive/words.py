"""What an audit shows and what it cannot show, sentence by sentence."""

from __future__ import annotations

from collections.abc import Iterator

from sijill.provenance.log.entry import Kind
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.archive.report import ArchiveReport, Verdict
from sijill.provenance.verify.report import Status

VERDICTS = {
    Verdict.HOLDS: "THE ARCHIVE HOLDS",
    Verdict.HOLDS_FOR_SAMPLE: "HOLDS FOR WHAT WAS CHECKED: only a sample was read",
    Verdict.DOES_NOT_HOLD: "THE ARCHIVE DOES NOT HOLD",
}


def conclusion(report: ArchiveReport) -> Iterator[str]:
    """What follows from the audit."""
    if report.log is None:
        yield "The log has no checkpoint that a key of the trust root signed, so nothing follows from this archive."
        return
    counts, size = report.counts, report.log.size
    match report.verdict:
        case Verdict.HOLDS:
            yield (
                f"Each of the {count(size, 'entry')} of the log has its attestation, every attestation is signed, and "
                f"all {count(counts.captures, 'capture')} were read and are what was attested."
            )
        case Verdict.HOLDS_FOR_SAMPLE:
            yield (
                f"Each of the {count(size, 'entry')} of the log has its attestation, and every attestation is signed. "
                f"Of {count(counts.captures, 'capture')} only {counts.read} were read; these are what was attested. "
                "Nothing is shown of the bytes of the others."
            )
        case Verdict.DOES_NOT_HOLD:
            failed = [check.code for check in report.checks if check.required and check.status is Status.FAILED]
            unrun = [
                check.code
                for check in report.checks
                if check.required and check.status is Status.NOT_CHECKED and not check.sampled
            ]
            if failed:
                yield f"Failed: {', '.join(failed)}. The findings say what is damaged; the rest may still be good."
            if unrun:
                yield f"Required, but could not be checked: {', '.join(unrun)}."
    if counts.gone:
        yield f"{count(counts.gone, 'object')} were removed, and logged tombstones say so, why, and on whose authority."
    if counts.waiting:
        yield f"{count(counts.waiting, 'statement')} not in the log yet: nothing is shown about what waits."


def limits(report: ArchiveReport) -> Iterator[str]:
    """What could not have been seen, and what it would have taken."""
    given = list(_outside(report))
    yield (
        "A log that was rewritten and signed again by its true key, or cut back to an earlier state, with all else "
        "made to fit, cannot be seen without a checkpoint from an earlier visit (--since), a witness or a timestamp. "
        f"You gave: {', '.join(given) if given else 'none'}."
    )
    passed = {check.code for check in report.checks if check.status is Status.PASSED}
    if report.since is None and ArchiveCode.WITNESSES not in passed and report.shown is not None:
        yield (
            "Timestamps alone show the log as it was at their time: one that was rewritten before "
            f"{report.shown.by:%Y-%m-%d %H:%M:%S} UTC and timestamped only then looks the same. "
            f"{ArchiveCode.LATE} tells what was shown to exist late."
        )
    if report.since is not None and report.log is not None:
        new = report.log.size - report.since
        yield (
            f"The checkpoint that you kept covers the first {count(report.since, 'entry')}; "
            f"the {count(new, 'entry')} after it are new to you."
        )
    if report.shown is not None:
        all_of_it = report.log is None or report.shown.size == report.log.size
        later = "" if all_of_it else " Later ones bear nobody else's time."
        yield (
            f"The first {count(report.shown.size, 'entry')} existed by {report.shown.by:%Y-%m-%d %H:%M:%S} UTC, as "
            f"{' and '.join(report.shown.parties)} vouch for.{later}"
        )
    else:
        yield "Nobody outside vouches for any time: all times in this archive are its collector's own."
    if not report.scope.full:
        yield (
            f"The sample was chosen by the seed {report.scope.seed}: the {len(report.scope.captures)} captures whose "
            "SHA-256 of seed, space and id comes first. With --seed the same can be read again."
        )
    yield "What was never put into the log leaves no trace when it is taken away."
    yield "An attestation says what its collector claims to have received. It does not prove what the server sent."
    if report.log is not None:
        yield "For your next audit keep the newest checkpoint; --report leaves it as a file, --since takes it."


def numbers(report: ArchiveReport) -> dict[str, str]:
    """How much there is, and how much of it was read."""
    counts = report.counts
    others = [f"{number} {kind.value}" for kind, number in sorted(counts.entries.items()) if kind is not Kind.CAPTURE]
    return {
        "Entries": f"{counts.total}" + (f" ({', '.join(others)})" if others else ""),
        "Captures": f"{counts.captures}, {counts.read} of them read",
        "Objects read": f"{counts.objects}",
        "Bytes read": f"{counts.bytes}",
        "Keys in the store": f"{counts.keys}",
        "Waiting for the log": f"{counts.waiting}",
    }


def count(number: int, noun: str) -> str:
    """`number` with the noun as it should be."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def _outside(report: ArchiveReport) -> Iterator[str]:
    if report.since is not None:
        yield f"a checkpoint of size {report.since}"
    checks = {check.code: check.status for check in report.checks}
    for code, what in ((ArchiveCode.WITNESSES, "witnesses"), (ArchiveCode.TIMESTAMPS, "timestamps")):
        if checks[code] is Status.PASSED:
            yield f"{what} of the newest checkpoint"
