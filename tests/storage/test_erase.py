"""Erasing for good: what may be erased, that nothing is left, and what a store that keeps it says."""

from __future__ import annotations

import json
import os
import pickle
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from sijill.archive.digest import digest_bytes
from sijill.storage import errors
from sijill.storage.layout import object_key
from sijill.storage.open import open_store
from sijill.storage.options import LockMode, Retention, StoreOptions

BODY = b"a statement that must go"
KEY = object_key(digest_bytes(BODY).sha256.hex)
ENVELOPE = "captures/2026/11/21/20261121t011630z-k3j7x2m4q7ab/attestation.dsse.json"
LARGE = b"large" * 2_000_000


def put(store, source, key=KEY, body=BODY):
    return store.put(key, source(body), expected=digest_bytes(body))


@pytest.mark.parametrize("key", [KEY, ENVELOPE])
def test_nothing_is_left_and_again_is_fine(store, source, key):
    put(store, source, key)
    put(store, source, object_key("ab" * 32))
    store.check_erasable(key)
    assert store.erase(key) is True
    assert store.stat(key) is None
    with pytest.raises(errors.NotFound):
        store.read(key, limit=100)
    assert list(store.list("")) == [object_key("ab" * 32)]
    assert [version.key for version in store.versions("")] == [object_key("ab" * 32)]
    assert store.erase(key) is False
    store.check_erasable(key)


def test_what_was_erased_may_be_stored_again(store, source):
    put(store, source)
    store.erase(KEY)
    assert put(store, source).created
    assert store.read(KEY, limit=100) == BODY


@pytest.mark.parametrize(
    "key",
    [
        "log/checkpoints/1",
        "log/tile/0/000",
        "log/batches/0",
        "trust/root.json",
        "captures/2026/11/21/20261121t011630z-k3j7x2m4q7ab/leaf-index",
        "captures/2026/11/21/20261121t011630z-k3j7x2m4q7ab/attestation.free.tsr",
        "tombstones/2026/11/21/20261121t011630z-k3j7x2m4q7ab/attestation.dsse.json",
        "custody/2026/11/21/20261121t011630z-k3j7x2m4q7ab/attestation.dsse.json",
    ],
)
def test_all_else_stays(store, key):
    store.create(key, b"kept")
    for call in (store.erase, store.check_erasable):
        with pytest.raises(errors.ImmutableKey):
            call(key)
    assert store.read(key, limit=10) == b"kept"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "objects/../log",
        "objects/sha256/aa/bb/cc",
        "objects/other",
        "objects/sha256/" + "A" * 64,
        object_key("ab" * 32).replace("/ab/ab/", "/ab/ac/"),
        "queue/20261121t011630z-k3j7x2m4q7ab",
        "log/checkpoint",
        "captures/2026/11/22/20261121t011630z-k3j7x2m4q7ab/attestation.dsse.json",
    ],
)
def test_bad_keys_and_mutable_ones_are_refused(store, key):
    for call in (store.erase, store.check_erasable):
        with pytest.raises((errors.BadKey, errors.ImmutableKey)):
            call(key)


def test_a_folder_holds_no_second_name_of_the_file(tmp_path, source):
    store = open_store((tmp_path / "store").as_uri(), create=True)
    put(store, source)
    # A writer killed between giving the file its key and removing the temporary name leaves this.
    os.link(tmp_path / "store" / KEY, tmp_path / "store" / ".incoming" / ("0" * 32))
    assert store.erase(KEY)
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []


def test_a_link_that_the_store_did_not_make_is_refused(tmp_path, source):
    store = open_store((tmp_path / "store").as_uri(), create=True)
    put(store, source)
    store.erase(KEY)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(BODY)
    (tmp_path / "store" / KEY).symlink_to(elsewhere)
    for call in (store.check_erasable, store.erase):
        with pytest.raises(errors.NotAnObject):
            call(KEY)
    assert elsewhere.read_bytes() == BODY


@pytest.fixture
def raw(s3_client, place):
    """What someone with the bucket's credentials can do."""

    def call(operation, bucket, key=KEY, **parameters):
        return getattr(s3_client, operation)(Bucket=bucket, Key=f"{place}/{key}", **parameters)

    return call


@pytest.fixture
def kept(s3_client, place):
    """How many versions, deletion markers and unfinished uploads the server has of the key."""

    def count(bucket, key=KEY):
        listed = s3_client.list_object_versions(Bucket=bucket, Prefix=f"{place}/{key}")
        uploads = s3_client.list_multipart_uploads(Bucket=bucket, Prefix=f"{place}/{key}")
        return tuple(
            len(found)
            for found in (listed.get("Versions", []), listed.get("DeleteMarkers", []), uploads.get("Uploads", []))
        )

    return count


def test_every_version_marker_and_upload_goes(s3, raw, kept, place, source):
    store = open_store(s3.store_url("versioned", place), create=True)
    put(store, source)
    raw("put_object", "versioned", Body=b"forged")
    raw("delete_object", "versioned")
    raw("put_object", "versioned", Body=b"forged again")
    upload = raw("create_multipart_upload", "versioned")["UploadId"]
    raw("upload_part", "versioned", UploadId=upload, PartNumber=1, Body=BODY)
    raw("put_object", "versioned", key=f"{KEY}0", Body=b"another key that begins alike")
    assert kept("versioned") == (4, 1, 1)
    assert store.erase(KEY)
    assert kept("versioned") == (1, 0, 0), "only the other key"
    assert kept("versioned", f"{KEY}0") == (1, 0, 0)


def test_a_large_object_goes_from_a_bucket_without_versions(s3, kept, place, source):
    store = open_store(s3.store_url("plain", place), create=True)
    key = object_key(digest_bytes(LARGE).sha256.hex)
    put(store, source, key, LARGE)
    assert store.erase(key)
    assert kept("plain", key) == (0, 0, 0)


@pytest.mark.parametrize("mode", list(LockMode))
def test_a_locked_object_stays_and_the_error_says_until_when(s3, kept, place, source, mode):
    options = StoreOptions(retention=Retention(mode, 2))
    store = open_store(s3.store_url("locked", place), create=True, options=options)
    until = put(store, source).locked_until
    for call in (store.check_erasable, store.erase):
        with pytest.raises(errors.ObjectLocked) as caught:
            call(KEY)
        assert (caught.value.key, caught.value.until, caught.value.held) == (KEY, until, False)
        assert f"locked until {until:%Y-%m-%d}" in str(caught.value)
    assert kept("locked") == (1, 0, 0)
    assert store.read(KEY, limit=100) == BODY


def test_a_held_object_stays_until_it_is_released(s3, kept, place, source):
    store = open_store(s3.store_url("locked", place), create=True)
    put(store, source)
    store.hold(KEY)
    for call in (store.check_erasable, store.erase):
        with pytest.raises(errors.ObjectLocked, match="under a legal hold") as caught:
            call(KEY)
        assert (caught.value.until, caught.value.held) == (None, True)
    assert store.read(KEY, limit=100) == BODY
    store.release(KEY)
    assert store.erase(KEY)
    assert kept("locked") == (0, 0, 0)


def test_a_lock_on_any_version_keeps_all(s3, raw, kept, place, source):
    store = open_store(s3.store_url("locked", place), create=True)
    put(store, source)
    later = raw("put_object", "locked", Body=b"forged")["VersionId"]
    raw("put_object_legal_hold", "locked", VersionId=later, LegalHold={"Status": "ON"})
    with pytest.raises(errors.ObjectLocked):
        store.erase(KEY)
    assert kept("locked") == (2, 0, 0)
    assert store.read(KEY, limit=100) == BODY


def test_once_retention_has_passed_the_server_lets_go(s3, raw, kept, place, source):
    # The server's clock is not ours to set: what it still keeps is told as a refusal, not as an end of the lock.
    now = [datetime.now(UTC)]
    options = StoreOptions(retention=Retention(LockMode.GOVERNANCE, 1), clock=lambda: now[0])
    store = open_store(s3.store_url("locked", place), create=True, options=options)
    version = put(store, source).version
    now[0] += timedelta(days=2)
    with pytest.raises(errors.StoreDenied):
        store.erase(KEY)
    raw(
        "put_object_retention",
        "locked",
        VersionId=version,
        BypassGovernanceRetention=True,
        Retention={"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(seconds=1)},
    )
    for _ in range(60):
        try:
            assert store.erase(KEY)
            break
        except errors.StoreDenied:
            continue
    assert kept("locked") == (0, 0, 0)


def test_a_missing_right_is_told_from_a_lock(s3, s3_client, place, source):
    name = f"readonly-{place}"[:63]
    s3_client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    store = open_store(s3.store_url(name), create=True)
    put(store, source)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
                "Resource": [f"arn:aws:s3:::{name}/*"],
            }
        ],
    }
    s3_client.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    store.check_erasable(KEY)
    with pytest.raises(errors.StoreDenied) as caught:
        store.erase(KEY)
    assert isinstance(caught.value.__cause__, ClientError)
    assert store.read(KEY, limit=100) == BODY


def test_a_lock_that_comes_between_is_told_as_a_lock(s3, s3_client, place, source, proxy, faults):
    url = f"s3://locked/{place}?endpoint={proxy.endpoint}"
    store = open_store(url, create=True)
    put(store, source)

    def choose(request):
        if request.method == "DELETE" and "/objects/" in request.path:
            open_store(s3.store_url("locked", place)).hold(KEY)

    proxy.choose = choose
    with pytest.raises(errors.ObjectLocked) as caught:
        store.erase(KEY)
    assert caught.value.held


@pytest.mark.parametrize("bucket", ["plain", "versioned"])
def test_a_server_that_only_says_so_is_found_out(place, source, proxy, faults, bucket):
    store = open_store(f"s3://{bucket}/{place}?endpoint={proxy.endpoint}", create=True)
    put(store, source)
    proxy.choose = lambda request: faults.Fault(status=204) if request.method == "DELETE" else None
    with pytest.raises(errors.StoreUnavailable, match="still there"):
        store.erase(KEY)


def test_an_erasure_cut_short_leaves_the_first_version_and_goes_on(raw, kept, place, source, proxy, faults):
    store = open_store(f"s3://versioned/{place}?endpoint={proxy.endpoint}", create=True)
    put(store, source)
    raw("put_object", "versioned", Body=b"forged")
    raw("delete_object", "versioned")
    seen = []

    def choose(request):
        if request.method != "DELETE":
            return None
        seen.append(request)
        return faults.error(403, "AccessDenied") if len(seen) > 2 else None

    proxy.choose = choose
    with pytest.raises(errors.StoreDenied):
        store.erase(KEY)
    assert kept("versioned") == (1, 0, 0)
    assert store.read(KEY, limit=100) == BODY
    proxy.choose = lambda _request: None
    assert store.erase(KEY)
    assert kept("versioned") == (0, 0, 0)


def test_the_error_crosses_process_borders():
    error = errors.ObjectLocked(KEY, datetime(2036, 1, 2, 3, 4, 5, tzinfo=UTC), True)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(error) == f"{KEY}: is locked until 2036-01-02T03:04:05Z and under a legal hold; nothing was removed"
