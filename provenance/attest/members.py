"""The members of a `https://sijill.org/capture/v1` statement, their types and bounds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sijill.archive.capture.exchange import FailureKind, Outcome, Purpose, RevisitKind, Truncation
from sijill.archive.digest import DigestSet
from sijill.provenance.attest.browser import Browser, Transformation
from sijill.provenance.attest.canonical import LARGEST_INTEGER
from sijill.provenance.attest.parts import (
    MAX_TEXT,
    Address,
    CaptureId,
    Count,
    Digests,
    Hex,
    Line,
    Lines,
    Part,
    RecordId,
    SubjectName,
    Text,
    Timestamp,
    TokenName,
)

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://sijill.org/capture/v1"
WARC_NAME = "data.warc.gz"
WARC_TYPE = "application/warc"

MAX_EXCHANGES = 20_000

BERKELEY_ITEMS = (
    "url",
    "html-source",
    "screenshot",
    "embedded-media",
    "metadata",
    "context",
    "collector",
    "hashes",
)
"""What the Berkeley Protocol (2022), paragraph 155, asks to collect, in its order."""


class Annotations(Part):
    """What is said of a subject beside its digests."""

    size: Count


class Subject(Part):
    """A stored object that the statement is about."""

    name: SubjectName
    media_type: Line
    digest: Digests
    annotations: Annotations

    @property
    def digests(self) -> DigestSet:
        """Size and both digests, as `digest_stream` gives them for the object's bytes."""
        return DigestSet.from_hex(self.annotations.size, self.digest.sha256, self.digest.blake3)


class Payload(Part):
    """The body of a response without chunk framing, its content coding kept."""

    digest: Digests
    size: Count

    @property
    def digests(self) -> DigestSet:
        """Size and both digests."""
        return DigestSet.from_hex(self.size, self.digest.sha256, self.digest.blake3)


class Failure(Part):
    """Why an exchange brought no response, or none that can be relied on."""

    kind: Annotated[FailureKind, Field(strict=False)]
    detail: Text


class Server(Part):
    """Where the bytes came from; `pinned` if settings named the address instead of DNS."""

    ip: Address
    port: Annotated[int, Field(ge=1, le=65_535)]
    pinned: bool


class Tls(Part):
    """What TLS said on the connection; `chain` holds the SHA-256 of each DER certificate sent, leaf first."""

    version: Line
    cipher: Line
    verified: bool
    verify_error: Text | None
    chain: Annotated[tuple[Hex, ...], Field(strict=False, max_length=100)]


class Revisit(Part):
    """The response record of another capture that keeps the payload."""

    kind: Annotated[RevisitKind, Field(strict=False)]
    capture_id: CaptureId
    record: RecordId


class Exchange(Part):
    """One request and what came of it, in summary; the bytes are in the WARC record `record`.

    Of a revisit that record is a `revisit` record: payload and media type are those of the original.
    """

    number: Count
    url: Line
    method: Annotated[str, Field(pattern=r"\A[A-Z]{1,20}\z")]
    purpose: Annotated[Purpose, Field(strict=False)]
    via: Line | None
    started: Timestamp
    ended: Timestamp
    status: Annotated[int, Field(ge=0, le=999)] | None
    media_type: Line | None
    payload: Payload | None
    surplus: Count
    truncated: Annotated[Truncation, Field(strict=False)] | None
    failure: Failure | None
    redirect_to: Line | None
    server: Server | None
    tls: Tls | None
    record: RecordId | None
    revisit: Revisit | None


class Clock(Part):
    """What is known of the clock; the offset is that of the clock from the source it was compared with."""

    source: Literal["system"]
    offset_microseconds: Annotated[int, Field(ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)] | None


class Times(Part):
    """When the capture began and ended, by the collector's own clock: a claim, not a proof."""

    started: Timestamp
    ended: Timestamp
    clock: Clock


class NamedCollector(Part):
    """Who collected."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    contact: Text | None


class CommittedCollector(Part):
    """A commitment to who collected: lowercase hexadecimal SHA-256 of a salt followed by the name."""

    commitment: Hex


class Software(Part):
    """A program or library that took part."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    version: Annotated[str, Field(min_length=1, max_length=200)]


class Limits(Part):
    """Bounds that were in force."""

    exchange_bytes: Count
    exchange_milliseconds: Count
    capture_bytes: Count
    capture_milliseconds: Count
    redirects: Count
    requisites: Count
    header_bytes: Count
    parallel: Count


class Settings(Part):
    """Settings that change what is captured or what it is worth."""

    limits: Limits
    user_agent: Line
    allowed_networks: Lines[Annotated[str, Field(max_length=64)]]
    pins: Annotated[dict[Annotated[str, Field(min_length=1, max_length=300)], Address], Field(max_length=1_000)]
    reject_invalid_certificates: bool


class Robots(Part):
    """Whether robots.txt was read, what it said, and why."""

    consulted: bool
    decision: Text | None
    reason: Text


class Orchestrator(Part):
    """What ran the capture."""

    name: Literal["prefect"]
    version: Annotated[str, Field(min_length=1, max_length=200)]
    flow_run_id: Annotated[str, Field(min_length=1, max_length=200)]


class FreshnessTimestamp(Part):
    """A timestamp over the quoted checkpoint that was known when the capture began: the file it is in."""

    name: TokenName
    sha256: Hex


class DependencyWarc(Part):
    """The whole WARC of a capture that another one depends on."""

    digest: Digests
    size: Count

    @property
    def digests(self) -> DigestSet:
        """Size and both digests."""
        return DigestSet.from_hex(self.size, self.digest.sha256, self.digest.blake3)


class DependencyRecord(Part):
    """A response record in another capture's WARC; offset, length and digest are those of its gzip member."""

    record: RecordId
    url: Line
    date: Timestamp
    media_type: Line | None
    payload: Payload
    offset: Count
    length: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
    digest: Digests

    @property
    def digests(self) -> DigestSet:
        """Size and both digests of the gzip member."""
        return DigestSet.from_hex(self.length, self.digest.sha256, self.digest.blake3)


class Dependency(Part):
    """A capture that keeps payloads for this one, and in which records."""

    capture_id: CaptureId
    envelope_sha256: Hex
    warc: DependencyWarc
    records: Annotated[tuple[DependencyRecord, ...], Field(strict=False, min_length=1, max_length=MAX_EXCHANGES)]


class BerkeleyItem(Part):
    """One item of the Berkeley Protocol's list, met or not, and why."""

    item: Annotated[str, Field(max_length=40)]
    met: bool
    reason: Text


class Predicate(Part):
    """What is said of the capture."""

    capture_id: CaptureId
    trigger: Literal["on-demand", "schedule", "browser"]
    target: Line
    final_url: Line | None
    redirect_chain: Lines[Line]
    title: Text | None
    outcome: Annotated[Outcome, Field(strict=False)]
    reasons: Annotated[tuple[Text, ...], Field(strict=False, max_length=MAX_EXCHANGES)]
    exchanges: Annotated[tuple[Exchange, ...], Field(strict=False, max_length=MAX_EXCHANGES)]
    times: Times
    collector: NamedCollector | CommittedCollector
    egress: Address | None
    software: Annotated[tuple[Software, ...], Field(strict=False, min_length=1, max_length=200)]
    settings: Settings
    robots: Robots
    orchestrator: Orchestrator | None
    freshness: Line | None
    freshness_timestamps: Annotated[tuple[FreshnessTimestamp, ...], Field(strict=False, max_length=32)]
    dependencies: Annotated[tuple[Dependency, ...], Field(strict=False, max_length=MAX_EXCHANGES)]
    supersedes: CaptureId | None
    browser: Browser | None
    browser_fallback: Text | None
    transformations: Annotated[tuple[Transformation, ...], Field(strict=False, max_length=100)]
    berkeley: Annotated[tuple[BerkeleyItem, ...], Field(strict=False, max_length=len(BERKELEY_ITEMS))]


class CaptureStatement(Part):
    """A parsed statement. `parse_statement` is the only way to get one whose members agree with one another."""

    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[tuple[Subject, ...], Field(strict=False, min_length=1, max_length=100)]
    predicate_type: Literal["https://sijill.org/capture/v1"]
    predicate: Predicate

    @property
    def warc(self) -> Subject:
        """The subject that is the capture's WARC file."""
        return self.subject[0]
