"""What of a capture is read: the page's own body out of its WARC, or what a browser made of it, as attested."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sijill.archive.capture.content import decoded
from sijill.archive.errors import MalformedWarc
from sijill.archive.warc.http_message import ResponseParser
from sijill.archive.warc.reader import Record, read_records
from sijill.archive.warc.record import RecordType
from sijill.flows.reading.rows import NOT_AS_EXPECTED
from sijill.provenance.attest.envelope import MAX_ENVELOPE
from sijill.provenance.log.layout import attestation_key
from sijill.storage.errors import NotAnObject, NotFound, ObjectTooLarge
from sijill.storage.layout import object_key
from sijill.storage.store import Store

LARGEST = 64 << 20
"""Most bytes of a page or document, without content coding, that a reader is given."""
_DOM = "dom.html"
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9:_.\-]{1,60})", re.IGNORECASE)


class SourceUnusable(Exception):
    """What a capture is read from is not there, or is not what its attestation says."""

    def __init__(self, capture_id: str, reason: str) -> None:
        # Both, so that it passes between processes.
        super().__init__(capture_id, reason)
        self.capture_id = capture_id
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.capture_id}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Attested:
    """What the attestation of a capture says of that which is to be read."""

    capture_id: str
    url: str
    sha256: str
    """Of the body as it was sent, without chunk framing; or of the page's elements as a browser had them."""
    size: int
    media_type: str | None
    not_after: date
    """The day after the capture."""
    key: str
    """Of the object that holds it."""
    record: str | None
    """The record of the WARC that holds it; None if the object itself is what is read."""
    unread: str | None = None
    """Why it is not read, if it is not."""


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes to be read."""

    data: bytes
    """Without content coding; more than `LARGEST` bytes are cut off one behind it."""
    media_type: str | None
    charset: str | None
    unread: str | None = None
    """Why there are none, if they are in a content coding that is not known."""
    notes: tuple[str, ...] = ()


def attested_source(store: Store, capture_id: str) -> Attested | None:
    """What is to be read of a capture; None if it reached no page.

    Raises:
        SourceUnusable: there is no attestation of a capture under this id.
        StorageError: the store failed.
    """
    try:
        envelope = store.read(attestation_key(capture_id), limit=MAX_ENVELOPE)
        statement = json.loads(base64.b64decode(json.loads(envelope)["payload"], validate=True))
        return _attested(capture_id, statement)
    except (NotAnObject, NotFound, ObjectTooLarge) as err:
        raise SourceUnusable(capture_id, f"its attestation cannot be read: {err}") from err
    except NOT_AS_EXPECTED as err:
        raise SourceUnusable(capture_id, f"not the attestation of a capture: {type(err).__name__}: {err}") from err


def open_source(store: Store, attested: Attested) -> Source:
    """The bytes that `attested` is about; they are what was attested, or nothing comes back.

    Raises:
        SourceUnusable: they are gone, or others.
        StorageError: the store failed.
    """
    try:
        if attested.record is None:
            data = store.read(attested.key, limit=attested.size)
            _check(attested, hashlib.sha256(data).hexdigest())
            return Source(data, attested.media_type, "utf-8")
        with store.open(attested.key) as file:
            for record in read_records(file):
                if record.id == attested.record and record.type is RecordType.RESPONSE:
                    return _payload(attested, record)
    except (NotAnObject, NotFound, ObjectTooLarge) as err:
        raise SourceUnusable(attested.capture_id, str(err)) from err
    except MalformedWarc as err:
        raise SourceUnusable(attested.capture_id, f"its WARC cannot be read: {err}") from err
    raise SourceUnusable(attested.capture_id, "its WARC does not hold the page's response")


def _attested(capture_id: str, statement: dict[str, Any]) -> Attested | None:
    predicate, warc = statement["predicate"], statement["subject"][0]
    if predicate["captureId"] != capture_id:
        raise ValueError("of another capture")
    if predicate["finalUrl"] is None:
        return None
    page = [one for one in predicate["exchanges"] if one["purpose"] == "page"][-1]
    not_after = datetime.fromisoformat(predicate["times"]["started"]).date() + timedelta(days=1)
    url, status = str(predicate["finalUrl"]), page["status"]
    refused = None if status is not None and 200 <= status < 300 else f"the server answered with status {status}"
    for subject in statement["subject"]:
        if subject["name"] == _DOM:
            sha256, size = str(subject["digest"]["sha256"]), int(subject["annotations"]["size"])
            return Attested(
                capture_id, url, sha256, size, "text/html", not_after, object_key(sha256), None, unread=refused
            )
    payload = page["payload"]
    kept = None if page["revisit"] is None else f"its body is kept by the capture {page['revisit']['captureId']}"
    return Attested(
        capture_id=capture_id,
        url=url,
        sha256=hashlib.sha256(b"").hexdigest() if payload is None else str(payload["digest"]["sha256"]),
        size=0 if payload is None else int(payload["size"]),
        media_type=None if page["mediaType"] is None else str(page["mediaType"]),
        not_after=not_after,
        key=object_key(str(warc["digest"]["sha256"])),
        record=str(page["record"]),
        unread=refused or kept,
    )


def _payload(attested: Attested, record: Record) -> Source:
    parser = ResponseParser()
    digest = hashlib.sha256()
    pieces = _pieces(parser, record, digest)
    first = next(pieces, b"")
    headers = parser.head.headers if parser.head is not None else ()
    content = decoded(_chained(first, pieces), headers, limit=LARGEST + 1)
    for _ in pieces:  # what was not wanted any more counts for the digest
        pass
    _check(attested, digest.hexdigest())
    stated = next((value for name, value in headers if name.lower() == "content-type"), "")
    charset = _CHARSET.search(stated)
    cut = len(content.data) > LARGEST
    problem = None if cut else content.problem or parser.problem
    nothing = problem if not content.data and content.problem is not None and not cut else None
    notes = () if problem is None else (f"the body is not whole: {problem}",)
    return Source(content.data, attested.media_type, charset[1] if charset else None, nothing, notes)


def _pieces(parser: ResponseParser, record: Record, digest: Any) -> Iterator[bytes]:
    for chunk in record.chunks():
        for piece in parser.feed(chunk):
            digest.update(piece)
            yield bytes(piece)
    parser.finish()


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _check(attested: Attested, sha256: str) -> None:
    if sha256 != attested.sha256:
        raise SourceUnusable(attested.capture_id, f"what is stored has the SHA-256 {sha256}, not the attested one")
