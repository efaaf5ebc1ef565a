"""What was found about one entry, held against everything else that is known of the archive."""

from __future__ import annotations

from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import attestation_key
from sijill.provenance.verify.archive.checkpoints import LogHead
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.archive.examine import Examined, Quoted
from sijill.provenance.verify.archive.journal import Journal
from sijill.provenance.verify.archive.source import object_key
from sijill.provenance.verify.archive.statements import invalid_key, is_limited, moment
from sijill.provenance.verify.archive.vouchers import UNKNOWN, Timeline, Vouched, not_after, not_before
from sijill.provenance.verify.trust import TrustRoot

_LATE = 7 * 86_400 * 1_000_000
"""Microseconds after which what is shown to exist may be something that was made later than it says."""


class Settler:
    """Takes in what was found about entries, one by one; tombstones before captures."""

    def __init__(self, journal: Journal, trust: TrustRoot, head: LogHead, timeline: Timeline) -> None:
        from sijill.provenance.verify.bracket import CLOCK_TOLERANCE

        self._journal = journal
        self._trust = trust
        self._head = head
        self._timeline = timeline
        self._tolerance = int(CLOCK_TOLERANCE.total_seconds()) * 1_000_000

    def settle(self, found: Examined, *, read: bool) -> None:
        """Note everything about one entry; `read` says whether its objects were."""
        journal, entry = self._journal, found.entry
        for code, about, reason in found.faults:
            journal.find(code, about, reason, place=entry.place)
        journal.name(one.sha256 for one in found.named)
        if found.times is not None:
            shown = self._shown(found)
            self._check_keys(found, shown)
            self._check_times(found, shown)
        if found.quoted is not None:
            self._check_quoted(found, found.quoted)
        self._check_dependencies(found)
        if found.tombstone is not None:
            self._take_tombstone(found)
        if entry.kind is Kind.CAPTURE:
            self._check_removed(found)
            journal.count("read", 1 if read and found.times is not None else 0)
            if not read:
                self._check_listed(found)
        for name, number in (
            ("objects", found.objects),
            ("bytes", found.bytes),
            ("gone", found.gone),
            ("vouchers", len(found.stamps)),
        ):
            if number:
                journal.count(name, number)
        journal.done(entry.place)

    def _find(self, code: ArchiveCode, found: Examined, reason: str) -> None:
        key = attestation_key(found.entry.id, found.entry.kind)
        self._journal.find(code, key, reason, place=found.entry.place)

    def _shown(self, found: Examined) -> int | None:
        """T1: by when the attestation existed."""
        stamps = [Vouched(*stamp) for stamp in found.stamps]
        bounds = (self._timeline.not_after(found.entry.place), not_after(stamps, self._trust.timestamps_needed))
        return min((bound for bound in bounds if bound is not None), default=None)

    def _made_after(self, found: Examined) -> int | None:
        """T0: the attestation names what nobody could know before."""
        if found.quoted is None:
            return None
        stamps = []
        for sha256 in found.freshness:
            rows = self._journal.stamped(found.quoted.size, sha256)
            stamps += [Vouched(party, earliest, earliest) for party, earliest in rows if party != UNKNOWN]
            if not self._journal.is_kept_stamp(found.quoted.size, sha256):
                reason = f"names a timestamp over the checkpoint of size {found.quoted.size} that is missing: {sha256}"
                self._find(ArchiveCode.VOUCHERS, found, reason)
        known = [Vouched(party, time, time) for party, time in found.quoted.known]
        bounds = (not_before(stamps, self._trust.timestamps_needed), not_before(known, self._trust.witnesses_needed))
        return max((bound for bound in bounds if bound is not None), default=None)

    def _check_keys(self, found: Examined, shown: int | None) -> None:
        """One key that was valid is enough: a new key is introduced under the old one's signature, too."""
        limited = [keyid for keyid in found.keyids if is_limited(self._trust, keyid)]
        if len(limited) < len(found.keyids):
            return
        if shown is None:
            reason = f"{found.entry.id}: {', '.join(limited)} limited in time, and nobody vouches for a time"
            self._journal.note(f"unclear {ArchiveCode.KEYS}", reason)
            return
        faults = [invalid_key(self._trust, keyid, shown) for keyid in limited]
        if None not in faults:
            for fault in filter(None, faults):
                self._find(ArchiveCode.KEYS, found, f"{fault.about}: {fault.found}")

    def _check_times(self, found: Examined, shown: int | None) -> None:
        after = self._made_after(found)
        started, ended = found.times or (0, 0)
        if shown is not None or after is not None:
            self._journal.count("bracketed")
        if shown is not None and ended > shown + self._tolerance:
            reason = f"ended at {_written(ended)}, but was there by {_written(shown)}"
            self._find(ArchiveCode.TIMES, found, reason)
        if shown is not None and shown - ended > _LATE:
            reason = f"states {_written(ended)}, shown to exist by {_written(shown)} only"
            self._find(ArchiveCode.LATE, found, reason)
        if after is not None and started < after - self._tolerance:
            reason = f"begun at {_written(started)}, but made after {_written(after)}"
            self._find(ArchiveCode.TIMES, found, reason)
        if after is not None and shown is not None and after > shown + self._tolerance:
            reason = f"made after {_written(after)}, but there by {_written(shown)}"
            self._find(ArchiveCode.TIMES, found, reason)

    def _check_quoted(self, found: Examined, quoted: Quoted) -> None:
        if quoted.origin != self._head.signed.checkpoint.origin:
            self._find(ArchiveCode.QUOTED, found, f"quotes a checkpoint of {quoted.origin}, another log")
            return
        if quoted.size > found.entry.place:
            reason = f"quotes the checkpoint of size {quoted.size}, but is entry {found.entry.place}"
            self._find(ArchiveCode.QUOTED, found, reason)
        root = self._journal.root(quoted.size)
        if root is None:
            reason = f"quotes a checkpoint of size {quoted.size}, which the log does not keep"
            self._find(ArchiveCode.QUOTED, found, reason)
        elif root != quoted.root:
            reason = f"quotes root {quoted.root.hex()} at size {quoted.size}, the entries give {root.hex()}"
            self._find(ArchiveCode.QUOTED, found, reason)

    def _check_dependencies(self, found: Examined) -> None:
        for capture_id, sha256 in found.dependencies:
            entries = self._journal.entries_of(capture_id, Kind.CAPTURE)
            if not entries:
                self._find(ArchiveCode.DEPENDENCIES, found, f"{capture_id} is not in the log")
            elif sha256 is not None and sha256 not in {entry.sha256 for entry in entries}:
                self._find(ArchiveCode.DEPENDENCIES, found, f"{capture_id} is in the log with another attestation")

    def _take_tombstone(self, found: Examined) -> None:
        tombstone = found.tombstone
        if tombstone is None:
            return
        entries = self._journal.entries_of(tombstone.capture_id, Kind.CAPTURE)
        if all(entry.sha256 != tombstone.envelope_sha256 for entry in entries):
            reason = f"{tombstone.capture_id} is not in the log with the attestation that this names"
            self._find(ArchiveCode.TOMBSTONES, found, reason)
            return
        for key, sha256 in tombstone.removed:
            self._journal.remove(tombstone.capture_id, key, sha256, found.entry.place)
        # What a tombstone names is no stranger while it is still there.
        self._journal.name(sha256 for _, sha256 in tombstone.removed)

    def _check_removed(self, found: Examined) -> None:
        entry = found.entry
        own = {object_key(one.sha256) for one in found.named} | {attestation_key(entry.id)}
        for key, _, place in self._journal.removed(entry.id):
            # Without its attestation there is nothing to tell the capture's objects by, but the tombstone itself.
            if found.named and key not in own:
                self._find(ArchiveCode.TOMBSTONES, found, f"the tombstone at {place} names {key}, which is not its")
            if place < entry.place:
                self._find(ArchiveCode.TOMBSTONES, found, f"its tombstone is entry {place}, before its own")

    def _check_listed(self, found: Examined) -> None:
        """Of objects that are not read, what the store's listing says."""
        removed = {key for key, _, _ in self._journal.removed(found.entry.id)}
        for one in found.named:
            key = object_key(one.sha256)
            size = self._journal.kept_size(key)
            if size is None and key in removed:
                self._journal.count("gone")
            elif size is None:
                self._journal.find(
                    ArchiveCode.PRESENT, key, f"{one.name} of {found.entry.id} is missing", place=found.entry.place
                )
            elif size != one.size:
                reason = f"{one.name} of {found.entry.id}: attested {one.size}, the store lists {size}"
                self._journal.find(ArchiveCode.SIZES, key, reason, place=found.entry.place)


def _written(micros: int) -> str:
    return format_timestamp(moment(micros))
