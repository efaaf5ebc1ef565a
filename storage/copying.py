"""Copying one store into another, object by object, and telling in what two stores differ."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Set
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from sijill.storage.errors import AlreadyExists, NotFound, ObjectLocked
from sijill.storage.fingerprint import Measure, measure, same
from sijill.storage.layout import CHECKPOINT, LOG, PENDING, PROBE, QUEUE, READINGS
from sijill.storage.store import PIECE, Store

T = TypeVar("T")
R = TypeVar("R")

_CHECKPOINTS = f"{LOG}checkpoints/"
_WORKERS = 8
_LARGEST_MUTABLE = 1 << 20


@dataclass(frozen=True, slots=True)
class Difference:
    """A key under which the two stores do not hold the same."""

    key: str
    what: str


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy came to."""

    copied: int
    """Objects that the target did not have."""
    present: int
    """Objects that it had already, the same bytes; read and compared all the same."""
    differences: tuple[Difference, ...]
    """Objects that it has with other bytes, or cannot let go of; they stay as they are."""
    erased: int = 0
    """Objects that were removed from the target, because they were from the source."""


@dataclass(frozen=True, slots=True)
class _StoredSource:
    """An object of a store as the source of a put into another."""

    store: Store
    key: str

    def open(self) -> AbstractContextManager[BinaryIO]:
        return self.store.open(self.key)


def copy(
    source: Store,
    target: Store,
    *,
    erased: Set[str] = frozenset(),
    withheld: Set[str] = frozenset(),
    on_object: Callable[[int], None] | None = None,
) -> Copied:
    """Copy all that `source` holds, but for readings, into `target`; may be interrupted and run again.

    Each object's digests are those of the bytes read from `source`, and `target` reads it back and compares. Others may
    go on writing to `source`. Queued entries come after all that is immutable. The newest checkpoint is read before all
    else and written after it, so that the target never promises more than it holds; if the logs differ, it is not.

    Args:
        source: only read.
        target: only added to; its `log/checkpoint` is replaced, and what `erased` names may go.
        erased: keys of which statements in `source` say that they were removed. Those that `source` has indeed no more
            are erased from `target`, once it has the statements and the log.
        withheld: keys that were removed from `target`, and are not to come back.
        on_object: told how many objects are done.

    Raises:
        StorageError: one of the stores failed; what was copied stays.
    """
    checkpoint = _read(source, CHECKPOINT)
    done = copied = present = 0
    differences: list[Difference] = []

    def put(key: str) -> bool | Difference:
        found = _measure(source, key)
        if found is None:
            return Difference(key, "went away while it was being copied")
        try:
            return target.put(key, _StoredSource(source, key), expected=found).created
        except AlreadyExists:
            return Difference(key, "other bytes in the target")

    with ThreadPoolExecutor(_WORKERS) as pool:
        keys = (key for key in _immutable(source) if key not in withheld or target.stat(key) is not None)
        for result in _in_turn(pool, put, keys):
            done += 1
            if isinstance(result, Difference):
                differences.append(result)
            elif result:
                copied += 1
            else:
                present += 1
            if on_object:
                on_object(done)
    mutable = [(key, _read(source, key)) for folder in (QUEUE, PENDING) for key in source.list(folder)]
    differences += _checkpoints_only_in(target, source)
    one_log = not any(difference.key.startswith(LOG) for difference in differences)
    if one_log:
        mutable.append((CHECKPOINT, checkpoint))
    for key, data in mutable:
        if data is None:
            continue
        if _read(target, key) == data:
            present += 1
            continue
        target.replace(key, data)
        copied += 1
    gone = 0
    for key in sorted(erased) if one_log else ():
        # What the source has is there for another reason: a later object of the same bytes.
        if source.stat(key) is None:
            try:
                gone += target.erase(key)
            except ObjectLocked as err:
                differences.append(Difference(key, f"removed from the source; in the target {_kept_by(err)}"))
    return Copied(copied, present, tuple(differences), gone)


def compare(one: Store, other: Store, *, on_object: Callable[[int], None] | None = None) -> tuple[Difference, ...]:
    """In what two stores differ, by size and both digests of every object; empty if they are equal.

    Queued entries, canary objects, what is still to be asked of others and readings come and go, and are left out.

    Raises:
        StorageError: one of the stores failed.
    """

    def look(pair: tuple[str, bool, bool]) -> Difference | None:
        key, here, there = pair
        if not (here and there):
            return Difference(key, "only in the source" if here else "only in the target")
        found, kept = _measure(one, key), _measure(other, key)
        if found is None or kept is None:
            return Difference(key, "went away while it was being compared")
        return None if same(found, kept) else Difference(key, "other bytes in the target")

    differences: list[Difference] = []
    pairs = _merged(_lasting(one), _lasting(other))
    with ThreadPoolExecutor(_WORKERS) as pool:
        for number, difference in enumerate(_in_turn(pool, look, pairs), start=1):
            if difference is not None:
                differences.append(difference)
            if on_object:
                on_object(number)
    return tuple(differences)


def _checkpoints_only_in(target: Store, source: Store) -> Iterator[Difference]:
    """Checkpoints of a log that went on without `source`, or of another one."""
    for key, here, _ in _merged(source.list(_CHECKPOINTS), target.list(_CHECKPOINTS)):
        if not here:
            yield Difference(key, "only in the target")


def _kept_by(err: ObjectLocked) -> str:
    if err.until is None:
        return "it is under a legal hold"
    return f"it is locked until {err.until:%Y-%m-%dT%H:%M:%SZ}"


def _in_turn(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterator[T]) -> Iterator[R]:
    """The results of `work` in order, with a bounded number under way: a listing may have millions of keys."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) >= 2 * _WORKERS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _lasting(store: Store) -> Iterator[str]:
    return (key for key in store.list("") if not key.startswith((QUEUE, PROBE, PENDING, READINGS)))


def _immutable(store: Store) -> Iterator[str]:
    return (key for key in _lasting(store) if key != CHECKPOINT)


def _merged(here: Iterator[str], there: Iterator[str]) -> Iterator[tuple[str, bool, bool]]:
    """Every key of two sorted listings once, with whether it is in the first and in the second."""
    one, other = next(here, None), next(there, None)
    while one is not None or other is not None:
        key = min(name for name in (one, other) if name is not None)
        yield key, one == key, other == key
        if one == key:
            one = next(here, None)
        if other == key:
            other = next(there, None)


def _measure(store: Store, key: str) -> Measure | None:
    try:
        with store.open(key) as stream:
            return measure(iter(lambda: stream.read(PIECE), b""))
    except NotFound:
        return None


def _read(store: Store, key: str) -> bytes | None:
    try:
        return store.read(key, limit=_LARGEST_MUTABLE)
    except NotFound:
        return None
