"""From what the operating system raises to this layer's errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sijill.storage.errors import StoreDenied, StoreFailure, StoreFull, StoreUnavailable

# EFBIG: a file system's or process's limit on the size of one file.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextmanager
def failures(where: str) -> Iterator[None]:
    """Raise an `OSError` of the body as `StoreFull`, `StoreDenied` or `StoreUnavailable` at `where`."""
    try:
        yield
    except OSError as err:
        raise failure(where, err) from err


def failure(where: str, err: OSError) -> StoreFailure:
    """The error of this layer that says what `err` says."""
    reason = err.strerror or str(err)
    if err.errno in _FULL:
        return StoreFull(where, reason)
    if err.errno in _DENIED:
        return StoreDenied(where, reason)
    return StoreUnavailable(where, reason)
