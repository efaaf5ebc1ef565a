"""The captures that are being replayed: each is read once and remembered for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from sijill.viewer.errors import Busy, Removed
from sijill.viewer.replay.records import CaptureSource, Holdings, read_holdings

_MOST: Final = 16
_PATIENCE: Final = 60.0
"""Seconds that a request waits for another one that reads the same capture."""
_BELIEVED: Final = 30.0
"""Seconds after which it is looked up again whether the capture is still there."""


@dataclass(slots=True)
class _Slot:
    lock: Lock = field(default_factory=Lock)
    holdings: Holdings | None = None
    looked_up: float = 0.0


class Captures:
    """Holdings by capture id. Any number of threads may ask."""

    def __init__(self, source: CaptureSource, monotonic: Callable[[], float]) -> None:
        """Read from `source`; `monotonic` gives seconds."""
        self.source = source
        self._monotonic = monotonic
        self._lock = Lock()
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    def holdings(self, capture_id: str) -> Holdings:
        """What a capture can answer.

        Raises:
            Busy: another request has been reading it for a minute.
            NotHere, Removed, Refused, Unavailable: as `read_holdings`.
        """
        slot = self._slot(capture_id)
        if not slot.lock.acquire(timeout=_PATIENCE):
            raise Busy(f"{capture_id} is still being read")
        try:
            now = self._monotonic()
            if slot.holdings is not None and now - slot.looked_up > _BELIEVED:
                if self.source.envelope(capture_id).statement.subject != slot.holdings.statement.subject:
                    slot.holdings = None
                slot.looked_up = now
            if slot.holdings is None:
                slot.holdings = read_holdings(self.source, capture_id)
                slot.looked_up = now
        except Removed:
            slot.holdings = None
            raise
        else:
            return slot.holdings
        finally:
            slot.lock.release()

    def _slot(self, capture_id: str) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(capture_id, _Slot())
            self._slots.move_to_end(capture_id)
            while len(self._slots) > _MOST:
                self._slots.popitem(last=False)
            return slot
