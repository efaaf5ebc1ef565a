"""What every store must do, whatever keeps its bytes."""

from __future__ import annotations

import io
import multiprocessing
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sijill.storage import errors
from sijill.storage.layout import CHECKPOINT, is_mutable, object_key
from sijill.storage.open import open_store
from sijill.storage.store import PIECE

KEY = "captures/2026/11/21/20261121t011630z-k3j7x2m4q7ab/attestation.dsse.json"
QUEUED = "queue/20261121t011630z-k3j7x2m4q7ab"
BODIES = {"empty": b"", "small": b"statement", "pieces": bytes(range(251)) * 3000, "exact": b"\0" * (2 * PIECE)}


@pytest.fixture(params=BODIES.values(), ids=BODIES.keys())
def body(request):
    return request.param


def test_put_stores_and_gives_back(store, source, fingerprint, body):
    given_ = source(body)
    stored = store.put(KEY, given_, expected=fingerprint(body))
    assert (stored.key, stored.created) == (KEY, True)
    assert store.read(KEY, limit=len(body)) == body
    with store.open(KEY) as stream:
        assert stream.read() == body
    assert all(stream.closed for stream in given_.streams)


def test_put_of_a_path(store, tmp_path, fingerprint, body):
    path = tmp_path / "data.warc.gz"
    path.write_bytes(body)
    assert store.put(KEY, path, expected=fingerprint(body)).created
    assert store.read(KEY, limit=len(body)) == body


def test_a_reader_goes_to_any_place(store, source, fingerprint):
    body = BODIES["pieces"]
    store.put(KEY, source(body), expected=fingerprint(body))
    with store.open(KEY) as stream:
        assert stream.seekable()
        for place in (600_000, 0, 17, len(body) - 3, 600_000, len(body), len(body) + 5):
            assert stream.seek(place) == place
            assert stream.read(5) == body[place : place + 5]
        stream.seek(100)
        assert stream.read() == body[100:]


def test_put_again_is_idempotent(store, source, fingerprint, body):
    store.put(KEY, source(body), expected=fingerprint(body))
    again = store.put(KEY, source(body), expected=fingerprint(body))
    assert not again.created
    assert store.read(KEY, limit=len(body)) == body


@pytest.mark.parametrize("other", [b"", b"statemens", b"statement\n", b"x" * 700_000])
def test_put_of_other_bytes_leaves_the_first(store, source, fingerprint, other):
    store.put(KEY, source(b"statement"), expected=fingerprint(b"statement"))
    with pytest.raises(errors.AlreadyExists) as caught:
        store.put(KEY, source(other), expected=fingerprint(other))
    assert caught.value.key == KEY
    assert caught.value.found.sha256.value == fingerprint(b"statement").sha256.value
    assert store.read(KEY, limit=100) == b"statement"


@pytest.mark.parametrize("held", [b"", b"statemens", b"statement and more", b"state", b"x" * 1_000_000])
def test_a_source_that_is_not_as_announced_is_not_stored(store, source, fingerprint, held):
    with pytest.raises(errors.SourceMismatch) as caught:
        store.put(KEY, source(held), expected=fingerprint(b"statement"))
    assert caught.value.expected.size == 9
    assert store.stat(KEY) is None
    assert list(store.list("")) == []


@pytest.mark.parametrize("wrong", ["size", "sha256", "blake3"])
def test_every_part_of_the_fingerprint_counts(store, source, fingerprint, wrong):
    class Mixed:
        size, sha256, blake3 = 9, fingerprint(b"statement").sha256, fingerprint(b"statement").blake3

    setattr(Mixed, wrong, 10 if wrong == "size" else getattr(fingerprint(b"else"), wrong))
    with pytest.raises(errors.SourceMismatch):
        store.put(KEY, source(b"statement"), expected=Mixed())
    assert store.create(KEY, b"statement")
    with pytest.raises(errors.AlreadyExists):
        store.put(KEY, source(b"statement"), expected=Mixed())


def test_a_source_that_fails_passes_its_own_error_on(store, fingerprint, tmp_path):
    class Broken(io.RawIOBase):
        def read(self, _size=-1):
            raise ConnectionResetError("the source broke off")

    class Source:
        def open(self):
            return Broken()

    with pytest.raises(ConnectionResetError):
        store.put(KEY, Source(), expected=fingerprint(b"statement"))
    with pytest.raises(FileNotFoundError):
        store.put(KEY, tmp_path / "absent", expected=fingerprint(b"statement"))
    assert list(store.list("")) == []
    assert store.recover() == 0


def test_a_source_without_end_is_not_read_to_its_end(store, fingerprint):
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size=-1):
            assert size > 0
            assert self.given < 10 * PIECE
            self.given += size
            return b"x" * size

    class Source:
        def open(self):
            return Endless()

    with pytest.raises(errors.SourceMismatch):
        store.put(KEY, Source(), expected=fingerprint(b"statement"))
    assert list(store.list("")) == []


def test_create_says_whether_the_key_holds_the_data(store):
    assert store.create(KEY, b"one") is True
    assert store.create(KEY, b"one") is True
    assert store.create(KEY, b"two") is False
    assert store.create(KEY, b"") is False
    assert store.read(KEY, limit=3) == b"one"


def test_create_of_nothing(store):
    assert store.create(KEY, b"") is True
    assert store.read(KEY, limit=0) == b""


def test_replace(store):
    store.replace(CHECKPOINT, b"first")
    store.replace(CHECKPOINT, b"second, longer")
    store.replace(CHECKPOINT, b"3rd")
    assert store.read(CHECKPOINT, limit=100) == b"3rd"
    store.replace(CHECKPOINT, b"not waited for", durable=False)
    assert store.read(CHECKPOINT, limit=100) == b"not waited for"
    assert list(store.list("")) == [CHECKPOINT]


def test_immutable_keys_are_neither_replaced_nor_deleted(store):
    store.create(KEY, b"kept")
    with pytest.raises(errors.ImmutableKey):
        store.replace(KEY, b"else")
    with pytest.raises(errors.ImmutableKey):
        store.delete(KEY)
    assert store.read(KEY, limit=10) == b"kept"


def test_delete(store):
    store.create(QUEUED, b"entry")
    store.delete(QUEUED)
    assert store.stat(QUEUED) is None
    store.delete(QUEUED)
    store.delete("queue/never")
    assert store.create(QUEUED, b"another")
    assert store.read(QUEUED, limit=10) == b"another"


def test_read_keeps_to_its_limit(store):
    store.create(KEY, b"12345")
    assert store.read(KEY, limit=5) == b"12345"
    with pytest.raises(errors.ObjectTooLarge) as caught:
        store.read(KEY, limit=4)
    assert (caught.value.key, caught.value.limit) == (KEY, 4)


def test_what_is_not_there(store):
    store.create("trust/keys/one", b"1")
    for key in (KEY, "trust/keys/one/below", "trust/keys", "trust"):
        with pytest.raises(errors.NotFound):
            store.read(key, limit=10)
        with pytest.raises(errors.NotFound), store.open(key):
            pass
        assert store.stat(key) is None
    assert list(store.list("trust/keys/one/")) == []
    assert list(store.list("absent/")) == []


def test_stat(store):
    store.create(KEY, b"12345")
    info = store.stat(KEY)
    assert info.size == 5
    assert info.modified.tzinfo is UTC
    assert abs(info.modified - datetime.now(UTC)) < timedelta(hours=1)


def test_list_is_in_bytewise_order(store):
    keys = ["a", "b-1", "b.p/8", "b/1", "b0/1", "b/1.p/2", "b/10", "b/2", "b_1", "c/d/e/f/g", "queue/x"]
    for key in keys:
        assert store.create(key, key.encode())
    assert list(store.list("")) == sorted(keys)
    assert list(store.list("b")) == ["b-1", "b.p/8", "b/1", "b/1.p/2", "b/10", "b/2", "b0/1", "b_1"]
    assert list(store.list("b/1")) == ["b/1", "b/1.p/2", "b/10"]
    assert list(store.list("b/", after="b/1.p/2")) == ["b/10", "b/2"]
    assert list(store.list("c/d/e")) == ["c/d/e/f/g"]
    assert list(store.list("", after="z")) == []


def test_list_pages(store):
    keys = sorted(f"queue/{number:03}" for number in range(50))
    for key in keys:
        store.create(key, b"")
    found, after = [], None
    while page := [key for key, _ in zip(store.list("queue/", after=after), range(7), strict=False)]:
        found += page
        after = page[-1]
    assert found == keys


def test_list_while_listed_objects_go(store):
    for number in range(20):
        store.create(f"queue/{number:02}", b"")
    listing = store.list("queue/")
    first = next(listing)
    for number in range(20):
        store.delete(f"queue/{number:02}")
    assert first == "queue/00"
    assert set(listing) <= {f"queue/{number:02}" for number in range(20)}


SEGMENTS = st.from_regex(r"[ab09](?:[ab09._-]{0,2}[ab09])?", fullmatch=True)
KEYS = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.sets(KEYS, max_size=12), prefix=st.just("") | KEYS.map(lambda key: key[:3]), after=st.none() | KEYS)
def test_list_finds_what_was_stored(new_url, keys, prefix, after):
    # A file system cannot hold a key that others continue after a slash; the layout makes none.
    keys = {key for key in keys if not any(other.startswith(key + "/") for other in keys)}
    store = open_store(new_url(), create=True)
    for key in keys:
        store.create(key, b"")
    assert list(store.list("")) == sorted(keys)
    expected = sorted(key for key in keys if key.startswith(prefix) and (after is None or key > after))
    assert list(store.list(prefix, after=after)) == expected


BAD_KEYS = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/../b",
    "./a",
    ".incoming/x",
    "a/.hidden",
    "a.",
    "A",
    "a b",
    "a\n",
    "a\0",
    "a\\b",
    "é",
    "أ",
    "٣",
    "a%2fb",
    "x" * 129,
    "/".join(["a" * 100] * 6),
]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_bad_keys_are_refused_everywhere(store, source, fingerprint, key):
    attempts = [
        lambda: store.put(key, source(b""), expected=fingerprint(b"")),
        lambda: store.create(key, b""),
        lambda: store.replace(key, b""),
        lambda: store.read(key, limit=1),
        lambda: store.open(key).__enter__(),
        lambda: store.stat(key),
        lambda: store.delete(key),
    ]
    for attempt in attempts:
        with pytest.raises(errors.BadKey):
            attempt()


@pytest.mark.parametrize("prefix", ["/", "//", "../", ".", "a//", "a/.", "A", "a/../"])
def test_bad_prefixes_are_refused(store, prefix):
    with pytest.raises(errors.BadKey):
        store.list(prefix)


def test_the_url_opens_the_same_store(store):
    store.create(KEY, b"kept")
    again = open_store(store.url)
    assert again.url == store.url
    assert again.read(KEY, limit=10) == b"kept"


def test_a_store_that_is_not_there_is_no_empty_store(new_url):
    with pytest.raises(errors.StoreUnavailable):
        open_store(new_url())


def run_in_processes(work, arguments):
    """Run `work(argument)` in one process each, started at once; return what they returned, in order."""
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(len(arguments)), context.Queue()

    def one(place):
        barrier.wait(30)
        results.put((place, work(arguments[place])))

    processes = [context.Process(target=one, args=(place,)) for place in range(len(arguments))]
    for process in processes:
        process.start()
    found = dict(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    return [found[place] for place in range(len(arguments))]


@pytest.mark.parametrize("size", [10, 1_500_000])
def test_of_many_writers_of_other_bytes_exactly_one_wins(store, source, fingerprint, size):
    bodies = [bytes([number]) * size for number in range(6)]
    key = object_key("ab" * 32)

    def put(body):
        try:
            return open_store(store.url).put(key, source(body), expected=fingerprint(body)).created
        except errors.AlreadyExists as err:
            return err.found.sha256.value

    results = run_in_processes(put, bodies)
    assert results.count(True) == 1
    winner = bodies[results.index(True)]
    assert store.read(key, limit=size) == winner
    assert [r for r in results if r is not True] == [fingerprint(winner).sha256.value] * 5


def test_many_writers_of_the_same_bytes_all_succeed(store, source, fingerprint):
    key, body = object_key("cd" * 32), b"same" * 200_000

    def put(_):
        return open_store(store.url).put(key, source(body), expected=fingerprint(body)).created

    assert sorted(run_in_processes(put, range(6))) == [False] * 5 + [True]
    assert store.read(key, limit=len(body)) == body


def test_many_creators_agree_for_every_key(store):
    keys = [f"log/batches/{number}" for number in range(30)]

    def create(writer):
        opened = open_store(store.url)
        return [opened.create(key, b"batch of writer %d" % writer) for key in keys]

    results = run_in_processes(create, range(4))
    for place, key in enumerate(keys):
        winners = [writer for writer in range(4) if results[writer][place]]
        assert len(winners) == 1
        assert store.read(key, limit=100) == b"batch of writer %d" % winners[0]


def test_readers_of_a_replaced_object_never_see_a_mix(store):
    bodies = [bytes([letter]) * 200_000 for letter in b"abcd"]
    store.replace(CHECKPOINT, bodies[0])

    def work(writer):
        opened, end = open_store(store.url), time.monotonic() + 1
        whole = True
        while time.monotonic() < end:
            if writer:
                opened.replace(CHECKPOINT, bodies[writer])
            whole = whole and opened.read(CHECKPOINT, limit=1 << 20) in bodies
        return whole

    assert run_in_processes(work, range(4)) == [True] * 4
    assert list(store.list("")) == [CHECKPOINT]


def test_creators_and_deleters_of_one_mutable_key(store):
    def work(writer):
        opened = open_store(store.url)
        done = 0
        for _ in range(60):
            if writer % 2:
                opened.delete(QUEUED)
            else:
                done += opened.create(QUEUED, b"entry")
        return done

    assert is_mutable(QUEUED)
    assert run_in_processes(work, range(4)) == [60, 0, 60, 0]
    assert store.recover() == 0


def test_recovery_leaves_writers_at_work_alone(store, fingerprint):
    body = b"slow" * 100_000
    recovered = []

    class Slow(io.BytesIO):
        def read(self, size=-1):
            recovered.append(open_store(store.url).recover())
            return super().read(size)

    class Source:
        def open(self):
            return Slow(body)

    assert store.put(KEY, Source(), expected=fingerprint(body)).created
    assert recovered
    assert set(recovered) == {0}
    assert store.read(KEY, limit=len(body)) == body
