"""Asking the timestamping authorities of the settings (RFC 3161), and keeping their responses.

An authority that fails never stops anything: what it owes is noted under `pending/` and asked for again later.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from sijill.flows.errors import BadSettings, NotSealed, PartnerUnreachable
from sijill.flows.partners.certificates import read_certificates
from sijill.flows.partners.posting import Asked, Posting
from sijill.flows.settings import TimestampSection
from sijill.flows.wiring import Archive
from sijill.provenance.attest.envelope import MAX_ENVELOPE
from sijill.provenance.errors import (
    MalformedCaptureId,
    MalformedTimestampResponse,
    UnverifiedTimestamp,
)
from sijill.provenance.log.checkpoint import parse_checkpoint, parse_decimal
from sijill.provenance.log.layout import attestation_folder, attestation_key, checkpoint_key, timestamp_key
from sijill.provenance.timestamp import (
    MAX_RESPONSE,
    QUERY_TYPE,
    REPLY_TYPE,
    check_answer,
    timestamp_request,
    verify_timestamp,
)
from sijill.storage.errors import NotFound
from sijill.storage.layout import PENDING

_CHECKPOINTS = f"{PENDING}timestamps/"
_ATTESTATIONS = f"{PENDING}attestations/"
_RETRIES = 32
"""Responses that one authority is asked for again in one go: public ones limit how often they may be asked."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A response that there is to be."""

    authority: TimestampSection
    name: str
    key: str
    """Where it is kept."""
    message: bytes
    pending: str | None
    """Where it is noted that it is still to come; None if nobody asks again by himself."""


@dataclass(frozen=True, slots=True)
class _Trusted:
    """What an authority's responses are verified with; without roots they are not."""

    roots: tuple[str, ...]
    intermediates: tuple[str, ...]


def timestamp_checkpoint(archive: Archive, size: int, note: bytes) -> tuple[Asked, ...]:
    """Have every authority of the settings timestamp the checkpoint of `size`, all at once, unless it has done so.

    What is timestamped is the checkpoint as the log keeps it; cosignatures in `note` are left out.

    Raises:
        BadSettings: a file of certificates named in the settings cannot be used.
        StorageError: the store failed.
    """
    message = parse_checkpoint(note).first_signed
    return _ask(archive, [_over_checkpoint(one, size, message) for one in archive.settings.timestamps])


def timestamp_envelope(archive: Archive, capture_id: str, envelope: bytes) -> tuple[Asked, ...]:
    """Have every authority of the settings timestamp the attestation of a capture, all at once, unless it has done so.

    Raises:
        MalformedCaptureId: it is not an id.
        BadSettings: a file of certificates named in the settings cannot be used.
        StorageError: the store failed.
    """
    return _ask(archive, [_over_attestation(one, capture_id, envelope) for one in archive.settings.timestamps])


def attestation_timestamp_key(capture_id: str, name: str) -> str:
    """Where an authority's response over the attestation of a capture is kept.

    Raises:
        MalformedCaptureId: it is not an id.
    """
    return f"{attestation_folder(capture_id)}attestation.{name}.tsr"


def missing(archive: Archive, size: int) -> tuple[str, ...]:
    """The authorities of the settings that have not timestamped the checkpoint of a size.

    Raises:
        StorageError: the store failed.
    """
    names = [authority.name for authority in archive.settings.timestamps]
    return tuple(name for name in names if archive.store.stat(timestamp_key(size, name)) is None)


def retry_pending(archive: Archive, *, spare: Collection[str] = ()) -> tuple[Asked, ...]:
    """Ask again for what authorities did not give, oldest first, but at most 32 responses of each.

    An authority that cannot be reached is asked no more in this call, and those named in `spare` are not asked at all.
    What an authority owes that settings no longer name is forgotten.

    Raises:
        BadSettings: a file of certificates named in the settings cannot be used.
        StorageError: the store failed.
    """
    known = {authority.name: authority for authority in archive.settings.timestamps}
    owed: dict[str, list[_Wanted]] = {name: [] for name in known if name not in spare}
    for prefix, about, name in _pending(archive):
        if name not in known:
            archive.store.delete(f"{prefix}{about}.{name}")
        elif name in owed and len(owed[name]) < _RETRIES:
            wanted = _still_wanted(archive, known[name], prefix, about)
            if wanted is None:
                archive.store.delete(f"{prefix}{about}.{name}")
            else:
                owed[name].append(wanted)
    asked: list[Asked] = []
    unreachable: set[str] = set()
    for one_of_each in zip_longest(*owed.values()):
        reachable = [one for one in one_of_each if one is not None and one.authority.name not in unreachable]
        asked += _ask(archive, reachable, unreachable)
    return tuple(asked)


def retimestamp(archive: Archive) -> tuple[Asked, ...]:
    """Have every authority of the settings timestamp the newest checkpoint once more, under a name with the date.

    Its certificate may expire or its algorithm grow weak: a new timestamp shows that the old one was there before.
    An authority that has not timestamped it yet does so under its plain name.

    Raises:
        BadSettings: settings name no authority, or a file of certificates named there cannot be used.
        NotSealed: the log is still empty.
        LogDamaged: the stored log is not what its own key says.
        StorageError: the store failed.
    """
    if not archive.settings.timestamps:
        raise BadSettings("the settings name no timestamping authority; add a [[timestamps]] section")
    newest = archive.log_reader.checkpoint()
    if newest is None:
        raise NotSealed("the log is still empty: there is no checkpoint to be timestamped")
    size, message = newest.checkpoint.size, newest.first_signed
    absent = missing(archive, size)
    date = f"{archive.clock():%Y%m%dt%H%M%Sz}"
    return _ask(
        archive,
        [
            _over_checkpoint(one, size, message, date=None if one.name in absent else date)
            for one in archive.settings.timestamps
        ],
    )


def _over_checkpoint(authority: TimestampSection, size: int, message: bytes, *, date: str | None = None) -> _Wanted:
    name = authority.name if date is None else f"{authority.name}-{date}"
    pending = f"{_CHECKPOINTS}{size}.{name}" if date is None else None
    return _Wanted(authority, name, timestamp_key(size, name), message, pending)


def _over_attestation(authority: TimestampSection, capture_id: str, envelope: bytes) -> _Wanted:
    key = attestation_timestamp_key(capture_id, authority.name)
    return _Wanted(authority, authority.name, key, envelope, f"{_ATTESTATIONS}{capture_id}.{authority.name}")


def _ask(archive: Archive, wanted: Sequence[_Wanted], unreachable: set[str] | None = None) -> tuple[Asked, ...]:
    """Ask for each that the store does not hold, all at once; at most one of each authority.

    Names of authorities that gave no answer are added to `unreachable`.
    """
    trusted = {one.key: _trusted(archive.folder, one.authority) for one in wanted}
    asked = [_Asking(archive, one, trusted[one.key]) for one in wanted]
    results = []
    for asking in asked:
        result = asking.result()
        results.append(result)
        if asking.unreachable and unreachable is not None:
            unreachable.add(asking.wanted.authority.name)
    return tuple(results)


class _Asking:
    """One request under way, if one is needed at all."""

    def __init__(self, archive: Archive, wanted: _Wanted, trusted: _Trusted) -> None:
        self.wanted = wanted
        self.unreachable = False
        self._archive = archive
        self._trusted = trusted
        self._nonce = secrets.randbits(64)
        self._posting = None if archive.store.stat(wanted.key) is not None else self._begin()

    def result(self) -> Asked:
        """What came of it, once it is stored or noted as pending."""
        if self._posting is not None:
            try:
                response = self._response(self._posting)
            except PartnerUnreachable as err:
                self.unreachable = True
                return self._failed(err.reason)
            except (MalformedTimestampResponse, UnverifiedTimestamp) as err:
                return self._failed(f"its answer is not stored: {err.reason}")
            # Another process may have stored one that was made at another time: as good as this.
            self._archive.store.create(self.wanted.key, response)
        store, pending = self._archive.store, self.wanted.pending
        # A deletion of nothing would leave a marker in stores that keep versions.
        if pending is not None and store.stat(pending) is not None:
            store.delete(pending)
        return Asked(self.wanted.name, held=True)

    def _begin(self) -> Posting:
        return Posting(
            self.wanted.authority.url,
            timestamp_request(self.wanted.message, nonce=self._nonce),
            content_type=QUERY_TYPE,
            accept=REPLY_TYPE,
            timeout_seconds=self.wanted.authority.timeout_seconds,
            limit=MAX_RESPONSE,
            ca_file=self._archive.ca_file,
        )

    def _response(self, posting: Posting) -> bytes:
        answer = posting.answer()
        if answer.status != 200:
            raise PartnerUnreachable(self.wanted.authority.url, f"it answered with HTTP status {answer.status}")
        check_answer(answer.body, self.wanted.message, self._nonce)
        if self._trusted.roots:
            verify_timestamp(
                answer.body,
                self.wanted.message,
                roots=self._trusted.roots,
                intermediates=self._trusted.intermediates,
            )
        return answer.body

    def _failed(self, problem: str) -> Asked:
        if self.wanted.pending is not None:
            self._archive.store.replace(self.wanted.pending, f"{problem}\n".encode("utf-8", "replace"))
        return Asked(self.wanted.name, held=False, problem=problem)


def _trusted(folder: Path, authority: TimestampSection) -> _Trusted:
    return _Trusted(read_certificates(folder, authority.roots), read_certificates(folder, authority.intermediates))


def _pending(archive: Archive) -> Iterator[tuple[str, str, str]]:
    """What is noted, oldest first: below which prefix, what it is about, and the name of the authority."""
    for prefix in (_CHECKPOINTS, _ATTESTATIONS):
        noted = (key.removeprefix(prefix).rpartition(".") for key in archive.store.list(prefix))
        # Shorter numbers are smaller ones; capture ids are all of one length.
        for about, _, name in sorted(noted, key=lambda one: (len(one[0]), one)):
            yield prefix, about, name


def _still_wanted(archive: Archive, authority: TimestampSection, prefix: str, about: str) -> _Wanted | None:
    """What is noted below `prefix` about the thing called `about`; None if there is no such thing."""
    try:
        if prefix == _ATTESTATIONS:
            envelope = archive.store.read(attestation_key(about), limit=MAX_ENVELOPE)
            return _over_attestation(authority, about, envelope)
        size = parse_decimal(about)
        if size is None:
            return None
        return _over_checkpoint(authority, size, archive.store.read(checkpoint_key(size), limit=MAX_ENVELOPE))
    except (MalformedCaptureId, NotFound):
        return None
