"""Sealing: the queue becomes part of the log, without locks, by any number of sealers at once.

A batch begins when its record is put where nothing was; from then on everything about it is fixed, and whoever finds it
unfinished finishes it with the same bytes. Its steps are in this order, and `log/checkpoint` is moved last, so that all
batches up to a published checkpoint are known to be wholly done:

1. `log/batches/<size before>`: which entries, in which order, under which key;
2. entry bundles and tiles;
3. `log/checkpoints/<size after>`;
4. for each entry its `leaf-index`, then its queue object is removed;
5. `log/checkpoint`.

No batch is begun before the one before it is wholly done, so an entry is queued, or in the log, or both, but never in
the log twice: what is still queued then and has a `leaf-index` is a leftover.

A log may change its key between two batches. A batch belongs to the key that began it: with another key it can be
finished only from its third step on, since the checkpoint is all that takes the private half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.errors import (
    LogDamaged,
    MalformedBatch,
    MalformedEntry,
    NoSuchCheckpoint,
    UnfinishedBatch,
    WrongLogKey,
)
from sijill.provenance.log.batch import MAX_ENTRIES, Batch, parse_batch
from sijill.provenance.log.checkpoint import Checkpoint, sign_checkpoint
from sijill.provenance.log.entry import LogEntry, parse_entry
from sijill.provenance.log.layout import (
    CHECKPOINT,
    QUEUE,
    LogStorage,
    batch_key,
    checkpoint_key,
    leaf_index_key,
    queue_key,
)
from sijill.provenance.log.note import NoteSigner, NoteVerifier
from sijill.provenance.log.queue import format_leaf_index, leaf_index
from sijill.provenance.log.reader import LogReader

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class SealProgress:
    """How far the batch being sealed is: the log's size with it, its entries, and how many of them are settled."""

    size: int
    total: int
    done: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A queue object that cannot be sealed; it is left where it is."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class SealResult:
    """What a sealing came to.

    Attributes:
        size: entries in the log now.
        added: entries in the batches that this call began; two calls that begin the same batch at once both count it.
        completed: entries in the batches of others that it found after the published checkpoint and finished.
        rejected: queue objects that cannot be sealed.
    """

    size: int
    added: int
    completed: int
    rejected: tuple[Rejected, ...]


def seal(
    storage: LogStorage,
    *,
    origin: str,
    signer: SigningKey,
    verifiers: Sequence[NoteVerifier] = (),
    on_progress: Callable[[SealProgress], None] | None = None,
    on_checkpoint: Callable[[int, bytes], None] | None = None,
    batch_limit: int = 10_000,
    jobs: int = 1,
) -> SealResult:
    """Finish what others began, then put everything that is queued into the log.

    Everything queued before the call is in the log when it returns, unless it is in `rejected`. What is queued
    meanwhile may wait for the next call. May be killed at any moment and run by several processes at once.

    Args:
        storage: where log, queue and captures are.
        origin: the log's name, the first line of every checkpoint and the name of its key.
        signer: the log's key.
        verifiers: keys that the log had before, or has had since; the signer's own may be among them.
        on_progress: called while entries of a batch are settled.
        on_checkpoint: called with the size and the bytes of each checkpoint after it is published, also of those that
            others began. Another sealer may be called with the same, and one that is killed then is not called at all.
        batch_limit: the most entries of one checkpoint's batch.
        jobs: how many queue objects are dealt with at once; above 1, `storage` is used from several threads.

    Raises:
        LogDamaged: something stored is not what it must be; nothing is sealed over it.
        WrongLogKey: a batch was begun under a key that is not among those given.
        UnfinishedBatch: a batch was begun under one of `verifiers`, and its checkpoint is still to be signed.
        MalformedNote: `origin` cannot be the name of a key.
    """
    if not 1 <= batch_limit <= MAX_ENTRIES:
        raise ValueError(f"batch_limit {batch_limit}, not between 1 and {MAX_ENTRIES}")
    with ExitStack() as stack:
        every: _Map = map if jobs == 1 else stack.enter_context(ThreadPoolExecutor(jobs)).map
        sealer = _Sealer(storage, NoteSigner(origin, signer), verifiers, every, on_progress, on_checkpoint)
        added = 0
        completed = sealer.catch_up()
        while True:
            waiting = sealer.waiting(batch_limit)
            if not waiting.entries:
                break
            if not sealer.seal_batch(waiting.entries):
                # Another sealer was first. Its batch may hold these entries, some of them, or none.
                completed += sealer.catch_up()
                continue
            added += len(waiting.entries)
            if waiting.exhausted:
                break
        return SealResult(sealer.size, added, completed, waiting.rejected)


class _Map(Protocol):
    """`map`, or the same by several threads: results in order."""

    def __call__(self, function: Callable[[T], R], items: Iterable[T], /) -> Iterator[R]:
        """The results of `function` for each of `items`."""


@dataclass(frozen=True, slots=True)
class _Queued:
    """A queue object as it was read, with the place in the log that is stored for its entry, if one is."""

    key: str
    found: LogEntry | Rejected | None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    entries: tuple[LogEntry, ...]
    rejected: tuple[Rejected, ...]
    exhausted: bool


class _Sealer:
    """One call of `seal`: the log as far as this sealer knows it to be wholly done."""

    def __init__(
        self,
        storage: LogStorage,
        signer: NoteSigner,
        verifiers: Sequence[NoteVerifier],
        every: _Map,
        on_progress: Callable[[SealProgress], None] | None,
        on_checkpoint: Callable[[int, bytes], None] | None,
    ) -> None:
        self._storage = storage
        self._every = every
        self._signer = signer
        self._vkey = signer.verifier.vkey
        self._others = frozenset(key.vkey for key in verifiers) - {self._vkey}
        self._reader = LogReader(storage, *dict.fromkeys((signer.verifier, *verifiers)))
        self._on_progress = on_progress
        self._on_checkpoint = on_checkpoint
        published = self._reader.published()
        self._edge = self._reader.right_edge(published.checkpoint.size if published else 0)

    @property
    def size(self) -> int:
        return self._edge.size

    def catch_up(self) -> int:
        """Go through the batches that were begun after the known size, and return how many entries they hold."""
        start = self.size
        while record := self._storage.read(batch_key(self.size)):
            try:
                batch = parse_batch(record)
            except MalformedBatch as err:
                raise LogDamaged(batch_key(self.size), err.reason) from err
            if batch.start != self.size:
                raise LogDamaged(batch_key(self.size), f"the record of a batch at {batch.start}")
            self._check_key(batch)
            self._complete(batch)
        return self.size - start

    def waiting(self, limit: int) -> _Waiting:
        """The first `limit` entries that are queued and not in the log; leftovers of sealed ones are removed."""
        entries: list[LogEntry] = []
        rejected: list[Rejected] = []
        keys = self._storage.list(QUEUE)
        while chunk := list(islice(keys, limit - len(entries))):
            for queued in self._every(self._look, chunk):
                found = self._judge(queued)
                if isinstance(found, LogEntry):
                    entries.append(found)
                elif isinstance(found, Rejected):
                    rejected.append(found)
        return _Waiting(tuple(entries), tuple(rejected), exhausted=next(keys, None) is None)

    def seal_batch(self, entries: Sequence[LogEntry]) -> bool:
        """Begin a batch of `entries` and complete it; False if another batch was begun at this size."""
        batch = Batch(self.size, self._vkey, tuple(sorted(entries)))
        if not self._storage.create(batch_key(self.size), batch.data):
            return False
        self._complete(batch)
        return True

    def _look(self, key: str) -> _Queued:
        data = self._storage.read(key)
        if data is None:
            return _Queued(key, None)
        try:
            entry = parse_entry(data)
        except MalformedEntry as err:
            return _Queued(key, Rejected(key, err.reason))
        if key != queue_key(entry.id):
            return _Queued(key, Rejected(key, f"the entry of {entry.id}"))
        return _Queued(key, entry, leaf_index(self._storage, entry.id, entry.kind))

    def _judge(self, queued: _Queued) -> LogEntry | Rejected | None:
        entry = queued.found
        if not isinstance(entry, LogEntry) or queued.index is None:
            return entry
        if queued.index >= self.size:
            # Another sealer has just put it into a batch that this one does not know yet.
            return None
        if self._reader.entry(queued.index, self.size) != entry:
            return Rejected(queued.key, f"another entry of {entry.id} is in the log, at {queued.index}")
        self._storage.delete(queued.key)
        return None

    def _check_key(self, batch: Batch) -> None:
        """Refuse, before anything is written, a batch that cannot be finished with the keys at hand."""
        if batch.vkey == self._vkey:
            return
        if batch.vkey not in self._others:
            raise WrongLogKey(self._vkey, batch.vkey)
        try:
            self._reader.checkpoint_at(batch.end)
        except NoSuchCheckpoint as err:
            raise UnfinishedBatch(batch_key(batch.start), self._vkey, batch.vkey) from err

    def _sign(self, batch: Batch) -> bytes:
        """The checkpoint after `batch`, whose entries are appended: signed now, or long ago with an earlier key."""
        checkpoint = Checkpoint(self._signer.name, batch.end, self._edge.root())
        if batch.vkey == self._vkey:
            signed = sign_checkpoint(checkpoint, self._signer)
            self._create(checkpoint_key(batch.end), signed)
            return signed
        kept = self._reader.checkpoint_at(batch.end)
        if kept.checkpoint != checkpoint:
            raise LogDamaged(checkpoint_key(batch.end), "not the checkpoint that its batch leads to")
        return kept.data

    def _complete(self, batch: Batch) -> None:
        for tile, data in self._edge.append([entry.data for entry in batch.entries]):
            self._create(tile.key, data)
        signed = self._sign(batch)
        settled = self._every(self._settle, enumerate(batch.entries, start=batch.start))
        for done, _ in enumerate(settled, start=1):
            if self._on_progress:
                self._on_progress(SealProgress(batch.end, len(batch.entries), done))
        self._publish(batch.end, signed)
        if self._on_checkpoint:
            self._on_checkpoint(batch.end, signed)

    def _settle(self, place: tuple[int, LogEntry]) -> None:
        index, entry = place
        self._create(leaf_index_key(entry.id, entry.kind), format_leaf_index(index))
        # Only what was sealed is removed: a different entry queued under the same id is a conflict to be reported.
        if self._storage.read(queue_key(entry.id)) == entry.data:
            self._storage.delete(queue_key(entry.id))

    def _publish(self, size: int, signed: bytes) -> None:
        # Two sealers can still pass each other between these two steps; the next sealing then mends it. One of the same
        # size is left alone: it may be cosigned by now.
        published = self._reader.published()
        if published is None or published.checkpoint.size < size:
            self._storage.replace(CHECKPOINT, signed)

    def _create(self, key: str, data: bytes) -> None:
        if not self._storage.create(key, data):
            raise LogDamaged(key, "other bytes are stored there")
