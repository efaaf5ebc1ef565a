"""`sijill up`: server, deployments and workers on one machine, for as long as somebody lets it run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from sijill.flows.errors import OutputUnusable, PrefectUnusable
from sijill.flows.orchestration.processes import (
    Child,
    local_environment,
    prefect_command,
    worker_command,
    worker_environment,
)
from sijill.flows.orchestration.server import is_free, is_healthy

_START_SECONDS = 180.0
_LOOK_SECONDS = 0.3


@dataclass(slots=True)
class Trial:
    """One machine's server and workers."""

    config: Path
    sites: Path | None
    pool: str
    home: Path
    port: int
    workers: int
    limit: int
    say: Callable[[str], None]
    _children: list[Child] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The server's API."""
        return f"http://127.0.0.1:{self.port}/api"

    def run(self) -> None:
        """Start everything, wait until somebody stops it, stop everything.

        Raises:
            PrefectUnusable: the port is taken, or something did not start or ended by itself.
            OutputUnusable: the folder cannot be written.
            KeyboardInterrupt: somebody stopped it before it was ready.
        """
        if not is_free(self.port):
            raise PrefectUnusable(f"port {self.port} of this machine is taken; choose another with --port")
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise OutputUnusable(f"{self.home}: {err.strerror}") from err
        environment = local_environment(os.environ, self.home, self.port)
        with _terminated_as_interrupted():
            try:
                self._start_server(environment)
                self._deploy(environment)
                self._start_workers(environment)
                self._watch()
            finally:
                self._stop()

    def _start_server(self, environment: dict[str, str]) -> None:
        self.say(f"starting the Prefect server on port {self.port}; it keeps its files in {self.home} ...")
        command = prefect_command("server", "start", "--host", "127.0.0.1", "--port", str(self.port))
        server = self._child("server", command, environment)
        deadline = time.monotonic() + _START_SECONDS
        while not is_healthy(self.url):
            if server.ended is not None or time.monotonic() > deadline:
                raise PrefectUnusable(f"the Prefect server did not start; see {self._log('server')}")
            time.sleep(_LOOK_SECONDS)
        self.say(f"server:      http://127.0.0.1:{self.port}    (for other commands: PREFECT_API_URL={self.url})")

    def _deploy(self, environment: dict[str, str]) -> None:
        named = [] if self.sites is None else ["--sites", str(self.sites.absolute())]
        program = "from sijill.flows.cli import main; main()"
        command = [sys.executable, "-c", program, "--config", str(self.config.absolute()), "deploy", *named]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PrefectUnusable(f"deployments: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1]}")
        count = sum(": deployment " in line for line in done.stdout.splitlines())
        self.say(f"deployments: {count} new or changed")

    def _start_workers(self, environment: dict[str, str]) -> None:
        own = worker_environment(environment, self.config, self.sites)
        for number in range(1, self.workers + 1):
            name = f"worker-{number}"
            self._child(name, worker_command(self.pool, limit=self.limit, name=name), own)
        self.say(f"workers:     {self.workers} of up to {self.limit} runs each; logs in {self.home}")
        self.say("running; crawl everything now with: prefect deployment run crawl-all/crawl-all    Ctrl-C stops all")

    def _watch(self) -> None:
        while True:
            for child in self._children:
                if child.ended is not None:
                    raise PrefectUnusable(f"the {child.name} ended by itself; see {self._log(child.name)}")
            try:
                time.sleep(_LOOK_SECONDS)
            except KeyboardInterrupt:
                return

    def _stop(self) -> None:
        self.say("stopping ...")
        # Workers first: they tell the server what became of their runs.
        for child in reversed(self._children):
            child.stop()
        self.say("stopped; what was captured stays, and runs that were cut short are gone on with next time")

    def _child(self, name: str, command: list[str], environment: dict[str, str]) -> Child:
        child = Child.start(name, command, environment, self._log(name))
        self._children.append(child)
        return child

    def _log(self, name: str) -> Path:
        return self.home / f"{name}.log"


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """While this lasts, SIGTERM and SIGHUP are as good as Ctrl-C, and a second one while stopping does not count."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
