"""The project's own promises: packages, layers, locks, and the commands that the README names."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

LAYERS = ("archive", "provenance", "storage", "viewer", "flows")


@pytest.fixture(scope="module")
def pyproject(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_folder_with_modules_is_a_listed_package(repository, pyproject):
    found = {
        "sijill." + ".".join(init.parent.relative_to(repository).parts)
        for layer in LAYERS
        for init in (repository / layer).rglob("__init__.py")
    }
    assert set(pyproject["tool"]["setuptools"]["packages"]) == found
    for layer in LAYERS:
        for module in (repository / layer).rglob("*.py"):
            assert (module.parent / "__init__.py").exists(), module
        assert (repository / layer / "py.typed").exists()


def test_import_contracts_hold(repository):
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("kind", ["", "-dask", "-dev", "-verify"])
def test_locks_have_hashes_and_no_addresses(repository, kind):
    text = (repository / f"requirements{kind}.lock").read_text(encoding="utf-8")
    assert "://" not in text
    pinned = re.findall(
        r"^([A-Za-z0-9_.-]+)==\S+(?: ;[^\\\n]*)? \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE
    )
    assert len(pinned) == len(re.findall(r"^[A-Za-z0-9_.-]+==", text, re.MULTILINE)) > 5


def test_what_is_installed_is_what_the_lock_says(repository):
    from importlib.metadata import version

    text = (repository / "requirements-dev.lock").read_text(encoding="utf-8")
    for name in ("requests", "cryptography", "pydantic", "prefect", "warcio", "ruff"):
        assert f"\n{name}=={version(name)} " in text


def test_the_auditor_needs_only_the_small_lock(repository):
    """`sijill-verify` must start with the packages of requirements-verify.lock and nothing else."""
    text = (repository / "requirements-verify.lock").read_text(encoding="utf-8")
    allowed = {name.lower().replace("-", "_") for name in re.findall(r"^([A-Za-z0-9_.-]+)==", text, re.MULTILINE)}
    program = (
        "import sys, sijill.provenance.verify.cli, sijill.provenance.verify.verify, sijill.provenance.verify.render\n"
        "import rich.console, importlib.metadata as m\n"
        "owners = m.packages_distributions()\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print('\\n'.join(sorted({owner for top in tops for owner in owners.get(top, [])})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    used = {name.lower().replace("-", "_") for name in done.stdout.split()} - {"sijill", "setuptools", "pip"}
    assert used - allowed == set()


def test_readme_commands_exist(repository):
    text = (repository / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", (repository / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for target in set(re.findall(r"\bmake ([a-z0-9]+)\b", text)):
        assert target in targets, f"README names make {target}"
    commands = set(re.findall(r"^\s*(?:\$ )?(sijill(?:-verify)?)(?: --config \S+)? ([a-z]+)\b", text, re.MULTILINE))
    assert {("sijill", "init"), ("sijill", "capture"), ("sijill", "export")} <= commands
    for program, command in commands:
        if program == "sijill":
            done = subprocess.run(
                [Path(sys.executable).with_name(program), command, "--help"], capture_output=True, text=True
            )
            assert done.returncode == 0, f"README names {program} {command}"
            assert "Example:" in done.stdout
