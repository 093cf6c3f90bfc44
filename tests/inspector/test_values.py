"""Argument values as they are shown: bounded, cut, and true."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from inspector.capture import take
from tests.programs import every_target

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartTarget, TargetPython


@every_target
def test_odd_values(
    version: str, target_python: TargetPython, start_target: StartTarget, tmp_path: Path
) -> None:
    path = tmp_path / "shown"
    program = start_target(target_python(version), "tests/targets/odd_values.py", str(path)).rest()
    units = {unit.name: unit for unit in take(program.pid).units}
    expected = json.loads(path.read_text())
    assert len(expected) > 20
    assert {name: units[name].stack[0].args for name in expected} == {
        name: {"value": text} for name, text in expected.items()
    }


@every_target
def test_names_that_are_cut_say_so(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version), "tests/targets/long_names.py").rest()
    units = {unit.name: unit for unit in take(program.pid).units}
    assert "whole" + "x" * 1019 in units
    assert "cut" + "é" * 1021 + "..." in units
    assert "wide cut" + "\U0001f600" * 1016 + "..." in units
    shown = {name: units[f"{name} function"].stack[0] for name in ("whole", "cut")}
    assert (shown["whole"].function, shown["whole"].file) == ("y" * 4093, "y" * 4093 + ".py")
    assert shown["cut"].function == shown["cut"].file == "y" * 4096 + "..."
