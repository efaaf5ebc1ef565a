"""The elements of DER (X.690) as they came, for what must be taken byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SEQUENCE: Final = 0x30
"""The tag of a sequence."""
_MOST_ELEMENTS: Final = 100
_LONG_LENGTH: Final = 0x80


@dataclass(frozen=True, slots=True)
class Element:
    """One element."""

    tag: int
    """The identifier octet."""
    whole: bytes
    contents: bytes

    @property
    def elements(self) -> list[Element]:
        """What a constructed element consists of.

        Raises:
            ValueError: see `elements`.
        """
        return elements(self.contents)


def elements(data: bytes) -> list[Element]:
    """The elements that `data` is a row of.

    Raises:
        ValueError: it is not, or one has a tag of several octets, an indefinite length, or a length not in the
            shortest form; or there are more than 100.
    """
    found: list[Element] = []
    place = 0
    while place < len(data):
        if len(found) == _MOST_ELEMENTS:
            raise ValueError(f"more than {_MOST_ELEMENTS} elements in one")
        begin, end = _contents(data, place)
        found.append(Element(data[place], data[place:end], data[begin:end]))
        place = end
    return found


def element(tag: int, *contents: bytes) -> bytes:
    """An element of DER with these contents, one after the other."""
    joined = b"".join(contents)
    length = len(joined)
    if length < _LONG_LENGTH:
        return bytes((tag, length)) + joined
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((tag, _LONG_LENGTH + len(octets))) + octets + joined


def _contents(data: bytes, place: int) -> tuple[int, int]:
    """Where the contents of the element at `place` begin and end."""
    if data[place] & 0x1F == 0x1F:
        raise ValueError("a tag of several octets")
    begin = place + 2
    length = data[place + 1] if place + 1 < len(data) else len(data)
    if length >= _LONG_LENGTH:
        octets = data[begin : begin + length - _LONG_LENGTH]
        begin += length - _LONG_LENGTH
        length = int.from_bytes(octets)
        # X.690 §10.1: as few octets as the length takes.
        if length < _LONG_LENGTH or octets[0] == 0:
            raise ValueError("a length that is not in its shortest form")
    if begin + length > len(data):
        raise ValueError("an element is longer than what it is in")
    return begin, begin + length
