"""What outside parties vouch for: which checkpoints existed by when, and so everything that they include."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby
from typing import Final

from sijill.provenance.errors import (
    MalformedCheckpoint,
    MalformedNote,
    MalformedTimestampResponse,
    UnreadableObject,
    UnverifiedNote,
    UnverifiedTimestamp,
)
from sijill.provenance.log.checkpoint import SignedCheckpoint
from sijill.provenance.log.cosignature import parse_line
from sijill.provenance.log.layout import checkpoint_key
from sijill.provenance.log.note import Note
from sijill.provenance.verify.archive.checkpoints import Show, kept_checkpoint, log_signers
from sijill.provenance.verify.archive.codes import ArchiveCode
from sijill.provenance.verify.archive.journal import Journal
from sijill.provenance.verify.archive.source import CHECKPOINTS, ArchiveSource, Place, name_of
from sijill.provenance.verify.archive.statements import invalid_key, is_limited, microseconds
from sijill.provenance.verify.trust import TrustRoot

_COSIGNATURE: Final = ".cosignature"
UNKNOWN: Final = ""
"""The party of a timestamp whose authority the auditor does not know."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """What an outside party says of one checkpoint; times are microseconds since 1970."""

    party: str
    earliest: int
    latest: int


@dataclass(frozen=True, slots=True)
class Vouchers:
    """Everything that outside parties say of one checkpoint."""

    size: int
    stamps: tuple[Vouched, ...]
    cosignatures: tuple[Vouched, ...]

    def not_after(self, trust: TrustRoot) -> int | None:
        """By when, as enough of them say, the checkpoint existed; microseconds since 1970."""
        bounds = (
            not_after(self.stamps, trust.timestamps_needed),
            not_after(self.cosignatures, trust.witnesses_needed),
        )
        return min((bound for bound in bounds if bound is not None), default=None)


class Timeline:
    """By when the entries of a log existed."""

    def __init__(self, vouchers: Iterable[Vouchers], trust: TrustRoot) -> None:
        self._sizes: list[int] = []
        self._times: list[int] = []
        for one in vouchers:
            if (time := one.not_after(trust)) is not None:
                self._sizes.append(one.size)
                self._times.append(time)
        self._own = dict(zip(self._sizes, self._times, strict=True))
        # A checkpoint includes all entries before it: for each, the earliest that includes it counts.
        for place in reversed(range(len(self._times) - 1)):
            self._times[place] = min(self._times[place], self._times[place + 1])

    def of_checkpoint(self, size: int) -> int | None:
        """By when the checkpoint of a size existed, in microseconds since 1970; None if nobody vouches for it."""
        return self._own.get(size)

    def not_after(self, place: int) -> int | None:
        """By when entry `place` existed, in microseconds since 1970; None if nobody vouches for it."""
        first = bisect_right(self._sizes, place)
        return self._times[first] if first < len(self._times) else None

    @property
    def last(self) -> tuple[int, int] | None:
        """The largest size whose checkpoint somebody vouches for, and by when it existed."""
        return (self._sizes[-1], self._own[self._sizes[-1]]) if self._sizes else None


def not_after(vouched: Sequence[Vouched], needed: int) -> int | None:
    """The moment by which as many parties as are needed had seen it."""
    latest: dict[str, int] = {}
    for one in sorted(vouched, key=lambda one: one.latest):
        latest.setdefault(one.party, one.latest)
    times = list(latest.values())
    return times[needed - 1] if 0 < needed <= len(times) else None


def not_before(vouched: Sequence[Vouched], needed: int) -> int | None:
    """The last moment after which, as many parties as are needed say, it was made."""
    earliest: dict[str, int] = {}
    for one in sorted(vouched, key=lambda one: one.earliest, reverse=True):
        earliest.setdefault(one.party, one.earliest)
    times = list(earliest.values())
    return times[needed - 1] if 0 < needed <= len(times) else None


def find_vouchers(journal: Journal, source: ArchiveSource, trust: TrustRoot, size: int, show: Show) -> None:
    """Verify every timestamp and cosignature that is kept of checkpoints up to `size`; they go to the journal."""
    groups = groupby(journal.kept(CHECKPOINTS), key=lambda key: name_of(key).size)
    for number, (of, keys) in enumerate(groups, start=1):
        named = [key for key in keys if name_of(key).place is Place.VOUCHER]
        if named and of is not None and of <= size:
            _verify(journal, source, trust, of, named)
        show(number, 0)


def all_vouchers(journal: Journal) -> Iterable[Vouchers]:
    """What the journal has of each checkpoint, by size."""
    for size, rows in groupby(journal.vouched(), key=lambda row: row[0]):
        listed = [(stamp, Vouched(party, earliest, latest)) for _, stamp, party, earliest, latest in rows]
        yield Vouchers(
            size,
            tuple(one for stamp, one in listed if stamp and one.party != UNKNOWN),
            tuple(one for stamp, one in listed if not stamp),
        )


def check_log_keys(journal: Journal, source: ArchiveSource, trust: TrustRoot, size: int, timeline: Timeline) -> None:
    """Check that limited log keys were valid when the checkpoints that they signed were shown to exist.

    A checkpoint without such a time is no worse for it if a later one, which repeats it, is good.
    """
    if not any(is_limited(trust, key.vkey) for key in trust.log_keys):
        return
    for mark in journal.marks(size):
        if not mark.checkpoint:
            continue
        try:
            keys = log_signers(trust, kept_checkpoint(source, mark.size))
        except (MalformedCheckpoint, UnverifiedNote, UnreadableObject):
            continue
        shown = timeline.of_checkpoint(mark.size)
        for key in (key.vkey for key in keys if is_limited(trust, key.vkey)):
            if shown is None and mark.size == size:
                journal.note(f"unclear {ArchiveCode.LOG_KEYS}", f"{key} is limited, and nobody vouches for a time")
            if fault := invalid_key(trust, key, shown):
                about = checkpoint_key(mark.size)
                journal.find(ArchiveCode.LOG_KEYS, about, f"{fault.about}: {fault.found}", place=mark.size)


def _verify(journal: Journal, source: ArchiveSource, trust: TrustRoot, size: int, keys: Sequence[str]) -> None:
    try:
        signed = kept_checkpoint(source, size)
        log_signers(trust, signed)
    except (MalformedCheckpoint, UnverifiedNote, UnreadableObject):
        # The checkpoint itself is at fault, which is said elsewhere.
        return
    journal.count("vouchers", len(keys))
    for key in keys:
        data = None
        try:
            data = source.read(key)
            if data is None:
                continue
            if key.endswith(_COSIGNATURE):
                _take_cosignature(journal, trust, signed, key, data)
            else:
                _take_stamp(journal, trust, signed, data)
        except (UnreadableObject, MalformedTimestampResponse, MalformedNote) as err:
            journal.find(ArchiveCode.VOUCHERS, key, err.reason, place=size)
        except UnverifiedNote as err:
            journal.find(ArchiveCode.VOUCHERS, key, str(err), place=size)
        except UnverifiedTimestamp as err:
            # By an authority that the auditor does not know: it counts for nothing, which is no fault of the archive.
            journal.note(f"strange {size}", err.reason)
            journal.vouch(size, stamp=True, party=UNKNOWN, earliest=0, latest=0, sha256=sha256(data or b"").hexdigest())


def _take_stamp(journal: Journal, trust: TrustRoot, signed: SignedCheckpoint, data: bytes) -> None:
    # RFC 3161 libraries are loaded only by who has timestamps.
    from sijill.provenance.verify.vouchers import stamped

    found = stamped(trust, data, signed.data)
    journal.vouch(
        signed.checkpoint.size,
        stamp=True,
        party=found.party,
        earliest=microseconds(found.earliest),
        latest=microseconds(found.latest),
        sha256=sha256(data).hexdigest(),
    )


def _take_cosignature(journal: Journal, trust: TrustRoot, signed: SignedCheckpoint, key: str, data: bytes) -> None:
    from sijill.provenance.verify.vouchers import witnessed

    line = parse_line(data)
    if line.key_id.hex() != name_of(key).part:
        raise MalformedNote("not the signature line of the key that it is named by")
    cosigned = replace(signed, note=Note(signed.note.text, (line,)))
    vouched, false = witnessed(trust, cosigned)
    for fault in false:
        raise UnverifiedNote(fault.about, fault.found)
    for one in vouched:
        moment = microseconds(one.latest)
        journal.vouch(signed.checkpoint.size, stamp=False, party=one.party, earliest=moment, latest=moment, sha256=None)
