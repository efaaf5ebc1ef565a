"""Files being written: under a name nobody reads, until they are whole and are given their key in one step.

A draft is locked (`flock`) as long as its writer lives, so that whoever finds one unlocked knows it for a leftover.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from sijill.storage.errors import BadKey, ReadBackMismatch, SourceMismatch, StoreUnavailable
from sijill.storage.failures import failures
from sijill.storage.fingerprint import Fingerprint, Measure, Meter, measure, same
from sijill.storage.store import PIECE

_NAME = re.compile(r"[0-9a-f]{32}")
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS})


class Draft:
    """A file that has no key yet. Made by `drafted`."""

    def __init__(self, key: str, folder: int, name: str, file: int) -> None:
        self._key = key
        self._folder = folder
        self._name = name
        self._file = file

    def fill(self, pieces: Iterable[bytes], expected: Fingerprint) -> None:
        """Write `pieces`, make them durable, read them back and compare.

        What `pieces` raises is passed on.

        Raises:
            SourceMismatch: `pieces` are not what `expected` says.
            ReadBackMismatch: the file holds something else than was written.
        """
        written = Meter()
        for piece in pieces:
            written.update(piece)
            if written.size > expected.size:
                break
            with failures(self._key):
                _write(self._file, piece)
        if not same(written.measure(), expected):
            raise SourceMismatch(self._key, expected, written.measure())
        with failures(self._key):
            os.fsync(self._file)
            found = measure_file(self._file)
        if not same(found, expected):
            raise ReadBackMismatch(self._key, expected, found)

    def fill_unsynced(self, data: bytes) -> None:
        """Write `data`, and leave it to the system when it becomes durable."""
        with failures(self._key):
            _write(self._file, data)

    def link(self, folder: int, name: str) -> bool:
        """Give the file its key, durably, unless something has it; returns whether it was given.

        Raises:
            BadKey: other keys begin with this one.
            OSError: the system refused.
        """
        try:
            os.link(self._name, name, src_dir_fd=self._folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError as err:
            if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                raise _is_folder(self._key) from err
            return False
        except OSError as err:
            if err.errno in _NO_HARD_LINKS:
                raise StoreUnavailable(self._key, "hard link refused; the file system may have none") from err
            raise
        os.fsync(folder)
        return True

    def rename(self, folder: int, name: str, *, durable: bool = True) -> None:
        """Give the file its key in the place of whatever has it, durably unless that is not asked for.

        Raises:
            BadKey: other keys begin with this one.
            OSError: the system refused.
        """
        try:
            os.rename(self._name, name, src_dir_fd=self._folder, dst_dir_fd=folder)
        except IsADirectoryError as err:
            raise _is_folder(self._key) from err
        if durable:
            os.fsync(folder)


@contextmanager
def drafted(key: str, folder: int, *, mode: int) -> Iterator[Draft]:
    """A new draft in `folder` with permissions `mode` less the umask. Its temporary name is gone afterwards."""
    with failures(key):
        name, file = _create(folder, mode)
    try:
        yield Draft(key, folder, name, file)
    finally:
        # If even this fails, recovery finds the leftover; what made it fail is already on its way up.
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
        os.close(file)


def remove_leftovers(folder: int) -> int:
    """Remove the drafts in `folder` whose writers are gone; returns how many.

    Raises:
        OSError: the system refused.
    """
    return sum(_remove_unlocked(folder, name) for name in os.listdir(folder) if _NAME.fullmatch(name))


def measure_file(file: int) -> Measure:
    """The fingerprint of a file, read from the medium where the system can be asked to."""
    if hasattr(os, "posix_fadvise"):
        # Pages still in memory would only show what was written, not what was kept.
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    return measure(_pieces(file))


def _create(folder: int, mode: int) -> tuple[str, int]:
    while True:
        name = os.urandom(16).hex()
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode, dir_fd=folder)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file).st_nlink:
                return name, file
        except OSError:
            os.close(file)
            os.unlink(name, dir_fd=folder)
            raise
        # A recovery came between creation and lock, and took the file for a leftover.
        os.close(file)


def _remove_unlocked(folder: int, name: str) -> bool:
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return False
    try:
        # Shared is enough to exclude the writer, and NFS gives it to a file opened for reading.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.unlink(name, dir_fd=folder)
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        os.close(file)
    return True


def _write(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _pieces(file: int) -> Iterator[bytes]:
    offset = 0
    while piece := os.pread(file, PIECE, offset):
        yield piece
        offset += len(piece)


def _is_folder(key: str) -> BadKey:
    return BadKey(key, "is the beginning of other objects' keys, so it cannot be stored itself")
