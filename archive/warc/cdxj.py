"""The index of a WARC: one CDXJ line per response or revisit, as cdxj-indexer and pywb write and read it.

A line is `<SURT> <14-digit UTC time> <JSON>`. Everything in it is computed from the record's bytes; `digest` is of the
payload without chunk framing, also where the record has no `WARC-Payload-Digest`; of a revisit it is the one that the
record states, by which replay tools find the payload. A revisit with status 304 has no line: pywb would replay that
answer, without a body, where without the line it takes the record that the revisit stands for. Records that no URL of
the web leads to (`urn:` resources, the fetch log) are left out: replay tools tell from the first key whether an index
has SURT keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

from sijill.archive.warc.examine import ExaminedRecord
from sijill.archive.warc.http_message import ResponseHead
from sijill.archive.warc.record import WARC_NAME
from sijill.archive.warc.surt import surt

DEPENDENCIES_NAME: Final = "dependencies.warc.gz"
"""The name of the file beside the WARC that holds what its revisit records stand for."""
_REVISIT: Final = "warc/revisit"
_NOT_MODIFIED: Final = 304


def index_lines(records: Iterable[ExaminedRecord], dependencies: Iterable[ExaminedRecord] = ()) -> bytes:
    """The CDXJ lines of the response and revisit records, sorted bytewise; empty if there are none.

    Args:
        records: of the WARC, examined.
        dependencies: of the file with what its revisit records stand for, examined.
    """
    lines = {line for record in records if (line := _line(record, WARC_NAME)) is not None}
    lines |= {line for record in dependencies if (line := _line(record, DEPENDENCIES_NAME)) is not None}
    return b"".join(sorted(lines))


def timestamp(warc_date: str) -> str:
    """`2026-11-21T01:16:30.123456Z` -> `20261121011630`."""
    return re.sub(r"[^0-9]", "", warc_date)[:14]


def _line(record: ExaminedRecord, filename: str) -> bytes | None:
    if record.response is not None:
        head, digest = record.response.head, str(record.response.payload.sha256)
        mime = None if head is None else head.media_type
    elif record.revisit is not None and (record.revisit.head is None or record.revisit.head.status != _NOT_MODIFIED):
        head, digest = record.revisit.head, record.field("WARC-Payload-Digest") or ""
        mime = _REVISIT
    else:
        return None
    url = record.field("WARC-Target-URI") or ""
    entry = {"url": url} | ({} if mime is None else {"mime": mime}) | _status(head)
    entry |= {
        "digest": digest,
        "length": str(record.length),
        "offset": str(record.offset),
        "filename": filename,
    }
    return f"{_key(url)} {timestamp(record.field('WARC-Date') or '')} {json.dumps(entry)}\n".encode("ascii")


def _status(head: ResponseHead | None) -> dict[str, str]:
    return {} if head is None else {"status": str(head.status)}


def _key(url: str) -> str:
    try:
        return surt(url)
    except ValueError:  # a port that is no number: the reader's grammar lets it pass, replay will not ask for it
        return url
