"""Processes that examine ranges of a WARC, each for itself: two processors read it in half the time.

They are started as new interpreters that know only the open file and what they are asked on standard input, never by
`fork`, which threads would not survive; and never with the current folder in their search path, since an auditor works
in the folder into which someone's package was downloaded. They end with their standard input, whatever ends the process
that started them.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import IO, Final, Generic, NoReturn, Self, TypeVar

from sijill.archive.lanes import Lanes
from sijill.archive.warc.ranges import Bounds, Ended, Range, Visit, Word, examine_range
from sijill.archive.warc.region import Region

T = TypeVar("T")

_PROGRAM: Final = "from sijill.archive.warc.workers import serve; serve()"
_GONE: Final = (OSError, EOFError, pickle.UnpicklingError)
"""What talking to a process that has ended raises."""
_ANSWERS: Final = 64 << 10
_FLAGS: Final[dict[str, Callable[[], object]]] = {
    "-B": lambda: True,  # writes nothing
    "-P": lambda: True,  # nothing is imported from the current folder
    "-I": lambda: sys.flags.isolated,
    "-E": lambda: sys.flags.ignore_environment,
    "-s": lambda: sys.flags.no_user_site,
}
"""How the interpreters are started: no more open to their surroundings than this one."""


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    region: Region
    visit: Visit[T]
    bounds: Bounds


class Workers(Generic[T]):
    """Examines ranges by several processes, in their order; used as a context, at whose end all processes are gone."""

    def __init__(
        self, region: Region, ranges: Sequence[Range], visit: Visit[T], bounds: Bounds, *, processes: int
    ) -> None:
        """Prepare; `visit` is a function of a module, which the processes import."""
        self._job = _Job(region, visit, bounds)
        self._ranges = ranges
        self._count = processes
        self._words: list[SimpleQueue[Word[T] | None]] = [SimpleQueue() for _ in ranges]
        self._waiting: SimpleQueue[int] = SimpleQueue()
        for number in range(len(ranges)):
            self._waiting.put(number)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self._attended = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        try:
            with suppress(OSError):  # as many as could be started will do
                for _ in range(self._count):
                    self._processes.append(_start(self._job.region.descriptor))
            self._attended = len(self._processes)
            for process in self._processes:
                self._threads.append(threading.Thread(target=self._attend, args=(process,), name="sijill-worker"))
                self._threads[-1].start()
        except BaseException:
            self._end()
            raise
        if not self._processes:
            self._give_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill the processes, whatever they are at."""
        self._end()

    def words(self, number: int) -> Iterator[Word[T]]:
        """What was found in a range, as it comes in; ends early if the process that was asked is gone."""
        return iter(self._words[number].get, None)

    def _attend(self, process: subprocess.Popen[bytes]) -> None:
        asked: int | None = None
        try:
            asking, answers = _pipes(process)
            pickle.dump(self._job, asking)
            while True:
                asked = self._waiting.get_nowait()
                pickle.dump(self._ranges[asked], asking)
                asking.flush()
                while not isinstance(word := pickle.load(answers), Ended):  # noqa: S301 -- from our own process
                    self._words[asked].put(word)
                self._words[asked].put(word)
                self._words[asked].put(None)
        except (Empty, *_GONE):
            pass
        finally:
            if asked is not None:
                self._words[asked].put(None)
            with self._lock:
                self._attended -= 1
                if not self._attended:
                    self._give_up()

    def _give_up(self) -> None:
        """Say of all ranges that no one took that nothing will be found."""
        with suppress(Empty):
            while True:
                self._words[self._waiting.get_nowait()].put(None)

    def _end(self) -> None:
        for process in self._processes:
            process.kill()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            for pipe in _pipes(process):
                with suppress(OSError):  # what was not sent cannot be any more
                    pipe.close()
            process.wait()


def serve() -> NoReturn:
    """Examine the ranges asked for on standard input until it ends."""
    asking: SimpleQueue[Range] = SimpleQueue()
    job: _Job[object] = pickle.load(sys.stdin.buffer)  # noqa: S301 -- from the process that started this one
    threading.Thread(target=_listen, args=(asking,), daemon=True).start()
    with Lanes() as lanes, open(1, "wb", buffering=_ANSWERS, closefd=False) as answers:
        while True:
            for word in examine_range(job.region, asking.get(), job.visit, job.bounds, lanes):
                pickle.dump(word, answers)
            answers.flush()


def _listen(asking: SimpleQueue[Range]) -> None:
    with suppress(EOFError):
        while True:
            asking.put(pickle.load(sys.stdin.buffer))  # noqa: S301 -- from the process that started this one
    # Whatever is being examined, no one waits for it any more.
    os._exit(0)


def _start(descriptor: int) -> subprocess.Popen[bytes]:
    if not sys.executable:
        raise FileNotFoundError("this interpreter does not know its own file")
    flags = [flag for flag, wanted in _FLAGS.items() if wanted()]
    return subprocess.Popen(
        [sys.executable, *flags, "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=[descriptor],
        # Ctrl-C is for the process that asks; it ends the others.
        start_new_session=True,
    )


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("started without pipes")
    return process.stdin, process.stdout
