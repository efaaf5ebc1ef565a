"""Folders of a local store, walked by descriptors one segment at a time, never through a symbolic link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sijill.storage.errors import BadKey, NotAnObject, StoreUnavailable
from sijill.storage.failures import failures
from sijill.storage.layout import KEY_LENGTH, is_segment

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_DURABLE_LIMIT = 10_000


class Folders:
    """The tree under `root`. Names given to it are segments of checked keys, or the store's own."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # Folders whose entry in their parent was synced since this process began.
        self._durable: set[tuple[str, ...]] = set()

    @contextmanager
    def existing(self, names: Sequence[str]) -> Iterator[int]:
        """Descriptor of a folder, closed afterwards.

        Raises:
            FileNotFoundError: it is not there.
            NotADirectoryError: a file stands in its place.
            NotAnObject: a symbolic link stands on the way.
            StoreUnavailable: the root itself is not there.
        """
        folder = self._open_root()
        try:
            for depth, name in enumerate(names, start=1):
                folder = _step(folder, name, names[:depth])
            yield folder
        finally:
            os.close(folder)

    @contextmanager
    def made(self, names: Sequence[str]) -> Iterator[int]:
        """Descriptor of a folder, made if it is not there, that will be there after a loss of power; closed afterwards.

        Raises:
            BadKey: a file stands in its place.
            NotAnObject: a symbolic link stands on the way.
            StoreUnavailable: the root itself is not there.
        """
        folder = self._open_root()
        try:
            for depth, name in enumerate(names, start=1):
                path = tuple(names[:depth])
                try:
                    if path in self._durable:
                        with suppress(FileNotFoundError):
                            folder = _step(folder, name, path)
                            continue
                    with suppress(FileExistsError):
                        os.mkdir(name, dir_fd=folder)
                    # Whoever made the folder may have been killed before syncing it.
                    os.fsync(folder)
                    self._remember(path)
                    folder = _step(folder, name, path)
                except NotADirectoryError as err:
                    raise BadKey("/".join(path), "is an object, keys below it cannot be stored") from err
            yield folder
        finally:
            os.close(folder)

    def keys(self, prefix: str, after: str) -> Iterator[str]:
        """Keys of plain files that begin with `prefix` and sort after `after`, in bytewise order.

        Whatever the store did not make (links, devices, names that are no segments) is not listed.

        Raises:
            StoreFailure: a folder cannot be read.
        """
        start = prefix.rpartition("/")[0]
        with failures(str(self._root)), ExitStack() as stack:
            try:
                folder = stack.enter_context(self.existing(start.split("/") if start else ()))
            except (FileNotFoundError, NotADirectoryError):
                return
            yield from _keys(folder, f"{start}/" if start else "", prefix, after)

    def _open_root(self) -> int:
        try:
            return os.open(self._root, _FOLDER)
        except FileNotFoundError as err:
            raise StoreUnavailable(str(self._root), "no such folder") from err
        except NotADirectoryError as err:
            raise StoreUnavailable(str(self._root), "not a folder") from err

    def _remember(self, path: tuple[str, ...]) -> None:
        if len(self._durable) >= _DURABLE_LIMIT:
            self._durable.clear()
        self._durable.add(path)


def _step(folder: int, name: str, path: Sequence[str]) -> int:
    """Its subfolder `name`, which is `path` from the root. `folder` is closed, but stays open if this fails."""
    try:
        inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    except OSError as err:
        if err.errno in (errno.ELOOP, errno.ENOTDIR) and _is_link(folder, name):
            raise NotAnObject("/".join(path), "a symbolic link") from err
        raise
    os.close(folder)
    return inner


def _is_link(folder: int, name: str) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _keys(folder: int, base: str, prefix: str, after: str) -> Iterator[str]:
    for name in _names(folder):
        path = base + name
        if not name.endswith("/"):
            if path.startswith(prefix) and path > after and len(path) <= KEY_LENGTH:
                yield path
        elif _overlap(path, prefix) and (path > after or after.startswith(path)):
            try:
                inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            except FileNotFoundError:
                continue
            try:
                yield from _keys(inner, path, prefix, after)
            finally:
                os.close(inner)


def _names(folder: int) -> list[str]:
    """Names of files and, ending in `/`, of folders, so sorted that the keys they begin come in bytewise order."""
    with os.scandir(folder) as entries:
        return sorted(
            f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
            for entry in entries
            if is_segment(entry.name) and (entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False))
        )


def _overlap(path: str, prefix: str) -> bool:
    return path.startswith(prefix) or prefix.startswith(path)
