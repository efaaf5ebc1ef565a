"""A store in a folder of this machine.

An object is a file whose path under the root is its key. It is written under a temporary name in `.incoming/`, synced,
read back and compared, and only then given its key by a hard link, which fails if the key is taken. The folder is
synced before the call returns. So a key holds all of an object or nothing, whenever the writer is killed.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote

from sijill.storage.drafts import Draft, drafted, measure_file, remove_leftovers
from sijill.storage.errors import (
    AlreadyExists,
    BadStoreUrl,
    CapabilityMissing,
    NotAnObject,
    NotFound,
    ObjectTooLarge,
    StoreUnavailable,
)
from sijill.storage.failures import failures
from sijill.storage.fingerprint import Fingerprint, Measure, measure, same
from sijill.storage.folders import Folders
from sijill.storage.layout import check_immutable, check_key, check_mutable, check_prefix, is_mutable
from sijill.storage.source import pieces_of
from sijill.storage.store import PIECE, ObjectInfo, ObjectVersion, Source, Stored, check_erasable_key

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_NO_LOCK = "a folder has neither Object Lock nor legal hold: its owner may remove any file"
_INCOMING = (".incoming",)  # no key: a segment never begins with a dot
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FILE_URL = re.compile(r"file://((?:/(?:[^/?#%\x00-\x20\x7f\ud800-\udfff]|%[0-9A-Fa-f]{2})+)+)")


class LocalStore:
    """The store of one folder. Safe for any number of threads, processes and, on NFS, machines at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders = Folders(root)

    @classmethod
    def at(cls, root: Path, *, create: bool) -> Self:
        """The store in the folder `root`, an absolute path; with `create` the folder is made if it is not there.

        Raises:
            StoreUnavailable: there is no such folder; with `create`, its parent is not there either.
            StoreDenied: it may not be opened or made.
        """
        store = cls(root)
        with failures(str(root)):
            if create and not root.exists():
                store._make_root()
            with store._folders.existing(()):
                return store

    @property
    def url(self) -> str:
        """The `file:///` URL of the folder."""
        return self._root.as_uri()

    def put(self, key: str, source: Source | Path, *, expected: Fingerprint) -> Stored:
        """See `Store.put`. Immutable objects get mode 0444 less the umask."""
        check_key(key)
        with closing(pieces_of(source)) as pieces:
            return self._put(key, pieces, expected)

    def create(self, key: str, data: bytes) -> bool:
        """See `Store.create`."""
        check_key(key)
        try:
            self._put(key, (data,), measure((data,)))
        except AlreadyExists:
            return False
        return True

    def replace(self, key: str, data: bytes, *, durable: bool = True) -> None:
        """See `Store.replace`."""
        check_mutable(key)
        *folders, name = key.split("/")
        with self._drafted(key) as draft:
            if durable:
                draft.fill((data,), measure((data,)))
            else:
                draft.fill_unsynced(data)
            with failures(key), self._folders.made(folders) as folder:
                draft.rename(folder, name, durable=durable)

    def read(self, key: str, *, limit: int) -> bytes:
        """See `Store.read`."""
        with self.open(key) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise ObjectTooLarge(key, limit)
        return data

    def open(self, key: str) -> io.BufferedReader:
        """See `Store.open`."""
        return io.BufferedReader(ObjectFile(key, self._opened(key)), PIECE)

    def stat(self, key: str) -> ObjectInfo | None:
        """See `Store.stat`. Modified is when the bytes were written, as this machine's clock had it."""
        try:
            file = self._opened(key)
        except NotFound:
            return None
        try:
            with failures(key):
                found = os.fstat(file)
        finally:
            os.close(file)
        return ObjectInfo(found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def list(self, prefix: str, *, after: str | None = None) -> Iterator[str]:
        """See `Store.list`. One folder's names are in memory at a time, for each level of folders."""
        check_prefix(prefix)
        return self._folders.keys(prefix, after or "")

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        check_mutable(key)
        *folders, name = key.split("/")
        with failures(key):
            try:
                with self._folders.existing(folders) as folder:
                    os.unlink(name, dir_fd=folder)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """See `Store.versions`. A folder keeps none but the one there is."""
        check_prefix(prefix)
        return self._versions(prefix)

    @property
    def can_hold(self) -> bool:
        """See `Store.can_hold`. A folder cannot."""
        return False

    def hold(self, key: str) -> None:
        """See `Store.hold`. A folder has no legal hold: its owner may remove any file."""
        check_immutable(key)
        raise CapabilityMissing(key, _NO_LOCK)

    def release(self, key: str) -> None:
        """See `Store.release`."""
        check_immutable(key)
        raise CapabilityMissing(key, _NO_LOCK)

    def check_erasable(self, key: str) -> None:
        """See `Store.check_erasable`."""
        check_erasable_key(key)
        self.stat(key)

    def erase(self, key: str) -> bool:
        """See `Store.erase`. The bytes are unlinked; that the medium overwrites them is not promised."""
        self.check_erasable(key)
        # A writer that was killed may have left a second name of the same file behind.
        self.recover()
        *folders, name = key.split("/")
        with failures(key):
            try:
                with self._folders.existing(folders) as folder:
                    return _unlinked(folder, name)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return False

    def recover(self) -> int:
        """See `Store.recover`."""
        with failures(str(self._root)):
            try:
                with self._folders.existing(_INCOMING) as folder:
                    return remove_leftovers(folder)
            except FileNotFoundError:
                return 0

    def _versions(self, prefix: str) -> Iterator[ObjectVersion]:
        for key in self._folders.keys(prefix, ""):
            info = self.stat(key)
            if info is not None:
                yield ObjectVersion(key, None, info.size, info.modified)

    def _put(self, key: str, pieces: Iterable[bytes], expected: Fingerprint) -> Stored:
        # A glance, which may be deceived: the link that gives the key decides.
        found = self._measured(key) if os.path.lexists(self._root / key) else None
        if found is None:
            with self._drafted(key) as draft:
                draft.fill(pieces, expected)
                while found is None:
                    if self._linked(draft, key):
                        return Stored(key, created=True)
                    # None again if a mutable object was deleted meanwhile.
                    found = self._measured(key)
        if not same(found, expected):
            raise AlreadyExists(key, expected, found)
        self._settle(key)
        return Stored(key, created=False)

    def _linked(self, draft: Draft, key: str) -> bool:
        *folders, name = key.split("/")
        with failures(key), self._folders.made(folders) as folder:
            return draft.link(folder, name)

    def _settle(self, key: str) -> None:
        """Make an object durable that another writer stored: it may have been killed before it came to that."""
        with failures(key), self._folders.made(key.split("/")[:-1]) as folder:
            os.fsync(folder)

    @contextmanager
    def _drafted(self, key: str) -> Iterator[Draft]:
        with ExitStack() as stack:
            # Only entering: what the body raises may come from the caller's source.
            with failures(key):
                folder = stack.enter_context(self._folders.made(_INCOMING))
            yield stack.enter_context(drafted(key, folder, mode=0o644 if is_mutable(key) else 0o444))

    def _measured(self, key: str) -> Measure | None:
        try:
            file = self._opened(key)
        except NotFound:
            return None
        try:
            with failures(key):
                return measure_file(file)
        finally:
            os.close(file)

    def _opened(self, key: str) -> int:
        check_key(key)
        *folders, name = key.split("/")
        with failures(key):
            try:
                with self._folders.existing(folders) as folder:
                    file = os.open(name, _READ, dir_fd=folder)
            except (FileNotFoundError, NotADirectoryError) as err:
                raise NotFound(key) from err
            except OSError as err:
                if err.errno == errno.ELOOP:
                    raise NotAnObject(key, "a symbolic link") from err
                raise
        mode = os.fstat(file).st_mode
        if stat.S_ISREG(mode):
            return file
        os.close(file)
        if stat.S_ISDIR(mode):
            raise NotFound(key)
        raise NotAnObject(key, f"a file of type {stat.filemode(mode)[0]!r}")

    def _make_root(self) -> None:
        try:
            self._root.mkdir(exist_ok=True)
        except FileNotFoundError as err:
            raise StoreUnavailable(str(self._root), "its parent folder does not exist") from err
        parent = os.open(self._root.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)


def _unlinked(folder: int, name: str) -> bool:
    """Remove a file durably; returns whether it was there."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        there = False
    else:
        there = True
    # Whoever removed it before may have been killed before syncing.
    os.fsync(folder)
    return there


class ObjectFile(io.FileIO):
    """An object's file, whose read errors are those of this layer."""

    def __init__(self, key: str, file: int) -> None:
        super().__init__(file, "rb")
        self._key = key

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into `buffer` and return how many bytes; 0 at the end.

        Raises:
            StoreUnavailable: the medium does not give the bytes.
        """
        with failures(self._key):
            return super().readinto(buffer)

    def readall(self) -> bytes:
        """The rest of the file.

        Raises:
            StoreUnavailable: the medium does not give the bytes.
        """
        with failures(self._key):
            return super().readall()


def parse_file_url(url: str) -> Path:
    """The absolute path of a `file:///` URL; characters that a URL cannot hold are written as %XX of their UTF-8.

    Raises:
        BadStoreUrl: it has a host, query, fragment, empty segment, slash at its end, `.`, `..` or bad escapes.
    """
    match = _FILE_URL.fullmatch(url)
    if match is None:
        raise BadStoreUrl(url, "not file:///absolute/path without host, query, fragment, // or / at its end")
    try:
        segments = [unquote(segment, errors="strict") for segment in match[1].split("/")[1:]]
    except UnicodeDecodeError as err:
        raise BadStoreUrl(url, "its %XX escapes are not UTF-8") from err
    for segment in segments:
        if segment in {".", ".."} or "/" in segment or "\0" in segment:
            raise BadStoreUrl(url, f"{segment!r} cannot be the name of a folder")
    return Path("/", *segments)
