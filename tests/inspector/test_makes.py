"""Every make of task and greenlet, in every state, in more than one thread."""

from __future__ import annotations

import json
import subprocess
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inspector.capture import Options, take
from tests.inspector.test_builds import compiled
from tests.programs import every_target, wait_until

if TYPE_CHECKING:
    from inspector.snapshot import Snapshot, Unit
    from tests.conftest import StartTarget, TargetPython


def _names(unit: Unit) -> list[str]:
    return [frame.function for frame in unit.stack]


@every_target
def test_every_make_of_task_is_found_in_its_thread_and_state(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version, "greenlet"), "tests/targets/varied.py")
    first, second = int(program.ready["first"]), int(program.ready["second"])
    snapshot = take(program.pid)
    assert snapshot.completeness.complete, snapshot.completeness
    tasks = {unit.name: unit for unit in snapshot.units if unit.kind == "task"}

    assert tasks["subclass"].type == "__main__.MyTask"
    assert tasks["python"].type == "__main__.MyPyTask"
    assert tasks["plain python"].type == "asyncio.tasks.Task"
    for name in ("subclass", "python", "plain python", *(["eager"] if version != "3.11" else [])):
        assert _names(tasks[name]) == ["sleep", "sleeper"]
        assert (tasks[name].tid, tasks[name].state) == (first, "waiting")
    for number in range(3):
        assert tasks[f"second {number}"].tid == second
    assert tasks["not started either"].state == "not_started"
    assert tasks["runnable"].state == "runnable"
    # An async generator in the chain does not end it.
    assert _names(tasks["resource"])[:2] == ["sleep", "resource"]
    assert _names(tasks["resource"])[-1] == "uses_resource"

    running = next(unit for unit in tasks.values() if unit.state == "running")
    assert _names(running) == ["blocks", "in_first_thread"]
    threads = {thread.tid: thread for thread in snapshot.threads}
    assert threads.keys() == {first, second}
    assert threads[first].current_task == running.id
    assert threads[first].stack[:2] == running.stack
    assert threads[second].current_task is None
    wait_until(lambda: not any(thread.holds_gil for thread in take(program.pid).threads))

    edges = {(edge.waiter, edge.target) for edge in snapshot.edges}
    assert (tasks["waits for python"].id, tasks["python"].id) in edges
    assert (tasks["shields"].id, tasks["subclass"].id) in edges
    assert not [edge for edge in snapshot.edges if edge.waiter == running.id]


@every_target
def test_a_greenlet_that_continues_a_task_shows_under_it(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version, "greenlet"), "tests/targets/varied.py")
    snapshot = take(program.pid)
    units = {unit.id: unit for unit in snapshot.units}
    tasks = {unit.name: unit for unit in snapshot.units if unit.kind == "task"}
    task = tasks["orm"]
    assert task.inside
    green = units[task.inside]
    assert _names(task) == [
        *("sleep", "driver_query", "await_only", "orm_flush", "orm_commit"),
        *("greenlet_spawn", "request"),
    ]
    assert _names(green) == ["await_only", "orm_flush", "orm_commit"]
    assert green.inside == task.id
    # One in another, with a coroutine between the two: each where it was called.
    assert _names(tasks["orm in orm"]) == [
        *("sleep", "driver_query", "await_only", "orm_flush", "orm_commit"),
        *("greenlet_spawn", "audit", "await_only", "before_commit", "greenlet_spawn", "request"),
    ]
    assert [frame.coroutine for frame in task.stack] == [
        True,
        True,
        False,
        False,
        False,
        True,
        True,
    ]
    (main,) = (unit for unit in snapshot.units if unit.kind == "main")
    assert main.state == "running"
    assert {thread.current_greenlet for thread in snapshot.threads} == {main.id, None}


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_coroutines_that_cython_compiled(
    version: str, tmp_path: Path, target_python: TargetPython, start_target: StartTarget
) -> None:
    """They have no frames, and the chain goes on through them."""
    python = target_python(version, "cython")
    headers = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('include'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    if not (Path(headers) / "Python.h").exists():
        pytest.skip(f"no headers of CPython {version} here")
    source = tmp_path / "compiled.pyx"
    source.write_text("async def outer(function):\n    await inner(function)\n\n\n"
                      "async def inner(function):\n    await function()\n")  # fmt: skip
    subprocess.run([python, "-m", "cython", "-3", source], check=True)
    compiled(
        source.with_suffix(".c").read_text(), tmp_path / "compiled.so",
        "-shared", "-fPIC", f"-I{headers}",
    )  # fmt: skip
    script = tmp_path / "target.py"
    script.write_text(
        "import asyncio, os, compiled\n"
        "async def leaf(): await asyncio.sleep(1000)\n"
        "async def awaits(): await compiled.outer(leaf)\n"
        "async def main():\n"
        "    tasks = [asyncio.create_task(c) for c in (awaits(), compiled.outer(leaf))]\n"
        "    await asyncio.sleep(0)\n"
        "    print(f'ready pid={os.getpid()}', flush=True)\n"
        "    await asyncio.gather(*tasks)\n"
        "asyncio.run(main())\n"
    )
    seen = take(start_target(python, script).rest().pid)
    assert seen.completeness.complete
    stacks = sorted(_names(unit) for unit in seen.units)
    assert stacks == [["main"], ["sleep", "leaf"], ["sleep", "leaf", "awaits"]]
    assert sorted(unit.wait.on for unit in seen.units if unit.wait) == ["gather", "sleep", "sleep"]


@pytest.mark.parametrize("version", ["3.14", "3.15"])
def test_chains_are_those_of_the_same_versions_own_tool(
    version: str, tmp_path: Path, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    program = start_target(python, "tests/targets/shapes.py", "60", str(tmp_path / "dump"), "tasks")
    theirs = _asyncio_ps(python, program.pid)
    ours = _coroutine_chains(take(program.pid, Options(args=False)))
    assert ours.keys() == theirs.keys()
    assert len(ours) > 60
    for task, (name, chain) in theirs.items():
        found_name, found = ours[task]
        assert found_name == name or not found_name.isascii()  # it garbles those (3.14)
        assert found == chain


# The rows of ``python -m asyncio ps``, before they are cut to columns.
_THEIRS = """
import json, sys
from asyncio.tools import build_task_table, get_all_awaited_by
print(json.dumps(build_task_table(get_all_awaited_by(int(sys.argv[1])))))
"""


def _asyncio_ps(python: Path, pid: int) -> dict[str, tuple[str, list[str]]]:
    """Task id -> name, coroutine stack."""
    done = subprocess.run(
        [python, "-c", _THEIRS, str(pid)], capture_output=True, text=True, check=True
    )
    return {row[1]: (row[2], row[3].split(" -> ")) for row in json.loads(done.stdout)}


def _coroutine_chains(snapshot: Snapshot) -> dict[str, tuple[str, list[str]]]:
    """The same of ours. Their tool follows coroutines only, ours what these await as well."""
    found = {}
    for unit in snapshot.units:
        coroutines = takewhile(
            lambda frame: frame.coroutine and frame.function != "numbers", reversed(unit.stack)
        )
        chain = [frame.function for frame in coroutines][::-1]
        found[unit.id.removeprefix("task:")] = (unit.name, chain)
    return found
