"""A task's stack goes on in a raw greenlet only where that awaits by the task's hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.capture import take
from tests.live import migrate
from tests.programs import every_target

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython


@every_target
def test_a_greenlet_is_under_the_task_that_awaits_for_it_and_no_other(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    program = start_target(python, "tests/targets/greenlets_in_hand.py").rest()
    units = {unit.id: unit for unit in take(program.pid).units}
    tasks = {unit.name: unit for unit in units.values() if unit.kind == "task"}
    inside = {name for name in tasks if name.startswith("in_")}
    beside = {name for name in tasks if name.startswith("beside_")}
    assert (len(inside), len(beside)) == (7, 3)
    for name in inside:
        stack = [frame.function for frame in tasks[name].stack]
        assert stack[-1] == "greenlet_spawn", name
        assert name.removeprefix("in_") in stack, name
        assert tasks[name].inside in units
    assert [f.function for f in tasks["in_by_nesting"].stack[-4:]] == [
        "by_local",
        "greenlet_spawn",
        "by_nesting",
        "greenlet_spawn",
    ]
    for name in (*beside, "Task-1"):
        assert tasks[name].inside is None, name
        assert "numbers" not in [frame.function for frame in tasks[name].stack]
    for unit in units.values():
        if unit.name == "numbers":
            assert unit.inside is None
            assert unit.wait is not None
            assert unit.wait.on == "unknown"


@every_target
def test_a_task_runs_where_the_greenlet_runs_that_it_switched_to(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    program = start_target(python, "tests/targets/greenlets_in_hand.py", "block").rest()
    units = {unit.id: unit for unit in take(program.pid).units}
    (task,) = (unit for unit in units.values() if unit.name == "blocked")
    assert task.state == "running"
    assert [frame.function for frame in task.stack] == [
        "blocks",
        "greenlet_spawn",
        "by_one_that_blocks",
        "greenlet_spawn",
    ]
    inside = {unit.name: unit.state for unit in units.values() if unit.inside == task.id}
    assert inside == {"blocks": "running", "by_one_that_blocks": "waiting"}
    assert task.inside is not None
    assert units[task.inside].name == "blocks"
    tree = migrate("pstree", "--no-args", program.pid).stdout
    (leaf,) = (line for line in tree.splitlines() if " blocks  " in line)
    # The kernel does not tell everyone what a thread is in.
    assert leaf.endswith(("[running]", "[running, in clock_nanosleep]"))
