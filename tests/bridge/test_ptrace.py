"""Being woken costs a program nothing that it was about to be told."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading

import pytest

from bridge import ptrace

_BUSY = """
import os, signal
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"."))
os.write(1, b"!")
while True:
    pass
"""
_SIGNALS = 1000


def _may_trace(pid: int) -> bool:
    try:
        ptrace.interrupt(pid)
    except PermissionError:
        return False
    return True


def test_no_signal_is_lost_that_comes_while_a_thread_is_woken() -> None:
    command = [sys.executable, "-c", _BUSY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as program:
        assert program.stdout is not None
        over = threading.Event()

        def wake() -> None:
            while not over.is_set():
                ptrace.interrupt(program.pid)

        waking = threading.Thread(target=wake)
        try:
            assert program.stdout.read(1) == b"!"
            if not _may_trace(program.pid):
                pytest.skip("this machine does not let a process trace its child")
            waking.start()
            for number in range(_SIGNALS):
                os.kill(program.pid, signal.SIGUSR1)
                answered, _, _ = select.select([program.stdout], [], [], 10)
                assert answered, f"signal {number} never arrived"
                assert program.stdout.read(1) == b"."
        finally:
            over.set()
            if waking.ident:
                waking.join()
            program.kill()
