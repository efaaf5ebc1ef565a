"""Reading what is to be stored."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from blake3 import blake3

from sijill.storage.errors import SourceMismatch
from sijill.storage.fingerprint import Fingerprint, measure, same
from sijill.storage.store import PIECE, Source


def pieces_of(source: Source | Path) -> Generator[bytes, None, None]:
    """The bytes of `source` in pieces; it is closed at the end, or with the generator."""
    with source.open("rb") if isinstance(source, Path) else source.open() as stream:
        while piece := stream.read(PIECE):
            yield piece


def read_whole(key: str, source: Source | Path, expected: Fingerprint) -> bytes:
    """All bytes of `source`, which is small.

    What opening or reading `source` raises is passed on. Of a longer one no more is read than shows that it is longer.

    Raises:
        SourceMismatch: they are not what `expected` says.
    """
    data = b"".join(_beginning(source, expected.size))
    found = measure((data,))
    if not same(found, expected):
        raise SourceMismatch(key, expected, found)
    return data


def checked(key: str, source: Source | Path, expected: Fingerprint) -> Generator[bytes, None, None]:
    """The bytes of `source` in pieces, while size and BLAKE3 are compared; for what is read back and compared anyway.

    SHA-256 is left to the reading back: without a processor's help it takes longer than sending does.
    What opening or reading `source` raises is passed on. Of a longer one no more is read than shows that it is longer.

    Raises:
        SourceMismatch: the bytes were not what `expected` says; raised by the step that would end the iteration.
    """
    size, digest = 0, blake3()
    for piece in _beginning(source, expected.size):
        size += len(piece)
        digest.update(piece)
        if size <= expected.size:
            yield piece
    if (size, digest.digest()) != (expected.size, expected.blake3.value):
        # The message names both digests, so what is wrong is read once more.
        raise SourceMismatch(key, expected, measure(_beginning(source, expected.size)))


def _beginning(source: Source | Path, size: int) -> Iterator[bytes]:
    """The bytes of `source` to its end, or until there are more than `size`."""
    with closing(pieces_of(source)) as pieces:
        for piece in pieces:
            yield piece
            size -= len(piece)
            if size < 0:
                return


def in_parts(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in parts of `size` bytes each, the last one shorter; no part at all if there are no bytes."""
    waiting: list[bytes] = []
    held = 0
    for piece in pieces:
        rest = memoryview(piece)
        while held + len(rest) >= size:
            waiting.append(bytes(rest[: size - held]))
            rest = rest[size - held :]
            yield b"".join(waiting)
            waiting, held = [], 0
        if rest:
            waiting.append(bytes(rest))
            held += len(rest)
    if waiting:
        yield b"".join(waiting)
