"""Which other captures name the same objects: what a browser makes of an unchanged page may be the same bytes twice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sijill.archive.digest import digest_bytes
from sijill.flows.custody.recording import read_envelope
from sijill.flows.wiring import Archive
from sijill.provenance.attest.attestation import Subject
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.attest.statement import parse_statement
from sijill.storage.layout import CAPTURES, attested_capture

_READERS = 8


@dataclass(frozen=True, slots=True)
class Sharer:
    """A capture whose attestation names some of the objects that were asked about."""

    capture_id: str
    envelope_sha256: str
    files: tuple[tuple[str, Subject], ...]
    """Keys and subjects of those that a browser made for it, too: each of the captures has them in its own right."""
    others: bool
    """Whether it names one of the objects in another way: it stands on the WARC of another capture."""


def sharers(
    archive: Archive, keys: Collection[str], *, besides: str, show: Callable[[str], None] | None = None
) -> Iterator[Sharer]:
    """All captures but `besides` with an attestation of this archive that names one of the objects at `keys`.

    Args:
        archive: every attestation in it is read.
        keys: of objects by their digest.
        besides: the capture whose objects they are.
        show: told how many captures are done.
    """
    wanted = {key.rpartition("/")[2]: key for key in keys}
    if not wanted:
        return
    ids = (capture_id for capture_id in _captures(archive) if capture_id != besides)
    with ThreadPoolExecutor(_READERS) as pool:
        for number, found in enumerate(pool.map(lambda one: _sharer(archive, one, wanted), ids), start=1):
            if show is not None:
                show(f"looking for the same objects: {number} captures")
            if found is not None:
                yield found


def _sharer(archive: Archive, capture_id: str, wanted: dict[str, str]) -> Sharer | None:
    data = read_envelope(archive, capture_id)
    if data is None:
        return None
    envelope = parse_envelope(data)
    named = [sha256 for sha256 in wanted if sha256.encode("ascii") in envelope.payload]
    if not named or not envelope.verified_by(archive.attestation_keys):
        return None
    files = tuple(
        (wanted[one.digest.sha256], Subject(one.name, one.media_type, one.digests))
        for one in parse_statement(envelope.payload).subject[1:]
        if one.digest.sha256 in wanted
    )
    as_files = {key for key, _ in files}
    others = any(wanted[sha256] not in as_files for sha256 in named)
    return Sharer(capture_id, digest_bytes(data).sha256.hex, files, others)


def _captures(archive: Archive) -> Iterator[str]:
    for key in archive.store.list(CAPTURES):
        if (capture_id := attested_capture(key)) is not None:
            yield capture_id
