"""Reading a log: everything is shown under a signed root, and nothing that was changed passes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sijill.provenance.errors import LogDamaged, NoSuchCheckpoint
from sijill.provenance.log.layout import CHECKPOINT, checkpoint_key
from sijill.provenance.log.log import seal
from sijill.provenance.log.merkle import leaf_hash, verify_consistency, verify_inclusion
from sijill.provenance.log.note import NoteSigner
from sijill.provenance.log.proof import format_proof, parse_proof
from sijill.provenance.log.reader import LogReader

SIZES = (100, 200, 300, 400, 500, 600)


class Sealed(tuple):
    """Storage and entries, shown briefly when a property fails."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "a log of 600"


@pytest.fixture(scope="module")
def sealed(logs):
    storage = logs.Storage()
    entries = logs.fill(storage, range(600))
    seal(storage, origin=logs.ORIGIN, signer=logs.KEY, batch_limit=100)
    return Sealed((storage, entries))


@pytest.fixture
def reader(sealed, logs):
    return LogReader(sealed[0], logs.VERIFIER)


def test_every_entry_at_every_size(reader, sealed):
    for size in SIZES:
        root = reader.checkpoint_at(size).checkpoint.root
        for index in range(0, size, 7):
            assert reader.entry(index, size) == sealed[1][index]
            path = reader.inclusion(index, size)
            verify_inclusion(leaf_hash(sealed[1][index].data), index, size, path, root)
    assert reader.entry(599) == sealed[1][599]


def test_consistency_between_all_checkpoints(reader):
    for old in SIZES:
        for new in SIZES:
            if old <= new:
                roots = [reader.checkpoint_at(size).checkpoint.root for size in (old, new)]
                verify_consistency(old, new, reader.consistency(old, new), *roots)


def test_proof_can_be_carried_away(reader, sealed, logs):
    data = format_proof(reader.proof(123, 400))
    proof = parse_proof(data)
    proof.checkpoint.verify(logs.VERIFIER)
    proof.verify(sealed[1][123].data)


def test_what_is_not_there(reader, logs):
    with pytest.raises(NoSuchCheckpoint):
        reader.checkpoint_at(150)
    with pytest.raises(NoSuchCheckpoint):
        reader.inclusion(0, 601)
    with pytest.raises(ValueError, match="no leaf"):
        reader.entry(600)
    with pytest.raises(ValueError, match="no leaf"):
        reader.entry(-1, 600)
    with pytest.raises(ValueError, match="no consistency"):
        reader.consistency(200, 100)
    empty = LogReader(logs.Storage(), logs.VERIFIER)
    assert empty.checkpoint() is None
    with pytest.raises(NoSuchCheckpoint):
        empty.entry(0)


def test_log_of_another_key(sealed, logs):
    other = LogReader(sealed[0], NoteSigner(logs.ORIGIN, type(logs.KEY)(bytes(32))).verifier)
    with pytest.raises(LogDamaged, match="no signature"):
        other.checkpoint()


def test_stranger_reads_only_what_the_proof_needs(sealed, logs):
    storage = sealed[0].view()
    LogReader(storage, logs.VERIFIER).proof(3, 600)
    assert sum(key.startswith("log/tile/") for key in storage.reads) <= 6


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_changed_byte_of_the_log_is_believed(sealed, logs, data):
    storage = sealed[0].copy()
    keys = sorted(key for key in storage.objects if key.startswith(("log/tile", "log/checkpoint")))
    key = data.draw(st.sampled_from(keys))
    changed = bytearray(storage.objects[key])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    storage.objects[key] = bytes(changed)
    reader = LogReader(storage, logs.VERIFIER)
    size = data.draw(st.sampled_from(SIZES))
    index = data.draw(st.integers(0, size - 1))
    if key in (CHECKPOINT, checkpoint_key(600)):
        with pytest.raises(LogDamaged):
            reader.published()
    try:
        entry, path = reader.entry(index, size), reader.inclusion(index, size)
    except LogDamaged:
        return
    assert entry == sealed[1][index]
    root = LogReader(sealed[0], logs.VERIFIER).checkpoint_at(size).checkpoint.root
    verify_inclusion(leaf_hash(entry.data), index, size, path, root)


def test_missing_tile_is_named(sealed, logs):
    storage = sealed[0].copy()
    del storage.objects["log/tile/0/000"]
    with pytest.raises(LogDamaged) as caught:
        LogReader(storage, logs.VERIFIER).inclusion(5, 600)
    assert caught.value.key == "log/tile/0/000"


def test_swapped_entries_are_noticed(sealed, logs):
    storage = sealed[0].copy()
    data = storage.objects["log/tile/entries/000"]
    length = 2 + int.from_bytes(data[:2], "big")
    storage.objects["log/tile/entries/000"] = data[length : 2 * length] + data[:length] + data[2 * length :]
    with pytest.raises(LogDamaged):
        LogReader(storage, logs.VERIFIER).entry(0, 600)
    assert LogReader(storage, logs.VERIFIER).entry(2, 600) == sealed[1][2]
