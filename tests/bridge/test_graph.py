from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import graph
from inspector.snapshot import Edge, Frame, Thread
from tests.bridge.snapshots import edges, green, identity, snapshot, task


def of(waits: dict[str, list[str]], extra: str = "") -> graph.Graph:
    names = dict.fromkeys([*waits, *(name for targets in waits.values() for name in targets)])
    units = [task(name) for name in [*names, *extra]]
    return graph.build(snapshot(units, edges(waits)))


def names(one: graph.Graph, identities: object) -> list[str]:
    assert isinstance(identities, list | tuple)
    return [one.units[identity].name for identity in identities]


def test_edges_are_known_both_ways() -> None:
    one = of({"a": ["b", "c"], "d": ["c"]})
    assert [edge.target for edge in one.waits_for[identity("a")]] == [identity("b"), identity("c")]
    assert [unit.name for unit in one.awaiters(identity("c"))] == ["a", "d"]
    assert list(one.awaiters(identity("a"))) == []


def test_roots_are_what_nobody_waits_for() -> None:
    one = of({"a": ["b"], "c": ["b"]}, extra="e")
    assert names(one, one.roots()) == ["a", "c", "e"]


def test_a_cycle_that_nobody_else_waits_for_has_its_first_unit_as_root() -> None:
    one = of({"a": ["b"], "b": ["c"], "c": ["b"], "x": ["y"], "y": ["x"]})
    assert names(one, one.roots()) == ["a", "x"]


def test_edges_to_units_that_are_gone_are_left_out() -> None:
    one = graph.build(snapshot([task("a")], edges({"a": ["gone"], "gone": ["a"]})))
    assert not one.waits_for
    assert names(one, one.roots()) == ["a"]


def test_cycles_are_exact_across_both_worlds() -> None:
    units = [task("t"), green("g"), green("h"), task("far")]
    t, g, h, far = (unit.id for unit in units)
    one = graph.build(
        snapshot(
            units,
            [
                Edge(far, t, "awaits"),
                Edge(t, g, "await GreenThread"),
                Edge(g, h, "GreenThread.wait"),
                Edge(h, t, "spawn_for_awaitable"),
            ],
        )
    )
    assert one.cycles == ((t, g, h, t),)
    assert names(one, one.roots()) == ["far"]
    assert one.same_knot(g, h)
    assert not one.same_knot(far, t)


def test_a_unit_that_waits_for_itself_is_a_cycle() -> None:
    assert of({"a": ["a"]}).cycles == ((identity("a"), identity("a")),)


def test_every_unit_that_is_caught_is_on_some_cycle() -> None:
    # Two circles that share one unit: the shortest circle through each.
    one = of({"a": ["b", "c"], "b": ["a"], "c": ["d"], "d": ["a"]})
    assert [names(one, cycle) for cycle in one.cycles] == [
        ["a", "b", "a"],
        ["c", "d", "a", "c"],
    ]


def test_a_ring_of_ten_thousand_is_one_cycle() -> None:
    ring = [f"u{i}" for i in range(10_000)]
    one = of({name: [after] for name, after in pairwise([*ring, ring[0]])})
    assert names(one, one.cycles[0]) == [*ring, ring[0]]
    assert len(one.cycles) == 1


def test_a_star_of_cycles_costs_no_square() -> None:
    spokes = [f"s{i}" for i in range(5_000)]
    one = of({"hub": spokes, **{spoke: ["hub"] for spoke in spokes}})
    assert len(one.cycles) == len(spokes)


def test_threads_whose_stack_no_unit_shows_are_units() -> None:
    stack = (Frame("run", "/x.py", 1),)
    threads = [Thread(tid, None, False, None, None, stack) for tid in (1, 2)]
    one = graph.build(snapshot([green("main", kind="main", tid=2)], threads=threads))
    assert [unit.name for unit in one.units.values()] == ["main", "MainThread"]
    assert one.units["thread:1"].stack == stack


def test_machinery_comes_after_what_it_runs() -> None:
    units = [green("hub", kind="hub"), green("main", kind="main"), task("work"), task("x")]
    waits = [Edge(units[1].id, units[2].id, "GreenThread.wait")]
    one = graph.build(snapshot(units, waits))
    assert names(one, one.roots()) == ["main", "x", "hub"]


NUMBERS = st.integers(0, 7).map(str)


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=24))
def test_cycles_and_roots_of_any_graph(pairs: list[tuple[str, str]]) -> None:
    waits: dict[str, list[str]] = {}
    for waiter, target in pairs:
        waits.setdefault(waiter, []).append(target)
    one = of(waits)
    follows = {(edge.waiter, edge.target) for found in one.waits_for.values() for edge in found}
    for cycle in one.cycles:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert set(pairwise(cycle)) <= follows
    # The oracle: a unit is caught if it reaches itself.
    reach = {unit: {target for waiter, target in follows if waiter == unit} for unit in one.units}
    for _ in one.units:
        for targets in reach.values():
            targets.update(*(reach[target] for target in list(targets)))
    assert {unit for cycle in one.cycles for unit in cycle} == {
        unit for unit in one.units if unit in reach[unit]
    }
    shown = set(one.roots()).union(*(reach[root] for root in one.roots()))
    assert shown == set(one.units)
    # No root is waited for by anybody who does not wait for it in turn.
    for root in one.roots():
        assert all(waiter in reach[root] for waiter, target in follows if target == root)


@pytest.mark.parametrize("stirs", [{"moving": True}, {"state": "running"}, {"state": "runnable"}])
def test_who_moves_or_runs_is_caught_in_no_cycle(stirs: dict[str, Any]) -> None:
    units = [task("a"), task("b", **stirs)]
    one = graph.build(snapshot(units, edges({"a": ["b"], "b": ["a"]})))
    assert one.cycles == ()
    assert one.waits_for.keys() == {unit.id for unit in units}
