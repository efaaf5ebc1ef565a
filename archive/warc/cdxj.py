"""The index of a WARC: one CDXJ line per response, as cdxj-indexer and pywb write and read it.

A line is `<SURT> <14-digit UTC time> <JSON>`. Everything in it is computed from the record's bytes; `digest` is of the
payload without chunk framing, also where the record has no `WARC-Payload-Digest`. Records that no URL of the web leads
to (`urn:` resources, the fetch log) are left out: replay tools tell from the first key whether an index has SURT keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from sijill.archive.warc.examine import ExaminedRecord, ExaminedResponse
from sijill.archive.warc.record import WARC_NAME
from sijill.archive.warc.surt import surt


def index_lines(records: Iterable[ExaminedRecord], *, filename: str = WARC_NAME) -> bytes:
    """The CDXJ lines of the response records, sorted bytewise; empty if there are none.

    Args:
        records: of one WARC, examined.
        filename: the name of the WARC beside the index.
    """
    lines = {_line(record, record.response, filename) for record in records if record.response is not None}
    return b"".join(sorted(lines))


def timestamp(warc_date: str) -> str:
    """`2026-11-21T01:16:30.123456Z` -> `20261121011630`."""
    return re.sub(r"[^0-9]", "", warc_date)[:14]


def _line(record: ExaminedRecord, response: ExaminedResponse, filename: str) -> bytes:
    url = record.field("WARC-Target-URI") or ""
    head = response.head
    entry = {"url": url}
    if head is not None and head.media_type is not None:
        entry["mime"] = head.media_type
    if head is not None:
        entry["status"] = str(head.status)
    entry |= {
        "digest": str(response.payload.sha256),
        "length": str(record.length),
        "offset": str(record.offset),
        "filename": filename,
    }
    return f"{_key(url)} {timestamp(record.field('WARC-Date') or '')} {json.dumps(entry)}\n".encode("ascii")


def _key(url: str) -> str:
    try:
        return surt(url)
    except ValueError:  # a port that is no number: the reader's grammar lets it pass, replay will not ask for it
        return url
