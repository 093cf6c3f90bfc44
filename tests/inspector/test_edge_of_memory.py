"""Where memory ends right behind an object, nothing behind it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.capture import take
from tests.programs import every_target

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython


@every_target
def test_what_is_awaited_may_be_the_last_object_of_its_memory(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version), "tests/targets/edge_of_memory.py").rest()
    snapshot = take(program.pid)
    units = {unit.name: unit for unit in snapshot.units}
    assert snapshot.completeness.complete
    assert [frame.function for frame in units["at the edge"].stack] == ["wait"]
    assert units["at the edge"].state == "waiting"
