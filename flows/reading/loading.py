"""Captures as rows, from their attestations and readings in the store: some by threads, many by processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sijill.archive.catalog.rows import Added, Prepared, Unread
from sijill.flows.reading.rows import UnusableAttestation, capture_row
from sijill.flows.reading.stored import Readings, StoredReadings
from sijill.provenance.attest.envelope import MAX_ENVELOPE, envelope_sha256
from sijill.provenance.interrupts import interrupts_withheld
from sijill.provenance.log.layout import attestation_key
from sijill.storage.errors import NotAnObject, NotFound, ObjectTooLarge, StorageError
from sijill.storage.open import open_store
from sijill.storage.store import Store

MANY: Final = 2_000
"""For fewer captures it does not pay to start processes."""
_THREADS: Final = 8
_MOST_PROCESSES: Final = 8


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry of the log that is about a capture."""

    leaf_index: int
    capture_id: str
    envelope_sha256: str


Rows = list[Added | Unread]
Load = Callable[[Sequence[Logged]], Callable[[], Rows]]
"""Begins to load captures; what it gives waits for their rows, which come in the same order."""


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads captures in this thread."""

    store: Store
    readings: Readings

    def load(self, logged: Sequence[Logged]) -> Rows:
        """The captures as rows, in their order.

        Raises:
            StorageError: the store failed.
        """
        return [self._row(one) for one in logged]

    def _row(self, logged: Logged) -> Added | Unread:
        def unread(reason: str) -> Unread:
            return Unread(logged.capture_id, logged.leaf_index, logged.envelope_sha256, reason)

        try:
            envelope = self.store.read(attestation_key(logged.capture_id), limit=MAX_ENVELOPE)
        except (NotAnObject, NotFound, ObjectTooLarge) as err:
            return unread(str(err))
        if envelope_sha256(envelope) != logged.envelope_sha256:
            return unread("the attestation in the store is not the one that the log holds")
        try:
            row = capture_row(logged.leaf_index, envelope)
        except UnusableAttestation as err:
            return unread(str(err))
        reading = None if row.final_url is None else self.readings.read(logged.capture_id)
        return Added(row, reading, None if reading is None else Prepared.of(reading))


@contextmanager
def loading(store: Store, readings: Readings, count: int) -> Iterator[Load]:
    """What loads `count` captures; by several processes if they are many and the store is a folder.

    With another store most of the time goes by waiting for it.
    """
    jobs = min(os.cpu_count() or 1, _MOST_PROCESSES)
    local = store.url.startswith("file:") and isinstance(readings, StoredReadings)
    if local and count >= MANY and jobs > 1:
        with _processes(Loader(store, readings), tuple(readings.readers), jobs) as load:
            yield load
        return
    loader = Loader(store, readings)
    pool = ThreadPoolExecutor(_THREADS)
    try:
        yield lambda logged: pool.submit(loader.load, logged).result
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _processes(here: Loader, readers: tuple[str, ...], jobs: int) -> Iterator[Load]:
    # Not by fork: this process may have threads, and clients that must not be shared.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(here.store.url, readers))

    def load(logged: Sequence[Logged]) -> Callable[[], Rows]:
        with interrupts_withheld():  # it may begin a process
            future = pool.submit(_load, logged)

        def rows() -> Rows:
            found = future.result()
            # What the store refused another process is asked here once more, so that its error is seen here.
            return here.load(logged) if found is None else found

        return rows

    try:
        yield load
    finally:
        pool.shutdown(cancel_futures=True)


_here: list[Loader] = []
"""In a worker: what it works with."""


def _begin(url: str, readers: tuple[str, ...]) -> None:
    store = open_store(url)
    _here.append(Loader(store, StoredReadings(store, readers)))


def _load(logged: Sequence[Logged]) -> Rows | None:
    """The captures as rows; None if the store failed."""
    try:
        return _here[0].load(logged)
    except StorageError:
        return None
