"""What an audit asks of a store, and what the names of its objects mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum, auto
from typing import BinaryIO, Final, Protocol

from sijill.provenance.errors import MalformedCaptureId
from sijill.provenance.log.checkpoint import parse_decimal
from sijill.provenance.log.entry import Kind
from sijill.provenance.log.layout import CHECKPOINT, QUEUE, attestation_folder, kind_folder
from sijill.provenance.log.tiles import WIDTH, Tile

OBJECTS: Final = "objects/"
CHECKPOINTS: Final = "log/checkpoints/"
BATCHES: Final = "log/batches/"
MUTABLE: Final = (QUEUE, "probe/", "pending/", "readings/")
"""What comes and goes: not sealed yet, canary objects, what others are to be asked again, what readers made."""
_PUBLIC: Final = "trust/"

ENVELOPE: Final = "attestation.dsse.json"
LEAF_INDEX: Final = "leaf-index"
_TOKEN: Final = re.compile(r"attestation\.([a-z][a-z0-9-]{0,63})\.tsr")
_BESIDE: Final = re.compile(r"(0|[1-9][0-9]{0,18})\.(?:([a-z][a-z0-9-]{0,63})\.tsr|([0-9a-f]{8})\.cosignature)")
_POINTER: Final = re.compile(r"(captures/[0-9/]+/[^/]+/)((?:custody|tombstones)/[^/]+)")
_OBJECT: Final = re.compile(r"objects/sha256/([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{64})")
_TILE: Final = re.compile(
    r"log/tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?",
)


class KeptVersion(Protocol):
    """One of the things that a store keeps under a key."""

    @property
    def key(self) -> str:
        """The key."""

    @property
    def size(self) -> int:
        """Bytes, as the store says."""

    @property
    def deletion(self) -> bool:
        """Whether it is no object but a note that someone deleted the key."""


class ArchiveSource(Protocol):
    """Reading a store. Whatever else goes wrong with it is for whoever made the source to raise and to catch."""

    def read(self, key: str) -> bytes | None:
        """All bytes of `key`, or None if there is no such object.

        Raises:
            UnreadableObject: there is something, but larger than any small object of an archive, or no object.
        """

    def open(self, key: str) -> AbstractContextManager[BinaryIO | None]:
        """A reader of `key` for a `with` statement, or None if there is no such object.

        Raises:
            UnreadableObject: what stands there is no object.
        """

    def list(self, prefix: str, after: str | None = None) -> Iterator[str]:
        """The keys that begin with `prefix` and sort after `after`, in bytewise order."""

    def versions(self, prefix: str) -> Iterator[KeptVersion]:
        """All that is kept under keys that begin with `prefix`: keys in bytewise order, for each the oldest first."""


class Place(Enum):
    """Where in an archive a key is."""

    COMING_AND_GOING = auto()
    PUBLIC = auto()
    OBJECT = auto()
    ABOUT_ENTRY = auto()
    POINTER = auto()
    CHECKPOINT = auto()
    VOUCHER = auto()
    BATCH = auto()
    TILE = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Name:
    """What a key is the name of. Members that its place has no use for are None."""

    place: Place
    sha256: str | None = None
    kind: Kind | None = None
    entry_id: str | None = None
    part: str | None = None
    """Of an entry's folder the file, of a pointer the kind's folder and the id that it points to, of what vouches for a
    checkpoint the authority's name or the witness's key id."""
    size: int | None = None
    tile: Tile | None = None


def object_key(sha256: str) -> str:
    """Where the bytes with this SHA-256, lowercase hexadecimal, are kept."""
    return f"{OBJECTS}sha256/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def name_of(key: str) -> Name:
    """What `key` is the name of; `UNKNOWN` if no archive has such a key."""
    if key == CHECKPOINT or key.startswith(MUTABLE):
        return Name(Place.COMING_AND_GOING)
    if key.startswith(_PUBLIC):
        return Name(Place.PUBLIC)
    if match := _OBJECT.fullmatch(key):
        sha256 = match[3]
        return Name(Place.OBJECT, sha256=sha256) if object_key(sha256) == key else Name(Place.UNKNOWN)
    if key.startswith("log/"):
        return _name_in_log(key)
    for kind in Kind:
        if key.startswith(kind_folder(kind)):
            return _name_about_entry(key, kind)
    return Name(Place.UNKNOWN)


def _name_about_entry(key: str, kind: Kind) -> Name:
    if kind is Kind.CAPTURE and (match := _POINTER.fullmatch(key)):
        name = _name_about_entry(f"{match[1]}{ENVELOPE}", kind)
        return Name(Place.POINTER, entry_id=name.entry_id, part=match[2]) if name.entry_id else name
    folder, _, part = key.rpartition("/")
    entry_id = folder.rpartition("/")[2]
    known = part in (ENVELOPE, LEAF_INDEX) or _TOKEN.fullmatch(part)
    try:
        right = attestation_folder(entry_id, kind) == f"{folder}/"
    except MalformedCaptureId:
        right = False
    return Name(Place.ABOUT_ENTRY, kind=kind, entry_id=entry_id, part=part) if known and right else Name(Place.UNKNOWN)


def _name_in_log(key: str) -> Name:
    if key.startswith(CHECKPOINTS):
        rest = key.removeprefix(CHECKPOINTS)
        if (size := parse_decimal(rest)) is not None:
            return Name(Place.CHECKPOINT, size=size)
        if match := _BESIDE.fullmatch(rest):
            return Name(Place.VOUCHER, size=parse_decimal(match[1]), part=match[2] or match[3])
    if key.startswith(BATCHES) and (size := parse_decimal(key.removeprefix(BATCHES))) is not None:
        return Name(Place.BATCH, size=size)
    if match := _TILE.fullmatch(key):
        level = None if match[1] == "entries" else int(match[1])
        width = WIDTH if match[3] is None else int(match[3])
        index = int(match[2].replace("/", "").replace("x", ""))
        if (level is None or level < 64) and width <= WIDTH and index < 1 << 63:
            tile = Tile(level, index, width)
            return Name(Place.TILE, tile=tile) if tile.key == key else Name(Place.UNKNOWN)
    return Name(Place.UNKNOWN)
