"""Processes that read captures, each bounded in time and memory: what no bytes of the web may take from the archive.

A reader that takes too long is killed, one that crashes or wants too much memory is replaced, and the reading says so.
"""

from __future__ import annotations

import io
import multiprocessing
import resource
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Self

from sijill.archive.reading.statement import nothing_read
from sijill.flows.reading.making import Outcome, keep, read_here
from sijill.flows.reading.source import SourceUnusable, attested_source
from sijill.provenance.interrupts import interrupts_withheld
from sijill.storage.errors import StorageError
from sijill.storage.open import open_store
from sijill.storage.store import Store


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one reader may take."""

    seconds: float = 120.0
    """For one capture, its bytes fetched from the store."""
    memory: int = 4 << 30
    """Bytes of address space."""


@dataclass(frozen=True, slots=True)
class _TooMuch:
    """The reader asked for more memory than it may have."""


@dataclass(frozen=True, slots=True)
class _AskHere:
    """The store failed: it is asked once more where the error can be told."""


_Told = Outcome | SourceUnusable | _TooMuch | _AskHere


@dataclass(slots=True)
class _Reader:
    process: BaseProcess
    connection: Connection
    capture_id: str | None = None
    until: float = 0.0


class ReadingProcesses:
    """Readers in processes of their own; they end with the context, and with the process that began them."""

    def __init__(self, store: Store, count: int, bounds: Bounds | None = None) -> None:
        """Prepare `count` of them."""
        self._store = store
        self._count = count
        self._bounds = bounds or Bounds()
        self._readers: list[_Reader] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._readers:
            self._end(reader)

    def read(self, captures: Iterable[str]) -> Iterator[Outcome | SourceUnusable]:
        """Have the readings of captures made and kept; what became of each, as it ends.

        Raises:
            StorageError: the store failed.
        """
        waiting = deque(captures)
        self._readers = [self._begin() for _ in range(min(self._count, len(waiting)))]
        while True:
            for reader in self._readers:
                if reader.capture_id is None and waiting:
                    self._give(reader, waiting.popleft())
            busy = [reader for reader in self._readers if reader.capture_id is not None]
            if not busy:
                return
            nearest = min(reader.until for reader in busy)
            wait([reader.connection for reader in busy], timeout=max(0.0, nearest - time.monotonic()))
            for reader in busy:
                told = self._told(reader)
                if told is not None:
                    yield told

    def _give(self, reader: _Reader, capture_id: str) -> None:
        reader.capture_id = capture_id
        reader.until = time.monotonic() + self._bounds.seconds
        # One that is gone is found out when it is asked for its answer.
        with suppress(BrokenPipeError, ConnectionResetError):
            reader.connection.send(capture_id)

    def _told(self, reader: _Reader) -> Outcome | SourceUnusable | None:
        """What became of the capture that a reader is at; None if it is still at it."""
        capture_id = reader.capture_id
        if capture_id is None:
            return None
        try:
            if not reader.connection.poll():
                if time.monotonic() < reader.until:
                    return None
                return self._give_up(reader, f"not read: it took longer than {self._bounds.seconds:g} s")
            told: _Told = reader.connection.recv()
        except (EOFError, ConnectionResetError):
            reader.process.join()
            return self._give_up(reader, f"not read: the reader crashed ({_exit(reader.process.exitcode)})")
        reader.capture_id = None
        match told:
            case _TooMuch():
                reader.capture_id = capture_id
                return self._give_up(reader, f"not read: it takes more than {self._bounds.memory >> 20} MiB of memory")
            case _AskHere():
                return read_here(self._store, capture_id, bounded=True)
            case _:
                return told

    def _give_up(self, reader: _Reader, reason: str) -> Outcome | SourceUnusable:
        """Replace a reader, and keep a reading that says why there is none."""
        capture_id = reader.capture_id or ""
        self._end(reader)
        self._readers[self._readers.index(reader)] = self._begin()
        try:
            attested = attested_source(self._store, capture_id)
        except SourceUnusable as err:
            return err
        if attested is None:
            return Outcome.NO_PAGE
        return keep(self._store, attested, nothing_read(attested.sha256, attested.url, "other", reason))

    def _begin(self) -> _Reader:
        # Not by fork: this process may have threads, and clients that must not be shared.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._store.url, self._bounds), daemon=True)
        with interrupts_withheld():
            process.start()
        theirs.close()
        return _Reader(process, ours)

    def _end(self, reader: _Reader) -> None:
        reader.process.kill()
        reader.process.join()
        reader.connection.close()


def _exit(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {-code}"
    return f"exit status {code}"


def _work(connection: Connection, store_url: str, bounds: Bounds) -> None:
    """What each process does: read what it is told to, until nobody tells it any more."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = bounds.memory if most == resource.RLIM_INFINITY else min(bounds.memory, most)
    resource.setrlimit(resource.RLIMIT_AS, (limit, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # How it ends is told by its exit status; what libraries say of strange bytes is for nobody.
    sys.stderr = io.StringIO()
    store: Store | None = None
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            capture_id = connection.recv()
            told: _Told
            try:
                store = store or open_store(store_url)
                told = read_here(store, capture_id, bounded=True)
            except SourceUnusable as err:
                told = err
            except MemoryError:
                told = _TooMuch()
            except StorageError:
                told = _AskHere()
            connection.send(told)
