"""Who cannot go on before whom: task and green thread, in all four directions.

CPython records task -> task (``awaited_by``, 3.14+). The edges between the two worlds are
told by eventlet's own code: the frames a green thread waits in, and the callbacks of the
future a task waits for (eventlet/greenthread.py, eventlet/asyncio.py, 0.38 to 0.41).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector.frames import FrameView
from inspector.memory import BadMemory

if TYPE_CHECKING:
    from inspector.capture import Capture
    from inspector.greenlets import GreenletFacts
    from inspector.objects import Objects
    from inspector.tasks import TaskFacts

Pair = tuple[int, int]  # addresses of waiter and target

# A green thread that waits in this function waits for what this local names.
_GREEN_WAITS = {
    "GreenThread.wait": ("self", "GreenThread.wait"),
    "spawn_for_awaitable.<locals>._run": ("future", "spawn_for_awaitable"),
}
# A coroutine that waits in this function of asyncio waits for the tasks in this local, or in
# this attribute of it. What `awaited_by` says of 3.14 comes out the same.
_TASK_WAITS = {
    "_wait": ("fs", ""),
    "wait_for": ("fut", ""),
    "TaskGroup.__aexit__": ("self", "_tasks"),
    "TaskGroup._aexit": ("self", "_tasks"),
    "_AsCompletedIterator._wait_for_one": ("self", "_todo"),
}
_LEAF_FRAMES = 6  # how far above the leaf such a function stands
_MAX_CALLBACKS = 64
_MAX_AWAITED = 100_000


def find_edges(capture: Capture) -> dict[Pair, str]:
    """(waiter, target) -> by what means, for all units of the capture."""
    found: dict[Pair, str] = {}
    waits = _TaskWaits()
    for address, task in capture.tasks.items():
        for awaiter in task.awaiters:
            # It is also set by `shield`, for whoever called it and need not wait for it.
            if awaiter in capture.tasks and capture.tasks[awaiter].waiter:
                found[awaiter, address] = "awaits"
        if task.waiter in capture.tasks:
            found[address, task.waiter] = "awaits"
        elif task.waiter:
            for awaited in waits.awaited(task):
                if awaited in capture.tasks:
                    found[address, awaited] = "awaits"
            if capture.greenlets and (green := _awaited_green(capture, task.waiter)):
                found[address, green] = "await GreenThread"
    for facts in capture.greenlets.values():
        _green_edges(capture, facts, found)
    return found


def _green_edges(capture: Capture, green: GreenletFacts, found: dict[Pair, str]) -> None:
    for raw in green.stack[:_LEAF_FRAMES]:
        code = raw[1]
        rule = _GREEN_WAITS.get(code.qualname)
        if rule is None or "/eventlet/" not in code.file:
            continue
        try:
            target = FrameView(green.frames.objects, raw).local(rule[0])
        except BadMemory:
            return
        if target != green.address and (target in capture.greenlets or target in capture.tasks):
            found[green.address, target] = rule[1]
        return


class _TaskWaits:
    """The tasks (or other objects) behind the future that a task waits for, by asyncio's code."""

    def __init__(self) -> None:
        self._plain: set[tuple[int, int]] = set()  # code of the leaf, type of the future: none

    def awaited(self, task: TaskFacts) -> list[int]:
        """They, none where the future stands for itself or cannot be read."""
        objects = task.frames.objects
        try:
            place = task.waiter + 8
            kind = objects.memory.pages[place >> 12][(place >> 3) & 511]
            code = task.stack[0][1] if task.stack else None
            case = (code.address if code else 0, kind)
            if case in self._plain:
                return []
            rule = _TASK_WAITS.get(code.qualname) if code and "/asyncio/" in code.file else None
            if rule is not None:
                local, attribute = rule
                value = FrameView(objects, task.stack[0]).local(local)
                if value and attribute:
                    value = objects.attribute(value, attribute)
                return (objects.items(value, _MAX_AWAITED) or [value]) if value else []
            if objects.type_at(kind).name == "_GatheringFuture":
                return objects.items(objects.attribute(task.waiter, "_children"), _MAX_AWAITED)
            self._plain.add(case)
        except BadMemory:
            pass
        return []


def _awaited_green(capture: Capture, future: int) -> int:
    """The green thread that will complete a future: ``GreenThread.__await__`` made it.

    It hangs two closures on the future that hold the green thread as ``self``.
    """
    objects = capture.objects
    at, memory = objects.layout.at, objects.memory
    try:
        if objects.type_of(future).full != "_asyncio.Future":
            return 0
        callbacks = [memory.word(future + at["future.callback0"])]
        more = memory.word(future + at["future.callbacks"])
        if not more and objects.type_of(callbacks[0]).name != "function":
            return 0
        if more:
            for item in objects.items(more, _MAX_CALLBACKS):
                callbacks += objects.items(item, 1)
        for callback in callbacks:
            if callback and (green := _closes_over_green(capture, objects, callback)):
                return green
    except BadMemory:
        pass
    return 0


def _closes_over_green(capture: Capture, objects: Objects, function: int) -> int:
    at, memory = objects.layout.at, objects.memory
    if objects.type_of(function).name != "function":
        return 0
    qualname = objects.text(memory.word(function + at["function.qualname"]), 256) or ""
    if not qualname.startswith("GreenThread.__await__.<locals>."):
        return 0
    closure = memory.word(function + at["function.closure"])
    for cell in objects.items(closure, 8) if closure else ():
        value = memory.word(cell + at["cell.contents"])
        if value in capture.greenlets:
            return value
    return 0
