"""Makes the README's pictures of the viewer from an archive of the bundled sites: make pictures"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sample import CHANGED, ROOT, Sample, make_sample

from sijill.archive.capture.browser.chromium import find_chromium
from sijill.flows.viewing.site import Site, served
from sijill.flows.wiring import open_archive
from sijill.viewer.serving import Place

PICTURES = ROOT / "viewer" / "pictures"
WIDTH, HEIGHT = 1120, 760
COLOURS = 160
"""Of a picture: pages of text need few, and then take a third of the bytes."""


@dataclass(frozen=True)
class Shot:
    """A picture and where it is taken."""

    name: str
    path: str
    language: str = "en"
    scroll_to: str | None = None


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        _take(make_sample(Path(folder), outsiders=True, hostile=False))


def _take(sample: Sample) -> None:
    joint = sample.captures[CHANGED.removesuffix("index.html")]
    [drawn] = sample.captures["olivegrowers.example/statements/the-well-of-tell-rumman/"]
    statement = f"/statements/{joint[0]}"
    shots = [
        Shot("front-page", "/"),
        Shot("statement", statement),
        Shot("side-by-side", statement, scroll_to="#texts"),
        Shot("changes", f"{statement}/changes?before={joint[0]}&after={joint[1]}"),
        Shot("capture", f"/captures/{drawn}"),
        Shot("replay", f"/captures/{drawn}/replay"),
        Shot("log", "/log"),
        Shot("search-arabic", "/statements?q=سجلات", language="ar"),
    ]
    PICTURES.mkdir(exist_ok=True)
    place = Place("127.0.0.1", 0)
    archive = open_archive(sample.settings)
    with served(archive, Site(place, place), show=print) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(find_chromium()), args=["--no-sandbox"])
        for shot in shots:
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
            join = "&" if "?" in shot.path else "?"
            page.goto(f"{site.url}{shot.path}{join}lang={shot.language}")
            _settle(page, shot)
            _keep(page.screenshot(), PICTURES / f"{shot.name}.png")
            page.close()
        browser.close()


def _settle(page: Page, shot: Shot) -> None:
    page.wait_for_selector(".waiting", state="detached", timeout=60_000)
    if shot.name == "replay":
        page.frame_locator("iframe.replay").locator("h1").wait_for(timeout=60_000)
    if shot.scroll_to is not None:
        page.locator(shot.scroll_to).evaluate("one => one.scrollIntoView({block: 'center'})")


def _keep(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
