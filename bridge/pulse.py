"""Whether loops and hubs turn: who holds a loop's thread, and at how many looks in a row.

A loop is seen to turn when a look finds it waiting for events, finds another unit on its
thread than the look before, or the same one with other callers or elsewhere in a coroutine,
or when any other unit of the thread has moved, come or gone. Most say themselves when their
present turn began: a task that gives way again and again, and is alone, keeps nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inspector.snapshot import Frame, Snapshot, Thread, Unit

# Functions in which a loop or hub waits for events, or runs what is due.
_WAITS = {"select", "wait", "do_poll"}
_RUNS = {"_run_once", "fire_timers", "wait", "run"}


class Beat(NamedTuple):
    """A thread that one unit, or one callback, has held for several looks."""

    tid: int
    unit: str | None  # id; None for a callback that is no unit's
    hub: bool  # an Eventlet hub, else an asyncio loop
    asleep: bool  # the OS thread slept in the kernel at every look
    looks: int
    seconds: float  # from the first of these looks to the last
    turn: float | None  # seconds since the loop's present turn began, where it tells
    stack: tuple[Frame, ...]  # innermost first, down to the loop


class Pulse:
    """The looks so far, as far as they bear on who holds which thread."""

    def __init__(self) -> None:
        self._beats: dict[int, tuple[object, Beat, float]] = {}  # tid -> key, beat, since

    def add(self, snapshot: Snapshot, asleep: frozenset[int]) -> None:
        """Add a look; ``asleep`` holds the OS threads that slept in the kernel."""
        units = {unit.id: unit for unit in snapshot.units}
        hubs = {unit.tid: unit for unit in snapshot.units if unit.kind == "hub"}
        places = _places(snapshot)
        beats: dict[int, tuple[object, Beat, float]] = {}
        for thread in snapshot.threads:
            hub, turn = hubs.get(thread.tid), snapshot.turns.get(thread.tid)
            holder = _holder(thread, units, hub)
            if holder is None:
                continue
            unit, stack = holder
            # Where the innermost frame stands may vary: it is what keeps the thread.
            callers = [(frame.function, frame.file, frame.line) for frame in stack[1:]]
            outer = [place for place, frame in zip(callers, stack[1:], strict=True)
                     if frame.coroutine] or callers[-2:]  # fmt: skip
            turned = turn and turn.began, hub and snapshot.marks.get(hub.id)
            key = (unit, stack[-1].function, outer, places.get(thread.tid), turned)
            sleeps = thread.tid in asleep
            looks, since = 1, snapshot.taken_at
            before = self._beats.get(thread.tid)
            if before is not None and before[0] == key:
                looks, since = before[1].looks + 1, before[2]
                sleeps = sleeps and before[1].asleep
            seconds = snapshot.taken_at - since
            age = turn and turn.age
            beat = Beat(thread.tid, unit, hub is not None, sleeps, looks, seconds, age, stack)
            beats[thread.tid] = (key, beat, since)
        self._beats = beats

    def held(self, looks: int) -> Iterator[Beat]:
        """The threads that have been held for at least ``looks`` looks, up to the last."""
        return (beat for _, beat, _ in self._beats.values() if beat.looks >= looks)


def _places(snapshot: Snapshot) -> dict[int | None, list[tuple[object, ...]]]:
    """Where each thread's units stand that do not run."""
    found: dict[int | None, list[tuple[object, ...]]] = {}
    for unit in snapshot.units:
        if unit.state != "running":
            frame = unit.stack[0] if unit.stack else None
            place = (unit.id, len(unit.stack), frame and (frame.function, frame.line))
            found.setdefault(unit.tid, []).append(place)
    for places in found.values():
        places.sort(key=lambda place: str(place[0]))
    return found


def _holder(
    thread: Thread, units: dict[str, Unit], hub: Unit | None
) -> tuple[str | None, tuple[Frame, ...]] | None:
    """Who holds the thread of a loop, and its stack; None when the loop waits, or is none."""
    stack = thread.stack
    green = units.get(thread.current_greenlet or "")
    in_hub = hub is not None and green is hub
    # The outermost function of a hub is its own: what lies beside that is the hub's as well.
    own = _folder(stack[-1]) if in_hub and stack else None
    if not stack or _waits(stack[0], own):
        return None
    task = units.get(thread.current_task or "")
    if task is not None and task.state == "running":
        return task.id, task.stack or stack
    if hub is not None and green is not None and not in_hub:
        return green.id, green.stack or stack
    for index, frame in enumerate(stack):
        if index and _called(frame) in _RUNS and _is_loop(frame, own):
            return None, stack[:index]
    return None


def _waits(frame: Frame, own: str | None) -> bool:
    selects = frame.file.rpartition("/")[2] == "selectors.py"
    return _called(frame) in _WAITS and (selects or _is_loop(frame, own))


def _is_loop(frame: Frame, own: str | None) -> bool:
    return _folder(frame) == own or frame.file.split("/")[-2:] == ["asyncio", "base_events.py"]


def _called(frame: Frame) -> str:
    return frame.function.rpartition(".")[2]


def _folder(frame: Frame) -> str:
    return frame.file.rpartition("/")[0]
