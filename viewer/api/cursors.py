"""Cursors: the place in a list at which its next page begins, as text that clients hand back."""

from __future__ import annotations

import re
from typing import Final

from sijill.archive.catalog.captures import CapturePosition
from sijill.archive.catalog.statement_rows import StatementPosition
from sijill.viewer.errors import BadRequest

_CURSOR: Final = re.compile(r"(?:([0-9]{4}-[0-9]{2}-[0-9]{2}|-)\.)?([0-9]{1,15})")
_UNDATED: Final = "-"


def capture_cursor(position: CapturePosition | None) -> str | None:
    """The cursor of a place in the list of captures."""
    return None if position is None else f"{position.number}"


def capture_position(cursor: str | None) -> CapturePosition | None:
    """The place that a cursor of the list of captures means.

    Raises:
        BadRequest: it is none of ours; so does every function here that takes a cursor.
    """
    if cursor is None:
        return None
    _, number = _parse(cursor)
    return CapturePosition(number)


def statement_cursor(position: StatementPosition | None) -> str | None:
    """The cursor of a place in the list of statements."""
    return None if position is None else f"{position.day or _UNDATED}.{position.first}"


def statement_position(cursor: str | None) -> StatementPosition | None:
    """The place that a cursor of the list of statements means."""
    if cursor is None:
        return None
    day, first = _parse(cursor)
    return StatementPosition(None if day == _UNDATED else day, first)


def offset_of(cursor: str | None, most: int) -> int:
    """How many rows a cursor that counts them is behind; one that goes farther than `most` is none of ours."""
    if cursor is None:
        return 0
    day, offset = _parse(cursor)
    if day is not None or offset > most:
        raise BadRequest("cursor: not one that this list gave")
    return offset


def _parse(cursor: str) -> tuple[str | None, int]:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise BadRequest("cursor: not one that this list gave")
    return found[1], int(found[2])
