"""The checks of `bridge.health`: each looks for one ailment in what the looks have shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bridge import graph, redact, watch, words
from inspector.edges import LATER
from inspector.snapshot import Unit
from inspector.waits.futures import NEVER_DONE
from inspector.waits.green import GETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from bridge.pulse import Pulse
    from bridge.watch import Watch
    from inspector.snapshot import Frame, Snapshot, Unretrieved

_FEWEST_LOOKS = 3  # that must agree before a loop is said to be blocked
_SHOWN = 5  # frames of a stack in the evidence


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too much. Seconds; None for no limit."""

    stuck: float = 30.0
    max_age: float | None = None
    max_units: int | None = None


class Case(NamedTuple):
    """A finding before its level is known."""

    message: str
    evidence: tuple[str, ...]
    units: tuple[Unit, ...]
    seconds: float | None = None
    where: Frame | None = None


class Facts(NamedTuple):
    """What the kernel says of a process at a look."""

    asleep: frozenset[int] = frozenset()  # tids of OS threads that sleep in a system call
    connected: bool = False  # it has sockets beside those of its event loops
    clients: frozenset[str] = frozenset()  # peers whose connections it accepted


class Seen:
    """All that the checks go by."""

    def __init__(
        self,
        looks: Watch,
        pulse: Pulse,
        limits: Limits,
        ended: Sequence[Snapshot],
        facts: Facts,
    ) -> None:
        self.watch = looks
        self.ended = ended  # the looks that also searched for what has ended
        self.pulse = pulse
        self.limits = limits
        self.graph = graph.build(watch.observed(looks))
        self.span = looks.now - looks.started
        self.work = [unit for unit in self.graph.units.values() if unit.kind in ("task", "green")]
        self.facts = facts  # of the last look
        # Whether there is more to it than its main task.
        self.serves = facts.connected or len(self.work) > 1
        self.deadlocks = [path for path in self.graph.cycles if self._lasts(path)]

    def is_leaf(self, unit: Unit) -> bool:
        """Whether the unit waits, and for no other one."""
        return unit.state == "waiting" and unit.id not in self.graph.waits_for

    def keeps_running(self, unit: Unit) -> bool:
        """Whether the unit is a main task that waits for a signal, or for ever: others work."""
        wait = unit.wait
        return (
            self.serves
            and is_main(unit)
            and wait is not None
            and (wait.on == "event" or wait.text == NEVER_DONE)
        )

    def _lasts(self, path: Sequence[str]) -> bool:
        """Whether a cycle stood still since an earlier look, and no timeout ends it soon."""
        units = [self.graph.units[identity] for identity in path[:-1]]
        if any(self.may_leave(unit) for unit in units):
            return False
        return self.watch.looks == 1 or _least(self, units) is not None

    def may_leave(self, unit: Unit) -> bool:
        """Whether a timeout ends the unit's wait within the time that leaves may be stuck."""
        left = unit.wait.seconds_left if unit.wait else None
        return left is not None and left < self.limits.stuck


def _deadlocks(seen: Seen) -> Iterator[Case]:
    for path in seen.deadlocks:
        units = tuple(seen.graph.units[identity] for identity in path[:-1])
        lines = []
        for unit, target in zip(units, path[1:], strict=True):
            edges = seen.graph.waits_for.get(unit.id, ())
            via = next((edge.via for edge in edges if edge.target == target), "awaits")
            other = _title(seen.graph.units[target])
            lines += [f"{_title(unit)}:", f"  waits for {other} ({via})", *_stack(unit)]
        names = " -> ".join(seen.graph.units[identity].name for identity in path)
        lines.append(f"path: {names}")
        message = f"deadlock of {count(len(units), 'unit')}: {names}"
        yield Case(message, tuple(lines), units, _least(seen, units), _place(units[0]))


def _caught(seen: Seen) -> dict[str, str]:
    """Who cannot go on because of a deadlock, and whom it waits for; nobody for those in one."""
    found, waits_for = seen.graph, seen.graph.waits_for
    knots = {found.knots[path[0]] for path in seen.deadlocks}
    caught = {unit: "" for unit, knot in found.knots.items() if knot in knots}
    pending = list(caught)
    while pending:
        target = pending.pop()
        for edge in found.awaited_by.get(target, ()):
            waiter = found.units[edge.waiter]
            if waiter.id in caught or edge.via == LATER or seen.may_leave(waiter):
                continue
            others = (other.target for other in waits_for[waiter.id])
            if edge.via not in graph.ANY_OF or all(other in caught for other in others):
                caught[waiter.id] = target
                pending.append(waiter.id)
    return caught


def _hopeless(seen: Seen) -> Iterator[Case]:
    caught = _caught(seen)
    for identity, target in caught.items():
        unit = seen.graph.units[identity]
        if target:
            other = seen.graph.units[target]
            yield Case(
                f"{_title(unit)} waits for {_title(other)}, which a deadlock holds",
                tuple(_stack(unit)),
                (unit,),
                _least(seen, (unit,)),
                _place(unit),
            )
    for unit in seen.work:
        if unit.wait is None or unit.moving or not seen.is_leaf(unit):
            continue
        track = seen.watch.tracks[unit.id]
        stands = track.since < seen.watch.now
        once = seen.watch.looks == 1
        never = unit.wait.text == NEVER_DONE
        noun = "future" if never else unit.wait.on
        lost = never or unit.id in seen.watch.snapshot.orphans
        if lost and (stands or once) and not (seen.keeps_running(unit) or seen.may_leave(unit)):
            yield Case(
                f"{_title(unit)} waits for {_article(noun)} {noun} that nobody else refers to",
                tuple(_stack(unit)),
                (unit,),
                _least(seen, (unit,)),
                _place(unit),
            )
        if unit.wait.on not in ("task", "green"):
            continue
        if stands:
            yield Case(
                f"{_title(unit)} waits for a {unit.wait.on} that is not there any more",
                tuple(_stack(unit)),
                (unit,),
                seen.watch.in_place(track),
                _place(unit),
            )


def _blocked(seen: Seen) -> Iterator[tuple[str, Case]]:
    for beat in seen.pulse.held(_FEWEST_LOOKS):
        unit = seen.graph.units.get(beat.unit or "")
        if unit and unit.kind == "main" and not any(one.tid == beat.tid for one in seen.work):
            continue  # as while a program starts: there is nobody whom it keeps waiting
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
        yield code, Case(message, lines, units, beat.seconds, inner)


def _of_kind(code: str) -> Callable[[Seen], Iterator[Case]]:
    return lambda seen: (case for found, case in _blocked(seen) if found == code)


def _stuck(seen: Seen) -> Iterator[Case]:
    groups: dict[tuple[str, str], list[Unit]] = {}
    for unit in seen.work:
        if not seen.is_leaf(unit) or _is_at_rest(seen, unit) or seen.keeps_running(unit):
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
        yield Case(message, tuple(_stack(first)), tuple(units), seconds, _place(first))


def _is_at_rest(seen: Seen, unit: Unit) -> bool:
    """Whether it does not move as nobody has anything for it: no work, no client, no timer."""
    wait = unit.wait
    if unit.stack and "/eventlet/hubs/" in unit.stack[-1].file:
        return True  # the task in which Eventlet's asyncio hub runs
    if wait is None:
        return False
    peer = wait.peer or ""
    serves = peer.startswith("listening") or (wait.mode == "read" and peer in seen.facts.clients)
    return serves or wait.on == "sleep" or wait.text.startswith(GETS)


def is_main(unit: Unit) -> bool:
    """Whether it is the task that ``asyncio.run`` makes, of whose name there is no choice."""
    return unit.kind == "task" and unit.name == "Task-1"


def _growing(seen: Seen) -> Iterator[Case]:
    for branch, counts in seen.watch.growing().items():
        units = tuple(unit for unit in seen.work if watch.branch_of(unit) == branch)
        world = "tasks" if branch.kind == "task" else "green threads"
        numbers = ", ".join(map(str, counts))
        yield Case(
            f"ever more {world} in {branch.function}: {counts[0]} -> {counts[-1]}",
            (f"counts of {len(counts)} looks in {words.seconds(seen.span)}: {numbers}",
             f"from {branch.place}", *(_stack(units[-1]) if units else ())),
            units,
            seen.span,
            _place(units[-1]) if units else None,
        )  # fmt: skip


def _readers(seen: Seen) -> Iterator[Case]:
    waiting: dict[tuple[int, str | None], list[Unit]] = {}
    for unit in seen.work:
        wait = unit.wait
        if wait is not None and wait.fd is not None and wait.on == "fd":
            waiting.setdefault((wait.fd, wait.mode), []).append(unit)
    for (number, mode), units in waiting.items():
        if len(units) > 1:
            yield Case(
                f"{len(units)} units wait to {mode or 'use'} file descriptor {number}",
                tuple(line for unit in units[:_SHOWN] for line in (_title(unit), *_stack(unit))),
                tuple(units),
                None,
                _place(units[0]),
            )


def _old(seen: Seen) -> Iterator[Case]:
    limit = seen.limits.max_age
    for unit in seen.work if limit is not None else ():
        track = seen.watch.tracks[unit.id]
        age = max(seen.watch.now - track.first_seen, unit.runtime.seconds if unit.runtime else 0.0)
        if unit.spawned is not None:
            age = seen.watch.now - unit.spawned.at
        if age > (limit or 0.0):
            yield Case(
                f"{_title(unit)} is at least {words.seconds(age)} old",
                tuple(_stack(unit)),
                (unit,),
                age,
                _place(unit),
            )


def _many(seen: Seen) -> Iterator[Case]:
    if seen.limits.max_units is not None:
        counts: dict[str, int] = {}
        for unit in seen.work:
            name = watch.branch_of(unit).function
            counts[name] = counts.get(name, 0) + 1
        most = sorted(counts.items(), key=lambda item: -item[1])[:_SHOWN]
        yield Case("", tuple(f"{count:,} in {name}" for name, count in most), tuple(seen.work))


def _unnamed(seen: Seen) -> Iterator[Case]:
    units = tuple(
        unit
        for unit in seen.work
        if unit.kind == "task"
        and unit.name.startswith("Task-")
        and unit.name[5:].isdecimal()
        and not is_main(unit)
    )
    if units:
        yield Case(
            f"{count(len(units), 'task')} without a name",
            tuple(_line(unit) for unit in units[:_SHOWN]),
            units,
            None,
            _place(units[0]),
        )


def _unretrieved(seen: Seen) -> Iterator[Case]:
    """What was so at all looks: whoever waits for it had the time in between to ask."""
    if not seen.ended:
        return
    looks = [{(one.id, one.text): one for one in look.unretrieved or ()} for look in seen.ended]
    groups: dict[tuple[str, Frame | None], list[Unretrieved]] = {}
    for key, one in looks[-1].items():
        if all(key in look for look in looks):
            place = next((frame for frame in one.stack if not words.is_library(frame)), None)
            groups.setdefault((one.exception, place), []).append(one)
    seconds = seen.ended[-1].taken_at - seen.ended[0].taken_at
    for (exception, place), members in groups.items():
        # They are no units any more, but filters and reports know them by the same traits.
        units = tuple(
            Unit(one.id, "task", one.type, one.name, None, "waiting", one.stack) for one in members
        )
        tasks = sum(one.id.startswith("task:") for one in members)
        counts = ((tasks, "task"), (len(members) - tasks, "future"))
        what = " and ".join(count(number, noun) for number, noun in counts if number)
        at = f" at {words.location(place)}" if place else ""
        names = [f"{one.name or one.type} ({one.id.partition(':')[2]})" for one in members]
        said = [
            f"{name}: {one.exception}: {redact.text(one.text)}"
            for name, one in zip(names, members, strict=True)
        ]
        more = [f"... {len(members) - _SHOWN:,} more"] * (len(members) > _SHOWN)
        yield Case(
            f"{what} ended with {exception}{at}, and nobody has asked for it",
            (*said[:_SHOWN], *more, *_stack(units[0])),
            units,
            seconds or None,
            place or _place(units[0]),
        )


def _unawaited(seen: Seen) -> Iterator[Case]:
    units = tuple(
        unit
        for unit in seen.work
        if unit.kind == "task" and unit.id not in seen.graph.awaited_by and not is_main(unit)
    )
    if units:
        yield Case(
            f"{count(len(units), 'task')} that nobody awaits",
            tuple(_line(unit) for unit in units[:_SHOWN]),
            units,
            None,
            _place(units[0]),
        )


CHECKS: dict[str, Callable[[Seen], Iterator[Case]]] = {
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
    "never-retrieved": _unretrieved,
    "not-awaited": _unawaited,
}


def too_many(units: Sequence[Unit], limits: Limits) -> bool:
    """Whether these are more than the limit on their number."""
    return limits.max_units is not None and len(units) > limits.max_units


def _main(seen: Seen, tid: int) -> Iterable[Unit]:
    """What stands for a thread: its main stack, else any unit of it."""
    own = [unit for unit in seen.graph.units.values() if unit.tid == tid]
    return [unit for unit in own if unit.kind == "main"][:1] or own[:1]


def _least(seen: Seen, units: Sequence[Unit]) -> float | None:
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


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def count(number: int, noun: str) -> str:
    """``1 task``, ``3,000 tasks``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
