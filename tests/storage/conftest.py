"""Stores under test. The next store is one more name in STORES and one more branch below."""

from __future__ import annotations

import importlib.util
import io
import itertools
import os
import secrets
import sys
import traceback
from pathlib import Path

import boto3
import pytest

from sijill.archive.digest import digest_bytes
from sijill.storage.fingerprint import Fingerprint
from sijill.storage.open import open_store

STORES = ("local", "s3-plain", "s3-versioned")

HERE = Path(__file__).resolve().parent


def load(name, path):
    """A script that belongs to no package, as a module."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def s3_server():
    """The script that runs a real S3 server."""
    return load("s3_server_of_storage", HERE.parents[1] / "deployments" / "s3" / "serve.py")


@pytest.fixture(scope="session")
def faults():
    """What the proxy between a store and its server can do."""
    return load("faults_of_storage", HERE / "proxy.py")


@pytest.fixture(scope="session")
def running_s3(s3_server):
    """A real S3 server with a bucket of each kind; skips and says what to install if none can run."""
    try:
        with s3_server.serve_s3() as gateway:
            for kind in s3_server.BucketKind:
                gateway.make_bucket(str(kind), kind)
            yield gateway
    except s3_server.MissingTools as err:
        pytest.skip(f"no S3 server: {err}")


@pytest.fixture
def s3(running_s3, monkeypatch):
    """The S3 server, with its credentials in the environment."""
    for name, value in running_s3.user.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return running_s3


@pytest.fixture
def proxy(s3, faults):
    """A proxy in front of the S3 server, at first without faults."""
    with faults.between(s3.endpoint) as proxy:
        yield proxy


@pytest.fixture
def s3_client(s3):
    """A plain client of the server, which can do what a store never does."""
    client = boto3.session.Session().client("s3", endpoint_url=s3.endpoint)
    yield client
    client.close()


@pytest.fixture
def place():
    """A prefix that nobody has used."""
    return f"store-{secrets.token_hex(8)}"


@pytest.fixture(params=STORES)
def new_url(request, tmp_path_factory):
    """A function giving the URL of a store that nobody has used; processes of their own may open it too."""
    numbers = itertools.count()
    if request.param == "local":
        return lambda: (tmp_path_factory.mktemp("stores") / f"store {next(numbers)}").as_uri()
    s3 = request.getfixturevalue("s3")
    return lambda: s3.store_url(request.param.removeprefix("s3-"), f"store-{secrets.token_hex(8)}")


@pytest.fixture
def store(new_url):
    return open_store(new_url(), create=True)


@pytest.fixture
def fingerprint():
    """The archive's own digests: they must do as fingerprints without storage importing them."""

    def of(data: bytes) -> Fingerprint:
        return digest_bytes(data)

    return of


@pytest.fixture
def source():
    """`source(data)` can be opened any number of times."""
    return Bytes


@pytest.fixture
def in_child():
    """A function that runs `work()` in a process of its own and returns its exit code, or less its signal."""

    def run(work) -> int:
        child = os.fork()
        if child:
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(code)

    return run


class Bytes:
    """A source in memory that remembers the streams it gave."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.streams = []

    def open(self):
        self.streams.append(io.BytesIO(self.data))
        return self.streams[-1]
