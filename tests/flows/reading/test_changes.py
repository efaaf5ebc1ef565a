"""Changes of a real site: its page is altered, captured anew and read; each change is told as what it is, and once."""

import csv
import io
import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sijill.archive.catalog.captures import find_capture
from sijill.archive.catalog.changes import changes
from sijill.flows import evidence
from sijill.flows.errors import BadSettings, NotTold
from sijill.flows.notifying import notify
from sijill.flows.reading.catalog import open_current
from sijill.flows.reading.changes import TOLD, tell_changes
from sijill.flows.reading.making import read_captures
from sijill.flows.reading.stored import StoredReadings
from sijill.flows.stored_captures import load_capture
from sijill.flows.wiring import open_archive

FIRST = "We, the undersigned organisations, welcome the arrest warrants that a court issued on Monday after long work."
SECOND = (
    "Families of the disappeared have waited for an answer since the spring of 2012, and no authority gave them one."
)
THIRD = "We call on all states to cooperate with the court, to protect witnesses and to hand over whoever is wanted."
NAMES = ("Kesh Malek", "Sahlan Documentation Centre", "Zarqun Families Association", "Bir Nasr Lawyers")


def page(paragraphs=(FIRST, SECOND, THIRD), names=NAMES, day="2018-11-15", menu="Home", title="Joint Statement on X"):
    text = "".join(f"<p>{one}</p>" for one in paragraphs)
    signed = "".join(f"<li>{name}</li>" for name in names)
    return (
        f'<!doctype html><html lang="en"><head><title>{title}</title>'
        f'<meta property="og:type" content="article"><meta property="og:title" content="{title}">'
        f'<meta property="article:published_time" content="{day}T09:00:00+00:00"></head>'
        f'<body><nav><a href="/">{menu}</a> <a href="/about">About</a></nav><main><article><h1>{title}</h1>{text}'
        f"<h2>Signatory Organizations</h2><ul>{signed}</ul></article></main><footer>Contact</footer></body></html>"
    )


class Site:
    """One page, which is what `html` is; None is 404."""

    def __init__(self, server):
        self.html = page()
        self.url = f"http://127.0.0.1:{server.server_port}/statement"


@pytest.fixture
def site():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            html = served.html if self.path == "/statement" else None
            body = (html or "<!doctype html><title>Not found</title><p>No such page</p>").encode()
            self.send_response(200 if html else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served = Site(server)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def archive(tmp_path, new_archive):
    return open_archive(new_archive(tmp_path / "archive"))


@pytest.fixture
def capture(archive, site):
    """`capture(html, …)` captures the page as each of these, in one log, and reads them; the ids."""

    def make(*pages):
        ids = []
        for html in pages:
            site.html = html
            ids.append(evidence.archive_url(archive, site.url).capture.id)
        evidence.seal(archive)
        read_captures(archive, ids)
        return ids

    return make


def found(archive, **options):
    with open_current(archive, quiet=True) as catalog:
        return changes(catalog, StoredReadings(archive.store), **options)


def only(archive, **options):
    (change,) = found(archive, **options)
    return change


def test_one_word(archive, capture):
    one, two = capture(page(), page((FIRST.replace("welcome", "condemn"), SECOND, THIRD)))
    change = only(archive)
    assert (change.kind, change.before.capture_id, change.after.capture_id) == ("changed", one, two)
    assert (change.changed.text.words_added, change.changed.text.words_removed) == (1, 1)
    assert change.changed.text.moved == 0
    assert change.changed.title is change.changed.date is None
    assert not change.changed.signatories.changed
    assert not change.changed.frame
    assert len({change.before.source_sha256, change.after.source_sha256, None}) == 3
    payload = load_capture(archive, two).statement.predicate.exchanges[0].payload
    assert change.after.source_sha256 == payload.digest.sha256


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (NAMES[:3], {"removed": ("Bir Nasr Lawyers",)}),
        ((NAMES[0], "Hayd Relief", *NAMES[1:]), {"added": ("Hayd Relief",)}),
        ((NAMES[0], "Sahlan Documentation Center", *NAMES[2:]), {"renamed": 1}),
        ((NAMES[0], NAMES[1], "Zarqun Families Union", NAMES[3]), {"renamed": 1}),
        ((*NAMES[1:], NAMES[0]), {"reordered": ("Kesh Malek",)}),
    ],
)
def test_one_signatory(archive, capture, names, told):
    capture(page(), page(names=names))
    change = only(archive)
    assert change.statement
    assert not change.changed.text.changed
    signatories = change.changed.signatories
    assert signatories.added == told.get("added", ())
    assert signatories.removed == told.get("removed", ())
    assert len(signatories.renamed) == told.get("renamed", 0)
    assert signatories.reordered == told.get("reordered", ())


def test_the_date_and_the_title(archive, capture):
    capture(page(), page(day="2018-11-16"), page(day="2018-11-16", title="Joint Statement on Y"))
    first, second = found(archive)
    assert (first.changed.date.before, first.changed.date.after) == ("2018-11-15", "2018-11-16")
    assert not first.changed.text.changed
    assert first.changed.title is None
    assert second.changed.title.after == "Joint Statement on Y"
    assert second.changed.date is None
    assert not second.changed.text.changed


def test_a_menu_is_only_the_frame(archive, capture):
    capture(page(), page(menu="Front page"))
    assert found(archive) == ()
    change = only(archive, frames=True)
    assert change.changed.frame
    assert not change.statement
    assert not change.changed.statement


def test_white_space_and_markup_are_no_change(archive, capture):
    capture(page(), page((FIRST.replace(", ", ",\n  "), f"<b>{SECOND}</b>", THIRD)))
    assert found(archive) == ()
    assert not any(change.statement for change in found(archive, frames=True))


def test_a_moved_paragraph_is_neither_removed_nor_added(archive, capture):
    capture(page(), page((SECOND, THIRD, FIRST)))
    text = only(archive).changed.text
    assert (text.moved, text.words_added, text.words_removed) == (1, 0, 0)


def test_a_to_b_to_a_keeps_all_three(archive, capture):
    other = page((FIRST, SECOND))
    one, two, three, _ = capture(page(), other, page(), page())
    there, back = found(archive)
    assert (there.after.capture_id, there.as_in) == (two, None)
    assert (back.before.capture_id, back.after.capture_id, back.as_in.capture_id) == (two, three, one)
    assert there.changed.text.words_removed == back.changed.text.words_added > 0
    assert found(archive, since=place_in_log_of(archive, two) + 1) == (back,)
    assert found(archive, limit=1) == (back,)
    assert found(archive, since=archive.clock() + timedelta(hours=1)) == ()
    assert found(archive, sites=["127.0.0.1"]) == (there, back)
    assert found(archive, sites=["x.example"]) == ()
    assert found(archive, urls=[back.after.url]) == (there, back)


def test_vanished_and_returned(archive, capture):
    one, two, _, four = capture(page(), None, None, page())
    gone, back = found(archive)
    assert (gone.kind, gone.before.capture_id, gone.after.capture_id) == ("vanished", one, two)
    assert "404" in gone.reason
    assert (back.kind, back.before.capture_id, back.after.capture_id) == ("returned", one, four)
    assert back.changed is None


def test_a_server_that_is_gone(archive, capture, tmp_path, new_archive):
    with gone_site() as (url, stop):
        one = evidence.archive_url(archive, url).capture.id
        stop()
    two = evidence.archive_url(archive, url).capture.id
    evidence.seal(archive)
    change = only(archive)
    assert (change.kind, change.before.capture_id, change.after.capture_id) == ("vanished", one, two)
    assert change.after.source_sha256 is None


def test_other_readers_are_not_compared(archive, capture):
    one, _ = capture(page(), page((FIRST, SECOND)))
    store = StoredReadings(archive.store)

    class Mixed:
        def reading(self, capture_id):
            reading = store.reading(capture_id)
            return replace(reading, reader="sijill-reader/0") if capture_id == one else reading

    with open_current(archive, quiet=True) as catalog:
        (change,) = changes(catalog, Mixed())
        assert change.kind == "not-compared"
        assert change.changed is None
        assert not change.statement
        assert "sijill read --again" in change.reason


def test_the_command_lists_them_and_shows_words(archive, capture, run):
    one, _ = capture(page(), page((FIRST.replace("welcome", "condemn"), SECOND, THIRD)))
    settings = archive.folder / "sijill.toml"
    said = run("sijill", "--config", settings, "changes")
    assert said.returncode == 0, said.stderr
    assert "changed: Joint Statement on X" in said.stdout
    assert "text: 1 word added, 1 word removed" in said.stdout
    (listed,) = json.loads(run("sijill", "--config", settings, "changes", "--json").stdout)["changes"]
    assert listed["changed"]["text"]["wordsAdded"] == 1
    (row,) = csv.DictReader(io.StringIO(run("sijill", "--config", settings, "changes", "--csv").stdout))
    assert row["captureBefore"] == one
    since = run("sijill", "--config", settings, "changes", "--since", listed["after"]["capture"])
    assert since.stdout == "0 changes\n"
    refused = run("sijill", "--config", settings, "changes", "--since", "yesterday")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    shown = run("sijill", "--config", settings, "statement", one, "--diff")
    assert "~ We, the undersigned organisations, [-welcome-] {+condemn+} the arrest warrants" in shown.stdout


@pytest.fixture
def told(archive, alarm, monkeypatch):
    """The archive, with somebody to tell."""
    monkeypatch.setenv("TELL", f"json://secret-name:secret-word@{alarm.place}")
    settings = archive.folder / "sijill.toml"
    settings.write_text(settings.read_text().replace("urls = []", 'urls = ["$TELL"]'))
    return open_archive(settings)


def test_each_change_is_told_once(told, capture, alarm):
    arrived = alarm.arrived
    capture(page(), page((FIRST, SECOND)), None)
    raised = []
    assert [one.kind for one in tell_changes(told, raise_event=raised.append).changes] == ["changed", "vanished"]
    assert [one.kind for one in raised] == ["changed", "vanished"]
    (message,) = arrived
    assert message["title"] == "Test archive: statements 1 changed, 1 vanished"
    assert "text: " in message["message"]
    assert "status 404" in message["message"]
    assert tell_changes(told, raise_event=raised.append).changes == ()
    capture(page())
    assert [one.kind for one in tell_changes(told).changes] == ["returned"]
    assert len(arrived) == 2
    assert len(raised) == 2


def test_whoever_was_killed_while_telling_is_followed_by_one_who_says_so(told, capture, alarm):
    arrived = alarm.arrived
    capture(page(), page((FIRST, SECOND)))

    class Killed(BaseException):
        pass

    def die(change):
        raise Killed

    with pytest.raises(Killed):
        tell_changes(told, raise_event=die)
    assert len(arrived) == 1
    # Who was about to tell it may still be at it.
    assert tell_changes(told).changes == ()
    later = replace(told, clock=lambda: archive_time + timedelta(minutes=11))
    archive_time = told.clock()
    again = tell_changes(later)
    assert len(again.changes) == 1
    assert again.again
    assert "may have been told before" in arrived[1]["message"]
    assert tell_changes(later).changes == ()
    # What is old is told no more, and what was noted of it goes.
    old = replace(told, clock=lambda: archive_time + timedelta(days=15))
    assert tell_changes(old).changes == ()
    assert list(told.store.list(TOLD)) == []


def test_who_cannot_be_told_is_told_by_the_next_call_and_no_secret_is_shown(told, capture, alarm, caplog):
    arrived = alarm.arrived
    capture(page(), page((FIRST, SECOND)))
    alarm.status = 500
    with pytest.raises(NotTold) as refused:
        tell_changes(told)
    assert "secret" not in f"{refused.value}{caplog.text}"
    alarm.status = 200
    assert len(tell_changes(told).changes) == 1
    assert len(arrived) == 2
    with pytest.raises(BadSettings, match="number 1 is no address"):
        notify(["nosuchthing://secret"], title="x", body="y")
    with pytest.raises(BadSettings, match=r"\$UNSET"):
        notify(["$UNSET_VARIABLE"], title="x", body="y")


def place_in_log_of(archive, capture_id):
    with open_current(archive, quiet=True) as catalog:
        return find_capture(catalog, capture_id).leaf_index


@contextmanager
def gone_site():
    """A server that can be stopped for good: its URL, and what stops it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = page().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def stop():
        server.shutdown()
        thread.join()
        server.server_close()

    try:
        yield f"http://127.0.0.1:{server.server_port}/statement", stop
    finally:
        if thread.is_alive():
            stop()
