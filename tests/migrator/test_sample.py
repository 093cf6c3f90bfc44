"""`--sample`: what was watched is said to be at least so long, and where that is known from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.live import document, migrate, rows

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython

RING = ("tests/targets/sick.py", "ring")


def test_a_single_look_says_nothing_and_a_sample_a_lower_bound(
    target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python("3.14", "greenlet", "eventlet"), *RING)
    units = document("ps", program.pid)["processes"][0]["units"]
    assert {unit["runtime"] for unit in units if unit["kind"] == "task"} == {None}
    units = document("ps", program.pid, "--sample", "500ms")["processes"][0]["units"]
    for unit in units:
        if unit["kind"] == "task":
            assert unit["runtime"]["how"] == "observed"
            assert unit["runtime"]["seconds"] >= 0.5
    done = migrate("ps", program.pid, "--sample", "0.5")
    left = next(row for row in rows(done.stdout) if row["task_name"] == "left")
    assert left["runtime"].startswith(">=")
    assert "  >=0." in migrate("pstree", program.pid, "--sample", "500ms").stdout


def test_a_sleep_stays_exact(target_python: TargetPython, start_target: StartTarget) -> None:
    python = target_python("3.14", "greenlet", "eventlet")
    program = start_target(python, "tests/targets/sick.py", "unnamed")
    units = document("ps", program.pid, "--sample", "200ms")["processes"][0]["units"]
    hows = {unit["runtime"]["how"] for unit in units if (unit["wait"] or {}).get("on") == "sleep"}
    assert hows == {"exact"}


@pytest.mark.parametrize("value", ["0", "soon", "-3s"])
def test_a_sample_is_a_duration(value: str) -> None:
    done = migrate("ps", "1", "--sample", value)
    assert (done.returncode, done.stdout) == (2, "")
    assert json.dumps(value)[1:-1] in done.stderr
