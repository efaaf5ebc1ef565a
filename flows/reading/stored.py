"""The readings that a store keeps: derived data at `readings/<reader>/<capture-id>.json`, made anew at any time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sijill.archive.catalog.rows import ReadingRow
from sijill.archive.errors import MalformedReading
from sijill.archive.reading.statement import READER, Reading, parse_reading, reading_json
from sijill.flows.reading.rows import UnusableReading, reading_row
from sijill.storage.errors import NotAnObject, NotFound, ObjectTooLarge
from sijill.storage.layout import READINGS, reading_key
from sijill.storage.store import Store

_LARGEST_READING = 64 << 20
_BEHIND_ALL_IDS = "z"
"""Capture ids begin with a digit."""


def versions_up_to(reader: str) -> tuple[str, ...]:
    """The versions of the reader, the newest first: `sijill-reader/2`, `sijill-reader/1`."""
    name, _, number = reader.rpartition("/")
    return tuple(f"{name}/{earlier}" for earlier in range(int(number), 0, -1))


READERS = versions_up_to(READER)
"""Until this version of the reader has read a capture, what an earlier one made of it is used."""


class Readings(Protocol):
    """The readings of captures."""

    @property
    def readers(self) -> Sequence[str]:
        """The versions of the reader whose readings are used, the best first."""

    def made(self, reader: str) -> Iterator[str]:
        """The ids of all captures that have a reading by this version of the reader."""

    def read(self, capture_id: str) -> ReadingRow | None:
        """The best reading of a capture; None if there is none that can be used."""


@dataclass(frozen=True, slots=True)
class StoredReadings:
    """The readings in a store."""

    store: Store
    readers: tuple[str, ...] = READERS

    def made(self, reader: str) -> Iterator[str]:
        """See `Readings.made`."""
        folder = f"{READINGS}{reader}/"
        for key in self.store.list(folder):
            yield key.removeprefix(folder).removesuffix(".json")

    def read(self, capture_id: str) -> ReadingRow | None:
        """See `Readings.read`."""
        for data in self._stored(capture_id):
            try:
                return reading_row(capture_id, data)
            except UnusableReading:
                continue
        return None

    def reading(self, capture_id: str) -> Reading | None:
        """The best reading of a capture, whole; None if there is none that can be used."""
        for data in self._stored(capture_id):
            try:
                return parse_reading(data)
            except MalformedReading:
                continue
        return None

    def keep(self, capture_id: str, reading: Reading) -> None:
        """Store a reading, in place of an earlier one by the same version of the reader.

        Raises:
            StorageError: the store did not take it.
        """
        # Not waited for on the medium: what a loss of power costs is made anew.
        self.store.replace(reading_key(reading.reader, capture_id), reading_json(reading), durable=False)

    def _stored(self, capture_id: str) -> Iterator[bytes]:
        for reader in self.readers:
            try:
                yield self.store.read(reading_key(reader, capture_id), limit=_LARGEST_READING)
            except (NotAnObject, NotFound, ObjectTooLarge):
                continue


def forget_readings(store: Store, capture_id: str) -> None:
    """Remove every reading of a capture, also those of versions of the reader that this program does not know.

    Raises:
        StorageError: the store failed; it may be called again.
    """
    after = None
    while (key := next(store.list(READINGS, after=after), None)) is not None:
        folder = key.rpartition("/")[0]
        store.delete(f"{folder}/{capture_id}.json")
        after = f"{folder}/{_BEHIND_ALL_IDS}"
