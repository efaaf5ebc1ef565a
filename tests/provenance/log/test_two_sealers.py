"""Several sealers at once, one storage operation at a time, in every order that matters and many others."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sijill.provenance.log.layout import CHECKPOINT, checkpoint_key
from sijill.provenance.log.log import seal
from sijill.provenance.log.queue import enqueue, leaf_index
from sijill.provenance.log.reader import LogReader

HANG = 30


class Worker:
    """Runs `work` in a thread that stops before each storage operation until `step` lets it go on."""

    def __init__(self, storage, killed: type[BaseException], work: Callable[[object], object]) -> None:
        self.done = False
        self.steps = 0
        self.failure: BaseException | None = None
        self._killed = killed
        self._kill = False
        self._go = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)
        view = storage.view()
        view.before = self._gate
        self._thread = threading.Thread(target=self._run, args=(work, view), daemon=True)
        self._thread.start()
        assert self._stopped.acquire(timeout=HANG)

    def _run(self, work, view) -> None:
        try:
            work(view)
        except self._killed:
            pass
        except BaseException as err:  # noqa: BLE001 - handed to the test's own thread, which raises it
            self.failure = err
        self.done = True
        self._stopped.release()

    def _gate(self, operation: str, key: str) -> None:
        self._stopped.release()
        self._go.acquire()
        if self._kill:
            raise self._killed

    def step(self) -> bool:
        """Let one operation happen; False if there is none left."""
        if self.done:
            return False
        self.steps += 1
        self._go.release()
        assert self._stopped.acquire(timeout=HANG), "hangs"
        if self.failure:
            raise self.failure
        return True

    def run(self, most: int | None = None) -> None:
        while (most is None or most > 0) and self.step():
            most = None if most is None else most - 1

    def kill(self) -> None:
        self._kill = True
        self.step()
        assert self.done


@pytest.fixture(scope="module")
def sealer(logs):
    def start(storage, batch_limit=1):
        def work(view):
            seal(view, origin=logs.ORIGIN, signer=logs.KEY, batch_limit=batch_limit)

        return Worker(storage, logs.Killed, work)

    return start


def without_published(storage):
    return {key: data for key, data in storage.objects.items() if key != CHECKPOINT}


def test_every_place_where_one_can_overtake_the_other_twice(logs, sealer):
    # The first sealer stops after i operations, the second does j, the first finishes, then the second.
    start = logs.Storage()
    entries = logs.fill(start, range(2))
    whole = start.copy()
    alone = sealer(whole)
    alone.run()
    checkpoints = {whole.objects[checkpoint_key(size)] for size in (1, 2)}
    for first_steps in range(alone.steps):
        second_steps = 0
        while True:
            storage = start.copy()
            first, second = sealer(storage), sealer(storage)
            first.run(first_steps)
            second.run(second_steps)
            over = second.done
            first.run()
            second.run()
            # What was queued at the start is sealed in the same batches whoever does it.
            assert without_published(storage) == without_published(whole)
            assert storage.objects[CHECKPOINT] in checkpoints
            if over:
                break
            second_steps += 1
    logs.check_log(whole, entries)


def test_overtaken_at_a_tile_boundary(logs, sealer):
    start = logs.Storage()
    entries = logs.fill(start, range(254))
    seal(start, origin=logs.ORIGIN, signer=logs.KEY)
    entries += logs.fill(start, range(254, 259))
    whole = start.copy()
    alone = sealer(whole, batch_limit=3)
    alone.run()
    for steps in range(alone.steps):
        storage = start.copy()
        first, second = sealer(storage, batch_limit=3), sealer(storage, batch_limit=3)
        first.run(steps)
        second.run()
        first.run()
        assert without_published(storage) == without_published(whole)
    logs.check_log(whole, entries)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.integers(0, 2), st.integers(1, 25)),
        st.tuples(st.just("kill"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("enqueue"), st.integers(0, 15), st.just(0)),
        st.tuples(st.just("look"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS, limits=st.tuples(*[st.integers(1, 5)] * 3))
def test_any_schedule_with_kills_restarts_and_new_entries(logs, sealer, actions, limits):
    storage = logs.Storage()
    queued = {}
    seen: dict[int, bytes] = {}
    workers = [sealer(storage, limit) for limit in limits]
    for kind, which, count in actions:
        if kind == "step":
            if workers[which].done:
                workers[which] = sealer(storage, limits[which])
            workers[which].run(count)
        elif kind == "kill":
            workers[which].kill()
            workers[which] = sealer(storage, limits[which])
        elif kind == "enqueue":
            # The same entry may come again at any time, as it does when a flow is run again.
            entry = logs.entry(which)
            enqueue(storage, entry)
            queued[entry.id] = entry
        else:
            look(logs, storage, seen, queued)
    look(logs, storage, seen, queued)
    for worker in workers:
        worker.run()
    seal(storage, origin=logs.ORIGIN, signer=logs.KEY)
    look(logs, storage, seen, queued)
    assert logs.check_log(storage, list(queued.values())) == len(queued)
    assert not any(key.startswith("queue/") for key in storage.objects)
    size = LogReader(storage, logs.VERIFIER).published()
    assert (size.checkpoint.size if size else 0) == len(queued)


def look(logs, storage, seen, queued):
    """A stranger reads the log now; what was once read must never be otherwise later."""
    copy = storage.copy()
    logs.check_log(copy)
    for key, data in copy.objects.items():
        if key.startswith("log/") and key != CHECKPOINT:
            assert seen.setdefault(key, data) == data, f"{key} changed"
    assert all(key in copy.objects for key in seen)
    for entry in queued.values():
        assert f"queue/{entry.id}" in copy.objects or leaf_index(copy, entry.id) is not None
