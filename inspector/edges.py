"""Who cannot go on before whom: task and green thread, in all four directions.

CPython records task -> task (``awaited_by``, 3.14+). The edges between the two worlds are
told by eventlet's own code: the frames a green thread waits in, and the callbacks of the
future a task waits for (eventlet/greenthread.py, eventlet/asyncio.py, 0.38 to 0.41).
"""

from __future__ import annotations

from itertools import islice

from inspector.callbacks import closures
from inspector.frames import FrameView, module_of
from inspector.memory import BadMemory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.capture import Capture
    from inspector.frames import Place, Stack
    from inspector.objects import Objects
    from inspector.tasks import TaskFacts

Pair = tuple[int, int]  # addresses of waiter and target

# A green thread that waits in this function waits for what this local names.
_GREEN_WAITS = {
    "GreenThread.wait": ("self", "GreenThread.wait"),
    "spawn_for_awaitable.<locals>._run": ("future", "spawn_for_awaitable"),
}
# A coroutine that waits in this function of asyncio waits for the tasks in this local, or in
# this attribute of it.
_TASK_WAITS = {
    "_wait": ("fs", ""),
    "wait_for": ("fut", ""),
    "staggered_race": ("running_tasks", ""),
    "TaskGroup.__aexit__": ("self", "_tasks"),
    "TaskGroup._aexit": ("self", "_tasks"),
    "_AsCompletedIterator._wait_for_one": ("self", "_todo"),
}
FIRST = "first of"  # of several, and any of them is enough
SEMAPHORE = "semaphore"  # of those who are in it, and any of them is enough
CALLBACK = "done callback"  # what is called at the target's end goes on with the waiter
LATER = "awaits later"  # it will, or may: it does something else yet
# What `shield` hangs on the future that it returns. Of its cells, which are in the order of
# their names, the last is the ``inner`` one; since 3.14 another is the task that called it.
SHIELDS = "shield.<locals>._outer_done_callback"
_LEAF_FRAMES = 6  # how far above the leaf such a function stands
_MAX_AWAITED = 2_000_000


def find_edges(capture: Capture) -> dict[Pair, str]:
    """(waiter, target) -> by what means, for all units of the capture."""
    found: dict[Pair, str] = {}
    waits = _TaskWaits(capture)
    for address, task in capture.tasks.items():
        if not task.waiter:
            continue
        if task.waiter in capture.tasks:
            # asyncio lets no task await itself but in a `gather`: the other is one that came
            # in another's place.
            if task.waiter != address:
                found[address, task.waiter] = "awaits"
        else:
            via, awaited = waits.awaited(task)
            for one in awaited:
                found[address, one] = via
            if capture.greenlets and (green := _awaited_green(capture, task.waiter)):
                found[address, green] = "await GreenThread"
    for address, task in capture.tasks.items():
        for awaiter in task.awaiters:
            # CPython notes it from the moment that a task group, `gather` or `shield` is given
            # a task: who called that may go on to other things, and wait for these.
            if awaiter != address and awaiter in capture.tasks and capture.tasks[awaiter].waiter:
                found.setdefault((awaiter, address), LATER)
    _add_green_edges(capture, found)
    return found


def _add_green_edges(capture: Capture, found: dict[Pair, str]) -> None:
    rules: dict[Place, tuple[int, str, str] | None] = {}
    for address, green in capture.greenlets.items():
        stack, objects = green.stack, green.frames.objects
        if stack.place not in rules:
            rules[stack.place] = _green_rule(objects, stack)
        rule = rules[stack.place]
        if rule is None:
            continue
        index, local, via = rule
        try:
            target = stack.local(objects, index, local)
        except BadMemory:
            continue
        if target != address and (target in capture.greenlets or target in capture.tasks):
            found[address, target] = via


def _green_rule(objects: Objects, stack: Stack) -> tuple[int, str, str] | None:
    """The innermost frame with a rule, and that rule."""
    for index, raw in enumerate(islice(stack, _LEAF_FRAMES)):
        rule = _GREEN_WAITS.get(raw[1].qualname)
        if rule is not None and module_of(objects, raw).startswith("eventlet."):
            return index, *rule
    return None


class _TaskWaits:
    """The tasks behind the future that a task waits for, by asyncio's code."""

    def __init__(self, capture: Capture) -> None:
        self._tasks = capture.tasks
        # Types of futures, and where who waits stands: no task stands behind these.
        self._plain: set[tuple[int, Place]] = set()

    def awaited(self, task: TaskFacts) -> tuple[str, list[int]]:
        """By what means, and they; none where the future stands for itself or is unreadable."""
        objects = task.frames.objects
        try:
            place = task.waiter + 8
            kind = objects.memory.pages[place >> 12][(place >> 3) & 511]
            case = (kind, task.stack.place)
            if case in self._plain:
                return "", []
            via, behind = self._by_rule(task)
            if not via:
                if objects.type_at(kind).name != "_GatheringFuture":
                    self._plain.add(case)
                    return "", []
                via, behind = "awaits", [task.waiter]
            return via, self._expand(objects, behind)
        except BadMemory:
            return "", []

    def _by_rule(self, task: TaskFacts) -> tuple[str, list[int]]:
        """What the function waits for in which the task stands, or the one that called it."""
        objects = task.frames.objects
        for frame in islice(task.stack, 2):
            code = frame[1]
            rule = _TASK_WAITS.get(code.qualname)
            if not module_of(objects, frame).startswith("asyncio."):
                break
            if rule is None:
                continue
            local, attribute = rule
            view = FrameView(objects, frame)
            value = view.local(local)
            if value and attribute:
                value = objects.attribute(value, attribute)
            if not value:
                return "awaits", []
            items = objects.items(value, _MAX_AWAITED) or [value]
            enough = code.qualname == "_AsCompletedIterator._wait_for_one" or (
                code.qualname == "_wait"
                and objects.text(view.local("return_when"), 32) != "ALL_COMPLETED"
            )
            return FIRST if enough and len(items) > 1 else "awaits", items
        return "", []

    def _expand(self, objects: Objects, futures: list[int]) -> list[int]:
        """The tasks among them, and those that the others stand for."""
        found: dict[int, None] = {}
        seen: set[int] = set()
        pending = futures[::-1]
        while pending and len(seen) < _MAX_AWAITED:
            one = pending.pop()
            if one in self._tasks:
                found[one] = None
            elif one not in seen:
                seen.add(one)
                try:
                    pending += _stands_for(objects, one)
                except BadMemory:
                    continue
        return list(found)


def _stands_for(objects: Objects, future: int) -> list[int]:
    """The futures behind one that ``gather`` or ``shield`` made."""
    if objects.type_of(future).name == "_GatheringFuture":
        return objects.items(objects.attribute(future, "_children"), _MAX_AWAITED)[::-1]
    first = next(iter(closures(objects, future)), None)
    return first.holds[-1:] if first and first.name == SHIELDS else []


def _awaited_green(capture: Capture, future: int) -> int:
    """The green thread that will complete a future: ``GreenThread.__await__`` made it.

    It hangs two closures on the future that hold the green thread as ``self``.
    """
    try:
        if capture.objects.type_of(future).full == "_asyncio.Future":
            for name, holds in closures(capture.objects, future):
                if name.startswith("GreenThread.__await__.<locals>."):
                    for value in holds:
                        if value in capture.greenlets:
                            return value
    except BadMemory:
        pass
    return 0
