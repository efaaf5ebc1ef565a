"""What is done with a page, in a real Chromium that gets every answer from a dict of pages."""

import asyncio
import base64
import contextlib
import hashlib
import io
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import async_playwright

from sijill.archive.capture.browser import page as behaviour
from sijill.archive.capture.browser.rendering import (
    Appearance,
    BlockedKind,
    BrowserLimits,
    NotCollectedKind,
    ScreenshotKind,
)
from sijill.archive.capture.browser.seams import Results, Showing, Watch

HOST = "https://page.example"
LIMITS = BrowserLimits(load_seconds=5, settle_seconds=25)
FLAGS = ["--no-sandbox", "--js-flags=--max-old-space-size=96"]


@pytest.fixture(scope="module")
def theatre(tool):
    """One browser for all tests here, with the loop that it is spoken to in."""
    path = tool("chromium", "chromium")
    with asyncio.Runner() as runner:
        house = runner.run(_open(path))
        yield runner, house
        runner.run(_close(house))


async def _open(path):
    playwright = await async_playwright().start()
    browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
    session = await browser.new_browser_cdp_session()
    house = SimpleNamespace(playwright=playwright, browser=browser, traffic=None)
    session.on("Fetch.requestPaused", lambda event: house.traffic.paused(session, event))
    await session.send("Fetch.enable", {"patterns": [{"urlPattern": "*"}]})
    return house


async def _close(house):
    await house.browser.close()
    await house.playwright.stop()


class Traffic:
    """Answers every request of a browser, and counts."""

    def __init__(self, pages):
        self.pages = pages
        self.asked = []
        self.in_flight = 0
        self.since = time.monotonic()
        self.staying = False
        self.main = None
        self.tasks = set()

    @property
    def quiet_seconds(self):
        return 0.0 if self.in_flight else time.monotonic() - self.since

    def stay(self):
        self.staying = True

    def paused(self, session, event):
        task = asyncio.ensure_future(self.answer(session, event))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def answer(self, session, event):
        url, identifier = event["request"]["url"], event["requestId"]
        self.in_flight += 1
        try:
            navigation = event["resourceType"] == "Document" and event["frameId"] == self.main
            if self.staying and navigation:
                await session.send("Fetch.failRequest", {"requestId": identifier, "errorReason": "Aborted"})
                return
            self.asked.append(url)
            answer = self.pages.get(url.removeprefix(HOST), (404, "text/plain", b"no"))
            if callable(answer):
                answer = await answer(event)
            status, media_type, body = answer if isinstance(answer, tuple) else (200, "text/html", answer)
            await session.send(
                "Fetch.fulfillRequest",
                {
                    "requestId": identifier,
                    "responseCode": status,
                    "responseHeaders": [{"name": "Content-Type", "value": f"{media_type}; charset=utf-8"}],
                    "body": base64.b64encode(body if isinstance(body, bytes) else body.encode()).decode(),
                },
            )
        except PlaywrightError:
            return  # the page is gone
        finally:
            self.in_flight -= 1
            self.since = time.monotonic()


@pytest.fixture
def show(theatre, tmp_path):
    """`show(pages)` shows the page at `/`, and gives what was made of it."""
    runner, house = theatre

    def run(pages, *, limits=LIMITS):
        return runner.run(asyncio.wait_for(_show(house, tmp_path, pages, limits), 100))

    return run


async def _show(house, folder, pages, limits):
    traffic = house.traffic = Traffic({"/": pages} if isinstance(pages, str) else pages)
    context = await house.browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    try:
        page = await context.new_page()
        cdp = await context.new_cdp_session(page)
        traffic.main = (await cdp.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        showing = Showing(
            capture_id="20261121t011630z-k3j5x2m4q7ab",
            url=HOST + "/",
            workdir=folder,
            clock=lambda: datetime.now(UTC),
            limits=limits,
            appearance=Appearance(),
            traffic=traffic,
            watch=Watch(),
            results=Results(),
        )

        async def dismiss(dialog):
            showing.watch.block(BlockedKind.DIALOG, page.url, dialog.message)
            await dialog.dismiss()

        context.on("dialog", dismiss)
        page.on("console", lambda message: showing.watch.say(message.type, message.text))
        await behaviour.prepare(page, cdp, showing)
        await page.goto(HOST + "/", wait_until="commit")
        with contextlib.suppress(PlaywrightError):  # it is shown as far as it came
            await page.wait_for_load_state("load", timeout=limits.load_seconds * 1000)
        begun = time.monotonic()
        waiting = await behaviour.settle(page, cdp, showing)
        settled = time.monotonic()
        await behaviour.take_results(page, cdp, showing)
        taken = time.monotonic()
        url = page.url
    finally:
        await asyncio.wait_for(context.close(), 30)
    made = {file.name: _bytes(file) for file in showing.results.files}
    return SimpleNamespace(
        files=made,
        facts=dict(waiting.facts),
        problems=(*waiting.problems, *showing.results.problems),
        waiting=waiting,
        watch=showing.watch,
        results=showing.results,
        asked=[asked.removeprefix(HOST) for asked in traffic.asked],
        url=url,
        seconds=(settled - begun, taken - settled),
        page=json.loads(made["page.json"]) if "page.json" in made else None,
        text=made.get("text.txt", b"").decode(),
        dom=made.get("dom.html", b"").decode(),
    )


def _bytes(file):
    with file.body.open() as reader:
        return reader.read()


def picture(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def blocked(shown, kind):
    return [found.reason for found in shown.watch.blocked if found.kind is kind]


def document(body, *, head="", html="lang=en"):
    head = f"<head><title>T</title><style>body{{margin:0}}</style>{head}</head>"
    return f"<!doctype html><html {html}>{head}<body>{body}</body></html>"


# What a page has to be shown


def test_a_page_drawn_by_script_from_a_json_call(show):
    async def slow(event):
        await asyncio.sleep(0.6)
        return 200, "application/json", json.dumps({"text": "We the undersigned"})

    script = (
        "fetch('/call.json').then(r => r.json()).then(j => { document.querySelector('main').textContent = j.text })"
    )
    shown = show({"/": document(f"<main></main><script>{script}</script>"), "/call.json": slow})
    assert "We the undersigned" in shown.text
    assert "<main>We the undersigned</main>" in shown.dom
    assert shown.dom.startswith("<!DOCTYPE html>")
    assert shown.problems == ()
    assert shown.facts["network"] == "quiet"
    names = [node.get("name") for node in json.loads(shown.files["accessibility.json"])["nodes"]]
    assert "We the undersigned" in names
    assert set(shown.files) == {
        "dom.html", "text.txt", "screenshot.png", "screenshot-captioned.png", "accessibility.json", "page.pdf",
        "page.json",
    }  # fmt: skip
    assert shown.files["page.pdf"].startswith(b"%PDF-")
    made = {transformation.output for transformation in shown.results.transformations}
    assert made == {"page.pdf", "screenshot-captioned.png"}


def test_scripts_are_noted_with_the_digests_of_the_files_as_shipped(show):
    shown = show(document("<p>x"))
    folder = Path(behaviour.__file__).parent / "scripts"
    found = {ran.name: ran.sha256 for ran in shown.results.scripts}
    assert {"observe.js", "settle.js", "hold.js", "describe.js", "overlays.js"} <= set(found)
    for name, digest in found.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert "clean.js" not in found


def test_lazy_images_are_there_after_scrolling(show):
    png = io.BytesIO()
    Image.new("RGB", (100, 100), (200, 30, 40)).save(png, "PNG")
    watched = (
        "new IntersectionObserver((seen) => {"
        "seen.forEach((e) => { if (e.isIntersecting) e.target.src = '/watched.png' }) })"
        ".observe(document.querySelector('#watched'))"
    )
    body = (
        "<div style='height:5000px'></div><img id=watched width=100 height=100 style='display:block'>"
        "<div style='height:4000px'></div><img loading=lazy src=/lazy.png width=100 height=100>"
        f"<script>{watched}</script>"
    )
    answer = (200, "image/png", png.getvalue())
    shown = show({"/": document(body), "/watched.png": answer, "/lazy.png": answer})
    assert {"/watched.png", "/lazy.png"} <= set(shown.asked)
    seen = picture(shown.files["screenshot.png"])
    assert seen.getpixel((50, 5050)) == (200, 30, 40)
    assert seen.getpixel((50, 9150)) == (200, 30, 40)
    assert shown.problems == ()


def test_load_more_is_pressed_in_three_languages_until_there_is_no_more(show):
    script = """
        let n = 0;
        for (const button of document.querySelectorAll("button")) button.onclick = async () => {
            n += 1;
            document.querySelector("ul").insertAdjacentHTML("beforeend", await (await fetch("/more" + n)).text());
            if (n != 1) button.remove();
        };"""
    buttons = "<button>Load more</button><button>Afficher plus…</button><button>عَرض المزيد (12)</button>"
    pages = {"/": document(f"<ul><li>first</ul>{buttons}<script>{script}</script>")}
    pages |= {f"/more{n}": (200, "text/plain", f"<li>part {n}") for n in range(1, 5)}
    shown = show(pages)
    assert shown.facts["loadMoreClicks"] == 4
    assert "part 4" in shown.text
    assert blocked(shown, BlockedKind.LIMIT) == []


def test_load_more_without_end_is_bounded(show):
    script = "document.querySelector('button').onclick = () => document.body.append(document.createElement('hr'))"
    limits = BrowserLimits(load_seconds=5, settle_seconds=25, load_more_clicks=4)
    shown = show(document(f"<button>Voir plus</button><script>{script}</script>"), limits=limits)
    assert shown.facts["loadMoreClicks"] == 4
    assert shown.dom.count("<hr>") == 4
    assert blocked(shown, BlockedKind.LIMIT) == ["'voir plus' was pressed 4 times"]


def test_buttons_that_do_something_else_are_not_pressed(show):
    body = (
        "<button>Donate</button><button>Read more</button><button aria-expanded=false>Show more</button>"
        "<a href=/elsewhere>Load more</a><form method=post action=/post><button>Load more</button></form>"
        "<script>document.addEventListener('click', (e) => document.body.append('pressed'))</script>"
    )
    shown = show(document(body))
    assert shown.facts["loadMoreClicks"] == 0
    assert "pressed" not in shown.text
    assert shown.asked.count("/elsewhere") == 0


def test_shadow_roots_are_in_the_dom_and_in_the_text(show):
    script = (
        "const one = document.querySelector('#one').attachShadow({mode: 'open'});"
        "one.innerHTML = '<b>in one</b><span></span>';"
        "one.querySelector('span').attachShadow({mode: 'open'}).innerHTML = '<u>in two</u>'"
    )
    shown = show(document(f"<div id=one></div><script>{script}</script>"))
    assert '<template shadowrootmode="open"><b>in one</b><span><template shadowrootmode="open"><u>in two' in shown.dom
    assert "in one" in shown.text
    assert "in two" in shown.text


def test_what_a_page_says_of_itself_and_plays(show):
    head = (
        '<link rel=canonical href="/statement"><link rel=alternate hreflang=ar href="/ar">'
        '<link rel=alternate type="application/rss+xml" href="/feed">'
        '<meta property="og:title" content="Joint statement"><meta name="twitter:card" content="summary">'
        '<meta property="article:published_time" content="2026-01-02T03:04:05Z">'
        '<script type="application/ld+json">{"@graph":[{"datePublished":"2026-01-02"}]}</script>'
    )
    body = (
        "<time datetime=2026-01-03>3 January</time><video preload=none><source src=/film.mp4 type=video/mp4></video>"
        "<audio src=/sound.mp3 preload=auto></audio><video src=/live.m3u8></video>"
        "<iframe src='https://www.youtube-nocookie.com/embed/abc'></iframe>"
        "<iframe data-src='https://player.vimeo.com/video/1'></iframe>"
        "<video id=v></video><script>document.querySelector('#v').src = URL.createObjectURL(new MediaSource())</script>"
    )
    pages = {"/": document(body, head=head), "/film.mp4": (200, "video/mp4", b"film")}
    shown = show(pages | {"/sound.mp3": (200, "audio/mpeg", b"sound")})
    page = shown.page
    assert page["canonical"] == HOST + "/statement"
    assert page["translations"] == [{"language": "ar", "url": HOST + "/ar"}]
    assert page["feeds"][0]["url"] == HOST + "/feed"
    assert ["og:title", "Joint statement"] in page["openGraph"]
    assert [(date["where"], date["value"]) for date in page["dates"]] == [
        ("meta", "2026-01-02T03:04:05Z"),
        ("json-ld", "2026-01-02"),
        ("time", "2026-01-03"),
    ]
    assert page["media"] == [HOST + "/film.mp4", HOST + "/sound.mp3"]
    assert "/film.mp4" in shown.asked
    assert "/sound.mp3" in shown.asked
    found = {(one.kind, one.url.partition("?")[0]) for one in shown.watch.not_collected}
    assert (NotCollectedKind.PLAYER, "https://www.youtube-nocookie.com/embed/abc") in found
    assert (NotCollectedKind.PLAYER, "https://player.vimeo.com/video/1") in found
    assert (NotCollectedKind.STREAM, HOST + "/live.m3u8") in found
    assert any(kind is NotCollectedKind.STREAM and url.startswith("blob:") for kind, url in found)


# Overlays

CONSENT = (
    "We use cookies to improve this site. <button>Accept all</button>",
    "Nous utilisons des témoins de connexion. <button>Tout accepter</button>",
    "نستخدم ملفات تعريف الارتباط في هذا الموقع <button>موافق</button>",
    "Diese Seite braucht Ihre Einwilligung. <button>Alle akzeptieren</button>",
)


def test_consent_bars_are_in_the_first_picture_and_not_in_the_second(show):
    style = "position:fixed;left:0;right:0;height:50px;background:rgb(250,0,250)"
    bars = "".join(f"<div style='{style};bottom:{place * 60}px'>{text}</div>" for place, text in enumerate(CONSENT))
    shown = show(document(f"<h1>Statement</h1><div style='height:2000px'></div>{bars}"))
    seen, clean = (picture(shown.files[name]) for name in ("screenshot.png", "screenshot-clean.png"))
    for place in range(len(CONSENT)):
        assert seen.getpixel((1000, 880 - 60 * place)) == (250, 0, 250)
        assert clean.getpixel((1000, 880 - 60 * place)) == (255, 255, 255)
    assert [overlay["kind"] for overlay in shown.page["overlays"]] == ["consent"] * 4
    # The DOM that is kept is that of the page as it stood.
    assert "display: none" not in shown.dom
    assert "clean.js" in [ran.name for ran in shown.results.scripts]
    made = next(made for made in shown.results.transformations if made.name == "overlays-removed")
    assert made.output == "screenshot-clean.png"
    kinds = {made.name: made.kind for made in shown.results.screenshots}
    assert kinds["screenshot.png"] is ScreenshotKind.AS_SEEN
    assert kinds["screenshot-clean.png"] is ScreenshotKind.OVERLAYS_REMOVED
    assert kinds["screenshot-captioned.png"] is ScreenshotKind.CAPTIONED


def test_a_box_with_a_curtain_that_locks_scrolling(show):
    body = (
        "<style>html,body{height:100%;overflow:hidden}</style><h1>Statement</h1>"
        "<div style='height:3000px;background:rgb(0,90,0)'>x</div>"
        "<div style='position:fixed;inset:0;background:rgb(9,9,9)'></div>"
        "<div style='position:fixed;left:300px;top:200px;"
        "width:600px;height:400px;background:rgb(250,250,0)' class=modal><h2>النشرة البريدية</h2><input></div>"
    )
    shown = show(document(body))
    assert picture(shown.files["screenshot.png"]).getpixel((10, 500)) == (9, 9, 9)
    clean = picture(shown.files["screenshot-clean.png"])
    assert clean.height > 3000
    assert clean.getpixel((600, 500)) == (0, 90, 0)
    assert clean.getpixel((600, 2900)) == (0, 90, 0)
    assert sorted(overlay["kind"] for overlay in shown.page["overlays"]) == ["backdrop", "newsletter"]


def test_a_consent_box_in_a_shadow_root_and_a_modal_dialog(show):
    body = (
        "<h1>Statement</h1><div id=host></div><dialog>Subscribe to our newsletter <input></dialog>"
        "<script>document.querySelector('#host').attachShadow({mode:'open'}).innerHTML = "
        "'<div style=\"position:fixed;bottom:0;"
        "height:200px;width:100%;background:#fcc\">Cookies <button>OK</button></div>';"
        "document.querySelector('dialog').showModal()</script>"
    )
    shown = show(document(body))
    assert {overlay["kind"] for overlay in shown.page["overlays"]} >= {"consent", "newsletter"}
    assert picture(shown.files["screenshot-clean.png"]).getpixel((1000, 850)) == (255, 255, 255)


def test_what_belongs_to_the_page_is_no_overlay(show):
    body = (
        "<div style='position:fixed;inset:0;z-index:-1;background:#eef'></div>"
        "<header style='position:fixed;top:0;width:100%;height:90px;background:#ccc'><nav><a href=/>Home</a> "
        "<a href=/n>Newsletter</a> <a href=/p>Privacy policy</a></nav></header>"
        "<main style='position:fixed;inset:90px 0 0 0;overflow:auto'><h1>Statement on cookies</h1>"
        + "<p>We use words about cookies and consent in this text of the statement.</p>" * 20
        + "</main><button style='position:fixed;right:9px;bottom:9px'>Top</button>"
    )
    shown = show(document(body))
    assert shown.page["overlays"] == []
    assert "screenshot-clean.png" not in shown.files


# Pictures


def test_a_very_long_page_is_in_tiles_without_loss_or_overlap(show):
    # Each line of 40 px has its own colour.
    rows = "".join(f"<div style='height:40px;background:rgb({n // 256},{n % 256},99)'></div>" for n in range(1000))
    shown = show(document(rows))
    tiles = [made for made in shown.results.screenshots if made.kind is ScreenshotKind.AS_SEEN]
    assert [(made.name, made.top, made.height) for made in tiles] == [
        ("screenshot.png", 0, 16000),
        ("screenshot-2.png", 16000, 16000),
        ("screenshot-3.png", 32000, 8000),
    ]
    column = []
    for made in tiles:
        seen = picture(shown.files[made.name])
        assert seen.size == (made.width, made.height)
        column.append(seen.crop((640, 0, 641, seen.height)).tobytes())
    assert b"".join(column) == b"".join(bytes((n // 256, n % 256, 99)) * 40 for n in range(1000))
    assert shown.facts["heightAfter"] == 40000
    assert shown.problems == ()


def test_the_window_stays_as_high_as_it_was_in_the_picture(show):
    body = (
        "<div style='height:100vh;background:rgb(1,2,3)'></div><div style='height:3000px;background:rgb(4,5,6)'></div>"
    )
    seen = picture(show(document(body)).files["screenshot.png"])
    assert seen.size == (1280, 3900)
    assert [seen.getpixel((5, y)) for y in (0, 899, 900, 3899)] == [(1, 2, 3), (1, 2, 3), (4, 5, 6), (4, 5, 6)]


def test_a_page_from_right_to_left(show):
    body = (
        "<h1>بيان مشترك</h1><p>نحن الموقعين أدناه نطالب بالإفراج عن المعتقلين.</p><div style='height:1500px'></div>"
        "<a style='position:absolute;left:-9999px'>تخطي</a>"
        "<div style='width:40px;height:40px;background:rgb(7,8,9)'></div>"
    )
    shown = show(document(body, html="lang=ar dir=rtl"))
    assert shown.page["direction"] == "rtl"
    assert shown.page["language"] == "ar"
    seen = picture(shown.files["screenshot.png"])
    assert seen.width == 1280
    dark = [x for x in range(seen.width) for y in range(0, 100, 2) if sum(seen.getpixel((x, y))) < 300]
    assert min(dark) > 900  # the heading stands at the right
    assert seen.getpixel((1260, seen.height - 20)) == (7, 8, 9)
    assert "بيان مشترك" in shown.text


def test_a_page_wider_than_the_window_is_shown_as_wide_as_it_is(show):
    shown = show(document("<div style='width:1900px;height:50px;background:rgb(3,3,200)'></div>"))
    seen = picture(shown.files["screenshot.png"])
    assert seen.width == 1900
    assert seen.getpixel((1890, 20)) == (3, 3, 200)


# Pages that do not want to be captured


def test_a_page_that_never_stops_loading(show):
    async def never(event):
        await asyncio.sleep(3600)

    limits = BrowserLimits(load_seconds=2, settle_seconds=8)
    shown = show({"/": document("<p>Statement<img src=/never.png>"), "/never.png": never}, limits=limits)
    assert "Statement" in shown.text
    assert "screenshot.png" in shown.files
    assert shown.facts["network"] == "busy"
    assert any("did not become quiet" in problem for problem in shown.problems)


def test_requests_without_end(show):
    script = "let n = 0; const again = () => fetch('/n' + n++).finally(again); again(); again()"
    limits = BrowserLimits(load_seconds=2, settle_seconds=8)
    shown = show(document(f"<p>Statement<script>{script}</script>"), limits=limits)
    assert "Statement" in shown.text
    assert any("did not become quiet" in problem for problem in shown.problems)


def test_scripts_in_an_endless_loop_are_stopped(show):
    script = "addEventListener('load', () => setTimeout(() => { for (;;); }, 50))"
    shown = show(document(f"<p>Statement<script>{script}</script>"))
    assert "Statement" in shown.text
    assert {"screenshot.png", "dom.html", "page.pdf"} <= set(shown.files)
    assert shown.facts["scriptsStopped"] == 1
    assert any("were stopped" in problem for problem in shown.problems)


def test_dialogs_in_a_loop(show):
    script = "addEventListener('load', () => { for (;;) alert('look here') })"
    shown = show(document(f"<p>Statement<script>{script}</script>"), limits=BrowserLimits(2, 25))
    assert "Statement" in shown.text
    assert "screenshot.png" in shown.files
    assert blocked(shown, BlockedKind.DIALOG) == ["look here"]


def test_a_page_that_navigates_away_again_and_again_stays(show):
    ways = """
        setInterval(() => { location.href = "/away" + Math.random() }, 20);
        setInterval(() => { location.replace("about:blank") }, 21);
        setInterval(() => { location.href = URL.createObjectURL(new Blob(["gone"], {type: "text/html"})) }, 22);
        setInterval(() => { history.back(); history.go(-1) }, 23);
        setInterval(() => { document.querySelector("form").submit() }, 24);
        document.querySelector("a").click();
        onscroll = () => { location.assign("/away") };"""
    body = (
        "<p>Statement<form action=/away method=post></form><a href=/away>x</a><div style='height:3000px'></div>"
        f"<script>addEventListener('scroll', () => {{ {ways} }}, {{once: true}})</script>"
    )
    shown = show({"/": document(body), "/away": document("gone")})
    assert "Statement" in shown.text
    assert shown.url == HOST + "/"
    assert not [asked for asked in shown.asked if "away" in asked]
    assert picture(shown.files["screenshot.png"]).height > 3000
    assert blocked(shown, BlockedKind.NAVIGATION)
    assert any(found.url == HOST + "/away" for found in shown.watch.blocked)


def test_a_page_that_allocates_without_end(show):
    script = (
        "setTimeout(() => { const all = []; for (;;) all.push({some: 'thing', more: [1, 2, 3], n: all.length}) }, 400)"
    )
    started = time.monotonic()
    with pytest.raises(PlaywrightError, match=r"crash|closed"):
        show(document(f"<p>Statement<div style='height:30000px'></div><script>{script}</script>"))
    assert time.monotonic() - started < 60
    assert "still here" in show(document("<p>still here")).text


def test_permissions_are_refused_and_noted(show):
    script = (
        "const say = (t) => document.body.append(t + '; ');"
        "navigator.geolocation.getCurrentPosition(() => say('geo yes'), (e) => say('geo ' + e.code));"
        "Notification.requestPermission().then((r) => say('notifications ' + r));"
        "navigator.clipboard.readText().then(() => say('clipboard yes'), () => say('clipboard no'));"
        "navigator.permissions.query({name: 'camera'}).then((r) => say('camera ' + r.state));"
    )
    shown = show(document(f"<p>Statement</p><script>{script}</script>"))
    for answer in ("geo 1", "notifications denied", "clipboard no", "camera denied"):
        assert answer in shown.text
    assert blocked(shown, BlockedKind.PERMISSION) == [
        "asked for geolocation",
        "asked for notifications",
        "asked for clipboard",
    ]


def test_infinite_scroll_is_bounded(show):
    script = (
        "const add = () => fetch('/part').then(() => { const d = document.createElement('div');"
        "d.style.height = '1000px';d.textContent = 'part'; document.body.append(d) });"
        "onscroll = () => { if (innerHeight + scrollY > "
        "document.documentElement.scrollHeight - 50) add() }"
    )
    shown = show(
        {"/": document(f"<div style='height:1500px'></div><script>{script}</script>"), "/part": (200, "text/plain", "")}
    )
    assert shown.facts["heightGrowths"] == 10
    assert 10_000 < shown.facts["heightAfter"] < 14_000
    assert len(blocked(shown, BlockedKind.LIMIT)) == 1
    assert shown.problems == ()


def test_a_page_that_looks_for_automation_finds_it(show):
    shown = show(
        document(
            "<p></p><script>document.querySelector('p').textContent = 'automated: ' + navigator.webdriver</script>"
        )
    )
    assert "automated: true" in shown.text
    assert shown.page["automationVisible"] is True


def test_pages_that_replace_what_scripts_rely_on(show):
    body = (
        "<p>Statement</p><form><input name=parentNode></form><img name=body><img name=title>"
        "<img name=getElementsByTagName><script>Array.from = () => [];"
        "Object.getOwnPropertyDescriptor = () => { throw 1 }; JSON.stringify = () => '0';"
        "Element.prototype.getBoundingClientRect = () => ({}); document.querySelectorAll = () => [];"
        "for (let n = 0; n < 9999; n += 1) clearTimeout(n); Object.defineProperty(Node.prototype, 'textContent', "
        "{get() { return 'lie' }});"
        "Object.defineProperty(HTMLElement.prototype, 'innerText', {get() { return 'lie' }})</script>"
    )
    shown = show(document(body))
    assert "Statement" in shown.text
    assert shown.page["title"] == "T"
    assert shown.problems == ()


def test_a_page_that_is_no_html(show):
    shown = show({"/": (200, "text/plain", "plain words")})
    assert "plain words" in shown.text
    assert "screenshot.png" in shown.files
    assert shown.problems == ()
