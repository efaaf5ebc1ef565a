"""What takes long to work out from the whole catalog: kept until the catalog has moved, and then renewed apart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Generic, TypeVar

from sijill.archive.catalog.catalog import Catalog
from sijill.archive.catalog.figures import mark_of

T = TypeVar("T")

_SECONDS: Final = 60.0
"""After which a value is renewed in any case: not every change of the catalog can be told at a glance."""
_TIMES: Final = 20
"""Or so many times as long as it took, if that is longer: pages are slower while a value is worked out beside them."""


class Kept(Generic[T]):
    """A value that is as new as the catalog, or older by the time that working it out takes."""

    def __init__(self, opened: Callable[[], AbstractContextManager[Catalog]], work: Callable[[Catalog], T]) -> None:
        """`opened` opens the catalog, `work` works the value out from it."""
        self._opened = opened
        self._work = work
        self._guard = threading.Lock()
        self._renewing = threading.Lock()
        self._kept: tuple[tuple[int, ...], float, T] | None = None
        self._renewed_after = _SECONDS

    def get(self, catalog: Catalog) -> T:
        """The value; only the very first time is waited for."""
        with self._guard:
            kept = self._kept
        if kept is None:
            with self._renewing:
                return self._kept[2] if self._kept is not None else self._renew(catalog)
        mark, since, value = kept
        stale = mark != mark_of(catalog) or time.monotonic() - since > self._renewed_after
        if stale and self._renewing.acquire(blocking=False):
            threading.Thread(target=self._renew_apart, name="figures", daemon=True).start()
        return value

    def _renew_apart(self) -> None:
        try:
            with self._opened() as catalog:
                self._renew(catalog)
        finally:
            self._renewing.release()

    def _renew(self, catalog: Catalog) -> T:
        mark, since = mark_of(catalog), time.monotonic()
        value = self._work(catalog)
        self._renewed_after = max(_SECONDS, _TIMES * (time.monotonic() - since))
        with self._guard:
            self._kept = mark, since, value
        return value
