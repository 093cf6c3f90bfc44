"""What a green thread is called: the function it was given to run.

Eventlet starts most in a function of its own, which has that one in a local. Source:
eventlet/greenthread.py, greenpool.py and green/thread.py, 0.33 to 0.41; Lib/threading.py.
"""

from __future__ import annotations

from inspector.frames import module_of
from inspector.memory import BadMemory
from inspector.values import callable_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.frames import Place, Stack
    from inspector.greenlets import GreenletFacts
    from inspector.objects import Objects
    from inspector.schedule import Schedule

_STARTERS = {
    ("eventlet.greenthread", "GreenThread.main"): "function",
    ("eventlet.greenpool", "GreenPool._spawn_n_impl"): "func",
    ("eventlet.green.thread", "__thread_body"): "func",
}
_THREAD_STARTS = "Thread._bootstrap"  # bound to the `threading.Thread`


class Names:
    """The names of one capture's green threads, "" where none can be told."""

    def __init__(self, objects: Objects, schedule: Schedule) -> None:
        self._objects = objects
        self._schedule = schedule
        self._functions: dict[int, int] | None = None  # that timers will start, by greenlet
        self._known: dict[int, str] = {}  # by address of the function: thousands may run it
        # Where it is read from: the frame's index and the local, or -1; else the name itself.
        self._places: dict[Place, tuple[int, str, str]] = {}

    def name(self, green: GreenletFacts) -> str:
        """The function that a green thread runs, or will run."""
        try:
            return self._running(green) if green.stack else self._starting(green)
        except BadMemory:
            return ""

    def _running(self, green: GreenletFacts) -> str:
        objects, stack = green.frames.objects, green.stack
        found = self._places.get(stack.place)
        if found is None:
            found = self._places[stack.place] = _told_by(objects, stack)
        index, local, name = found
        if index >= 0:
            return self._function(stack.local(objects, index, local)) or name
        return name

    def _starting(self, green: GreenletFacts) -> str:
        if self._functions is None:
            self._functions = self._schedule.functions()
        objects = self._objects
        # What greenlet was given to run, or the method of that name of a class of its own.
        run = green.run or objects.class_attribute(objects.type_of(green.address), "run")
        return self._function(self._functions.get(green.address, 0)) or self._function(run)

    def _function(self, address: int) -> str:
        if address not in self._known:
            name = callable_name(self._objects, address) if address else ""
            if name == _THREAD_STARTS:
                name = self._of_thread(address) or name
            self._known[address] = name or ""
        return self._known[address]

    def _of_thread(self, bootstrap: int) -> str | None:
        """What a `threading.Thread` that Eventlet made green runs."""
        objects = self._objects
        if objects.type_of(bootstrap).name != "method":
            return None
        thread = objects.memory.word(bootstrap + objects.layout.at["method.self"])
        run = callable_name(objects, objects.class_attribute(objects.type_of(thread), "run"))
        if run != "Thread.run":
            return run
        target = objects.attribute(thread, "_target")
        return callable_name(objects, target) if target else run


def _told_by(objects: Objects, stack: Stack) -> tuple[int, str, str]:
    """Which frame has the function in which local, -1 for none, and what to say without it."""
    index, local, name = -1, "", stack[-1][1].qualname
    for place in range(len(stack) - 1, -1, -1):
        frame = stack[place]
        starter = _STARTERS.get((module_of(objects, frame), frame[1].qualname))
        if starter is None:
            return index, local, frame[1].qualname
        index, local = place, starter
    return index, local, name
