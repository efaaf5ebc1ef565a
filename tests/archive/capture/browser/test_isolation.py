"""Whatever a page tries, an address that must not be reached is not: a real listening socket says so."""

import asyncio
import socket
from ipaddress import ip_network

import pytest

from sijill.archive.capture.browser.driver import Driver
from sijill.archive.capture.browser.engine import Engine
from sijill.archive.capture.browser.rendering import Appearance, BlockedKind
from sijill.archive.capture.exchange import FailureKind, Limits, Network, Outcome, Pin

PRIVATE = "127.0.0.77"
OPEN = (ip_network("127.0.0.1/32"),)
LIMITS = Limits(exchange_seconds=10, capture_seconds=90)


@pytest.fixture
def shown(serve, forbidden, capture, browser, wire):
    """`shown(html, routes)` captures a page that tries to reach FORBIDDEN; what came of it, and the listener."""

    def run(html, routes=None, *, host="127.0.0.1", network=None, resolver=None):
        server = serve({})
        listener = forbidden(PRIVATE, server.port)

        def fill(text):
            return text.replace("FORBIDDEN", f"{PRIVATE}:{server.port}").replace("PORT", str(server.port))

        made = {path: fill(text) if isinstance(text, str) else text for path, text in (routes or {}).items()}
        for path, text in {"/": fill(html), **made}.items():
            if path.endswith(".js"):
                server.routes[path] = wire.response(text.encode(), "text/javascript")
            else:
                server.routes[path] = wire.page(text) if isinstance(text, str) else text(listener)
        more = {"resolver": resolver} if resolver else {}
        made = capture(server.url(host=host), browser=browser, limits=LIMITS, network=network or Network(OPEN), **more)
        return made, listener, server

    return run


def blocked(capture):
    return {found.kind for found in capture.rendering.blocked}


def refused(capture):
    return [e.url for e in capture.exchanges if e.failure and e.failure.kind is FailureKind.REFUSED_ADDRESS]


def test_the_listener_says_so_when_it_is_reached(forbidden):
    listener = forbidden(PRIVATE)
    with socket.create_connection((PRIVATE, listener.port)) as connection:
        connection.sendall(b"here")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.sendto(b"here", (PRIVATE, listener.port))
    for _ in range(100):
        if len(listener.reached) == 2:
            break
        asyncio.run(asyncio.sleep(0.05))
    assert sorted(kind for kind, _, _ in listener.reached) == ["tcp", "udp"]


def test_what_a_page_is_made_of(shown):
    capture, listener, _ = shown(
        """<link rel=stylesheet href=http://FORBIDDEN/style><script src=http://FORBIDDEN/script></script>
        <img src=http://FORBIDDEN/image><iframe src=http://FORBIDDEN/frame></iframe>
        <video src=http://FORBIDDEN/video preload=auto></video><object data=http://FORBIDDEN/object></object>
        <img src="http://2130706509:PORT/decimal"><img src="http://[::ffff:127.0.0.77]:PORT/mapped">
        <link rel=icon href=http://FORBIDDEN/icon><link rel=manifest href=http://FORBIDDEN/manifest>
        <p style="background:url(http://FORBIDDEN/background)">x</p>
        <style>@font-face{font-family:f;src:url(http://FORBIDDEN/font)} p{font-family:f}</style>"""
    )
    assert listener.reached == []
    assert {url.rpartition("/")[2] for url in refused(capture)} >= {
        "style", "script", "image", "frame", "video", "background", "font", "decimal", "mapped"
    }  # fmt: skip
    assert BlockedKind.ADDRESS in blocked(capture)
    assert capture.outcome is Outcome.PARTIAL


def test_what_scripts_ask_for(shown):
    capture, listener, _ = shown(
        """<script>
        const base = "http://FORBIDDEN/";
        fetch(base + "fetch").catch(() => {});
        fetch(base + "post", {method: "POST", body: "x", mode: "no-cors"}).catch(() => {});
        fetch(base + "preflight", {method: "PUT", headers: {"x-a": "1"}, body: "x"}).catch(() => {});
        const x = new XMLHttpRequest(); x.open("GET", base + "xhr"); x.send();
        navigator.sendBeacon(base + "beacon", "x");
        new EventSource(base + "events");
        import(base + "module").catch(() => {});
        fetch("file:///etc/passwd").then(r => r.text()).then(t => document.body.append(t)).catch(() => {});
        </script><iframe src="file:///etc/passwd"></iframe>"""
    )
    assert listener.reached == []
    assert {url.rpartition("/")[2] for url in refused(capture)} >= {
        "fetch", "post", "preflight", "xhr", "beacon", "module"
    }  # fmt: skip
    assert BlockedKind.SCHEME in blocked(capture)
    assert b"root:" not in capture.rendering.file("dom.html").body.content


def test_websockets_webrtc_and_webtransport(shown):
    capture, listener, server = shown(
        """<script>
        new WebSocket("ws://FORBIDDEN/page"); new WebSocket("wss://FORBIDDEN/page");
        new Worker(URL.createObjectURL(new Blob(["new WebSocket('ws://FORBIDDEN/worker')"])));
        try { new WebTransport("https://FORBIDDEN/transport").ready.catch(() => {}); } catch {}
        for (const url of ["stun:FORBIDDEN", "turn:FORBIDDEN?transport=tcp", "turn:FORBIDDEN?transport=udp"]) {
          try {
            const c = new RTCPeerConnection({iceServers: [{urls: url, username: "a", credential: "b"}]});
            c.createDataChannel("x"); c.createOffer().then(o => c.setLocalDescription(o));
          } catch {}
        }
        </script>"""
    )
    assert listener.reached == []
    found = {(each.kind, each.url) for each in capture.rendering.blocked}
    address = f"{PRIVATE}:{server.port}"
    assert (BlockedKind.WEBSOCKET, f"ws://{address}/page") in found
    assert (BlockedKind.WEBSOCKET, f"wss://{address}/page") in found
    rtc = [each for each in capture.rendering.blocked if each.kind is BlockedKind.WEBRTC]
    assert len(rtc) == 3
    assert f"stun:{address}" in rtc[0].reason


def test_a_websocket_of_a_worker_alone_is_recorded(shown):
    capture, listener, server = shown(
        """<script>new Worker(URL.createObjectURL(new Blob(["new WebSocket('ws://FORBIDDEN/worker')"])));</script>"""
    )
    assert listener.reached == []
    assert f"{PRIVATE}:{server.port}" in {e.url for e in capture.rendering.blocked if e.kind is BlockedKind.CONNECTION}


def test_workers_and_service_workers(shown):
    capture, listener, _ = shown(
        """<script>
        new Worker("/worker.js"); new SharedWorker("/shared.js");
        new Worker(URL.createObjectURL(new Blob(["fetch('http://FORBIDDEN/blob')"])));
        navigator.serviceWorker.register("/service.js").catch(e => document.title = e.name);
        </script>""",
        {
            "/worker.js": "fetch('http://FORBIDDEN/worker'); importScripts('http://FORBIDDEN/imported');",
            "/shared.js": "fetch('http://FORBIDDEN/shared');",
            "/service.js": "fetch('http://FORBIDDEN/service');",
        },
    )
    assert listener.reached == []
    assert {url.rpartition("/")[2] for url in refused(capture)} >= {"worker", "imported", "shared", "blob"}
    assert BlockedKind.SERVICE_WORKER in blocked(capture)
    assert not any(e.url.endswith("/service.js") for e in capture.exchanges)


def test_popups_downloads_prefetches_and_forms(shown):
    capture, listener, _ = shown(
        """<link rel=prefetch href=http://FORBIDDEN/prefetch><link rel=preconnect href=http://FORBIDDEN/>
        <link rel=dns-prefetch href=http://FORBIDDEN/><link rel=prerender href=http://FORBIDDEN/prerender>
        <script type=speculationrules>{"prerender":[{"source":"list","urls":["http://FORBIDDEN/rules"]}],
          "prefetch":[{"source":"list","urls":["http://FORBIDDEN/rules2"]}]}</script>
        <a id=a download href=http://FORBIDDEN/download ping=http://FORBIDDEN/ping>x</a>
        <form id=f method=post action=http://FORBIDDEN/form target=_blank><input name=a></form>
        <script>window.open("http://FORBIDDEN/popup"); window.open("/own");
        a.click(); f.submit();</script>""",
        {"/own": "<img src=http://FORBIDDEN/popup-image>"},
    )
    assert listener.reached == []
    assert blocked(capture) >= {BlockedKind.POPUP, BlockedKind.NAVIGATION}
    assert capture.final_url == capture.target
    assert not any(e.url.endswith("/own") for e in capture.exchanges)


def test_a_redirect_to_a_private_address(shown):
    def away(listener):
        return (
            f"HTTP/1.1 302 Found\r\nLocation: http://{listener.address}:{listener.port}/away\r\n"
            "Content-Length: 0\r\n\r\n"
        ).encode()

    capture, listener, _ = shown(
        '<img src=/image><iframe src=/frame></iframe><script>fetch("/fetch").catch(() => {})</script>',
        {"/image": away, "/frame": away, "/fetch": away},
    )
    assert listener.reached == []
    assert len(refused(capture)) >= 3


def test_the_page_itself_redirects_to_a_private_address(shown):
    capture, listener, _ = shown('<meta http-equiv=refresh content="0; url=http://FORBIDDEN/away">')
    assert listener.reached == []
    assert capture.outcome is Outcome.FAILED
    assert [e.failure.kind for e in capture.exchanges if e.failure] == [FailureKind.REFUSED_ADDRESS]


def test_a_name_that_is_private_when_asked_again(shown, wire):
    asked = []

    def rebind(host, port):
        asked.append(host)
        return ["127.0.0.1" if len(asked) == 1 else PRIVATE]

    def once(_):
        def answer(connection, request):
            connection.sendall(wire.page("<img src=/image><script>fetch('/data').catch(() => {})</script>"))

        return answer

    capture, listener, _ = shown("", {"/": once}, host="rebind.example", resolver=rebind)
    assert listener.reached == []
    assert len(asked) > 1
    assert {url.rpartition("/")[2] for url in refused(capture)} >= {"image", "data"}


def test_a_pinned_host_is_reached_and_nothing_else(shown, serve, wire):
    other = serve({"/image": wire.response()})
    network = Network(OPEN, (Pin("other.example", other.port, OPEN[0].network_address),))
    capture, listener, _ = shown(
        f"<img src=http://other.example:{other.port}/image><img src=http://FORBIDDEN/image>", network=network
    )
    assert listener.reached == []
    assert len(other.requests) == 1
    assert [urls.status for urls in capture.exchanges if "other.example" in urls.url] == [200]


def test_without_routing_the_wall_holds_alone(chromium, forbidden):
    """Were the interception to fail, the browser still has no way out."""
    listener = forbidden(PRIVATE)

    async def run():
        engine = await Engine.start(Driver(), chromium, sandboxed=False, script_megabytes=256, appearance=Appearance())
        try:
            await engine.session.send("Fetch.disable")
            page = await engine.browser.new_page()
            await page.set_content(
                f"""<img src=http://{PRIVATE}:{listener.port}/><img src=http://localhost:{listener.port}/><script>
                new WebSocket("ws://{PRIVATE}:{listener.port}/");
                for (const transport of ["tcp", "udp"]) {{
                  const c = new RTCPeerConnection({{iceServers: [{{urls: `turn:{PRIVATE}:{listener.port}?transport=`
                    + transport, username: "a", credential: "b"}}, {{urls: "stun:{PRIVATE}:{listener.port}"}}]}});
                  c.createDataChannel("x"); c.createOffer().then(o => c.setLocalDescription(o));
                }}
                fetch("http://{PRIVATE}:{listener.port}/").catch(() => document.title = "refused");</script>"""
            )
            await page.wait_for_function("document.title === 'refused'", timeout=20_000)
            await asyncio.sleep(1)
        finally:
            await engine.end()

    asyncio.run(run())
    assert listener.reached == []
