"""A Prefect server for a module's tests, generated sites on loopback, workers, and what became of runs."""

import json
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
HANG = 600


def until(what, call, seconds=HANG):
    """What `call` gives, once it is true; the limit is there against hangs."""
    deadline = time.monotonic() + seconds
    while not (value := call()):
        assert time.monotonic() < deadline, f"it did not come to this: {what}"
        time.sleep(0.3)
    return value


@pytest.fixture(scope="module")
def prefect(tmp_path_factory):
    """A real server, and what it has."""
    start = runpy.run_path(str(Path(__file__).parents[1] / "test_prefect.py"))["prefect_server"]
    with start(tmp_path_factory.mktemp("prefect")) as server:
        yield Server(server)


class Server:
    def __init__(self, server):
        self.server = server
        self.env = server.env
        self.command = server.command

    def all(self, what, body=None):
        return self.server.post(f"/{what}/filter", body or {})

    def deployments(self, pool):
        ours = {"deployments": {"tags": {"all_": [f"sijill-pool:{pool}"]}}}
        return {one["name"]: one for one in self.all("deployments", ours)}

    def runs(self, deployment=None, **state):
        wanted = {} if not state else {"state": {"type": state}}
        if deployment is not None:
            wanted["deployment_id"] = {"any_": [deployment]}
        return self.all("flow_runs", {"flow_runs": wanted, "sort": "START_TIME_ASC"})

    def start_run(self, full_name, **parameters):
        given = [f"--param={name}={json.dumps(value)}" for name, value in parameters.items()]
        said = self.command("deployment", "run", full_name, *given)
        return re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", said)[0]

    def ended(self, run_id, seconds=HANG):
        def final():
            [run] = self.all("flow_runs", {"flow_runs": {"id": {"any_": [run_id]}}})
            return run if run["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED") else None

        return until(f"run {run_id} ends", final, seconds)

    def pause(self, deployment):
        """Pause a deployment: what its schedule has asked for already and did not begin is dropped."""
        self.server.send(f"/deployments/{deployment}", {"paused": True}, method="PATCH")

    def artifacts(self, key):
        return [one for one in self.all("artifacts", {"limit": 200}) if one["key"] == key]


@pytest.fixture
def publish(tmp_path, serve):
    """`publish({host: number of statement pages})` makes the sites and serves them while the test lasts."""
    with ExitStack() as stack:

        def make(hosts):
            root = tmp_path / "published"
            for host, number in hosts.items():
                folder = root / host
                (folder / "s").mkdir(parents=True)
                (folder / "style.css").write_text(f"/* {host} */ p {{ color: #123 }}", encoding="utf-8")
                links = "".join(f'<a href="/s/{page:03}.html">{page}</a>' for page in range(number))
                (folder / "index.html").write_text(f"<!doctype html><title>{host}</title>{links}", encoding="utf-8")
                for page in range(number):
                    text = f'<!doctype html><link rel="stylesheet" href="/style.css"><p>Statement {page} of {host}</p>'
                    (folder / "s" / f"{page:03}.html").write_text(text, encoding="utf-8")
            return stack.enter_context(serve(root))

        yield make


def write_sites(path, sites, *, cron=None, statements="/s/*", **politeness):
    """A sites file: id -> start URL."""
    polite = {"delay_seconds": 0, "max_retry_after_seconds": 0, **politeness}
    text = ""
    for site_id, url in sites.items():
        text += f'[[sites]]\nid = "{site_id}"\nname = "{site_id}"\nstart = ["{url}"]\nstatements = ["{statements}"]\n'
        if cron is not None:
            text += f'[sites.schedule]\ncron = "{cron}"\ntimezone = "UTC"\n'
        text += "[sites.politeness]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in polite.items())
    path.write_text(text, encoding="utf-8")
    return path


def set_prefect(settings, **values):
    """Give the settings file values of its section on Prefect."""
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
    text = settings.read_text(encoding="utf-8")
    head, section, rest = text.partition("[prefect]")
    rest = rest[rest.index("\n[") :]
    settings.write_text(f"{head}{section}\n{lines}{rest}", encoding="utf-8")


@contextmanager
def worker(settings, env, *, log, limit=3):
    """A worker in a process group of its own; ended, with all it started, when the block ends."""
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [BIN / "sijill", "--config", settings, "worker", "--limit", str(limit)],
            env={**os.environ, **env},
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill_group(process)


def kill_group(process):
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
