"""Writing the zip of a package, streaming; see `zip_form` for its one form."""

from __future__ import annotations

from collections.abc import Sequence

from sijill.archive.capture.exchange import Body
from sijill.archive.digest import DigestSet, HashingWriter, Sink, chunks
from sijill.archive.errors import BadMemberName, BodyChanged, TooLarge
from sijill.archive.warc.deflate import crc32
from sijill.archive.warc.zip_form import (
    DIRECTORY_LIMIT,
    END,
    MEMBER_LIMIT,
    SIZE_LIMIT,
    Member,
    bad_name,
    end_record,
)


def write_zip(members: Sequence[tuple[str, Body]], sink: Sink) -> DigestSet:
    """Write `members` to `sink` as one zip; the same members give the same bytes.

    Each body is read twice, for its CRC-32 and to be written.

    Args:
        members: name and body of each, in ascending bytewise order of names.
        sink: takes the bytes; stays open.

    Returns:
        Size and digests of the zip.

    Raises:
        BadMemberName: a name is unsafe, there twice (letter case apart), or out of order. Nothing was written.
        TooLarge: the zip would need more members or bytes than its form allows. Nothing was written.
        BodyChanged: a body was not the same size when read again; what was written is to be thrown away.
    """
    _check_names([name for name, _ in members])
    entries: list[Member] = []
    at = 0
    for name, body in members:
        size, crc = _measure(body)
        entries.append(Member(name, size, crc, at))
        at = entries[-1].end
        if at > SIZE_LIMIT - DIRECTORY_LIMIT - END.size:
            raise TooLarge(SIZE_LIMIT)
    directory = b"".join(entry.central_header() for entry in entries)
    writer = HashingWriter(sink)
    for entry, (_, body) in zip(entries, members, strict=True):
        writer.write(entry.local_header())
        _copy(entry, body, writer)
    writer.write(directory)
    writer.write(end_record(len(entries), len(directory), at))
    return writer.digests()


def _check_names(names: Sequence[str]) -> None:
    if len(names) > MEMBER_LIMIT:
        raise TooLarge(MEMBER_LIMIT)
    before = None
    folded: set[str] = set()
    for name in names:
        reason = bad_name(name, before)
        if reason is None and name.lower() in folded:
            reason = "differs from another only by letter case"
        if reason is not None:
            raise BadMemberName(name, reason)
        folded.add(name.lower())
        before = name


def _measure(body: Body) -> tuple[int, int]:
    size = crc = 0
    with body.open() as source:
        for chunk in chunks(source):
            size += len(chunk)
            crc = crc32(chunk, crc)
    return size, crc


def _copy(entry: Member, body: Body, writer: HashingWriter) -> None:
    before = writer.size
    with body.open() as source:
        for chunk in chunks(source):
            writer.write(chunk)
    if writer.size - before != entry.size:
        raise BodyChanged(entry.name, entry.size, writer.size - before)
