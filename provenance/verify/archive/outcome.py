"""From the journal of an audit to its report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import checkpoint_key
from sijill.provenance.verify.archive.checkpoints import LogHead
from sijill.provenance.verify.archive.codes import (
    ARCHIVE_PREREQUISITES,
    NEVER_REQUIRED,
    OF_PAYLOADS,
    ArchiveCode,
)
from sijill.provenance.verify.archive.journal import Journal
from sijill.provenance.verify.archive.report import ArchiveCheck, ArchiveReport, AuditedLog, Counts, Scope, Shown
from sijill.provenance.verify.archive.statements import moment
from sijill.provenance.verify.archive.vouchers import Timeline, Vouchers, all_vouchers
from sijill.provenance.verify.report import MAX_FINDINGS, Finding, Status
from sijill.provenance.verify.trust import TrustRoot, format_trust

_BEFORE_ENTRIES: Final = frozenset(
    {
        ArchiveCode.SIGNED,
        ArchiveCode.ENTRIES,
        ArchiveCode.TILES,
        ArchiveCode.ROOTS,
        ArchiveCode.NEWEST,
        ArchiveCode.BATCHES,
        ArchiveCode.SINCE,
        ArchiveCode.WITNESSES,
        ArchiveCode.TIMESTAMPS,
        ArchiveCode.VOUCHERS,
        ArchiveCode.LOG_KEYS,
        ArchiveCode.VERSIONS,
    }
)
"""Checks that run although entries cannot be read; those of the log then cover its beginning."""
_PARTIES: Final = frozenset({ArchiveCode.WITNESSES, ArchiveCode.TIMESTAMPS})
"""Checks of who vouches for the newest checkpoint."""


def summarise(
    journal: Journal,
    trust: TrustRoot,
    head: LogHead | None,
    *,
    store: str,
    scope: Scope,
    since: int | None,
    started: datetime,
    ended: datetime,
) -> ArchiveReport:
    """The report of an audit that has come to its end."""
    vouchers = list(all_vouchers(journal))
    timeline = Timeline(vouchers, trust)
    newest = next((one for one in vouchers if head is not None and one.size == head.size), None)
    checks = tuple(_checks(journal, trust, head, scope, since, newest))
    return ArchiveReport(
        store=store,
        started=started,
        ended=ended,
        trust=trust,
        trust_sha256=trust_sha256(trust),
        scope=scope,
        since=since,
        log=None if head is None else _log(journal, head),
        shown=_shown(timeline, vouchers),
        counts=_counts(journal),
        checks=checks,
    )


def trust_sha256(trust: TrustRoot) -> str:
    """SHA-256, lowercase hexadecimal, of a trust root as `format_trust` writes it."""
    return hashlib.sha256(format_trust(trust)).hexdigest()


def _checks(
    journal: Journal, trust: TrustRoot, head: LogHead | None, scope: Scope, since: int | None, newest: Vouchers | None
) -> Iterator[ArchiveCheck]:
    unneeded = dict(_unneeded(journal, trust, since))
    ended: dict[ArchiveCode, Status] = {}
    for code in ArchiveCode:
        listed, total = journal.findings(code, MAX_FINDINGS)
        if code in _PARTIES and head is not None and code not in unneeded:
            listed = list(_too_few(code, journal, trust, head, newest))
            total = len(listed)
        required = code not in unneeded and code not in NEVER_REQUIRED
        blocked = [needed for needed in ARCHIVE_PREREQUISITES.get(code, ()) if ended[needed] is not Status.PASSED]
        reason = _not_run(code, journal, head) or unneeded.get(code) or journal.fact(f"unclear {code}")
        if blocked:
            reason = f"needs {', '.join(blocked)}"
        if total and not blocked:
            check = ArchiveCheck(code, Status.FAILED, required, tuple(listed), total)
        elif reason is not None:
            check = ArchiveCheck(code, Status.NOT_CHECKED, required, (Finding("not checked", reason),), 0)
        elif code in OF_PAYLOADS and (reason := _sampled(journal, scope)) is not None:
            check = ArchiveCheck(code, Status.NOT_CHECKED, required, (Finding("sample", reason),), 0, sampled=True)
        else:
            check = ArchiveCheck(code, Status.PASSED, required)
        ended[code] = check.status
        yield check


def _unneeded(journal: Journal, trust: TrustRoot, since: int | None) -> Iterator[tuple[ArchiveCode, str]]:
    """Checks that the verdict can do without, because there is nothing to check, and why."""
    if since is None:
        yield ArchiveCode.SINCE, "no checkpoint of an earlier visit was given (--since)"
    if not trust.witnesses_needed:
        yield ArchiveCode.WITNESSES, "the trust root names no witness"
    if not trust.timestamps_needed:
        yield ArchiveCode.TIMESTAMPS, "the trust root names no authority"
    if not journal.number("vouchers"):
        yield ArchiveCode.VOUCHERS, "there are none"
    if not journal.number("bracketed"):
        yield ArchiveCode.TIMES, "nobody outside vouches for a time"
        yield ArchiveCode.LATE, "nobody outside vouches for a time"


def _not_run(code: ArchiveCode, journal: Journal, head: LogHead | None) -> str | None:
    """Why a check had nothing to go by."""
    if head is None:
        # What was listed of the store is all there is then.
        return None if code is ArchiveCode.VERSIONS else "the log has no checkpoint that is signed by a trusted key"
    if code not in _BEFORE_ENTRIES and journal.fact("entries readable") is None:
        return f"needs {ArchiveCode.ENTRIES}"
    return None


def _sampled(journal: Journal, scope: Scope) -> str | None:
    captures = journal.entry_counts().get(Kind.CAPTURE, 0)
    if scope.full or len(scope.captures) >= captures:
        return None
    unread = captures - len(scope.captures)
    return f"nothing amiss in the {len(scope.captures)} captures that were read; the other {unread} were not read"


def _too_few(
    code: ArchiveCode, journal: Journal, trust: TrustRoot, head: LogHead, newest: Vouchers | None
) -> Iterator[Finding]:
    witnesses = code is ArchiveCode.WITNESSES
    needed = trust.witnesses_needed if witnesses else trust.timestamps_needed
    vouched = () if newest is None else newest.cosignatures if witnesses else newest.stamps
    parties = sorted({one.party for one in vouched})
    if len(parties) < needed:
        found = f"{needed} needed, {len(parties)} found{': ' if parties else ''}{', '.join(parties)}"
        yield Finding(checkpoint_key(head.size), found)
        if not witnesses and (strange := journal.fact(f"strange {head.size}")) is not None:
            yield Finding(checkpoint_key(head.size), f"a timestamp does not count: {strange}")


def _log(journal: Journal, head: LogHead) -> AuditedLog:
    checkpoint = head.signed.checkpoint
    first, last = journal.id_range()
    return AuditedLog(checkpoint.origin, checkpoint.size, checkpoint.root, head.signed.data, first, last)


def _shown(timeline: Timeline, vouchers: list[Vouchers]) -> Shown | None:
    last = timeline.last
    if last is None:
        return None
    size, by = last
    found = next(one for one in vouchers if one.size == size)
    return Shown(size, moment(by), tuple(sorted({one.party for one in (*found.stamps, *found.cosignatures)})))


def _counts(journal: Journal) -> Counts:
    return Counts(
        entries=journal.entry_counts(),
        read=journal.number("read"),
        objects=journal.number("objects"),
        bytes=journal.number("bytes"),
        keys=journal.kept_count(),
        waiting=journal.number("waiting"),
        gone=journal.number("gone"),
    )
