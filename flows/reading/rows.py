"""Attestations and readings as rows of the catalog."""

from __future__ import annotations

import base64
import calendar
import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from urllib.parse import urldefrag, urljoin

from sijill.archive.catalog.rows import CaptureRow, PageLink, PublishedOn, ReadingRow, SignatoryRow
from sijill.provenance.attest.envelope import envelope_sha256

NOT_AS_EXPECTED = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What JSON of another form than the expected one leads to."""


class UnusableAttestation(Exception):
    """What is stored as an attestation is none."""


class UnusableReading(Exception):
    """What is stored as a reading is none."""


def capture_row(leaf_index: int, envelope: bytes) -> CaptureRow:
    """The attestation of a capture as a row.

    Only what the catalog needs is taken from it. That these are the bytes which the log holds, so that they were
    parsed strictly before they were signed, is for the caller to see to.

    Raises:
        UnusableAttestation: it is none.
    """
    try:
        statement = json.loads(base64.b64decode(json.loads(envelope)["payload"], validate=True))
        return _capture_row(leaf_index, envelope_sha256(envelope), statement)
    except NOT_AS_EXPECTED as err:
        raise UnusableAttestation(f"not the attestation of a capture: {type(err).__name__}: {err}") from err


def _capture_row(leaf_index: int, sha256: str, statement: dict[str, Any]) -> CaptureRow:
    predicate, warc = statement["predicate"], statement["subject"][0]
    final_url = _text_or_none(predicate["finalUrl"])
    # The last hop of the page itself; what the page needed comes with another purpose.
    hops = [one for one in predicate["exchanges"] if one["purpose"] == "page"]
    payload = hops[-1]["payload"] if hops and final_url is not None else None
    return CaptureRow(
        capture_id=str(predicate["captureId"]),
        leaf_index=leaf_index,
        envelope_sha256=sha256,
        target=str(predicate["target"]),
        final_url=final_url,
        started=datetime.fromisoformat(predicate["times"]["started"]),
        outcome=str(predicate["outcome"]),
        warc_sha256=str(warc["digest"]["sha256"]),
        payload_sha256=None if payload is None else str(payload["digest"]["sha256"]),
        media_type=_text_or_none(hops[-1]["mediaType"]) if hops else None,
    )


def reading_row(capture_id: str, data: bytes) -> ReadingRow:
    """A stored reading, the JSON of `reading_json`, as a row.

    Raises:
        UnusableReading: it is not such JSON.
    """
    try:
        return _reading_row(capture_id, json.loads(data))
    except NOT_AS_EXPECTED as err:
        raise UnusableReading(f"{capture_id}: {err}") from err


def _reading_row(capture_id: str, value: dict[str, Any]) -> ReadingRow:
    page = str(value["url"])
    return ReadingRow(
        capture_id=capture_id,
        reader=str(value["reader"]),
        source_sha256=str(value["source_sha256"]),
        kind=str(value["kind"]),
        title=_text_or_none(value["title"]["value"]),
        published=_published(value["date"]["value"]),
        language=_text_or_none(value["language"]["value"]),
        text=str(value["text"]),
        issuers=tuple(str(name) for name in value["issuers"]),
        signatories=tuple(_signatory(one) for listed in value["signatories"] for one in listed["signatories"]),
        links=tuple(_links(page, value)),
        reasons={
            "kind": str(value["kind_reason"]),
            "title": str(value["title"]["reason"]),
            "date": str(value["date"]["reason"]),
            "language": str(value["language"]["reason"]),
            "signatories": str(value["signatories_reason"]),
        },
    )


def _signatory(value: dict[str, Any]) -> SignatoryRow:
    number = value["number"]
    return SignatoryRow(
        verbatim=str(value["verbatim"]),
        key=str(value["key"]),
        organisation=_text_or_none(value["organisation"]),
        number=None if number is None else int(number),
        start=int(value["place"]["start"]),
        end=int(value["place"]["end"]),
    )


def _published(value: dict[str, Any] | None) -> PublishedOn | None:
    if value is None:
        return None
    first = date.fromisoformat(value["date"])
    precision = str(value["precision"])
    last = first
    if precision != "day":
        first = first.replace(day=1)
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return PublishedOn(first, last, precision, str(value["source"]), str(value["verbatim"]))


def _links(page: str, value: dict[str, Any]) -> Iterator[PageLink]:
    for one in value["versions"]:
        yield PageLink(_absolute(page, one["url"]), "language")
    for one in value["teasers"]:
        yield PageLink(_absolute(page, one["url"]), "teaser")


def _absolute(page: str, url: str) -> str:
    return urldefrag(urljoin(page, url))[0]


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)
