"""One graph of everything that can wait, both worlds in it: the ground of every view.

Nothing here recurses and every order follows the snapshot, so a chain of any length and
a graph of any shape give the same graph twice.
"""

from __future__ import annotations

from inspector.edges import FIRST, LATER, SEMAPHORE
from inspector.record import Record
from inspector.snapshot import Unit, Wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from inspector.snapshot import Edge, Snapshot

# Means of waiting for what the target holds, and not for the target to end.
INDIRECT = frozenset({"lock", SEMAPHORE})

# Means of waiting for several units of which one is enough.
ANY_OF = frozenset({FIRST, SEMAPHORE})

# How many edges the search for shortest cycles may look at: a target can hold any graph.
_CYCLE_BUDGET = 2_000_000


class Graph(Record):
    """Units and who waits for whom, both ways.

    ``units`` holds the snapshot's units and, after them, one of kind "main" for each OS
    thread whose stack no unit shows (id "thread:TID"), since a view of a process without
    its plain threads is not whole.
    """

    snapshot: Snapshot
    units: Mapping[str, Unit]
    waits_for: Mapping[str, Sequence[Edge]]  # by waiter; units without an edge are absent
    awaits_later: Mapping[str, Sequence[Edge]]  # the same, of those that do other things yet
    awaited_by: Mapping[str, Sequence[Edge]]  # by target, now or later
    parts: Mapping[str, Sequence[Unit]]  # by task: greenlets in which its stack continues
    knots: Mapping[str, int]  # unit on a cycle -> number of its strongly connected component
    cycles: Sequence[Sequence[str]]  # paths, the start repeated at the end
    calls: Mapping[str, str]  # unit that its thread is at -> the system call in which that is

    def awaiters(self, unit: str) -> list[Unit]:
        """Who waits for ``unit`` itself (and not for a lock that it holds), each once."""
        edges = self.awaited_by.get(unit, ())
        if len(edges) == 1 and edges[0].via not in INDIRECT:
            return [self.units[edges[0].waiter]]
        waiters = [edge.waiter for edge in edges if edge.via not in INDIRECT]
        if len(waiters) > 1:
            waiters = list(dict.fromkeys(waiters))
        return [self.units[waiter] for waiter in waiters]

    def below(self, unit: str) -> Sequence[Edge]:
        """The edges along which a picture goes on from ``unit``."""
        now, later = self.waits_for.get(unit, ()), self.awaits_later.get(unit)
        return [*now, *later] if later else now

    def roots(self) -> list[str]:
        """The units to start from: what nobody outside its own cycle waits for.

        What only keeps a thread going (a hub, a main stack that waits for nothing in the
        graph) comes last.
        """
        # Circles in the picture, also those that hold nobody.
        waiting = [
            unit for unit in self.units if unit in self.waits_for or unit in self.awaits_later
        ]
        circles = _numbered(
            _components({unit: [edge.target for edge in self.below(unit)] for unit in waiting})
        )
        waited_for = {
            target
            for target, edges in self.awaited_by.items()
            if target not in circles
            or any(circles.get(edge.waiter) != circles[target] for edge in edges)
        }
        # A component is reached from outside if any of its units is.
        reached = {circles[unit] for unit in waited_for if unit in circles}
        spliced = {part.id for parts in self.parts.values() for part in parts}
        first: list[str] = []
        last: list[str] = []
        for identity, unit in self.units.items():
            knot = circles.get(identity)
            if identity in waited_for or identity in spliced or knot in reached:
                continue
            if knot is not None:
                reached.add(knot)  # its first unit stands for the whole component
            machinery = unit.kind in ("hub", "main") and identity not in self.waits_for
            (last if machinery else first).append(identity)
        return first + last

    def same_knot(self, one: str, other: str) -> bool:
        """Whether an edge between the two lies on a cycle."""
        return one in self.knots and self.knots[one] == self.knots.get(other)


def build(snapshot: Snapshot) -> Graph:
    """The graph of one process. Edges to units that the snapshot lacks are left out."""
    units = {unit.id: unit for unit in snapshot.units}
    units.update((unit.id, unit) for unit in _plain_threads(snapshot))
    waits_for: dict[str, list[Edge]] = {}
    awaits_later: dict[str, list[Edge]] = {}
    awaited_by: dict[str, list[Edge]] = {}
    place = {unit: number for number, unit in enumerate(units)}
    known = (
        edge
        for edge in dict.fromkeys(snapshot.edges)
        if edge.waiter in units and edge.target in units
    )
    for edge in sorted(known, key=lambda edge: (place[edge.waiter], place[edge.target])):
        kept = awaits_later if edge.via == LATER else waits_for
        kept.setdefault(edge.waiter, []).append(edge)
        awaited_by.setdefault(edge.target, []).append(edge)
    parts: dict[str, list[Unit]] = {}
    for unit in snapshot.units:
        # Only this way round: a task that runs on a greenlet's stack is not a part of it.
        if unit.kind == "green" and unit.inside in units and units[unit.inside].kind == "task":
            parts.setdefault(unit.inside, []).append(unit)
    # Who runs, or moved while it was read, is caught in nothing: its edges may be of two moments.
    targets = {
        unit: list(dict.fromkeys(edge.target for edge in waits_for[unit]))
        for unit, one in units.items()
        if unit in waits_for and one.state == "waiting" and not one.moving
    }
    any_of = {unit for unit in targets if waits_for[unit][0].via in ANY_OF}
    targets = _stuck(targets, any_of)
    knots = _numbered(_components(targets))
    cycles = _cycles(targets, knots)
    calls = {
        unit: thread.system_call
        for thread in snapshot.threads
        if thread.system_call and not thread.holds_gil
        for unit in (thread.current_task, thread.current_greenlet)
        if unit
    }
    return Graph(snapshot, units, waits_for, awaits_later, awaited_by, parts, knots, cycles, calls)


def _stuck(targets: dict[str, list[str]], any_of: AbstractSet[str]) -> dict[str, list[str]]:
    """Those of ``targets`` that wait, at the end, for nobody who can go on.

    Who waits for several waits for all of them, but for the units in ``any_of``, which go on
    with the first. A cycle that one of these can leave holds nobody.
    """
    if not any_of:
        return targets  # as mostly: then every cycle holds whom it goes through
    waiters: dict[str, list[str]] = {}
    left = {}
    for unit, others in targets.items():
        left[unit] = 1 if unit in any_of else len(others)
        for other in others:
            waiters.setdefault(other, []).append(unit)
    free = [unit for unit in waiters if unit not in targets]
    while free:
        for waiter in waiters.get(free.pop(), ()):
            left[waiter] -= 1
            if left[waiter] == 0:
                free.append(waiter)
    return {unit: others for unit, others in targets.items() if left[unit] > 0}


def _plain_threads(snapshot: Snapshot) -> Iterator[Unit]:
    shown = {unit.tid for unit in snapshot.units if unit.kind == "main"}
    for thread in snapshot.threads:
        if thread.tid not in shown:
            call = None if thread.holds_gil else thread.system_call
            yield Unit(
                id=f"thread:{thread.tid}",
                kind="main",
                type="thread",
                name=thread.name or ("MainThread" if thread.tid == snapshot.pid else "thread"),
                tid=thread.tid,
                state="running" if thread.holds_gil else "waiting",
                stack=thread.stack,
                wait=Wait("unknown", f"in {call}") if call else None,
            )


def _components(targets: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The strongly connected components that hold a cycle (Tarjan's, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    open_: dict[str, None] = {}  # Tarjan's stack; a dict for the membership test
    found = []
    for start in targets:
        if start in index:
            continue
        work = [(start, iter(targets[start]))]
        index[start] = low[start] = len(index)
        open_[start] = None
        while work:
            node, successors = work[-1]
            for successor in successors:
                if successor not in targets:
                    continue  # it waits for nobody: most do not
                if successor not in index:
                    index[successor] = low[successor] = len(index)
                    open_[successor] = None
                    work.append((successor, iter(targets[successor])))
                    break
                if successor in open_:
                    low[node] = min(low[node], index[successor])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == index[node]:
                    members: list[str] = []
                    while not members or members[-1] != node:
                        members.append(open_.popitem()[0])
                    if len(members) > 1 or node in targets.get(node, ()):
                        found.append(members)
    return found


def _numbered(components: Sequence[Sequence[str]]) -> dict[str, int]:
    return {unit: number for number, members in enumerate(components) for unit in members}


def _cycles(
    targets: Mapping[str, Sequence[str]], knots: Mapping[str, int]
) -> tuple[tuple[str, ...], ...]:
    """A shortest cycle through each unit that lies on one, those already named left out.

    All elementary cycles may be exponentially many; these name every unit that is caught.
    """
    inner = {
        unit: [other for other in targets[unit] if knots.get(other) == knot]
        for unit, knot in knots.items()
    }
    lookup = {unit: frozenset(others) for unit, others in inner.items()}
    named: set[str] = set()
    named_knots: set[int] = set()
    cycles = []
    budget = _CYCLE_BUDGET
    for start in targets:  # in the snapshot's order
        if start not in knots or start in named:
            continue
        if budget < 0 and knots[start] in named_knots:
            continue  # at least one for each component, whatever it costs
        came_from: dict[str, str] = {}
        queue = [start]
        for node in queue:  # which grows meanwhile
            if start in lookup[node]:
                break
            budget -= len(inner[node])
            for other in inner[node]:
                if other not in came_from and other != start:
                    came_from[other] = node
                    queue.append(other)
        path = [start, node]
        while path[-1] != start:
            path.append(came_from[path[-1]])
        cycles.append(tuple(reversed(path)))
        named.update(path)
        named_knots.add(knots[start])
    return tuple(cycles)
