"""The work folder: what is being captured, and what is captured and signed but not wholly stored yet.

`capturing/<id>/` is half done and worth nothing without its process; `finished/<id>/` holds everything that has to
reach the store. A folder goes from one to the other by one rename, after everything in it is written, so that a
killed process leaves either something to discard or something to finish. Each folder is held by a file lock, which
ends with its process.

What a finished item holds is made to outlast a loss of power only if it has to wait, because the store did not take
it: otherwise it is there for the moment in which the store makes the same bytes durable. What a loss of power in that
moment leaves may lack bytes; whoever finds it so sets it aside in `damaged/<id>/`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sijill.flows.errors import OutputUnusable

WARC = "data.warc.gz"
ENVELOPE = "attestation.dsse.json"
FILES = "files"
_LOCK = "lock"
_KEPT = frozenset({WARC, ENVELOPE, FILES, _LOCK})
_STALE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class WorkItem:
    """The folder of one capture, locked by this process."""

    path: Path
    capture_id: str

    @property
    def warc(self) -> Path:
        """The WARC file."""
        return self.path / WARC

    @property
    def envelope(self) -> Path:
        """The signed attestation."""
        return self.path / ENVELOPE

    @property
    def files(self) -> Path:
        """The folder of what a browser made of the page, each file under its name."""
        return self.path / FILES

    def subject(self, name: str) -> Path:
        """Where the subject of the attestation called `name` waits."""
        return self.warc if name == WARC else self.files / name

    @property
    def spool(self) -> Path:
        """Where responses too large for memory wait for the WARC."""
        return self.path


class WorkFolder:
    """All work items below one folder."""

    def __init__(self, root: Path) -> None:
        self._capturing = root / "capturing"
        self._finished = root / "finished"
        self._damaged = root / "damaged"
        for folder in (self._capturing, self._finished):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as err:
                raise OutputUnusable(f"{folder}: {err.strerror}; the work folder must be writable") from err

    @contextmanager
    def begin(self, capture_id: str) -> Iterator[WorkItem]:
        """A new item; it is discarded at the end unless `finish` was called for it."""
        fresh = self._capturing / f".new-{capture_id}"
        fresh.mkdir()
        with _locked(fresh / _LOCK):
            path = fresh.rename(self._capturing / capture_id)
            try:
                yield WorkItem(path, capture_id)
            finally:
                if path.exists():
                    shutil.rmtree(path)

    def finish(self, item: WorkItem) -> WorkItem:
        """Make the item one that outlives its process; all that it is to hold must be written already."""
        for path in item.path.iterdir():
            if path.name not in _KEPT:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return WorkItem(item.path.rename(self._finished / item.capture_id), item.capture_id)

    def settle(self, item: WorkItem) -> None:
        """Make a finished item outlast a loss of power: it has to wait."""
        # What is gone is stored.
        files = [*item.files.iterdir(), item.files] if item.files.is_dir() else []
        for path in (item.warc, *files, item.envelope, item.path, self._finished):
            with suppress(FileNotFoundError):
                _sync(path)

    def set_aside(self, item: WorkItem) -> None:
        """Put a finished item where nobody takes it for one: it is not what was signed."""
        self._damaged.mkdir(exist_ok=True)
        item.path.rename(self._damaged / item.capture_id)

    def remove(self, item: WorkItem) -> None:
        """Forget a finished item, once everything in it is stored."""
        # The rename makes it one step: a half-removed item must not look like a finished one.
        done = item.path.rename(self._capturing / f".done-{item.capture_id}")
        for name in (WARC, ENVELOPE, _LOCK):
            (done / name).unlink(missing_ok=True)
        try:
            done.rmdir()
        except OSError:  # there is more in it
            shutil.rmtree(done)

    @contextmanager
    def abandoned(self) -> Iterator[tuple[WorkItem, ...]]:
        """Finished items whose process is gone, locked by this one; half-done ones are discarded on the way."""
        for path in self._capturing.iterdir():
            _discard_if_abandoned(path)
        with ExitStack() as locks:
            yield tuple(
                WorkItem(path, path.name)
                for path in sorted(self._finished.iterdir())
                if locks.enter_context(_locked_if_free(path / _LOCK)) and (path / ENVELOPE).exists()
            )


def _discard_if_abandoned(path: Path) -> None:
    # A dotted folder is being made or unmade, its lock is not to be relied on: only its age tells whether it is in use.
    if path.name.startswith("."):
        try:
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
        except FileNotFoundError:
            return
        return
    with _locked_if_free(path / _LOCK) as free:
        if free:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _locked_if_free(path: Path) -> Iterator[bool]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield False
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
