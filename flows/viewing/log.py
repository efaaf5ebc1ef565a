"""The log for the viewer: read anew for each question, with a memory for tiles, which never change."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from sijill.flows.viewing.faults import told
from sijill.flows.wiring import Archive, StoreLog
from sijill.provenance.log.checkpoint import SignedCheckpoint
from sijill.provenance.log.entry import LogEntry
from sijill.provenance.log.layout import checkpoint_key
from sijill.provenance.log.proof import LogProof
from sijill.provenance.log.reader import LogReader
from sijill.viewer.errors import NotHere

_TILES = "log/tile/"
_MOST_TILES = 512
_TOKEN, _COSIGNATURE = ".tsr", ".cosignature"


@dataclass(frozen=True, slots=True)
class RememberedTiles:
    """A log's storage that asks the store for each tile once; they are hashed at every use all the same."""

    storage: StoreLog
    _tiles: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def read(self, key: str) -> bytes | None:
        """See `TileSource.read`."""
        if not key.startswith(_TILES):
            return self.storage.read(key)
        with self._guard:
            if key in self._tiles:
                self._tiles.move_to_end(key)
                return self._tiles[key]
        data = self.storage.read(key)
        if data is not None:
            with self._guard:
                self._tiles[key] = data
                if len(self._tiles) > _MOST_TILES:
                    self._tiles.popitem(last=False)
        return data


class ViewedLog:
    """See `sijill.viewer.source.LogSource`."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._tiles = RememberedTiles(archive.log)

    def newest(self) -> SignedCheckpoint | None:
        """See `LogSource.newest`."""
        with told():
            return self._reader().checkpoint()

    def entries(self, start: int, end: int, size: int) -> tuple[LogEntry, ...]:
        """See `LogSource.entries`."""
        if not 0 <= start <= end <= size:
            raise NotHere(f"the log of {size} has no entries from {start} to {end}")
        with told():
            reader = self._reader()
            return tuple(reader.entry(index, size) for index in range(start, end))

    def proof(self, index: int, size: int) -> LogProof:
        """See `LogSource.proof`."""
        if not 0 <= index < size:
            raise NotHere(f"the log of {size} has no entry {index}")
        with told():
            return self._reader().proof(index, size)

    def vouchers(self, size: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """See `LogSource.vouchers`."""
        prefix = f"{checkpoint_key(size)}."
        with told():
            names = [key.removeprefix(prefix) for key in self._archive.store.list(prefix)]
        known = {one.key_id.hex(): one.name for one in self._archive.trust.witnesses}
        stamps = [name.removesuffix(_TOKEN) for name in names if name.endswith(_TOKEN)]
        cosigned = [name.removesuffix(_COSIGNATURE) for name in names if name.endswith(_COSIGNATURE)]
        return tuple(stamps), tuple(known.get(key_id, key_id) for key_id in cosigned)

    def _reader(self) -> LogReader:
        # One reader is not for several threads at once.
        return LogReader(self._tiles, *self._archive.log_keys)
