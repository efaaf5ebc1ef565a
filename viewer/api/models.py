"""What the API answers, as JSON: members in camel case, times in UTC as RFC 3339 writes them."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

T = TypeVar("T")

HealthStatus = Literal["ok", "behind", "impaired"]


class Model(BaseModel):
    """A JSON object, made from a value of ours with the same attributes."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, from_attributes=True, frozen=True, extra="ignore"
    )


class Listed(Model, Generic[T]):
    """A page of a list."""

    items: tuple[T, ...]
    next: str | None = Field(description="the cursor of the next page; null on the last one")


class StatementItem(Model):
    """A statement in short; its id is that of the capture of it that came into the log first."""

    statement_id: str
    title: str | None
    published: str | None = Field(description="a day, or a month if only that is known")
    languages: tuple[str, ...]
    sites: tuple[str, ...]
    publications: int
    captures: int
    versions: int
    signatories: int


class Snippet(Model):
    """A piece of a text, and from where to where in it the words stand that were searched for."""

    text: str
    marks: tuple[tuple[int, int], ...]


class HitItem(Model):
    """A page that was found."""

    statement_id: str | None
    url: str
    site: str
    kind: str
    title: str | None
    published: str | None
    language: str | None
    capture_id: str
    captured: str
    payload_sha256: str | None
    source_sha256: str
    warc_sha256: str
    newest: bool = Field(description="whether this is what the page said when it was captured last")
    snippet: Snippet


class Found(Listed[HitItem]):
    """Pages that were found, the best first."""

    total: int


class CapturedItem(Model):
    """A capture of a publication."""

    capture_id: str
    captured: str
    outcome: str
    version: int | None
    warc_sha256: str
    payload_sha256: str | None
    source_sha256: str | None
    reader: str | None


class VersionItem(Model):
    """What a page said, from one capture on."""

    number: int
    content_sha256: str
    title: str | None
    published: str | None
    language: str | None
    signatories: int
    characters: int
    reasons: dict[str, str]


class PublicationItem(Model):
    """A page that publishes a statement."""

    url: str
    site: str
    language: str | None
    title: str | None
    published: str | None
    issuers: tuple[str, ...]
    versions: tuple[VersionItem, ...]
    captures: tuple[CapturedItem, ...]


class RelatedItem(Model):
    """A page that holds a part of a publication."""

    url: str
    kind: str
    of: str
    score: float


class SignedItem(Model):
    """A body that signed a statement."""

    name: str
    organisation: str | None
    verbatim: tuple[str, ...]
    urls: tuple[str, ...]
    withdrawn: bool


class StatementModel(Model):
    """All that the catalog has of one statement."""

    row: StatementItem
    publications: tuple[PublicationItem, ...]
    related: tuple[RelatedItem, ...]
    signatories: tuple[SignedItem, ...]


class SignatureItem(Model):
    """That a body signed a statement, and where that was read."""

    statement: StatementItem
    url: str
    verbatim: str
    number: int | None
    capture_id: str
    source_sha256: str
    newest: bool


class SignatoryItem(Model):
    """A body with all that it signed."""

    name: str
    organisation: str | None
    spellings: tuple[str, ...]
    signed: tuple[SignatureItem, ...]


class CaptureItem(Model):
    """A capture."""

    capture_id: str
    leaf_index: int
    envelope_sha256: str
    target: str
    final_url: str | None
    started: str
    outcome: str
    warc_sha256: str
    payload_sha256: str | None
    media_type: str | None
    statement_id: str | None


class CaptureModel(Model):
    """A capture with its attestation, as the store has it now."""

    capture_id: str
    leaf_index: int | None = Field(description="null if it is not in the log yet")
    envelope_sha256: str
    keyids: tuple[str, ...] = Field(description="the archive's own keys whose signatures verify")
    replay: str = Field(description="where its page is replayed, on an origin of its own")
    attestation: dict[str, Any] = Field(description="the in-toto statement; see FORMAT.md")
    envelope: dict[str, Any] = Field(description="the DSSE envelope that holds it, as stored")


class SeenItem(Model):
    """A capture as one side of a change."""

    capture_id: str
    leaf_index: int
    captured: str
    url: str
    source_sha256: str | None
    payload_sha256: str | None
    warc_sha256: str
    reader: str | None


class ChangeItem(Model):
    """What became of a page between two captures of it."""

    id: str
    kind: Literal["changed", "vanished", "returned", "moved", "not-compared"]
    site: str
    title: str | None
    statement: bool = Field(description="whether it is about the statement itself, not only what stands around it")
    reason: str
    before: SeenItem
    after: SeenItem
    as_in: SeenItem | None
    summary: str


class Changes(Model):
    """Changes in the order of the log; of more than were asked for, the newest."""

    items: tuple[ChangeItem, ...]


class RunItem(Model):
    """A run in short."""

    run_id: str
    site_id: str
    site_name: str
    trigger: str
    due: str | None
    started: str
    ended: str
    counts: dict[str, int]
    problems: int
    missed: int


class RunPage(Model):
    """What became of a URL that a run planned."""

    url: str
    outcome: str
    reason: str
    capture_id: str | None


class RunModel(RunItem):
    """A run with the URLs that it planned, a page of them."""

    keyids: tuple[str, ...] = Field(description="the archive's own keys whose signatures verify")
    problem: str | None = Field(description="why there is no report that lists the URLs")
    planned: tuple[RunPage, ...]
    next: str | None = Field(description="the cursor of the next URLs; null if these are the last")


class Checkpoint(Model):
    """The newest checkpoint of the log."""

    origin: str
    size: int
    root: str = Field(description="standard base64, as in the note")
    note: str = Field(description="the signed note, verbatim")
    timestamps: tuple[str, ...] = Field(description="names of the authorities that timestamped it")
    witnesses: tuple[str, ...] = Field(description="names of the witnesses that cosigned it")


class CatalogHealth(Model):
    """How far the catalog is behind the log."""

    size: int
    log_size: int | None
    behind: int
    updated: str | None
    problem: str | None
    unread: int


class Health(Model):
    """Whether the archive can be read."""

    status: HealthStatus
    archive: str
    origin: str
    catalog: CatalogHealth
