"""Whose end wakes whom, where a program ties units together by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge import graph
from inspector.capture import take
from tests.programs import every_target

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython


@every_target
def test_units_that_are_tied_by_hand(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    python = target_python(version, "greenlet", "eventlet")
    target = "tests/targets/woken_by_hand.py"
    snapshot = take(start_target(python, target, env={"EVENTLET_HUB": "asyncio"}).rest().pid)
    names = {unit.id: unit.name for unit in snapshot.units}
    edges = {(names[edge.waiter], names[edge.target], edge.via) for edge in snapshot.edges}
    tied = {name for name in names.values() if name.startswith("tied_")}
    assert len(tied) == 9
    for name in tied:
        assert (name, name.partition("__")[2], "done callback") in edges
    assert not [edge for edge in edges if edge[0].startswith("free_")]
    assert {name for name in names.values() if name.startswith("free_")}
    (cycle,) = graph.build(snapshot).cycles
    assert {names[unit] for unit in cycle} == {"tied_to_its_waiter__held", "held"}
