"""What a response holds, for reading it: the body without chunk framing and content coding, up to a limit.

Nothing here touches what is recorded.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from sijill.archive.capture.exchange import Response
from sijill.archive.capture.http1 import HeaderTooLarge, MalformedResponse, ResponseReader
from sijill.archive.digest import chunks

_GZIP = 16 + zlib.MAX_WBITS
_CODINGS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}
_PLAIN = frozenset({"", "identity", "chunked"})


@dataclass(frozen=True, slots=True)
class Content:
    """The decoded body of a response, as far as it could be had."""

    data: bytes
    problem: str | None
    """Why `data` is not all of it: coding not known, coded wrongly, more than the limit. None if it is all."""


def payload(response: Response, method: str = "GET") -> Iterator[bytes]:
    """The de-chunked body in pieces, its content coding kept, as far as the response goes."""
    pieces: list[bytes] = []
    reader = ResponseReader(method, header_limit=response.raw.size, payload=lambda piece: pieces.append(bytes(piece)))
    with response.raw.open() as raw:
        for data in chunks(raw):
            try:
                reader.feed(data)
            except (MalformedResponse, HeaderTooLarge):  # the exchange says so too; what came before it counts
                yield from pieces
                return
            yield from pieces
            pieces.clear()


def decode(response: Response, *, limit: int) -> Content:
    """The body as the page's author wrote it, at most `limit` bytes of it.

    However much a compressed body would swell, no more than `limit` bytes and one piece of input are held.
    """
    return decoded(payload(response), response.headers, limit=limit)


def decoded(pieces: Iterator[bytes], headers: Iterable[tuple[str, str]], *, limit: int) -> Content:
    """As `decode`, from the de-chunked body in pieces and the headers that came with it."""
    coding = ",".join(v for k, v in headers if k.lower() in {"content-encoding", "transfer-encoding"})
    names = [name for part in coding.split(",") if (name := part.strip().lower()) not in _PLAIN]
    if not names:
        return _bounded(pieces, limit)
    if len(names) > 1 or names[0] not in _CODINGS:
        return Content(b"", f"its content coding {', '.join(names)[:80]!r} is not one that sijill reads")
    return _inflate(pieces, names[0], limit)


def _bounded(pieces: Iterator[bytes], limit: int) -> Content:
    data = bytearray()
    for piece in pieces:
        data += piece[: limit + 1 - len(data)]
        if len(data) > limit:
            return Content(bytes(data[:limit]), f"it is larger than the {limit} bytes that are read")
    return Content(bytes(data), None)


def _inflate(pieces: Iterator[bytes], coding: str, limit: int) -> Content:
    beginning = b""
    while len(beginning) < 2 and (piece := next(pieces, b"")):
        beginning += piece
    if not beginning:
        return Content(b"", None)
    window = _CODINGS[coding]
    if coding == "deflate" and not _has_zlib_header(beginning):
        window = -zlib.MAX_WBITS  # RFC 9110 §8.4.1.2: some send it without zlib's header
    data = bytearray()
    inflater = zlib.decompressobj(window)
    whole = -1  # bytes in `data` that end with a whole stream
    for piece in chain([beginning], pieces):
        left = piece
        while left:
            try:
                data += inflater.decompress(left, limit + 1 - len(data))
            except zlib.error as err:
                # What follows a whole stream and is no stream itself is padding, as browsers take it.
                return Content(bytes(data), None if len(data) == whole else f"it is not {coding} all through ({err})")
            if len(data) > limit:
                return Content(bytes(data[:limit]), f"it is larger than the {limit} bytes that are read")
            left = inflater.unconsumed_tail
            if inflater.eof:
                left = inflater.unused_data
                inflater = zlib.decompressobj(window)  # RFC 1952 §2.2: members may follow each other
                whole = len(data)
    return Content(bytes(data), None if len(data) == whole else f"its {coding} coding breaks off")


def _has_zlib_header(data: bytes) -> bool:
    """RFC 1950 §2.2: method 8, and the first two bytes a multiple of 31."""
    return len(data) >= 2 and data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0
