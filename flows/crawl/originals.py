"""Reading what later captures may stand on: a response record in a stored WARC, checked against its attestation."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from sijill.archive.capture.exchange import Original, Purpose, Response
from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import DigestSet, Hasher, digest_bytes
from sijill.archive.warc.gzip_reader import GzipMembers
from sijill.archive.warc.http_message import ResponseHead, ResponseParser
from sijill.archive.warc.reader import Record, next_record
from sijill.archive.warc.record import RecordType, warc_date
from sijill.flows.crawl.resource_index import Entry
from sijill.flows.custody.tombstones import refuse_tombstoned
from sijill.flows.errors import SijillError
from sijill.flows.stored_captures import load_capture
from sijill.flows.wiring import Archive
from sijill.provenance.attest.members import Exchange

_CONTENT = 1 << 20
"""Most bytes of a response that is kept to be read."""
_KEPT = 32 << 20
"""Most bytes of responses that are kept at once."""
_MOST = 2_000
"""Most originals whose checking is remembered."""
_HOLDERS = 64
"""Most captures that hold originals, and are remembered."""
_AT_ONCE = 16
"""How many captures may be read at the same time."""
_TRUSTED_SECONDS = 30.0
"""How long a capture counts as not removed before that is asked again."""
_SKIPPED = 256 << 20
"""Most bytes that are read over where a store cannot begin to read in the middle."""
_SEARCHED = frozenset({"text/css", "text/html", "application/xhtml+xml"})
_PIECE = 1 << 18

V = TypeVar("V")


class NotUsable(SijillError):
    """A record is not there, or not what the index and the attestation say."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An original whose record was read and compared with the attestation of its capture."""

    original: Original
    headers: tuple[tuple[str, str], ...]
    response: Response | None
    """Kept of style sheets and pages only, and of what it was asked for."""


@dataclass(frozen=True, slots=True)
class _Holder:
    """A capture that holds originals, its signature checked."""

    envelope_sha256: str
    warc: DigestSet
    warc_key: str
    exchanges: Mapping[str, Exchange]
    """By record, those that may be originals."""


class Originals:
    """Reads originals and remembers what it checked; safe to share between threads."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._reading = [threading.Lock() for _ in range(_AT_ONCE)]
        """What is of one capture is read by one thread, so that it is read once."""
        self._lock = threading.Lock()
        self._checked: OrderedDict[tuple[str, str], Checked] = OrderedDict()
        self._holders: OrderedDict[str, _Holder] = OrderedDict()
        self._trusted: OrderedDict[str, float] = OrderedDict()
        self._kept = 0

    def load(self, url: str, entry: Entry, *, content: bool) -> Checked:
        """The original of `url` that `entry` leads to; with its response if `content` or if it is a style sheet.

        Raises:
            SijillError: it is not there, was removed, or is not what its capture's attestation says.
            ArchiveError: there is no WARC record where it should be.
            ProvenanceError: the capture has no attestation that can be read.
            StorageError: the store failed.
        """
        key = (entry.capture_id, entry.record)
        with self._reading[hash(entry.capture_id) % _AT_ONCE]:
            self._refuse_removed(entry.capture_id)
            with self._lock:
                checked = self._checked.get(key)
            if checked is None or (content and checked.response is None):
                checked = _check(self._archive, url, entry, self._holder(entry.capture_id), content=content)
                self._remember(key, checked)
        if checked.original.url != url:
            raise NotUsable("a record of another URL")
        return checked

    def _refuse_removed(self, capture_id: str) -> None:
        with self._lock:
            until = self._trusted.get(capture_id, 0.0)
        if time.monotonic() >= until:
            refuse_tombstoned(self._archive, capture_id)
            with self._lock:
                _keep(self._trusted, capture_id, time.monotonic() + _TRUSTED_SECONDS, most=_MOST)

    def _holder(self, capture_id: str) -> _Holder:
        with self._lock:
            holder = self._holders.get(capture_id)
        if holder is None:
            holder = _read_holder(self._archive, capture_id)
            with self._lock:
                _keep(self._holders, capture_id, holder, most=_HOLDERS)
        return holder

    def _remember(self, key: tuple[str, str], checked: Checked) -> None:
        with self._lock:
            self._forget(self._checked.pop(key, None))
            self._checked[key] = checked
            self._kept += _size(checked)
            while self._kept > _KEPT or len(self._checked) > _MOST:
                self._forget(self._checked.popitem(last=False)[1])

    def _forget(self, checked: Checked | None) -> None:
        self._kept -= 0 if checked is None else _size(checked)


def _keep(kept: OrderedDict[str, V], name: str, value: V, *, most: int) -> None:
    """Keep `value`, and no more than `most` of those kept last."""
    kept[name] = value
    kept.move_to_end(name)
    while len(kept) > most:
        kept.popitem(last=False)


def _size(checked: Checked) -> int:
    return 0 if checked.response is None else checked.response.raw.size


def _read_holder(archive: Archive, capture_id: str) -> _Holder:
    stored = load_capture(archive, capture_id)
    if not stored.signed_by_us:
        raise NotUsable("a capture that this archive did not sign")
    return _Holder(
        envelope_sha256=digest_bytes(stored.envelope).sha256.hex,
        warc=stored.statement.warc.digests,
        warc_key=stored.warc_key,
        exchanges={one.record: one for one in stored.statement.predicate.exchanges if one.record and _whole(one)},
    )


def _whole(exchange: Exchange) -> bool:
    """What an attestation can say of `archive.capture.known.can_be_original`."""
    return (
        exchange.revisit is None
        and exchange.purpose is not Purpose.PAGE
        and exchange.status == 200
        and exchange.failure is None
        and exchange.truncated is None
        and exchange.surplus == 0
        and (exchange.tls is None or exchange.tls.verified)
    )


def _check(archive: Archive, url: str, entry: Entry, holder: _Holder, *, content: bool) -> Checked:
    exchange = holder.exchanges.get(entry.record)
    if exchange is None or exchange.payload is None or exchange.url != url:
        raise NotUsable("the capture attests no such response")
    if entry.offset + entry.length > holder.warc.size:
        raise NotUsable("beyond the end of the WARC")
    kept = content or exchange.media_type in _SEARCHED
    if kept and exchange.payload.size > _CONTENT:
        raise NotUsable("too large to be searched for what it refers to")
    with archive.store.open(holder.warc_key) as source:
        _skip(source, entry.offset)
        window = _Window(source, entry.length)
        members = GzipMembers(window, offset=entry.offset)
        record = next_record(members)
        if record is None or not _is_attested(record, exchange):
            raise NotUsable("not the record that the capture attests")
        head, payload, block = _read(record, kept=kept)
        if members.next() is not None or record.length != entry.length:
            raise NotUsable("not one record")
    if (
        payload != exchange.payload.digests
        or record.size != head.size + payload.size
        or head.members("transfer-encoding")
    ):
        raise NotUsable("not the payload that the capture attests")
    original = Original(
        capture_id=entry.capture_id,
        envelope_sha256=holder.envelope_sha256,
        warc=holder.warc,
        record=entry.record,
        url=url,
        date=exchange.started,
        media_type=exchange.media_type,
        payload=payload,
        offset=entry.offset,
        member=window.digests(),
    )
    response = None
    if kept:
        response = Response(
            MemoryBody(block), head.size, head.version, head.status, head.reason, head.headers, payload, 0, None
        )
    return Checked(original, head.headers, response)


def _is_attested(record: Record, exchange: Exchange) -> bool:
    stated = record.payload_digest
    return (
        record.type is RecordType.RESPONSE
        and record.id == exchange.record
        and record.target == exchange.url
        and record.stated("WARC-Date") == warc_date(exchange.started)
        and exchange.payload is not None
        and stated == exchange.payload.digests.sha256
    )


def _read(record: Record, *, kept: bool) -> tuple[ResponseHead, DigestSet, bytes]:
    """Head and digests of the payload; the whole block, too, if it is to be kept."""
    parser, hasher, block = ResponseParser(), Hasher(), bytearray()
    for piece in record.chunks():
        if kept:
            block += piece
            if len(block) > 2 * _CONTENT:
                raise NotUsable("too large to be searched for what it refers to")
        for part in parser.feed(piece):
            hasher.update(part)
    parser.finish()
    if parser.head is None or parser.problem is not None or parser.surplus or parser.head.status != 200:
        raise NotUsable("no whole response")
    return parser.head, hasher.digests(), bytes(block)


def _skip(source: BinaryIO, size: int) -> None:
    if source.seekable():
        source.seek(size)
        return
    if size > _SKIPPED:
        raise NotUsable("too far into the WARC to be read over")
    while size and (piece := source.read(min(size, _PIECE))):
        size -= len(piece)


class _Window:
    """The next bytes of a source, so many of them and no more, hashed while they are read."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        self._source = source
        self._left = size
        self._hasher = Hasher()

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, and none only at the end."""
        data = self._source.read(min(size, self._left))
        self._left -= len(data)
        self._hasher.update(data)
        return data

    def digests(self) -> DigestSet:
        """Of what was read."""
        return self._hasher.digests()
