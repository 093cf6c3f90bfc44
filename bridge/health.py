"""What is wrong in a process, from a few looks at it: findings with evidence and a hint.

Nothing here reads a process or a clock. A finding states only what the looks show: times
are lower bounds unless the process's own timers or records give them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from bridge import watch
from bridge.checks import CHECKS, Facts, Limits, Seen, count, too_many
from bridge.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.graph import Graph
    from bridge.watch import Watch
    from inspector.snapshot import Frame, Snapshot, Unit

Level = Literal["deny", "warn", "allow"]


class Rule(NamedTuple):
    """A kind of finding: what it means and how much it weighs unless the user says."""

    level: Level
    summary: str
    hint: str


RULES: dict[str, Rule] = {
    "stopped": Rule(
        "deny",
        "the process is stopped, by a signal or a debugger",
        "let it go on: kill -CONT PID, or see who traces it: grep TracerPid /proc/PID/status",
    ),
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
    "never-retrieved": Rule(
        "warn",
        "a task or future has ended with an exception that nobody has asked for",
        "await it, call its result(), or start it in a TaskGroup",
    ),
    "not-awaited": Rule(
        "allow",
        "tasks that nobody awaits: their exceptions go unnoticed",
        "await them, or start them in a TaskGroup",
    ),
}


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
    pid: int | None = None

    @property
    def hint(self) -> str:
        """What to do about it."""
        hint = RULES[self.code].hint
        return hint if self.pid is None else hint.replace("PID", str(self.pid))


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of one process, the heaviest first."""

    graph: Graph
    findings: tuple[Finding, ...]
    looks: int
    seconds: float  # from the first look to the last
    all_read: bool  # nothing escaped all of the looks

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
    _ended: list[Snapshot] = field(default_factory=list, init=False)
    _unread: frozenset[object] | None = field(default=None, init=False)
    _facts: Facts = field(default=Facts(), init=False)

    def wants_ended(self) -> bool:
        """Whether a look should say which exceptions were never retrieved."""
        return self._level("never-retrieved") != "allow"

    @property
    def all_read(self) -> bool:
        """Whether there is nothing that could not be read at any of the looks.

        Who cannot be read at one is as a rule short-lived, and that is no ailment.
        """
        return not self._unread

    def add(self, snapshot: Snapshot, facts: Facts = Facts()) -> None:  # noqa: B008 - a tuple
        """Add a look."""
        self._watch = (
            watch.begin(snapshot) if self._watch is None else watch.look(self._watch, snapshot)
        )
        self._pulse.add(snapshot, facts.asleep)
        if snapshot.unretrieved is not None:
            self._ended.append(snapshot)
        unread: frozenset[object] = frozenset((*snapshot.unread, *snapshot.completeness.notes))
        self._unread = unread if self._unread is None else self._unread & unread
        self._facts = facts

    def report(self) -> Report:
        """What the looks amount to; there must have been one."""
        assert self._watch is not None
        seen = Seen(self._watch, self._pulse, self.limits, self._ended, self._facts)
        found = []
        for code, check in CHECKS.items():
            level = self._level(code)
            if level == "allow":
                continue
            for case in check(seen):
                # A limit on a number of units counts those that match.
                units = tuple(unit for unit in case.units if self.matches(unit))
                if units and not (code == "max-units" and not too_many(units, self.limits)):
                    message = case.message or count(len(units), "unit")
                    pid = seen.graph.snapshot.pid
                    found.append(
                        Finding(
                            code,
                            level,
                            message,
                            case.evidence,
                            units,
                            case.seconds,
                            case.where,
                            pid,
                        )
                    )
        found.sort(key=lambda finding: finding.level != "deny")
        return Report(seen.graph, tuple(found), self._watch.looks, seen.span, self.all_read)

    def _level(self, code: str) -> Level:
        return self.levels.get(code, RULES[code].level)
