"""What a reader finds on a page or in a document, as values. Pure.

A reading is derived data: it says what a version of the reader made of the bytes with a certain digest, and is evidence
of nothing by itself. What was not found is None with the reason, never a guess.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, cast, get_args

from sijill.archive.errors import MalformedReading

READER = "sijill-reader/1"
"""The version of the reader; any change that gives another result for the same bytes raises it."""

T = TypeVar("T")

Kind = Literal["statement", "index", "teaser", "login", "empty", "document", "other"]
"""`other` is what cannot be told; `teaser` a page that is little more than a link to the text."""
BlockKind = Literal["heading", "paragraph", "line", "item", "row"]
DateSource = Literal["metadata", "json-ld", "time-element", "text", "url", "document"]
Precision = Literal["day", "month"]
VersionHow = Literal["hreflang", "available-in", "link-text"]
_KINDS = get_args(Kind)
_DATE_SOURCES = get_args(DateSource)
_PRECISIONS = get_args(Precision)
_VERSION_HOWS = get_args(VersionHow)


@dataclass(frozen=True, slots=True)
class Place:
    """Character offsets in `Reading.text`, the end excluded."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of the main text as the page sets it out.

    A `paragraph` has no line break in it; one with `<br>` comes as `line`s of one group. The items of a list and the
    rows of a table have the group of their list or table; items of a list within an item have a group of their own.
    """

    kind: BlockKind
    text: str
    """As on the page, white space folded; the marker of an item is no part of it."""
    place: Place
    group: int
    """The same for the lines of one paragraph, the items of one list, the rows of one table; else no other block's."""
    level: int = 0
    """1 to 6 for a heading, from 1 for the depth of an item, else 0."""
    number: int | None = None
    """Of an item of an ordered list, as a browser would number it."""
    bold: bool = False
    """All of it is in bold: what a page without headings uses for them."""
    cells: tuple[str, ...] = ()
    """Of a row; its text is these, parted by tabs. A cell with several lines keeps its line breaks only here."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A value with how it was found, or None with why not."""

    value: T | None
    reason: str


@dataclass(frozen=True, slots=True)
class PublicationDate:
    """When a page was published, as it says itself."""

    date: datetime.date
    """The first of the month if `precision` is `month`."""
    precision: Precision
    source: DateSource
    verbatim: str
    """As written where it was found."""


@dataclass(frozen=True, slots=True)
class Signatory:
    """Who signed, as written, and in the forms by which names are compared."""

    verbatim: str
    normalised: str
    key: str
    """For comparing: what two spellings of one name have in common."""
    place: Place
    number: int | None = None
    organisation: str | None = None
    """The name in the alias table, if it has one."""


@dataclass(frozen=True, slots=True)
class SignatoryList:
    """Signatories that stand together, with the heading above them."""

    heading: str | None
    layout: str
    signatories: tuple[Signatory, ...]


@dataclass(frozen=True, slots=True)
class SignatoriesFound:
    """Every list of signatories with how it was found, or none with why not."""

    lists: tuple[SignatoryList, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class LanguageVersion:
    """Where a page says that its text stands in another language."""

    language: str
    url: str
    how: VersionHow


@dataclass(frozen=True, slots=True)
class LinkedDocument:
    """A document that the main text links; its type by the link or the ending of its address."""

    url: str
    title: str
    media_type: str | None


@dataclass(frozen=True, slots=True)
class Teaser:
    """A card on a page that leads to another: its link, title, and whatever text stands with it."""

    url: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """All that was read from certain bytes by a certain version of the reader."""

    reader: str
    source_sha256: str
    url: str
    kind: Kind
    kind_reason: str
    title: Found[str]
    date: Found[PublicationDate]
    language: Found[str]
    issuers: tuple[str, ...]
    """Authors or publishing organisations that the page names in its metadata, as written there."""
    text: str
    """The main text: paragraphs parted by an empty line, lines of one paragraph and items of one list by a line end."""
    paragraphs: tuple[Place, ...]
    signatories: tuple[SignatoryList, ...]
    signatories_reason: str
    versions: tuple[LanguageVersion, ...]
    documents: tuple[LinkedDocument, ...]
    teasers: tuple[Teaser, ...]
    frame_sha256: str
    """Of the words around the main text (menus, footers, related articles), white space folded."""
    links: tuple[str, ...]
    """Where the main text leads, absolute, in order, each once."""
    notes: tuple[str, ...] = ()
    """What hindered the reading: bytes that are no text in the stated encoding, a limit that was reached."""


def nothing_read(source_sha256: str, url: str, kind: Kind, reason: str, notes: tuple[str, ...] = ()) -> Reading:
    """The reading of a page of which nothing was read, with the reason."""
    why = f"not found: {reason}"
    return Reading(
        reader=READER,
        source_sha256=source_sha256,
        url=url,
        kind=kind,
        kind_reason=reason,
        title=Found(None, why),
        date=Found(None, why),
        language=Found(None, why),
        issuers=(),
        text="",
        paragraphs=(),
        signatories=(),
        signatories_reason=why,
        versions=(),
        documents=(),
        teasers=(),
        frame_sha256=hashlib.sha256(b"").hexdigest(),
        links=(),
        notes=notes,
    )


def reading_json(reading: Reading) -> bytes:
    """The reading in JSON: sorted members, UTF-8, no spaces; the same reading always gives the same bytes."""
    text = json.dumps(_plain(reading), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    names = type(value).__dataclass_fields__
    return {name: _plain(getattr(value, name)) for name in names}


def parse_reading(data: bytes) -> Reading:
    """The reading that `reading_json` wrote as these bytes.

    Raises:
        MalformedReading: they are not the bytes that it would write for what they say.
    """
    try:
        reading = _reading(json.loads(data))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as err:
        raise MalformedReading(f"{type(err).__name__}: {err}") from err
    if reading_json(reading) != data:
        raise MalformedReading("not as it would be written")
    return reading


def _reading(value: dict[str, Any]) -> Reading:
    return Reading(
        reader=_text(value["reader"]),
        source_sha256=_text(value["source_sha256"]),
        url=_text(value["url"]),
        kind=cast(Kind, _one_of(_KINDS, value["kind"])),
        kind_reason=_text(value["kind_reason"]),
        title=_found(value["title"], _text),
        date=_found(value["date"], _date),
        language=_found(value["language"], _text),
        issuers=tuple(map(_text, value["issuers"])),
        text=_text(value["text"]),
        paragraphs=tuple(map(_place, value["paragraphs"])),
        signatories=tuple(map(_signatory_list, value["signatories"])),
        signatories_reason=_text(value["signatories_reason"]),
        versions=tuple(
            LanguageVersion(
                _text(one["language"]), _text(one["url"]), cast(VersionHow, _one_of(_VERSION_HOWS, one["how"]))
            )
            for one in value["versions"]
        ),
        documents=tuple(
            LinkedDocument(_text(one["url"]), _text(one["title"]), _optional(one["media_type"], _text))
            for one in value["documents"]
        ),
        teasers=tuple(Teaser(_text(one["url"]), _text(one["title"]), _text(one["text"])) for one in value["teasers"]),
        frame_sha256=_text(value["frame_sha256"]),
        links=tuple(map(_text, value["links"])),
        notes=tuple(map(_text, value["notes"])),
    )


def _found(value: dict[str, Any], parse: Callable[[Any], T]) -> Found[T]:
    return Found(_optional(value["value"], parse), _text(value["reason"]))


def _date(value: dict[str, Any]) -> PublicationDate:
    return PublicationDate(
        date=datetime.date.fromisoformat(_text(value["date"])),
        precision=cast(Precision, _one_of(_PRECISIONS, value["precision"])),
        source=cast(DateSource, _one_of(_DATE_SOURCES, value["source"])),
        verbatim=_text(value["verbatim"]),
    )


def _signatory_list(value: dict[str, Any]) -> SignatoryList:
    return SignatoryList(
        heading=_optional(value["heading"], _text),
        layout=_text(value["layout"]),
        signatories=tuple(
            Signatory(
                verbatim=_text(one["verbatim"]),
                normalised=_text(one["normalised"]),
                key=_text(one["key"]),
                place=_place(one["place"]),
                number=_optional(one["number"], _whole),
                organisation=_optional(one["organisation"], _text),
            )
            for one in value["signatories"]
        ),
    )


def _place(value: dict[str, Any]) -> Place:
    return Place(_whole(value["start"]), _whole(value["end"]))


def _optional(value: Any, parse: Callable[[Any], T]) -> T | None:
    return None if value is None else parse(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where text belongs")
    return value


def _whole(value: Any) -> int:
    # True and False are integers to Python.
    if type(value) is not int:
        raise TypeError(f"{type(value).__name__} where a whole number belongs")
    return value


def _one_of(known: tuple[str, ...], value: Any) -> str:
    if value not in known:
        raise ValueError(f"{str(value)[:100]!r} is none of {', '.join(known)}")
    return _text(value)
