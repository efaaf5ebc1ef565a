"""What the log holds of an attestation: its id and digest, and nothing that says what was captured."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sijill.provenance.attest.canonical import canonical, parse_canonical
from sijill.provenance.attest.timestamps import capture_id_time
from sijill.provenance.errors import MalformedCaptureId, MalformedEntry, MalformedJson

ENTRY_TYPE = "https://sijill.org/log-entry/v1"
MAX_ENTRY = 65_535
"""c2sp.org/tlog-tiles: an entry bundle writes an entry's length in 16 bits."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MEMBERS = frozenset({"type", "kind", "id", "envelopeSha256"})


class Kind(StrEnum):
    """What an attestation is about."""

    CAPTURE = "capture"
    PROBE = "probe"
    """What a store was seen to do and not to do."""
    FIXITY = "fixity"
    """What an audit found when it read the archive back."""
    KEY = "key"
    """That a signing key was taken into use or revoked."""
    CUSTODY = "custody"
    """That a capture was exported, handed over, held or released."""
    RUN = "run"
    """What a crawl planned, and what became of each page."""
    TOMBSTONE = "tombstone"
    """That the payload of a capture was removed, why, and on whose authority."""


@dataclass(frozen=True, slots=True, order=True)
class LogEntry:
    """One leaf of the log.

    Attributes:
        id: the capture id, or an id of the same form for other kinds.
        envelope_sha256: lowercase hexadecimal SHA-256 of the envelope file exactly as stored.
        kind: what the attestation is about.
    """

    id: str
    envelope_sha256: str
    kind: Kind = Kind.CAPTURE

    def __post_init__(self) -> None:
        try:
            capture_id_time(self.id)
        except MalformedCaptureId as err:
            raise MalformedEntry(f"id: {err.reason}") from err
        if not _SHA256.fullmatch(self.envelope_sha256):
            raise MalformedEntry("envelopeSha256: not 64 lowercase hexadecimal digits")

    @property
    def json(self) -> dict[str, str]:
        """The entry as a JSON object."""
        return {
            "type": ENTRY_TYPE,
            "kind": self.kind.value,
            "id": self.id,
            "envelopeSha256": self.envelope_sha256,
        }

    @property
    def data(self) -> bytes:
        """The leaf data: RFC 8785 bytes."""
        return canonical(self.json)

    @classmethod
    def from_json(cls, value: Any) -> LogEntry:
        """The entry that a JSON object is.

        Raises:
            MalformedEntry: it is not one; unknown members and kinds are refused.
        """
        if not isinstance(value, dict) or set(value) != _MEMBERS:
            raise MalformedEntry(f"not an object of {', '.join(sorted(_MEMBERS))}")
        if not all(isinstance(member, str) for member in value.values()):
            raise MalformedEntry("a member is not a string")
        if value["type"] != ENTRY_TYPE:
            raise MalformedEntry(f"type {value['type'][:80]!r}")
        try:
            kind = Kind(value["kind"])
        except ValueError as err:
            raise MalformedEntry(f"kind {value['kind'][:80]!r}") from err
        return cls(value["id"], value["envelopeSha256"], kind)


def parse_entry(data: bytes) -> LogEntry:
    """Parse leaf data.

    Raises:
        MalformedEntry: `data` is not exactly what `LogEntry.data` writes.
    """
    try:
        return LogEntry.from_json(parse_canonical(data, limit=MAX_ENTRY))
    except MalformedJson as err:
        raise MalformedEntry(err.reason) from err
