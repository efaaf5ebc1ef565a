"""A log store in memory that keeps the promises of `LogStorage`, counts, and can be killed or interleaved."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.layout import CHECKPOINT
from sijill.provenance.log.merkle import EMPTY_ROOT, leaf_hash, node_hash
from sijill.provenance.log.note import NoteSigner
from sijill.provenance.log.queue import enqueue
from sijill.provenance.log.reader import LogReader

ORIGIN = "sijill.org/log/test"
KEY = SigningKey(bytes(range(32)))
VERIFIER = NoteSigner(ORIGIN, KEY).verifier
BASE32 = "234567abcdefghijklmnopqrstuvwxyz"  # in the order of their bytes, so that ids sort by number


class Killed(BaseException):
    """The process ended here. No handler of the product may catch it."""


class MemoryStorage:
    """Objects in a dict. `before` is called with each operation before it takes effect, `after` when it has."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.calls: Counter[str] = Counter()
        self.attempts: Counter[str] = Counter()
        self.reads: list[str] = []
        self.before: Callable[[str, str], None] = lambda operation, key: None
        self.after: Callable[[str, str], None] = lambda operation, key: None

    def read(self, key: str) -> bytes | None:
        self._enter("read", key)
        self.reads.append(key)
        found = self.objects.get(key)
        self.after("read", key)
        return found

    def create(self, key: str, data: bytes) -> bool:
        assert key != CHECKPOINT
        self._enter("create", key)
        self.attempts[key] += 1
        same = self.objects.setdefault(key, data) == data
        self.after("create", key)
        return same

    def replace(self, key: str, data: bytes) -> None:
        assert key == CHECKPOINT
        self._enter("replace", key)
        self.objects[key] = data
        self.after("replace", key)

    def delete(self, key: str) -> None:
        assert key.startswith("queue/")
        self._enter("delete", key)
        self.objects.pop(key, None)
        self.after("delete", key)

    def list(self, prefix: str) -> Iterator[str]:
        self._enter("list", prefix)
        found = sorted(key for key in self.objects if key.startswith(prefix))
        self.after("list", prefix)
        return iter(found)

    def _enter(self, operation: str, key: str) -> None:
        self.calls[operation] += 1
        self.before(operation, key)

    def copy(self) -> MemoryStorage:
        """The same objects, kept apart from now on."""
        other = MemoryStorage()
        other.objects = dict(self.objects)
        return other

    def view(self) -> MemoryStorage:
        """The same objects, shared, with counters and hooks of its own."""
        other = MemoryStorage()
        other.objects = self.objects
        return other


def entry(number: int) -> LogEntry:
    letters = ""
    rest = number
    for _ in range(12):
        letters = BASE32[rest % 32] + letters
        rest //= 32
    return LogEntry(f"20261121t011630z-{letters}", hashlib.sha256(letters.encode()).hexdigest())


def fill(storage: MemoryStorage, numbers: range) -> list[LogEntry]:
    entries = [entry(number) for number in numbers]
    for item in entries:
        enqueue(storage, item)
    return entries


def naive_root(leaves: list[bytes]) -> bytes:
    """The Merkle Tree Hash as RFC 6962 §2.1 defines it, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def check_log(storage: MemoryStorage, expected: list[LogEntry] | None = None) -> int:
    """Read the whole log as a stranger would, check that every promise holds now, and return its size."""
    reader = LogReader(storage, VERIFIER)
    published = reader.published()
    if published is not None:
        reader.check_root(published.checkpoint.size)
    newest = reader.checkpoint()
    if newest is None:
        assert not expected
        return 0
    size = newest.checkpoint.size
    assert published is None or published.checkpoint.size <= size
    entries = [reader.entry(index, size) for index in range(size)]
    assert naive_root([item.data for item in entries]) == newest.checkpoint.root
    assert len({item.id for item in entries}) == size, "an entry is in the log twice"
    kept = sorted(int(key.rpartition("/")[2]) for key in storage.objects if key.startswith("log/checkpoints/"))
    for old, new in pairwise(kept):
        reader.consistency(old, new)
    if expected is not None:
        assert {item.id for item in entries} == {item.id for item in expected}
    return size


class LogSamples:
    """What the tests of the log build from."""

    ORIGIN = ORIGIN
    KEY = KEY
    VERIFIER = VERIFIER
    Killed = Killed
    Storage = MemoryStorage
    entry = staticmethod(entry)
    fill = staticmethod(fill)
    naive_root = staticmethod(naive_root)
    check_log = staticmethod(check_log)


@pytest.fixture(scope="session")
def logs() -> type[LogSamples]:
    return LogSamples
