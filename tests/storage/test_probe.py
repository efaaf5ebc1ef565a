import pytest

from sijill.storage.open import open_store
from sijill.storage.probe import Capability, probe


def found(store):
    report = probe(store)
    assert [one.capability for one in report.findings] == list(Capability)
    assert list(store.list("")) == [], "the canaries are gone"
    return {one.capability: one.holds for one in report.findings}


def test_a_local_store(tmp_path):
    assert found(open_store((tmp_path / "store").as_uri(), create=True)) == {
        Capability.CONSISTENCY: True,
        Capability.CONDITIONAL_WRITE: True,
        Capability.VERSIONING: False,
        Capability.OBJECT_LOCK: False,
        Capability.CHECKSUM: None,
        Capability.CLOCK: True,
    }


@pytest.mark.parametrize(
    ("bucket", "conditional", "versioning", "lock"),
    [
        ("plain", True, False, False),
        # This gateway ignores If-None-Match in buckets with versions, without a word.
        ("versioned", False, True, False),
        ("locked", False, True, True),
    ],
)
def test_a_real_gateway(s3, tmp_path, bucket, conditional, versioning, lock):
    assert found(open_store(s3.store_url(bucket, tmp_path.name.replace("_", "-")), create=True)) == {
        Capability.CONSISTENCY: True,
        Capability.CONDITIONAL_WRITE: conditional,
        Capability.VERSIONING: versioning,
        Capability.OBJECT_LOCK: lock,
        # It checks Content-MD5, and takes a wrong x-amz-checksum-sha256.
        Capability.CHECKSUM: False,
        Capability.CLOCK: True,
    }


def test_what_was_not_found_out_is_not_shown(tmp_path):
    report = probe(open_store((tmp_path / "store").as_uri(), create=True))
    assert report.shows(Capability.CONSISTENCY)
    assert not report.shows(Capability.CHECKSUM)
