"""Every stack of every unit, compared with what the process says of itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from inspector.capture import Options, take
from tests.programs import every_target

if TYPE_CHECKING:
    from pathlib import Path

    from inspector.snapshot import Frame, Snapshot
    from tests.conftest import StartTarget, TargetPython

SIZES = [pytest.param(120, id="120"), pytest.param(1000, id="1000", marks=pytest.mark.nightly)]


@every_target
@pytest.mark.parametrize("count", SIZES)
def test_nothing_is_missing_and_no_stack_is_wrong(
    version: str, count: int, tmp_path: Path, target_python: TargetPython, start_target: StartTarget
) -> None:
    dump, snapshot = _both(version, count, tmp_path, target_python, start_target, {})

    assert snapshot.completeness.complete, snapshot.completeness
    units = {unit.id: unit for unit in snapshot.units}
    expected: dict[str, Any] = {**dump["greens"], **dump["tasks"]}
    made = expected.pop("made")
    assert made >= count
    assert len(dump["tasks"]) > count
    assert len(dump["greens"]) > count
    assert sorted(expected.keys() - units.keys()) == []
    # Only what dumped, and the loop's own greenlet, was left out by the dump.
    extra = [units[one] for one in units.keys() - expected.keys()]
    assert all(unit.state == "running" for unit in extra), extra
    wrong = [
        (one, fact["stack"], found)
        for one, fact in expected.items()
        if units[one].state != "running"
        and (found := [_plain(frame) for frame in units[one].stack]) != fact["stack"]
    ]
    assert wrong == []
    assert {one: units[one].tid for one in expected} == {
        one: fact["tid"] for one, fact in expected.items()
    }
    names = {one: fact["name"] for one, fact in dump["tasks"].items() if one != "made"}
    assert {one: units[one].name for one in names} == names


@every_target
def test_without_arguments_the_rest_is_the_same(
    version: str, tmp_path: Path, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    program = start_target(python, "tests/targets/shapes.py", "40", str(tmp_path / "dump")).rest()
    full = take(program.pid, Options(args=True))
    lean = take(program.pid, Options(args=False))

    def stacks(snapshot: Snapshot) -> dict[str, list[tuple[str, str, int]]]:
        return {
            unit.id: [(frame.function, frame.file, frame.line) for frame in unit.stack]
            for unit in snapshot.units
        }

    assert stacks(full) == stacks(lean)
    assert all(frame.args is None for unit in lean.units for frame in unit.stack)
    assert full.edges == lean.edges


@every_target
def test_other_allocators_than_pymalloc(
    version: str, tmp_path: Path, target_python: TargetPython, start_target: StartTarget
) -> None:
    for allocator in ("malloc", "debug"):
        env = {"PYTHONMALLOC": allocator}
        dump, snapshot = _both(version, 30, tmp_path, target_python, start_target, env)
        units = {unit.id for unit in snapshot.units}
        expected = {one for one in {**dump["greens"], **dump["tasks"]} if one != "made"}
        assert expected - units == set(), allocator
        assert snapshot.completeness.units_failed == 0


def _both(
    version: str,
    count: int,
    tmp_path: Path,
    target_python: TargetPython,
    start_target: StartTarget,
    env: dict[str, str],
) -> tuple[dict[str, Any], Snapshot]:
    python = target_python(version, "greenlet", "eventlet")
    path = tmp_path / "dump.json"
    program = start_target(python, "tests/targets/shapes.py", str(count), str(path), env=env)
    return json.loads(path.read_text()), take(program.rest().pid, Options(args=True))


def _plain(frame: Frame) -> list[Any]:
    return [frame.function, frame.file, frame.line, dict(frame.args or {})]
