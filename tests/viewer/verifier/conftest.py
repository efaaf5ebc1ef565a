"""Node, the libraries of the page's verifier, and the vectors."""

import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
VERIFIER = ROOT / "viewer" / "verifier"
VECTORS = ROOT / "tests" / "vectors"
sys.path.insert(0, str(VECTORS))


@pytest.fixture(scope="session")
def node(tool):
    """The path of node; skips unless the libraries that the sources import are there too."""
    found = tool("node", "nodejs")
    if not (VERIFIER / "node_modules" / "hash-wasm").is_dir():
        pytest.skip("the page's libraries are not installed: npm ci --prefix viewer/verifier")
    return found


@pytest.fixture(scope="session")
def copied_verifier(tmp_path_factory, node):
    """A copy of the page's sources with their libraries, so that a build touches nothing here."""
    folder = tmp_path_factory.mktemp("a place of another name") / "viewer" / "verifier"
    shutil.copytree(VERIFIER, folder, ignore=shutil.ignore_patterns("node_modules", "test"))
    (folder / "node_modules").symlink_to(VERIFIER / "node_modules")
    return folder
