"""What requests ask for, within bounds: nothing of it reaches a store or the catalog unchecked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from starlette.requests import Request

from sijill.viewer.errors import BadRequest, NotHere

ENTRY_ID: Final = re.compile(r"[0-9]{8}t[0-9]{6}z-[a-z2-7]{12}")
SITE_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
FILE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
LONGEST_TEXT: Final = 300
"""Characters of a text to search for, or of a name."""
ROWS: Final = 50
"""Of a page of most lists."""
_MOST_PAGES: Final = 20_000
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,14}")
_DATE: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")


def entry_id(request: Request) -> str:
    """The id that the address names.

    Raises:
        NotHere: it is not of the form of ids.
    """
    return _matching(ENTRY_ID, request.path_params["id"])


def site_id(request: Request) -> str:
    """The organisation that the address names; raises as `entry_id` does."""
    return _matching(SITE_ID, request.path_params["id"])


def file_name(request: Request) -> str:
    """The file that the address names; raises as `entry_id` does."""
    return _matching(FILE_NAME, request.path_params["name"])


def index(request: Request) -> int:
    """The place in the log that the address names; raises as `entry_id` does."""
    return int(_matching(_NUMBER, request.path_params["index"]))


def number(request: Request, name: str) -> int | None:
    """A number that is asked for; None if there is none.

    Raises:
        BadRequest: it is no number.
    """
    text = request.query_params.get(name, "")
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise BadRequest(f"{name}: not a number")
    return int(text)


def asked_id(request: Request, name: str) -> str | None:
    """An id that is asked for as a parameter; None if there is none.

    Raises:
        BadRequest: it is not of the form of ids.
    """
    text = request.query_params.get(name, "")
    if text and not ENTRY_ID.fullmatch(text):
        raise BadRequest(f"{name}: not an id")
    return text or None


def text(request: Request, name: str) -> str:
    """A text that is asked for, without white space around it; empty if there is none.

    Raises:
        BadRequest: it is too long.
    """
    found = request.query_params.get(name, "").strip()
    if len(found) > LONGEST_TEXT:
        raise BadRequest(f"{name}: longer than {LONGEST_TEXT} characters")
    return found.replace("\0", "")


def day(request: Request, name: str, *, last: bool) -> date | None:
    """A day that is asked for, or the first or last one of a month or year; None if there is none.

    Raises:
        BadRequest: it is no date.
    """
    found = text(request, name)
    if not found:
        return None
    parts = _DATE.fullmatch(found)
    if parts is None:
        raise BadRequest(f"{name}: write 2018-11-15, 2018-11 or 2018")
    try:
        year, month, of_month = int(parts[1]), parts[2], parts[3]
        if last and of_month is None:
            turn = (year + 1, 1) if month in (None, "12") else (year, int(month) + 1)
            return date(*turn, 1) - timedelta(days=1)
        return date(year, int(month or 1), int(of_month or 1))
    except ValueError as err:
        raise BadRequest(f"{name}: there is no such day") from err


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page of a list."""

    number: int
    """From 1."""
    size: int

    @property
    def offset(self) -> int:
        """Rows before it."""
        return (self.number - 1) * self.size

    def last(self, total: int) -> int:
        """The number of the last page of a list of so many rows."""
        return max(1, -(-total // self.size))


def leaf(request: Request, size: int, *, name: str = "page") -> Leaf:
    """Which page of a list is asked for.

    Raises:
        BadRequest: it is no number from 1 on, or too large.
    """
    asked = number(request, name)
    if asked is None:
        return Leaf(1, size)
    if not 1 <= asked <= _MOST_PAGES:
        raise BadRequest(f"{name}: not from 1 to {_MOST_PAGES}")
    return Leaf(asked, size)


def _matching(form: re.Pattern[str], value: str) -> str:
    if not form.fullmatch(value):
        raise NotHere(f"{value[:100]!r}: no such address")
    return value
