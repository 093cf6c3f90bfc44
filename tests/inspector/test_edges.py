"""Who cannot go on before whom: a circle is a deadlock only if nobody can leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge import graph
from inspector.capture import take
from tests.live import document, migrate
from tests.programs import every_target

if TYPE_CHECKING:
    from tests.conftest import StartTarget, TargetPython

CIRCLES = "tests/targets/circles.py"


@every_target
def test_deadlocks_are_those_that_nobody_can_leave(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version), CIRCLES).rest()
    snapshot = take(program.pid)
    names = {unit.id: unit.name for unit in snapshot.units}
    seen = graph.build(snapshot)
    caught = {names[unit] for unit in seen.knots}
    held = {name for name in names.values() if name.startswith("held_")}
    assert len(held) == 18
    assert caught == held
    assert {names[unit] for path in seen.cycles for unit in path} == held
    # Each with its own child: there is one edge and one lock between the two.
    edges = {(names[e.waiter], names[e.target]): e.via for e in snapshot.edges}
    assert edges.pop(("held_self", "held_self")) == "awaits"
    assert edges.pop(("held_alone", "held_alone")) == "lock"
    for parent in (name for name in held if not name.endswith((".child", "_self", "_alone"))):
        via = "first of" if parent == "held_first" else "awaits"
        assert edges[parent, f"{parent}.child"] == via
        via = "semaphore" if parent == "held_semaphore" else "lock"
        assert edges[f"{parent}.child", parent] == via


@every_target
def test_who_does_other_things_yet_waits_for_nobody(
    version: str, target_python: TargetPython, start_target: StartTarget
) -> None:
    program = start_target(target_python(version), CIRCLES).rest()
    (process,) = document("ps", program.pid)["processes"]
    names = {unit["id"]: unit["name"] for unit in process["units"]}
    edges, later = (
        {(names[e["waiter"]], names[e["target"]]) for e in process[key]}
        for key in ("edges", "awaits_later")
    )
    tree = migrate("pstree", "--no-args", program.pid).stdout
    for parent in ("free_group", "free_gather", "free_shield"):
        assert (parent, f"{parent}.child") not in edges
        assert (f"{parent}.child", parent) in edges
        # From 3.14 on CPython notes whose it is, so that the picture can show it there.
        if version >= "3.14":
            assert f"(T) {parent}.child  via awaits later" in tree
            assert (parent, f"{parent}.child") in later
    for parent in ("free_first", "free_completed"):
        # Before 3.13 as_completed leaves no way from the task to what it waits for.
        if version >= "3.13" or parent == "free_first":
            assert (parent, f"{parent}.child") in edges
    for parent in ("free_group", "free_gather", "free_shield", "free_first", "free_completed"):
        assert tree.count(f"(T) {parent}.child") == 1
