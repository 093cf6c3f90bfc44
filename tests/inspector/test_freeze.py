"""A process that was stopped for a look goes on, whatever becomes of the looker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from inspector.errors import UsageError
from inspector.freeze import frozen
from inspector.process import look_up
from tests.programs import ROOT, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOKER = """
import sys, time
from inspector.errors import UsageError
from inspector.freeze import frozen
with frozen(int(sys.argv[1])):
    print("stopped", flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def sleeper() -> Iterator[int]:
    process = subprocess.Popen(["sleep", "1000"])
    yield process.pid
    process.kill()
    process.wait()


def _stopped(pid: int) -> bool:
    return look_up(pid).state in "Tt"


def test_it_is_stopped_inside_and_goes_on_after(sleeper: int) -> None:
    def fail_inside() -> None:
        with frozen(sleeper):
            assert _stopped(sleeper)
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail_inside()
    wait_until(lambda: not _stopped(sleeper))


def test_it_goes_on_when_the_looker_is_killed(sleeper: int) -> None:
    looker = subprocess.Popen(
        [sys.executable, "-c", _LOOKER, str(sleeper)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert looker.stdout is not None
    assert looker.stdout.readline() == b"stopped\n"
    assert _stopped(sleeper)
    looker.kill()
    looker.wait()
    looker.stdout.close()
    wait_until(lambda: not _stopped(sleeper))


def test_ctrl_z_waits_until_it_goes_on(sleeper: int) -> None:
    looker = subprocess.Popen(
        [sys.executable, "-c", _LOOKER.replace("1000", "0.5") + "time.sleep(1000)", str(sleeper)],
        stdout=subprocess.PIPE, cwd=ROOT, process_group=0,
    )  # fmt: skip
    assert looker.stdout is not None
    assert looker.stdout.readline() == b"stopped\n"
    os.killpg(looker.pid, signal.SIGTSTP)
    wait_until(lambda: not _stopped(sleeper))
    looker.kill()
    looker.wait()
    looker.stdout.close()


def test_it_is_not_stopped_to_look_at_itself() -> None:
    with pytest.raises(UsageError, match="itself"), frozen(os.getpid()):
        pass


def test_one_that_was_stopped_before_stays_so(sleeper: int) -> None:
    os.kill(sleeper, signal.SIGSTOP)
    wait_until(lambda: _stopped(sleeper))
    with frozen(sleeper):
        assert _stopped(sleeper)
    assert _stopped(sleeper)
