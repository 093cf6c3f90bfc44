"""Rules for the standard library's own modules where eventlet has made them green.

After ``monkey_patch`` a green thread waits inside threading.py and the like, on eventlet's
primitives. Sources: Lib/threading.py, queue.py and concurrent/futures of 3.11 to 3.15.
"""

from __future__ import annotations

from inspector.edges import FIRST
from inspector.waits.green import queue_get, queue_put
from inspector.waits.reason import Reason, primitive, several
from inspector.waits.tasks import semaphore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.frames import FrameView
    from inspector.waits.reason import Look, Rules


def _reentrant(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    """threading._RLock knows its owner: the id of a green thread, which is its address."""
    subject = frame.local("self")
    reason = Reason("lock", "lock", subject)
    owner = look.objects.attribute(subject, "_owner")
    holder = look.objects.integer(owner) if owner else None
    if holder and (name := look.unit(holder)):
        reason.text = f"lock held by {name}"
        reason.targets = (holder,)
        reason.via = "lock"
    return reason


def _condition(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    if inner is not None and inner.subject != frame.local("waiter"):
        inner.released = inner.subject
        return inner  # it was notified and takes its lock again
    condition = frame.local("self")
    reason = Reason("condition", "condition", condition)
    reason.released = look.objects.attribute(condition, "_lock")
    return reason


def _join(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    thread = frame.local("self")
    name = look.objects.text(look.objects.attribute(thread, "_name"), 80) or "?"
    reason = Reason("thread", f"thread {name} to end", thread)
    if inner is not None:
        reason.deadline, reason.total = inner.deadline, inner.total
    # Its id is that of the green thread it runs in: the address.
    green = look.number(thread, "_ident") or 0
    if green in look.capture.greenlets:
        reason.on, reason.text, reason.subject = "green", look.unit(green), green
        reason.targets, reason.via = (green,), "Thread.join"
    return reason


def _result(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    """Of a concurrent future, which a green thread of an executor may work for."""
    if inner is None or inner.on == "lock":
        return inner
    future = frame.local("self")
    reason = Reason("future", "concurrent future", future)
    reason.deadline, reason.total = inner.deadline, inner.total
    work = look.workers.work(future)
    if work and work.green:
        reason.on, reason.text, reason.subject = "green", look.unit(work.green), work.green
        reason.targets, reason.via = (work.green,), "Future.result"
    return reason


def _results(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    """Of several concurrent futures: ``fs`` is a set, all of them; ``pending`` what is left."""
    if inner is None or inner.on == "lock":
        return inner
    futures = look.members(frame.local("pending") or frame.local("fs"))
    when = look.objects.text(frame.local("return_when"), 32)
    every = when == "ALL_COMPLETED"
    reason = Reason("gather", several(len(futures), when))
    reason.deadline, reason.total = inner.deadline, inner.total
    working = [look.workers.work(future) for future in futures]
    reason.targets = [work.green for work in working if work and work.green]
    reason.via = "Future.result" if every or len(futures) < 2 else FIRST
    return reason


def has(file: str) -> bool:
    """Whether a file is the library's own, not a program's ``queue.py``: by its folder."""
    folder = file.rpartition("/")[0].rpartition("/")[2]
    return folder.startswith("python3") or not folder  # frozen programs name no folder


RULES: Rules = {
    ("threading", "_RLock.acquire"): _reentrant,
    ("threading", "Condition.wait"): _condition,
    ("threading", "Event.wait"): primitive("event", "event"),
    ("threading", "Semaphore.acquire"): primitive("semaphore", "", describe=semaphore),
    ("threading", "Barrier.wait"): primitive("condition", "barrier"),
    ("threading", "Thread.join"): _join,
    ("queue", "Queue.get"): primitive("queue", "", describe=queue_get),
    ("queue", "Queue.put"): primitive("queue", "", describe=queue_put),
    ("queue", "_PySimpleQueue.get"): primitive("queue", "", describe=queue_get),
    ("concurrent.futures._base", "Future.result"): _result,
    ("concurrent.futures._base", "Future.exception"): _result,
    ("concurrent.futures._base", "wait"): _results,
    ("concurrent.futures._base", "as_completed"): _results,
    ("queue", "Queue.join"): primitive("queue", "queue to be worked off"),
}

# Those of which a program may well have its own.
MODULES = frozenset({"queue", "threading"})
