"""A capture replayed from its WARC alone in Chromium, its servers gone; and what is noticed if it lacks."""

import io
import json
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from PIL import Image

from sijill.archive.capture.browser.chromium import open_browser
from sijill.archive.capture.browser.recorded import Recording
from sijill.archive.capture.browser.replay import check, compare, replay, seen_live
from sijill.archive.capture.browser.seams import Ask
from sijill.archive.capture.exchange import Limits, Outcome
from sijill.archive.errors import MalformedWarc
from sijill.archive.warc.writer import begin_capture, write_capture

LIMITS = Limits(exchange_seconds=20, capture_seconds=120)
DRAWN = """<!doctype html><title>A page</title><style>img { width: 300px; height: 200px }</style>
<p>Drawn by a script:<ul></ul><p id=again></p><p id=sent></p><p id=when></p><img src=/picture.png>
<script>
const say = (id, text) => { document.getElementById(id).textContent = text; };
(async () => {
  const all = await (await fetch("/statement.json?_=" + Date.now())).json();
  for (const line of all) document.querySelector("ul").append(
    Object.assign(document.createElement("li"), { textContent: line }));
  const texts = [];
  for (let n = 0; n < 3; n += 1) texts.push(await (await fetch("/counter")).text());
  say("again", texts.join(" then "));
  const send = async (body) => (await fetch("/echo", { method: "POST", body })).text();
  say("sent", await send("second") + " and " + await send("first"));
  say("when", "on " + new Date().toISOString().slice(0, 10));
})();
</script>"""


def now():
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def shown(chromium):
    """A browser that does with pages what sijill does."""
    with open_browser() as made:
        yield made


@pytest.fixture
def site(serve, wire):
    numbers = iter(range(1, 100))
    picture = io.BytesIO()
    Image.effect_noise((300, 200), 90).save(picture, "PNG")

    def count(connection, request):
        connection.sendall(wire.response(f"number {next(numbers)}".encode(), "text/plain"))
        return True

    def echo(connection, request):
        while not request.endswith((b"first", b"second")):
            request += connection.recv(100)
        connection.sendall(wire.response(b"got " + request.rpartition(b"\n")[2], "text/plain"))
        return True

    class Routes(dict):
        def get(self, path, default=None):
            return super().get(path.partition("?")[0], default)

    lines = json.dumps(["We, the undersigned", "نحن الموقعين أدناه"]).encode()
    return serve(
        Routes(
            {
                "/": wire.page(DRAWN),
                "/statement.json": wire.response(lines, "application/json"),
                "/counter": count,
                "/echo": echo,
                "/picture.png": wire.response(picture.getvalue()),
                "/favicon.ico": wire.response(),
                "/moved": b"HTTP/1.1 302 Found\r\nLocation: /refresh\r\nContent-Length: 0\r\n\r\n",
                "/refresh": wire.page("<meta http-equiv=refresh content='1; url=/'><p>on the way"),
                "/random": wire.page(
                    "<p>here</p><p id=x></p><script>fetch('/word/' + Math.random()).then((r) => r.text())"
                    ".then((t) => { document.getElementById('x').textContent = 'fetched '.repeat(20) + t; })</script>"
                ),
            }
        )
    )


def written(made, folder, **changed):
    path = folder / f"{uuid.uuid4()}.warc.gz"
    with path.open("xb") as file:
        write_capture(replace(made, **changed), file, new_id=lambda: uuid.uuid4().urn, info={"software": "test"})
    return path


def checked(browser, made, warc, folder, **options):
    return check(
        browser,
        made.rendering,
        made.target,
        **{"warc": warc, "dependencies": None, "failed": (), "user_agent": made.user_agent, "workdir": folder}
        | {"clock": now}
        | options,
    )


def without(made, part):
    return tuple(exchange for exchange in made.exchanges if part not in exchange.url)


@pytest.mark.timeout(200)
def test_the_same_page_from_its_warc_alone(shown, capture, site, tmp_path):
    made = capture(site.url("/moved"), browser=shown, limits=LIMITS)
    assert made.outcome is Outcome.COMPLETE, made.reasons
    site.close()
    served = len(site.requests)
    live = seen_live(made.rendering)
    assert "number 1 then number 2 then number 3" in live.text
    assert "got second and got first" in live.text
    with Recording.read(written(made, tmp_path)) as recording:
        # As if years had gone by: the page's clock is that of the capture.
        recording.began = datetime(2003, 2, 1, tzinfo=UTC)
        again = replay(
            shown, recording, made.target, live=live, user_agent=made.user_agent, workdir=tmp_path, clock=now
        )
    assert again.problem == ""
    assert again.missing == ()
    assert again.asked >= 8
    assert "on 2003-02-01" in again.seen.text
    today = now().date().isoformat()
    assert again.seen.text.replace("2003-02-01", today) == live.text
    found = compare(live, again)
    assert found.resources == 1000
    assert found.text > 890, "all but the date"
    assert found.picture > 980, "it is JPEG against PNG, but the same picture"
    assert found.reason == ""
    assert len(site.requests) == served
    assert Image.open(io.BytesIO(again.seen.picture)).size == (live.width, live.height)


@pytest.mark.timeout(300)
def test_what_is_missing_is_noticed(shown, capture, site, tmp_path):
    made = capture(site.url(), browser=shown, limits=LIMITS)
    assert made.outcome is Outcome.COMPLETE, made.reasons
    whole = checked(shown, made, written(made, tmp_path), tmp_path)
    assert (whole.text, whole.resources, whole.reason) == (1000, 1000, "")
    assert whole.picture > 990
    unpainted = checked(shown, made, written(made, tmp_path, exchanges=without(made, "picture")), tmp_path)
    assert unpainted.text == 1000
    assert unpainted.picture < 500
    assert "/picture.png" in unpainted.reason
    silent = checked(shown, made, written(made, tmp_path, exchanges=without(made, "statement")), tmp_path)
    assert silent.text < 900
    assert "statement.json" in silent.reason
    nothing = checked(shown, made, written(made, tmp_path, exchanges=made.exchanges[1:]), tmp_path)
    assert nothing.score == 0
    assert "shows nothing: it is not in the capture" in nothing.reason


@pytest.mark.timeout(200)
def test_a_warc_without_its_fetch_log_is_enough(shown, capture, site, tmp_path):
    made = capture(site.url("/random"), browser=shown, limits=LIMITS)
    path = tmp_path / "begun.warc.gz"
    with path.open("xb") as file:
        begin_capture(made, file, new_id=lambda: uuid.uuid4().urn, info={"software": "test"})
    found = checked(shown, made, path, tmp_path)
    # Nobody asks for a random number twice, unless it stands in a query.
    assert found.resources < 1000
    assert "/word/" in found.reason


def ask(url, *, method="GET", body=None, is_page=False):
    return Ask(url, method, {}, body, is_page=is_page, by_script=False, via=None, is_static=False)


def test_what_is_recorded_answers_and_nothing_else(capture, site, serve, wire, tmp_path):
    made = capture(site.url("/refresh"), limits=LIMITS)
    failed = [site.url("/gone")]
    with Recording.read(written(made, tmp_path), failed=failed) as recording:
        page = recording.ask(ask(site.url("/refresh"), is_page=True)).result()
        assert page.leads_to == site.url("/")
        assert page.status == 200
        assert b"on the way" in page.body
        head = recording.ask(ask(site.url("/picture.png"))).result()
        assert ("Content-Type", "image/png") in head.headers
        for missing in (
            ask(site.url("/picture.png"), method="POST"),
            ask(site.url("/picture.png?1")),
            ask(site.url("/gone")),
            ask("http://other.example/"),
            ask("http://a b/"),
        ):
            answer = recording.ask(missing).result()
            assert (answer.status, answer.body, answer.failure) == (None, b"", "connect")
        assert recording.asked == 6, "what failed then is not held against the capture now"
        assert len(recording.missing) == 4
        assert recording.ask(ask("http://other.example/x", is_page=True)).result().not_shown


def test_the_same_url_gives_what_it_gave_in_that_order(capture, serve, wire, tmp_path):
    made = capture(serve({"/": wire.page("<p>x")}).url(), limits=LIMITS)
    [first] = made.exchanges
    hops = [first, *(replace(first, number=n, started=first.started) for n in (2, 3))]
    with Recording.read(written(made, tmp_path, exchanges=tuple(hops))) as recording:
        for _ in range(4):
            assert recording.ask(ask(made.target)).result().status == 200
        assert recording.asked == 1


@pytest.mark.parametrize("damage", ["cut", "garbage"])
def test_a_damaged_warc_is_refused(capture, serve, wire, tmp_path, damage):
    made = capture(serve({"/": wire.page("<p>x")}).url(), limits=LIMITS)
    path = written(made, tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[:-5] if damage == "cut" else b"x" + data)
    with pytest.raises(MalformedWarc):
        Recording.read(path)


@pytest.mark.timeout(200)
def test_a_replay_that_does_not_end_is_ended(shown, capture, serve, wire, tmp_path):
    busy = "<p>x<script>if (location.hash !== '#no') setInterval(() => fetch('/tick'), 20)</script>"
    made = capture(
        serve({"/": wire.page("<p>x"), "/tick": wire.response(), "/favicon.ico": wire.response()}).url(),
        browser=shown,
        limits=LIMITS,
    )
    endless = capture(serve({"/": wire.page(busy)}).url(), limits=LIMITS)
    began = time.monotonic()
    with Recording.read(written(endless, tmp_path)) as recording:
        again = replay(
            shown,
            recording,
            endless.target,
            live=seen_live(made.rendering),
            user_agent="x",
            workdir=tmp_path,
            clock=now,
            seconds=4,
        )
    assert again.problem
    assert time.monotonic() - began < 60
    assert checked(shown, made, written(made, tmp_path), tmp_path).reason == "", "the next one gets a fresh browser"
