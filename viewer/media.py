"""Files out of the archive: only of types that can do nothing in a browser, and only if they are what was signed.

An archived page is never given out as HTML here: what it could do, it would do to this origin.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Final

from starlette.responses import Response, StreamingResponse

from sijill.archive.digest import chunks, digest_bytes, digest_stream
from sijill.provenance.attest.members import Subject
from sijill.viewer.errors import Refused
from sijill.viewer.source import ArchiveSource

_IN_MEMORY: Final = 16 << 20
"""Bytes; what is larger is read twice: once to see what it is, and once to be sent."""
_SHOWN: Final = {"image/png": "image/png", "text/plain": "text/plain; charset=utf-8", "text/html": "text/plain"}
"""How a file may be shown in the browser, by its own type."""
_KEPT: Final = {"application/pdf": "application/pdf"}
_UNKNOWN: Final = "application/octet-stream"
_HEADERS: Final = {"Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'"}


def subject_response(source: ArchiveSource, subject: Subject) -> Response:
    """The bytes of a subject.

    Raises:
        NotHere: they are not in the store.
        Refused: they are not what was signed.
    """
    media_type = _SHOWN.get(subject.media_type)
    name = subject.name if subject.media_type != "text/html" else f"{subject.name}.txt"
    shown = "inline" if media_type is not None else "attachment"
    headers = {**_HEADERS, "Content-Disposition": f'{shown}; filename="{name}"'}
    media_type = media_type or _KEPT.get(subject.media_type, _UNKNOWN)
    with source.open_object(subject.digest.sha256) as stored:
        if subject.digests.size <= _IN_MEMORY:
            data = stored.read(_IN_MEMORY + 1)
            found = digest_bytes(data)
        else:
            data, found = None, digest_stream(stored)
    if found != subject.digests:
        raise Refused(f"{subject.name}: the stored bytes are not those that were signed")
    if data is not None:
        return Response(data, media_type=media_type, headers=headers)
    headers["Content-Length"] = str(subject.digests.size)
    pieces = _pieces(source.open_object(subject.digest.sha256))
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def _pieces(opened: AbstractContextManager[BinaryIO]) -> Iterator[bytes]:
    with opened as stored:
        yield from chunks(stored)
