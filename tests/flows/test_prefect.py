"""The flow against a real Prefect server: a deployment, a worker, a completed run, an artifact."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prefect:
    """A running server and the environment that reaches it."""

    def __init__(self, url, env):
        self.url = url
        self.env = env

    def command(self, *arguments, cwd=ROOT, timeout=240):
        done = subprocess.run(
            [BIN / "prefect", "--no-prompt", *arguments],
            cwd=cwd,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def post(self, path, body):
        return self.send(path, body)

    def send(self, path, body, method="POST"):
        """The answer as a JSON value, None if it has no body; a busy server is asked again."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers, method=method)
        deadline = time.monotonic() + 240
        while True:
            try:
                # A busy machine takes its time; this is against hangs.
                with urllib.request.urlopen(request, timeout=240) as answer:
                    said = answer.read()
                    return json.loads(said) if said else None
            except urllib.error.HTTPError as err:
                # Its database is locked by its own services for a moment; Prefect's client asks again, too.
                if err.code != 503 or time.monotonic() > deadline:
                    raise
                time.sleep(1)


@contextmanager
def prefect_server(home):
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    env = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # Deployments run "python", as sijill worker sees to that it is this one.
        "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
        "PREFECT_CLI_COLORS": "false",
    }
    command = [BIN / "prefect", "server", "start", "--port", str(port), "--no-ui"]
    log = (home / "server.log").open("wb")
    with log, subprocess.Popen(command, env=env, stdout=log, stderr=log) as server:
        try:
            deadline = time.monotonic() + 240
            while True:
                try:
                    with urllib.request.urlopen(f"{url}/health", timeout=5):
                        break
                except OSError:
                    assert server.poll() is None, (home / "server.log").read_text()
                    assert time.monotonic() < deadline, "the Prefect server did not start"
                    time.sleep(0.3)
            yield Prefect(url, env)
        finally:
            server.terminate()
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@pytest.fixture(scope="module")
def prefect(tmp_path_factory):
    with prefect_server(tmp_path_factory.mktemp("prefect")) as server:
        yield server


@pytest.mark.timeout(240)
def test_a_deployed_run_completes_with_an_artifact_for_each_capture(prefect, tmp_path, sites, run, new_archive):
    settings = new_archive(tmp_path / "archive", sites.pins)
    urls = [
        sites.url("remedylawyers.example", "/news/appeal-court-upholds-verdict/"),
        "ftp://remedylawyers.example/",
    ]
    start = sites.url("remedylawyers.example")
    (settings.parent / "sites.toml").write_text(
        f'[[sites]]\nid = "lawyers"\nname = "Lawyers"\nstart = ["{start}"]\nstatements = ["/news/*"]\n',
        encoding="utf-8",
    )
    deployed = run("sijill", "--config", settings, "deploy", env=prefect.env)
    assert deployed.returncode == 0, deployed.stderr
    prefect.command(
        "deployment", "run", "capture/archive-url",
        "--param", f"urls={json.dumps(urls)}",
        "--param", f"config={json.dumps(str(settings))}",
    )  # fmt: skip
    prefect.command("worker", "start", "--pool", "sijill", "--run-once", cwd=tmp_path, timeout=200)
    # Deployments with a schedule have runs that are still to come.
    ended = {"flow_runs": {"state": {"type": {"not_any_": ["SCHEDULED"]}}}}
    [flow_run] = prefect.post("/flow_runs/filter", ended)
    assert flow_run["state"]["type"] == "COMPLETED", flow_run["state"]
    assert flow_run["state"]["message"] == "1 complete, 1 refused"
    [artifact] = prefect.post("/artifacts/filter", {"artifacts": {"type": {"any_": ["markdown"]}}})
    listed = run("sijill", "--config", settings, "list", "--json")
    summary = json.loads(listed.stdout)
    assert artifact["key"] == f"capture-{summary['captureId']}"
    assert summary["warcKey"] in artifact["data"]
    assert summary["leafIndex"] == 0
    shown = json.loads(run("sijill", "--config", settings, "show", summary["captureId"], "--json").stdout)
    orchestrator = shown["statement"]["predicate"]["orchestrator"]
    assert orchestrator["name"] == "prefect"
    assert orchestrator["flowRunId"] == flow_run["id"]
