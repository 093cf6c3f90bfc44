"""How long a sleep has lasted is known where its clock is, and else not said."""

from __future__ import annotations

import shlex
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from inspector.capture import take
from tests.live import migrate
from tests.programs import every_target

if TYPE_CHECKING:
    from pathlib import Path

    from inspector.snapshot import Unit
    from tests.conftest import StartTarget, TargetPython

CLOCKS = "tests/targets/clocks.py"
AHEAD = ["unshare", "--time", "--monotonic", "1000000"]


def _tasks(pid: int) -> dict[str, Unit]:
    return {unit.name: unit for unit in take(pid).units if unit.kind == "task"}


@every_target
def test_a_sleep_that_never_ends_has_no_time(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version), CLOCKS, "monotonic")
    tasks = _tasks(program.pid)
    assert [tasks[name].runtime for name in ("for-ever", "ages")] == [None, None]
    assert tasks["finite"].runtime is not None
    wait = tasks["for-ever"].wait
    assert wait is not None
    assert (wait.on, wait.text, wait.seconds_left, wait.seconds_total) == (
        "sleep", "sleeping", None, None,
    )  # fmt: skip
    done = migrate("ps", program.pid)
    assert done.returncode == 0, done.stderr
    assert "years left" in done.stdout


def test_a_clock_that_is_not_the_systems_says_nothing(
    target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python("3.14"), CLOCKS, "wall")
    (unit,) = [unit for name, unit in _tasks(program.pid).items() if name == "finite"]
    assert unit.runtime is None
    assert unit.wait is not None
    assert (unit.wait.text, unit.wait.seconds_left) == ("sleeping", None)


def test_the_clock_of_another_time_namespace_is_read(
    target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    if subprocess.run([*AHEAD, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no time namespaces here")
    python = tmp_path / "python"
    command = shlex.join([*AHEAD, str(target_python("3.14"))])
    python.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    python.chmod(0o755)
    started = time.monotonic()
    program = start_target(python, CLOCKS, "monotonic")
    runtime = _tasks(program.pid)["finite"].runtime
    assert runtime is not None
    assert 0.05 <= runtime.seconds <= time.monotonic() - started
