"""The index of what a site's captures hold of sub-resources: a note in the store that may be lost at any time.

`pending/resources/<site>` says for each URL which capture's record holds its last full response, where that record is,
and which run asked for it last. Nothing in it is believed: it only says where to look.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sijill.flows.errors import SijillError
from sijill.storage.layout import CAPTURE_ID, PENDING

LARGEST = 16 << 20
"""Bytes of an index."""
MOST = 10_000
"""URLs in an index; those that were asked for last stay."""


class UnreadableIndex(SijillError):
    """An index is not what `format_index` writes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where the response record of a URL is."""

    capture_id: str
    record: str
    offset: int
    """Of its gzip member in that capture's WARC."""
    length: int
    run_id: str
    """The last run in which it was received, or the server said that it is unchanged."""


def index_key(site_id: str) -> str:
    """Where the index of a site is."""
    return f"{PENDING}resources/{site_id}"


def format_index(entries: Mapping[str, Entry]) -> bytes:
    """The last `MOST` entries by URL, in their order."""
    kept: Iterable[tuple[str, Entry]] = list(entries.items())[-MOST:]
    rows = [[url, one.capture_id, one.record, one.offset, one.length, one.run_id] for url, one in kept]
    return json.dumps({"resources": rows}, separators=(",", ":")).encode()


def parse_index(data: bytes) -> dict[str, Entry]:
    """The entries of an index by URL.

    Raises:
        UnreadableIndex: it is not one.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as err:
        raise UnreadableIndex("not JSON") from err
    rows = value.get("resources") if isinstance(value, dict) else None
    if not isinstance(rows, list):
        raise UnreadableIndex("no list of resources")
    return dict(_entry(row) for row in rows)


def _entry(row: Any) -> tuple[str, Entry]:
    if not isinstance(row, list) or [type(item) for item in row] != [str, str, str, int, int, str]:
        raise UnreadableIndex(f"no entry: {str(row)[:200]}")
    url, capture_id, record, offset, length, run_id = row
    if not CAPTURE_ID.fullmatch(capture_id) or offset < 0 or length < 1:
        raise UnreadableIndex(f"no entry: {str(row)[:200]}")
    return url, Entry(capture_id, record, offset, length, run_id)
