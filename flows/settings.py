"""`sijill.toml`: read strictly, with every unknown key refused by name."""

from __future__ import annotations

import re
import tomllib
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from sijill.archive.capture.exchange import Pin
from sijill.flows.errors import BadSettings
from sijill.storage.options import LockMode, Retention, StoreOptions

FILE_NAME = "sijill.toml"
USUAL_POOL = "sijill"
"""The Prefect work pool of an archive whose settings name none."""
_MEBIBYTE = 1 << 20


def _one_line(text: str) -> str:
    if text != text.strip() or not text.isprintable():
        raise ValueError("must be one line of printable text without spaces around it")
    return text


def _header_text(text: str) -> str:
    if not text.isascii():
        raise ValueError("must be ASCII, because it is sent in the User-Agent header")
    return _one_line(text)


def _host_and_port(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isascii() and port.isdecimal() and 0 < int(port) < 65536 and host == host.lower()):
        raise ValueError('a pin is written "host:port" = "address", the host in lower case')
    return text


def _witness_key(text: str) -> str:
    from sijill.provenance.errors import MalformedNote
    from sijill.provenance.log.note import Algorithm, NoteVerifier

    try:
        key = NoteVerifier.from_vkey(text)
    except MalformedNote as err:
        raise ValueError(f"not a vkey: {err.reason}") from err
    if key.algorithm is not Algorithm.COSIGNATURE_V1:
        raise ValueError("the vkey of a log, not of a witness: ask the witness for its own")
    return text


def _address(text: str) -> str:
    try:
        ip_address(text)
    except ValueError as err:
        raise ValueError(f"{text!r} is not an IP address") from err
    return text


OneLine = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
HeaderText = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_header_text)]
Address = Annotated[str, AfterValidator(_address)]
HostPort = Annotated[str, AfterValidator(_host_and_port)]


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("must be an http or https URL without a user name")
    return _one_line(text)


def _time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as err:
        raise ValueError(f"{text!r} is not a time zone of the IANA database, such as 'Asia/Beirut'") from err
    return text


def _told_at(text: str) -> str:
    if not re.fullmatch(r"\$[A-Z_][A-Z0-9_]{0,99}|[a-z][a-z0-9+]*://.+", text):
        raise ValueError("must be an address of apprise, such as mailto://..., or $NAME of an environment variable")
    return text


HttpUrl = Annotated[str, Field(min_length=8, max_length=500), AfterValidator(_http_url)]
Block = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,99}/[a-z0-9][a-z0-9-]{0,99}$")]
BlockName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")]
Variable = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,99}$")]
Capability = Literal["consistency", "conditional-write", "versioning", "object-lock", "checksum", "clock"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Operator(_Section):
    """Who archives."""

    name: OneLine
    contact: HeaderText
    conceal: bool = False
    """State a salted commitment to the name in attestations instead of the name."""
    egress: Address | None = None
    """The public address that requests leave from, if it is known."""


class StoreSection(_Section):
    """Where the archive is kept, and what the store must be able to do."""

    url: OneLine
    lock: Literal["none", "governance", "compliance"] = "none"
    """Object Lock mode of immutable objects."""
    lock_days: int = Field(default=3650, ge=1, le=36_500)
    hold: bool = False
    """Put a legal hold on the objects of every new capture."""
    require: tuple[Capability, ...] = Field(default=(), strict=False)
    """Capabilities that a probe must have shown before anything is archived."""

    @property
    def options(self) -> StoreOptions:
        """How the store is to be used."""
        retention = None if self.lock == "none" else Retention(LockMode(self.lock), self.lock_days)
        return StoreOptions(retention=retention)


class Keys(_Section):
    """Private key files, relative to the settings file."""

    attestation: OneLine = "keys/attestation.pem"
    log: OneLine = "keys/log.pem"
    trust: OneLine = "trust.json"
    """The trust root that auditors get; it also says which keys this archive used before."""


class LogSection(_Section):
    """The append-only log."""

    origin: Annotated[str, Field(pattern=r"^[!-*,-~]{1,200}$")]
    """Its name in checkpoints: printable ASCII without spaces and plus signs (C2SP tlog-checkpoint)."""


class TimestampSection(_Section):
    """A timestamping authority (RFC 3161) that is asked for a token over each checkpoint."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    """What its responses are called in the store and in packages."""
    url: HttpUrl
    roots: OneLine | None = None
    """PEM file of its root certificates: they go into the trust root, and what does not verify is not stored."""
    intermediates: OneLine | None = None
    """PEM file of certificates between those roots and its signer."""
    timeout_seconds: float = Field(default=20.0, gt=0, le=300, strict=False)


class WitnessSection(_Section):
    """A witness (c2sp.org/tlog-witness) that is asked to cosign each checkpoint."""

    url: HttpUrl
    """Where `add-checkpoint` is: the part before it."""
    vkey: Annotated[OneLine, AfterValidator(_witness_key)]
    timeout_seconds: float = Field(default=20.0, gt=0, le=300, strict=False)


class LimitsSection(_Section):
    """Bounds of one capture. Sizes in bytes, times in seconds."""

    exchange_bytes: int = Field(default=1 << 30, ge=1024, le=3 << 30)
    exchange_seconds: float = Field(default=60.0, gt=0, le=86_400, strict=False)
    capture_bytes: int = Field(default=3 << 30, ge=1024, le=3 << 30)
    capture_seconds: float = Field(default=300.0, gt=0, le=86_400, strict=False)
    redirects: int = Field(default=10, ge=0, le=100)
    requisites: int = Field(default=500, ge=0, le=10_000)
    header_bytes: int = Field(default=64 << 10, ge=1024, le=_MEBIBYTE)
    parallel: int = Field(default=6, ge=1, le=32)


class NetworkSection(_Section):
    """What may be reached, and how."""

    allow: tuple[OneLine, ...] = Field(default=(), strict=False)
    pins: dict[HostPort, Address] = Field(default_factory=dict)
    reject_invalid_certificates: bool = False
    ca_file: OneLine | None = None
    user_agent: HeaderText | None = None

    @model_validator(mode="after")
    def _networks(self) -> Self:
        _ = self.allowed
        return self

    @property
    def allowed(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks that may be reached although they are not global."""
        return tuple(ip_network(text) for text in self.allow)

    @property
    def pinned(self) -> tuple[Pin, ...]:
        """Addresses that are used instead of DNS."""
        split = ((*name.rsplit(":", 1), address) for name, address in self.pins.items())
        return tuple(Pin(host, int(port), ip_address(address)) for host, port, address in split)


class BrowserSection(_Section):
    """Whether pages are shown in a browser, and how."""

    mode: Literal["never", "auto", "always"] = "never"
    """`auto`: with a browser if there is one, by plain HTTP if not, and the attestation says so."""
    executable: OneLine | None = None
    """Chromium; relative to the settings file. None to look for it where systems have it."""
    width: int = Field(default=1280, ge=320, le=3840)
    height: int = Field(default=900, ge=240, le=2160)
    scale_thousandths: int = Field(default=1000, ge=500, le=3000)
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")] = "en-US"
    time_zone: Annotated[OneLine, AfterValidator(_time_zone)] = "UTC"
    colour_scheme: Literal["light", "dark"] = "light"
    memory_bytes: int = Field(default=2 << 30, ge=256 << 20, le=64 << 30)
    """Of all processes of the browser together; beyond, it is ended and the capture is partial."""
    quality: bool = True
    """Whether each capture is replayed without a network and compared with the page; what is not alike is partial."""


class PrefectSection(_Section):
    """How the archive is run by Prefect: what `sijill deploy` makes on its server."""

    pool: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")] = USUAL_POOL
    """The work pool; two archives on one server have two."""
    notify: Block | None = None
    """The notification block, `type/name`, that is told of failed runs and of sites where nothing was found."""
    seal_minutes: Literal[1, 2, 5, 10, 15, 20, 30, 60] = 15
    """How often the log is sealed by schedule."""


class NotificationsSection(_Section):
    """Who is told when a statement has changed or vanished."""

    urls: tuple[Annotated[OneLine, AfterValidator(_told_at)], ...] = Field(default=(), strict=False, max_length=32)
    """Addresses as apprise has them, or `$NAME` for an environment variable that holds one: they are often secret."""


class Settings(_Section):
    """The whole of `sijill.toml`."""

    operator: Operator
    store: StoreSection
    log: LogSection
    keys: Keys = Keys()
    limits: LimitsSection = LimitsSection()
    network: NetworkSection = NetworkSection()
    browser: BrowserSection = BrowserSection()
    prefect: PrefectSection = PrefectSection()
    notifications: NotificationsSection = NotificationsSection()
    secrets: dict[Variable, BlockName] = Field(default_factory=dict, max_length=50)
    """Environment variables that hold secrets, and the Prefect Secret block that has each where flows run."""
    timestamps: tuple[TimestampSection, ...] = Field(default=(), strict=False, max_length=16)
    witnesses: tuple[WitnessSection, ...] = Field(default=(), strict=False, max_length=32)

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        for what, names in (
            ("timestamps: a name", [authority.name for authority in self.timestamps]),
            ("witnesses: a key id", [witness.vkey.split("+")[1] for witness in self.witnesses]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"{what} is there twice")
        return self


def read_settings(path: Path) -> Settings:
    """Read and check a settings file.

    Raises:
        BadSettings: it is missing, is not TOML, or has an unknown key or an impossible value; the message is one
            line that names the file and the key.
    """
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError as err:
        raise BadSettings(f"{path}: no such file; make one with: sijill init") from err
    except OSError as err:
        raise BadSettings(f"{path}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise BadSettings(f"{path}: not UTF-8 at byte {err.start}") from err
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as err:
        raise BadSettings(f"{path}: not TOML: {err}") from err
    except ValidationError as err:
        raise BadSettings(f"{path}: {first_fault(err)}") from err


def first_fault(error: ValidationError) -> str:
    """The first complaint of a validation in one line: key, then what is wrong with it."""
    fault = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in fault["loc"]) or "settings"
    if fault["type"] == "extra_forbidden":
        return f"{key}: unknown key; the file made by sijill init documents every key"
    if fault["type"] == "missing":
        return f"{key}: missing; add it as the file made by sijill init shows"
    return f"{key}: {fault['msg'].removeprefix('Value error, ')}"
