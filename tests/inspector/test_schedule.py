"""Which green threads the hub will go on with, as its timers say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.capture import take
from tests.programs import every_target

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython


@every_target
def test_what_an_event_was_sent_is_not_who_waits_for_it(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    program = start_target(python, "tests/targets/handed_over.py").rest()
    states = {unit.name: unit.state for unit in take(program.pid).units}
    assert states["receiver"] == "runnable"
    assert states["handed_over"] == "waiting"
