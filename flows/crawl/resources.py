"""What the captures of a run know of sub-resources: those of the run itself, and those that earlier runs stored."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Self

from sijill.archive.capture.exchange import Exchange
from sijill.archive.capture.known import Known, can_be_original, may_be_reused
from sijill.archive.errors import ArchiveError
from sijill.flows.crawl.originals import Originals
from sijill.flows.crawl.resource_index import (
    LARGEST,
    Entry,
    UnreadableIndex,
    format_index,
    index_key,
    parse_index,
)
from sijill.flows.crawl.turns import Party, Turns
from sijill.flows.errors import SijillError
from sijill.flows.evidence import Archived
from sijill.flows.wiring import Archive
from sijill.provenance.errors import ProvenanceError
from sijill.storage.errors import NotFound, StorageError

_PATIENCE = 20.0
"""Seconds that a capture waits for others in all."""
_SAVED_SECONDS = 10.0

logger = logging.getLogger(__name__)


class RunResources:
    """What is known of sub-resources in one run of a site; safe to share between threads.

    Leaving the context saves the index for later runs. That it cannot be read or saved is logged, and no failure.
    """

    def __init__(self, archive: Archive, site_id: str, run_id: str, *, patience: float = _PATIENCE) -> None:
        """What earlier runs of the site knew; a capture waits for others `patience` seconds in all."""
        self._archive = archive
        self._key = index_key(site_id)
        self._run_id = run_id
        self._originals = Originals(archive)
        self._turns = Turns(patience)
        self._lock = threading.Lock()
        self._entries = self._read_index()
        self._unsaved = False
        self._saved = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.save()

    @contextmanager
    def capturing(self) -> Iterator[CaptureResources]:
        """What one capture knows, while it is at work and until it is stored; others may wait for that."""
        with self._turns.party() as party:
            yield CaptureResources(self, self._turns, party)

    def save(self) -> None:
        """Keep the index for later runs, if there is anything new in it."""
        with self._lock:
            data = format_index(self._entries) if self._unsaved else b""
            self._unsaved = False
            self._saved = time.monotonic()
        if not 0 < len(data) <= LARGEST:
            return
        try:
            self._archive.store.replace(self._key, data)
        except StorageError as err:
            logger.warning("%s: not saved, so that the next run fetches in full: %s", self._key, err)

    def is_fresh(self, url: str) -> bool:
        """Whether a stored capture of this run received `url`, or was told that it is unchanged."""
        with self._lock:
            entry = self._entries.get(url)
        return entry is not None and entry.run_id == self._run_id

    def load(self, url: str, *, content: bool) -> Known | None:
        """What is known of `url`, read and checked; None if nothing, or if it cannot be used."""
        with self._lock:
            entry = self._entries.get(url)
        if entry is None:
            return None
        try:
            checked = self._originals.load(url, entry, content=content)
        except (ArchiveError, ProvenanceError, SijillError, StorageError) as err:
            logger.info("%s: fetched in full, what %s has of it is not used: %s", url, entry.capture_id, err)
            # What the store does not give just now may be there later.
            if not isinstance(err, StorageError) or isinstance(err, NotFound):
                self._forget(url, entry)
            return None
        return Known(checked.original, checked.headers, entry.run_id == self._run_id, checked.response)

    def remember(self, archived: Archived) -> None:
        """Know what a capture brought, now that it is stored."""
        with self._lock:
            for exchange in archived.capture.exchanges:
                entry = self._entry(archived, exchange)
                if entry is not None:
                    # At the end: what nobody asked for longest is the first to be dropped.
                    self._entries.pop(exchange.url, None)
                    self._entries[exchange.url] = entry
                    self._unsaved = True
            due = self._unsaved and time.monotonic() - self._saved >= _SAVED_SECONDS
        if due:
            self.save()

    def _entry(self, archived: Archived, exchange: Exchange) -> Entry | None:
        member = archived.originals.get(exchange.number)
        if member is not None:
            record, size = archived.records[exchange.number], member.digests.size
            return Entry(archived.capture.id, record, member.offset, size, self._run_id)
        known, revisit = self._entries.get(exchange.url), exchange.revisit
        if known is None or revisit is None or (known.capture_id, known.record) != (revisit.capture_id, revisit.record):
            return None
        return replace(known, run_id=self._run_id) if is_for_others(exchange) else None

    def _forget(self, url: str, entry: Entry) -> None:
        with self._lock:
            if self._entries.get(url) == entry:
                del self._entries[url]
                self._unsaved = True

    def _read_index(self) -> dict[str, Entry]:
        try:
            return parse_index(self._archive.store.read(self._key, limit=LARGEST))
        except NotFound:
            return {}
        except (StorageError, UnreadableIndex) as err:
            logger.warning("%s: not used, so that this run fetches in full: %s", self._key, err)
            return {}


class CaptureResources:
    """What one capture knows: `archive.capture.known.KnownResources`."""

    def __init__(self, run: RunResources, turns: Turns, party: Party) -> None:
        self._run = run
        self._turns = turns
        self._party = party

    def find(self, url: str, *, content: bool, deadline: float, called_off: Callable[[], bool]) -> Known | None:
        """See `KnownResources.find`."""
        self._turns.take(
            self._party, url, wanted=lambda: not self._run.is_fresh(url), deadline=deadline, called_off=called_off
        )
        return self._run.load(url, content=content)

    def received(self, exchange: Exchange) -> None:
        """See `KnownResources.received`: what cannot stand for others need not be waited for."""
        if not is_for_others(exchange):
            self._turns.set_free(self._party, exchange.url)

    def stored(self, archived: Archived) -> None:
        """Say that the capture is stored: others may stand on it from now on."""
        self._run.remember(archived)


def is_for_others(exchange: Exchange) -> bool:
    """Whether what a request brought may stand, in the same run, for what other captures would be sent."""
    response = exchange.response
    usable = exchange.revisit is not None or can_be_original(exchange)
    return usable and response is not None and may_be_reused(response.headers)
