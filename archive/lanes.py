"""Hashing in threads of their own, a few pieces behind whoever reads: hash functions let other threads run."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from enum import IntEnum
from types import TracebackType
from typing import Final, Protocol, Self

from blake3 import blake3

from sijill.archive.digest import Algorithm, Digest, DigestSet

LARGE: Final = 4 << 20
"""From this size on the threads are worth it."""
_PIECE: Final = 64 << 10
"""Smaller pieces are hashed sooner than handed over."""
_BEHIND: Final = 2
"""How many pieces may wait in a lane: bounds what is kept in memory."""


class Lane(IntEnum):
    """What has a thread of its own."""

    FILE = 0
    MEMBER = 1
    BLOCK = 2
    PAYLOAD = 3


class Updatable(Protocol):
    """A hash object."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Take in the next bytes."""


class Hashing(Protocol):
    """Feeds hash objects: at once, or later but in order."""

    def update(self, lane: Lane, target: Updatable, data: bytes | memoryview, /) -> None:
        """Have `target` take in `data`, which must never change, after all that was given to this lane before."""

    def settle(self) -> None:
        """Return once everything given has been taken in."""


class Inline:
    """Feeds hash objects at once."""

    def update(self, _: Lane, target: Updatable, data: bytes | memoryview, /) -> None:
        """Have `target` take in `data`."""
        target.update(data)

    def settle(self) -> None:
        """Nothing is ever left to do."""


class Lanes:
    """Feeds hash objects by one thread for each lane; a thread is started when its lane gets its first large piece."""

    def __init__(self) -> None:
        self._threads: dict[Lane, ThreadPoolExecutor] = {}
        self._behind: dict[Lane, deque[Future[object]]] = {lane: deque() for lane in Lane}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the threads; what waits is not hashed any more."""
        for thread in self._threads.values():
            thread.shutdown(wait=True, cancel_futures=True)

    def update(self, lane: Lane, target: Updatable, data: bytes | memoryview, /) -> None:
        """Have `target` take in `data` after all that was given to this lane before; waits if much is left to do."""
        behind = self._behind[lane]
        if len(data) < _PIECE:
            _settle(behind)
            target.update(data)
            return
        if len(behind) == _BEHIND:
            behind.popleft().result()
        if lane not in self._threads:
            self._threads[lane] = ThreadPoolExecutor(1, thread_name_prefix=f"sijill-hash-{lane.name.lower()}")
        behind.append(self._threads[lane].submit(target.update, data))

    def settle(self) -> None:
        """Return once everything given has been taken in."""
        for behind in self._behind.values():
            _settle(behind)


class FileHasher:
    """Counts and hashes a file, SHA-256 in the file's lane and BLAKE3, which is much faster, at once."""

    def __init__(self, hashing: Hashing) -> None:
        self._hashing = hashing
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._blake3 = blake3()

    def update(self, data: bytes) -> None:
        """Take in the next bytes."""
        self._size += len(data)
        self._hashing.update(Lane.FILE, self._sha256, data)
        self._blake3.update(data)

    def digests(self) -> DigestSet:
        """What was taken in so far; more may follow."""
        self._hashing.settle()
        return DigestSet(
            self._size,
            Digest(Algorithm.SHA256, self._sha256.digest()),
            Digest(Algorithm.BLAKE3, self._blake3.digest()),
        )


def _settle(behind: deque[Future[object]]) -> None:
    while behind:
        behind.popleft().result()
