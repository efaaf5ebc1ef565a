"""What ties the log to the world outside: timestamps of authorities and cosignatures of witnesses."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from sijill.flows.partners.posting import Asked
from sijill.flows.partners.timestamping import retry_pending, timestamp_checkpoint
from sijill.flows.partners.witnesses import cosign_checkpoint, cosigned, publish
from sijill.flows.wiring import Archive
from sijill.provenance.errors import NoSuchCheckpoint
from sijill.provenance.log.checkpoint import SignedCheckpoint
from sijill.provenance.log.layout import checkpoint_key
from sijill.provenance.log.note import NoteVerifier, parse_note
from sijill.provenance.package_layout import MAX_TOKEN

_CHECKPOINTS = "log/checkpoints/"
_RESPONSE = ".tsr"


@dataclass(slots=True)
class Anchoring:
    """Asks partners about each checkpoint as it is sealed, and remembers what came of the last one."""

    archive: Archive
    size: int = 0
    asked: tuple[Asked, ...] = ()

    def checkpoint(self, size: int, note: bytes) -> None:
        """Ask every authority and witness of the settings about the checkpoint `note`; none of them can stop a sealing.

        Raises:
            StorageError: the store did not take an answer.
        """
        self.asked = (
            *cosign_checkpoint(self.archive, size, note),
            *timestamp_checkpoint(self.archive, size, note),
        )
        self.size = size
        publish(self.archive, size)

    def finish(self) -> None:
        """Ask again what was not answered earlier, and about the newest checkpoint if no sealing has done so.

        Raises:
            StorageError: the store failed.
        """
        settings = self.archive.settings
        if not settings.timestamps and not settings.witnesses:
            return
        newest = self.archive.log_reader.checkpoint()
        if newest is not None and newest.checkpoint.size != self.size:
            self.checkpoint(newest.checkpoint.size, newest.data)
        # Whoever has just failed to answer is not waited for a second time.
        retry_pending(self.archive, spare=[asked.name for asked in self.asked if not asked.held])


@dataclass(frozen=True, slots=True)
class Quotable:
    """What an attestation quotes to show that it was not made earlier."""

    note: str | None = None
    """The newest checkpoint with all that is known of its cosignatures; None if nothing was sealed yet."""
    timestamps: Mapping[str, str] = field(default_factory=dict)
    """By name, the SHA-256 of each timestamp over it."""


def quotable(archive: Archive) -> Quotable:
    """The newest checkpoint and what outside parties have made of it so far.

    Raises:
        LogDamaged: the stored log is not what its own key says.
        StorageError: the store could not be read.
    """
    newest: SignedCheckpoint | None = archive.log_reader.checkpoint()
    if newest is None:
        return Quotable()
    settings, size = archive.settings, newest.checkpoint.size
    if not settings.timestamps and not settings.witnesses:
        return Quotable(newest.data.decode("utf-8"))
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in tokens_over(archive, size).items()}
    return Quotable(cosigned(archive, size).decode("utf-8"), digests)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint with what outside parties have made of it."""

    size: int
    note: bytes
    """The checkpoint with the cosignatures that are known."""
    timestamps: Mapping[str, bytes]
    """By their names."""
    witnesses: tuple[str, ...]
    """The names of those who cosigned."""
    missing: tuple[str, ...]
    """Authorities and witnesses of the settings that did not answer for it."""


def choose_anchor(archive: Archive, index: int) -> Anchor:
    """The first checkpoint with entry `index` that all of the settings vouch for, else the first that most vouch for.

    Raises:
        NoSuchCheckpoint: no checkpoint includes the entry.
        StorageError: the store could not be read.
    """
    named = {authority.name for authority in archive.settings.timestamps}
    named |= {_key_id(witness.vkey) for witness in archive.settings.witnesses}
    held: dict[int, set[str]] = {}
    for key in archive.store.list(_CHECKPOINTS):
        number, _, rest = key.removeprefix(_CHECKPOINTS).partition(".")
        if number.isdecimal() and int(number) > index:
            found = held.setdefault(int(number), set())
            if rest:
                found.add(rest.rpartition(".")[0])
    if not held:
        raise NoSuchCheckpoint(index + 1)
    size = min(held, key=lambda size: (-len(held[size] & named), size))
    note = cosigned(archive, size)
    signatures = parse_note(note).signatures[1:]
    missing = [authority.name for authority in archive.settings.timestamps if authority.name not in held[size]]
    missing += [
        witness.vkey.partition("+")[0]
        for witness in archive.settings.witnesses
        if _key_id(witness.vkey) not in held[size]
    ]
    return Anchor(size, note, tokens_over(archive, size), tuple(one.name for one in signatures), tuple(missing))


def tokens_over(archive: Archive, size: int) -> dict[str, bytes]:
    """All timestamps over the checkpoint of a size, by their names.

    Raises:
        StorageError: the store could not be read.
    """
    return _tokens(archive, f"{checkpoint_key(size)}.")


def tokens_over_attestation(archive: Archive, attestation_key: str) -> dict[str, bytes]:
    """All timestamps over the attestation that is stored under a key, by their names.

    Raises:
        StorageError: the store could not be read.
    """
    return _tokens(archive, f"{attestation_key.rpartition('/')[0]}/attestation.")


def _key_id(vkey: str) -> str:
    return NoteVerifier.from_vkey(vkey).key_id.hex()


def _tokens(archive: Archive, prefix: str) -> dict[str, bytes]:
    return {
        key.removeprefix(prefix).removesuffix(_RESPONSE): archive.store.read(key, limit=MAX_TOKEN)
        for key in archive.store.list(prefix)
        if key.endswith(_RESPONSE)
    }
