"""What can go wrong in `provenance`. Errors carry facts; the command line makes sentences of them."""

from __future__ import annotations

from pathlib import Path


class ProvenanceError(Exception):
    """Anything this layer raises on purpose."""


class Malformed(ProvenanceError):
    """Bytes or text are not written the one way they may be written."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedJson(Malformed):
    """Bytes are not JSON, or not the one canonical form of it (RFC 8785)."""


class NotCanonicalisable(ProvenanceError):
    """A value has no canonical JSON form here: a float, a lone surrogate, an integer beyond 2^53 - 1."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class MalformedKey(Malformed):
    """A public or private key is not an Ed25519 key in the form asked for."""


class KeyFileExists(ProvenanceError):
    """A key file is never overwritten."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists; key files are never overwritten")
        self.path = path


class KeyFileUnusable(ProvenanceError):
    """A key file could not be read or written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class UnsafeKeyFile(ProvenanceError):
    """Others than its owner can use a private key file. `mode` holds its permission bits."""

    def __init__(self, path: Path, mode: int) -> None:
        super().__init__(f"{path} has mode {mode:04o}; a private key must be its owner's alone (chmod 600)")
        self.path = path
        self.mode = mode


class MalformedEnvelope(Malformed):
    """Bytes are not a DSSE envelope as sijill writes it."""


class MalformedStatement(ProvenanceError):
    """A payload is not a capture statement. `path` names the member, e.g. `predicate.exchanges.0.started`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path or 'statement'}: {reason}")
        self.path = path
        self.reason = reason


class MalformedTimestamp(Malformed):
    """Text is not a time in the one form that attestations use, or a time does not say its offset from UTC."""


class MalformedCaptureId(Malformed):
    """Text is not a capture id."""


class MalformedNote(Malformed):
    """Bytes are not a signed note, or text is not a note key (c2sp.org/signed-note)."""


class MalformedCheckpoint(Malformed):
    """A note's text is not a checkpoint (c2sp.org/tlog-checkpoint)."""


class MalformedProof(Malformed):
    """Bytes are not a `c2sp.org/tlog-proof@v1`."""


class MalformedTile(Malformed):
    """Bytes are not a tile or entry bundle of the width asked for (c2sp.org/tlog-tiles)."""


class MalformedEntry(Malformed):
    """Bytes are not a log entry."""


class MalformedBatch(Malformed):
    """Bytes are not the record of a batch."""


class MalformedRequest(Malformed):
    """Bytes are not an `add-checkpoint` request (c2sp.org/tlog-witness)."""


class InvalidProof(ProvenanceError):
    """A Merkle proof does not show what it should. It says nothing about which side is wrong."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnverifiedNote(ProvenanceError):
    """A note bears no valid signature of the key asked for."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class NoSuchCheckpoint(ProvenanceError):
    """The log never had a checkpoint of this size."""

    def __init__(self, size: int) -> None:
        super().__init__(f"no checkpoint of size {size}")
        self.size = size


class WrongLogKey(ProvenanceError):
    """The log was begun with another key or origin than the one at hand; both are given as vkeys."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"the log belongs to {found}, not to {expected}")
        self.expected = expected
        self.found = found


class UnfinishedBatch(WrongLogKey):
    """A batch that another key of the same log began has no checkpoint yet, and only that key can sign it."""

    def __init__(self, batch: str, expected: str, found: str) -> None:
        super().__init__(expected, found)
        self.batch = batch

    def __str__(self) -> str:
        return f"{self.batch} was begun with the log key {self.found} and is unfinished: seal once with that key"


class LogDamaged(ProvenanceError):
    """A stored object of the log is missing, or is not what the rest of the log says it must be."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


class ConflictingEntry(ProvenanceError):
    """Another entry with the same id is queued or in the log already."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"another entry of {entry_id} is queued or logged already")
        self.entry_id = entry_id


class MalformedTimestampResponse(Malformed):
    """Bytes are not a granted response of a timestamping authority (RFC 3161 §2.4.2)."""


class MalformedCertificate(Malformed):
    """Bytes are not X.509 certificates in PEM."""


class UnverifiedTimestamp(ProvenanceError):
    """A timestamp does not show that the bytes at hand existed at its time, as far as the given roots go."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnreadableObject(ProvenanceError):
    """What stands at a key of a store cannot be taken in as an object: it is too large, or none."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}"


class JournalUnusable(ProvenanceError):
    """The journal of an audit cannot be read, written, or belongs to another audit."""

    def __init__(self, path: Path | None, reason: str) -> None:
        super().__init__(f"{path or 'the journal in memory'}: {reason}")
        self.path = path
        self.reason = reason


class RangeRefused(ProvenanceError):
    """A range of a log cannot be examined here, or what was found there is not about it; the audit must not go on."""

    def __init__(self, start: int, end: int, reason: str) -> None:
        # Crosses process borders, and is made again from these.
        super().__init__(start, end, reason)
        self.start = start
        self.end = end
        self.reason = reason

    def __str__(self) -> str:
        return f"entries {self.start} to {self.end} of the log: {self.reason}"
