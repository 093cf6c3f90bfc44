"""Arguments that are decoded later: the same as at once, also when the process is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.capture import Options, take
from tests.programs import every_target

if TYPE_CHECKING:
    from pathlib import Path

    from inspector.snapshot import Frame, Snapshot
    from tests.conftest import StartTarget, TargetPython

LATER = Options(late=True)


def stacks(snapshot: Snapshot) -> dict[str, tuple[Frame, ...]]:
    late = snapshot.arguments
    return {
        unit.id: late.stack(unit.id) if late and unit.id in late else unit.stack
        for unit in snapshot.units
    }


@every_target
def test_every_value_was_read_with_the_rest(
    version: str, target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    """Of values of all kinds and sizes, and of green threads."""
    odd = ("tests/targets/odd_values.py", str(tmp_path / "shown"))
    shapes = ("tests/targets/shapes.py", "60", str(tmp_path / "dump"))
    for script, *arguments in (odd, shapes):
        python = target_python(version, "greenlet", "eventlet")
        program = start_target(python, script, *arguments).rest()
        expected = stacks(take(program.pid))
        later = take(program.pid, LATER)
        program.end()
        assert later.arguments is not None
        assert sum(unit.id in later.arguments for unit in later.units) > 20
        assert stacks(later) == expected


def test_what_is_alike(target_python: TargetPython, start_target: StartTarget) -> None:
    """By where the values are, or by what they are."""
    python = target_python("3.14")
    program = start_target(python, "tests/targets/asyncio_shapes.py", "many", "3").rest()
    later = take(program.pid, LATER).arguments
    assert later is not None
    units = {unit.name: unit for unit in take(program.pid).units}
    one, other = units["unit-1"], units["unit-2"]
    assert [frame.function for frame in one.stack] == ["sleep", "rest"]
    assert [later.alike([one.id, other.id], place) for place in (0, 1)] == [True, False]
