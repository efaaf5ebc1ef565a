"""What outside parties say of a capture: timestamps of its attestation and of checkpoints with it, cosignatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from sijill.flows.custody.events import Event, Step, Voucher
from sijill.flows.wiring import Archive
from sijill.provenance.errors import (
    MalformedNote,
    MalformedTimestampResponse,
    UnverifiedNote,
    UnverifiedTimestamp,
)
from sijill.provenance.log.checkpoint import SignedCheckpoint
from sijill.provenance.log.cosignature import parse_line, verify_cosignature
from sijill.provenance.log.layout import attestation_folder, checkpoint_key
from sijill.provenance.log.note import Note
from sijill.provenance.timestamp import parse_response
from sijill.provenance.verify.vouchers import stamped

_CHECKPOINTS = checkpoint_key(0).removesuffix("0")
_TOKEN, _COSIGNATURE = ".tsr", ".cosignature"
_LARGEST = 1 << 20


def checkpoints_with(archive: Archive, index: int) -> Mapping[int, tuple[str, ...]]:
    """The sizes of all checkpoints with entry `index`, each with the keys of what outside parties said of it."""
    found: dict[int, list[str]] = {}
    for key in archive.store.list(_CHECKPOINTS):
        number, _, rest = key.removeprefix(_CHECKPOINTS).partition(".")
        if number.isdecimal() and int(number) > index:
            found.setdefault(int(number), []).extend([key] if rest else [])
    return {size: tuple(keys) for size, keys in found.items()}


def outside_events(archive: Archive, capture_id: str, index: int | None, envelope: bytes | None) -> Iterator[Event]:
    """Everything that outside parties said of the attestation, and of the first checkpoint with it that any spoke of.

    Args:
        archive: whose trust root says which parties count; what others say is given with a doubt.
        capture_id: of the capture.
        index: its place in the log, if it has one.
        envelope: its attestation, if it is still there.
    """
    folder = attestation_folder(capture_id)
    for key in archive.store.list(f"{folder}attestation."):
        if key.endswith(_TOKEN):
            name = key.removeprefix(f"{folder}attestation.").removesuffix(_TOKEN)
            yield _timestamp(archive, key, name, "the attestation", envelope)
    if index is None:
        return
    spoken_of = {size: keys for size, keys in checkpoints_with(archive, index).items() if keys}
    if not spoken_of:
        return
    size = min(spoken_of)
    signed = archive.log_reader.checkpoint_at(size)
    about = f"the checkpoint of {size}"
    for key in spoken_of[size]:
        name = key.removeprefix(f"{checkpoint_key(size)}.")
        if key.endswith(_TOKEN):
            yield _timestamp(archive, key, name.removesuffix(_TOKEN), about, signed.data)
        elif key.endswith(_COSIGNATURE):
            yield _cosignature(archive, key, about, signed)


def _timestamp(archive: Archive, key: str, name: str, about: str, message: bytes | None) -> Event:
    def event(at: datetime | None, by: str, doubt: str | None) -> Event:
        return Event(Step.TIMESTAMPED, at, f"{about} existed then", Voucher.OUTSIDE, by, key, doubt)

    data = archive.store.read(key, limit=_LARGEST)
    try:
        claimed = parse_response(data).time
    except MalformedTimestampResponse as err:
        return event(None, name, f"not a timestamp: {err.reason}")
    if message is None:
        return event(claimed, name, "cannot be verified: what it is over was removed")
    try:
        found = stamped(archive.trust, data, message)
    except (MalformedTimestampResponse, UnverifiedTimestamp) as err:
        return event(claimed, name, err.reason)
    return event(found.latest, f"{name} ({found.party} of the trust root)", None)


def _cosignature(archive: Archive, key: str, about: str, signed: SignedCheckpoint) -> Event:
    def event(at: datetime | None, by: str, doubt: str | None) -> Event:
        detail = f"{about} only adds to all that the witness had seen before"
        return Event(Step.COSIGNED, at, detail, Voucher.OUTSIDE, by, key, doubt)

    try:
        line = parse_line(archive.store.read(key, limit=_LARGEST))
    except MalformedNote as err:
        return event(None, "unknown", f"not a cosignature: {err.reason}")
    by = f"witness {line.name}+{line.key_id.hex()}"
    note = Note(signed.note.text, (line,))
    for witness in archive.trust.witnesses:
        if witness.signature_in(note) is not None:
            try:
                return event(datetime.fromtimestamp(verify_cosignature(note, witness), UTC), by, None)
            except (UnverifiedNote, OverflowError, ValueError) as err:
                return event(None, by, str(err))
    return event(None, by, "the trust root names no such witness")
