"""What is read in the middle of a change is said to move, and what has ended is not missed.

A process at rest is made to look as it does for a moment while it runs, by writing to its memory.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inspector.attach import attach
from inspector.capture import Capture, take
from inspector.settle import settle
from tests.programs import every_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inspector.snapshot import Unit
    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program

SCRIPT = """\
import asyncio, os
async def inner(): await asyncio.Event().wait()
async def outer(coroutine): await coroutine
async def main():
    coroutine = inner()
    task = asyncio.create_task(outer(coroutine), name="outer")
    await asyncio.sleep(0.1)
    places = {"task": task, "own": task.get_coro(), "inner": coroutine, "dict": dict}
    print("ready", f"pid={os.getpid()}", *(f"{name}={id(one)}" for name, one in places.items()),
          flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
ENDED = {"3.15": 5}  # FRAME_CLEARED, 4 before


@pytest.fixture
def program(
    version: str, target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> Program:
    script = tmp_path / "awaits.py"
    script.write_text(SCRIPT)
    return start_target(target_python(version), script).rest()


@every_target
def test_who_awaits_what_has_ended_moves(version: str, program: Program) -> None:
    unit = outer(program)
    assert not unit.moving
    assert [frame.function for frame in unit.stack] == ["Event.wait", "inner", "outer"]
    state = offset(program, "gen.gi_frame_state")
    for place in ("inner", "own"):
        ended = bytes([ENDED.get(version, 4)])
        with written(program, int(program.ready[place]) + state, ended):
            assert outer(program).moving, place


@every_target
def test_who_awaits_memory_that_is_something_else_by_now_moves(
    version: str, program: Program
) -> None:
    kind = int(program.ready["dict"]).to_bytes(8, "little")
    for place in ("inner", "own"):
        with written(program, int(program.ready[place]) + 8, kind):
            assert outer(program).moving, place
    assert not outer(program).moving


@pytest.mark.parametrize("version", ["3.11", "3.14"])
def test_what_has_ended_since_it_was_listed_is_not_missing(version: str, program: Program) -> None:
    task = int(program.ready["task"])
    with written(program, task + offset(program, "task.coro"), (64).to_bytes(8, "little")):
        target = attach(program.pid)
        try:
            capture = Capture(target, arguments=False)
            capture.read()
            assert list(capture.failed_tasks) == [task]
            capture.failed_tasks[4096] = None  # listed once, and neither there nor listed now
            settle(capture, None)
            assert list(capture.failed_tasks) == [task]
        finally:
            target.close()


def outer(program: Program) -> Unit:
    (unit,) = [unit for unit in take(program.pid).units if unit.name == "outer"]
    return unit


def offset(program: Program, name: str) -> int:
    target = attach(program.pid)
    try:
        return target.layout.at[name]
    finally:
        target.close()


@contextmanager
def written(program: Program, address: int, data: bytes) -> Iterator[None]:
    """Have other bytes in the program's memory for a while."""
    with Path(f"/proc/{program.pid}/mem").open("r+b", buffering=0) as memory:
        memory.seek(address)
        before = memory.read(len(data))
        try:
            memory.seek(address)
            memory.write(data)
            yield
        finally:
            memory.seek(address)
            memory.write(before)
