"""``pstree``: who waits for whom, with the calls that lead there. Drawn from the roots down.

Every unit is drawn exactly once and referred to afterwards, lines are made one at a time
without recursion, and the indentation is bounded: the size of the picture is linear in the
number of units, whatever the shape of the graph.
"""

from __future__ import annotations

from bridge import groups, words
from bridge.escape import cut, fit, width
from bridge.graph import INDIRECT
from bridge.groups import Groups
from bridge.style import Style
from inspector.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from bridge.graph import Graph
    from inspector.snapshot import Frame, Unit

GROUP_ABOVE = 50  # units; from here on identical stacks are collapsed unless asked otherwise
_FOLD_AT = 240  # characters of indentation; deeper lines start again at the margin
_LONGEST_CALL = 200  # cells
_SHORTEST_CALL = 16  # cells; where there are fewer, a terminal does not show the place


class Options(Record):
    """What to draw. ``depth`` counts units below a root, None for all of them."""

    depth: int | None = None
    args: bool = True
    show_secrets: bool = False
    frames: bool = True
    library: bool = True
    group: bool | None = None  # None: above GROUP_ABOVE units


class _Child(Record):
    """Somebody whom a branch waits for, and how."""

    unit: Unit
    via: str
    cyclic: bool  # the edge lies on a cycle


class _Branch(Record):
    """Units still to draw as one, several when they look alike, and where."""

    members: Sequence[Unit]
    prefix: str
    last: bool
    depth: int  # of units
    level: int  # of lines, those of calls included
    via: str
    cyclic: bool


class _Step(Record):
    """One line of a unit's own branch: a call, or (no frame) the header of a part."""

    unit: Unit
    frame: Frame | None
    place: int  # of the frame in the unit's stack
    call: str = ""  # the frame's, as it is shown when the unit is drawn alone


def lines(
    graph: Graph,
    options: Options = Options(),  # noqa: B008 - frozen
    style: Style = Style(),  # noqa: B008 - frozen
) -> Iterator[str]:
    """The tree, then one line for each cycle, without line ends."""
    drawn = _Drawing(graph, options, style).lines()
    if style.width is None:
        yield from drawn
    else:
        yield from (fit(line, style.width, style.ellipsis) for line in drawn)
    for path in graph.cycles:
        yield style.paint(f"cycle: {words.cycle(graph, path, style)}", "alarm")


class _Drawing:
    def __init__(self, graph: Graph, options: Options, style: Style) -> None:
        self._graph = graph
        self._options = options
        self._style = style
        crowded = len(graph.units) > GROUP_ABOVE
        self._groups = Groups(graph, crowded if options.group is None else options.group)
        self._parts = {part.id for parts in graph.parts.values() for part in parts}
        self._drawn: set[str] = set()
        self._hidden: set[str] = set()  # only to be seen at a greater depth
        self._fold_at = _FOLD_AT if style.width is None else min(_FOLD_AT, style.width // 2)
        self._stack: list[_Branch] = []  # what is still to draw, the next one last
        self._places: dict[tuple[str, int], str] = {}  # of calls, as they are shown

    def lines(self) -> Iterator[str]:
        units = self._graph.units
        yield from self._forest([units[root] for root in self._graph.roots()])
        # Nothing may be missing, however odd the edges of a torn snapshot are.
        for unit in sorted(units.values(), key=lambda unit: unit.id in self._parts):
            if unit.id not in self._drawn and unit.id not in self._hidden:
                yield from self._forest([unit])

    def _forest(self, roots: Sequence[Unit]) -> Iterator[str]:
        self._push([_Child(root, "", False) for root in roots], "", 0, 0)
        while self._stack:
            branch = self._stack.pop()
            first = branch.members[0].id
            if self._options.depth is not None and branch.depth > self._options.depth:
                yield self._more(branch)
            elif first in self._drawn or self._belongs_elsewhere(branch):
                yield self._reference(branch)
            else:
                yield from self._draw(branch)

    def _belongs_elsewhere(self, branch: _Branch) -> bool:
        """Whether the unit is drawn in its task's stack, or below one that waits for itself."""
        unit = branch.members[0].id
        if branch.depth and unit in self._parts:
            return True
        return branch.via in INDIRECT and bool(self._graph.awaiters(unit))

    def _push(self, children: Sequence[_Child], prefix: str, depth: int, level: int) -> None:
        """Put ``children`` on the stack, those that look alike as one branch."""
        if not children:
            return
        bundles: dict[tuple[Hashable, str], list[_Child]] = {}
        for child in children:
            bundles.setdefault((self._groups.key(child.unit), child.via), []).append(child)
        prefix = self._fold(prefix, level)
        last = True
        for bundle in reversed(bundles.values()):
            members = tuple({child.unit.id: child.unit for child in bundle}.values())
            _, via, cyclic = bundle[0]
            self._stack.append(_Branch(members, prefix, last, depth, level, via, cyclic))
            last = False

    def _draw(self, branch: _Branch) -> list[str]:
        members = branch.members
        steps = self._steps(members[0])
        parts = self._graph.parts
        whole = members
        if parts:
            whole = [*members, *(part for member in members for part in parts.get(member.id, ()))]
        self._drawn.update([unit.id for unit in whole])
        children = self._children(whole)
        state = self._state(members, whole)
        lines = [self._header(branch, children, "" if steps else state)]
        _, end, trunk, gap = self._style.branches
        prefix = branch.prefix + (gap if branch.last else trunk)
        last = len(steps) - 1
        level = branch.level + 1
        for place, step in enumerate(steps):
            prefix = self._fold(prefix, level + place)
            lines.append(self._step(prefix + end, step, members, state if place == last else ""))
            prefix += gap
        self._push(children, prefix, branch.depth + 1, level + len(steps))
        return lines

    # -- what belongs to a unit

    def _steps(self, unit: Unit) -> list[_Step]:
        """The unit's calls, outermost first, with a header where a part's calls begin.

        A task's stack already holds the frames of the greenlets that it continues in.
        """
        options, stack = self._options, self._frames(unit) if self._options.frames else ()
        shown = words.calls(stack, options.show_secrets) if options.args else None
        calls = [
            _Step(unit, frame, place, shown[place] if shown else frame.function)
            for place, frame in enumerate(stack)
            if options.library or not words.is_library(frame)
        ]
        calls.reverse()
        parts = self._graph.parts.get(unit.id)
        if not parts:
            return calls
        steps = [_Step(part, None, _outermost(part, unit)) for part in parts]
        # Sorting leaves them in order otherwise: a header comes before the call at its place.
        return sorted(steps + calls, key=lambda step: step.place, reverse=True)

    def _frames(self, unit: Unit) -> Sequence[Frame]:
        """The unit's frames, with their arguments where these are shown."""
        late = self._graph.snapshot.arguments
        if late is not None and self._options.args and unit.id in late:
            return late.stack(unit.id)
        return unit.stack

    def _children(self, whole: Sequence[Unit]) -> list[_Child]:
        """Whom ``whole`` (units drawn as one branch, with their parts) waits for."""
        graph = self._graph
        edges = [edge for unit in whole for edge in graph.below(unit.id)]
        if not edges:
            return []  # as mostly
        own = {unit.id for unit in whole}
        children: dict[tuple[str, str], _Child] = {}
        for edge in edges:
            if edge.target not in own or edge.target == edge.waiter:
                cyclic = graph.same_knot(edge.waiter, edge.target)
                child = _Child(graph.units[edge.target], edge.via, cyclic)
                children.setdefault((edge.target, edge.via), child)
        return list(children.values())

    def _state(self, members: Sequence[Unit], whole: Sequence[Unit]) -> str:
        if len(members) > 1:
            return groups.state(members)
        # A part may know what it waits on where its host does not.
        host = members[0]
        told = host if host.state == "running" else next((u for u in whole if u.wait), host)
        return words.doing(self._graph, told)

    # -- what a line says

    def _header(self, branch: _Branch, children: Sequence[_Child], state: str) -> str:
        unit = branch.members[0]
        text = self._start(branch)
        if len(branch.members) > 1:
            return f"{text} {self._style.times}{len(branch.members):,}{self._bracket(state)}"
        if len(self._graph.awaited_by.get(unit.id, ())) > 1 or unit.id in self._graph.knots:
            text += self._faint(words.address(unit))  # there will be references to it
        if unit.kind == "main" and unit.tid is not None:
            text += self._faint(f"tid {unit.tid}")
        if len(children) > 1:
            text += f" [{_count([child.unit for child in children])}]"
        if unit.runtime:
            text += f"  {words.runtime(unit)}"
        if unit.spawned:
            birth = words.spawned(self._graph, unit)
            text += self._faint(f"spawned at {self._style.text(birth)}")
        return text + self._bracket(state)

    def _reference(self, branch: _Branch) -> str:
        unit = branch.members[0]
        text = self._start(branch) + self._faint(words.address(unit))
        drawn = unit.id in self._drawn
        if branch.cyclic:
            mark = "(cycle: back to the one above)" if drawn else "(cycle: shown below)"
            return text + "  " + self._style.paint(mark, "alarm")
        return text + self._faint("(shown above)" if drawn else "(shown below)")

    def _more(self, branch: _Branch) -> str:
        """One line for all siblings that are too deep to draw."""
        hidden = list(branch.members)
        while not branch.last:
            branch = self._stack.pop()
            hidden += branch.members
        pending = list(hidden)
        while pending:
            unit = pending.pop()
            if unit.id not in self._hidden:
                self._hidden.add(unit.id)
                pending += self._graph.parts.get(unit.id, ())
                pending += (self._graph.units[edge.target] for edge in self._graph.below(unit.id))
        end = self._style.branches[1]
        return branch.prefix + end + f"{self._style.ellipsis} {_count(hidden)}"

    def _start(self, branch: _Branch) -> str:
        """Branch, glyph, name, and the means of waiting where it is not plain ``await``."""
        fork, end, _, _ = self._style.branches
        text = branch.prefix + (end if branch.last else fork) + self._name(branch.members)
        if branch.via in ("", "awaits"):
            return text
        return text + self._faint(f"via {self._style.text(branch.via)}")

    def _name(self, members: Sequence[Unit]) -> str:
        unit = members[0]
        color = "green" if unit.kind == "hub" else unit.kind
        glyph = self._style.paint(words.GLYPHS[unit.kind], color)
        name = unit.name if len(members) == 1 else groups.name(members)
        return f"{glyph} {self._style.text(name) or '-'}"

    def _step(self, start: str, step: _Step, members: Sequence[Unit], state: str) -> str:
        if step.frame is None:
            return start + self._name([step.unit]) + self._bracket(state)
        label = self._call(step, members)
        style = self._style
        if style.width is None:
            return start + label + self._place(step.frame) + self._bracket(state)
        # The state matters most, then the call; where that is can be looked up.
        room = style.width - len(start) - (width(style.text(state)) + 4 if state else 0)
        where = style.text(words.location(step.frame))
        if room < width(label) + 2 + width(where):
            where = style.text(words.location(step.frame, short=True))
        if room < _SHORTEST_CALL + 2 + width(where):
            return start + cut(label, max(room, 1), style.ellipsis) + self._bracket(state)
        label = cut(label, room - 2 - width(where), style.ellipsis)
        return start + label + self._faint(where) + self._bracket(state)

    def _place(self, frame: Frame) -> str:
        """Where a call is; thousands of units are at few places."""
        found = self._places.get((frame.file, frame.line))
        if found is None:
            found = self._faint(self._style.text(words.location(frame)))
            self._places[frame.file, frame.line] = found
        return found

    def _call(self, step: _Step, members: Sequence[Unit]) -> str:
        style, frame, place = self._style, step.frame, step.place
        assert frame is not None
        several = self._options.args and len(members) > 1
        if several and not self._alike(members, place):
            return f"{style.text(frame.function)}({style.ellipsis})"
        return cut(style.text(step.call), _LONGEST_CALL, style.ellipsis)

    def _alike(self, members: Sequence[Unit], place: int) -> bool:
        """Whether all members of a group have the same arguments in a call."""
        late = self._graph.snapshot.arguments
        if late is not None and all(member.id in late for member in members):
            return late.alike([member.id for member in members], place)
        args = self._frames(members[0])[place].args
        return all(self._frames(member)[place].args == args for member in members)

    def _fold(self, prefix: str, level: int) -> str:
        return prefix if len(prefix) <= self._fold_at else f"[{level} deep] "

    def _bracket(self, state: str) -> str:
        return "  " + self._style.paint(f"[{self._style.text(state)}]", "state") if state else ""

    def _faint(self, text: str) -> str:
        return "  " + self._style.paint(text, "faint")


def _outermost(part: Unit, host: Unit) -> int:
    """Where in the host's stack the part's outermost frame is; -1 when it is not there."""
    size = len(part.stack)
    for start in range(len(host.stack) - size + 1):
        if size and host.stack[start : start + size] == part.stack:
            return start + size - 1
    return -1


def _count(units: Sequence[Unit]) -> str:
    """How many of each kind: "3 tasks, 1 green thread"."""
    names = {"task": "task", "green": "green thread", "thread": "thread"}
    parts = []
    for kind, singular in names.items():
        number = sum(words.KINDS[unit.kind] == kind for unit in units)
        if number:
            parts.append(f"{number:,} {singular}{'' if number == 1 else 's'}")
    return ", ".join(parts)
