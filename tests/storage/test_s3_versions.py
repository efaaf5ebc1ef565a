"""Buckets that keep versions: the first one of an immutable key counts, whatever is done to the key later."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from sijill.archive.digest import digest_bytes
from sijill.storage import errors
from sijill.storage.layout import CHECKPOINT
from sijill.storage.open import open_store
from sijill.storage.options import Guard, LockMode, Retention, StoreOptions, WriteOnce
from sijill.storage.store import ObjectVersion

KEY = "captures/2026/11/21/20261121t011630z-k3j7x2m4q7ab/attestation.dsse.json"
QUEUED = "queue/20261121t011630z-k3j7x2m4q7ab"
LARGE = b"large" * 2_000_000
COMPLIANCE = StoreOptions(retention=Retention(LockMode.COMPLIANCE, 3))


class Source:
    def __init__(self, data):
        self.data = data

    def open(self):
        return io.BytesIO(self.data)


def put(store, body=b"first", key=KEY):
    return store.put(key, Source(body), expected=digest_bytes(body))


def names(store, key=KEY):
    return [(version.size, version.deletion) for version in store.versions(key)]


@pytest.fixture
def store(s3, place):
    return open_store(s3.store_url("versioned", place), create=True)


@pytest.fixture
def locked(s3, place):
    return open_store(s3.store_url("locked", place), create=True, options=COMPLIANCE)


@pytest.fixture
def raw(s3_client, place):
    """What someone with the bucket's credentials can do: `raw(operation, key, bucket=..., **parameters)`."""

    def call(operation, key, bucket="versioned", **parameters):
        return getattr(s3_client, operation)(Bucket=bucket, Key=f"{place}/{key}", **parameters)

    return call


def test_a_later_version_never_counts(store, raw):
    stored = put(store)
    raw("put_object", KEY, Body=b"another")
    assert store.read(KEY, limit=100) == b"first"
    with store.open(KEY) as stream:
        assert stream.read() == b"first"
    assert store.stat(KEY).size == 5
    assert store.stat(KEY).version == stored.version
    assert not put(store).created
    assert store.create(KEY, b"another") is False
    with pytest.raises(errors.AlreadyExists):
        put(store, b"another")
    assert names(store) == [(5, False), (7, False)]


def test_a_deletion_does_not_hide_an_immutable_object(store, raw):
    put(store)
    raw("delete_object", KEY)
    with pytest.raises(ClientError):
        raw("get_object", KEY)
    assert store.read(KEY, limit=100) == b"first"
    assert store.stat(KEY).size == 5
    assert list(store.list("")) == [KEY]
    assert not put(store).created
    assert store.create(KEY, b"another") is False
    assert names(store) == [(5, False), (0, True)]
    raw("put_object", KEY, Body=b"another")
    assert store.read(KEY, limit=100) == b"first"
    assert names(store) == [(5, False), (0, True), (7, False)]


def test_a_deletion_hides_a_mutable_object(store, raw):
    store.create(QUEUED, b"entry")
    raw("delete_object", QUEUED)
    assert store.stat(QUEUED) is None
    assert list(store.list("")) == []
    with pytest.raises(errors.NotFound):
        store.read(QUEUED, limit=9)
    assert store.create(QUEUED, b"again")
    assert store.read(QUEUED, limit=9) == b"again"
    store.delete(QUEUED)
    assert list(store.versions("")) == []


def test_nothing_is_left_of_mutable_objects(store):
    for number in range(3):
        store.replace(CHECKPOINT, b"%d" % number)
    assert names(store, CHECKPOINT) == [(1, False)]
    assert store.read(CHECKPOINT, limit=1) == b"2"
    store.create(QUEUED, b"entry")
    store.delete(QUEUED)
    assert names(store, QUEUED) == []


def test_putting_again_leaves_no_second_version(store):
    for body in (b"first", LARGE):
        key = f"objects/{len(body)}"
        assert put(store, body, key).created
        assert not put(store, body, key).created
        with pytest.raises(errors.AlreadyExists):
            put(store, b"x" * len(body), key)
        assert len(names(store, key)) == 1


def test_versions_of_many_keys_over_many_pages(store, raw, monkeypatch):
    for number in range(5):
        put(store, b"first", f"objects/{number}")
        for _ in range(number):
            raw("put_object", f"objects/{number}", Body=b"another")
    listing = store._connection.client.list_object_versions  # pages of 1,000 would need thousands of objects
    monkeypatch.setattr(
        store._connection.client, "list_object_versions", lambda **given: listing(**{**given, "MaxKeys": 2})
    )
    found = list(store.versions("objects/"))
    assert [version.key for version in found] == [f"objects/{n}" for n in range(5) for _ in range(n + 1)]
    assert [version.size for version in found] == [size for n in range(5) for size in (5, *[7] * n)]
    assert list(store.list("")) == [f"objects/{number}" for number in range(5)]
    assert list(store.list("", after="objects/2")) == ["objects/3", "objects/4"]
    assert store.read("objects/4", limit=9) == b"first"


def test_versions_where_none_are_kept(s3, place, tmp_path):
    for url in (s3.store_url("plain", place), (tmp_path / "store").as_uri()):
        store = open_store(url, create=True)
        store.create("log/batches/0", b"123")
        [version] = store.versions("log/")
        assert version == ObjectVersion("log/batches/0", None, 3, version.modified)
        assert list(store.versions("trust/")) == []
        with pytest.raises(errors.BadKey):
            store.versions("../")


def test_two_stores_of_a_bucket_see_nothing_of_each_other(s3, place):
    one = open_store(s3.store_url("versioned", f"{place}/one"), create=True)
    other = open_store(s3.store_url("versioned", f"{place}/one-and-more"), create=True)
    one.create(KEY, b"one")
    assert list(other.list("")) == []
    assert other.create(KEY, b"other")
    assert one.read(KEY, limit=9) == b"one"
    with pytest.raises(errors.StoreUnavailable, match="nothing under this prefix"):
        open_store(s3.store_url("versioned", f"{place}/o"))


def test_what_is_no_key_is_not_listed(store, raw):
    store.create(KEY, b"")
    for name in ("Upper", ".hidden", "a//b", "é", "a/b/"):
        raw("put_object", name, Body=b"foreign")
    assert list(store.list("")) == [KEY]
    assert [version.key for version in store.versions("")] == [KEY]


@pytest.mark.parametrize("body", [b"first", LARGE], ids=["small", "large"])
def test_an_immutable_object_is_locked(locked, raw, body):
    now = datetime.now(UTC)
    stored = put(locked, body)
    assert timedelta(days=3) <= stored.locked_until - now < timedelta(days=3, minutes=5)
    info = locked.stat(KEY)
    assert (info.locked_until, info.held) == (stored.locked_until, False)
    with pytest.raises(ClientError, match="AccessDenied"):
        raw("delete_object", KEY, bucket="locked", VersionId=stored.version)
    with pytest.raises(ClientError, match="AccessDenied"):
        raw("delete_object", KEY, bucket="locked", VersionId=stored.version, BypassGovernanceRetention=True)
    again = put(locked, body)
    assert (again.created, again.version, again.locked_until) == (False, stored.version, stored.locked_until)


def test_governance_yields_to_those_with_the_right(s3, raw, place):
    options = StoreOptions(retention=Retention(LockMode.GOVERNANCE, 1))
    store = open_store(s3.store_url("locked", place), create=True, options=options)
    stored = put(store)
    with pytest.raises(ClientError, match="AccessDenied"):
        raw("delete_object", KEY, bucket="locked", VersionId=stored.version)
    raw("delete_object", KEY, bucket="locked", VersionId=stored.version, BypassGovernanceRetention=True)
    assert store.stat(KEY) is None


def test_mutable_objects_are_never_locked(locked):
    locked.create(QUEUED, b"entry")
    locked.replace(CHECKPOINT, b"checkpoint")
    assert locked.stat(QUEUED).locked_until is None
    assert locked.stat(CHECKPOINT).locked_until is None
    locked.delete(QUEUED)
    assert [version.key for version in locked.versions("")] == [CHECKPOINT]


@pytest.mark.parametrize("body", [b"first", LARGE], ids=["small", "large"])
def test_a_wrong_source_is_never_stored_and_so_never_locked(locked, body):
    with pytest.raises(errors.SourceMismatch):
        locked.put(KEY, Source(body[:-1] + b"!"), expected=digest_bytes(body))
    with pytest.raises(errors.SourceMismatch):
        locked.put(KEY, Source(body + b"!"), expected=digest_bytes(body))
    assert list(locked.versions("")) == []


def test_other_bytes_on_read_back_are_not_locked(s3, place, proxy, faults):
    guards = WriteOnce(put=Guard.FIRST_VERSION, multipart=Guard.FIRST_VERSION)
    options = StoreOptions(retention=COMPLIANCE.retention, write_once=guards)
    store = open_store(f"s3://locked/{place}?endpoint={proxy.endpoint}", create=True, options=options)
    proxy.choose = faults.times(2, lambda request: request.reads_object, faults.Fault(flip=2))
    with pytest.raises(errors.ReadBackMismatch):
        put(store)
    assert list(store.versions("")) == []
    assert put(store).locked_until is not None


def test_what_was_stored_by_a_writer_killed_before_locking_is_locked_by_the_next(s3, place):
    url = s3.store_url("locked", place)
    assert put(open_store(url, create=True)).locked_until is None
    stored = put(open_store(url, options=COMPLIANCE))
    assert not stored.created
    assert stored.locked_until is not None


def test_a_weaker_lock_is_made_stronger_and_never_shorter(s3, place):
    url = s3.store_url("locked", place)
    governed = StoreOptions(retention=Retention(LockMode.GOVERNANCE, 9))
    until = put(open_store(url, create=True, options=governed)).locked_until
    assert put(open_store(url, options=COMPLIANCE)).locked_until == until
    store = open_store(url, options=governed)
    assert put(store).locked_until == until, "the stronger one stays"


def test_retention_is_renewed_once_it_has_passed(s3, place):
    days = [datetime.now(UTC)]
    options = StoreOptions(retention=Retention(LockMode.GOVERNANCE, 1), clock=lambda: days[0])
    store = open_store(s3.store_url("locked", place), create=True, options=options)
    first = put(store).locked_until
    days[0] += timedelta(hours=23)
    assert put(store).locked_until == first
    days[0] += timedelta(hours=2)
    assert put(store).locked_until == first + timedelta(hours=25)


def test_hold_and_release(s3, raw, place):
    store = open_store(s3.store_url("locked", place), create=True)
    stored = put(store)
    store.hold(KEY)
    store.hold(KEY)
    assert store.stat(KEY).held
    assert store.stat(KEY).locked_until is None
    with pytest.raises(ClientError, match="AccessDenied"):
        raw("delete_object", KEY, bucket="locked", VersionId=stored.version)
    store.release(KEY)
    store.release(KEY)
    assert not store.stat(KEY).held
    raw("delete_object", KEY, bucket="locked", VersionId=stored.version)
    for call in (store.hold, store.release):
        with pytest.raises(errors.NotFound):
            call(KEY)
        with pytest.raises(errors.BadKey):
            call(QUEUED)


def test_hold_where_there_is_none(s3, place, tmp_path):
    for url in (s3.store_url("plain", place), s3.store_url("versioned", place), (tmp_path / "store").as_uri()):
        store = open_store(url, create=True)
        store.create(KEY, b"")
        for call in (store.hold, store.release):
            with pytest.raises(errors.CapabilityMissing):
                call(KEY)
            with pytest.raises(errors.BadKey):
                call(CHECKPOINT)


def test_a_folder_cannot_be_locked(tmp_path):
    with pytest.raises(errors.CapabilityMissing):
        open_store((tmp_path / "store").as_uri(), create=True, options=COMPLIANCE)
    assert not (tmp_path / "store").exists()


def test_a_bucket_that_locks_whatever_it_is_given(s3, s3_client, place):
    name = f"always-{place}"[:63]
    s3_client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    s3_client.put_object_lock_configuration(
        Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    store = open_store(s3.store_url(name), create=True)
    assert put(store).locked_until is not None
    assert not put(store).created
    assert store.create(KEY, b"another") is False
    assert names(store) == [(5, False)], "what is put in vain could not be removed again"
    store.create(QUEUED, b"entry")
    store.delete(QUEUED)
    store.delete(QUEUED)
    assert store.stat(QUEUED) is None
    assert names(store, QUEUED) == [(5, False), (0, True)]
    assert store.create(QUEUED, b"again")
    store.replace(CHECKPOINT, b"1")
    store.replace(CHECKPOINT, b"2")
    assert store.read(CHECKPOINT, limit=1) == b"2"
    assert [key for key in store.list("") if not key.startswith("probe/")] == [KEY, CHECKPOINT, QUEUED]
