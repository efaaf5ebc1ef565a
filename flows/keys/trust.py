"""`trust.json`, the trust root that auditors get: kept in step with settings, its history kept, never half written."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from sijill.flows.durable import replace_durably
from sijill.flows.errors import BadSettings
from sijill.flows.partners.certificates import read_certificates
from sijill.flows.wiring import Archive
from sijill.provenance.log.note import NoteVerifier
from sijill.provenance.verify.errors import MalformedTrustRoot
from sijill.provenance.verify.trust import Policy, TrustRoot, format_trust, parse_trust

_ENOUGH_AUTHORITIES = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What `trust.json` says now."""

    path: Path
    trust: TrustRoot
    changed: bool
    without_roots: tuple[str, ...]
    """Authorities of the settings that name no root certificates, so that nobody can verify their timestamps."""


def trust_path(archive: Archive) -> Path:
    """Where the archive's `trust.json` is."""
    return archive.folder / archive.settings.keys.trust


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Keep others from changing the keys and the trust root in `folder` meanwhile; waits for those who do."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def refresh(
    archive: Archive, *, witnesses: int | None = None, timestamps: int | None = None, forget: bool = False
) -> Refreshed:
    """Rewrite `trust.json` with the authorities and witnesses of the settings.

    Keys, their validity and revocations stay. Authorities and witnesses that settings no longer name stay as well,
    because older captures rest on them.

    Args:
        archive: whose.
        witnesses: how many must have cosigned; None leaves what the file says, or a majority of the settings' ones.
        timestamps: how many authorities are needed; None leaves what the file says, or two, one if there is one.
        forget: drop authorities and witnesses that settings do not name.

    Raises:
        BadSettings: a file of certificates cannot be used, a witness has the log's key, or more are demanded than there
            are.
        OutputUnusable: the file cannot be written; it is as it was.
    """
    with changing(archive.folder):
        old = _current(archive)
        known = replace(old, tsa_roots=(), tsa_intermediates=(), witnesses=()) if forget else old
        authorities = [authority for authority in archive.settings.timestamps if authority.roots]
        named = tuple(NoteVerifier.from_vkey(section.vkey) for section in archive.settings.witnesses)
        trust = replace(
            known,
            tsa_roots=_joined(
                known.tsa_roots, *(read_certificates(archive.folder, authority.roots) for authority in authorities)
            ),
            tsa_intermediates=_joined(
                known.tsa_intermediates,
                *(read_certificates(archive.folder, authority.intermediates) for authority in authorities),
            ),
            witnesses=_joined(known.witnesses, named),
        )
        trust = replace(
            trust,
            policy=Policy(
                witnesses=_needed(witnesses, old.policy.witnesses, len(named) // 2 + 1, len(trust.witnesses)),
                timestamps=_needed(
                    timestamps,
                    old.policy.timestamps,
                    min(len(authorities), _ENOUGH_AUTHORITIES),
                    max(len(authorities), len(trust.tsa_roots)),
                ),
            ),
        )
        path = trust_path(archive)
        changed = trust != old or not path.exists()
        if changed:
            write_trust(path, trust)
    return Refreshed(
        path,
        trust,
        changed,
        tuple(authority.name for authority in archive.settings.timestamps if not authority.roots),
    )


def write_trust(path: Path, trust: TrustRoot) -> None:
    """Put `trust` in the place of what is at `path`, in one step; call it while `changing` its folder.

    Raises:
        BadSettings: it would be refused by who reads it.
        OutputUnusable: it cannot be written; the file is as it was.
    """
    data = format_trust(trust)
    try:
        parse_trust(data)
    except MalformedTrustRoot as err:
        raise BadSettings(f"{path}: not written, because it would be refused: {err}") from err
    replace_durably(path, data)


def _current(archive: Archive) -> TrustRoot:
    path = trust_path(archive)
    try:
        return parse_trust(path.read_bytes())
    except FileNotFoundError:
        return archive.trust
    except OSError as err:
        raise BadSettings(f"{path}: {err.strerror}") from err
    except MalformedTrustRoot as err:
        raise BadSettings(f"{path}: {err}") from err


def _needed(asked: int | None, said: int | None, usual: int, there: int) -> int | None:
    """How many are needed: as asked, else as was said if there are so many, else as usual; None if there are none."""
    if asked is not None:
        return asked
    if not there:
        return None
    return said if said is not None and said <= there else max(1, min(usual, there))


def _joined(*lists: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(item for items in lists for item in items))
