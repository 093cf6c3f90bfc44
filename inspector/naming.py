"""What a green thread is called: the function it was given to run.

Eventlet starts most in a function of its own, which has that one in a local. Source:
eventlet/greenthread.py, greenpool.py and green/thread.py, 0.33 to 0.41; Lib/threading.py.
"""

from __future__ import annotations

from inspector.frames import FrameView, module_of
from inspector.memory import BadMemory
from inspector.values import callable_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.code_objects import Code
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
        self._locals: dict[Code, str | None] = {}  # of code that starts others, their function's

    def name(self, green: GreenletFacts) -> str:
        """The function that a green thread runs, or will run."""
        try:
            return self._running(green) if green.stack else self._starting(green)
        except BadMemory:
            return ""

    def _running(self, green: GreenletFacts) -> str:
        objects, name = green.frames.objects, ""
        for frame in reversed(green.stack):
            code = frame[1]
            if code not in self._locals:
                self._locals[code] = _STARTERS.get((module_of(objects, frame), code.qualname))
            local = self._locals[code]
            if local is None:
                return name or code.qualname
            name = self._function(FrameView(objects, frame).local(local))
        return name or green.stack[-1][1].qualname

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
