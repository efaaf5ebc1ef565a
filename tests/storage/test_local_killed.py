"""A writer killed at any system call leaves the old object or the new, and nothing that recovery does not remove."""

from __future__ import annotations

import fcntl
import io
import os
import signal
from pathlib import Path

import pytest

from sijill.archive.digest import digest_bytes
from sijill.storage.layout import CHECKPOINT, object_key
from sijill.storage.open import open_store

OLD, NEW = b"old" * 1000, b"new!" * 150_000
OBJECT = object_key(digest_bytes(NEW).sha256.hex)
QUEUED = "queue/20261121t011630z-k3j7x2m4q7ab"
CALLS = ("open", "mkdir", "write", "fsync", "posix_fadvise", "pread", "link", "rename", "unlink", "close")
MOST_CALLS = 400


class Trap:
    """Kills its process at the n-th of the traced calls: before it, or, if it writes, in the middle of it."""

    def __init__(self, fatal: int, *, halfway: bool) -> None:
        self.calls = 0
        self.fatal = fatal
        self.halfway = halfway

    def arm(self) -> None:
        for name in CALLS:
            setattr(os, name, self.trapped(getattr(os, name)))
        fcntl.flock = self.trapped(fcntl.flock)

    def trapped(self, call):
        def guarded(*args, **kwargs):
            self.calls += 1
            if self.calls == self.fatal:
                if self.halfway and call.__name__ == "write":
                    call(args[0], args[1][: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return guarded


@pytest.fixture
def killed(in_child):
    """A function that runs `work` in a child that is killed at call `fatal`; False if it finished before."""

    def run(work, fatal: int, *, halfway: bool) -> bool:
        def trapped():
            Trap(fatal, halfway=halfway).arm()
            work()

        code = in_child(trapped)
        assert code in {0, -signal.SIGKILL}
        return code != 0

    return run


class Source:
    def open(self):
        return io.BytesIO(NEW)


def put(store):
    store.put(OBJECT, Source(), expected=digest_bytes(NEW))


def create(store):
    assert store.create(QUEUED, NEW)


def replace(store):
    store.replace(CHECKPOINT, NEW)


def delete(store):
    store.delete(QUEUED)


CASES = {
    "put": (put, OBJECT, None, NEW),
    "create": (create, QUEUED, None, NEW),
    "create what is there": (create, QUEUED, NEW, NEW),
    "replace nothing": (replace, CHECKPOINT, None, NEW),
    "replace": (replace, CHECKPOINT, OLD, NEW),
    "delete": (delete, QUEUED, OLD, None),
}


def held(store, key):
    return store.read(key, limit=len(NEW)) if store.stat(key) else None


@pytest.mark.parametrize("halfway", [False, True], ids=["before", "halfway"])
@pytest.mark.parametrize("case", CASES)
def test_killed_at_every_call(tmp_path, killed, case, halfway):
    work, key, old, new = CASES[case]
    seen, leftovers = [], 0
    for fatal in range(1, MOST_CALLS):
        root = tmp_path / str(fatal)
        store = open_store(root.as_uri(), create=True)
        if old is not None:
            store.replace(key, old)
        if not killed(lambda store=store: work(store), fatal, halfway=halfway):
            break
        found = held(store, key)
        assert found in (old, new)
        seen.append(found)
        assert list(store.list("")) == ([] if found is None else [key])
        leftovers += store.recover()
        assert not incoming(root)
        assert held(store, key) == found
        work(open_store(store.url))
        assert held(store, key) == new
        assert not incoming(root)
    else:
        pytest.fail("the work never came to its end")
    # The object changes once, and the loop went through calls before and after that.
    turn = seen.index(new)
    assert seen[turn:] == [new] * (len(seen) - turn)
    if old != new:
        assert turn > 0
        assert leftovers > 3 or case == "delete"


def incoming(root: Path) -> list[Path]:
    folder = root / ".incoming"
    return list(folder.iterdir()) if folder.exists() else []


def test_a_recovery_killed_at_every_call_is_finished_by_the_next(tmp_path, killed):
    recovering = 0
    for fatal in range(1, MOST_CALLS):
        root = tmp_path / str(fatal)
        store = open_store(root.as_uri(), create=True)
        for _ in range(3):
            assert killed(lambda store=store: put(store), 22, halfway=True)
        left = len(incoming(root))
        assert left == 3
        if not killed(store.recover, fatal, halfway=False):
            assert not incoming(root)
            break
        recovering += store.recover()
        assert not incoming(root)
    else:
        pytest.fail("the recovery never came to its end")
    assert recovering > 3


def path_of(fd: int) -> Path:
    return Path(f"/proc/self/fd/{fd}").readlink()


class Medium:
    """What would be lost with the power: files and names that were not synced after they changed."""

    def __init__(self, monkeypatch) -> None:
        self.unsynced_files = set()
        self.unsynced_names = set()
        self.named_too_early = []
        self.synced_folders = set()
        for name in ("write", "fsync", "mkdir", "link", "rename"):
            monkeypatch.setattr(os, name, getattr(self, name)(getattr(os, name)))

    def write(self, call):
        def write(fd, data):
            self.unsynced_files.add(os.fstat(fd).st_ino)
            return call(fd, data)

        return write

    def fsync(self, call):
        def fsync(fd):
            call(fd)
            path = path_of(fd)
            self.synced_folders.add(path)
            self.unsynced_files.discard(os.fstat(fd).st_ino)
            self.unsynced_names = {name for name in self.unsynced_names if name.parent != path}

        return fsync

    def mkdir(self, call):
        def mkdir(name, *, dir_fd):
            call(name, dir_fd=dir_fd)
            self.unsynced_names.add(path_of(dir_fd) / name)

        return mkdir

    def link(self, call):
        return self.naming(call)

    def rename(self, call):
        return self.naming(call)

    def naming(self, call):
        def named(source, name, *, src_dir_fd, dst_dir_fd, **more):
            if os.stat(source, dir_fd=src_dir_fd).st_ino in self.unsynced_files:
                self.named_too_early.append(name)
            call(source, name, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd, **more)
            self.unsynced_names.add(path_of(dst_dir_fd) / name)

        return named


@pytest.mark.parametrize("work", [put, create, replace])
def test_what_was_stored_survives_a_loss_of_power(tmp_path, monkeypatch, work):
    store = open_store((tmp_path / "store").as_uri(), create=True)
    medium = Medium(monkeypatch)
    work(store)
    assert medium.synced_folders
    assert not medium.named_too_early
    assert not medium.unsynced_files
    assert not medium.unsynced_names


def test_what_a_killed_writer_stored_is_made_durable_by_whoever_finds_it(tmp_path, monkeypatch):
    root = tmp_path / "store"
    put(open_store(root.as_uri(), create=True))
    store = open_store(root.as_uri())
    medium = Medium(monkeypatch)
    put(store)
    folder = (root / OBJECT).parent
    assert {folder, *(parent for parent in folder.parents if parent.is_relative_to(root))} <= medium.synced_folders
