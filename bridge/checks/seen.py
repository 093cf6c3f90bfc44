"""What the checks of `bridge.health` go by, and how they put what they find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from bridge import graph, watch, words
from inspector.waits.futures import NEVER_DONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.pulse import Pulse
    from bridge.watch import Watch
    from inspector.snapshot import Frame, Snapshot, Unit

SHOWN = 5  # frames of a stack, or members of a group, in the evidence
_INNERMOST = 2  # of them, where the user's own code is further out


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
    stopped: bool = False  # by a signal or a tracer


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
        self.hubs = {unit.tid: unit for unit in self.graph.units.values() if unit.kind == "hub"}
        self.facts = facts  # of the last look
        # Whether there is more to it than its main task.
        self.serves = facts.connected or len(self.work) > 1
        self.deadlocks = [path for path in self.graph.cycles if self._lasts(path)]

    def is_leaf(self, unit: Unit) -> bool:
        """Whether the unit waits, and for no other one, nor as the part of one."""
        if unit.state != "waiting" or unit.id in self.graph.waits_for:
            return False
        wait = unit.wait
        if wait is None or wait.object is None or wait.on not in ("task", "green"):
            return True
        return f"{wait.on}:{wait.object:#x}" not in self.graph.units

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
        return self.watch.looks == 1 or least(self, units) is not None

    def may_leave(self, unit: Unit) -> bool:
        """Whether a timeout ends the unit's wait within the time that leaves may be stuck."""
        left = unit.wait.seconds_left if unit.wait else None
        return left is not None and left < self.limits.stuck


def is_main(unit: Unit) -> bool:
    """Whether it is the task that ``asyncio.run`` makes, of whose name there is no choice."""
    return unit.kind == "task" and unit.name == "Task-1"


def least(seen: Seen, units: Sequence[Unit]) -> float | None:
    """For how long all of the units have been where they are; None for a single look."""
    tracks = [seen.watch.tracks[unit.id] for unit in units if unit.id in seen.watch.tracks]
    seconds = min((seen.watch.now - track.since for track in tracks), default=0.0)
    return seconds or None


def title(unit: Unit) -> str:
    """A unit in a sentence: its kind, name and address."""
    return f"{words.KINDS[unit.kind]} {unit.name!r} ({words.address(unit)})"


def line(unit: Unit) -> str:
    """A unit and where it stands."""
    place = own_frame(unit)
    return f"{title(unit)}" + (f" at {words.location(place)}" if place else "")


def own_frame(unit: Unit) -> Frame | None:
    """The innermost frame of the user's own code, else the innermost."""
    own = (frame for frame in unit.stack if not words.is_library(frame))
    return next(own, unit.stack[0] if unit.stack else None)


def stack(unit: Unit) -> list[str]:
    """The lines of a unit's stack, cut as `frames` are."""
    return frames(unit.stack)


def frames(stack: Sequence[Frame]) -> list[str]:
    """The lines of `SHOWN` of these frames: the innermost, and some of the user's own code."""
    own = next((place for place, frame in enumerate(stack) if not words.is_library(frame)), 0)
    start = own if own >= SHOWN else _INNERMOST
    end = start + SHOWN - _INNERMOST
    lines = [f"    at {frame.function} ({words.location(frame)})" for frame in stack]
    return [
        *lines[:_INNERMOST],
        *_more(start - _INNERMOST),
        *lines[start:end],
        *_more(len(stack) - end),
    ]


def _more(number: int) -> list[str]:
    return [f"    ... {number:,} more"] if number > 0 else []


def about(unit: Unit, message: str, seconds: float | None) -> Case:
    """A finding about one unit, which its stack is the evidence of."""
    return Case(message, tuple(stack(unit)), (unit,), seconds, own_frame(unit))


def article(noun: str) -> str:
    """The one that goes with the noun."""
    return "an" if noun[0] in "aeiou" else "a"


def count(number: int, noun: str) -> str:
    """``1 task``, ``3,000 tasks``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
