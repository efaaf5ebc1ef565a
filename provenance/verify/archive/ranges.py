"""The captures of a log in ranges, so that other processes and machines can examine them.

A range goes there, and what was found comes back, as JSON: which places of the log, and what the statements there say.
Bodies never do. Whoever examines a range opens the archive, and reads the entries of the log, for itself.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from sijill.provenance.errors import (
    MalformedCheckpoint,
    MalformedEntry,
    MalformedTile,
    RangeRefused,
    UnreadableObject,
    UnverifiedNote,
)
from sijill.provenance.log.checkpoint import SignedCheckpoint, parse_checkpoint
from sijill.provenance.log.entry import parse_entry
from sijill.provenance.log.layout import checkpoint_key
from sijill.provenance.log.tiles import WIDTH, parse_bundle, tile_at
from sijill.provenance.verify.archive.checkpoints import log_signers
from sijill.provenance.verify.archive.examine import Examined, Task, examine
from sijill.provenance.verify.archive.journal import LoggedEntry, kept_text
from sijill.provenance.verify.archive.source import ArchiveSource
from sijill.provenance.verify.errors import MalformedTrustRoot
from sijill.provenance.verify.trust import TrustRoot, format_trust, parse_trust

RunRanges = Callable[[Iterator[str]], Iterator[str]]
"""Has each range examined by `examine_range` somewhere, and gives what that returned, in the same order."""

_AS_JSON: Final = ConfigDict(extra="forbid", ser_json_bytes="hex", val_json_bytes="hex")

Run = tuple[int, int]
"""Places of the log from the first up to, and without, the second."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """That the captures of the log are to be examined in ranges."""

    ranges: int
    """Into how many the log is split."""
    run: RunRanges


@checked_dataclass(frozen=True, slots=True, config=_AS_JSON)
class LogRange:
    """A range of the log that is to be examined."""

    start: int
    end: int
    checkpoint: str
    """The checkpoint of the log that is audited; its tree was worked out again from the entries."""
    trust: str
    """The trust root, as JSON."""
    runs: tuple[Run, ...]
    """The places to be examined."""
    entries_sha256: str
    """What the entries at these places must come to, as `_digest` has it."""
    read: tuple[Run, ...] | None = None
    """The places whose objects are to be read, and not only looked for; None: all."""
    tokens: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """Keys of timestamps over attestations, by place."""
    removed: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """Keys that logged tombstones say were removed, by place."""


@checked_dataclass(frozen=True, slots=True, config=_AS_JSON)
class RangeOutcome:
    """What was found in a range."""

    start: int
    end: int
    found: tuple[Examined, ...]


def split_log(size: int, ranges: int) -> list[range]:
    """The places of a log of `size` in at most `ranges` ranges of one width.

    No bundle of entries is in two of them, unless a range is less than one.
    """
    width = range_width(size, ranges)
    return [range(start, min(start + width, size)) for start in range(0, size, width)]


def range_width(size: int, ranges: int) -> int:
    """How many places each of the ranges of `split_log` has; the last may have fewer."""
    width = max(1, -(-size // ranges))
    return width if width <= WIDTH else -(-width // WIDTH) * WIDTH


def examine_by_ranges(
    tasks: Iterator[Task], signed: SignedCheckpoint, trust: TrustRoot, spread: Spread
) -> Iterator[Examined]:
    """What was found of each task, in their order: the same as if they had been examined here one after the other.

    Args:
        tasks: what is to be examined, by place.
        signed: the checkpoint of the log that the entries were read from.
        trust: whom the auditor believes.
        spread: who examines the ranges.

    Raises:
        RangeRefused: what came back is not what was asked for.
    """
    width = range_width(signed.checkpoint.size, spread.ranges)
    asked: deque[tuple[LogRange, list[LoggedEntry]]] = deque()

    def sent() -> Iterator[str]:
        for number, group in groupby(tasks, key=lambda task: task.entry.place // width):
            together = list(group)
            end = min((number + 1) * width, signed.checkpoint.size)
            wanted = _range_of(number * width, end, together, signed, trust)
            asked.append((wanted, [task.entry for task in together]))
            yield TypeAdapter(LogRange).dump_json(wanted, exclude_defaults=True).decode("utf-8")

    for text in spread.run(sent()):
        wanted, entries = asked.popleft()
        outcome = _parsed(RangeOutcome, text, wanted.start, wanted.end)
        if (outcome.start, outcome.end) != (wanted.start, wanted.end):
            raise RangeRefused(wanted.start, wanted.end, f"the outcome is of {outcome.start} to {outcome.end}")
        if [found.entry for found in outcome.found] != entries:
            raise RangeRefused(wanted.start, wanted.end, "the outcome is not of the entries that were asked for")
        yield from outcome.found
    if asked:
        raise RangeRefused(asked[0][0].start, asked[0][0].end, "was not examined")


def examine_range(text: str, source: ArchiveSource) -> str:
    """Examine a range that `examine_by_ranges` sent; what was found, as JSON.

    Args:
        text: the range.
        source: the archive, as it is seen from here.

    Raises:
        RangeRefused: it is no range, or the archive seen from here is not the one that is audited.
    """
    wanted = _parsed(LogRange, text, 0, 0)
    try:
        trust = parse_trust(wanted.trust.encode("utf-8"))
        signed = parse_checkpoint(wanted.checkpoint.encode("utf-8"))
        log_signers(trust, signed)
    except (MalformedTrustRoot, MalformedCheckpoint, UnverifiedNote) as err:
        raise RangeRefused(wanted.start, wanted.end, str(err)) from err
    entries = _entries(wanted, signed, source)
    read = None if wanted.read is None else frozenset(_places(wanted.read))
    tokens, removed = dict(wanted.tokens), dict(wanted.removed)
    found = []
    for entry in entries:
        place = entry.place
        task = Task(entry, read is None or place in read, tokens.get(place, ()), frozenset(removed.get(place, ())))
        one = examine(task, source, trust)
        # The journal would shorten them anyhow, and JSON holds no lone surrogates.
        one.faults = [(code, kept_text(about), kept_text(reason)) for code, about, reason in one.faults]
        found.append(one)
    outcome = RangeOutcome(wanted.start, wanted.end, tuple(found))
    return TypeAdapter(RangeOutcome).dump_json(outcome, exclude_defaults=True).decode("utf-8")


def _range_of(start: int, end: int, tasks: list[Task], signed: SignedCheckpoint, trust: TrustRoot) -> LogRange:
    unread = any(not task.read for task in tasks)
    return LogRange(
        start,
        end,
        signed.data.decode("utf-8"),
        format_trust(trust).decode("utf-8"),
        tuple(_runs(task.entry.place for task in tasks)),
        _digest(task.entry for task in tasks),
        tuple(_runs(task.entry.place for task in tasks if task.read)) if unread else None,
        tuple((task.entry.place, task.tokens) for task in tasks if task.tokens),
        tuple((task.entry.place, tuple(sorted(task.removed))) for task in tasks if task.removed),
    )


def _entries(wanted: LogRange, signed: SignedCheckpoint, source: ArchiveSource) -> list[LoggedEntry]:
    """The entries at the places of a range: exactly those that the log was recomputed from."""
    size = signed.checkpoint.size
    if any(not 0 <= first < last <= size for first, last in wanted.runs):
        raise RangeRefused(wanted.start, wanted.end, f"names places that a log of {size} does not have")
    key = checkpoint_key(size)
    entries: list[LoggedEntry] = []
    try:
        if source.read(key) != signed.first_signed:
            raise RangeRefused(wanted.start, wanted.end, f"the archive seen from here has another {key}")
        for index, places in groupby(_places(wanted.runs), key=lambda place: place // WIDTH):
            tile = tile_at(None, index, size)
            key = tile.key
            bundle = parse_bundle(source.read(key) or b"", tile.width)
            for place in places:
                entry = parse_entry(bundle[place % WIDTH])
                entries.append(LoggedEntry(place, entry.kind, entry.id, entry.envelope_sha256))
    except (UnreadableObject, MalformedTile, MalformedEntry) as err:
        raise RangeRefused(wanted.start, wanted.end, f"{key}: {err.reason}") from err
    if _digest(entries) != wanted.entries_sha256:
        raise RangeRefused(wanted.start, wanted.end, "the entries are not those that the log was recomputed from")
    return entries


def _digest(entries: Iterable[LoggedEntry]) -> str:
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(f"{entry.place} {entry.kind.value} {entry.id} {entry.sha256}\n".encode("ascii"))
    return digest.hexdigest()


def _runs(places: Iterable[int]) -> Iterator[Run]:
    """Ascending places, put together."""
    first = last = None
    for place in places:
        if first is not None and last is not None and place != last:
            yield first, last
            first = None
        first = place if first is None else first
        last = place + 1
    if first is not None and last is not None:
        yield first, last


def _places(runs: Iterable[Run]) -> Iterator[int]:
    for first, last in runs:
        yield from range(first, last)


def _parsed(form: type[T], text: str, start: int, end: int) -> T:
    try:
        return TypeAdapter(form).validate_json(text)
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise RangeRefused(start, end, f"{where}: {first['msg']}") from err
