"""Sealing alone: what it writes, what it costs, and what is left when it is killed at any moment."""

import dataclasses

import pytest

from sijill.provenance.attest.keys import SigningKey
from sijill.provenance.errors import LogDamaged, MalformedNote, WrongLogKey
from sijill.provenance.log.layout import CHECKPOINT, batch_key, checkpoint_key, leaf_index_key, queue_key
from sijill.provenance.log.log import SealProgress, SealResult, seal
from sijill.provenance.log.queue import enqueue, leaf_index
from sijill.provenance.log.reader import LogReader

WRITES = {"create", "replace", "delete"}


@pytest.fixture(scope="module")
def base(logs):
    """A log of 254 entries, two short of a full tile."""
    storage = logs.Storage()
    entries = logs.fill(storage, range(254))
    seal(storage, origin=logs.ORIGIN, signer=logs.KEY)
    return storage, entries


def run(storage, logs, **options) -> SealResult:
    return seal(storage, origin=logs.ORIGIN, signer=logs.KEY, **options)


def test_nothing_to_do_writes_nothing(logs):
    storage = logs.Storage()
    assert run(storage, logs) == SealResult(0, 0, 0, ())
    assert storage.objects == {}


def test_everything_queued_is_in_the_log_in_order(logs):
    storage = logs.Storage()
    entries = logs.fill(storage, range(20))
    progress: list[SealProgress] = []
    assert run(storage, logs, batch_limit=7, on_progress=progress.append) == SealResult(20, 20, 0, ())
    assert logs.check_log(storage, entries) == 20
    assert [leaf_index(storage, entry.id) for entry in entries] == list(range(20))
    assert not any(key.startswith("queue/") for key in storage.objects)
    sizes = {int(key.rpartition("/")[2]) for key in storage.objects if key.startswith("log/checkpoints/")}
    assert sizes == {7, 14, 20}
    assert storage.objects[CHECKPOINT] == storage.objects[checkpoint_key(20)]
    assert progress[0] == SealProgress(7, 7, 1)
    assert progress[-1] == SealProgress(20, 6, 6)


def test_log_grows_over_several_calls(logs, base):
    storage = base[0].copy()
    entries = list(base[1])
    for number in (254, 255, 256, 257):
        entries += logs.fill(storage, range(number, number + 1))
        assert run(storage, logs).added == 1
        logs.check_log(storage, entries)
    for old in (254, 255, 256, 257, 258):
        LogReader(storage, logs.VERIFIER).consistency(old, 258)


def test_leftovers_are_removed_and_not_sealed_again(logs):
    storage = logs.Storage()
    entries = logs.fill(storage, range(5))
    run(storage, logs)
    for entry in entries:
        enqueue(storage, entry)
    assert run(storage, logs) == SealResult(5, 0, 0, ())
    assert not any(key.startswith("queue/") for key in storage.objects)
    logs.check_log(storage, entries)


def test_what_cannot_be_sealed_is_reported_and_left(logs):
    storage = logs.Storage()
    good = logs.fill(storage, range(3))
    run(storage, logs)
    another = dataclasses.replace(good[0], envelope_sha256="0" * 64)
    bad = {
        queue_key(good[0].id): another.data,
        "queue/a": b"not an entry",
        queue_key(logs.entry(8).id): logs.entry(9).data,
        "queue/sub/" + logs.entry(10).id: logs.entry(10).data,
    }
    storage.objects |= bad
    more = logs.fill(storage, range(3, 5))
    result = run(storage, logs)
    assert (result.size, result.added) == (5, 2)
    assert {item.key for item in result.rejected} == set(bad)
    assert all(storage.objects[key] == data for key, data in bad.items())
    logs.check_log(storage, good + more)
    # They do not keep later entries out, nor is anything sealed of them.
    more += logs.fill(storage, range(5, 6))
    assert run(storage, logs, batch_limit=1).rejected == result.rejected
    logs.check_log(storage, good + more)


def test_conflict_that_comes_while_its_entry_is_sealed_is_not_lost(logs):
    storage = logs.Storage()
    entry = logs.fill(storage, range(1))[0]
    another = dataclasses.replace(entry, envelope_sha256="0" * 64)

    def meanwhile(operation, key):
        if key == checkpoint_key(1):
            storage.objects[queue_key(entry.id)] = another.data

    storage.before = meanwhile
    run(storage, logs)
    storage.before = lambda operation, key: None
    assert storage.objects[queue_key(entry.id)] == another.data
    assert [item.key for item in run(storage, logs).rejected] == [queue_key(entry.id)]
    logs.check_log(storage, [entry])


def test_other_key_or_origin_is_refused(logs):
    storage = logs.Storage()
    logs.fill(storage, range(2))
    storage.before = lambda operation, key: kill_when(logs, key.startswith("log/tile/"))
    with pytest.raises(logs.Killed):
        run(storage, logs)
    storage.before = lambda operation, key: None
    other = SigningKey(bytes(32))
    with pytest.raises(WrongLogKey) as caught:
        seal(storage, origin=logs.ORIGIN, signer=other)
    assert caught.value.found == logs.VERIFIER.vkey
    run(storage, logs)
    before = dict(storage.objects)
    with pytest.raises(LogDamaged):
        seal(storage, origin=logs.ORIGIN, signer=other)
    with pytest.raises(LogDamaged):
        seal(storage, origin="sijill.org/log/other", signer=logs.KEY)
    with pytest.raises(MalformedNote):
        seal(storage, origin="two words", signer=logs.KEY)
    with pytest.raises(ValueError, match="batch_limit"):
        run(storage, logs, batch_limit=0)
    assert storage.objects == before


def kill_when(logs, condition):
    if condition:
        raise logs.Killed


def test_killed_at_any_write_the_next_finishes(logs, base):
    start = base[0].copy()
    entries = [*base[1], *logs.fill(start, range(254, 259))]
    whole = start.copy()
    run(whole, logs, batch_limit=3)
    writes = sum(whole.calls[operation] for operation in WRITES)
    assert writes > 20
    states = set()
    # To be killed after one write is to be killed before the next.
    for allowed in range(writes):
        storage = start.copy()
        left = allowed

        def hook(operation, key):
            nonlocal left
            if operation in WRITES:
                kill_when(logs, left == 0)
                left -= 1

        storage.before = hook
        with pytest.raises(logs.Killed):
            run(storage, logs, batch_limit=3)
        storage.before = lambda operation, key: None
        states.add(frozenset(storage.objects))
        assert logs.check_log(storage.copy()) in (254, 257, 259)
        assert run(storage, logs, batch_limit=3).size == 259
        assert storage.objects == whole.objects
    logs.check_log(whole, entries)
    assert len(states) > writes - 3, "each kill leaves another state, but for the moves of the checkpoint"


def test_killed_again_and_again(logs, base):
    storage = base[0].copy()
    entries = [*base[1], *logs.fill(storage, range(254, 259))]
    for _ in range(200):
        allowed = 2

        def hook(operation, key):
            nonlocal allowed
            if operation == "create" and key not in storage.objects:
                allowed -= 1
                kill_when(logs, allowed == 0)

        storage.before = hook
        try:
            run(storage, logs, batch_limit=3)
        except logs.Killed:
            continue
        break
    else:
        pytest.fail("never finished")
    logs.check_log(storage, entries)


def test_reader_sees_a_consistent_log_after_every_step(logs, base):
    storage = base[0].copy()
    entries = [*base[1], *logs.fill(storage, range(254, 259))]
    sizes = []

    def look(operation, key):
        if operation in WRITES:
            reader = LogReader(storage.copy(), logs.VERIFIER)
            newest, published = reader.checkpoint(), reader.published()
            assert newest is not None
            assert published is not None
            reader.check_root(newest.checkpoint.size)
            reader.check_root(published.checkpoint.size)
            sizes.append(newest.checkpoint.size)
            for entry in entries:
                index = leaf_index(storage.copy(), entry.id)
                waits = queue_key(entry.id) in storage.objects
                assert waits or index is not None, "an entry is neither queued nor in the log"
                if index is not None:
                    assert index < newest.checkpoint.size, "a leaf index leads to nothing"

    storage.after = look
    run(storage, logs, batch_limit=3)
    assert sizes == sorted(sizes)
    assert set(sizes) == {254, 257, 259}


def test_stale_checkpoint_is_walked_from_and_mended(logs):
    storage = logs.Storage()
    entries = logs.fill(storage, range(9))
    run(storage, logs, batch_limit=3)
    for stale in (None, storage.objects[checkpoint_key(3)], storage.objects[checkpoint_key(6)]):
        copy = storage.copy()
        copy.objects.pop(CHECKPOINT)
        if stale:
            copy.objects[CHECKPOINT] = stale
        assert logs.check_log(copy, entries) == 9
        result = run(copy, logs)
        assert (result.size, result.added) == (9, 0)
        assert copy.objects == storage.objects


def test_slow_sealer_does_not_put_an_older_checkpoint_back(logs):
    storage = logs.Storage()
    logs.fill(storage, range(2))
    storage.before = lambda operation, key: kill_when(logs, operation == "replace")
    with pytest.raises(logs.Killed):
        run(storage, logs)
    storage.before = lambda operation, key: None
    newer = logs.fill(storage, range(2, 4))
    slow = storage.view()

    def overtaken(operation, key):
        slow.before = lambda operation, key: None
        run(storage, logs)

    # The slow one has loaded the log when the other seals both batches.
    slow.before = lambda operation, key: overtaken(operation, key) if key == batch_key(0) else None
    run(slow, logs)
    assert slow.calls["replace"] == 0
    assert storage.objects[CHECKPOINT] == storage.objects[checkpoint_key(4)]
    assert leaf_index(storage, newer[-1].id) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda objects: objects.update({CHECKPOINT: b"x"}),
        lambda objects: objects.update({CHECKPOINT: objects[CHECKPOINT].replace(b"\n5\n", b"\n6\n")}),
        lambda objects: objects.pop(checkpoint_key(5)),
        lambda objects: objects.update({checkpoint_key(5): objects[checkpoint_key(3)]}),
        lambda objects: objects.pop("log/tile/0/000.p/5"),
        lambda objects: objects.update({"log/tile/0/000.p/5": bytes(160)}),
        lambda objects: objects.update({"log/tile/0/000.p/5": b""}),
        lambda objects: objects.pop("log/tile/entries/000.p/5"),
        lambda objects: objects.update({"log/tile/entries/000.p/5": b"\0\0" * 5}),
        lambda objects: objects.update({batch_key(5): b"x"}),
        lambda objects: objects.update({batch_key(5): objects[batch_key(3)]}),
        lambda objects: objects.update({"log/tile/0/000.p/6": b"x"}),
        lambda objects: objects.update({checkpoint_key(6): b"x"}),
    ],
)
def test_nothing_is_sealed_over_damage(logs, damage):
    storage = logs.Storage()
    logs.fill(storage, range(5))
    run(storage, logs, batch_limit=3)
    waiting = logs.fill(storage, range(5, 6))[0]
    damage(storage.objects)
    before = dict(storage.objects)
    with pytest.raises(LogDamaged):
        run(storage, logs)
    changed = {key for key, data in storage.objects.items() if before.get(key) != data}
    assert CHECKPOINT not in changed
    assert leaf_index_key(waiting.id) not in storage.objects
    assert queue_key(waiting.id) in storage.objects


def test_cost_is_linear_and_nothing_is_written_twice(logs):
    storage = logs.Storage()
    entries = logs.fill(storage, range(5_000))
    storage.calls.clear()
    storage.attempts.clear()
    run(storage, logs, batch_limit=1_000)
    assert logs.VERIFIER.name in storage.objects[CHECKPOINT].decode()
    assert set(storage.attempts.values()) == {1}
    tiles = [key for key in storage.attempts if key.startswith("log/tile/") and ".p/" not in key]
    # 19 full bundles and 19 full tiles over them: each written once, when it became full.
    assert len(tiles) == 2 * (5_000 // 256)
    # For each entry: read it, ask for its leaf index, write that, read and delete the queue object.
    assert sum(storage.calls.values()) < 5 * len(entries) + 200
    assert LogReader(storage, logs.VERIFIER).entry(4_999) == entries[-1]


def test_batch_on_a_large_log_reads_only_its_right_edge(logs):
    storage = logs.Storage()
    logs.fill(storage, range(3_000))
    run(storage, logs)
    logs.fill(storage, range(3_000, 3_010))
    storage.reads.clear()
    storage.attempts.clear()
    assert run(storage, logs).added == 10
    read = [key for key in storage.reads if key.startswith("log/tile/")]
    assert read == ["log/tile/entries/011.p/184", "log/tile/0/011.p/184", "log/tile/1/000.p/11"]
    assert sum(key.startswith("log/") for key in storage.reads) < 12
    written = {key for key in storage.attempts if key.startswith("log/")}
    assert written == {
        "log/batches/3000",
        "log/tile/entries/011.p/194",
        "log/tile/0/011.p/194",
        "log/tile/1/000.p/11",
        "log/checkpoints/3010",
    }
