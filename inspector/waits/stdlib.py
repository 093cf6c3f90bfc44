"""Rules for the standard library's own modules where eventlet has made them green.

After ``monkey_patch`` a green thread waits inside threading.py and queue.py, on
eventlet's primitives. Sources: Lib/threading.py and Lib/queue.py of 3.11 to 3.15.
"""

from __future__ import annotations

from inspector.waits.green import queue_get, queue_put
from inspector.waits.reason import Reason, primitive

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
        return inner  # it was notified and takes its lock again
    return Reason("condition", "condition", frame.local("self"))


def _join(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    thread = frame.local("self")
    name = look.objects.text(look.objects.attribute(thread, "_name"), 80) or "?"
    reason = Reason("thread", f"thread {name} to end", thread)
    if inner is not None and inner.on == "green":
        reason = Reason("green", inner.text, inner.subject)
    return reason


RULES: Rules = {
    ("python/threading.py", "_RLock.acquire"): _reentrant,
    ("python/threading.py", "Condition.wait"): _condition,
    ("python/threading.py", "Event.wait"): primitive("event", "event"),
    ("python/threading.py", "Semaphore.acquire"): primitive("semaphore", "semaphore"),
    ("python/threading.py", "Barrier.wait"): primitive("condition", "barrier"),
    ("python/threading.py", "Thread.join"): _join,
    ("python/queue.py", "Queue.get"): primitive("queue", "", describe=queue_get),
    ("python/queue.py", "Queue.put"): primitive("queue", "", describe=queue_put),
    ("python/queue.py", "Queue.join"): primitive("queue", "queue to be worked off"),
}
