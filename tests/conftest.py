"""What every test may use: skips that name the command which ends them, and skips as failures where all must run."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REQUIRE_ALL = os.environ.get("SIJILL_REQUIRE_ALL") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"SIJILL_REQUIRE_ALL=1 allows no skip: {reason}"
    return report


@pytest.fixture(scope="session")
def repository() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared_sites() -> Path:
    """Static sites of five real publishers, which are kept beside the project and not in it."""
    folder = ROOT.parent / "shared" / "sites"
    if not folder.is_dir():
        pytest.skip("../shared/sites is not there: the five publishers' sites are not captured")
    return folder


@pytest.fixture(scope="session")
def tool():
    """`tool(name, package)` is the path of a command, or skips and says which Debian package has it."""

    def find(name: str, package: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"{name} is not installed: apt-get install {package}")
        return path

    return find
