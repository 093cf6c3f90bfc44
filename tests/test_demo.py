"""``make demo``: what it shows, and that it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.programs import ROOT, wait_until

if TYPE_CHECKING:
    from tests.conftest import TargetPython


def start_demo() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.demo"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def service_pid(output: str) -> int:
    ready = next(line for line in output.splitlines() if line.startswith("ready pid="))
    return int(ready.split()[1].removeprefix("pid="))


def test_demo_shows_the_whole_road_and_leaves_nothing(target_python: TargetPython) -> None:
    target_python("3.14", "greenlet", "eventlet")
    demo = start_demo()
    output, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, output
    assert "samples/eventlet_service/diagnostics.py:14:5 EVT102" in output
    assert "+    bridge.debug.hub_exceptions(True)" in output
    tree = output.partition("$ migrate pstree")[2]
    assert "(T) settle-7" in tree
    assert "(G) Ledger.settle  via await GreenThread" in tree
    assert "(T) audit-7  via spawn_for_awaitable" in tree
    assert not psutil.pid_exists(service_pid(output))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_that_is_interrupted_leaves_nothing(
    number: signal.Signals, target_python: TargetPython
) -> None:
    target_python("3.14", "greenlet", "eventlet")
    demo = start_demo()
    assert demo.stdout is not None
    seen = ""
    while "ready pid=" not in seen:
        line = demo.stdout.readline()
        assert line, seen
        seen += line
    # To the whole foreground group, as a terminal does.
    os.killpg(demo.pid, number)
    output, _ = demo.communicate(timeout=60)
    assert demo.returncode == 128 + number, output
    assert "Traceback" not in output
    wait_until(lambda: not psutil.pid_exists(service_pid(seen)))
