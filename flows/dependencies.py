"""What a capture takes from other captures, read from where those are stored."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from sijill.archive.warc.dependencies import Pieces, cut
from sijill.flows.custody.tombstones import refuse_tombstoned
from sijill.flows.errors import PackageRefused
from sijill.flows.wiring import Archive
from sijill.provenance.attest.members import CaptureStatement, Dependency
from sijill.storage.layout import object_key
from sijill.storage.store import Store


@dataclass(frozen=True, slots=True)
class TakenRecords:
    """The records that a capture takes from others, as a package holds them: a body that can be opened repeatedly."""

    store: Store
    dependencies: tuple[Dependency, ...]

    @property
    def size(self) -> int:
        """Number of bytes."""
        return sum(record.length for dependency in self.dependencies for record in dependency.records)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """A reader at the first byte. Of each WARC only the places of the records are asked for."""
        with closing(self._pieces()) as pieces:
            yield io.BufferedReader(Pieces(pieces))

    def _pieces(self) -> Generator[bytes, None, None]:
        for dependency in self.dependencies:
            with self.store.open(object_key(dependency.warc.digest.sha256)) as source:
                yield from cut(source, _places(dependency))


def taken_records(archive: Archive, statement: CaptureStatement) -> TakenRecords | None:
    """What a capture takes from others; None if that is nothing.

    Raises:
        TombstonedCapture: one of those was removed.
        PackageRefused: the WARC of one is not in the store.
    """
    dependencies = statement.predicate.dependencies
    for dependency in dependencies:
        refuse_tombstoned(archive, dependency.capture_id)
        if archive.store.stat(object_key(dependency.warc.digest.sha256)) is None:
            raise PackageRefused(
                f"{statement.predicate.capture_id}: what it takes from {dependency.capture_id} is not in the store, "
                "nothing was written"
            )
    return TakenRecords(archive.store, dependencies) if dependencies else None


def _places(dependency: Dependency) -> Sequence[tuple[int, int]]:
    return [(record.offset, record.length) for record in dependency.records]
