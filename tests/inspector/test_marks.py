"""What tells looks apart that show the same: who has run in between, and which loop has turned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from inspector.capture import Options, take
from tests.programs import every_target, wait_until

if TYPE_CHECKING:
    from inspector.snapshot import Snapshot
    from tests.conftest import StartTarget, TargetPython
    from tests.programs import Program


class Sick(Protocol):
    def __call__(self, version: str, ailment: str) -> Program: ...


@pytest.fixture
def sick(target_python: TargetPython, start_target: StartTarget) -> Sick:
    def sick(version: str, ailment: str) -> Program:
        python = target_python(version, "greenlet", "eventlet")
        return start_target(
            python, "tests/targets/sick.py", ailment, env={"PYTHONWARNINGS": "ignore"}
        )

    return sick


def _look(program: Program) -> Snapshot:
    return take(program.pid, Options(marks=True))


def _began(program: Program) -> float | None:
    turn = _look(program).turns.get(program.pid)
    return turn and turn.began


def _turns(program: Program) -> None:
    """Wait until it has been seen in several turns."""
    seen: set[float] = set()

    def several() -> bool:
        began = _began(program)
        if began is not None:
            seen.add(began)
        return len(seen) > 3

    wait_until(several)


@every_target
def test_a_loop_is_in_the_same_turn_until_it_turns(version: str, sick: Sick) -> None:
    blocked = sick(version, "busy")
    first, second = _look(blocked).turns[blocked.pid], _look(blocked).turns[blocked.pid]
    assert first.began == second.began
    assert first.age < second.age
    _turns(sick(version, "gives_way"))


@pytest.mark.parametrize("ailment", ["green_sleep", "green_spin"])
def test_a_hub_is_in_the_same_turn_until_it_turns(ailment: str, sick: Sick) -> None:
    blocked = sick("3.14", ailment)
    assert _began(blocked) == _began(blocked) is not None
    _turns(sick("3.14", "green_gives_way"))


@every_target
def test_who_stands_still_keeps_its_mark(version: str, sick: Sick) -> None:
    still = sick(version, "healthy").rest()
    assert _look(still).marks == _look(still).marks != {}


@every_target
@pytest.mark.parametrize("ailment", ["asks", "green_asks"])
def test_who_comes_by_again_has_other_marks(version: str, ailment: str, sick: Sick) -> None:
    running = sick(version, ailment)
    seen: dict[str, set[int]] = {}

    def several() -> bool:
        for unit, mark in _look(running).marks.items():
            seen.setdefault(unit, set()).add(mark)
        return any(len(marks) > 2 for marks in seen.values())

    wait_until(several)


def test_of_a_deep_stack_the_ends_are_looked_at(
    target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python("3.14", "greenlet", "eventlet")
    program = start_target(python, "tests/targets/deep.py", "5000", "green")
    assert _look(program.rest()).marks == _look(program).marks != {}


def test_nothing_is_read_for_it_unless_asked(sick: Sick) -> None:
    seen = take(sick("3.14", "healthy").pid)
    assert (seen.marks, seen.turns) == ({}, {})
