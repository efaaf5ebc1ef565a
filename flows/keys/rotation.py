"""Taking a new signing key into use, and revoking one: logged as events, written into the trust root.

A rotation can be killed at any moment; running it again completes it. Its steps are in this order, and each can be told
from what it leaves behind:

1. everything queued is sealed, then the new key is on disk as `<key file>.new`;
2. the event is in the store, signed by the old and the new key; there is one for each new key;
3. the event is sealed, for a log key by the old one;
4. `trust.json` names both keys, and if it names anyone who can show times, until when the old one may have signed;
5. the old key is kept as `retired/<keyid>.pem` beside the key file;
6. the new key takes the place of the key file, in one step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sijill.flows import evidence
from sijill.flows.custody.texts import said, said_or_none
from sijill.flows.errors import KeyRefused
from sijill.flows.keys import events as key_events
from sijill.flows.keys.files import KeyFiles, move_durably, write_key
from sijill.flows.keys.trust import changing, trust_path, write_trust
from sijill.flows.wiring import Archive
from sijill.provenance.attest.key_event import Event, NamedKey, Purpose
from sijill.provenance.attest.keys import SigningKey, read_signing_key
from sijill.provenance.attest.timestamps import format_timestamp
from sijill.provenance.log.note import NoteSigner, NoteVerifier
from sijill.provenance.verify.trust import Revocation, TrustRoot, Validity

GRACE = timedelta(days=7)
"""For how long after a rotation what the old key signed may still come to be timestamped. What a slow worker queued, or
what an authority did not answer for at once, is shown to exist only later than it was signed."""
CLOCKS_DIFFER = timedelta(hours=1)
"""By how much this machine's clock may be ahead of those of witnesses and authorities."""
_SHORTEST_PREFIX = 4


@dataclass(frozen=True, slots=True)
class ArchiveKey:
    """A key that the archive has or had."""

    key: NamedKey
    in_use: bool
    validity: Validity
    revocation: Revocation | None


@dataclass(frozen=True, slots=True)
class Rotated:
    """A rotation that is complete."""

    event_id: str
    old: NamedKey
    new: NamedKey
    at: datetime
    old_until: datetime | None
    """Until when what the old key signed must be shown to exist; None if the trust root names nobody who could."""
    key_file: Path
    retired_file: Path
    trust: Path


@dataclass(frozen=True, slots=True)
class Revoked:
    """A revocation that is recorded, logged and in the trust root."""

    event_id: str
    key: NamedKey
    at: datetime
    reason: str
    trust: Path
    rotated: Rotated | None
    """The rotation that came before it, if the key was in use."""


def keys(archive: Archive) -> tuple[ArchiveKey, ...]:
    """All keys that the archive's trust root names, in its order: attestation keys, then keys of this log."""
    used = _in_use(archive)
    named = [NamedKey.attestation(key) for key in archive.attestation_keys]
    named += [NamedKey.log(key) for key in archive.log_keys]
    trust = archive.trust
    return tuple(
        ArchiveKey(key, key in used.values(), trust.validity_of(key.name), trust.revocation_of(key.name))
        for key in named
    )


def unfinished(archive: Archive) -> tuple[Purpose, ...]:
    """The purposes whose key is being rotated, or was when a rotation was killed."""
    return tuple(purpose for purpose in Purpose if KeyFiles.of(archive, purpose).new.exists())


def rotate(
    reopen: Callable[[], Archive],
    purpose: Purpose,
    *,
    reason: str | None = None,
    grace: timedelta = GRACE,
    seal: Callable[[Archive], object] = evidence.seal,
) -> Rotated:
    """Take a new key of `purpose` into use, or complete what an earlier call began.

    Args:
        reopen: opens the archive with what settings, key files and trust root say then.
        purpose: which of its two keys.
        reason: why; stands in the event.
        grace: until how long after the event the old key's signatures still count, by the time at which outsiders
            show that they exist; without any, the event and its checkpoint would be too late themselves. A key that
            others may have is to be revoked as well.
        seal: seals everything that is queued.

    Raises:
        KeyRefused: the settings do not name a file that can be replaced; nothing was changed.
        UnusableText: the reason is empty or too long.
        ProvenanceError: a key file cannot be used, or the stored log is damaged.
        StorageError: the store failed; calling it again goes on from there.
    """
    reason = said_or_none("reason", reason)
    with changing(reopen().folder):
        return _rotate(reopen(), purpose, reason=reason, grace=grace, seal=seal)


def revoke(
    reopen: Callable[[], Archive],
    named: str,
    *,
    reason: str,
    at: datetime | None = None,
    rotate_first: bool = False,
    grace: timedelta = GRACE,
    seal: Callable[[Archive], object] = evidence.seal,
) -> Revoked:
    """Revoke a key: from `at` on (now if None) what it signed counts for nothing, unless it is shown to be older.

    A revocation may be moved to an earlier time by revoking again, never to a later one.

    Args:
        reopen: opens the archive with what settings, key files and trust root say then.
        named: a keyid, the beginning of one, or a vkey.
        reason: why.
        at: from when on the key was not its owner's alone; not in the future.
        rotate_first: if the key is in use, rotate it first.
        grace: as for `rotate`.
        seal: seals everything that is queued.

    Raises:
        KeyRefused: there is no such key, or more than one; it is in use; it is revoked as early already; `at` is in
            the future. Nothing was changed.
        UnusableText: the reason is empty or too long.
        StorageError: the store failed; calling it again goes on from there.
    """
    reason = said("reason", reason)
    with changing(reopen().folder):
        archive = reopen()
        key = _find(archive, named)
        _check_time(archive, key, at)
        rotated = None
        if key in _in_use(archive).values():
            if not rotate_first:
                raise KeyRefused(
                    f"{key.name} is in use; rotate it first (sijill key rotate {key.purpose}), or add --rotate"
                )
            rotated = _rotate(archive, key.purpose, reason=reason, grace=grace, seal=seal)
            archive = reopen()
        known = archive.trust.revocation_of(key.name)
        event = key_events.revocation(archive, key, before=known.at if known else None, at=at)
        if event is None:
            event = key_events.record(archive, Event.REVOKED, key, at=at, reason=reason)
        seal(archive)
        predicate = event.predicate
        revocation = Revocation(key.name, predicate.at, predicate.reason or "")
        kept = tuple(item for item in archive.trust.revocations if item.key != key.name)
        write_trust(trust_path(archive), replace(archive.trust, revocations=(*kept, revocation)))
    return Revoked(predicate.event_id, key, revocation.at, revocation.reason, trust_path(archive), rotated)


def _rotate(
    archive: Archive,
    purpose: Purpose,
    *,
    reason: str | None,
    grace: timedelta,
    seal: Callable[[Archive], object],
) -> Rotated:
    files = KeyFiles.of(archive, purpose)
    if files.used.is_symlink() or not files.used.is_file():
        raise KeyRefused(
            f"{files.used}: not a file of its own, so no new key can take its place; name a file as keys.{purpose}"
        )
    if not files.new.exists():
        seal(archive)
        write_key(files.new, SigningKey.generate())
    signing = read_signing_key(files.new)
    old, new = _in_use(archive)[purpose], _named(archive, purpose, signing)
    event = key_events.introduction(archive, old, new)
    if event is None:
        both = (archive.attestation_key, signing) if purpose is Purpose.ATTESTATION else ()
        event = key_events.record(archive, Event.INTRODUCED, new, replaces=old, reason=reason, signers=both)
    seal(archive)
    at = event.predicate.at
    write_trust(trust_path(archive), _with_successor(archive.trust, old, new, at, grace))
    retired = files.retired(old.public)
    write_key(retired, archive.attestation_key if purpose is Purpose.ATTESTATION else archive.log_key)
    move_durably(files.new, files.used)
    until = at + grace if _times_are_shown(archive.trust) else None
    return Rotated(event.predicate.event_id, old, new, at, until, files.used, retired, trust_path(archive))


def _with_successor(trust: TrustRoot, old: NamedKey, new: NamedKey, at: datetime, grace: timedelta) -> TrustRoot:
    if _times_are_shown(trust):
        # The rotation's own checkpoint, which outsiders date, covers everything that the old key had signed by then.
        validity = {item.key: item for item in trust.validity}
        validity[old.name] = replace(trust.validity_of(old.name), not_after=at + grace)
        validity[new.name] = Validity(new.name, not_before=at - CLOCKS_DIFFER)
        trust = replace(trust, validity=tuple(validity.values()))
    if new.purpose is Purpose.ATTESTATION:
        return replace(trust, attestation_keys=tuple(dict.fromkeys((*trust.attestation_keys, new.public))))
    return replace(trust, log_keys=tuple(dict.fromkeys((*trust.log_keys, NoteVerifier.from_vkey(new.name)))))


def _times_are_shown(trust: TrustRoot) -> bool:
    """Whether anyone outside shows times; without one, a verifier could not tell whether a key's validity was kept."""
    return bool(trust.tsa_roots or trust.witnesses)


def _in_use(archive: Archive) -> dict[Purpose, NamedKey]:
    return {
        Purpose.ATTESTATION: _named(archive, Purpose.ATTESTATION, archive.attestation_key),
        Purpose.LOG: _named(archive, Purpose.LOG, archive.log_key),
    }


def _named(archive: Archive, purpose: Purpose, key: SigningKey) -> NamedKey:
    if purpose is Purpose.ATTESTATION:
        return NamedKey.attestation(key.public)
    return NamedKey.log(NoteSigner(archive.settings.log.origin, key).verifier)


def _find(archive: Archive, named: str) -> NamedKey:
    found = [
        one.key
        for one in keys(archive)
        if named == one.key.name or (len(named) >= _SHORTEST_PREFIX and one.key.public.keyid.startswith(named))
    ]
    if len(found) != 1:
        many = f"{len(found)} keys begin so" if found else "no such key"
        raise KeyRefused(f"{named[:100]!r}: {many}; see: sijill key list")
    return found[0]


def _check_time(archive: Archive, key: NamedKey, at: datetime | None) -> None:
    if at is not None and at > archive.clock():
        raise KeyRefused(f"{format_timestamp(at)} is in the future")
    known = archive.trust.revocation_of(key.name)
    if known is not None and (at is None or at >= known.at):
        raise KeyRefused(
            f"{key.name} is revoked already, from {format_timestamp(known.at)} on; give an earlier time, if any"
        )
