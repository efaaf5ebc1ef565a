"""Replaying an evidence package: its page is shown again from the package alone, in a browser without a network."""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfileobj

from sijill.archive.capture.browser.rendering import Appearance, BrowserSettings, Quality, Screenshot
from sijill.archive.capture.target import parse_target
from sijill.archive.errors import MalformedWarc
from sijill.archive.warc.wacz import ARCHIVE, DEPENDENCIES
from sijill.flows.errors import PackageUnusable
from sijill.provenance.attest.browser import Browser
from sijill.provenance.attest.envelope import parse_envelope
from sijill.provenance.attest.members import CaptureStatement
from sijill.provenance.attest.statement import parse_statement
from sijill.provenance.errors import ProvenanceError
from sijill.provenance.package_layout import ATTESTATION, subject_path

_SMALL = 64 << 20
"""Most bytes of an attestation, of a text or of a picture that are read."""


@dataclass(frozen=True, slots=True)
class PackageReplay:
    """What the page of a package shows when nothing but the package is there."""

    capture_id: str
    text: str
    """The visible text."""
    picture: bytes | None
    """A JPEG of what the capture's first picture shows; None if it has none."""
    asked: int
    """Different requests that the page made."""
    missing: tuple[str, ...]
    """URLs of those that are not in the package, and had brought something when it was captured."""
    quality: Quality
    """How it compares with the text and the picture in the package."""
    attested: Quality | None
    """What the attestation says about that: it was found out when the page was captured."""


def replay_package(path: Path, *, executable: Path | None = None) -> PackageReplay:
    """Replay the package at `path`. It is not verified: that is what `sijill-verify` is for.

    Args:
        path: a package of a capture that a browser showed.
        executable: Chromium; None to look for it where systems have it.

    Raises:
        PackageUnusable: it is no package, or of a page that no browser had shown.
        BrowserUnavailable: there is no browser.
    """
    try:
        with zipfile.ZipFile(path) as package:
            statement = parse_statement(parse_envelope(_read(package, ATTESTATION)).payload)
            if statement.predicate.browser is None:
                raise PackageUnusable(f"{path}: the page was captured without a browser: there is nothing to compare")
            with tempfile.TemporaryDirectory(prefix="sijill-") as folder:
                return _replay(package, statement, statement.predicate.browser, Path(folder), executable)
    except (OSError, zipfile.BadZipFile, KeyError, NotImplementedError, ProvenanceError) as err:
        raise PackageUnusable(f"{path}: not an evidence package of a capture: {err}") from err


def _replay(
    package: zipfile.ZipFile, statement: CaptureStatement, browser: Browser, folder: Path, executable: Path | None
) -> PackageReplay:
    from sijill.archive.capture.browser.chromium import open_browser
    from sijill.archive.capture.browser.recorded import Recording
    from sijill.archive.capture.browser.replay import compare, replay, seen_of

    predicate = statement.predicate
    subjects = {subject.name for subject in statement.subject}
    live = seen_of(
        [Screenshot(one.name, one.kind, one.width, one.height, one.top) for one in browser.screenshots],
        lambda name: _read(package, subject_path(name)) if name in subjects else None,
    )
    warc = _extracted(package, ARCHIVE, folder)
    taken = _extracted(package, DEPENDENCIES, folder) if predicate.dependencies else None
    failed = [exchange.url for exchange in predicate.exchanges if exchange.status is None]
    settings = BrowserSettings(executable=executable, appearance=_appearance(browser), quality=False)
    try:
        with Recording.read(warc, taken, failed=failed) as recording, open_browser(settings) as chromium:
            chromium.start(browser.user_agent)
            replayed = replay(
                chromium,
                recording,
                str(parse_target(predicate.target)),
                live=live,
                user_agent=browser.user_agent,
                workdir=folder,
                clock=lambda: datetime.now(UTC),
            )
    except MalformedWarc as err:
        raise PackageUnusable(f"{predicate.capture_id}: its WARC cannot be read: {err}") from err
    quality = browser.quality
    return PackageReplay(
        capture_id=predicate.capture_id,
        text=replayed.seen.text or "",
        picture=replayed.seen.picture,
        asked=replayed.asked,
        missing=replayed.missing,
        quality=compare(live, replayed),
        attested=None
        if quality is None
        else Quality(quality.text, quality.resources, quality.picture, quality.score, quality.reason),
    )


def _appearance(browser: Browser) -> Appearance:
    return Appearance(
        width=browser.viewport.width,
        height=browser.viewport.height,
        scale_thousandths=browser.device_scale_factor_thousandths,
        language=browser.language,
        time_zone=browser.time_zone,
        colour_scheme=browser.color_scheme,
    )


def _read(package: zipfile.ZipFile, name: str) -> bytes:
    """One small member.

    Raises:
        KeyError: there is none.
        PackageUnusable: it is not small.
    """
    with package.open(name) as member:
        data = member.read(_SMALL + 1)
    if len(data) > _SMALL:
        raise PackageUnusable(f"{name} is larger than {_SMALL} bytes")
    return data


def _extracted(package: zipfile.ZipFile, name: str, folder: Path) -> Path:
    path = folder / name.replace("/", "-")
    with package.open(name) as member, path.open("xb") as file:
        copyfileobj(member, file)
    return path
