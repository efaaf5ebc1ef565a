"""Times as attestations write them (RFC 3339, UTC, microseconds), and the time inside a capture id."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from sijill.provenance.errors import MalformedCaptureId, MalformedTimestamp

CAPTURE_ID = re.compile(r"[0-9]{8}t[0-9]{6}z-[a-z2-7]{12}")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


def format_timestamp(moment: datetime) -> str:
    """`moment` as `2026-11-21T01:16:30.123456Z`.

    Raises:
        MalformedTimestamp: `moment` does not say its offset from UTC.
    """
    if moment.utcoffset() is None:
        raise MalformedTimestamp(f"{moment.isoformat()}: no offset from UTC")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> datetime:
    """The moment that `format_timestamp` wrote as `text`, in UTC.

    Raises:
        MalformedTimestamp: `text` has another form or names no moment; leap seconds are not written.
    """
    if not _TIMESTAMP.fullmatch(text):
        raise MalformedTimestamp(f"not like 2026-11-21T01:16:30.123456Z: {text[:40]!r}")
    try:
        return datetime.fromisoformat(text)
    except ValueError as err:
        raise MalformedTimestamp(f"no such moment: {text}") from err


def capture_id_time(capture_id: str) -> datetime:
    """The second in UTC at which the capture of this id began, as the id says.

    Raises:
        MalformedCaptureId: the id is not of the form `20261121t011630z-k3j5x2m4q7ab`, or names no moment.
    """
    if not CAPTURE_ID.fullmatch(capture_id):
        raise MalformedCaptureId(f"not a capture id: {capture_id[:80]!r}")
    try:
        # Not by strptime, whose first use costs a command 15 ms.
        return datetime.fromisoformat(f"{capture_id[:15].upper()}+00:00")
    except ValueError as err:
        raise MalformedCaptureId(f"no such moment: {capture_id}") from err
