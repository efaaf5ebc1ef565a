"""Trust roots that an offline root key signed, as TUF root and targets metadata (theupdateframework.io, version 1.0).

Whoever holds an old root metadata file and a folder of published files gets the newest trust root in it. What this
gives: nobody without the root key can make one, put an older one in the place of one that was seen, or mix two. What it
does not give: the offline key holds all four roles, and snapshot and timestamp, which would have to be signed online,
sign nothing. So whoever hands out the folder can leave the newest files out of it until those before them expire.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from sijill.provenance.attest.canonical import parse_json_strict
from sijill.provenance.errors import MalformedJson
from sijill.provenance.verify.errors import MalformedTrustRoot
from sijill.provenance.verify.trust import MAX_TRUST, TrustRoot, parse_trust

if TYPE_CHECKING:
    from tuf.api.metadata import Metadata, Root, Targets

MAX_METADATA: Final = 1 << 20
"""The largest metadata file accepted, in bytes."""
TARGET: Final = "trust.json"
"""What the trust root is called in targets metadata."""
_TARGETS_NAME: Final = re.compile(r"([1-9][0-9]{0,8})\.targets\.json")

Files: TypeAlias = Path | Mapping[str, bytes]
"""A folder, or its files by name."""
S = TypeVar("S", "Root", "Targets")


@dataclass(frozen=True, slots=True)
class TrustUpdate:
    """A trust root with what says that it is the operator's."""

    trust: TrustRoot
    data: bytes
    """`trust.json`, byte for byte as signed."""
    version: int
    """To be remembered: give it as `known_version` the next time."""
    expires: datetime
    """From when on it is refused."""
    root_version: int
    root_expires: datetime
    """From when on everything is refused, unless there is newer root metadata."""
    root: bytes
    """The newest root metadata file; it may be kept in place of the one that was given."""


def root_name(version: int) -> str:
    """The name of the root metadata file of a version."""
    return f"{version}.root.json"


def targets_name(version: int) -> str:
    """The name of the targets metadata file of a version."""
    return f"{version}.targets.json"


def target_name(sha256: str) -> str:
    """The name of the file of a trust root, by its SHA-256 in lowercase hexadecimal."""
    return f"{sha256}.{TARGET}"


def targets_version(name: str) -> int | None:
    """The version in the name of a targets metadata file, or None if it is the name of something else."""
    found = _TARGETS_NAME.fullmatch(name)
    return int(found[1]) if found else None


def load_trust(files: Files, root: bytes, *, now: datetime, known_version: int | None = None) -> TrustUpdate:
    """The newest trust root among `files` that the holders of the root key signed.

    From `root` on, each root metadata file must be signed as it demands itself and as the one before it does (TUF
    §5.3). The targets metadata file of the highest version must be signed as the last of them demands; an older one is
    never taken in its place.

    Args:
        files: what was published.
        root: root metadata that the auditor has by a way that it trusts, of any version.
        now: the time, with its offset from UTC; what has expired by then is refused.
        known_version: the version of the trust root that was used before.

    Raises:
        MalformedTrustRoot: a file is missing, malformed, expired, not signed by enough of the right keys, older than
            `known_version`, or not what its metadata says; its `path` is the file's name.
    """
    from tuf.api.metadata import Root, Targets

    newest, data = _walk(files, _parse(Root, "root metadata", root), root)
    root_file = root_name(newest.signed.version)
    _check_current(root_file, newest.signed, now)
    version = max((number for name in _names(files) if (number := targets_version(name))), default=None)
    if version is None:
        raise MalformedTrustRoot("", "there is no targets metadata among the files")
    name = targets_name(version)
    targets = _parse(Targets, name, _required(files, name, MAX_METADATA))
    _check_signed(name, newest.signed, targets)
    if targets.signed.version != version:
        raise MalformedTrustRoot(name, f"is of version {targets.signed.version}")
    if known_version is not None and version < known_version:
        raise MalformedTrustRoot(name, f"rolled back: version {known_version} was used before")
    _check_current(name, targets.signed, now)
    trust = _target(files, name, targets.signed)
    return TrustUpdate(
        trust=parse_trust(trust),
        data=trust,
        version=version,
        expires=targets.signed.expires,
        root_version=newest.signed.version,
        root_expires=newest.signed.expires,
        root=data,
    )


def newest_root(files: Files, root: bytes) -> tuple[int, bytes]:
    """Version and file of the newest root metadata among `files`, each step from `root` on verified; expiry is not.

    Raises:
        MalformedTrustRoot: see `load_trust`.
    """
    from tuf.api.metadata import Root

    newest, data = _walk(files, _parse(Root, "root metadata", root), root)
    return newest.signed.version, data


def _walk(files: Files, first: Metadata[Root], data: bytes) -> tuple[Metadata[Root], bytes]:
    from tuf.api.metadata import Root

    _check_signed("root metadata", first.signed, first)
    newest = first
    while (following := _read(files, name := root_name(newest.signed.version + 1), MAX_METADATA)) is not None:
        found = _parse(Root, name, following)
        _check_signed(name, newest.signed, found)
        _check_signed(name, found.signed, found)
        if found.signed.version != newest.signed.version + 1:
            raise MalformedTrustRoot(name, f"is of version {found.signed.version}")
        newest, data = found, following
    return newest, data


def _parse(kind: type[S], name: str, data: bytes) -> Metadata[S]:
    from tuf.api.metadata import Metadata
    from tuf.api.serialization import DeserializationError

    try:
        # Before the library looks: it would take the last of two members of one name.
        parse_json_strict(data, limit=MAX_METADATA)
        found = Metadata[S].from_bytes(data)
    except MalformedJson as err:
        raise MalformedTrustRoot(name, err.reason) from err
    except DeserializationError as err:
        raise MalformedTrustRoot(name, "not TUF metadata") from err
    if not isinstance(found.signed, kind):
        raise MalformedTrustRoot(name, f"not {kind.type} metadata")
    return found


def _check_signed(name: str, root: Root, found: Metadata[Root] | Metadata[Targets]) -> None:
    from tuf.api.exceptions import UnsignedMetadataError

    role = found.signed.type
    try:
        root.verify_delegate(role, found.signed_bytes, found.signatures)
    except UnsignedMetadataError as err:
        threshold = root.roles[role].threshold
        raise MalformedTrustRoot(
            name, f"not signed by {threshold} of the {role} keys of root metadata {root.version}"
        ) from err


def _check_current(name: str, signed: Root | Targets, now: datetime) -> None:
    if signed.is_expired(now):
        raise MalformedTrustRoot(name, f"expired {signed.expires:%Y-%m-%dT%H:%M:%SZ}")


def _target(files: Files, name: str, targets: Targets) -> bytes:
    from tuf.api.exceptions import LengthOrHashMismatchError

    target = targets.targets.get(TARGET)
    if target is None or "sha256" not in target.hashes:
        raise MalformedTrustRoot(name, f"names no {TARGET} with a SHA-256")
    file = target_name(target.hashes["sha256"])
    data = _required(files, file, MAX_TRUST)
    try:
        target.verify_length_and_hashes(data)
    except LengthOrHashMismatchError as err:
        raise MalformedTrustRoot(file, f"length or hash is not what {name} says") from err
    return data


def _names(files: Files) -> Iterator[str]:
    if isinstance(files, Path):
        try:
            yield from [path.name for path in files.iterdir()]
        except OSError as err:
            raise MalformedTrustRoot(str(files), err.strerror or str(err)) from err
    else:
        yield from files


def _read(files: Files, name: str, limit: int) -> bytes | None:
    if isinstance(files, Path):
        try:
            with (files / name).open("rb") as file:
                data = file.read(limit + 1)
        except FileNotFoundError:
            return None
        except OSError as err:
            raise MalformedTrustRoot(str(files / name), err.strerror or str(err)) from err
    elif name not in files:
        return None
    else:
        data = files[name]
    if len(data) > limit:
        raise MalformedTrustRoot(name, f"more than {limit} bytes")
    return data


def _required(files: Files, name: str, limit: int) -> bytes:
    data = _read(files, name, limit)
    if data is None:
        raise MalformedTrustRoot(name, "is missing")
    return data
