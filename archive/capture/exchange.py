"""What a capture consists of: exchanges, their facts, and the page's outcome. Values only, no network."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from sijill.archive.digest import DigestSet

if TYPE_CHECKING:
    from sijill.archive.capture.browser.rendering import Rendering


class Purpose(StrEnum):
    """Why an exchange was made."""

    PAGE = "page"
    """The target itself, or a hop on the way to it."""
    REQUISITE = "requisite"
    """Something the page needs to be shown: style, image, font, script, frame."""
    DOCUMENT = "document"
    """A document of the same site that the page links to as the statement itself or its full report."""


class Truncation(StrEnum):
    """Why a response is not whole, in the words of `WARC-Truncated` (ISO 28500 §5.13)."""

    LENGTH = "length"
    TIME = "time"
    DISCONNECT = "disconnect"
    UNSPECIFIED = "unspecified"


class FailureKind(StrEnum):
    """Why an exchange brought no response, or none that can be relied on."""

    REFUSED_ADDRESS = "refused-address"
    """The address guard refused to connect: not a global address and not allowed by settings."""
    REFUSED_URL = "refused-url"
    """A redirect led to something that is not an http(s) URL."""
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    MALFORMED = "malformed"
    """What the server sent is not HTTP."""
    HEADER_LIMIT = "header-limit"
    REDIRECT_LIMIT = "redirect-limit"
    CAPTURE_LIMIT = "capture-limit"
    """A limit of the whole capture (bytes, seconds, requisites) was reached first; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What failed and the words of whoever noticed it, shortened to 500 characters."""

    kind: FailureKind
    detail: str


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What TLS said on the very connection the exchange went over."""

    version: str
    """As OpenSSL names it, e.g. `TLSv1.3`."""
    cipher: str
    """IANA name, e.g. `TLS_AES_256_GCM_SHA384`."""
    chain: tuple[bytes, ...]
    """The certificates as sent by the server, DER, leaf first."""
    verified: bool
    verify_error: str | None


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where the bytes came from."""

    ip: str
    port: int
    pinned: bool
    """True if settings named this address for the host instead of DNS."""


class Body(Protocol):
    """Bytes that may be too many for memory; can be opened any number of times."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def open(self) -> AbstractContextManager[BinaryIO]:
        """A new reader at the first byte, for a `with` statement."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response as it was on the wire, and what was read out of it."""

    raw: Body
    """Status line, header and body exactly as received above TLS: chunk framing, trailers and any surplus included."""
    head_size: int
    """Bytes of `raw` up to and including the empty line after the header."""
    http_version: str
    """`1.0` or `1.1`."""
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    """Names as sent, white space around names and values dropped, in order, repeated ones kept; bytes decoded as
    ISO-8859-1."""
    payload: DigestSet
    """Of the body without chunk framing, its content coding kept."""
    surplus: int
    """Bytes at the end of `raw` that the server sent beyond the end of the body."""
    truncated: Truncation | None
    interim: bytes = b""
    """1xx responses that came before this one, exactly as received; not part of `raw`."""

    def header(self, name: str) -> str | None:
        """The first value of header `name`, whatever its case, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def media_type(self) -> str | None:
        """The type and subtype of Content-Type in lower case, without parameters; None if it states none."""
        value = self.header("content-type")
        return (value.partition(";")[0].strip().lower() or None) if value else None

    @property
    def transfer_coded(self) -> bool:
        """Whether the header has Transfer-Encoding, so that raw body and payload differ."""
        return self.header("transfer-encoding") is not None


class RevisitKind(StrEnum):
    """Why the payload of an exchange is not stored again."""

    REUSED = "reused"
    """Another capture of the same run had received it, or had been told that it is the same; no request was sent."""
    IDENTICAL = "identical"
    """It was fetched again, and the payload is the one that is stored already."""
    NOT_MODIFIED = "not-modified"
    """The server answered a conditional request with 304."""


@dataclass(frozen=True, slots=True)
class Original:
    """The response record of another capture that holds the payload of a revisit: whole, with status 200."""

    capture_id: str
    envelope_sha256: str
    """Of that capture's attestation as stored, lowercase hexadecimal."""
    warc: DigestSet
    """Of that capture's whole WARC."""
    record: str
    """`urn:uuid:…` of the record."""
    url: str
    date: datetime
    """Its WARC-Date: when it was asked for."""
    media_type: str | None
    payload: DigestSet
    offset: int
    """Place of the record's gzip member in that WARC."""
    member: DigestSet
    """Of the gzip member; its size is the length of the record in that WARC."""


@dataclass(frozen=True, slots=True)
class Revisit:
    """That the payload of an exchange is kept in another capture's WARC."""

    kind: RevisitKind
    original: Original

    @property
    def capture_id(self) -> str:
        """The capture that keeps the payload."""
        return self.original.capture_id

    @property
    def record(self) -> str:
        """The response record that keeps the payload."""
        return self.original.record


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it. Set is `response` or `failure`; both if the response broke off.

    Neither is set if a stored response was reused and no request made: then `revisit` says which.
    """

    number: int
    """Place in the capture, from 1, in the order of the page: the same page gives the same numbers."""
    url: str
    """The URL requested, as the request line and Host were made from it."""
    method: str
    purpose: Purpose
    via: str | None
    """The URL whose content led here; None for the target."""
    started: datetime
    ended: datetime
    request: bytes
    """The request exactly as sent (above TLS); empty if nothing was sent."""
    response: Response | None
    failure: Failure | None
    server: ServerAddress | None
    tls: TlsFacts | None
    redirect_to: str | None = None
    """The absolute URL this hop leads to, by Location or meta refresh, in a browser by script too; None if nowhere."""
    revisit: Revisit | None = None
    """Where the payload is kept, if another capture keeps it."""

    @property
    def answered(self) -> bool:
        """Whether there is a response, received now or reused."""
        return self.response is not None or self.revisit is not None

    @property
    def status(self) -> int | None:
        """What the server said in this exchange, 304 included; of a reused response what it said then."""
        if self.response is not None:
            return self.response.status
        return None if self.revisit is None else 200

    @property
    def media_type(self) -> str | None:
        """Of the payload."""
        if self.revisit is not None:
            return self.revisit.original.media_type
        return None if self.response is None else self.response.media_type

    @property
    def payload(self) -> DigestSet | None:
        """Of the body that stands for this exchange: that of the original if there is one."""
        if self.revisit is not None:
            return self.revisit.original.payload
        return None if self.response is None else self.response.payload


class Outcome(StrEnum):
    """How a capture ended."""

    COMPLETE = "complete"
    """The page and everything fetched for it arrived whole, whatever the HTTP status."""
    PARTIAL = "partial"
    """The page arrived, but it or something it needs is missing, cut short or not valid."""
    FAILED = "failed"
    """No response for the page itself; the failure is the evidence."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one capture. Sizes in bytes, times in seconds."""

    exchange_bytes: int = 1 << 30
    exchange_seconds: float = 60.0
    capture_bytes: int = 3 << 30
    capture_seconds: float = 300.0
    redirects: int = 10
    requisites: int = 500
    header_bytes: int = 64 << 10
    parallel: int = 6


@dataclass(frozen=True, slots=True)
class Pin:
    """An address to use for one host and port instead of what DNS says."""

    host: str
    """A-labels in lower case, or an IP address as text."""
    port: int
    address: IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Network:
    """Settings that decide which addresses a capture may reach, and whom it trusts about them."""

    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks that may be reached although they are not global (tests, a demonstration on one machine)."""
    pins: tuple[Pin, ...] = ()
    reject_invalid_certificates: bool = False
    """Refuse instead of capturing and saying so."""
    ca_file: Path | None = None
    """PEM file of the trust anchors; None means those of the certifi package."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One page and everything fetched for it, at one time."""

    id: str
    target: str
    """Verbatim as submitted."""
    final_url: str | None
    """The URL of the page after redirects; None if no page was reached."""
    outcome: Outcome
    reasons: tuple[str, ...]
    """Why the outcome is not `complete`, one fact each; empty if it is."""
    started: datetime
    ended: datetime
    exchanges: tuple[Exchange, ...]
    limits: Limits
    user_agent: str
    title: str | None = field(default=None)
    """The text of the page's title element, white space folded, for lists; None if there is none."""
    rendering: Rendering | None = None
    """The page as a browser showed it; None if it was captured by plain HTTP."""
    browser_fallback: str | None = None
    """Why plain HTTP was used although a browser was asked for."""

    @property
    def redirect_chain(self) -> tuple[str, ...]:
        """URLs of the page's hops in order, the final one included; the target first."""
        return tuple(e.url for e in self.exchanges if e.purpose is Purpose.PAGE)

    @property
    def page(self) -> Exchange | None:
        """The exchange that brought the page itself, or None."""
        hops = [e for e in self.exchanges if e.purpose is Purpose.PAGE and e.response is not None]
        return hops[-1] if hops and hops[-1].redirect_to is None else None
