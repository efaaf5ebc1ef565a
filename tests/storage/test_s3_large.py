"""Objects too large for memory, and stores shared by threads and processes."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sijill.archive.digest import digest_bytes
from sijill.storage import errors
from sijill.storage.fingerprint import Measure, Value
from sijill.storage.open import open_store
from sijill.storage.options import StoreOptions

KEY = "objects/large"
LARGE = bytes(range(251)) * 72_000  # 18 MB: three parts
LIMIT_MIB = 150
SIZE = 100_000_000

PUT_AND_READ = """
import io, re, sys
from pathlib import Path
from sijill.storage.fingerprint import Meter
from sijill.storage.open import open_store

url, size = sys.argv[1], int(sys.argv[2])

class Generated(io.RawIOBase):
    left = size
    def read(self, wanted=-1):
        wanted = min(wanted, self.left)
        self.left -= wanted
        return b"s" * wanted

class Source:
    def open(self):
        return Generated()

meter = Meter()
with Generated() as stream:
    while piece := stream.read(1 << 18):
        meter.update(piece)
store = open_store(url, create=True)
assert store.put("objects/large", Source(), expected=meter.measure()).created
found = Meter()
with store.open("objects/large") as stream:
    while piece := stream.read(1 << 18):
        found.update(piece)
assert found.measure() == meter.measure()
# Unlike ru_maxrss, not inherited from whoever started this process.
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


class Source:
    def __init__(self, data=LARGE):
        self.data = data
        self.opened = 0

    def open(self):
        self.opened += 1
        return io.BytesIO(self.data)


def uploads(s3_client, bucket, place):
    return s3_client.list_multipart_uploads(Bucket=bucket, Prefix=place).get("Uploads", [])


@pytest.mark.parametrize("bucket", ["plain", "versioned"])
def test_memory_stays_small_however_large_the_object(s3, place, bucket):
    command = [sys.executable, "-c", PUT_AND_READ, s3.store_url(bucket, place), str(SIZE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < LIMIT_MIB, f"{done.stdout.strip()} MiB for an object of {SIZE >> 20} MiB"


def test_the_server_checks_every_part(s3, proxy, place):
    store = open_store(f"s3://versioned/{place}?endpoint={proxy.endpoint}", create=True)
    source = Source()
    assert store.put(KEY, source, expected=digest_bytes(LARGE)).created
    assert source.opened == 1
    sent = [r for r in proxy.seen if r.method == "PUT" and f"/{KEY}" in r.path]
    assert sorted(re.search(r"partNumber=(\d+)", r.query)[1] for r in sent) == ["1", "2", "3"]
    assert all("content-md5" in r.headers for r in sent)


@pytest.mark.parametrize("bucket", ["plain", "versioned"])
@pytest.mark.parametrize("source", [LARGE[:-1], LARGE + b"x", LARGE[:9_000_000] + b"!" + LARGE[9_000_001:]])
def test_nothing_is_left_of_a_wrong_source(s3, s3_client, place, bucket, source):
    store = open_store(s3.store_url(bucket, place), create=True)
    with pytest.raises(errors.SourceMismatch):
        store.put(KEY, Source(source), expected=digest_bytes(LARGE))
    assert list(store.versions("")) == []
    assert uploads(s3_client, bucket, place) == []


@pytest.mark.parametrize("bucket", ["plain", "versioned"])
def test_nothing_is_left_of_a_source_that_fails(s3, s3_client, place, bucket):
    class Failing(io.BytesIO):
        def read(self, size=-1):
            if self.tell() > 10_000_000:
                raise ConnectionResetError("the source broke off")
            return super().read(size)

    class Broken(Source):
        def open(self):
            return Failing(self.data)

    store = open_store(s3.store_url(bucket, place), create=True)
    with pytest.raises(ConnectionResetError, match="the source broke off"):
        store.put(KEY, Broken(), expected=digest_bytes(LARGE))
    assert list(store.versions("")) == []
    assert uploads(s3_client, bucket, place) == []


@pytest.mark.parametrize(
    ("second", "error"),
    [
        (lambda: io.BytesIO(LARGE[:-1]), EOFError),
        (lambda: io.BytesIO(LARGE[:-1] + b"!"), errors.StoreUnavailable),
        (lambda: open("/absent/file", "rb"), FileNotFoundError),  # noqa: PTH123, SIM115
    ],
    ids=["shorter", "other", "gone"],
)
def test_a_source_that_changes_between_being_checked_and_being_sent(s3, place, second, error):
    class Changing(Source):
        def open(self):
            self.opened += 1
            return io.BytesIO(self.data) if self.opened == 1 else second()

    store = open_store(s3.store_url("plain", place), create=True, options=StoreOptions(attempts=1))
    with pytest.raises(error):
        store.put(KEY, Changing(), expected=digest_bytes(LARGE))
    assert list(store.list("")) == []


def test_what_cannot_be_put_in_one_request_needs_parts_that_are_guarded(s3, place):
    store = open_store(s3.store_url("plain", place), create=True)
    source = Source()
    with pytest.raises(errors.StoreFull, match="one request"):
        store.put(KEY, source, expected=Measure(6 << 30, Value(b"0" * 32), Value(b"0" * 32)))
    assert source.opened == 0


def test_recovery_removes_what_is_old(s3, s3_client, place):
    url = s3.store_url("versioned", place)
    now = datetime.now(UTC)
    store = open_store(url, create=True)
    s3_client.create_multipart_upload(Bucket="versioned", Key=f"{place}/{KEY}")
    s3_client.create_multipart_upload(Bucket="versioned", Key=f"{place}-other/{KEY}")
    store.replace("probe/left-behind", b"canary")
    assert store.recover() == 0
    assert len(uploads(s3_client, "versioned", place)) == 2
    later = open_store(url, options=replace(StoreOptions(), clock=lambda: now + timedelta(days=3)))
    assert later.recover() == 2
    assert later.recover() == 0
    assert [upload["Key"] for upload in uploads(s3_client, "versioned", place)] == [f"{place}-other/{KEY}"]
    assert list(store.list("")) == []


@pytest.mark.parametrize("bucket", ["plain", "versioned"])
def test_of_many_writers_of_large_objects_exactly_one_wins(s3, place, bucket):
    url = s3.store_url(bucket, place)
    open_store(url, create=True).create("objects/other", b"")
    bodies = [bytes([number]) + LARGE[:9_000_000] for number in range(4)]

    def put(body):
        try:
            return open_store(url).put(KEY, Source(body), expected=digest_bytes(body)).created
        except errors.AlreadyExists as err:
            return err.found.sha256.value

    with ThreadPoolExecutor(len(bodies)) as pool:
        results = list(pool.map(put, bodies))
    winner = bodies[results.index(True)]
    assert results.count(True) == 1
    assert [result for result in results if result is not True] == [digest_bytes(winner).sha256.value] * 3
    store = open_store(url)
    assert store.read(KEY, limit=len(winner)) == winner
    assert len(list(store.versions(KEY))) == 1


def test_a_store_is_shared_by_threads(s3, place):
    store = open_store(s3.store_url("versioned", place), create=True)
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda number: store.create(f"objects/{number:03}", b"%d" % number), range(80)))
        assert list(pool.map(lambda number: store.read(f"objects/{number:03}", limit=9), range(80))) == [
            b"%d" % number for number in range(80)
        ]
    assert len(list(store.list("objects/"))) == 80


def test_a_store_opened_before_a_fork_serves_both(s3, place, in_child):
    store = open_store(s3.store_url("versioned", place), create=True)
    store.create("objects/0", b"0")

    def work():
        for number in range(1, 20):
            assert store.create(f"objects/{number}", b"child")
            assert store.read("objects/0", limit=1) == b"0"

    with ThreadPoolExecutor(1) as pool:
        child = pool.submit(in_child, work)
        for number in range(20, 40):
            assert store.create(f"objects/{number}", b"parent")
            assert store.read("objects/0", limit=1) == b"0"
        assert child.result() == 0
    assert len(list(store.list("objects/"))) == 40
