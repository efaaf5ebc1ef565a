import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def load_script(path):
    """A script that is no part of the package, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def serve():
    return load_script(ROOT / "deployments" / "demo" / "serve.py").serve_sites


@pytest.fixture(scope="module")
def sites(serve):
    with serve() as served:
        yield served


@pytest.fixture
def run():
    """`run(command, *arguments, cwd=…)` runs one of our commands and gives status, stdout and stderr."""

    def call(command, *arguments, cwd=None, stdin=None, env=None):
        return subprocess.run(
            [BIN / command, *map(str, arguments)],
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=100,
            env={**os.environ, **(env or {})},
        )

    return call


def _make_archive(folder, pins=()):
    from sijill.flows.init import initialise

    settings = initialise(folder, operator="Test archive", contact="test@sijill.example").settings
    text = settings.read_text(encoding="utf-8").replace("allow = []", 'allow = ["127.0.0.0/8"]')
    lines = "".join(f"{json.dumps(name)} = {json.dumps(address)}\n" for name, address in dict(pins).items())
    settings.write_text(text.replace("[network.pins]", "[network.pins]\n" + lines, 1), encoding="utf-8")
    return settings


@pytest.fixture(scope="session")
def new_archive():
    """`new_archive(folder, pins)` makes an archive that may reach loopback and returns the path of its settings."""
    return _make_archive


@pytest.fixture
def archive_settings(tmp_path, sites, new_archive):
    return new_archive(tmp_path / "archive", sites.pins)


@pytest.fixture(params=["local"])
def any_store_settings(request, archive_settings):
    """The settings of an archive on each kind of store there is."""
    return archive_settings
