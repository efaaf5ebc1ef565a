"""Sealing a long queue: operations on the store and seconds per entry must not grow with the log. make bench"""

from __future__ import annotations

import time
from bisect import insort
from collections.abc import Iterator

from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.log import seal
from sijill.provenance.log.queue import enqueue

ENTRIES = 100_000
STEP = 20_000


class CountingStorage:
    """A store in memory that counts what it is asked, and refuses to store a key twice."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.queued: list[str] = []
        self.operations = 0

    def read(self, key: str) -> bytes | None:
        """The bytes of `key`, or None."""
        self.operations += 1
        return self.objects.get(key)

    def create(self, key: str, data: bytes) -> bool:
        """Put if absent."""
        self.operations += 1
        if key.startswith("queue/") and key not in self.objects:
            insort(self.queued, key)
        if "/tile/" in key and ".p/" not in key and key in self.objects:
            raise SystemExit(f"{key} was written again")
        return self.objects.setdefault(key, data) == data

    def replace(self, key: str, data: bytes) -> None:
        """Replace a mutable object."""
        self.operations += 1
        self.objects[key] = data

    def delete(self, key: str) -> None:
        """Remove a queue object."""
        self.operations += 1
        if self.objects.pop(key, None) is not None:
            self.queued.remove(key)

    def list(self, prefix: str) -> Iterator[str]:
        """Queue keys in order; the log lists nothing else."""
        if prefix != "queue/":
            raise SystemExit(f"{prefix} was listed")
        return iter(list(self.queued))


def main() -> None:
    """Print one row for each step of the log."""
    key, storage = SigningKey.generate(), CountingStorage()
    for start in range(0, ENTRIES, STEP):
        for number in range(start, start + STEP):
            letters = "".join("abcdefghijklmnopqrstuvwxyz234567"[number >> shift & 31] for shift in (15, 10, 5, 0))
            enqueue(storage, LogEntry(f"20261121t011630z-aaaaaaaa{letters}", f"{number:064x}"))
        before, begun = storage.operations, time.perf_counter()
        size = seal(storage, origin="example.org/log", signer=key).size
        seconds, operations = time.perf_counter() - begun, storage.operations - before
        print(f"  log of {size:7,}: {operations / STEP:.2f} operations and {seconds / STEP * 1e6:.0f} us an entry")


if __name__ == "__main__":
    main()
