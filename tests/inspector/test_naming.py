"""What green threads are called, however they were started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.capture import take
from tests.programs import every_target

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython


@every_target
def test_by_the_function_that_they_run(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    program = start_target(python, "tests/targets/names_eventlet.py")
    names = sorted(unit.name for unit in take(program.pid).units if unit.kind == "green")
    assert names == sorted(
        [
            *("spawned", "Service.serve", "partly", "behind_a_wrapper", "unpooled", "late"),
            *("pooled_in_turn", "pooled", "Service.__call__", "piled"),
            *("Callable.__call__", "Abstract", "partial.__call__"),
            *("threaded", "renamed", "Worker.run", "_worker"),
        ]
    )
