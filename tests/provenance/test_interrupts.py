"""An interrupt stays an interrupt."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from sijill.provenance.interrupts import interrupts_kept, interrupts_withheld


def wrap():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt as err:
        raise RuntimeError("wrapped") from err


def test_an_error_that_follows_an_interrupt_is_an_interrupt():
    with pytest.raises(KeyboardInterrupt), interrupts_kept():
        wrap()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_errors_are_left_as_they_are():
    with pytest.raises(RuntimeError), interrupts_kept():
        raise RuntimeError
    with pytest.raises(KeyboardInterrupt), interrupts_kept():
        os.kill(os.getpid(), signal.SIGINT)


def test_who_ignores_or_handles_interrupts_goes_on_doing_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_kept():
            os.kill(os.getpid(), signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    entered = []

    def elsewhere():
        with interrupts_kept():
            entered.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert entered == [signal.default_int_handler]


@pytest.mark.parametrize("program", ["sijill", "sijill-verify"])
def test_a_library_that_wraps_an_interrupt_shows_no_traceback(program):
    main = {"sijill": "sijill.flows.cli", "sijill-verify": "sijill.flows.verify"}[program]
    text = f"""
import os, signal, sys, click
from {main} import main
def wrap(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt as err:
        raise ValueError("SchemaError: KeyboardInterrupt") from err
click.Command.main = wrap
sys.argv = [{program!r}, "x"]
main()
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    assert done.returncode == 130
    assert "interrupted" in done.stderr
    assert "Traceback" not in done.stderr


def begin_and_interrupt(begun):
    with interrupts_withheld():
        process = subprocess.Popen(
            [sys.executable, "-c", "print(input())"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        process.send_signal(signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        begun.append(process)


def test_an_interrupt_reaches_no_process_that_was_begun_and_is_not_lost():
    begun = []
    with pytest.raises(KeyboardInterrupt):
        begin_and_interrupt(begun)
    [process] = begun
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(b"still here\n", timeout=60)
    assert (process.returncode, said) == (0, b"still here\n")
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
