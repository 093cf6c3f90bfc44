"""What a future that a task awaits itself says of who will complete it.

By its type, its timer and its callbacks, and by who refers to it at all. Sources:
Modules/_asynciomodule.c, Lib/asyncio/futures.py and tasks.py, Lib/concurrent/futures.
"""

from __future__ import annotations

from inspector.callbacks import Ties, closures, is_c_future
from inspector.edges import FIRST, SHIELDS
from inspector.frames import FrameView, module_of
from inspector.memory import BadMemory
from inspector.record import Record
from inspector.tasks import is_pending
from inspector.values import callable_name
from inspector.waits.reason import MAX_MEMBERS, NOT_STARTED, Reason, count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.callbacks import Closure
    from inspector.capture import Capture
    from inspector.frames import Stack
    from inspector.objects import Objects
    from inspector.waits.reason import Look

NEVER_DONE = "future that nobody else refers to: it will never be done"
_CONCURRENT = "concurrent.futures._base.Future"
# Who stands in these is at work in a thread, or looks after those who are in processes.
_EXECUTORS = {"_WorkItem.run": "thread", "_ExecutorManagerThread.run": "process"}


class Work(Record):
    """What an executor does: the function, the green thread that runs it or 0, and in what."""

    function: int
    green: int
    place: str  # "thread" or "process"


class Workers:
    """What is done elsewhere for those who wait: in the threads of pools, in other tasks."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._work: dict[int, Work] | None = None
        self._ties: Ties | None = None

    def work(self, future: int) -> Work | None:
        """What is done for a concurrent future; None when nothing is, or it is not known."""
        if self._work is None:
            self._work = {}
            for thread in self._capture.threads:
                self._add(self._capture.objects, thread.stack, 0)
            for green in self._capture.greenlets.values():
                self._add(green.frames.objects, green.stack, green.address)
        return self._work.get(future)

    def _add(self, objects: Objects, stack: Stack, green: int) -> None:
        assert self._work is not None
        for frame in stack:
            place = _EXECUTORS.get(frame[1].qualname)
            if place is None or module_of(objects, frame) != f"concurrent.futures.{place}":
                continue
            try:
                runs = FrameView(objects, frame).local("self")
                items = [runs]
                if place == "process":
                    pending = objects.attribute(runs, "pending_work_items")
                    items = [item for _, item in objects.pairs(pending, MAX_MEMBERS)]
                for item in items:
                    # Since 3.14 a thread's work item keeps (function, args, kwargs).
                    function = objects.attribute(item, "fn")
                    if not function and (task := objects.attribute(item, "task")):
                        function = next(iter(objects.items(task, 1)), 0)
                    self._work[objects.attribute(item, "future")] = Work(function, green, place)
            except BadMemory:
                continue

    def tasks(self, maker: str, value: int) -> list[int]:
        """Tasks whose end a closure made in the function ``maker`` passes on to ``value``."""
        if self._ties is None:
            self._ties = Ties(self._capture.objects, self._capture.tasks)
        return self._ties.tasks(maker, value)


def of_future(look: Look, future: int, own_references: int) -> Reason:
    """What a task waits for that awaits a future itself.

    ``own_references`` is how many references the waiting task and its frames account for:
    when there are no others, nothing can complete it. Raises BadMemory.
    """
    objects, memory = look.objects, look.memory
    if future in look.capture.tasks:
        return Reason("task", look.unit(future), future)
    kind = objects.type_of(future)
    if kind.name == "_GatheringFuture":
        children = look.members(objects.attribute(future, "_children"))
        pending = [child for child in children if _is_pending(look, child)]
        reason = Reason("gather", f"gather: {len(pending)} of {len(children)} not done", future)
        reason.targets, reason.via = pending, "awaits"
        return reason
    reason = Reason("future", "future", future)
    for closure in closures(objects, future):
        _read_closure(look, closure, reason)
        if reason.text != "future":
            return reason
    look.timers.read_loop(_loop_of(look, future))
    if future in look.timers.futures:
        reason.on, reason.text, reason.until = "sleep", "timer", "%s left"
        reason.deadline = look.timers.futures[future]
    elif (
        kind.full == "_asyncio.Future"
        and memory.u32(future) <= own_references
        and not is_watched(objects, future)
    ):
        reason.text = NEVER_DONE
    return reason


def note_start(look: Look, future: int, reason: Reason) -> None:
    """Say of a reason of kind "thread" when no thread of the pool has begun with it."""
    for closure in closures(look.objects, future):
        for value in closure.holds:
            if value and look.objects.type_of(value).full == _CONCURRENT:
                if look.objects.text(look.objects.attribute(value, "_state")) == "PENDING":
                    reason.text += f", {NOT_STARTED}"
                return


def as_completed(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    """One of its results: a queue up to 3.12, an iterator over what is to do since then."""
    own = frame.local("self")
    if own:
        reason = Reason("gather", "", own)
        number = look.size(own, "_todo")
        handle = look.objects.attribute(own, "_timeout_handle")
        if handle and not look.objects.is_none(handle):
            reason.deadline = look.objects.real(look.objects.attribute(handle, "_when"))
    else:
        queue = frame.local("done")
        reason = Reason("gather", "", queue)
        reason.targets = look.workers.tasks("as_completed", queue)
        number = len(reason.targets)
        reason.via = FIRST if number > 1 else "awaits"
    reason.text = f"first of {count(number, 'future')}" if number else "first of several futures"
    return reason


def _is_pending(look: Look, future: int) -> bool:
    if future in look.capture.tasks:
        return True
    try:
        if is_c_future(look.objects, future):
            return look.memory.u8(future + look.objects.layout.at["future.state"]) == 0
        return is_pending(look.objects, future)
    except BadMemory:
        return False


def _loop_of(look: Look, future: int) -> int:
    if is_c_future(look.objects, future):
        return look.memory.word(future + look.objects.layout.at["future.loop"])
    return look.objects.attribute(future, "_loop")


def is_watched(objects: Objects, address: int) -> bool:
    """Whether there is a weak reference, by which somebody may yet find the object."""
    memory = objects.memory
    kind = memory.word(address + 8)
    offset = memory.signed(kind + objects.layout.at["type.tp_weaklistoffset"])
    return offset != 0 and memory.word(address + offset) != 0


def _read_closure(look: Look, closure: Closure, reason: Reason) -> None:
    """Take in one that passes a future's end on to what it stands for."""
    maker, _, _ = closure.name.partition(".<locals>.")
    for value in closure.holds:
        if not value:
            continue
        if maker == "_chain_future" and look.objects.type_of(value).full == _CONCURRENT:
            _read_concurrent(look, value, reason)
        elif maker == "GreenThread.__await__" and value in look.capture.greenlets:
            reason.on, reason.text, reason.subject = "green", look.unit(value), value
    inner = closure.holds[-1] if closure.name == SHIELDS else 0
    if inner in look.capture.tasks:
        reason.on, reason.text, reason.subject = "task", look.unit(inner), inner
        reason.targets, reason.via = (inner,), "awaits"


def _read_concurrent(look: Look, future: int, reason: Reason) -> None:
    """Of ``wrap_future`` and ``run_in_executor``: a thread completes it, or another loop."""
    objects = look.objects
    reason.on, reason.text = "thread", "a thread's result"
    if work := look.workers.work(future):
        name = callable_name(objects, work.function) if work.function else None
        reason.text = f"{work.place}: {name or '?'}"
        if work.place == "process":
            reason.on = "future"
            # The pool hands on one or two more than its processes have begun with.
            if objects.text(objects.attribute(future, "_state")) == "PENDING":
                reason.text += f", {NOT_STARTED}"
    elif tasks := look.workers.tasks("_chain_future", future):  # run_coroutine_threadsafe
        reason.on, reason.text, reason.subject = "task", look.unit(tasks[0]), tasks[0]
        reason.targets, reason.via = tasks, "awaits"


def references_of(future: int, frames: list[FrameView]) -> int:
    """How many references to a future the task that awaits it and its frames hold.

    Two are there whenever a coroutine awaits a future: the task's own and that of the
    iterator on the innermost frame's stack. Raises no error: what cannot be read is none.
    """
    found = 2
    for frame in frames:
        try:
            # Since 3.14 a word with a tag only borrows a reference.
            found += frame.words().count(future)
        except BadMemory:
            continue
    return found
