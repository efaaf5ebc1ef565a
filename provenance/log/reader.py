"""Reading a log from its tiles. Whatever is returned has been hashed again up to a checkpoint the log signed."""

from __future__ import annotations

from collections import OrderedDict

from sijill.provenance.errors import (
    InvalidProof,
    LogDamaged,
    MalformedBatch,
    MalformedCheckpoint,
    MalformedEntry,
    MalformedTile,
    NoSuchCheckpoint,
    UnverifiedNote,
)
from sijill.provenance.log.batch import parse_batch
from sijill.provenance.log.checkpoint import SignedCheckpoint, parse_checkpoint
from sijill.provenance.log.edge import RightEdge, partial_tiles
from sijill.provenance.log.entry import LogEntry, parse_entry
from sijill.provenance.log.layout import CHECKPOINT, TileSource, batch_key, checkpoint_key
from sijill.provenance.log.merkle import (
    NodeReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    perfect_root,
    root,
    verify_consistency,
    verify_inclusion,
)
from sijill.provenance.log.note import Note, NoteVerifier
from sijill.provenance.log.proof import LogProof
from sijill.provenance.log.tiles import HEIGHT, WIDTH, Tile, parse_bundle, parse_tile, tile_at

_CACHED_TILES = 256


class LogReader:
    """One log, read through a source that need not be trusted, under log keys that are."""

    def __init__(self, source: TileSource, *verifiers: NoteVerifier) -> None:
        """Read the log in `source`, each of whose checkpoints one of `verifiers` signed; their name is the origin.

        Several are the keys that one log had one after the other. Of those that a checkpoint names each must verify.
        When a key was in use is not looked at: that takes a time which the log does not have.
        """
        if not verifiers:
            raise ValueError("no log key, so that nothing could be verified")
        self._source = source
        self._verifiers = verifiers
        self._tiles: OrderedDict[Tile, tuple[bytes, ...]] = OrderedDict()
        self._last: SignedCheckpoint | None = None

    def checkpoint(self) -> SignedCheckpoint | None:
        """The newest checkpoint that tiles back, its signature verified; None if nothing was sealed yet.

        `log/checkpoint` is where the search begins: a sealer that was slow or was killed may have left an older one
        there, and the batches lead on from it.

        Raises:
            LogDamaged: the object at `log/checkpoint` or a later one is not a checkpoint this log signed.
        """
        newest = self.published()
        size = newest.checkpoint.size if newest else 0
        while record := self._source.read(batch_key(size)):
            try:
                size = parse_batch(record).end
            except MalformedBatch as err:
                raise LogDamaged(batch_key(size), err.reason) from err
            following = self._load(checkpoint_key(size))
            if following is None:
                break
            self._expect_size(following, size)
            newest = following
        return newest

    def published(self) -> SignedCheckpoint | None:
        """The checkpoint at `log/checkpoint`, its signature verified; None if there is none.

        Behind what the log keeps for its size it may bear further signatures, those of witnesses: none is looked at.

        Raises:
            LogDamaged: it is not a checkpoint this log signed, or not the one it keeps for that size.
        """
        found = self._load(CHECKPOINT)
        if found is None:
            return None
        kept = self._load(checkpoint_key(found.checkpoint.size))
        if kept is None or not _begins_with(found.note, kept.note):
            raise LogDamaged(CHECKPOINT, "not the checkpoint that the log keeps for its size")
        return found

    def checkpoint_at(self, size: int) -> SignedCheckpoint:
        """The checkpoint of `size` as the log keeps it, without cosignatures, its signature verified.

        Raises:
            NoSuchCheckpoint: the log keeps none of that size.
            LogDamaged: what it keeps is not a checkpoint of that size that it signed.
        """
        if self._last is not None and self._last.checkpoint.size == size:
            return self._last
        found = self._load(checkpoint_key(size))
        if found is None:
            raise NoSuchCheckpoint(size)
        self._expect_size(found, size)
        self._last = found
        return found

    def entry(self, index: int, size: int | None = None) -> LogEntry:
        """The entry at `index`, shown to be included in the checkpoint of `size` (the newest if None).

        Raises:
            NoSuchCheckpoint: there is no checkpoint of that size, or no sealed entry at all.
            ValueError: the log has no entry `index` at that size.
            LogDamaged: a tile is missing, or does not hash to the checkpoint's root.
        """
        if size is None:
            newest = self.checkpoint()
            if newest is None:
                raise NoSuchCheckpoint(index + 1)
            size = newest.checkpoint.size
        self.proof(index, size)
        tile = tile_at(None, index // WIDTH, size)
        try:
            return parse_entry(self._tile(tile)[index % WIDTH])
        except MalformedEntry as err:
            raise LogDamaged(tile.key, f"entry {index}: {err.reason}") from err

    def proof(self, index: int, size: int) -> LogProof:
        """Everything that shows entry `index` to be in the log of `size`, verified against the stored entry.

        Raises:
            NoSuchCheckpoint: there is no checkpoint of that size.
            ValueError: the log has no entry `index` at that size.
            LogDamaged: a tile is missing, or does not hash to the checkpoint's root.
        """
        signed = self.checkpoint_at(size)
        path = inclusion_proof(self._nodes(size), index, size)
        bundle = tile_at(None, index // WIDTH, size)
        leaf = leaf_hash(self._tile(bundle)[index % WIDTH])
        try:
            verify_inclusion(leaf, index, size, path, signed.checkpoint.root)
        except InvalidProof as err:
            raise LogDamaged(bundle.key, f"entry {index} in the log of {size}: {err.reason}") from err
        return LogProof(index, path, signed)

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The audit path of entry `index` in the log of `size`; raises what `proof` raises."""
        return self.proof(index, size).hashes

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof that the log of `new` entries begins with that of `old`, verified against both checkpoints.

        Raises:
            NoSuchCheckpoint: there is no checkpoint of one of the sizes.
            ValueError: `old` is greater than `new`.
            LogDamaged: a tile is missing, or the proof does not lead to the checkpoints' roots.
        """
        before, after = self.checkpoint_at(old).checkpoint, self.checkpoint_at(new).checkpoint
        path = consistency_proof(self._nodes(new), old, new)
        try:
            verify_consistency(old, new, path, before.root, after.root)
        except InvalidProof as err:
            raise LogDamaged(checkpoint_key(new), f"after size {old}: {err.reason}") from err
        return path

    def check_root(self, size: int) -> None:
        """Check that the tiles hash to the root of the checkpoint of `size`; entries are not read.

        Raises:
            NoSuchCheckpoint: there is no checkpoint of that size.
            LogDamaged: a tile is missing, or another root comes out.
        """
        if root(self._nodes(size), size) != self.checkpoint_at(size).checkpoint.root:
            raise LogDamaged(checkpoint_key(size), "the tiles hash to another root")

    def right_edge(self, size: int) -> RightEdge:
        """What appending to the log of `size` needs, checked against its checkpoint.

        Raises:
            NoSuchCheckpoint: there is no checkpoint of that size.
            LogDamaged: a partial tile is missing, or they do not hash to the checkpoint's root.
        """
        if size == 0:
            return RightEdge.empty()
        bundle: tuple[bytes, ...] = ()
        levels: dict[int, tuple[bytes, ...]] = {}
        for tile in partial_tiles(size):
            if tile.level is None:
                bundle = self._tile(tile)
            else:
                levels[tile.level] = self._tile(tile)
        edge = RightEdge(size, bundle, [levels.get(level, ()) for level in range(max(levels) + 1)])
        if edge.root() != self.checkpoint_at(size).checkpoint.root:
            raise LogDamaged(checkpoint_key(size), "the partial tiles hash to another root")
        if tuple(leaf_hash(entry) for entry in bundle) != levels.get(0, ()):
            raise LogDamaged(tile_at(None, (size - 1) // WIDTH, size).key, "the entries are not those of the tile")
        return edge

    def _nodes(self, size: int) -> NodeReader:
        def read(level: int, index: int) -> bytes:
            # A tile holds hashes of every eighth level; the levels between are hashed from them.
            within = level % HEIGHT
            first = index << within
            tile = tile_at(level // HEIGHT, first // WIDTH, size)
            start = first % WIDTH
            return perfect_root(self._tile(tile)[start : start + (1 << within)])

        return read

    def _tile(self, tile: Tile) -> tuple[bytes, ...]:
        if tile in self._tiles:
            self._tiles.move_to_end(tile)
            return self._tiles[tile]
        data = self._source.read(tile.key)
        if data is None:
            raise LogDamaged(tile.key, "missing")
        try:
            content = parse_bundle(data, tile.width) if tile.level is None else parse_tile(data, tile.width)
        except MalformedTile as err:
            raise LogDamaged(tile.key, err.reason) from err
        self._tiles[tile] = content
        if len(self._tiles) > _CACHED_TILES:
            self._tiles.popitem(last=False)
        return content

    def _load(self, key: str) -> SignedCheckpoint | None:
        data = self._source.read(key)
        if data is None:
            return None
        try:
            found = parse_checkpoint(data)
            self._verify(found)
        except (MalformedCheckpoint, UnverifiedNote) as err:
            raise LogDamaged(key, str(err)) from err
        return found

    def _verify(self, found: SignedCheckpoint) -> None:
        # c2sp.org/signed-note: one bad signature of a known key is reason to refuse the note. If none of the keys is
        # named, the first says what is wrong.
        named = [verifier for verifier in self._verifiers if verifier.signature_in(found.note) is not None]
        for verifier in named or self._verifiers[:1]:
            found.verify(verifier)

    def _expect_size(self, found: SignedCheckpoint, size: int) -> None:
        if found.checkpoint.size != size:
            raise LogDamaged(checkpoint_key(size), f"a checkpoint of size {found.checkpoint.size}")


def _begins_with(note: Note, kept: Note) -> bool:
    return note.text == kept.text and note.signatures[: len(kept.signatures)] == kept.signatures
