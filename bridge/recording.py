"""Where units spend wall time, from many looks: what they wait on counts like what they run.

Each look stands for the seconds until the next one. A stack's seconds are therefore those
of all units that were in it together: ten tasks that sleep for a second are ten seconds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge import graph, redact, words
from bridge.escape import clean
from bridge.watch import branch_of
from inspector.snapshot import Frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bridge.graph import Graph
    from inspector.snapshot import Snapshot, Unit

SPEEDSCOPE_SCHEMA = "https://www.speedscope.app/file-format-schema.json"
MOST_UNITS = 100  # that get a time line of their own

_WORLDS = {"task": "tasks", "green": "green threads", "hub": "threads", "main": "threads"}
# What these waits are for says more than their kind.
_ON_UNITS = ("task", "green", "gather", "future", "unknown")


class Place(NamedTuple):
    """One frame of a recorded stack; ``file`` is empty for what is no code."""

    name: str
    file: str = ""
    line: int = 0


Stack = tuple[Place, ...]  # outermost first


class Line:
    """What one unit did, in order: its stacks and how long it was in each, seconds.

    The stack is empty while it was not there: the next one of its name may be another unit.
    """

    __slots__ = ("end", "name", "spells", "start")

    def __init__(self, name: str, start: float) -> None:
        self.name = name
        self.start = self.end = start  # seconds after the first look
        self.spells: list[tuple[Stack, float]] = []

    def add(self, stack: Stack, at: float, seconds: float) -> None:
        """In ``stack`` for ``seconds``, from ``at`` on (seconds after the first look)."""
        if at > self.end:
            self.spells.append(((), at - self.end))
        self.end = max(at + seconds, self.end)  # a clock may be set back
        if self.spells and self.spells[-1][0] == stack:
            seconds += self.spells.pop()[1]
        self.spells.append((stack, seconds))


class Recording:
    """Adds up looks. Call `finish` after the last one."""

    def __init__(self) -> None:
        self.looks = 0
        self.seconds: dict[Stack, float] = {}  # of all units together
        self.lines: dict[tuple[str, str], Line] = {}  # by id and name, the first MOST_UNITS seen
        self._began = 0.0
        self._last = 0.0
        self._present: list[tuple[Unit, Stack]] = []

    def add(self, snapshot: Snapshot) -> None:
        """One more look, later than those before."""
        self.finish(snapshot.taken_at)
        if not self.looks:
            self._began = snapshot.taken_at
        self.looks += 1
        self._last = snapshot.taken_at
        one = graph.build(snapshot)
        inner = {part.id for parts in one.parts.values() for part in parts}
        self._present = [
            (unit, stack_of(one, unit)) for unit in one.units.values() if unit.id not in inner
        ]

    def finish(self, at: float) -> None:
        """Count the time from the last look until ``at`` (UNIX seconds)."""
        start, seconds = self._last - self._began, max(at - self._last, 0.0)
        present, self._present = self._present, []
        for unit, stack in present:
            self.seconds[stack] = self.seconds.get(stack, 0.0) + seconds
            key = unit.id, unit.name
            line = self.lines.get(key)
            if line is None:
                if len(self.lines) >= MOST_UNITS:
                    continue
                line = self.lines[key] = Line(unit.name, start)
            line.add(stack, start, seconds)


def stack_of(one: Graph, unit: Unit) -> Stack:
    """The unit's world, its calls (its parts' are among them), and what it waits on."""
    places = [Place(frame.function, frame.file, frame.line) for frame in reversed(unit.stack)]
    leaf = _leaf(one, [unit, *one.parts.get(unit.id, ())])
    return (Place(_WORLDS[unit.kind]), *places, *([Place(leaf)] if leaf else ()))


def collapsed(recording: Recording) -> Iterator[str]:
    """One line for each stack, its frames parted by ``;``, then milliseconds of wall time.

    The format of Brendan Gregg's stackcollapse scripts, without line ends.
    """
    for stack, seconds in recording.seconds.items():
        if milliseconds := round(seconds * 1000):
            frames = ";".join(_one_word(place) for place in stack)
            yield f"{frames} {milliseconds}"


def speedscope(recording: Recording, name: str, exporter: str) -> str:
    """The recording as a speedscope file: all units together, each world, then each unit.

    Source of the format: speedscope's file-format-spec.ts and its published JSON schema.
    """
    places: dict[Place, int] = {}
    profiles = [_profile("all", recording.seconds.items(), places)]
    for world in dict.fromkeys(_WORLDS.values()):
        spells = [(k, v) for k, v in recording.seconds.items() if k[0].name == world]
        if spells:
            profiles.append(_profile(world, spells, places))
    profiles += [
        _profile(clean(line.name), line.spells, places, line.start)
        for line in recording.lines.values()
    ]
    document = {
        "$schema": SPEEDSCOPE_SCHEMA,
        "name": name,
        "exporter": exporter,
        "activeProfileIndex": 0,
        "shared": {"frames": [_frame(place) for place in places]},
        "profiles": profiles,
    }
    return json.dumps(document, allow_nan=False, separators=(",", ":")) + "\n"


def _profile(
    name: str, spells: Iterable[tuple[Stack, float]], places: dict[Place, int], start: float = 0.0
) -> dict[str, Any]:
    samples = []
    weights = []
    for stack, seconds in spells:
        samples.append([places.setdefault(place, len(places)) for place in stack])
        weights.append(round(seconds, 6))
    return {
        "type": "sampled",
        "name": name,
        "unit": "seconds",
        "startValue": round(start, 6),
        "endValue": round(start + sum(weights), 6),
        "samples": samples,
        "weights": weights,
    }


def _frame(place: Place) -> dict[str, Any]:
    frame: dict[str, Any] = {"name": clean(place.name)}
    if place.file:
        frame["file"] = clean(place.file)
    if place.line:
        frame["line"] = place.line
    return frame


def _one_word(place: Place) -> str:
    """A frame for a collapsed stack, where ``;`` parts frames and the last space the count."""
    where = f" ({words.location(Frame(*place))})" if place.file else ""
    return clean(place.name + where).replace(";", ",")


def _leaf(one: Graph, units: Sequence[Unit]) -> str:
    """Why the calls do not go on, alike for all units that wait alike; "" while they do."""
    state = units[0].state
    if state == "running":
        return ""
    if state != "waiting":
        return f"[{state.replace('_', ' ')}]"
    wait = next((unit.wait for unit in units if unit.wait), None)
    if wait is not None and wait.on not in _ON_UNITS:
        parts = (wait.on, wait.mode, wait.peer)
        return f"[waits: {redact.text(' '.join(part for part in parts if part))}]"
    targets = {
        f"{words.KINDS[target.kind]} {branch_of(target).function}"
        for unit in units
        for target in (one.units[edge.target] for edge in one.waits_for.get(unit.id, ()))
    }
    if targets:
        return f"[waits for {targets.pop() if len(targets) == 1 else 'several'}]"
    return f"[waits: {wait.on}]" if wait else "[waits]"
