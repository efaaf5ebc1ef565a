"""What keeps a key from being taken over: how a store finds out, and what it does with servers that differ."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from sijill.archive.digest import digest_bytes
from sijill.storage import errors, s3_trials
from sijill.storage.layout import PROBE
from sijill.storage.open import open_store
from sijill.storage.options import Guard, StoreOptions, WriteOnce

KEY = "log/batches/0"
LARGE = b"large" * 2_000_000


class Source:
    def __init__(self, data):
        self.data = data

    def open(self):
        return io.BytesIO(self.data)


def put(store, body, key=KEY):
    return store.put(key, Source(body), expected=digest_bytes(body))


def tried(store):
    return store._guards.put, store._guards.multipart


@pytest.fixture(autouse=True)
def nothing_known_yet(monkeypatch):
    monkeypatch.setattr(s3_trials, "_seen", {})


@pytest.fixture
def honouring(proxy, faults, s3_client):
    """The proxy, making the server honour `If-None-Match` everywhere, as Amazon's does."""

    def choose(request):
        completes = request.method == "POST" and "uploadId" in request.query
        if not (request.puts_object or completes) or "if-none-match" not in request.headers:
            return None
        bucket, _, name = request.path.strip("/").partition("/")
        try:
            s3_client.head_object(Bucket=bucket, Key=name)
        except ClientError:
            return None
        return faults.error(412, "PreconditionFailed")

    proxy.choose = choose
    return proxy


@pytest.mark.parametrize(
    ("bucket", "put_guard", "multipart_guard"),
    [
        ("plain", Guard.CONDITION, Guard.NONE),
        ("versioned", Guard.FIRST_VERSION, Guard.FIRST_VERSION),
        ("locked", Guard.FIRST_VERSION, Guard.FIRST_VERSION),
    ],
)
def test_what_guards_the_buckets_of_the_gateway(s3, place, bucket, put_guard, multipart_guard):
    store = open_store(s3.store_url(bucket, place), create=True)
    assert tried(store) == (put_guard, multipart_guard)
    assert list(store.versions("")) == [], "the canaries are gone"


@pytest.mark.parametrize("bucket", ["plain", "versioned"])
def test_a_server_that_honours_conditions_everywhere(s3, place, honouring, bucket):
    store = open_store(f"s3://{bucket}/{place}?endpoint={honouring.endpoint}", create=True)
    assert tried(store) == (Guard.CONDITION, Guard.CONDITION)
    assert list(store.versions("")) == []
    for name, bodies in (("small", [b"%d" % n for n in range(6)]), ("large", [b"%d" % n + LARGE for n in range(3)])):
        key = f"objects/{name}"

        def attempt(body, key=key):
            try:
                return put(store, body, key).created
            except errors.AlreadyExists:
                return None

        with ThreadPoolExecutor(6) as pool:
            results = list(pool.map(attempt, bodies))
        assert results.count(True) == 1
        assert results.count(None) == len(bodies) - 1
        winner = bodies[results.index(True)]
        assert store.read(key, limit=len(winner)) == winner
        assert len(list(store.versions(key))) == 1
        assert not put(store, winner, key).created


def test_a_condition_does_not_see_what_a_deletion_hides(s3_client, honouring, place):
    store = open_store(f"s3://versioned/{place}?endpoint={honouring.endpoint}", create=True)
    put(store, b"first")
    s3_client.delete_object(Bucket="versioned", Key=f"{place}/{KEY}")
    with pytest.raises(errors.AlreadyExists):
        put(store, b"another")
    assert store.create(KEY, b"first") is True
    assert store.read(KEY, limit=9) == b"first"
    assert [version.deletion for version in store.versions(KEY)] == [False, True]


def test_someone_is_putting_it_right_now(proxy, faults, place):
    options = StoreOptions(write_once=WriteOnce(put=Guard.CONDITION, multipart=Guard.CONDITION))
    store = open_store(f"s3://plain/{place}?endpoint={proxy.endpoint}", create=True, options=options)
    conflict = faults.error(409, "ConditionalRequestConflict")
    proxy.choose = faults.times(3, lambda request: request.puts_object, conflict)
    assert put(store, b"first").created


def test_a_bucket_is_tried_once_in_a_process(s3, place, proxy):
    url = f"s3://versioned/{place}?endpoint={proxy.endpoint}"
    for number in range(3):
        open_store(url, create=True).create(f"objects/{number}", b"")
    canaries = {request.path for request in proxy.seen if f"/{PROBE}" in request.path}
    assert len(canaries) == 1
    put(open_store(url), LARGE)
    canaries = {request.path for request in proxy.seen if f"/{PROBE}" in request.path}
    assert len(canaries) == 2, "parts are tried when there is something to put in parts"


def test_what_a_probe_has_shown_is_not_tried_again(s3, place, proxy):
    options = StoreOptions(write_once=WriteOnce(put=Guard.FIRST_VERSION, multipart=Guard.FIRST_VERSION))
    store = open_store(f"s3://versioned/{place}?endpoint={proxy.endpoint}", create=True, options=options)
    put(store, b"first")
    put(store, LARGE, "objects/large")
    assert not [request for request in proxy.seen if f"/{PROBE}" in request.path]


def test_a_reader_tries_nothing(s3, place, proxy):
    put(open_store(s3.store_url("versioned", place), create=True), b"first")
    store = open_store(f"s3://versioned/{place}?endpoint={proxy.endpoint}")
    assert store.read(KEY, limit=9) == b"first"
    assert list(store.list("")) == [KEY]
    assert store.stat(KEY).size == 5
    assert {request.method for request in proxy.seen} == {"GET"}


def test_virtual_addressing(s3, s3_server, proxy, place, monkeypatch):
    # Nothing resolves the bucket's host name, so the request goes by way of a proxy.
    monkeypatch.setenv("http_proxy", proxy.endpoint)
    url = f"s3://versioned/{place}?endpoint=http://{s3_server.DOMAIN}&addressing=virtual"
    store = open_store(url, create=True)
    assert store.url == url
    assert put(store, b"first").created
    assert put(store, LARGE, "objects/large").created
    assert list(store.list("")) == [KEY, "objects/large"]
    assert {request.headers["host"] for request in proxy.seen} == {f"versioned.{s3_server.DOMAIN}"}
    assert list(open_store(s3.store_url("versioned", place)).list("")) == [KEY, "objects/large"]
