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
