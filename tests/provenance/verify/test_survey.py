"""Every WARC of the vectors, and many broken ones, surveyed by one process and by several: the same is found."""

import io
import random
import zipfile
import zlib
from pathlib import Path

import pytest

from sijill.archive.digest import digest_bytes
from sijill.archive.warc.scan import Sharing
from sijill.provenance.verify.survey import survey_warc

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
SEED = 20261121
ALONE = Sharing(processes=1)
SHARED = Sharing(processes=2, smallest=0, step=900)
BROKEN = 12
"""How many broken WARCs are surveyed by processes; ranges alone are tried on many more in the tests of `archive`."""


def warcs() -> dict[bytes, str]:
    """The different WARCs in the packages, each with the name of a package that holds it."""
    found: dict[bytes, str] = {}
    for path in sorted(VECTORS.glob("*/*/package.wacz")):
        try:
            with zipfile.ZipFile(path) as package:
                found.setdefault(package.read("archive/data.warc.gz"), path.parent.name)
        except (zipfile.BadZipFile, zlib.error, KeyError):
            continue
    return found


WARCS = warcs()


def survey_both(data: bytes, path: Path, max_records: int = 1_000):
    """The surveys by one process and by several."""
    path.write_bytes(data)
    with path.open("rb") as one, path.open("rb") as other:
        return (
            survey_warc(one, max_records=max_records, sharing=ALONE),
            survey_warc(other, max_records=max_records, sharing=SHARED),
        )


def agree(one, other) -> bool:
    """Whether two surveys say the same."""
    return (one.digests, str(one.problem), one.responses, one.others) == (
        other.digests,
        str(other.problem),
        other.responses,
        other.others,
    )


@pytest.mark.parametrize("data", WARCS, ids=WARCS.get)
def test_the_warcs_of_the_vectors(data, tmp_path):
    alone, shared = survey_both(data, tmp_path / "data.warc.gz")
    assert agree(alone, shared)
    assert alone.digests == digest_bytes(data)
    assert alone.problem is not None or not WARCS[data].startswith("E-WARC-01")


def test_broken_warcs(true, tmp_path):
    chance = random.Random(SEED)
    for number in range(BROKEN):
        broken = bytearray(true.warc)
        if number % 3:
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        else:
            del broken[chance.randrange(len(broken)) :]
        alone, shared = survey_both(bytes(broken), tmp_path / "data.warc.gz")
        assert agree(alone, shared)
        assert alone.digests == digest_bytes(bytes(broken))


@pytest.mark.parametrize("limit", [0, 3])
def test_more_records_than_there_may_be(true, tmp_path, limit):
    alone, shared = survey_both(true.warc, tmp_path / "data.warc.gz", limit)
    assert agree(alone, shared)
    assert f"more than {limit} records" in str(alone.problem)


def test_what_is_no_file_is_surveyed_by_this_process(true):
    survey = survey_warc(io.BytesIO(true.warc), max_records=1_000, sharing=SHARED)
    assert survey.problem is None
    assert survey.digests == digest_bytes(true.warc)
