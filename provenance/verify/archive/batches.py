"""The record of a batch, compared with the entries of the log while they go by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sijill.provenance.attest.canonical import canonical
from sijill.provenance.errors import UnreadableObject
from sijill.provenance.log.batch import BATCH_TYPE
from sijill.provenance.log.layout import batch_key
from sijill.provenance.verify.trust import TrustRoot

_HEAD: Final = b'{"entries":['
_TAIL: Final = b'],"key":%b,"start":%d,"type":%b}'


class BatchRecord:
    """A record that should hold exactly the entries between two checkpoints.

    The canonical form of an entry in it is the entry itself, so bytes are compared and nothing is parsed.
    """

    def __init__(self, start: int, data: bytes | UnreadableObject | None, trust: TrustRoot) -> None:
        self.start = start
        self._keys = [canonical(key.vkey) for key in trust.log_keys]
        self._data = data if isinstance(data, bytes) else b""
        self._at = len(_HEAD)
        self._taken = 0
        self._fault: str | None = None
        if data is None:
            self._fault = "is missing"
        elif isinstance(data, UnreadableObject):
            self._fault = data.reason
        elif not data.startswith(_HEAD):
            self._fault = "is no record of a batch in canonical form"

    @property
    def key(self) -> str:
        """Where the record is kept."""
        return batch_key(self.start)

    def take(self, entries: Sequence[bytes]) -> None:
        """Compare the next entries of the log."""
        if self._fault is not None or not entries:
            return
        expected = (b"," if self._taken else b"") + b",".join(entries)
        if self._data[self._at : self._at + len(expected)] != expected:
            self._fault = f"does not hold the entries of the log from {self.start + self._taken} on"
            return
        self._at += len(expected)
        self._taken += len(entries)

    def fault(self) -> str | None:
        """What is wrong with the record, after the last entry of the batch; None if nothing is."""
        if self._fault is not None:
            return self._fault
        tails = [_TAIL % (key, self.start, canonical(BATCH_TYPE)) for key in self._keys]
        if self._data[self._at :] not in tails:
            return "holds more entries than the log has, or names no log key of the trust root"
        return None
