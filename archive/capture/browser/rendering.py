"""What comes out of showing a page in a browser, and how it is shown. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sijill.archive.capture.exchange import Body


class BrowserMode(StrEnum):
    """Whether a page is captured with a browser."""

    NEVER = "never"
    AUTO = "auto"
    """With one if there is one, by plain HTTP if not, and the capture says so."""
    ALWAYS = "always"


class BlockedKind(StrEnum):
    """What a page tried that was not let happen."""

    WEBSOCKET = "websocket"
    WEBRTC = "webrtc"
    SERVICE_WORKER = "service-worker"
    DOWNLOAD = "download"
    POPUP = "popup"
    DIALOG = "dialog"
    """alert, confirm, prompt, beforeunload: answered with no."""
    PERMISSION = "permission"
    ADDRESS = "address"
    """The address guard refused it; the exchange that says so is recorded too."""
    SCHEME = "scheme"
    """Neither http nor https: `file:`, `ftp:`, an app's own."""
    NAVIGATION = "navigation"
    """Away from the page after it was there to be seen."""
    CONNECTION = "connection"
    """Something that would have gone past the fetcher; only host and port are known."""
    REQUEST = "request"
    """A request that cannot be made again as the browser would have made it."""
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Blocked:
    """Something that a page tried and that was not let happen."""

    kind: BlockedKind
    url: str
    """What it was about; empty if it was about no URL. Without fragment; at most 8,192 characters."""
    reason: str


class NotCollectedKind(StrEnum):
    """What a page shows that no file stands for."""

    STREAM = "stream"
    PLAYER = "player"
    """A player of another platform."""


@dataclass(frozen=True, slots=True)
class NotCollected:
    """Something that belongs to the page and is not in the capture."""

    kind: NotCollectedKind
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConsoleMessage:
    """What a page wrote on the console, or an error that nobody caught."""

    level: str
    """`log`, `warning`, `error`, ...; `exception` for uncaught errors."""
    text: str


@dataclass(frozen=True, slots=True)
class RenderingFile:
    """One file that was made of the page as shown. Its name is that of the attestation's subject."""

    name: str
    """Lower case: `screenshot.png`, `page.pdf`, ..."""
    media_type: str
    body: Body
    made: datetime


class ScreenshotKind(StrEnum):
    """What a picture shows. A tile of a long page has its number in the name and `top` above 0."""

    AS_SEEN = "as-seen"
    OVERLAYS_REMOVED = "overlays-removed"
    CAPTIONED = "captioned"


@dataclass(frozen=True, slots=True)
class Screenshot:
    """What one picture shows; sizes in pixels of the picture."""

    name: str
    kind: ScreenshotKind
    width: int
    height: int
    top: int
    """Where its first line is on the page; 0 unless it is a further tile of a long page."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script that sijill ran in the page."""

    name: str
    sha256: str
    """Lowercase hexadecimal, of the file as sijill ships it."""


@dataclass(frozen=True, slots=True)
class Transformation:
    """How one file was made of another, or of the page."""

    name: str
    input: str
    """A file's name, or `page`."""
    output: str
    description: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """How it was found out that the page is done."""

    facts: tuple[tuple[str, int | str], ...]
    """Named facts, at most 40, names in camelCase: `milliseconds`, `scrollSteps`, `loadMoreClicks`, `ended`, ..."""
    problems: tuple[str, ...] = ()
    """What keeps the capture from being complete: it did not become quiet, it was not scrolled to its end."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How a replay from the capture alone compares with the page as shown; each score from 0 to 1000."""

    text: int
    resources: int
    picture: int
    score: int
    reason: str
    """What is missing in the replay, if the score is below the threshold; empty otherwise."""


@dataclass(frozen=True, slots=True)
class BrowserLimits:
    """Bounds of showing one page, all within `Limits.capture_seconds`. Times in seconds, sizes in bytes."""

    load_seconds: float = 30.0
    """Until the page's load event; what is not there by then is not waited for with the event."""
    settle_seconds: float = 30.0
    """For `settle`."""
    results_seconds: float = 60.0
    """For `take_results`."""
    memory_bytes: int = 2 << 30
    """Of all processes of the browser together, what they do not share with others."""
    script_megabytes: int = 512
    """Of the objects of the scripts of one page (V8's old space)."""
    load_more_clicks: int = 10
    scroll_steps: int = 100


@dataclass(frozen=True, slots=True)
class Appearance:
    """How the page is shown: what a site could make differ."""

    width: int = 1280
    height: int = 900
    scale_thousandths: int = 1000
    """Pixels of the picture for each CSS pixel, times 1,000."""
    language: str = "en-US"
    """A BCP 47 tag: navigator.language and Accept-Language."""
    time_zone: str = "UTC"
    colour_scheme: str = "light"


@dataclass(frozen=True, slots=True)
class BrowserFacts:
    """Which browser showed the page, and how."""

    name: str
    version: str
    sandboxed: bool
    headless: bool
    user_agent: str
    appearance: Appearance


@dataclass(frozen=True, slots=True)
class Rendering:
    """A page as a browser showed it."""

    browser: BrowserFacts
    files: tuple[RenderingFile, ...]
    """In the order they were made; names differ."""
    screenshots: tuple[Screenshot, ...]
    scripts: tuple[Script, ...]
    transformations: tuple[Transformation, ...]
    waiting: Waiting
    blocked: tuple[Blocked, ...]
    blocked_left_out: int
    not_collected: tuple[NotCollected, ...]
    not_collected_left_out: int
    console: tuple[ConsoleMessage, ...]
    console_left_out: int
    metadata: Mapping[str, Any]
    """What the page says of itself, JSON values; the same as in `page.json`."""
    problems: tuple[str, ...]
    """What keeps the capture from being complete: a crash, a hang, a picture that could not be taken."""
    quality: Quality | None = None

    def file(self, name: str) -> RenderingFile | None:
        """The file with this name."""
        return next((made for made in self.files if made.name == name), None)


@dataclass(frozen=True, slots=True)
class NotShown:
    """Why a page that was reached was not shown."""

    reason: str


@dataclass(frozen=True, slots=True)
class BrowserSettings:
    """Which browser shows pages, and how."""

    executable: Path | None = None
    """None to look for one where systems have it."""
    limits: BrowserLimits = field(default_factory=BrowserLimits)
    appearance: Appearance = field(default_factory=Appearance)
    pages_per_process: int = 100
    """After so many pages the browser is started anew."""
    quality: bool = True
    """Whether each capture is replayed without a network and compared with the page."""
