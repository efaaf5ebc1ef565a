"""Stands in for a browser where only what becomes of its files matters: it asks for the page, and makes two of them."""

from sijill.archive.capture.browser.rendering import (
    Appearance,
    BrowserFacts,
    Rendering,
    RenderingFile,
    Screenshot,
    ScreenshotKind,
    Waiting,
)
from sijill.archive.capture.browser.seams import Ask
from sijill.archive.capture.spool import FileBody, MemoryBody

TEXT = "نحن المنظمات الموقعة أدناه\n".encode()
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(40_000)


class Shown:
    """Shows every page alike, but for its picture."""

    checks = False

    def __init__(self, picture=PICTURE, also=()):
        """`also` are methods by which the page asks for itself besides."""
        self.picture = picture
        self.also = also

    def show(self, url, *, capture_id, source, user_agent, workdir, clock, limits, deadline):
        del capture_id, limits, deadline
        source.ask(Ask(url, "GET", {}, None, is_page=True, via=None, is_static=False, by_script=False)).result()
        for method in self.also:
            source.ask(Ask(url, method, {}, b"", is_page=False, via=url, is_static=False, by_script=True)).result()
        path = workdir / "picture-of-the-browser"
        path.write_bytes(self.picture)
        return Rendering(
            browser=BrowserFacts("Stand-in", "1", True, True, user_agent, Appearance()),
            files=(
                RenderingFile("text.txt", "text/plain; charset=utf-8", MemoryBody(TEXT), clock()),
                RenderingFile("screenshot.png", "image/png", FileBody(path, len(self.picture)), clock()),
            ),
            screenshots=(Screenshot("screenshot.png", ScreenshotKind.AS_SEEN, 1280, 900, 0),),
            scripts=(),
            transformations=(),
            waiting=Waiting(()),
            blocked=(),
            blocked_left_out=0,
            not_collected=(),
            not_collected_left_out=0,
            console=(),
            console_left_out=0,
            metadata={},
            problems=(),
        )

    def call_off(self):
        return
