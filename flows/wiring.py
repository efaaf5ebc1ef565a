"""The one place that builds real objects from settings."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sijill.archive.capture.browser.rendering import Appearance, BrowserLimits, BrowserSettings
from sijill.archive.capture.exchange import Limits, Network
from sijill.flows.errors import BadSettings
from sijill.flows.secrets import fill_environment
from sijill.flows.settings import Settings, read_settings
from sijill.flows.workfolder import WorkFolder
from sijill.provenance.attest.keys import PublicKey, SigningKey, read_signing_key
from sijill.provenance.log.note import NoteSigner, NoteVerifier
from sijill.provenance.log.reader import LogReader
from sijill.provenance.verify.errors import MalformedTrustRoot
from sijill.provenance.verify.trust import TrustRoot, parse_trust
from sijill.storage.errors import NotFound
from sijill.storage.open import open_store
from sijill.storage.store import Store

_LARGEST_LOG_OBJECT = 32 << 20
# The letters of base 32 (RFC 4648 §6) in the order of their codes, so that text sorts as numbers do.
_ID_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_SHIFTS = range(0, 40, 5)


@dataclass(frozen=True, slots=True)
class StoreLog:
    """A store as the log wants it: absence is None, and nothing is large."""

    store: Store

    def read(self, key: str) -> bytes | None:
        """The bytes of `key`, or None if there is no such object."""
        try:
            return self.store.read(key, limit=_LARGEST_LOG_OBJECT)
        except NotFound:
            return None

    def create(self, key: str, data: bytes) -> bool:
        """Put if absent; True if the key now holds exactly `data`."""
        return self.store.create(key, data)

    def replace(self, key: str, data: bytes) -> None:
        """Replace the mutable `key`."""
        self.store.replace(key, data)

    def delete(self, key: str) -> None:
        """Remove the mutable `key`."""
        self.store.delete(key)

    def list(self, prefix: str) -> Iterator[str]:
        """Keys below `prefix` in bytewise order."""
        return self.store.list(prefix)


@dataclass(frozen=True, slots=True)
class Archive:
    """One archive, ready for use."""

    settings: Settings
    store: Store
    work: WorkFolder
    folder: Path
    """Where the settings file is."""
    attestation_key: SigningKey
    log_key: SigningKey
    trust: TrustRoot
    """The trust root that auditors get: it names every key that this archive has ever used."""
    collector_salt: bytes | None
    """Set if attestations carry a commitment to the operator's name instead of the name."""
    ca_file: Path | None
    clock: Callable[[], datetime]

    @property
    def log(self) -> StoreLog:
        """The store as the log's storage."""
        return StoreLog(self.store)

    @property
    def attestation_keys(self) -> tuple[PublicKey, ...]:
        """The public halves of all keys that this archive has signed attestations with."""
        return self.trust.attestation_keys

    @property
    def log_keys(self) -> tuple[NoteVerifier, ...]:
        """The keys that this archive's log has been signed with."""
        return tuple(key for key in self.trust.log_keys if key.name == self.settings.log.origin)

    @property
    def log_reader(self) -> LogReader:
        """A reader that trusts only this archive's own log keys."""
        return LogReader(self.log, *self.log_keys)

    @property
    def limits(self) -> Limits:
        """Bounds of one capture."""
        return Limits(**self.settings.limits.model_dump())

    @property
    def network(self) -> Network:
        """What may be reached, and how."""
        section = self.settings.network
        return Network(
            allowed_networks=section.allowed,
            pins=section.pinned,
            reject_invalid_certificates=section.reject_invalid_certificates,
            ca_file=self.ca_file,
        )

    @property
    def browser_settings(self) -> BrowserSettings:
        """Which browser shows pages, and how."""
        section = self.settings.browser
        return BrowserSettings(
            executable=self.folder / section.executable if section.executable else None,
            limits=BrowserLimits(memory_bytes=section.memory_bytes),
            appearance=Appearance(
                width=section.width,
                height=section.height,
                scale_thousandths=section.scale_thousandths,
                language=section.language,
                time_zone=section.time_zone,
                colour_scheme=section.colour_scheme,
            ),
            quality=section.quality,
        )

    @property
    def user_agent(self) -> str:
        """Who archives and where to ask, as the User-Agent header says it."""
        return self.settings.network.user_agent or _user_agent(self.settings)

    def new_capture_id(self, started: datetime) -> str:
        """A capture id: the time to the second, then microseconds and 40 random bits in base 32; sorts by time."""
        micros = "".join(_ID_ALPHABET[started.microsecond >> shift & 31] for shift in (15, 10, 5, 0))
        chance = int.from_bytes(secrets.token_bytes(5))
        return f"{started:%Y%m%dt%H%M%Sz}-{micros}" + "".join(_ID_ALPHABET[chance >> shift & 31] for shift in _SHIFTS)


def open_archive(path: Path) -> Archive:
    """The archive of a settings file; its store is made if it is a local folder that is not there yet.

    Raises:
        BadSettings: the settings or a key file cannot be used.
        StorageError: the store cannot be opened.
        ProvenanceError: a key file is unsafe or not a key.
    """
    settings = read_settings(path)
    fill_environment(settings.secrets)
    folder = path.absolute().parent
    attestation_key = read_signing_key(folder / settings.keys.attestation)
    log_key = read_signing_key(folder / settings.keys.log)
    return Archive(
        settings=settings,
        store=open_store(_store_url(settings.store.url, folder), create=True, options=settings.store.options),
        work=WorkFolder(folder / "work"),
        folder=folder,
        attestation_key=attestation_key,
        log_key=log_key,
        trust=_read_trust(folder / settings.keys.trust, attestation_key, NoteSigner(settings.log.origin, log_key)),
        collector_salt=_read_salt(folder / "keys" / "collector.salt") if settings.operator.conceal else None,
        ca_file=folder / settings.network.ca_file if settings.network.ca_file else None,
        clock=lambda: datetime.now(UTC),
    )


def _read_trust(path: Path, attestation: SigningKey, log: NoteSigner) -> TrustRoot:
    """The trust root at `path`, which must name the keys that are in use; only these if there is no such file."""
    try:
        trust = parse_trust(path.read_bytes())
    except FileNotFoundError:
        return TrustRoot((attestation.public,), (log.verifier,))
    except OSError as err:
        raise BadSettings(f"{path}: {err.strerror}") from err
    except MalformedTrustRoot as err:
        raise BadSettings(f"{path}: {err}") from err
    if attestation.public not in trust.attestation_keys or log.verifier not in trust.log_keys:
        raise BadSettings(f"{path}: does not name the keys in use; restore the file that belongs to these keys")
    return trust


def _store_url(url: str, folder: Path) -> str:
    return url if "://" in url else (folder / url).resolve().as_uri()


def _user_agent(settings: Settings) -> str:
    operator = settings.operator
    name = f"{operator.name}; " if operator.name.isascii() and not operator.conceal else ""
    return f"sijill/{_version()} (web archive; {name}{operator.contact})"


@cache
def _version() -> str:
    from importlib.metadata import version

    return version("sijill")


def _read_salt(path: Path) -> bytes:
    try:
        salt = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as err:
        raise BadSettings(f"{path}: operator.conceal needs this file of 64 hexadecimal digits") from err
    if len(salt) != 32:
        raise BadSettings(f"{path}: {len(salt)} bytes, a salt has 32")
    return salt
