"""The processes of a browser: how much memory they hold, and their certain end."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PATIENCE: Final = 5.0
"""Seconds for killed processes to be gone."""


class ProcessGroup:
    """All processes that one browser was started with; it has a group of its own."""

    def __init__(self, leader: int) -> None:
        """Take the group of process `leader`.

        Raises:
            ProcessLookupError: it is gone already.
            ValueError: it has no group of its own, so that its end would be ours.
        """
        self.id = os.getpgid(leader)
        if self.id == os.getpgrp():
            raise ValueError(f"process {leader} has no group of its own")

    def members(self) -> list[int]:
        """The processes that are there; none where there is no /proc to look into."""
        return [int(entry.name) for entry in _PROC.glob("[0-9]*") if _is_member(entry, self.id)]

    def memory(self) -> int:
        """Bytes of memory that the processes hold and do not share with files; 0 where there is no /proc."""
        return sum(_memory(_PROC / str(pid)) for pid in self.members())

    def kill(self) -> None:
        """End all of them at once, and wait until they are gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.id, signal.SIGKILL)
        until = time.monotonic() + _PATIENCE
        while self.members() and time.monotonic() < until:
            time.sleep(0.01)


def profile_of(leader: int) -> list[Path]:
    """The folder that a browser was told to write its profile to; none where there is no /proc."""
    with suppress(OSError):
        words = (_PROC / str(leader) / "cmdline").read_bytes().split(b"\0")
        return [Path(os.fsdecode(w.partition(b"=")[2])) for w in words if w.startswith(b"--user-data-dir=/")]
    return []


def _is_member(entry: Path, group: int) -> bool:
    """Whether a process is of the group and runs; those that ended and wait to be asked about do not."""
    with suppress(OSError, ValueError, IndexError):
        # proc_pid_stat(5): what follows the name, which may hold anything and ends with the last parenthesis.
        state, _, found = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:3]
        return state not in {"Z", "X"} and int(found) == group
    return False


def _memory(entry: Path) -> int:
    with suppress(OSError, ValueError):
        fields = dict(line.split(":", 1) for line in (entry / "status").read_text(errors="replace").splitlines())
        return sum(int(fields[name].split()[0]) << 10 for name in ("RssAnon", "RssShmem") if name in fields)
    return 0
