"""The audit of a whole archive: everything worked out again from the entries of its log, and compared.

It goes in steps: the log, the entries with what they name, then the store as a whole. What was found is in the journal
after each step and, within the second, after every few entries; an audit that was interrupted goes on from there.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sijill.provenance.attest.timestamps import format_timestamp, parse_timestamp
from sijill.provenance.errors import MalformedCheckpoint, UnverifiedNote
from sijill.provenance.log.checkpoint import SignedCheckpoint, parse_checkpoint
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import attestation_folder
from sijill.provenance.verify.archive.checkpoints import LogHead, Show, check_newest, find_checkpoints, log_signers
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.archive.examine import Task
from sijill.provenance.verify.archive.journal import Journal, LoggedEntry
from sijill.provenance.verify.archive.log import check_log
from sijill.provenance.verify.archive.outcome import summarise, trust_sha256
from sijill.provenance.verify.archive.ranges import Spread, examine_by_ranges
from sijill.provenance.verify.archive.report import ArchiveReport, Scope
from sijill.provenance.verify.archive.settle import Settler
from sijill.provenance.verify.archive.source import ArchiveSource, name_of
from sijill.provenance.verify.archive.strays import check_strays, check_waiting, list_store
from sijill.provenance.verify.archive.vouchers import Timeline, all_vouchers, check_log_keys, find_vouchers
from sijill.provenance.verify.archive.workers import OpenSource, examine_all
from sijill.provenance.verify.trust import TrustRoot

_TOGETHER: Final = 64
"""Entries whose outcome is written to disk in one step: so many are examined once more if the process is killed."""
_BYTES_TOGETHER: Final = 64 << 20


class Step(StrEnum):
    """What an audit is at, in words."""

    CHECKPOINTS = "verifying checkpoints"
    LISTING = "listing the store"
    LOG = "recomputing the log"
    VOUCHERS = "verifying timestamps and cosignatures"
    ENTRIES = "examining entries"
    STORE = "looking for strangers"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an audit is to be of."""

    store: str
    """What the store is called in the report."""
    sample: int | None = None
    """How many captures to read; None: all."""
    seed: str | None = None
    """What chooses the sample, hexadecimal; None: anything that the archive could not foresee."""
    since: SignedCheckpoint | None = None
    """A checkpoint that the auditor kept from an earlier visit."""
    jobs: int = 1

    def binding(self, trust: TrustRoot) -> dict[str, str]:
        """What a journal must be of, to be one of this audit."""
        return {
            "store": self.store,
            "trust root": trust_sha256(trust),
            "sample": "all" if self.sample is None else str(self.sample),
            "seed": self.seed or "any",
            "since": "nothing" if self.since is None else hashlib.sha256(self.since.data).hexdigest(),
        }


Progress = Callable[[Step, int, int], None]
"""Told what the audit is at, how much of that is done, and of how much; 0 if that is not known."""


def audit(
    open_source: OpenSource,
    trust: TrustRoot,
    plan: Plan,
    *,
    journal: Journal,
    clock: Callable[[], datetime],
    new_seed: Callable[[], str],
    show: Progress,
    spread: Spread | None = None,
) -> ArchiveReport:
    """Audit an archive, or go on with the audit that the journal is of. Nothing in the archive can make this fail.

    Args:
        open_source: opens the archive, here and, with several jobs, in other processes.
        trust: whom the auditor believes.
        plan: what is to be audited.
        journal: takes what is found.
        clock: gives the times of the report.
        new_seed: gives hexadecimal that cannot be foreseen.
        show: told how far it is.
        spread: who examines the captures in ranges of the log; None: this process, and `plan.jobs` of its making.
            The report is the same.

    Raises:
        JournalUnusable: the journal is of another audit.
        RangeRefused: what came back of a range is not what was asked for, or was not found in this archive.
    """
    journal.bind(plan.binding(trust))
    if journal.fact("seed") is None:
        journal.note("seed", plan.seed or new_seed())
        journal.note("started", format_timestamp(clock()))
    source = open_source()
    with journal.whole():
        head = _log_step(journal, source, trust, plan, show)
    journal.commit()
    scope = Scope()
    if head is not None and journal.fact("entries readable"):
        scope = _scope(journal, plan)
        _entries_step(journal, open_source, source, trust, plan, head, scope, show, spread)
        if journal.fact("store done") is None:
            with journal.whole():
                journal.note("waiting", str(check_waiting(journal, source)))
                check_strays(journal, source, trust, head.size, _at(show, Step.STORE))
                journal.note("store done", "yes")
    if journal.fact("ended") is None:
        with journal.whole():
            if head is not None:
                check_newest(journal, source, trust, head.size)
            journal.note("ended", format_timestamp(clock()))
    journal.commit()
    started, ended = (parse_timestamp(journal.fact(name) or "") for name in ("started", "ended"))
    since = None if plan.since is None else plan.since.checkpoint.size
    return summarise(journal, trust, head, store=plan.store, scope=scope, since=since, started=started, ended=ended)


def sample_order(seed: str, capture_id: str) -> bytes:
    """What captures are sorted by to take a sample: anyone can do it again."""
    return hashlib.sha256(f"{seed} {capture_id}".encode("ascii")).digest()


def _log_step(journal: Journal, source: ArchiveSource, trust: TrustRoot, plan: Plan, show: Progress) -> LogHead | None:
    """The log from its entries up, and who vouches for it."""
    if (kept := journal.fact("checkpoint")) is not None:
        signed = parse_checkpoint(kept.encode("utf-8"))
        return LogHead(signed, log_signers(trust, signed))
    journal.forget_log()
    head = find_checkpoints(journal, source, trust, _at(show, Step.CHECKPOINTS))
    list_store(journal, source, _at(show, Step.LISTING))
    if head is None:
        return None
    since = plan.since
    wanted = None if since is None else since.checkpoint.size
    roots = check_log(journal, source, trust, head.size, since=wanted, jobs=plan.jobs, show=_at(show, Step.LOG))
    if since is not None:
        _check_since(journal, trust, since, head, roots)
    if head.size in roots:
        journal.note("entries readable", "yes")
        journal.index_entries()
        for entry_id, number in journal.doubles():
            journal.find(ArchiveCode.ONCE, entry_id, f"{number} entries have this id")
    find_vouchers(journal, source, trust, head.size, _at(show, Step.VOUCHERS))
    check_log_keys(journal, source, trust, head.size, Timeline(all_vouchers(journal), trust))
    journal.note("checkpoint", head.signed.data.decode("utf-8"))
    return head


def _check_since(
    journal: Journal, trust: TrustRoot, since: SignedCheckpoint, head: LogHead, roots: dict[int, bytes]
) -> None:
    size, about = since.checkpoint.size, f"checkpoint of size {since.checkpoint.size}"
    try:
        log_signers(trust, since)
    except (MalformedCheckpoint, UnverifiedNote) as err:
        journal.find(ArchiveCode.SINCE, about, str(err))
        return
    if since.checkpoint.origin != head.signed.checkpoint.origin:
        journal.find(ArchiveCode.SINCE, about, f"is of {since.checkpoint.origin}, another log")
    elif size > head.size:
        journal.find(ArchiveCode.SINCE, about, f"the log has only {head.size} now: entries were taken away")
    elif size not in roots:
        journal.note(f"unclear {ArchiveCode.SINCE}", "the entries of the log cannot be read up to this size")
    elif roots[size] != since.checkpoint.root:
        reason = f"root {since.checkpoint.root.hex()}, the first {size} entries give {roots[size].hex()} now"
        journal.find(ArchiveCode.SINCE, about, reason)


def _scope(journal: Journal, plan: Plan) -> Scope:
    if plan.sample is None:
        return Scope()
    seed = journal.fact("seed") or ""
    ids = (entry.id for entry in journal.entries(captures=True))
    chosen = heapq.nsmallest(plan.sample, ids, key=lambda capture_id: sample_order(seed, capture_id))
    return Scope(seed, plan.sample, tuple(sorted(chosen)))


def _entries_step(
    journal: Journal,
    open_source: OpenSource,
    source: ArchiveSource,
    trust: TrustRoot,
    plan: Plan,
    head: LogHead,
    scope: Scope,
    show: Progress,
    spread: Spread | None,
) -> None:
    """Everything else first, because tombstones say what is missing of captures."""
    settler = Settler(journal, trust, head, Timeline(all_vouchers(journal), trust))
    chosen = frozenset(scope.captures)
    done, uncommitted, unread = journal.done_count(), 0, 0
    show(Step.ENTRIES, done, head.size)
    for captures in (False, True):
        entries = journal.entries(captures=captures, undone=True)
        tasks = (_task(journal, entry, read=scope.full or entry.id in chosen) for entry in entries)
        if captures and spread is not None:
            outcomes = examine_by_ranges(tasks, head.signed, trust, spread)
        else:
            outcomes = examine_all(tasks, open_source, source, trust, jobs=plan.jobs)
        for found in outcomes:
            with journal.whole():
                settler.settle(found, read=scope.full or found.entry.id in chosen)
            done, uncommitted, unread = done + 1, uncommitted + 1, unread + found.bytes
            if uncommitted == _TOGETHER or unread > _BYTES_TOGETHER:
                journal.commit()
                uncommitted = unread = 0
            show(Step.ENTRIES, done, head.size)
        journal.commit()


def _task(journal: Journal, entry: LoggedEntry, *, read: bool) -> Task:
    if entry.kind is not Kind.CAPTURE:
        return Task(entry, read=True)
    tokens = tuple(_tokens(journal, entry))
    removed = frozenset(key for key, _, _ in journal.removed(entry.id))
    return Task(entry, read, tokens, removed)


def _tokens(journal: Journal, entry: LoggedEntry) -> Iterator[str]:
    for key in journal.kept(f"{attestation_folder(entry.id, entry.kind)}attestation."):
        if (name_of(key).part or "").endswith(".tsr"):
            yield key


def _at(show: Progress, step: Step) -> Show:
    return lambda done, total: show(step, done, total)
