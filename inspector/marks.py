"""What tells one wait from the next at the same place, and one turn of a loop from the next.

A unit that has gone around once more stands where it stood before, and a loop that gives a
task a turn after the other shows the same task at each look. What differs is in the locals:
a unit's are other objects, and a loop or hub notes when its present turn began.
Sources: Lib/asyncio/base_events.py (``_run_once``), eventlet/hubs/hub.py (``fire_timers``).
"""

from __future__ import annotations

from inspector.frames import FrameView, module_of
from inspector.memory import BadMemory
from inspector.snapshot import Turn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from inspector.capture import Capture
    from inspector.frames import Frames, Stack
    from inspector.snapshot import Unit

_ENDS = 200  # frames at either end of a stack whose locals are looked at
_TURNS = (("_run_once", "end_time", "asyncio."), ("fire_timers", "when", "eventlet.hubs"))


def of_units(capture: Capture) -> dict[str, int]:
    """Unit that does not run -> a number that is another one after it has run, as a rule.

    The same for as long as it stands still; hardly ever the same when it comes by again.
    """
    found: dict[str, int] = {}
    for address, task in capture.tasks.items():
        if not task.executing:
            found[f"task:{address:#x}"] = _mark(task.frames, task.stack, task.waiter)
    for address, green in capture.greenlets.items():
        if not green.running:
            found[f"green:{address:#x}"] = _mark(green.frames, green.stack, 0)
    return found


def _mark(frames: Frames, stack: Stack, waiter: int) -> int:
    ends = stack if len(stack) <= 2 * _ENDS else stack.part(0, _ENDS) + stack.part(-_ENDS)
    words: list[object] = [waiter]
    for view in frames.views(ends):
        words += view.address, view.instruction
        try:
            words += view.words()
        except BadMemory:
            words.append(None)
    return hash(tuple(words))


def turns(capture: Capture, units: Iterable[Unit]) -> dict[int, Turn]:
    """Thread that is in a turn of its loop or hub -> that turn.

    Of a loop in C (uvloop), and of a hub that has just been given an event by the kernel, it is
    not known.
    """
    found: dict[int, float] = {}
    for unit in units:
        if unit.kind == "hub" and unit.tid is not None:
            green = capture.greenlets[int(unit.id.partition(":")[2], 16)]
            began = _began(green.frames, green.stack)
            if began is not None:
                found[unit.tid] = began
    for thread in capture.threads:
        began = _began(thread.frames, thread.stack)
        if began is not None:
            found[thread.state.tid] = began
    now = capture.memory.source.clock()
    return {tid: Turn(began, max(now - began, 0.0)) for tid, began in found.items()}


def _began(frames: Frames, stack: Stack) -> float | None:
    """What the innermost function that is a turn of a loop knows of its begin."""
    for frame in stack:
        for function, local, module in _TURNS:
            if frame[1].name != function:
                continue
            try:
                if module_of(frames.objects, frame).startswith(module):
                    return frames.objects.real(FrameView(frames.objects, frame).local(local))
            except BadMemory:
                continue
    return None
