"""What pages of a site share is fetched once in a run and stored once in the archive, and whatever is in doubt anew."""

import contextlib
import hashlib
import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

from sijill.archive.capture.exchange import RevisitKind
from sijill.archive.crawl.pages import Robots
from sijill.archive.digest import digest_bytes
from sijill.archive.warc.reader import read_records
from sijill.flows import evidence
from sijill.flows.crawl.capture import ArchiveCaptures
from sijill.flows.crawl.resource_index import Entry, UnreadableIndex, format_index, index_key, parse_index
from sijill.flows.crawl.resources import RunResources
from sijill.flows.crawl.run import crawl_site
from sijill.flows.crawl.sites import read_sites
from sijill.flows.crawl.turns import Turns
from sijill.flows.custody import erasing
from sijill.flows.stored_captures import load_capture, load_captures
from sijill.flows.wiring import open_archive
from sijill.provenance.attest.attestation import Trigger
from sijill.provenance.attest.keys import SigningKey
from sijill.storage.layout import attestation_key, object_key

HANG = 60
ROBOTS = Robots(consulted=True, decision="allowed", reason="robots.txt")
REUSED, IDENTICAL, NOT_MODIFIED = RevisitKind.REUSED, RevisitKind.IDENTICAL, RevisitKind.NOT_MODIFIED


class Site:
    """Serves pages, each with the same style sheet, and what that needs; counts what it is asked for."""

    def __init__(self):
        self.files = {
            "/site.css": (b"body { background: url(/ground.png) }" + b"/* much */" * 2000, "text/css"),
            "/ground.png": (hashlib.sha256(b"ground").digest() * 2000, "image/png"),
            "/logo.png": (hashlib.sha256(b"logo").digest() * 3000, "image/png"),
        }
        self.asked = Counter()
        self.validators = True
        self.before = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                site.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def answer(self, handler):
        path = handler.path
        self.asked[path] += 1
        wait, body, media_type = self.before.get(path), b"<p>not here", "text/html"
        if path in self.files:
            body, media_type = self.files[path]
        elif path.startswith("/page"):
            body = f"<title>{path}</title><link rel=stylesheet href=/site.css><img src=/logo.png>".encode()
            body += b"<img src=/only-here.png>" if path.endswith("more") else b""
        if wait is not None:
            wait()
        status = 404 if body == b"<p>not here" else 200
        tag = f'"{hashlib.sha256(body).hexdigest()[:8]}"'
        with contextlib.suppress(OSError):
            if self.validators and handler.headers.get("If-None-Match") == tag:
                handler.send_response(304)
                handler.send_header("ETag", tag)
                handler.end_headers()
                return
            handler.send_response(status)
            handler.send_header("Content-Type", media_type)
            handler.send_header("Content-Length", str(len(body)))
            if self.validators and path in self.files:
                handler.send_header("ETag", tag)
            handler.end_headers()
            handler.wfile.write(body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site():
    site = Site()
    yield site
    site.close()


@pytest.fixture
def archive(tmp_path, new_archive):
    return open_archive(new_archive(tmp_path / "archive"))


class Run:
    """Captures of one run."""

    def __init__(self, archive, site, number, **options):
        self.archive, self.site = archive, site
        self.resources = RunResources(archive, "site", f"20261121t00000{number}z-aaaaaaaaaaaa", **options)
        self.captures = ArchiveCaptures(archive, Trigger.ON_DEMAND, resources=self.resources)

    def __enter__(self):
        self.resources.__enter__()
        return self

    def __exit__(self, *error):
        self.resources.__exit__(*error)

    def __call__(self, path):
        captured = self.captures.capture(self.site.url(path), robots=ROBOTS, begun=lambda capture_id: None)
        return load_capture(self.archive, captured.capture_id)


def kinds(stored):
    return {
        exchange.url.rpartition("/")[2]: exchange.revisit.kind if exchange.revisit else exchange.status
        for exchange in stored.statement.predicate.exchanges
        if exchange.purpose != "page"
    }


def dependencies_hold(archive, stored):
    """Whether every dependency is a stored capture, and its WARC has the listed records where they are listed."""
    for dependency in stored.statement.predicate.dependencies:
        envelope = archive.store.read(attestation_key(dependency.capture_id), limit=1 << 24)
        assert digest_bytes(envelope).sha256.hex == dependency.envelope_sha256
        assert load_capture(archive, dependency.capture_id).statement.warc.digests == dependency.warc.digests
        warc = archive.store.read(object_key(dependency.warc.digest.sha256), limit=1 << 26)
        for record in dependency.records:
            assert digest_bytes(warc[record.offset : record.offset + record.length]) == record.digests
    return True


def warc_path(archive, stored):
    return archive.folder / "store" / stored.warc_key


def test_pages_of_a_run_share_what_the_first_received(archive, site):
    with Run(archive, site, 1) as run:
        first, second, third = run("/page/1"), run("/page/2"), run("/page/3")
    assert kinds(first) == {"site.css": 200, "logo.png": 200, "ground.png": 200}
    assert kinds(second) == kinds(third) == dict.fromkeys(("site.css", "logo.png", "ground.png"), REUSED)
    assert {path: number for path, number in site.asked.items() if "page" not in path} == {
        "/site.css": 1,
        "/logo.png": 1,
        "/ground.png": 1,
    }
    assert first.statement.predicate.dependencies == ()
    for stored in (second, third):
        [dependency] = stored.statement.predicate.dependencies
        assert dependency.capture_id == first.capture_id
        assert len(dependency.records) == 3
        assert dependencies_hold(archive, stored)
        assert stored.statement.predicate.outcome == "complete"
        assert all(item.met for item in stored.statement.predicate.berkeley if item.item == "embedded-media")
    assert archive.store.stat(second.warc_key).size < archive.store.stat(first.warc_key).size / 10


def test_a_later_run_asks_once_whether_anything_changed(archive, site):
    with Run(archive, site, 1) as run:
        first = run("/page/1")
    site.asked.clear()
    with Run(archive, site, 2) as run:
        second, third = run("/page/1"), run("/page/2")
    assert set(kinds(second).values()) == {NOT_MODIFIED}
    assert set(kinds(third).values()) == {REUSED}
    assert site.asked["/site.css"] == site.asked["/logo.png"] == 1
    for stored in (second, third):
        assert [one.capture_id for one in stored.statement.predicate.dependencies] == [first.capture_id]
        assert dependencies_hold(archive, stored)
    with Run(archive, site, 3) as run:
        site.validators = False
        fourth = run("/page/1")
    assert set(kinds(fourth).values()) == {IDENTICAL}


def test_what_changed_is_stored_in_full_and_is_what_is_known_from_then_on(archive, site):
    with Run(archive, site, 1) as run:
        first = run("/page/1")
    site.files["/site.css"] = (b"body { background: url(/ground.png); color: #223 }", "text/css")
    with Run(archive, site, 2) as run:
        second, third = run("/page/1"), run("/page/2")
    assert kinds(second) == {"site.css": 200, "logo.png": NOT_MODIFIED, "ground.png": NOT_MODIFIED}
    assert [one.capture_id for one in third.statement.predicate.dependencies] == [first.capture_id, second.capture_id]
    with Run(archive, site, 3) as run:
        fourth = run("/page/1")
    by_url = {record.url: one.capture_id for one in fourth.statement.predicate.dependencies for record in one.records}
    assert by_url[site.url("/site.css")] == second.capture_id
    assert by_url[site.url("/logo.png")] == first.capture_id
    assert dependencies_hold(archive, fourth)


def test_one_url_on_demand_is_stored_in_full(archive, site):
    with Run(archive, site, 1) as run:
        run("/page/1")
    made = evidence.archive_url(archive, site.url("/page/1"))
    assert all(exchange.revisit is None for exchange in made.capture.exchanges)


def test_captures_at_once_fetch_it_once(archive, site):
    pages = 6
    served = threading.Semaphore(0)
    site.before = {f"/page/{number}": served.release for number in range(pages)}

    def all_pages_are_out():
        # Each page was asked for before the style sheet goes out, so all captures are at work.
        for _ in range(pages):
            assert served.acquire(timeout=HANG)

    site.before["/site.css"] = all_pages_are_out
    with Run(archive, site, 1) as run, ThreadPoolExecutor(pages) as pool:
        stored = list(pool.map(run, [f"/page/{number}" for number in range(pages)]))
    assert {path: number for path, number in site.asked.items() if "page" not in path} == {
        "/site.css": 1,
        "/logo.png": 1,
        "/ground.png": 1,
    }
    assert Counter(kinds(one)["site.css"] for one in stored) == {200: 1, REUSED: pages - 1}
    assert all(dependencies_hold(archive, one) for one in stored)


def test_a_page_that_hangs_holds_up_nobody_for_long(archive, site):
    leave, arrived = threading.Event(), threading.Event()

    def hang():
        arrived.set()
        assert leave.wait(HANG)

    site.before["/only-here.png"] = hang
    with Run(archive, site, 1, patience=0.3) as run, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(run, "/page/more")
        try:
            assert arrived.wait(HANG)
            while site.asked["/site.css"] < 1 or site.asked["/logo.png"] < 1:
                time.sleep(0.01)
            second, third = run("/page/1"), run("/page/2")
        finally:
            leave.set()
        slow.result(HANG)
    assert kinds(second)["site.css"] == 200
    assert set(kinds(third).values()) == {REUSED}
    assert site.asked["/site.css"] == 2


def test_what_is_not_there_is_not_waited_for(archive, site):
    del site.files["/logo.png"]
    with Run(archive, site, 1) as run:
        first, second = run("/page/1"), run("/page/2")
    assert kinds(first)["logo.png"] == kinds(second)["logo.png"] == 404
    assert kinds(second)["site.css"] is REUSED


def test_nobody_waits_for_one_that_waits_for_him():
    turns, hold = Turns(HANG), {"wanted": lambda: True, "called_off": lambda: False}
    with turns.party() as one, turns.party() as other:
        turns.take(one, "a", deadline=time.monotonic() + HANG, **hold)
        turns.take(other, "b", deadline=time.monotonic() + HANG, **hold)
        waiting = threading.Thread(
            target=turns.take, args=(one, "b"), kwargs={"deadline": time.monotonic() + HANG, **hold}
        )
        waiting.start()
        while not one.depends_on(other):
            time.sleep(0.01)
        turns.take(other, "a", deadline=time.monotonic() + HANG, **hold)
        assert waiting.is_alive()
        turns.set_free(other, "b")
        waiting.join(HANG)
        assert not waiting.is_alive()
        assert not other.depends_on(one)


def test_waiting_ends_when_the_capture_is_called_off_or_out_of_time():
    turns = Turns(HANG)
    off = threading.Event()
    with turns.party() as one, turns.party() as other:
        turns.take(one, "a", wanted=lambda: True, deadline=time.monotonic() + HANG, called_off=lambda: False)
        turns.take(other, "a", wanted=lambda: True, deadline=time.monotonic(), called_off=lambda: False)
    with turns.party() as one, turns.party() as other:
        turns.take(one, "a", wanted=lambda: True, deadline=time.monotonic() + HANG, called_off=lambda: False)
        timer = threading.Timer(0.1, off.set)
        timer.start()
        turns.take(other, "a", wanted=lambda: True, deadline=time.monotonic() + HANG, called_off=off.is_set)
        assert off.is_set()


def removed(archive, stored):
    evidence.seal(archive)
    removal = erasing.plan_removal(archive, stored.capture_id, with_attestation=False)
    erasing.remove(archive, removal, reason="names a minor", authority="court")


def removed_with_its_attestation(archive, stored):
    evidence.seal(archive)
    removal = erasing.plan_removal(archive, stored.capture_id, with_attestation=True)
    erasing.remove(archive, removal, reason="names a minor", authority="court")


def lost(archive, stored):
    path = warc_path(archive, stored)
    path.parent.chmod(0o755)
    path.unlink()


def shortened(archive, stored):
    path = warc_path(archive, stored)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:1000])


def changed_inside(archive, stored):
    path = warc_path(archive, stored)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    for at in range(1500, len(data) - 500, 400):
        data[at] ^= 1
    path.write_bytes(data)


def signed_by_somebody_else(archive, stored):
    from sijill.provenance.attest.envelope import PAYLOAD_TYPE, sign_envelope

    path = archive.folder / "store" / attestation_key(stored.capture_id)
    path.chmod(0o644)
    path.write_bytes(sign_envelope(stored.payload, PAYLOAD_TYPE, [SigningKey.generate()]))


def no_attestation(archive, stored):
    path = archive.folder / "store" / attestation_key(stored.capture_id)
    path.unlink()


def another_index(archive, change):
    entries = parse_index(archive.store.read(index_key("site"), limit=1 << 20))
    archive.store.replace(index_key("site"), format_index({url: change(entry) for url, entry in entries.items()}))


def wrong_places(archive, stored):
    another_index(archive, lambda one: Entry(one.capture_id, one.record, one.offset + 1, one.length, one.run_id))


def wrong_lengths(archive, stored):
    another_index(archive, lambda one: Entry(one.capture_id, one.record, one.offset, one.length + 1, one.run_id))


def places_beyond_the_end(archive, stored):
    another_index(archive, lambda one: Entry(one.capture_id, one.record, 1 << 50, one.length, one.run_id))


def wrong_records(archive, stored):
    page = stored.statement.predicate.exchanges[0].record
    another_index(archive, lambda one: Entry(one.capture_id, page, one.offset, one.length, one.run_id))


def unknown_captures(archive, stored):
    another_index(
        archive, lambda one: Entry("20261120t000000z-aaaaaaaaaaaa", one.record, one.offset, one.length, one.run_id)
    )


def index_lost(archive, stored):
    archive.store.delete(index_key("site"))


def index_unreadable(archive, stored):
    archive.store.replace(index_key("site"), b'{"resources":[["x"]]}')


@pytest.mark.parametrize(
    "damage",
    [
        removed,
        removed_with_its_attestation,
        lost,
        shortened,
        changed_inside,
        signed_by_somebody_else,
        no_attestation,
        wrong_places,
        wrong_lengths,
        places_beyond_the_end,
        wrong_records,
        unknown_captures,
        index_lost,
        index_unreadable,
    ],
)
def test_what_is_in_doubt_is_fetched_in_full(archive, site, damage):
    with Run(archive, site, 1) as run:
        first = run("/page/1")
    damage(archive, first)
    site.files["/site.css"] = (site.files["/site.css"][0] + b"/* other bytes, another WARC */", "text/css")
    with Run(archive, site, 2) as run:
        second, third = run("/page/1"), run("/page/2")
    assert kinds(second) == {"site.css": 200, "logo.png": 200, "ground.png": 200}
    assert second.statement.predicate.dependencies == ()
    assert b"If-None-Match" not in b"".join(requests_of(archive, second))
    assert set(kinds(third).values()) == {REUSED}, "and is known from then on"
    assert dependencies_hold(archive, third)


def requests_of(archive, stored):
    with archive.store.open(stored.warc_key) as source:
        return [b"".join(record.chunks()) for record in read_records(source) if record.type == "request"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b'{"resources":{}}',
        b'{"resources":[["u","20261120t000000z-aaaaaaaaaaaa","r",true,1,"x"]]}',
        b'{"resources":[["u","20261120t000000z-aaaaaaaaaaaa","r",0,0,"x"]]}',
        b'{"resources":[["u","../../etc","r",0,1,"x"]]}',
    ],
)
def test_an_index_is_read_strictly(data):
    with pytest.raises(UnreadableIndex):
        parse_index(data)


def sub_resources(archive, skipped=()):
    """Of the captures that are not `skipped`: bytes of payloads, and of records, of what pages need."""
    payloads = records = 0
    for stored in load_captures(archive):
        if stored.capture_id in skipped:
            continue
        exchanges = {one.record: one for one in stored.statement.predicate.exchanges if one.purpose != "page"}
        with archive.store.open(stored.warc_key) as source:
            for record in read_records(source):
                record.read_over()
                exchange = exchanges.get(record.id)
                if exchange is not None:
                    records += record.length
                    payloads += 0 if exchange.revisit else exchange.payload.size
    return payloads, records


@pytest.mark.parametrize("where", ["bundled", "five publishers"])
def test_a_second_crawl_stores_no_payload_of_a_sub_resource_again(
    repository, shared_sites, serve, tmp_path, new_archive, where
):
    root = repository / "deployments" / "demo" / "sites" if where == "bundled" else shared_sites
    listed = repository / "deployments" / "demo" / "expected.json" if where == "bundled" else root / "expected.json"
    wanted = {}
    for place in json.loads(listed.read_text(encoding="utf-8")):
        host, _, path = place.partition("/")
        wanted.setdefault(host, set()).add(f"/{quote(path)}")
    with serve(root) as sites:
        archive = open_archive(new_archive(tmp_path / "archive", sites.pins))
        text = ""
        for host, paths in wanted.items():
            text += f'[[sites]]\nid = "{host.partition(".")[0]}"\nname = "{host}"\nstart = ["{sites.url(host)}"]\n'
            text += f"statements = {json.dumps(sorted(paths))}\n"
            text += "[sites.politeness]\ndelay_seconds = 0\nmax_retry_after_seconds = 0\n"
        (tmp_path / "sites.toml").write_text(text, encoding="utf-8")
        for site in read_sites(tmp_path / "sites.toml"):
            crawl_site(archive, site)
        first, _ = sub_resources(archive)
        before = {stored.capture_id for stored in load_captures(archive)}
        for site in read_sites(tmp_path / "sites.toml"):
            crawl_site(archive, site)
        second, _ = sub_resources(archive, before)
    assert first > 4000
    assert second <= first * 0.05
    assert all(dependencies_hold(archive, stored) for stored in load_captures(archive))


def test_of_resources_of_common_size_a_second_run_stores_hardly_a_byte(archive, site):
    pages = [f"/page/{number}" for number in range(3)]
    with Run(archive, site, 1) as run:
        done = {run(path).capture_id for path in pages}
    _, first = sub_resources(archive)
    with Run(archive, site, 2) as run:
        for path in pages:
            run(path)
    payloads, second = sub_resources(archive, done)
    assert payloads == 0
    assert second <= first * 0.05, (first, second)
