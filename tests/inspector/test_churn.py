"""What is at rest is read right, whatever goes on beside it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from inspector.capture import Options, take
from tests.programs import every_target

if TYPE_CHECKING:
    from inspector.snapshot import Snapshot, Unit
    from tests.conftest import StartTarget, TargetPython

QUIET = 200
SNAPSHOTS = [
    pytest.param(12, id="12"),
    pytest.param(200, id="200", marks=pytest.mark.nightly),
]


@every_target
@pytest.mark.parametrize("world", ["tasks", "greens"])
@pytest.mark.parametrize("snapshots", SNAPSHOTS)
def test_quiet_units_are_right_in_every_snapshot(
    version: str,
    world: str,
    snapshots: int,
    target_python: TargetPython,
    start_target: StartTarget,
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    program = start_target(python, "tests/targets/churn.py", world, str(QUIET))
    for _ in range(snapshots):
        snapshot = take(program.pid, Options(args=True))
        quiet = _quiet(snapshot)
        assert sorted(quiet) == list(range(QUIET)), snapshot.completeness
        for number, unit in quiet.items():
            assert _functions(unit) == Counter(quiet=number % 5 + 1, quiet_leaf=1), unit
            assert not unit.moving
        _no_wrong_stacks(snapshot)


@every_target
@pytest.mark.parametrize("turns", ["5", "50"])
@pytest.mark.parametrize("depth", ["0", "30", "300"])
@pytest.mark.parametrize("snapshots", SNAPSHOTS)
def test_the_stack_of_a_busy_thread_is_of_one_moment(
    version: str,
    depth: str,
    turns: str,
    snapshots: int,
    target_python: TargetPython,
    start_target: StartTarget,
) -> None:
    program = start_target(target_python(version), "tests/targets/busy.py", depth, turns)
    for _ in range(snapshots):
        (thread,) = take(program.pid).threads
        functions = [frame.function for frame in reversed(thread.stack)]
        side = functions[1] if functions[1:] else "left"
        moment = ["<module>", *[side] * (int(depth) + 1), f"{side}_leaf", "add"]
        assert functions == moment[: len(functions)]


def test_frozen_is_exact(target_python: TargetPython, start_target: StartTarget) -> None:
    for world in ("tasks", "greens"):
        python = target_python("3.14", "greenlet", "eventlet")
        program = start_target(python, "tests/targets/churn.py", world, str(QUIET))
        for _ in range(5):
            snapshot = take(program.pid, Options(args=False, freeze=True))
            assert snapshot.completeness.complete, snapshot.completeness
            assert snapshot.completeness.frozen
            assert len(_quiet(snapshot)) == QUIET


def _quiet(snapshot: Snapshot) -> dict[int, Unit]:
    """Quiet units by the number that their functions were called with."""
    found: dict[int, Unit] = {}
    for unit in snapshot.units:
        for frame in unit.stack:
            if frame.function.endswith("quiet_leaf"):
                number = int((frame.args or {}).get("number", len(found)))
                assert number not in found
                found[number] = unit
    return found


def _functions(unit: Unit) -> Counter[str]:
    names = Counter(frame.function.rpartition(".")[2] for frame in unit.stack)
    return Counter({name: names[name] for name in ("quiet", "quiet_leaf") if name in names})


def _no_wrong_stacks(snapshot: Snapshot) -> None:
    """What was not flagged as moving has the frames of one kind of unit, in order."""
    for unit in snapshot.units:
        if unit.moving or unit.state == "running":
            continue
        names = [frame.function.rpartition(".")[2] for frame in unit.stack]
        assert not {"quiet_leaf", "flicker"} <= set(names), unit
        assert not {"flicker", "churn"} <= set(names), unit
