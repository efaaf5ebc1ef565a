"""Writing a capture as a WARC: one gzip member a record, digested while written, in constant memory.

Every body is read twice, once for the digests that its header needs and once to be written. The records, in order:
warcinfo; for each exchange by number its response or revisit, and its request; one resource record per distinct
certificate chain; one per file that a browser made of the page; the fetch log as metadata record.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sijill.archive.capture.exchange import Body, Capture, Exchange, Response, Revisit, TlsFacts
from sijill.archive.capture.known import can_be_original
from sijill.archive.capture.spool import MemoryBody
from sijill.archive.digest import Algorithm, Digest, DigestSet, HashingWriter, Sink, chunks, digest_stream
from sijill.archive.errors import BadRecordField, BodyChanged
from sijill.archive.warc.fetch_log import fetch_log
from sijill.archive.warc.http_message import is_plain_head
from sijill.archive.warc.member import MemberWriter
from sijill.archive.warc.record import (
    END,
    REVISIT_PROFILES,
    WARC_NAME,
    Fields,
    RecordType,
    header_bytes,
    rendering_content_type,
    rendering_uri,
    warc_date,
)

PEM_CHAIN: Final = "application/pem-certificate-chain"

_INFO_NAME = re.compile("[A-Za-z][A-Za-z0-9-]*")
_INFO_VALUE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")
_COMPRESSED_TYPES = frozenset(
    {
        "application/epub+zip",
        "application/gzip",
        "application/java-archive",
        "application/ogg",
        "application/pdf",
        "application/vnd.rar",
        "application/x-7z-compressed",
        "application/x-bzip2",
        "application/x-gzip",
        "application/x-xz",
        "application/zip",
        "application/zstd",
        "font/woff",
        "font/woff2",
        "image/avif",
        "image/gif",
        "image/heic",
        "image/jp2",
        "image/jpeg",
        "image/jxl",
        "image/png",
        "image/webp",
    }
)
_COMPRESSED_PREFIXES = ("audio/", "video/", "application/vnd.openxmlformats-", "application/vnd.oasis.opendocument.")


@dataclass(frozen=True, slots=True)
class _Resource:
    """Something made of or for the capture that is kept in its WARC: a certificate chain, a screenshot."""

    uri: str
    content_type: str
    date: datetime
    body: Body


@dataclass(frozen=True, slots=True)
class WrittenMember:
    """The gzip member of one record."""

    offset: int
    """Place of its first byte in the file."""
    digests: DigestSet
    """Of the member; its size is its length."""


@dataclass(frozen=True, slots=True)
class WrittenWarc:
    """What was written."""

    digests: DigestSet
    """Of the whole file."""
    records: Mapping[int, str]
    """Exchange number -> `urn:uuid:…` of its response or revisit record; what has no response is not in it."""
    originals: Mapping[int, WrittenMember]
    """Exchange number -> where its response record is, of those that revisits of other captures may refer to."""
    files: Mapping[str, DigestSet]
    """Name -> what was written of that file of the rendering, in their order."""


def write_capture(capture: Capture, sink: Sink, *, new_id: Callable[[], str], info: Mapping[str, str]) -> WrittenWarc:
    """Write `capture` to `sink` as one WARC file; arguments and errors are those of `begin_capture`."""
    return begin_capture(capture, sink, new_id=new_id, info=info).finish(capture)


def begin_capture(capture: Capture, sink: Sink, *, new_id: Callable[[], str], info: Mapping[str, str]) -> BegunWarc:
    """Write everything of `capture` to `sink` but the fetch log, which says what came of the whole.

    Args:
        capture: what to write.
        sink: takes the bytes; stays open.
        new_id: gives a fresh `urn:uuid:…` at each call.
        info: named fields of the warcinfo record (ISO 28500 §6.2), e.g. `software`; the format and the capture's id are
            added.

    Raises:
        BadRecordField: something of the capture does not fit a record, e.g. a URL with white space.
        BodyChanged: a body was not the same size when read again; the file is then to be thrown away.
    """
    writer = _Writer(sink, new_id)
    writer.warcinfo(capture, info)
    exchanges = sorted(capture.exchanges, key=lambda exchange: exchange.number)
    responses: dict[int, str] = {}
    requests: dict[int, str] = {}
    for exchange in exchanges:
        if exchange.revisit is not None:
            responses[exchange.number] = writer.revisit(exchange, exchange.revisit)
        elif exchange.response is not None:
            responses[exchange.number] = writer.response(exchange, exchange.response)
        if exchange.request:
            requests[exchange.number] = writer.request(exchange, responses.get(exchange.number))
    for chain in _certificate_chains(exchanges):
        writer.about(RecordType.RESOURCE, chain)
    files: dict[str, DigestSet] = {}
    for file in capture.rendering.files if capture.rendering is not None else ():
        uri = rendering_uri(capture.id, file.name)
        resource = _Resource(uri, rendering_content_type(file.media_type), file.made, file.body)
        files[file.name] = writer.about(RecordType.RESOURCE, resource)
    return BegunWarc(writer, responses, requests, files)


class BegunWarc:
    """A WARC that has all records of a capture but the last; see `begin_capture`."""

    def __init__(
        self,
        writer: _Writer,
        responses: Mapping[int, str],
        requests: Mapping[int, str],
        files: Mapping[str, DigestSet],
    ) -> None:
        self._writer = writer
        self._responses = responses
        self._requests = requests
        self._files = files

    def finish(self, capture: Capture) -> WrittenWarc:
        """Write the fetch log.

        Args:
            capture: the same one; its outcome and reasons may have been found out meanwhile.
        """
        log = MemoryBody(fetch_log(capture, self._responses, self._requests))
        uri = f"urn:sijill:capture:{capture.id}"
        self._writer.about(RecordType.METADATA, _Resource(uri, "application/json", capture.ended, log))
        return WrittenWarc(self._writer.digests(), self._responses, self._writer.originals, self._files)


def is_compressed(media_type: str | None, content_coding: str | None) -> bool:
    """Whether a body of this type and coding is compressed already, so that deflating it only costs time."""
    if content_coding is not None and content_coding.strip().lower() not in ("", "identity"):
        return True
    return media_type is not None and (media_type in _COMPRESSED_TYPES or media_type.startswith(_COMPRESSED_PREFIXES))


class _Writer:
    def __init__(self, sink: Sink, new_id: Callable[[], str]) -> None:
        self._sink = HashingWriter(sink)
        self._new_id = new_id
        self._warcinfo = ""
        self.originals: dict[int, WrittenMember] = {}

    def digests(self) -> DigestSet:
        return self._sink.digests()

    def warcinfo(self, capture: Capture, info: Mapping[str, str]) -> None:
        fields = {**info, "format": "WARC File Format 1.1", "isPartOf": capture.id}
        for name, value in fields.items():
            if not _INFO_NAME.fullmatch(name) or not _INFO_VALUE.fullmatch(value):
                raise BadRecordField(name, value, "not a name of a warcinfo field, or a value that is no line of text")
        block = MemoryBody("".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode())
        self._warcinfo = self._record(
            RecordType.WARCINFO,
            capture.started,
            block,
            [("WARC-Filename", WARC_NAME), ("Content-Type", "application/warc-fields")],
            stored=False,
        )

    def response(self, exchange: Exchange, response: Response) -> str:
        fields = [("WARC-Target-URI", exchange.url), *_connection_fields(exchange)]
        if response.truncated is not None:
            fields.append(("WARC-Truncated", str(response.truncated)))
        plain = _payload_is_plain(response)
        if plain:
            fields.append(("WARC-Payload-Digest", str(response.payload.sha256)))
        fields.append(("Content-Type", "application/http;msgtype=response"))
        stored = is_compressed(response.media_type, response.header("content-encoding"))
        offset, file = self._sink.size, self._sink
        if not plain or not can_be_original(exchange):
            return self._record(RecordType.RESPONSE, exchange.started, response.raw, fields, stored=stored)
        self._sink = HashingWriter(file)
        record_id = self._record(RecordType.RESPONSE, exchange.started, response.raw, fields, stored=stored)
        self.originals[exchange.number] = WrittenMember(offset, self._sink.digests())
        self._sink = file
        return record_id

    def revisit(self, exchange: Exchange, revisit: Revisit) -> str:
        """ISO 28500 §6.7: the payload is not in it; the head is, if there was a response."""
        original, response = revisit.original, exchange.response
        fields = [
            ("WARC-Target-URI", exchange.url),
            ("WARC-Refers-To", f"<{original.record}>"),
            ("WARC-Refers-To-Target-URI", original.url),
            ("WARC-Refers-To-Date", warc_date(original.date)),
            ("WARC-Profile", REVISIT_PROFILES[revisit.kind]),
            *(_connection_fields(exchange) if response is not None else ()),
            ("WARC-Payload-Digest", str(original.payload.sha256)),
            ("Content-Type", "application/http;msgtype=response"),
        ]
        head = MemoryBody(b"" if response is None else _head(response))
        return self._record(RecordType.REVISIT, exchange.started, head, fields, stored=False)

    def request(self, exchange: Exchange, concurrent_to: str | None) -> str:
        fields = [("WARC-Concurrent-To", f"<{concurrent_to}>")] if concurrent_to else []
        fields += [("WARC-Target-URI", exchange.url), *_connection_fields(exchange)]
        fields.append(("Content-Type", "application/http;msgtype=request"))
        return self._record(RecordType.REQUEST, exchange.started, MemoryBody(exchange.request), fields, stored=False)

    def about(self, record_type: RecordType, resource: _Resource) -> DigestSet:
        """Write a record that is no HTTP message; the digests of its block."""
        fields = [("WARC-Target-URI", resource.uri), ("Content-Type", resource.content_type)]
        stored = is_compressed(resource.content_type, None)
        with resource.body.open() as source:
            found = digest_stream(source)
        measured = found.size, found.sha256
        self._record(record_type, resource.date, resource.body, fields, stored=stored, measured=measured)
        return found

    def _record(
        self,
        record_type: RecordType,
        date: datetime,
        block: Body,
        own: list[tuple[str, str]],
        *,
        stored: bool,
        measured: tuple[int, Digest] | None = None,
    ) -> str:
        """Write one record; `own` are the fields between those that every record has."""
        record_id = self._new_id()
        size, digest = measured or _measure(block)
        *between, content_type = own
        fields: list[tuple[str, str]] = [
            ("WARC-Type", str(record_type)),
            ("WARC-Record-ID", f"<{record_id}>"),
            ("WARC-Date", warc_date(date)),
        ]
        if self._warcinfo:
            fields.append(("WARC-Warcinfo-ID", f"<{self._warcinfo}>"))
        fields += between
        fields += [("WARC-Block-Digest", str(digest)), content_type, ("Content-Length", str(size))]
        self._write(tuple(fields), block, size, stored=stored)
        return record_id

    def _write(self, fields: Fields, block: Body, size: int, *, stored: bool) -> None:
        header = header_bytes(fields)
        member = MemberWriter(self._sink, stored=stored)
        member.write(header)
        written = 0
        with block.open() as source:
            for chunk in chunks(source):
                written += len(chunk)
                member.write(chunk)
        if written != size:
            raise BodyChanged(fields[1][1], size, written)
        member.write(END)
        member.close()


def _measure(block: Body) -> tuple[int, Digest]:
    hasher, size = hashlib.sha256(), 0
    with block.open() as source:
        for chunk in chunks(source):
            hasher.update(chunk)
            size += len(chunk)
    return size, Digest(Algorithm.SHA256, hasher.digest())


def _connection_fields(exchange: Exchange) -> list[tuple[str, str]]:
    """Where the bytes came from and how, in the words of the WARC-Protocol proposal: one field per protocol."""
    fields = [("WARC-IP-Address", exchange.server.ip)] if exchange.server else []
    version = exchange.response.http_version if exchange.response else "1.1"
    fields.append(("WARC-Protocol", f"http/{version}"))
    if exchange.tls:
        fields += [("WARC-Protocol", _tls_protocol(exchange.tls)), ("WARC-Cipher-Suite", exchange.tls.cipher)]
    return fields


def _tls_protocol(tls: TlsFacts) -> str:
    """`TLSv1.3` -> `tls/1.3`, `TLSv1` -> `tls/1.0`, `SSLv3` -> `ssl/3`."""
    name, _, number = tls.version.partition("v")
    return f"{name.lower()}/{number if '.' in number or name == 'SSL' else number + '.0'}"


def _payload_is_plain(response: Response) -> bool:
    """Whether the payload is simply the rest of the block after a head that every tool reads alike.

    Tools disagree on what the payload digest covers if there is a transfer coding, and take surplus bytes for payload.
    """
    if response.transfer_coded or response.surplus or response.head_size + response.payload.size != response.raw.size:
        return False
    return is_plain_head(_head(response))


def _head(response: Response) -> bytes:
    with response.raw.open() as source:
        return source.read(response.head_size)


def _certificate_chains(exchanges: Sequence[Exchange]) -> list[_Resource]:
    """One resource per distinct chain, dated by the first exchange that met it."""
    found: dict[tuple[bytes, ...], datetime] = {}
    for exchange in exchanges:
        if exchange.tls and exchange.tls.chain:
            found.setdefault(exchange.tls.chain, exchange.started)
    return [_certificate_chain(chain, date) for chain, date in found.items()]


def _certificate_chain(chain: tuple[bytes, ...], date: datetime) -> _Resource:
    pem = b"".join(_pem(certificate) for certificate in chain)
    uri = f"urn:sijill:certificates:{hashlib.sha256(pem).hexdigest()}"
    return _Resource(uri, PEM_CHAIN, date, MemoryBody(pem))


def _pem(certificate: bytes) -> bytes:
    """RFC 7468 §2: base64 in lines of 64 characters."""
    text = base64.b64encode(certificate)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return b"\n".join([b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""])
