"""Interrupts from the terminal: they stay interrupts on their way to the top, and are for one process to handle."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """Raise KeyboardInterrupt in place of any error that follows one.

    A library in another language that calls back into Python may wrap it, so that it looks like a fault of the program;
    and a child process that was interrupted from the same terminal may be missed first. Where interrupts are ignored or
    handled by somebody else, and outside of the main thread, nothing is done.

    Raises:
        KeyboardInterrupt: the program was interrupted.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    interrupted = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except Exception as err:
        if interrupted.is_set():
            raise KeyboardInterrupt from err
        raise
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def interrupts_withheld() -> Iterator[None]:
    """Begin processes in it that no interrupt reaches; one that comes meanwhile is raised at its end.

    The terminal interrupts all processes at once, also those that have only begun to load what they would handle it
    with. What is to become of it is for the one that began them to say.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
