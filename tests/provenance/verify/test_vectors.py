"""Every committed vector: what a verifier must say of it, and that the script still makes the same."""

import json
from pathlib import Path

import pytest

from sijill.provenance.verify.codes import PREREQUISITES, Code
from sijill.provenance.verify.report import Status
from sijill.provenance.verify.trust import parse_trust
from sijill.provenance.verify.verify import verify_package

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
CASES = sorted(path.parent for path in VECTORS.glob("*/*/package.wacz"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_vector_gives_what_is_expected(case):
    expected = json.loads((case / "expected.json").read_bytes())
    own = case / "trust.json"
    trust = parse_trust((own if own.exists() else VECTORS / "trust.json").read_bytes())
    with (case / "package.wacz").open("rb") as package:
        report = verify_package(package, trust)
    assert report.holds is expected["verified"]
    assert sorted(report.failed) == expected["failed"]
    if case.parent.name == "bad" and expected["failed"]:
        assert case.name.partition("_")[0] in expected["failed"]
    for check in report.checks:
        assert (check.status is Status.PASSED) <= all(
            report.check(earlier).status is Status.PASSED for earlier in PREREQUISITES[check.code]
        )
        assert check.findings or check.status is Status.PASSED


def test_every_code_has_a_bad_vector():
    named = {path.name.partition("_")[0] for path in (VECTORS / "bad").iterdir()}
    # What an attestation quotes is never required to be good.
    assert named | {Code.LOG_05} >= set(Code)
    failed = {code for case in CASES for code in json.loads((case / "expected.json").read_bytes())["failed"]}
    assert failed >= set(Code)


def test_the_script_makes_the_committed_vectors(tmp_path):
    import make

    make.write(tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    committed = {name: (VECTORS / name).read_bytes() for name in made if (VECTORS / name).exists()}
    assert made == committed
    assert {case.relative_to(VECTORS) / "package.wacz" for case in CASES} <= made.keys()
