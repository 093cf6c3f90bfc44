"""Which units look alike: the same stack, the same kind of wait, and the same below them."""

from __future__ import annotations

from bridge import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from bridge.graph import Graph
    from inspector.snapshot import Frame, Unit


class Groups:
    """Keys under which siblings may be collapsed into one branch with a count.

    A unit that several wait for, or that lies on a cycle, is only like itself: it is drawn
    once and referred to by name. What is left is a forest, so that keys can be made from the
    leaves up, by number.
    """

    def __init__(self, graph: Graph, enabled: bool) -> None:
        self._graph = graph
        self._numbers: dict[Hashable, int] = {}
        self._keys: dict[str, Hashable] = {}
        self._places: dict[int, int] = {}  # by id of the stack
        if enabled:
            for unit in graph.units.values():
                self._visit(unit)

    def key(self, unit: Unit) -> Hashable:
        """Equal for units that look alike."""
        return self._keys.get(unit.id, unit.id)

    def _visit(self, top: Unit) -> None:
        """Give ``top`` and all below it their keys, children before parents."""
        order: list[tuple[Unit, list[Unit]]] = []
        pending = [top]
        while pending:
            unit = pending.pop()
            if unit.id in self._keys:
                continue
            self._keys[unit.id] = unit.id  # what a single one keeps; also ends circles
            if not self._is_single(unit):
                below = self._below(unit)
                order.append((unit, below))
                pending += below
        for unit, below in reversed(order):
            self._keys[unit.id] = self._number(unit, below)

    def _number(self, unit: Unit, below: list[Unit]) -> int:
        look = (
            unit.kind,
            unit.state,
            unit.wait.on if unit.wait else None,
            self._place(unit.stack),
            tuple([self._keys[other.id] for other in below]) if below else (),
        )
        return self._numbers.setdefault(look, len(self._numbers))

    def _place(self, stack: Sequence[Frame]) -> int:
        """Where a stack stands: functions, files and lines. Many units share one object."""
        known = self._places.get(id(stack))
        if known is None:
            place = tuple([frame[:3] for frame in stack])
            known = self._places[id(stack)] = self._numbers.setdefault(place, len(self._numbers))
        return known

    def _is_single(self, unit: Unit) -> bool:
        waiters = self._graph.awaited_by.get(unit.id, ())
        return len(waiters) > 1 or unit.id in self._graph.knots

    def _below(self, unit: Unit) -> list[Unit]:
        """Whom the unit waits for, itself or in the greenlets its stack continues in."""
        graph = self._graph
        edges = list(graph.below(unit.id))
        for part in graph.parts.get(unit.id, ()):
            edges += graph.below(part.id)
        return [graph.units[edge.target] for edge in edges]


def name(members: Sequence[Unit]) -> str:
    """The one name of all members, or what their names begin with and a star."""
    names = [member.name for member in members]
    low, high = min(names), max(names)
    if low == high:
        return low
    length = next((at for at, one in enumerate(low) if one != high[at]), len(low))
    return f"{low[:length]}*"


def state(members: Sequence[Unit]) -> str:
    """What the members wait on: one phrase, a range of times, or an example and a count."""
    phrases = [words.state(member) for member in members]
    if all(phrase == phrases[0] for phrase in phrases):
        return phrases[0]
    waits = [member.wait for member in members]
    left = [wait.seconds_left for wait in waits if wait and wait.seconds_left is not None]
    if len(left) == len(members) and all(wait and wait.on == "sleep" for wait in waits):
        return f"sleeping, {min(left):.1f} to {max(left):.1f} s left"
    others = len(set(phrases)) - 1
    return f"{phrases[0]}; {others:,} {'other' if others == 1 else 'others'} like it"
