"""Stores under test. The next store is one more name in STORES and one more branch below."""

from __future__ import annotations

import io
import itertools
import os
import traceback

import pytest

from sijill.archive.digest import digest_bytes
from sijill.storage.fingerprint import Fingerprint
from sijill.storage.open import open_store

STORES = ("local",)


@pytest.fixture(params=STORES)
def new_url(request, tmp_path_factory):
    """A function giving the URL of a store that nobody has used; processes of their own may open it too."""
    numbers = itertools.count()

    def make() -> str:
        match request.param:
            case "local":
                return (tmp_path_factory.mktemp("stores") / f"store {next(numbers)}").as_uri()
            case other:
                raise ValueError(other)

    return make


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
