"""A WARC edited where no digest in it looks."""

from __future__ import annotations

import re
import zlib

from captures import records_of


def with_later_date(warc: bytes) -> bytes:
    """The WARC with each date a year later, every record compressed anew; blocks and their digests are as before."""
    return b"".join(_deflated(_later(record)) for record in records_of(warc))


def _later(record: bytes) -> bytes:
    head, empty, block = record.partition(b"\r\n\r\n")
    year = re.search(rb"WARC-Date: (\d{4})", head)
    return head.replace(year[0], b"WARC-Date: %d" % (int(year[1]) + 1)) + empty + block


def _deflated(record: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=31)
    return deflater.compress(record) + deflater.flush()
