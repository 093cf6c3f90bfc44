"""Opt-in birth records: when and where each task and green thread came to be, and by whom.

``install()`` as the program's first line, or ``migrate run -- python app.py`` without a
change to it. Every unit born afterwards carries one attribute, `ATTRIBUTE`, that
`inspector.tracked` reads from outside:

    (monotonic seconds, code object, offset of the instruction in it, parent's address)

The record lies on the unit and so dies with it: no registry, no weak references, nothing
to clean up. It holds a code object and an offset instead of a file and a line since
computing a line costs more than all the rest; the reader does it. The parent is an
address and no reference, so that a child keeps nobody alive; a parent that was born after
its child is another one at the same address.

Standard library only, and nothing of this project: ``migrate run`` loads this file by its
path into processes where the project is not installed.
"""

from __future__ import annotations

import functools
import sys
from importlib.util import find_spec
from sys import _getframe
from time import monotonic
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from traceback import FrameSummary
    from types import CodeType


ATTRIBUTE = "_migrate_born"
MODULE = "_eventlet_migrate_tracking"  # in sys.modules: the sign that births are recorded

# Modules that spawn on behalf of their caller; "spawned at" names the caller's line.
_MIDDLEMEN = frozenset(
    {
        "anyio._backends._asyncio",
        "anyio._core._eventloop",
        "anyio.abc._tasks",
        "asyncio.base_events",
        "asyncio.runners",
        "asyncio.taskgroups",
        "asyncio.tasks",
        "eventlet.asyncio",
        "eventlet.greenpool",
        "eventlet.greenthread",
        "uvloop",
        __name__,
    }
)


_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class whose attributes may be set


class Birth(NamedTuple):
    """A unit's record, for use inside the process."""

    at: float  # time.monotonic() seconds
    file: str
    line: int  # 1-based, 0 when unknown
    parent: int | None  # id() of the unit that spawned it


def install() -> None:
    """Record the birth of every unit from now on. The second call does nothing.

    Call it before greenlet, eventlet or asyncio are imported if you can: it imports none
    of them and waits for them. Classes derived from ``greenlet`` earlier are covered too.
    """
    if MODULE in sys.modules:
        return
    sys.modules[MODULE] = sys.modules.get(__name__) or ModuleType(MODULE)
    sys.meta_path.insert(0, _AfterImport())
    for name, prepare in _PREPARE.items():
        if module := sys.modules.get(name):
            prepare(module)


def birth(unit: object) -> Birth | None:
    """The record of a task or greenlet of this process, None when it has none."""
    record = getattr(unit, ATTRIBUTE, None)
    if record is None:
        return None
    at, code, offset, parent = record
    return Birth(at, code.co_filename, _line(code, offset), parent)


def _line(code: CodeType, offset: int) -> int:
    for start, end, line in code.co_lines():
        if start <= offset < end:
            return line or 0
    return 0


def _track_greenlets(module: ModuleType) -> None:
    """Make ``greenlet.greenlet`` a subclass whose instances are born with a record.

    greenlet's own trace hook would cost every switch; a subclass costs the birth only.
    """
    if "gevent" in sys.modules:
        return  # see _leave_greenlets
    real = module.greenlet
    real_new, current = real.__new__, real.getcurrent
    modules: dict[str, Any] = sys.modules
    middlemen = _MIDDLEMEN  # a closure's variable costs less than a global here and below

    def new(cls: type, *_args: object, **_kwargs: object) -> object:
        unit = real_new(cls)
        frame: Any = _getframe(1)
        while frame.f_globals.get("__name__") in middlemen and frame.f_back is not None:
            frame = frame.f_back
        parent = current()
        # A task wins: it runs in the greenlet that runs the loop, or lends it its step.
        if "asyncio.tasks" in modules and (loop := modules["asyncio.events"]._get_running_loop()):
            parent = modules["asyncio.tasks"].current_task(loop) or parent
        unit._migrate_born = (monotonic(), frame.f_code, frame.f_lasti, id(parent))
        return unit

    class Kind(type):
        def __instancecheck__(cls, instance: object) -> bool:
            # Main greenlets and those that C code makes are of the real class.
            if cls is tracked:
                return isinstance(instance, real)
            return super().__instancecheck__(instance)

    namespace = {"__new__": new, "__module__": real.__module__, "__doc__": real.__doc__}
    tracked: Any = Kind(real.__name__, (real,), namespace)
    for derived in real.__subclasses__():
        if derived is not tracked and derived.__flags__ & _HEAP_TYPE:
            derived.__new__ = new
    module.greenlet = tracked  # type: ignore[attr-defined]
    tracked._migrate_real = real
    if eventlets := modules.get("eventlet.support.greenlets"):
        eventlets.greenlet = tracked


def _leave_greenlets() -> None:
    """Put the real class back for gevent: a class in C must not be one of a class in Python."""
    module: Any = sys.modules["greenlet"]
    module.greenlet = getattr(module.greenlet, "_migrate_real", module.greenlet)


def _track_asyncio(module: ModuleType) -> None:
    _track_loop(module.BaseEventLoop)


def _track_uvloop(module: ModuleType) -> None:
    _track_loop(module.Loop)


def _track_loop(loop_class: Any) -> None:
    """Wrap ``create_task`` of a loop class: whatever factory is set makes the task."""
    from asyncio.tasks import current_task

    real: Callable[..., Any] = loop_class.create_task
    modules: dict[str, Any] = sys.modules
    middlemen = _MIDDLEMEN

    @functools.wraps(real)
    def create_task(self: Any, coro: Any, **kwargs: Any) -> Any:
        at = monotonic()  # before an eager task's first step
        unit = real(self, coro, **kwargs)
        frame: Any = _getframe(1)
        while frame.f_globals.get("__name__") in middlemen and frame.f_back is not None:
            frame = frame.f_back
        parent = current_task(self)
        if parent is None and "greenlet" in modules:
            parent = modules["greenlet"].getcurrent()
        try:
            unit._migrate_born = (at, frame.f_code, frame.f_lasti, id(parent))
            if unit._source_traceback:  # debug mode: "created at" is not here
                _leave(unit._source_traceback)
        except AttributeError:
            pass  # a factory's own kind of task, which takes no attributes
        return unit

    loop_class.create_task = create_task


def _leave(traceback: list[FrameSummary]) -> None:
    for index in reversed(range(len(traceback))):
        if traceback[index].filename == __file__:
            del traceback[index]
            break


_PREPARE: dict[str, Callable[[ModuleType], None]] = {
    "asyncio.base_events": _track_asyncio,
    "greenlet": _track_greenlets,
    "uvloop": _track_uvloop,
}


class _AfterImport:
    """A finder that finds nothing itself: it prepares the modules above once they are run."""

    def __init__(self) -> None:
        self._busy: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name == "gevent" and "greenlet" in sys.modules:
            _leave_greenlets()
        if name not in _PREPARE or name in self._busy:
            return None
        self._busy.add(name)
        try:
            spec = find_spec(name)
        finally:
            self._busy.discard(name)
        if spec is not None and spec.loader is not None:
            _prepare_after(spec.loader, name)
        return spec


def _prepare_after(loader: Loader, name: str) -> None:
    run = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module  # the class's own again
        run(module)
        _PREPARE[name](module)

    loader.exec_module = exec_module  # type: ignore[method-assign]
