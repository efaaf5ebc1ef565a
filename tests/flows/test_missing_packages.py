"""Where only what an auditor needs is installed, every command works or says in one line what to install."""

import json
import os
import re
from importlib.metadata import packages_distributions

import pytest

# Imported by every Python that finds it on its path, before anything else.
BLOCKER = """
import sys

BLOCKED = frozenset({blocked!r})


class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Blocker())
"""


def folded(name):
    return name.lower().replace("-", "_")


@pytest.fixture(scope="module")
def auditor(repository, tmp_path_factory):
    """The environment of a Python that finds the packages of requirements-verify.lock, sijill, and no others."""
    lock = (repository / "requirements-verify.lock").read_text(encoding="utf-8")
    there = {folded(name) for name in re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)} | {"sijill"}
    owners = packages_distributions().items()
    blocked = sorted(top for top, names in owners if not there & {folded(name) for name in names})
    assert {"botocore", "requests", "prefect"} <= set(blocked)
    assert not {"click", "pydantic", "rich", "tuf"} & set(blocked)
    folder = tmp_path_factory.mktemp("auditor")
    (folder / "sitecustomize.py").write_text(BLOCKER.format(blocked=blocked), encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}


def says_what_to_install(done, module):
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.endswith(
        f"this needs the package of the module {module}, which is not installed: "
        "pip install --require-hashes -r requirements.lock"
    )


@pytest.fixture
def sealed(run, archive_settings, sites, tmp_path):
    """A package of an archive with one sealed capture."""
    url = sites.url("remedylawyers.example")
    captured = run("sijill", "--config", archive_settings, "capture", "--json", url)
    assert captured.returncode == 0, captured.stderr
    [capture] = json.loads(captured.stdout)["captures"]
    package = tmp_path / "page.wacz"
    exported = run("sijill", "--config", archive_settings, "export", capture["captureId"], "-o", package)
    assert exported.returncode == 0, exported.stderr
    return package


def test_the_auditor_verifies_a_package_and_an_archive_in_a_folder(run, auditor, sealed, archive_settings):
    trust = archive_settings.parent / "trust.json"
    verified = run("sijill-verify", sealed, "--trust", trust, env=auditor)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    audited = run("sijill-verify", "archive", archive_settings.parent / "store", "--trust", trust, env=auditor)
    assert audited.returncode == 0, audited.stdout + audited.stderr


def test_of_a_store_in_s3_the_auditor_is_told_what_to_install(run, auditor, archive_settings, tmp_path):
    url = "s3://bucket/prefix?endpoint=http://127.0.0.1:9"
    trust = archive_settings.parent / "trust.json"
    done = run("sijill-verify", "archive", url, "--trust", trust, "--report", tmp_path / "audit", env=auditor)
    says_what_to_install(done, "botocore")
    assert done.stderr.startswith("sijill-verify: ")
    assert not (tmp_path / "audit").exists()


@pytest.mark.parametrize("arguments", [["capture", "https://statement.example/"], ["crawl", "--all"], ["seal"]])
def test_the_operator_is_told_what_to_install(run, auditor, archive_settings, arguments):
    done = run("sijill", "--config", archive_settings, *arguments, env=auditor)
    says_what_to_install(done, "requests")
