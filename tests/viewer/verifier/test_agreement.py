"""Two implementations, one verdict: each vector through `sijill-verify` and through the page's own verifier."""

import copy
import json
import re
import subprocess
from pathlib import Path

import pytest

from sijill.provenance.verify.render import report_json, report_text
from sijill.provenance.verify.trust import parse_trust
from sijill.provenance.verify.verify import verify_package

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).resolve().parents[3]
VECTORS = ROOT / "tests" / "vectors"
VERIFIER = ROOT / "viewer" / "verifier"
CASES = {path.parent.name: path for path in sorted(VECTORS.glob("*/*/package.wacz"))}


# What follows is what a DER library says, and each has its own.
WORDS_OF_A_LIBRARY = re.compile("(not a timestamp response in DER): .*")


def comparable(report):
    """A report without the words of libraries."""
    checks = copy.deepcopy(report["checks"])
    for check in checks:
        for finding in check["findings"]:
            finding["found"] = WORDS_OF_A_LIBRARY.sub(r"\1", finding["found"])
    return report | {"checks": checks}


def trust_of(package):
    own = package.with_name("trust.json")
    return own if own.exists() else VECTORS / "trust.json"


@pytest.fixture(scope="session")
def answers(node):
    """What the page's verifier says of each vector, by name; one process for all."""
    cases = [{"package": str(path), "trust": str(trust_of(path))} for path in CASES.values()]
    done = subprocess.run(
        [node, VERIFIER / "test" / "verifications.mjs"],
        input=json.dumps({"cases": cases, "pages": []}),
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_both_say_the_same_and_what_is_expected(name, answers):
    path = CASES[name]
    with path.open("rb") as source:
        report = verify_package(source, parse_trust(trust_of(path).read_bytes()))
    found = answers[name]
    assert comparable(found["report"]) == comparable(report_json(report))
    printed = "\n".join(report_text(report, name=path.name, style=lambda text, _: text))
    assert WORDS_OF_A_LIBRARY.sub(r"\1", found["text"]) == WORDS_OF_A_LIBRARY.sub(r"\1", printed)
    expected = json.loads((path.parent / "expected.json").read_bytes())
    assert found["report"]["verified"] is expected["verified"]
    failed = [check["code"] for check in found["report"]["checks"] if check["status"] == "failed"]
    assert sorted(failed) == expected["failed"]
