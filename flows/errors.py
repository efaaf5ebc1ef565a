"""What the commands tell a person: one line that says what to do, and the exit status that goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import IntEnum
from pathlib import Path


class ExitStatus(IntEnum):
    """Exit statuses of `sijill`."""

    DONE = 0
    FAILED = 1
    """A capture failed (and was archived as such), or a package does not verify."""
    BAD_INPUT = 2
    UNAVAILABLE = 3
    """The store could not be reached or refused; what was captured waits in the work folder."""
    INTERRUPTED = 130


class SijillError(Exception):
    """Anything a command ends with on purpose. `str()` is the line shown."""

    status = ExitStatus.BAD_INPUT


class BadSettings(SijillError):
    """`sijill.toml` or a key file cannot be used."""


class BadSites(SijillError):
    """The sites file cannot be used, or names no such site."""


class UnknownCapture(SijillError):
    """There is no capture with this id in the store."""


class UnknownSignatory(SijillError):
    """No statement has a signatory of this name."""


class NotSealed(SijillError):
    """A capture is not in the log yet."""

    status = ExitStatus.FAILED


class PackageRefused(SijillError):
    """A package of the stored bytes would not verify; nothing was written."""

    status = ExitStatus.FAILED


class PackageUnusable(SijillError):
    """A file named by the user is not a package that the command can use."""


class CapabilityNotShown(SijillError):
    """The store was not seen to be able to do what settings demand."""


class OutputUnusable(SijillError):
    """A file or folder named by the user cannot be written."""


class PartnerUnreachable(SijillError):
    """A timestamping authority or witness gave no whole answer in time."""

    status = ExitStatus.FAILED

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason


class WitnessStateUnusable(SijillError):
    """What a witness must remember is missing, damaged, or cannot be written; it must cosign nothing."""

    status = ExitStatus.FAILED

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}; restore nothing older: a witness that forgets must get a new key")
        self.path = path
        self.reason = reason


class CannotListen(SijillError):
    """The address that a server was to listen at cannot be used."""


class UnusableText(SijillError):
    """A note, reason or name given by a person cannot be recorded."""


class TombstonedCapture(SijillError):
    """What the capture holds was removed; a tombstone says why."""

    status = ExitStatus.FAILED


class RemovalRefused(SijillError):
    """A capture cannot be removed without harm to others, or without proof that it was there; nothing was changed."""

    status = ExitStatus.FAILED


class KeyRefused(SijillError):
    """A key cannot be rotated or revoked as asked; nothing was changed."""


class BrowserMissing(SijillError):
    """There is no browser to print a PDF with."""


class PdfNotMade(SijillError):
    """The browser did not print a whole PDF; nothing was written."""

    status = ExitStatus.FAILED


class SiteBusy(SijillError):
    """Another worker is crawling the site."""

    status = ExitStatus.DONE

    def __init__(self, site_id: str, since: datetime | None) -> None:
        seen = "on this machine" if since is None else f"last seen at {since:%Y-%m-%dT%H:%M:%SZ}"
        super().__init__(f"{site_id}: another worker ({seen}) is crawling it; left alone")
        self.site_id = site_id
        self.since = since


class CrawlEnded(SijillError):
    """A process that crawled sites beside others ended before it was done."""

    def __init__(self, why: str, status: ExitStatus) -> None:
        super().__init__(why)
        self.status = status


class LeaseLost(SijillError):
    """Another worker took a site over, because this one had shown no sign of life for too long."""

    status = ExitStatus.FAILED

    def __init__(self, key: str) -> None:
        super().__init__(f"{key}: another worker has taken the site over")
        self.key = key


class SecretMissing(SijillError):
    """A secret that the settings name is neither in the environment nor in its Prefect block."""

    def __init__(self, variable: str, block: str, problem: str) -> None:
        super().__init__(f"{variable}: {problem}; set it in the environment, or the Prefect Secret block {block!r}")
        self.variable = variable
        self.block = block


class NotTold(SijillError):
    """Someone who was to be told of changes could not be."""

    status = ExitStatus.FAILED

    def __init__(self, positions: list[int]) -> None:
        which = ", ".join(map(str, positions))
        super().__init__(f"notifications.urls: number {which} could not be told; the next crawl tries again")
        self.positions = positions


class PrefectUnusable(SijillError):
    """The Prefect server cannot be reached, or does not do what it is asked."""

    status = ExitStatus.UNAVAILABLE


class DeploymentTaken(SijillError):
    """A deployment that is to be made is there already, and not ours."""

    def __init__(self, name: str, pool: str) -> None:
        super().__init__(
            f"deployment {name}: is there already and was not made for the pool {pool!r}; nothing was changed. "
            "Delete it, or give this archive a Prefect server or site ids of its own"
        )
        self.name = name


class NotInstalled(SijillError):
    """A package is not there that the command needs: only what the auditor needs was installed."""

    def __init__(self, module: str) -> None:
        super().__init__(
            f"this needs the package of the module {module}, which is not installed: "
            "pip install --require-hashes -r requirements.lock"
        )
        self.module = module


@contextmanager
def missing_packages_named() -> Iterator[None]:
    """Turn the failed import of a module that is not ours into one line that says what to install.

    Raises:
        NotInstalled: in its place.
    """
    try:
        yield
    except ModuleNotFoundError as err:
        module = (err.name or "").partition(".")[0]
        if module in ("", "sijill"):
            raise
        raise NotInstalled(module) from err


def our_errors() -> tuple[type[Exception], ...]:
    """The errors that any of our layers raises on purpose; all others are faults of the program."""
    from sijill.archive.errors import ArchiveError
    from sijill.provenance.errors import ProvenanceError
    from sijill.storage.errors import StorageError

    return SijillError, ArchiveError, ProvenanceError, StorageError


def status_of(error: Exception) -> ExitStatus:
    """The exit status that goes with one of `our_errors`."""
    from sijill.archive.errors import BrowserUnavailable
    from sijill.provenance.errors import (
        JournalUnusable,
        KeyFileExists,
        KeyFileUnusable,
        MalformedKey,
        UnsafeKeyFile,
    )
    from sijill.storage.errors import BadKey, BadStoreUrl, CapabilityMissing, StoreFailure

    match error:
        case SijillError():
            return error.status
        case BadKey() | BadStoreUrl() | CapabilityMissing() | BrowserUnavailable():
            return ExitStatus.BAD_INPUT
        case KeyFileExists() | KeyFileUnusable() | MalformedKey() | UnsafeKeyFile() | JournalUnusable():
            return ExitStatus.BAD_INPUT
        case StoreFailure():
            return ExitStatus.UNAVAILABLE
        case _:
            return ExitStatus.FAILED
