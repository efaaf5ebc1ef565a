"""What is worked out from the whole catalog: waited for once, and renewed apart when the catalog has moved."""

import threading

import pytest

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.rows import Position
from sijill.viewer.kept import Kept


class Worked:
    """Counts how often it was worked out, and waits where it is told to."""

    def __init__(self):
        self.times = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.done = threading.Semaphore(0)

    def __call__(self, catalog):
        assert self.may_go_on.wait(60)
        self.times += 1
        self.done.release()
        return self.times


@pytest.fixture
def path(tmp_path):
    return tmp_path / "catalog.sqlite"


def move(catalog):
    before = catalog.position()
    size = before.size + 1
    assert catalog.advance(before, Position("test/log", size, bytes(32), (bytes(32),) * size.bit_count()), [])


def test_it_is_kept_while_the_catalog_stays(path):
    worked = Worked()
    kept = Kept(lambda: Catalog(path), worked)
    with Catalog(path) as catalog:
        assert [kept.get(catalog) for _ in range(5)] == [1] * 5
    assert worked.times == 1


def test_when_the_catalog_has_moved_the_old_one_is_given_until_the_new_one_is_there(path):
    worked = Worked()
    kept = Kept(lambda: Catalog(path), worked)
    with Catalog(path) as catalog:
        assert kept.get(catalog) == 1
        worked.done.acquire()
        worked.may_go_on.clear()
        move(catalog)
        assert [kept.get(catalog) for _ in range(3)] == [1] * 3
        worked.may_go_on.set()
        assert worked.done.acquire(timeout=60)
        for _ in range(600):
            if (found := kept.get(catalog)) == 2:
                break
            threading.Event().wait(0.05)
        assert found == 2
    assert worked.times == 2


class Clock:
    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


def test_what_takes_long_is_renewed_less_often_but_at_once_when_the_catalog_has_moved(path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("sijill.viewer.kept.time", clock)
    worked = Worked()

    def long(catalog):
        clock.now += 7.0
        return worked(catalog)

    kept = Kept(lambda: Catalog(path), long)
    with Catalog(path) as catalog:
        assert kept.get(catalog) == 1
        assert worked.done.acquire(timeout=60)
        clock.now += 130.0
        assert kept.get(catalog) == 1
        assert not worked.done.acquire(timeout=0.2)
        clock.now += 10.0
        assert kept.get(catalog) == 1
        assert worked.done.acquire(timeout=60)
        while kept.get(catalog) != 2:
            threading.Event().wait(0.01)
        move(catalog)
        for _ in range(600):
            kept.get(catalog)
            if worked.done.acquire(timeout=0.1):
                break
        assert worked.times == 3
