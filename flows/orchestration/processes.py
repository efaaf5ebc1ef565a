"""The processes of a trial: Prefect's server and its workers, started together and stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_GRACE_SECONDS = 20.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Child:
    """A process in a group of its own: what it starts in turn is in the group, and ends with it."""

    name: str
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Child:
        """Start `command`; what it says goes to the end of the file `log`."""
        with log.open("ab") as sink:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(name, process)

    @property
    def ended(self) -> int | None:
        """Its exit status; None while it runs."""
        return self.process.poll()

    def stop(self) -> None:
        """End it and all that it started: asked first, killed after a while."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        while _group_lives(self.process) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def prefect_command(*arguments: str) -> list[str]:
    """Prefect's command line in this Python."""
    return [sys.executable, "-m", "prefect", "--no-prompt", *arguments]


def worker_command(pool: str, *, limit: int, name: str | None = None) -> list[str]:
    """The command of a worker; its pool is made if `sijill deploy` did not do it yet."""
    named = [] if name is None else ["--name", name]
    return prefect_command("worker", "start", "--pool", pool, "--type", "process", "--limit", str(limit), *named)


def worker_environment(environment: Mapping[str, str], config: Path, sites: Path | None) -> dict[str, str]:
    """The environment of a worker: which archive its runs work for, and this Python first."""
    own = {
        **environment,
        "SIJILL_CONFIG": str(config.absolute()),
        # Deployments run "python": it has to be the one that has sijill.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]),
    }
    if sites is not None:
        own["SIJILL_SITES"] = str(sites.absolute())
    return own


def local_environment(environment: Mapping[str, str], home: Path, port: int) -> dict[str, str]:
    """The environment in which Prefect keeps to the folder `home` and to its server at `port` of loopback."""
    kept = {name: value for name, value in environment.items() if not name.startswith("PREFECT_")}
    return {
        **kept,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
