"""Looking for what should not be in the store, and reading back what should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from sijill.archive.digest import digest_stream
from sijill.flows import evidence
from sijill.flows.wiring import Archive
from sijill.storage.errors import NotFound
from sijill.storage.layout import is_mutable
from sijill.storage.store import ObjectVersion


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the store that is not as it must be."""

    key: str
    what: str


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit came to."""

    keys: int
    captures: int
    faults: tuple[Fault, ...]


def audit_store(archive: Archive, *, show: Callable[[str], None]) -> Audit:
    """Look at every key's versions, and read every capture's WARC back against its attestation.

    Raises:
        StorageError: the store could not be read.
    """
    faults: list[Fault] = []
    keys = 0
    for key, group in groupby(archive.store.versions(""), key=lambda version: version.key):
        keys += 1
        show(f"versions: {keys} keys")
        if not is_mutable(key):
            faults.extend(Fault(key, what) for what in _surplus(list(group)))
    captures = 0
    for capture in evidence.captures(archive):
        captures += 1
        show(f"fixity: {captures} captures")
        if (what := _damage(archive, capture)) is not None:
            faults.append(Fault(capture.warc_key, what))
        if not capture.signed_by_us:
            faults.append(Fault(capture.capture_id, "the attestation is not signed by this archive's key"))
    return Audit(keys, captures, tuple(faults))


def _surplus(versions: list[ObjectVersion]) -> Iterator[str]:
    """What is kept under an immutable key beside its first version; readers only ever get that one."""
    for extra in versions[1:]:
        when = f"{extra.modified:%Y-%m-%dT%H:%M:%SZ}"
        if extra.deletion:
            yield f"someone deleted it at {when}; the first version is still there"
        else:
            yield f"someone stored a second version of {extra.size} bytes at {when}"


def _damage(archive: Archive, capture: evidence.StoredCapture) -> str | None:
    try:
        with archive.store.open(capture.warc_key) as source:
            found = digest_stream(source)
    except NotFound:
        return f"missing: the WARC of {capture.capture_id}"
    if found != capture.statement.warc.digests:
        return f"not the bytes that the attestation of {capture.capture_id} names"
    return None
