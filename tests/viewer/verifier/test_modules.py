"""The tests of the page's modules, which node runs."""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)

TESTS = sorted((Path(__file__).resolve().parents[3] / "viewer" / "verifier" / "test").glob("*.test.js"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name.removesuffix(".test.js"))
def test_module(path, node):
    done = subprocess.run([node, "--test", path], capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
