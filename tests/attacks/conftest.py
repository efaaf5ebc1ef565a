"""The archive under attack, made once: real commands, real sockets, two authorities, two witnesses."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests" / "vectors")]
sys.path.append(str(ROOT / "tests" / "flows"))


def load_script(path: Path, name: str):
    """A script that is no part of the package, as a module."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def victim(tmp_path_factory, tool):
    """The archive, and those who vouch for it, while they serve."""
    from victim import raised

    tool("openssl", "openssl")
    serve_sites = load_script(ROOT / "deployments" / "demo" / "serve.py", "attacked_sites").serve_sites
    serve_tsa = load_script(ROOT / "deployments" / "tsa" / "serve.py", "attacked_tsas").serve_tsa
    with raised(tmp_path_factory.mktemp("victim"), serve_sites, serve_tsa) as made:
        yield made


@pytest.fixture
def copy(victim, tmp_path):
    """A copy of the archive's store, to be tampered with."""
    return victim.copy(tmp_path / "attacked")


@pytest.fixture(scope="session")
def versioned():
    """A real S3 server with a versioned bucket; skips and says what to install if it cannot be run."""
    script = load_script(ROOT / "deployments" / "s3" / "serve.py", "attacked_s3")
    if missing := script.missing_packages():
        pytest.skip(f"no S3 server: sh deployments/s3/install.sh (Debian packages {' '.join(missing)})")
    with script.serve_s3() as gateway, pytest.MonkeyPatch.context() as environment:
        for name, value in gateway.user.environment.items():
            environment.setenv(name, value)
        gateway.make_bucket("versioned", script.BucketKind.VERSIONED)
        yield gateway


def pytest_terminal_summary(terminalreporter):
    """The matrix, as it was seen in this run."""
    matrix = sys.modules.get("matrix")
    if matrix is not None and matrix.MADE:
        terminalreporter.section("attacks")
        for line in matrix.table():
            terminalreporter.write_line(line)
