"""Greenlets of every generation of the library: its layout is told by the objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from inspector.capture import take

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StartTarget, TargetPython


@pytest.mark.parametrize(
    ("version", "greenlet", "eventlet"),
    [
        ("3.11", "2.0.2", "0.33.3"),
        ("3.11", "3.0.3", "0.35.2"),
        ("3.12", "3.1.1", "0.38.2"),
        ("3.13", "3.2.4", "0.40.3"),
        ("3.14", "3.2.4", "0.40.3"),
        ("3.14", "3.4.0", "0.41.0"),
    ],
)
def test_stacks_are_right_under_older_ones(
    version: str,
    greenlet: str,
    eventlet: str,
    tmp_path: Path,
    target_python: TargetPython,
    start_target: StartTarget,
) -> None:
    python = target_python(version, f"greenlet=={greenlet}", f"eventlet=={eventlet}", "setuptools")
    path = tmp_path / "dump.json"
    program = start_target(python, "tests/targets/shapes.py", "40", str(path), "greens")
    expected = json.loads(path.read_text())["greens"]
    del expected["made"]
    snapshot = take(program.pid)
    units = {unit.id: unit for unit in snapshot.units}
    assert snapshot.greenlet == greenlet
    assert snapshot.eventlet == eventlet
    assert expected.keys() <= units.keys()
    for one, fact in expected.items():
        if units[one].state != "running":
            found = [[frame.function, frame.file, frame.line] for frame in units[one].stack]
            assert found == [frame[:3] for frame in fact["stack"]]
    kinds = [unit.kind for unit in snapshot.units]
    assert (kinds.count("hub"), kinds.count("main")) == (1, 1)
