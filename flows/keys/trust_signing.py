"""Signing trust roots with a root key that is kept offline, so that auditors can take up a new one without a meeting.

A folder holds what is published, no file of it ever changed: `<n>.root.json` and `<n>.targets.json`, TUF metadata, and
`<sha256>.trust.json`, the trust roots that were signed. `provenance/verify/trust_updates` reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from sijill.flows.durable import replace_durably
from sijill.flows.errors import BadSettings, OutputUnusable
from sijill.flows.keys.trust import changing
from sijill.provenance.attest.keys import SigningKey, read_signing_key, write_signing_key
from sijill.provenance.verify.errors import MalformedTrustRoot
from sijill.provenance.verify.trust import MAX_TRUST, parse_trust
from sijill.provenance.verify.trust_updates import (
    TARGET,
    TrustUpdate,
    load_trust,
    newest_root,
    root_name,
    target_name,
    targets_name,
    targets_version,
)

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner
    from tuf.api.metadata import Root

ROOT_DAYS = 3650
"""For how long root metadata is good if nothing else is said."""
TRUST_DAYS = 365
"""For how long a signed trust root is good if nothing else is said."""

_BEGINNING = datetime.min.replace(tzinfo=UTC)
"""A time at which nothing has expired."""


@dataclass(frozen=True, slots=True)
class RootSigned:
    """Root metadata that was signed."""

    path: Path
    version: int
    expires: datetime
    keyid: str
    """Of the root key: lowercase hexadecimal SHA-256 of its DER SubjectPublicKeyInfo."""
    key_made: bool
    """Whether its file was made by this call."""


def begin(root_key: Path, folder: Path, *, now: datetime, days: int = ROOT_DAYS) -> RootSigned:
    """Write the first root metadata to `folder`, signed by the key in the file `root_key`, which is made if absent.

    Raises:
        BadSettings: the folder has root metadata already; nothing was written.
        OutputUnusable: the folder cannot be written.
        ProvenanceError: the key file cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise OutputUnusable(f"{folder}: {err.strerror}") from err
    with _existing(folder):
        if (folder / root_name(1)).exists():
            raise BadSettings(f"{folder}: has root metadata already; nothing was written")
        key, made = _key(root_key)
        return _sign_root(folder, 1, key, [key], made=made, expires=_after(now, days))


def sign_trust(root_key: Path, folder: Path, trust: bytes, *, now: datetime, days: int = TRUST_DAYS) -> TrustUpdate:
    """Sign `trust`, a `trust.json`, as the next version in `folder`, and return what auditors will make of it.

    Raises:
        BadSettings: `trust` would be refused, the key is not the root key of the folder, or an auditor would refuse
            what is in the folder, expiry of the last trust root apart.
        OutputUnusable: the folder cannot be written.
        ProvenanceError: the key file cannot be used.
    """
    try:
        parse_trust(trust)
    except MalformedTrustRoot as err:
        raise BadSettings(f"{TARGET}: {err}") from err
    with _existing(folder):
        key = read_signing_key(root_key)
        root = _root_of(folder, key, root_key)
        if root.is_expired(now):
            raise BadSettings(
                f"{folder}: the root metadata has expired; make it good for longer: sijill trust rotate-root"
            )
        latest = _signed_before(folder)
        _sign_targets(folder, 1 if latest is None else latest.version + 1, trust, [key], _after(now, days))
        return published(folder, now=now)


def rotate_root(old_key: Path, new_key: Path, folder: Path, *, now: datetime, days: int = ROOT_DAYS) -> RootSigned:
    """Put the key in the file `new_key`, which is made if absent, in the place of the root key of `folder`.

    Both sign the next root metadata. The last trust root is signed again by both, for as long as it was good, so that
    it stays so. With the old key as the new one, root metadata is merely made good for longer.

    Raises:
        BadSettings: the old key is not the root key of the folder, or an auditor would refuse what is in it, expiry
            apart; nothing was signed.
        OutputUnusable: the folder cannot be written.
        ProvenanceError: a key file cannot be used.
    """
    with _existing(folder):
        old = read_signing_key(old_key)
        root = _root_of(folder, old, old_key)
        latest = _signed_before(folder)
        new, made = _key(new_key)
        signers = [old] if new.public == old.public else [old, new]
        if latest is not None:
            # First, and by both: whenever this is interrupted, the newest targets go with the newest root.
            _sign_targets(folder, latest.version + 1, latest.data, signers, latest.expires)
        return _sign_root(folder, root.version + 1, new, signers, made=made, expires=_after(now, days))


def read_trust_file(path: Path) -> bytes:
    """The bytes of a `trust.json`, at most one more than is accepted.

    Raises:
        BadSettings: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_TRUST + 1)
    except OSError as err:
        raise BadSettings(f"{path}: {err.strerror}") from err


def published(folder: Path, *, now: datetime, known_version: int | None = None) -> TrustUpdate:
    """What an auditor who has the folder's first root metadata makes of it.

    Raises:
        BadSettings: the folder cannot be read, or an auditor would refuse it; the line says why.
    """
    try:
        return load_trust(folder, _first_root(folder), now=now, known_version=known_version)
    except MalformedTrustRoot as err:
        raise BadSettings(f"{folder}: {err}") from err


def _sign_root(
    folder: Path, version: int, key: SigningKey, signers: list[SigningKey], *, made: bool, expires: datetime
) -> RootSigned:
    from tuf.api.metadata import Metadata, Role, Root

    signer = _signer(key)
    keyid = signer.public_key.keyid
    roles = {role: Role([keyid], 1) for role in ("root", "targets", "snapshot", "timestamp")}
    root = Root(version=version, expires=expires, keys={keyid: signer.public_key}, roles=roles)
    metadata = Metadata(root)
    for one in signers:
        metadata.sign(_signer(one), append=True)
    path = folder / root_name(version)
    replace_durably(path, metadata.to_bytes())
    return RootSigned(path, version, root.expires, key.public.keyid, made)


def _sign_targets(folder: Path, version: int, trust: bytes, signers: list[SigningKey], expires: datetime) -> None:
    from tuf.api.metadata import Metadata, TargetFile, Targets

    digest = sha256(trust).hexdigest()
    target = TargetFile(len(trust), {"sha256": digest}, TARGET)
    metadata = Metadata(Targets(version=version, expires=expires, targets={TARGET: target}))
    for one in signers:
        metadata.sign(_signer(one), append=True)
    # The metadata last: it must not be there without what it names.
    replace_durably(folder / target_name(digest), trust)
    replace_durably(folder / targets_name(version), metadata.to_bytes())


def _signed_before(folder: Path) -> TrustUpdate | None:
    """The last trust root that was signed, expired or not, verified as auditors do; None if there is none yet.

    Nothing else may be signed again or built upon: the folder may come from a machine that is not to be trusted.
    """
    if not any(targets_version(path.name) for path in folder.iterdir()):
        return None
    return published(folder, now=_BEGINNING)


def _root_of(folder: Path, key: SigningKey, path: Path) -> Root:
    """The folder's newest root metadata, which must name `key`."""
    from tuf.api.metadata import Metadata, Root

    try:
        version, data = newest_root(folder, _first_root(folder))
    except MalformedTrustRoot as err:
        raise BadSettings(f"{folder}: {err}") from err
    root = Metadata[Root].from_bytes(data).signed
    if _signer(key).public_key.keyid not in root.roles["root"].keyids:
        raise BadSettings(f"{path}: not the root key of {folder / root_name(version)}; nothing was signed")
    return root


def _first_root(folder: Path) -> bytes:
    path = folder / root_name(1)
    try:
        return path.read_bytes()
    except OSError as err:
        raise BadSettings(f"{path}: {err.strerror}; begin with: sijill trust init") from err


def _signer(key: SigningKey) -> CryptoSigner:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from securesystemslib.signer import CryptoSigner

    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(key.seed))


def _key(path: Path) -> tuple[SigningKey, bool]:
    if path.exists():
        return read_signing_key(path), False
    key = SigningKey.generate()
    write_signing_key(path, key)
    return key, True


@contextmanager
def _existing(folder: Path) -> Iterator[None]:
    if not folder.is_dir():
        raise BadSettings(f"{folder}: no such folder; begin with: sijill trust init")
    with changing(folder):
        yield


def _after(now: datetime, days: int) -> datetime:
    # TUF §4.2.1: times to the second.
    return now.astimezone(UTC).replace(microsecond=0) + timedelta(days=days)
