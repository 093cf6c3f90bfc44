"""What is said of those who wait for the work of pools and for child processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.inspector.test_waits import look, near, until
from tests.programs import every_target

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython

TARGET = "tests/targets/waits_executors.py"


@every_target
def test_a_pool_of_processes(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    seen = look(start_target(target_python(version), TARGET))
    assert seen.wait("process", "future").text == "process: hold"
    assert seen.wait("queued-3", "future").text == "process: hold, not started"


@every_target
def test_green_threads(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version, "greenlet", "eventlet"), TARGET, "green")
    # It polls a hundred times a second, and is runnable in between.
    seen = until(program, lambda seen: seen.units["waits_child"][0].wait)
    assert seen.wait("waits_child", "future").text == f"process {program.ready['child']} to end"
    every = seen.wait("waits_all", "gather")
    assert every.text.startswith("all of 2 futures, timeout in ")
    assert near(every.seconds_left, 900)
    for name in ("waits_first", "waits_one_by_one"):
        assert seen.wait(name, "gather").text == "first of 2 futures"
    text = "first exception of 2 futures, or all"
    assert seen.wait("waits_exception", "gather").text == text
    worker = "_worker"
    assert {
        ("waits_all", worker, "Future.result"),
        ("waits_first", worker, "first of"),
        ("waits_one_by_one", worker, "first of"),
    } <= seen.edges
