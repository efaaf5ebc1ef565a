"""The names of objects in a store. Pure: text in, text out."""

from __future__ import annotations

import re
from datetime import date, datetime

from sijill.storage.errors import BadKey, ImmutableKey

OBJECTS = "objects/"
CAPTURES = "captures/"
LOG = "log/"
QUEUE = "queue/"
PROBE = "probe/"
"""Canary objects, by which a store is tried out; they come and go."""
PENDING = "pending/"
"""What is to be asked of others again: timestamps that an authority did not give yet."""
READINGS = "readings/"
"""What readers made of captures: derived data, made anew at any time, and no evidence."""
TRUST = "trust/"
CHECKPOINT = "log/checkpoint"

KEY_LENGTH = 512
SEGMENT_LENGTH = 128

CAPTURE_ID = re.compile(r"[0-9]{8}t[0-9]{6}z-[a-z2-7]{12}")
"""To be used with `fullmatch`; `capture_started` also checks that the time exists."""

# Lower case only, so that file systems that do not tell cases apart hold every key. A segment begins with a letter or
# digit, so that `.`, `..` and a store's own hidden names are no keys, and ends with one: some file systems drop dots.
_SEGMENT = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_SEGMENT_BEGINNING = re.compile(r"(?:[a-z0-9][a-z0-9._-]*)?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ATTESTATION = "attestation.dsse.json"


def is_segment(text: str) -> bool:
    """Whether `text` may stand between the slashes of a key."""
    return len(text) <= SEGMENT_LENGTH and _SEGMENT.fullmatch(text) is not None


def check_key(key: str) -> None:
    """Refuse whatever is not a key: segments of lower-case ASCII letters, digits, `.`, `_` and `-`, joined by `/`.

    Raises:
        BadKey: empty, too long, or a segment is empty, too long or of other characters.
    """
    _check(key, last=_SEGMENT)


def is_key(text: str) -> bool:
    """Whether `text` is a key, and not the name of something that no store of sijill made."""
    return len(text) <= KEY_LENGTH and all(is_segment(segment) for segment in text.split("/"))


def check_prefix(prefix: str) -> None:
    """Refuse whatever no key can begin with. The empty prefix is that of all keys.

    Raises:
        BadKey: as for a key; the last segment may be empty or unfinished.
    """
    _check(prefix, last=_SEGMENT_BEGINNING)


def is_mutable(key: str) -> bool:
    """Whether the object may be replaced and deleted. All others stay as they were first stored."""
    return key == CHECKPOINT or key.startswith((QUEUE, PROBE, PENDING, READINGS))


def check_mutable(key: str) -> None:
    """Refuse whatever may not be replaced or deleted.

    Raises:
        BadKey: it is not a key.
        ImmutableKey: its object is kept for good.
    """
    check_key(key)
    if not is_mutable(key):
        raise ImmutableKey(key)


def check_immutable(key: str) -> None:
    """Refuse whatever is not kept for good.

    Raises:
        BadKey: it is not a key, or its object may be replaced and deleted.
    """
    check_key(key)
    if is_mutable(key):
        raise BadKey(key, "may be replaced and deleted, so it cannot be locked")


def object_key(sha256: str) -> str:
    """The key of immutable bytes, by their SHA-256 in lowercase hexadecimal.

    Raises:
        BadKey: `sha256` is not 64 lowercase hexadecimal digits.
    """
    if not _SHA256.fullmatch(sha256):
        raise BadKey(sha256, "not 64 lowercase hexadecimal digits")
    return f"{OBJECTS}sha256/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def capture_started(capture_id: str) -> datetime:
    """The time a capture id begins with, in UTC, to the second.

    Raises:
        BadKey: `capture_id` is not a capture id, or its time does not exist.
    """
    if not CAPTURE_ID.fullmatch(capture_id):
        raise BadKey(capture_id, "not a capture id")
    try:
        # Not by strptime, whose first use costs a command 15 ms.
        return datetime.fromisoformat(f"{capture_id[:15].upper()}+00:00")
    except ValueError as err:
        raise BadKey(capture_id, "the time of this capture id does not exist") from err


def captures_on(day: date) -> str:
    """The prefix of all keys of captures begun on `day` (UTC)."""
    return f"{CAPTURES}{day.isoformat().replace('-', '/')}/"


def capture_prefix(capture_id: str) -> str:
    """The prefix of all keys of one capture.

    Raises:
        BadKey: `capture_id` is not a capture id.
    """
    return f"{captures_on(capture_started(capture_id).date())}{capture_id}/"


def attestation_key(capture_id: str) -> str:
    """The key of a capture's attestation.

    Raises:
        BadKey: `capture_id` is not a capture id.
    """
    return capture_prefix(capture_id) + _ATTESTATION


def leaf_index_key(capture_id: str) -> str:
    """The key of the place of a capture's entry in the log.

    Raises:
        BadKey: `capture_id` is not a capture id.
    """
    return capture_prefix(capture_id) + "leaf-index"


def queue_key(capture_id: str) -> str:
    """The key of a capture's entry that waits for the log.

    Raises:
        BadKey: `capture_id` is not a capture id.
    """
    capture_started(capture_id)
    return QUEUE + capture_id


def reading_key(reader: str, capture_id: str) -> str:
    """The key of what a version of the reader, such as `sijill-reader/1`, made of a capture.

    Raises:
        BadKey: `capture_id` is not a capture id.
    """
    capture_started(capture_id)
    return f"{READINGS}{reader}/{capture_id}.json"


def attested_capture(key: str) -> str | None:
    """The capture id whose attestation has this key, or None if it is the key of something else.

    Raises:
        BadKey: the key looks like an attestation's, but stands in the wrong folder or its capture id is none.
    """
    if not key.startswith(CAPTURES) or not key.endswith("/" + _ATTESTATION):
        return None
    capture_id = key.split("/")[-2]
    if attestation_key(capture_id) != key:
        raise BadKey(key, "an attestation in the wrong folder")
    return capture_id


def _check(text: str, *, last: re.Pattern[str]) -> None:
    if len(text) > KEY_LENGTH:
        raise BadKey(text, f"longer than {KEY_LENGTH} characters")
    *folders, name = text.split("/")
    for segment, form in (*((folder, _SEGMENT) for folder in folders), (name, last)):
        if not form.fullmatch(segment):
            raise BadKey(text, f"{segment[:80]!r} is not lower-case letters and digits, with . _ - inside only")
        if len(segment) > SEGMENT_LENGTH:
            raise BadKey(text, f"a segment is longer than {SEGMENT_LENGTH} characters")
