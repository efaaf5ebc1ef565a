"""What is done with a page in a browser: waiting until it is done, and making files of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from playwright.async_api import Error as PlaywrightError

from sijill.archive.capture.browser import pictures
from sijill.archive.capture.browser.metadata import READING, read_description
from sijill.archive.capture.browser.rendering import (
    BlockedKind,
    RenderingFile,
    Screenshot,
    ScreenshotKind,
    Transformation,
    Waiting,
)
from sijill.archive.capture.browser.waiting import FRAMES_SECONDS, Waiter
from sijill.archive.capture.browser.world import PageHangs, ScriptFailed, World, script

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

    from sijill.archive.capture.browser.seams import Showing

_Made = TypeVar("_Made")
_TREE_NODES: Final = 20_000
_TREE_TEXT: Final = 2000
_TREE_PROPERTIES: Final = frozenset({"level", "checked", "expanded", "disabled", "selected", "url", "pressed"})
_PAPER_INCHES: Final = (8.27, 11.69)
_PAPER_MARGIN: Final = 0.25
_PDF_SECONDS: Final = 30.0


async def prepare(page: Page, cdp: CDPSession, showing: Showing) -> None:
    """Refuse all permissions, and note which ones the page asks for. See `Behaviour.prepare`."""

    def asked(event: dict[str, Any]) -> None:
        if event["name"] == "__sijillReport":
            showing.watch.block(BlockedKind.PERMISSION, page.url, _label(event["payload"]))

    text, ran = script("observe.js")
    showing.results.scripts.append(ran)
    await page.context.grant_permissions([])  # whatever is not in the list is refused without a question
    cdp.on("Runtime.bindingCalled", asked)
    await cdp.send("Page.enable")
    await cdp.send("Runtime.enable")
    await cdp.send("Runtime.addBinding", {"name": "__sijillReport"})
    await cdp.send("Page.addScriptToEvaluateOnNewDocument", {"source": text})


def _label(payload: str) -> str:
    try:
        value = json.loads(payload)
    except ValueError:
        value = None
    return f"asked for {value}" if isinstance(value, str) else "asked for a permission"


async def settle(page: Page, cdp: CDPSession, showing: Showing) -> Waiting:
    """Wait until the page is done. See `Behaviour.settle`."""
    waiter = Waiter(World(page, cdp, showing), page, showing)
    try:
        await waiter.wait()
    except PageHangs as err:
        waiter.problems.append(f"the page did not respond: {err}")
    except ScriptFailed as err:
        waiter.problems.append(f"the page could not be looked at: {err}")
    showing.traffic.stay()
    waiter.facts["milliseconds"] = round((time.monotonic() - waiter.started) * 1000)
    waiter.facts["scriptsStopped"] = int(waiter.world.stopped)
    if waiter.world.stopped:
        waiter.problems.append("the page's scripts let nothing else happen and were stopped")
    showing.results.metadata["waiting"] = dict(waiter.facts)
    return Waiting(tuple(waiter.facts.items()), tuple(waiter.problems))


async def take_results(page: Page, cdp: CDPSession, showing: Showing) -> None:
    """Make all files of the page. See `Behaviour.take_results`."""
    await _Taker(World(page, cdp, showing), page, showing).take()


class _Taker:
    def __init__(self, world: World, page: Page, showing: Showing) -> None:
        self._world = world
        self._page = page
        self._showing = showing
        self._results = showing.results

    async def take(self) -> None:
        await self._try("the page could not be read", self._read)
        captioned = await self._try("the picture could not be taken", self._photograph)
        try:
            await self._try("the accessibility tree could not be read", self._read_tree)
            await self._try("the overlays could not be removed", self._photograph_clean)
            await self._try("the page could not be printed", self._print)
        finally:
            if captioned is not None:
                self._add_captioned(*await captioned)
        self._results.metadata["console"] = [[said.level, said.text] for said in self._showing.watch.console]
        self._results.metadata["blocked"] = [[str(b.kind), b.url, b.reason] for b in self._showing.watch.blocked]
        self._results.metadata["notCollected"] = [
            [str(one.kind), one.url, one.reason] for one in self._showing.watch.not_collected
        ]
        self._add("page.json", "application/json", _json(self._results.metadata))

    async def _try(self, problem: str, make: Callable[[], Awaitable[_Made]]) -> _Made | None:
        """What `make` makes; a page that lets nothing happen has its scripts stopped, and it is tried once more."""
        listed: tuple[list[Any], ...] = (
            self._results.files,
            self._results.screenshots,
            self._results.transformations,
        )
        lengths = [len(one) for one in listed]
        for last in (self._world.stopped, True):
            try:
                return await make()
            except PageHangs as err:
                if last:
                    self._results.problems.append(f"{problem}: {err}")
                    return None
                for one, length in zip(listed, lengths, strict=True):
                    # The second try makes everything of the first anew, under the same names.
                    del one[length:]
                await self._world.stop_scripts()
                self._results.problems.append("the page's scripts let nothing else happen and were stopped")
            except ScriptFailed as err:
                self._results.problems.append(f"{problem}: {err}")
                return None
            except PlaywrightError as err:
                if self._page.is_closed() or "crash" in err.message.lower() or "closed" in err.message.lower():
                    raise
                self._results.problems.append(f"{problem}: {err.message.splitlines()[0][:300]}")
                return None
        return None

    def _add(self, name: str, media_type: str, data: bytes) -> None:
        body = pictures.store(data, self._showing)
        self._results.files.append(RenderingFile(name, media_type, body, self._showing.clock()))

    async def _read(self) -> None:
        found = await self._world.run("describe.js", READING, seconds=20)
        self._results.metadata.update(read_description(found))
        self._add("dom.html", "text/html; charset=utf-8", found["html"].encode("utf-8", "replace"))
        self._add("text.txt", "text/plain; charset=utf-8", found["text"].encode("utf-8", "replace"))
        for name in ("html", "text"):
            if found[f"{name}Length"] > READING[name]:
                self._results.problems.append(f"the {name} of the page is cut at {READING[name]} characters")

    async def _photograph(self) -> asyncio.Task[tuple[RenderingFile, bytes]]:
        area = await pictures.measure(self._world, self._showing)
        if area.shown < area.height:
            self._results.problems.append(f"the page is {area.height} px high, the pictures show {area.shown} px of it")
        file, data = await pictures.photograph(self._world, self._showing, area, "screenshot", ScreenshotKind.AS_SEEN)
        return asyncio.create_task(self._caption(file, data, self._page.url))

    async def _caption(self, file: RenderingFile, data: bytes, url: str) -> tuple[RenderingFile, bytes]:
        """A copy of the picture with its caption; it is drawn while the page is printed."""

        def draw() -> bytes:
            return pictures.caption(
                data,
                url=url,
                made=file.made,
                capture_id=self._showing.capture_id,
                sha256=hashlib.sha256(data).hexdigest(),
                name=file.name,
            )

        return file, await asyncio.to_thread(draw)

    def _add_captioned(self, file: RenderingFile, copy: bytes) -> None:
        name = "screenshot-captioned.png"
        self._add(name, pictures.PNG, copy)
        width, height = pictures.size_of(copy)
        self._results.screenshots.append(Screenshot(name, ScreenshotKind.CAPTIONED, width, height, 0))
        self._results.transformations.append(
            Transformation(
                "caption",
                file.name,
                name,
                "The picture under a strip with the URL, the time, the capture's id and the SHA-256 of the picture.",
            )
        )

    async def _read_tree(self) -> None:
        tree = await self._world.call("Accessibility.getFullAXTree", seconds=15)
        self._add("accessibility.json", "application/json", await asyncio.to_thread(_compact, tree["nodes"]))

    async def _photograph_clean(self) -> None:
        overlays = await self._world.run("overlays.js")
        self._results.metadata["overlays"] = overlays
        if not overlays:
            return
        await self._world.run("clean.js")
        await asyncio.sleep(FRAMES_SECONDS)
        area = await pictures.measure(self._world, self._showing)
        file, _ = await pictures.photograph(
            self._world, self._showing, area, "screenshot-clean", ScreenshotKind.OVERLAYS_REMOVED
        )
        kinds = ", ".join(sorted({overlay["kind"] for overlay in overlays}))
        description = (
            f"A second picture of the page after clean.js hid what lay over it ({len(overlays)}: {kinds}) and let it "
            "scroll again. The page as it first stood is in screenshot.png and dom.html."
        )
        self._results.transformations.append(Transformation("overlays-removed", "page", file.name, description))

    async def _print(self) -> None:
        width, height = _PAPER_INCHES
        scale = round((width - 2 * _PAPER_MARGIN) * 96 / self._showing.appearance.width, 2)
        margins = {f"margin{side}": _PAPER_MARGIN for side in ("Top", "Bottom", "Left", "Right")}
        answer = await self._world.call(
            "Page.printToPDF",
            {"printBackground": True, "paperWidth": width, "paperHeight": height, "scale": scale, **margins},
            seconds=_PDF_SECONDS,
        )
        data = await asyncio.to_thread(pictures.decode, answer["data"])
        self._add("page.pdf", "application/pdf", data)
        removed = ", after what lay over it was hidden" if self._results.metadata.get("overlays") else ""
        description = f"The page printed by the browser on A4 at {round(scale * 100)}%, with backgrounds{removed}."
        self._results.transformations.append(Transformation("print", "page", "page.pdf", description))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _compact(nodes: list[dict[str, Any]]) -> bytes:
    """The accessibility tree without what the page does not offer to readers, in the order of the browser."""
    kept: list[dict[str, Any]] = []
    for node in nodes:
        if node.get("ignored"):
            continue
        role = node.get("role", {}).get("value", "")
        if role == "InlineTextBox":
            continue
        if len(kept) == _TREE_NODES:
            break
        entry: dict[str, Any] = {"id": node["nodeId"], "parent": node.get("parentId"), "role": role}
        for name in ("name", "description", "value"):
            if text := node.get(name, {}).get("value"):
                entry[name] = str(text)[:_TREE_TEXT]
        for found in node.get("properties", ()):
            if found["name"] in _TREE_PROPERTIES and (value := found["value"].get("value")) not in (None, False, ""):
                entry[found["name"]] = value if isinstance(value, bool) else str(value)[:_TREE_TEXT]
        kept.append(entry)
    return _json({"nodes": kept, "leftOut": len(nodes) - len(kept)})
