"""What a WARC record of sijill looks like: types, named fields, their one order and grammar (ISO 28500, WARC/1.1).

The grammar is stricter than the standard's: a writer refuses to write, and a reader to read, what it does not list.
Records that belong to no URL of the web are named by URNs. `urn:sijill:` is no registered namespace; tools that replay
archives take any `urn:` for something that is not a page, and three of them are needed:

- `urn:sijill:capture:<capture id>`: the capture itself; its metadata record is the fetch log;
- `urn:sijill:certificates:<sha256 of the PEM block>`: a certificate chain as one server sent it;
- `urn:sijill:rendering:<capture id>:<name>`: a file that a browser made of the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sijill.archive.capture.exchange import RevisitKind
from sijill.archive.errors import BadRecordField

VERSION: Final = b"WARC/1.1\r\n"
END: Final = b"\r\n\r\n"
"""What stands after every block (ISO 28500 §4)."""

WARC_NAME: Final = "data.warc.gz"
"""The one name of a capture's WARC: in its warcinfo, as subject, in the index and in packages."""

RENDERING: Final = "urn:sijill:rendering:"
"""What URIs of files begin with that a browser made of a page."""

Fields = tuple[tuple[str, str], ...]
"""Named fields in order; a name may be repeated."""


class RecordType(StrEnum):
    """The record types that sijill writes (ISO 28500 §6)."""

    WARCINFO = "warcinfo"
    RESPONSE = "response"
    REQUEST = "request"
    METADATA = "metadata"
    RESOURCE = "resource"
    REVISIT = "revisit"


REVISIT_PROFILES: Final = {
    RevisitKind.REUSED: "https://sijill.org/warc/1.1/revisit/reused",
    RevisitKind.IDENTICAL: "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
    RevisitKind.NOT_MODIFIED: "http://netpreserve.org/warc/1.1/revisit/server-not-modified",
}
"""`WARC-Profile` of each kind of revisit: two of ISO 28500 §6.7, and our own for what was not asked for again."""

_UUID = r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_DIGEST = r"sha256:[0-9a-f]{64}"
_URI = r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+"
_DATE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"

_GRAMMAR: Final[dict[str, re.Pattern[str]]] = {
    "WARC-Type": re.compile("|".join(RecordType)),
    "WARC-Record-ID": re.compile(f"<{_UUID}>"),
    "WARC-Date": re.compile(_DATE, re.ASCII),
    "WARC-Filename": re.compile(r"[a-z0-9][a-z0-9.-]*"),
    "WARC-Warcinfo-ID": re.compile(f"<{_UUID}>"),
    "WARC-Concurrent-To": re.compile(f"<{_UUID}>"),
    "WARC-Target-URI": re.compile(_URI),
    "WARC-Refers-To": re.compile(f"<{_UUID}>"),
    "WARC-Refers-To-Target-URI": re.compile(_URI),
    "WARC-Refers-To-Date": re.compile(_DATE, re.ASCII),
    "WARC-Profile": re.compile("|".join(map(re.escape, REVISIT_PROFILES.values()))),
    "WARC-IP-Address": re.compile(r"[0-9a-f.:]+"),
    "WARC-Protocol": re.compile(r"(http|tls|ssl)/[0-9](\.[0-9])?"),
    "WARC-Cipher-Suite": re.compile(_WORD),
    "WARC-Truncated": re.compile("length|time|disconnect|unspecified"),
    "WARC-Payload-Digest": re.compile(_DIGEST),
    "WARC-Block-Digest": re.compile(_DIGEST),
    "Content-Type": re.compile(rf"{_WORD}/{_WORD}(;{_WORD}={_WORD})?"),
    "Content-Length": re.compile(r"0|[1-9][0-9]*"),
}
"""Every named field, in the order in which a record has them, and what its value may be."""

_ORDER: Final = {name: place for place, name in enumerate(_GRAMMAR)}
_REPEATED: Final = frozenset({"WARC-Protocol"})

_ALWAYS = frozenset({"WARC-Type", "WARC-Record-ID", "WARC-Date", "WARC-Block-Digest", "Content-Type", "Content-Length"})
_ABOUT_A_URI = _ALWAYS | {"WARC-Warcinfo-ID", "WARC-Target-URI"}
_CONNECTION = frozenset({"WARC-IP-Address", "WARC-Protocol", "WARC-Cipher-Suite"})
# ISO 28500 §6.7.2 and §6.7.3 ask for less; with all of them a revisit says on its own what it stands for.
_REFERENCE = frozenset(
    {"WARC-Refers-To", "WARC-Refers-To-Target-URI", "WARC-Refers-To-Date", "WARC-Profile", "WARC-Payload-Digest"}
)

_REQUIRED: Final[dict[RecordType, frozenset[str]]] = {
    RecordType.WARCINFO: _ALWAYS | {"WARC-Filename"},
    RecordType.RESPONSE: _ABOUT_A_URI,
    RecordType.REQUEST: _ABOUT_A_URI,
    RecordType.METADATA: _ABOUT_A_URI,
    RecordType.RESOURCE: _ABOUT_A_URI,
    RecordType.REVISIT: _ABOUT_A_URI | _REFERENCE,
}
_ALLOWED: Final[dict[RecordType, frozenset[str]]] = {
    **_REQUIRED,
    RecordType.RESPONSE: _ABOUT_A_URI | _CONNECTION | {"WARC-Truncated", "WARC-Payload-Digest"},
    RecordType.REQUEST: _ABOUT_A_URI | _CONNECTION | {"WARC-Concurrent-To"},
    RecordType.REVISIT: _ABOUT_A_URI | _REFERENCE | _CONNECTION,
}
_CONTENT_TYPE: Final = {
    RecordType.WARCINFO: "application/warc-fields",
    RecordType.RESPONSE: "application/http;msgtype=response",
    RecordType.REQUEST: "application/http;msgtype=request",
    RecordType.REVISIT: "application/http;msgtype=response",
}
"""The only content type of a record type; the others may have any."""


def rendering_uri(capture_id: str, name: str) -> str:
    """`WARC-Target-URI` of a file that a browser made of the page of a capture."""
    return f"{RENDERING}{capture_id}:{name}"


def rendering_content_type(media_type: str) -> str:
    """`Content-Type` of such a file: its type in lower case without parameters; of text, which is always UTF-8, so."""
    plain = media_type.partition(";")[0].strip().lower()
    return f"{plain};charset=utf-8" if plain.startswith("text/") else plain


def warc_date(moment: datetime) -> str:
    """`moment` as `WARC-Date` has it: UTC with microseconds (ISO 28500 §5.4, W3C-DTF).

    Raises:
        ValueError: `moment` has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone is no point in time")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def first(fields: Sequence[tuple[str, str]], name: str) -> str | None:
    """The value of the first field called exactly `name`, or None."""
    return next((value for key, value in fields if key == name), None)


def check_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Check that `fields` are those of a record that sijill writes.

    Raises:
        BadRecordField: a field is unknown, repeated, out of order, missing, not for this record type, or its value is
            not of the field's grammar.
    """
    place = -1
    for name, value in fields:
        grammar = _GRAMMAR.get(name)
        if grammar is None:
            raise BadRecordField(name, value, "no field of ours")
        if not grammar.fullmatch(value):
            raise BadRecordField(name, value, "not of the form that this field has")
        if _ORDER[name] < place or (_ORDER[name] == place and name not in _REPEATED):
            raise BadRecordField(name, value, "repeated or out of order")
        place = _ORDER[name]
    _check_type(fields)


def _check_type(fields: Sequence[tuple[str, str]]) -> None:
    names = {name for name, _ in fields}
    stated = first(fields, "WARC-Type")
    if stated is None:
        raise BadRecordField("WARC-Type", "", "missing")
    record_type = RecordType(stated)
    for name in sorted(_REQUIRED[record_type] - names):
        raise BadRecordField(name, "", f"missing in a {record_type} record")
    for name, value in fields:
        if name not in _ALLOWED[record_type]:
            raise BadRecordField(name, value, f"not for a {record_type} record")
    content_type = first(fields, "Content-Type")
    if content_type != _CONTENT_TYPE.get(record_type, content_type):
        raise BadRecordField("Content-Type", content_type or "", f"not that of a {record_type} record")


def header_bytes(fields: Sequence[tuple[str, str]]) -> bytes:
    """Version line, named fields and the empty line, as they stand before a block.

    Raises:
        BadRecordField: see `check_fields`.
    """
    check_fields(fields)
    return VERSION + "".join(f"{name}: {value}\r\n" for name, value in fields).encode("ascii") + b"\r\n"
