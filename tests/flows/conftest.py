import importlib.util
import json
import os
import re
import secrets
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


def load_script(path, name=None):
    """A script that is no part of the package, as a module."""
    spec = importlib.util.spec_from_file_location(name or path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def script():
    """`script(path, name)` is a script that is no part of the package, as a module."""
    return load_script


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


def _make_archive(folder, pins=(), *, url="./store", **store):
    from sijill.flows.init import initialise

    settings = initialise(folder, operator="Test archive", contact="test@sijill.example", store=url).settings
    text = settings.read_text(encoding="utf-8").replace("allow = []", 'allow = ["127.0.0.0/8"]')
    for name, value in store.items():
        text = re.sub(rf"(?m)^{name} = [^#]*?(?=\s*(#|$))", f"{name} = {json.dumps(value)}", text, count=1)
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


@pytest.fixture(scope="session")
def s3():
    """A real S3 server, its credentials in the environment; skips and says what to install if it cannot be run."""
    script = load_script(ROOT / "deployments" / "s3" / "serve.py", name="s3_server")
    missing = script.missing_packages()
    if missing:
        pytest.skip(f"no S3 server: sh deployments/s3/install.sh (Debian packages {' '.join(missing)})")
    with script.serve_s3() as gateway, pytest.MonkeyPatch.context() as environment:
        for name, value in gateway.user.environment.items():
            environment.setenv(name, value)
        gateway.make_bucket("plain", script.BucketKind.PLAIN)
        gateway.make_bucket("versioned", script.BucketKind.VERSIONED)
        gateway.make_bucket("locked", script.BucketKind.LOCKED)
        yield gateway


@pytest.fixture
def s3_archive(s3, tmp_path, sites, new_archive):
    """`s3_archive(bucket, **store)` makes an archive in a bucket, at a prefix of its own; gives its settings."""

    def make(bucket, **store):
        url = s3.store_url(bucket, f"{tmp_path.name}-{secrets.token_hex(4)}")
        return new_archive(tmp_path / f"archive-{secrets.token_hex(4)}", sites.pins, url=url, **store)

    return make


@pytest.fixture(params=["local", "plain", "versioned", "locked"])
def any_store_settings(request):
    """The settings of an archive on each kind of store there is."""
    if request.param == "local":
        return request.getfixturevalue("archive_settings")
    lock = {"lock": "governance", "lock_days": 1} if request.param == "locked" else {}
    return request.getfixturevalue("s3_archive")(request.param, **lock)


class Alarm:
    """A place where notifications arrive, on loopback."""

    def __init__(self):
        self.arrived = []
        """What was posted, as JSON values."""
        self.status = 204
        """What is answered."""
        alarm = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                alarm.arrived.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(alarm.status)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.place = f"127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def alarm():
    """Where notifications arrive, for as long as the test lasts."""
    made = Alarm()
    yield made
    made.close()
