"""What is wrong in a process, from a few looks at it: findings with evidence and a hint.

Nothing here reads a process or a clock. A finding states only what the looks show: times
are lower bounds unless the process's own timers or records give them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from bridge import graph, watch, words
from bridge.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bridge.graph import Graph
    from bridge.watch import Watch
    from inspector.snapshot import Frame, Snapshot, Unit

Level = Literal["deny", "warn", "allow"]

_FEWEST_LOOKS = 3  # that must agree before a loop is said to be blocked
_SHOWN = 5  # frames of a stack in the evidence


class Rule(NamedTuple):
    """A kind of finding: what it means and how much it weighs unless the user says."""

    level: Level
    summary: str
    hint: str


RULES: dict[str, Rule] = {
    "deadlock": Rule(
        "deny",
        "units wait for each other in a cycle",
        "break the cycle at one of its edges: a timeout, another order of locks, or no wait",
    ),
    "never-completes": Rule(
        "deny",
        "a unit waits for something that nobody can complete",
        "see what it waits for: a deadlock, or a unit that has ended without telling",
    ),
    "blocked-loop": Rule(
        "deny",
        "an event loop or hub does not get to run: one unit keeps its thread",
        "move the call to a thread (asyncio.to_thread, eventlet.tpool) or make it give way",
    ),
    "blocking-call": Rule(
        "deny",
        "a green thread is in a blocking call that Eventlet has not patched",
        "call eventlet.monkey_patch() before all other imports, or use eventlet.tpool for it",
    ),
    "stuck": Rule(
        "deny",
        "a leaf has not moved for longer than --stuck",
        "look at what it waits on; give the wait a timeout",
    ),
    "growth": Rule(
        "deny",
        "ever more units of one kind: a leak",
        "await, cancel or bound what is spawned there (TaskGroup, Semaphore, GreenPool)",
    ),
    "multiple-readers": Rule(
        "deny",
        "several units wait for the same file descriptor in the same direction",
        "let one unit read and hand on what it reads through a queue",
    ),
    "max-age": Rule("deny", "a unit is older than --max-age", "see why it does not end"),
    "max-units": Rule("deny", "there are more units than --max-units", "bound what is spawned"),
    "unnamed": Rule(
        "warn",
        "tasks have no name of their own",
        "name them: asyncio.create_task(coro, name=...), task.set_name(...)",
    ),
    "not-awaited": Rule(
        "allow",
        "tasks that nobody awaits: their exceptions go unnoticed",
        "await them, or start them in a TaskGroup",
    ),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too much. Seconds; None for no limit."""

    stuck: float = 30.0
    max_age: float | None = None
    max_units: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong. Texts are raw: escape them where they are shown."""

    code: str
    level: Level
    message: str
    evidence: tuple[str, ...]  # lines
    units: tuple[Unit, ...]
    seconds: float | None = None  # for how long at least, where that is known
    where: Frame | None = None  # the place in the code to look at

    @property
    def hint(self) -> str:
        """What to do about it."""
        return RULES[self.code].hint


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one process, the heaviest first."""

    graph: Graph
    findings: tuple[Finding, ...]
    looks: int
    seconds: float  # from the first look to the last

    @property
    def healthy(self) -> bool:
        """Whether nothing was found that is denied."""
        return not any(finding.level == "deny" for finding in self.findings)


@dataclass(slots=True)
class Examination:
    """Looks at one process, put together: `add` each, then `report`."""

    limits: Limits = field(default_factory=Limits)
    levels: Mapping[str, Level] = field(default_factory=dict)
    matches: Callable[[Unit], bool] = lambda _: True
    _watch: Watch | None = field(default=None, init=False)
    _pulse: Pulse = field(default_factory=Pulse, init=False)

    def add(self, snapshot: Snapshot, asleep: frozenset[int] = frozenset()) -> None:
        """Add a look. ``asleep`` holds the tids of OS threads that slept in the kernel."""
        self._watch = (
            watch.begin(snapshot) if self._watch is None else watch.look(self._watch, snapshot)
        )
        self._pulse.add(snapshot, asleep)

    def report(self) -> Report:
        """What the looks amount to; there must have been one."""
        assert self._watch is not None
        seen = _Seen(self._watch, self._pulse, self.limits)
        found = []
        for code, check in _CHECKS.items():
            level = self.levels.get(code, RULES[code].level)
            if level == "allow":
                continue
            for case in check(seen):
                # A limit on a number of units counts those that match.
                units = tuple(unit for unit in case.units if self.matches(unit))
                if units and not (code == "max-units" and not _too_many(units, self.limits)):
                    message = case.message or _count(len(units), "unit")
                    found.append(
                        Finding(
                            code, level, message, case.evidence, units, case.seconds, case.where
                        )
                    )
        found.sort(key=lambda finding: finding.level != "deny")
        return Report(seen.graph, tuple(found), self._watch.looks, seen.span)


class _Case(NamedTuple):
    """A finding before its level is known."""

    message: str
    evidence: tuple[str, ...]
    units: tuple[Unit, ...]
    seconds: float | None = None
    where: Frame | None = None


class _Seen:
    """All that the checks go by."""

    def __init__(self, looks: Watch, pulse: Pulse, limits: Limits) -> None:
        self.watch = looks
        self.pulse = pulse
        self.limits = limits
        self.graph = graph.build(watch.observed(looks))
        self.span = looks.now - looks.started
        self.work = [unit for unit in self.graph.units.values() if unit.kind in ("task", "green")]

    def is_leaf(self, unit: Unit) -> bool:
        """Whether the unit waits, and for no other one."""
        return unit.state == "waiting" and unit.id not in self.graph.waits_for


def _deadlocks(seen: _Seen) -> Iterator[_Case]:
    for path in seen.graph.cycles:
        units = tuple(seen.graph.units[identity] for identity in path[:-1])
        lines = []
        for unit, target in zip(units, path[1:], strict=True):
            edges = seen.graph.waits_for.get(unit.id, ())
            via = next((edge.via for edge in edges if edge.target == target), "awaits")
            other = _title(seen.graph.units[target])
            lines += [f"{_title(unit)}:", f"  waits for {other} ({via})", *_stack(unit)]
        names = " -> ".join(seen.graph.units[identity].name for identity in path)
        lines.append(f"path: {names}")
        message = f"deadlock of {_count(len(units), 'unit')}: {names}"
        yield _Case(message, tuple(lines), units, _least(seen, units), _place(units[0]))


def _hopeless(seen: _Seen) -> Iterator[_Case]:
    caught = dict.fromkeys(seen.graph.knots, "")
    pending = list(caught)
    while pending:
        target = pending.pop()
        for edge in seen.graph.awaited_by.get(target, ()):
            if edge.waiter not in caught:
                caught[edge.waiter] = target
                pending.append(edge.waiter)
    for identity, target in caught.items():
        unit = seen.graph.units[identity]
        if target:
            other = seen.graph.units[target]
            yield _Case(
                f"{_title(unit)} waits for {_title(other)}, which a deadlock holds",
                tuple(_stack(unit)),
                (unit,),
                _least(seen, (unit,)),
                _place(unit),
            )
    for unit in seen.work:
        if unit.wait is None or unit.wait.on not in ("task", "green") or not seen.is_leaf(unit):
            continue
        track = seen.watch.tracks[unit.id]
        if not unit.moving and track.since < seen.watch.now:
            yield _Case(
                f"{_title(unit)} waits for a {unit.wait.on} that is not there any more",
                tuple(_stack(unit)),
                (unit,),
                seen.watch.in_place(track),
                _place(unit),
            )


def _blocked(seen: _Seen) -> Iterator[tuple[str, _Case]]:
    for beat in seen.pulse.held(_FEWEST_LOOKS):
        unit = seen.graph.units.get(beat.unit or "")
        units = (unit,) if unit else tuple(_main(seen, beat.tid))
        who = _title(unit) if unit else "a callback"
        loop = "hub" if beat.hub else "event loop"
        how = "asleep in a system call" if beat.asleep else "running"
        inner = beat.stack[0]
        lines = (
            f"thread {beat.tid}: {who}, {how}, at all of {beat.looks} looks",
            *_frames(beat.stack),
        )
        code = "blocking-call" if beat.hub and beat.asleep and unit else "blocked-loop"
        message = (
            f"{who} keeps the {loop} of thread {beat.tid} from running for at least "
            f"{words.seconds(beat.seconds)}, in {inner.function}"
        )
        yield code, _Case(message, lines, units, beat.seconds, inner)


def _of_kind(code: str) -> Callable[[_Seen], Iterator[_Case]]:
    return lambda seen: (case for found, case in _blocked(seen) if found == code)


def _stuck(seen: _Seen) -> Iterator[_Case]:
    groups: dict[tuple[str, str], list[Unit]] = {}
    for unit in seen.work:
        if not seen.is_leaf(unit) or _is_at_rest(unit):
            continue
        if seen.watch.in_place(seen.watch.tracks[unit.id]) >= seen.limits.stuck:
            place = _place(unit)
            groups.setdefault((words.state(unit), place.function if place else ""), []).append(unit)
    for (state, function), units in groups.items():
        first = units[0]
        seconds = min(seen.watch.in_place(seen.watch.tracks[unit.id]) for unit in units)
        alone = len(units) == 1
        who = f"{_title(first)} has" if alone else f"{len(units)} units in {function} have"
        message = f"{who} not moved for at least {words.seconds(seconds)}: {state}"
        yield _Case(message, tuple(_stack(first)), tuple(units), seconds, _place(first))


def _is_at_rest(unit: Unit) -> bool:
    """Whether the wait is what the unit is there for: a timer's, a server's, a hub's own."""
    wait = unit.wait
    if unit.stack and "/eventlet/hubs/" in unit.stack[-1].file:
        return True  # the task in which Eventlet's asyncio hub runs
    return wait is not None and (wait.on == "sleep" or (wait.peer or "").startswith("listening"))


def _growing(seen: _Seen) -> Iterator[_Case]:
    for branch, counts in seen.watch.growing().items():
        units = tuple(unit for unit in seen.work if watch.branch_of(unit) == branch)
        world = "tasks" if branch.kind == "task" else "green threads"
        numbers = ", ".join(map(str, counts))
        yield _Case(
            f"ever more {world} in {branch.function}: {counts[0]} -> {counts[-1]}",
            (f"counts of {len(counts)} looks in {words.seconds(seen.span)}: {numbers}",
             f"from {branch.place}", *(_stack(units[-1]) if units else ())),
            units,
            seen.span,
            _place(units[-1]) if units else None,
        )  # fmt: skip


def _readers(seen: _Seen) -> Iterator[_Case]:
    waiting: dict[tuple[int, str | None], list[Unit]] = {}
    for unit in seen.work:
        wait = unit.wait
        if wait is not None and wait.fd is not None and wait.on == "fd":
            waiting.setdefault((wait.fd, wait.mode), []).append(unit)
    for (number, mode), units in waiting.items():
        if len(units) > 1:
            yield _Case(
                f"{len(units)} units wait to {mode or 'use'} file descriptor {number}",
                tuple(line for unit in units[:_SHOWN] for line in (_title(unit), *_stack(unit))),
                tuple(units),
                None,
                _place(units[0]),
            )


def _old(seen: _Seen) -> Iterator[_Case]:
    limit = seen.limits.max_age
    for unit in seen.work if limit is not None else ():
        track = seen.watch.tracks[unit.id]
        age = max(seen.watch.now - track.first_seen, unit.runtime.seconds if unit.runtime else 0.0)
        if unit.spawned is not None:
            age = seen.watch.now - unit.spawned.at
        if age > (limit or 0.0):
            yield _Case(
                f"{_title(unit)} is at least {words.seconds(age)} old",
                tuple(_stack(unit)),
                (unit,),
                age,
                _place(unit),
            )


def _many(seen: _Seen) -> Iterator[_Case]:
    if seen.limits.max_units is not None:
        counts: dict[str, int] = {}
        for unit in seen.work:
            name = watch.branch_of(unit).function
            counts[name] = counts.get(name, 0) + 1
        most = sorted(counts.items(), key=lambda item: -item[1])[:_SHOWN]
        yield _Case("", tuple(f"{count:,} in {name}" for name, count in most), tuple(seen.work))


def _unnamed(seen: _Seen) -> Iterator[_Case]:
    units = tuple(
        unit
        for unit in seen.work
        if unit.kind == "task" and unit.name.startswith("Task-") and unit.name[5:].isdecimal()
    )
    main = {unit.id for unit in units if unit.name == "Task-1"}  # asyncio.run gives no choice
    units = tuple(unit for unit in units if unit.id not in main)
    if units:
        yield _Case(
            f"{_count(len(units), 'task')} without a name",
            tuple(_line(unit) for unit in units[:_SHOWN]),
            units,
            None,
            _place(units[0]),
        )


def _unawaited(seen: _Seen) -> Iterator[_Case]:
    units = tuple(
        unit
        for unit in seen.work
        if unit.kind == "task" and unit.id not in seen.graph.awaited_by and unit.name != "Task-1"
    )
    if units:
        yield _Case(
            f"{_count(len(units), 'task')} that nobody awaits",
            tuple(_line(unit) for unit in units[:_SHOWN]),
            units,
            None,
            _place(units[0]),
        )


_CHECKS: dict[str, Callable[[_Seen], Iterator[_Case]]] = {
    "deadlock": _deadlocks,
    "never-completes": _hopeless,
    "blocked-loop": _of_kind("blocked-loop"),
    "blocking-call": _of_kind("blocking-call"),
    "stuck": _stuck,
    "growth": _growing,
    "multiple-readers": _readers,
    "max-age": _old,
    "max-units": _many,
    "unnamed": _unnamed,
    "not-awaited": _unawaited,
}


def _too_many(units: Sequence[Unit], limits: Limits) -> bool:
    return limits.max_units is not None and len(units) > limits.max_units


def _main(seen: _Seen, tid: int) -> Iterable[Unit]:
    """What stands for a thread: its main stack, else any unit of it."""
    own = [unit for unit in seen.graph.units.values() if unit.tid == tid]
    return [unit for unit in own if unit.kind == "main"][:1] or own[:1]


def _least(seen: _Seen, units: Sequence[Unit]) -> float | None:
    """For how long all of the units have been where they are; None for a single look."""
    tracks = [seen.watch.tracks[unit.id] for unit in units if unit.id in seen.watch.tracks]
    seconds = min((seen.watch.now - track.since for track in tracks), default=0.0)
    return seconds or None


def _title(unit: Unit) -> str:
    return f"{words.KINDS[unit.kind]} {unit.name!r} ({words.address(unit)})"


def _line(unit: Unit) -> str:
    place = _place(unit)
    return f"{_title(unit)}" + (f" at {words.location(place)}" if place else "")


def _place(unit: Unit) -> Frame | None:
    """The innermost frame of the user's own code, else the innermost."""
    own = (frame for frame in unit.stack if not words.is_library(frame))
    return next(own, unit.stack[0] if unit.stack else None)


def _stack(unit: Unit) -> list[str]:
    return _frames(unit.stack)


def _frames(stack: Sequence[Frame]) -> list[str]:
    lines = [f"    at {frame.function} ({words.location(frame)})" for frame in stack[:_SHOWN]]
    return lines + [f"    ... {len(stack) - _SHOWN} more"] * (len(stack) > _SHOWN)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
