"""What goes wrong between a store and an S3 server: what it is told, and that nothing counts as stored that is not."""

from __future__ import annotations

import io
import pickle
import socket
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import botocore.auth
import pytest

from sijill.archive.digest import digest_bytes
from sijill.storage import errors
from sijill.storage.layout import CHECKPOINT, object_key
from sijill.storage.open import open_store
from sijill.storage.options import Guard, LockMode, Retention, StoreOptions, WriteOnce

KEY = "captures/2026/11/21/20261121t011630z-k3j7x2m4q7ab/attestation.dsse.json"
SMALL = b"statement" * 1000
LARGE = bytes(range(251)) * 36_000  # 9 MB: two parts
BUCKETS = ("plain", "versioned")


class Source:
    def __init__(self, data):
        self.data = data

    def open(self):
        return io.BytesIO(self.data)


def put(store, body=SMALL, key=KEY):
    return store.put(key, Source(body), expected=digest_bytes(body))


@pytest.fixture(params=BUCKETS)
def bucket(request):
    return request.param


@pytest.fixture
def healthy(s3, bucket, place):
    """The store as someone else sees it, who has a healthy connection."""
    return open_store(s3.store_url(bucket, place), create=True)


@pytest.fixture
def guards(healthy, bucket):
    """What the bucket is known to honour, so that no trials of it get in the way of the faults."""
    if bucket == "plain":
        return WriteOnce(put=Guard.CONDITION, multipart=Guard.NONE)
    return WriteOnce(put=Guard.FIRST_VERSION, multipart=Guard.FIRST_VERSION)


@pytest.fixture
def store(proxy, bucket, place, guards):
    """The same store through the proxy, not very patient."""
    options = StoreOptions(attempts=2, answer_seconds=5, write_once=guards)
    return open_store(f"s3://{bucket}/{place}?endpoint={proxy.endpoint}", options=options)


def puts_object(request):
    return request.puts_object


def reads_object(request):
    return request.reads_object


def test_errors_500_and_throttling_for_a_while_are_sat_out(store, proxy, faults, healthy):
    for fault in (faults.Fault(status=500), faults.error(503, "SlowDown"), faults.error(500, "InternalError")):
        proxy.choose = faults.times(1, lambda _request: True, fault)
        assert put(store, key=object_key(f"{fault.status}{len(fault.body):03}" + "0" * 58)).created
    assert len(list(healthy.list(""))) == 3


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
def test_errors_500_that_do_not_end(store, proxy, faults, healthy, body):
    proxy.choose = faults.times(faults.ALWAYS, puts_object, faults.Fault(status=500))
    with pytest.raises(errors.StoreUnavailable, match="500"):
        put(store, body)
    assert healthy.stat(KEY) is None
    proxy.choose = lambda _request: None
    assert put(store, body).created
    assert healthy.read(KEY, limit=len(body)) == body


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("cut", [0, 5000])
def test_a_connection_cut_in_the_middle_of_a_put(store, proxy, faults, healthy, body, cut):
    fault = faults.Fault(cut_after=cut)
    proxy.choose = faults.times(faults.ALWAYS, puts_object, fault)
    with pytest.raises(errors.StoreUnavailable):
        put(store, body)
    assert healthy.stat(KEY) is None
    assert list(healthy.list("")) == []
    proxy.choose = faults.times(1, puts_object, fault)
    assert put(store, body).created
    assert healthy.read(KEY, limit=len(body)) == body


def test_an_answer_that_is_lost(store, proxy, faults, healthy):
    proxy.choose = faults.times(1, puts_object, faults.Fault(unanswered=True))
    put(store)
    assert healthy.read(KEY, limit=len(SMALL)) == SMALL
    assert len(list(healthy.versions(KEY))) == 1
    proxy.choose = faults.times(1, puts_object, faults.Fault(unanswered=True))
    assert store.create("log/batches/0", b"ours") is True
    assert len(list(healthy.versions("log/batches/0"))) == 1


def test_answers_that_are_all_lost_leave_what_a_second_run_completes(store, proxy, faults, healthy):
    proxy.choose = faults.times(faults.ALWAYS, puts_object, faults.Fault(unanswered=True))
    with pytest.raises(errors.StoreUnavailable):
        put(store)
    proxy.choose = lambda _request: None
    put(store)
    assert healthy.read(KEY, limit=len(SMALL)) == SMALL


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
def test_other_bytes_on_read_back_do_not_count_as_stored(store, proxy, faults, healthy, body):
    proxy.choose = faults.times(faults.ALWAYS, reads_object, faults.Fault(flip=1000))
    with pytest.raises(errors.ReadBackMismatch) as caught:
        put(store, body)
    assert caught.value.expected.size == caught.value.found.size == len(body)
    assert healthy.stat(KEY) is None, "twice the same wrong bytes: they were taken back"
    proxy.choose = lambda _request: None
    assert put(store, body).created


def test_a_reading_that_is_wrong_differently_each_time_takes_nothing_back(store, proxy, faults, healthy):
    proxy.choose = faults.times(faults.ALWAYS, reads_object, faults.random_flip(len(SMALL)))
    with pytest.raises(errors.ReadBackMismatch):
        put(store)
    assert healthy.read(KEY, limit=len(SMALL)) == SMALL
    proxy.choose = lambda _request: None
    assert not put(store).created


def test_other_bytes_on_read_back_of_what_was_there_take_nothing_back(store, proxy, faults, healthy):
    put(healthy)
    proxy.choose = faults.times(faults.ALWAYS, reads_object, faults.Fault(flip=1000))
    with pytest.raises(errors.AlreadyExists):
        put(store)
    assert store.create(KEY, SMALL) is False
    assert healthy.read(KEY, limit=len(SMALL)) == SMALL


def test_other_bytes_on_read_back_of_a_replaced_object(store, proxy, faults):
    proxy.choose = faults.times(1, reads_object, faults.Fault(flip=3))
    with pytest.raises(errors.ReadBackMismatch):
        store.replace(CHECKPOINT, b"checkpoint")
    store.replace(CHECKPOINT, b"checkpoint")
    assert store.read(CHECKPOINT, limit=10) == b"checkpoint"


def test_a_body_that_is_changed_on_the_way_is_refused_by_the_server(s3_client, store, proxy, healthy, monkeypatch):
    class Changed(bytes):
        """What is sent is not what the MD5 was computed of."""

        def __new__(cls, data):
            return super().__new__(cls, b"X" + data[1:])

    client = store._connection.client  # the only way to change bytes between digest and wire
    send = client.put_object
    monkeypatch.setattr(client, "put_object", lambda **p: send(**{**p, "Body": Changed(p["Body"])}))
    with pytest.raises(errors.StoreUnavailable, match="BadDigest"):
        put(store)
    assert healthy.stat(KEY) is None


@pytest.mark.parametrize("after", [0, 1, 300_000])
def test_a_connection_cut_in_the_middle_of_reading_is_taken_up_again(store, proxy, faults, healthy, after):
    put(healthy, LARGE)
    proxy.choose = faults.times(1, reads_object, faults.Fault(cut_answer_after=after))
    with store.open(KEY) as stream:
        assert stream.read() == LARGE
    ranges = [request.headers.get("range") for request in proxy.seen if request.reads_object]
    assert ranges[0] is None
    assert len(ranges) == 2
    assert ranges[1] is None if after == 0 else ranges[1].startswith("bytes=")


def test_a_connection_that_is_cut_again_and_again(store, proxy, faults, healthy):
    put(healthy, LARGE)
    proxy.choose = faults.times(faults.ALWAYS, reads_object, faults.Fault(cut_answer_after=0))
    with pytest.raises(errors.StoreUnavailable, match="breaks off"), store.open(KEY) as stream:
        stream.read()


def test_an_object_that_is_replaced_while_it_is_read_is_no_mix(s3_client, store, proxy, faults, bucket, place):
    one, other = b"1" * 1_000_000, b"2" * 1_000_000
    store.replace(CHECKPOINT, one)
    proxy.choose = faults.times(1, reads_object, faults.Fault(cut_answer_after=400_000))
    with store.open(CHECKPOINT) as stream:
        begun = stream.read(1000)
        s3_client.put_object(Bucket=bucket, Key=f"{place}/{CHECKPOINT}", Body=other)
        with pytest.raises(errors.StorageError):
            stream.read()
    assert begun == one[:1000]


def test_a_server_that_is_too_slow(proxy, bucket, place, guards, faults, healthy):
    options = StoreOptions(attempts=2, answer_seconds=1.5, write_once=guards)
    store = open_store(f"s3://{bucket}/{place}?endpoint={proxy.endpoint}", options=options)
    proxy.choose = faults.times(faults.ALWAYS, puts_object, faults.Fault(wait=2.5))
    with pytest.raises(errors.StoreUnavailable, match=r"[Tt]ime"):
        store.create(KEY, b"x")
    proxy.choose = faults.times(1, puts_object, faults.Fault(wait=2.5))
    assert store.create(KEY, b"x")
    assert healthy.read(KEY, limit=1) == b"x"


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (("status", 507, "InsufficientStorage"), errors.StoreFull, "507"),
        (("status", 403, "QuotaExceeded"), errors.StoreFull, "QuotaExceeded"),
        (("status", 400, "EntityTooLarge"), errors.StoreFull, "EntityTooLarge"),
        (("status", 403, "AccessDenied"), errors.StoreDenied, "AccessDenied"),
        (("status", 400, "ExpiredToken"), errors.StoreDenied, "ExpiredToken"),
        (("status", 403, "RequestTimeTooSkewed"), errors.ClockSkewed, "RequestTimeTooSkewed"),
        (("status", 501, "NotImplemented"), errors.StoreUnavailable, "NotImplemented"),
    ],
)
def test_refusals_by_their_codes(store, proxy, faults, healthy, fault, error, says):
    proxy.choose = faults.times(faults.ALWAYS, puts_object, faults.error(*fault[1:]))
    with pytest.raises(error, match=says) as caught:
        put(store)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert healthy.stat(KEY) is None


@pytest.mark.parametrize("status", [301, 400])
def test_a_wrong_region_is_named(s3, proxy, faults, status):
    code = {301: "PermanentRedirect", 400: "AuthorizationHeaderMalformed"}[status]
    fault = faults.error(status, code, "wrong", "<Region>eu-north-7</Region>")
    fault.headers["x-amz-bucket-region"] = "eu-north-7"
    proxy.choose = faults.times(faults.ALWAYS, lambda _request: True, fault)
    with pytest.raises(errors.WrongRegion, match="eu-north-7"):
        open_store(f"s3://plain?endpoint={proxy.endpoint}", create=True)


def test_a_clock_that_is_wrong_is_told(s3, monkeypatch):
    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *a, **k: now(*a, **k) - timedelta(hours=1))
    with pytest.raises(errors.ClockSkewed, match="RequestTimeTooSkewed"):
        open_store(s3.store_url("plain"), create=True)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "InvalidAccessKeyId"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "no credentials"),
        ({"AWS_PROFILE": "of-nobody"}, "no credentials"),
    ],
)
def test_wrong_credentials(s3, monkeypatch, tmp_path, change, says):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    for name, value in change.items():
        monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(errors.StoreDenied, match=says):
        open_store(s3.store_url("plain"), create=True)


def test_a_bucket_of_someone_else(s3, s3_server):
    stranger = s3.add_user()
    s3.make_bucket("of-a-stranger", s3_server.BucketKind.PLAIN, stranger)
    with pytest.raises(errors.StoreDenied, match="AccessDenied"):
        open_store(s3.store_url("of-a-stranger"), create=True)


def test_no_such_bucket(s3):
    with pytest.raises(errors.StoreUnavailable, match="NoSuchBucket"):
        open_store(s3.store_url("nosuchbucket"), create=True)


def test_a_store_that_is_full(s3, s3_server, monkeypatch):
    user = s3.add_user(bytes_allowed=100_000)
    s3.make_bucket("nearly-full", s3_server.BucketKind.PLAIN, user)
    for name, value in user.environment.items():
        monkeypatch.setenv(name, value)
    store = open_store(s3.store_url("nearly-full"), create=True)
    with pytest.raises(errors.StoreFull, match="QuotaExceeded"):
        put(store, LARGE)
    with pytest.raises(errors.StoreFull, match="QuotaExceeded"):
        put(store, b"x" * 200_000)
    assert list(store.list("")) == []
    assert put(store).created


class NotS3(BaseHTTPRequestHandler):
    def do_GET(self):
        status, kind, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.parametrize(
    "answer",
    [
        (200, "text/html", b"<!doctype html><p>hello"),
        (200, "text/html", b"<html><body>well-formed</body></html>"),
        (200, "application/json", b"{}"),
        (200, "text/plain", b""),
        (404, "text/html", b"<!doctype html><h1>not found</h1>"),
        (404, "text/plain", b""),
        (405, "text/plain", b"no"),
        (302, "text/html", b"<html></html>"),
    ],
)
def test_an_endpoint_that_is_not_s3(s3, answer):
    with ThreadingHTTPServer(("127.0.0.1", 0), NotS3) as server:
        server.answer = answer
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        url = f"s3://plain?endpoint=http://127.0.0.1:{server.server_port}"
        with pytest.raises(errors.StoreUnavailable):
            open_store(url, create=True, options=StoreOptions(attempts=1))
        server.shutdown()


def test_nobody_listens(s3):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"s3://plain?endpoint=http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(errors.StoreUnavailable, match=r"[Cc]onnect"):
            open_store(url, create=True, options=StoreOptions(attempts=2))


def test_something_that_does_not_speak_http(s3):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet():
            for _ in range(2):
                peer, _address = listener.accept()
                peer.sendall(b"220 mail.example ESMTP\r\n")
                peer.close()

        threading.Thread(target=greet, daemon=True).start()
        url = f"s3://plain?endpoint=http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(errors.StoreUnavailable):
            open_store(url, create=True, options=StoreOptions(attempts=2))


@pytest.mark.parametrize("bucket_name", BUCKETS)
def test_a_lock_that_the_bucket_cannot_give_is_refused_before_anything_is_written(s3, s3_client, bucket_name, place):
    options = StoreOptions(retention=Retention(LockMode.COMPLIANCE, 1))
    with pytest.raises(errors.CapabilityMissing, match="Object Lock"):
        open_store(s3.store_url(bucket_name, place), create=True, options=options)
    assert s3_client.list_objects_v2(Bucket=bucket_name, Prefix=place)["KeyCount"] == 0


def test_a_bucket_where_nothing_guards_a_key_is_not_written_to(s3, s3_client, proxy, faults, place):
    ignoring = faults.Fault(status=200, headers={"ETag": '"0"'})
    proxy.choose = faults.times(faults.ALWAYS, lambda request: "if-none-match" in request.headers, ignoring)
    store = open_store(f"s3://plain/{place}?endpoint={proxy.endpoint}", create=True)
    for body in (SMALL, LARGE):
        with pytest.raises(errors.CapabilityMissing, match="switch its versioning on"):
            put(store, body)
    with pytest.raises(errors.CapabilityMissing):
        store.create(KEY, b"x")
    assert list(store.list("")) == []
    store.replace(CHECKPOINT, b"needs no guard")


def test_a_bucket_whose_versioning_is_suspended_is_only_read(s3, s3_client, place):
    name = f"suspended-{place}"[:63]
    s3_client.create_bucket(Bucket=name)
    s3_client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    put(open_store(s3.store_url(name), create=True))
    s3_client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    store = open_store(s3.store_url(name))
    assert store.read(KEY, limit=len(SMALL)) == SMALL
    with pytest.raises(errors.CapabilityMissing, match="suspended"):
        store.create("log/batches/0", b"x")
