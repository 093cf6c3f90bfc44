"""When things are due: timers of asyncio's loops and of eventlet's hubs, in one place.

A loop keeps ``_scheduled``, a heap of TimerHandles with ``_when``, ``_callback`` and
``_args`` (asyncio/events.py, base_events.py); a hub is read by `inspector.schedule`. Both
count in CLOCK_MONOTONIC. Each loop's heap is read once, whole: thousands of sleeping tasks
then cost one dictionary look-up each.
"""

from __future__ import annotations

from inspector.memory import BadMemory
from inspector.objects import Objects
from inspector.values import BUILTINS, callable_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.capture import Capture
    from inspector.schedule import Schedule

_MAX_TIMERS = 200_000
_MAX_LOOPS = 1024
_PASSES = 3  # readings of a heap that changes
_WAKES_SLEEPER = "_set_result_unless_cancelled"
# Functions of asyncio that complete the future they are given, and methods that do so.
_COMPLETE = frozenset({_WAKES_SLEEPER, "_release_waiter"})
_COMPLETES = frozenset({b"set_result", b"set_exception", b"cancel"})
# What holds the tasks that its timer ends, and by which attributes.
_ENDS = {
    "asyncio.timeouts.Timeout": ("_task",),
    "async_timeout.Timeout": ("_task",),
    "anyio._backends._asyncio.CancelScope": ("_tasks", "_child_scopes"),
    "aiohttp.helpers.TimeoutHandle": ("_callbacks",),
    "aiohttp.helpers.TimerContext": ("_tasks",),
}
_MAX_ENDS = 10_000
_MAX_DEPTH = 40


class Timers:
    """Deadlines by what they are known by. All times are CLOCK_MONOTONIC seconds."""

    def __init__(self, capture: Capture, schedule: Schedule) -> None:
        self._objects: Objects = capture.objects
        self._tasks = capture.tasks
        self.now = capture.memory.source.clock()
        self.schedule = schedule
        self._handles: dict[int, float] = {}  # timer or handle -> when it is due
        self.futures: dict[int, float] = {}  # future that a timer completes -> when
        self.units: dict[int, tuple[float, float | None]] = {}  # task, greenlet -> (end, total)
        self._loops: set[int] = set()
        self._wakes_sleeper = 0  # futures._set_result_unless_cancelled, once seen
        self._functions: dict[int, bool] = {}  # and whether they complete their first argument
        self.sleepers: set[int] = set()  # timers of hubs that are known to end a sleep

    def due(self, timer: int) -> float | None:
        """When a timer (of a hub) or a handle (of a loop) is due; None when it is not set."""
        if not timer:
            return None
        found = self.schedule.when.get(timer)
        return self._handles.get(timer) if found is None else found

    def read_loop(self, loop: int) -> None:
        """Take in the timers of a loop, once. Loops of other makers keep theirs elsewhere."""
        if not loop or loop in self._loops or len(self._loops) >= _MAX_LOOPS:
            return
        self._loops.add(loop)
        objects = self._objects
        for _ in range(_PASSES):
            try:
                heap = objects.attribute(loop, "_scheduled")
                handles = objects.items(heap, _MAX_TIMERS) if heap else []
                objects.memory.prefetch(handles)
                self._read_handles(objects, handles)
                return
            except BadMemory:  # the loop runs and changes its heap
                objects = Objects(objects.memory.fresh(), objects.layout)

    def _read_handles(self, objects: Objects, handles: list[int]) -> None:
        """All but those that end an asyncio.sleep, whose own frame holds the handle."""
        memory = objects.memory
        kind = offset = 0
        for handle in handles:
            if memory.word(handle + 8) != kind:
                kind = memory.word(handle + 8)
                offset = objects.slot(handle, "_callback")
            if not self._wakes_sleeper or memory.word(handle + offset) != self._wakes_sleeper:
                self._read_handle(objects, handle)

    def _read_handle(self, objects: Objects, handle: int) -> None:
        due, arguments, callback = objects.slots(handle, ("_when", "_args", "_callback"))
        when = objects.real(due)
        if when is None or objects.type_of(arguments).shape != "tuple":
            return  # a cancelled handle drops its arguments
        self._handles[handle] = when
        match objects.type_of(callback).name:
            case "function" if self._completes(objects, callback):
                self.futures.update(dict.fromkeys(objects.items(arguments, 1), when))
            case "method":
                owner = objects.memory.word(callback + objects.layout.at["method.self"])
                name = callable_name(objects, callback) or ""
                if owner not in self._tasks or name.endswith(".cancel"):  # of a task in Python
                    self._end_all(objects, owner, when)
            case name if name in BUILTINS and self._method(objects, callback) in _COMPLETES:
                owner = objects.memory.word(callback + objects.layout.at["builtin.self"])
                self.futures[owner] = when
                if owner in self._tasks:
                    self._ends(owner, when, None)

    def _completes(self, objects: Objects, function: int) -> bool:
        known = self._functions.get(function)
        if known is None:
            name = callable_name(objects, function)
            known = self._functions[function] = name in _COMPLETE
            if name == _WAKES_SLEEPER:
                self._wakes_sleeper = function
        return known

    def _method(self, objects: Objects, builtin: int) -> bytes:
        """The name of a builtin method."""
        memory = objects.memory
        method = memory.word(builtin + objects.layout.at["builtin.method"])
        return memory.text(memory.word(method), 32)

    def _end_all(self, objects: Objects, owner: int, when: float) -> None:
        """Note for the tasks behind a timer's method, and behind what holds them, when it is."""
        pending = [(owner, 0)]
        left = _MAX_ENDS
        while pending and left:
            value, depth = pending.pop()
            left -= 1
            if not value or depth > _MAX_DEPTH:
                continue
            if value in self._tasks:
                self._ends(value, when, None)
                continue
            kind = objects.type_of(value)
            inner = objects.items(value)
            if kind.name == "method":
                inner = [objects.memory.word(value + objects.layout.at["method.self"])]
            elif kind.full in _ENDS and not (depth > 1 and self._is_shielded(objects, value)):
                inner = [objects.attribute(value, name) for name in _ENDS[kind.full]]
            pending += [(one, depth + 1) for one in inner]

    def _is_shielded(self, objects: Objects, scope: int) -> bool:
        """Whether the end of an outer scope of anyio's leaves this one alone."""
        shield = objects.attribute(scope, "_shield")
        return bool(shield and objects.integer(shield))

    def _ends(self, unit: int, when: float, total: float | None) -> None:
        known = self.units.get(unit)
        if known is None or when < known[0]:
            self.units[unit] = (when, total)

    def read_throws(self) -> None:
        """Take in eventlet's Timeouts: timers that call ``greenlet.throw`` (timeout.py)."""
        objects = self._objects
        memory, method_at = objects.memory, objects.layout.at["builtin.method"]
        throws: dict[int, bool] = {}  # a PyMethodDef, and whether it is that of throw
        for timer, when in self.schedule.when.items():
            if timer in self.sleepers:
                continue
            try:
                parts = objects.items(objects.attribute(timer, "tpl") or timer, 3)
                if len(parts) != 3 or objects.type_of(parts[0]).name not in BUILTINS:
                    continue
                method = memory.word(parts[0] + method_at)
                if method not in throws:
                    throws[method] = memory.text(memory.word(method), 8) == b"throw"
                called = objects.attribute(timer, "called") if throws[method] else 0
                if throws[method] and not (called and objects.integer(called)):
                    greenlet = memory.word(parts[0] + objects.layout.at["builtin.self"])
                    total = objects.real(objects.attribute(timer, "seconds"))
                    self._ends(greenlet, when, total)
            except BadMemory:
                continue
