"""Rules for green threads: the functions of eventlet that wait, by module and name.

Sources: eventlet 0.33 to 0.41. A rule names the function in which a caller stands while it
waits and the local that holds what it waits for.
"""

from __future__ import annotations

from inspector.values import callable_name
from inspector.waits.reason import EMPTY, NOT_STARTED, Reason, count, limit_of, primitive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.frames import FrameView
    from inspector.waits.reason import Look, Rules


def _sleep(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    reason = Reason("sleep", "sleeping", until="%s left")
    reason.total = look.objects.real(frame.local("seconds"))
    timer = frame.local("timer")
    reason.deadline = look.timers.due(timer)
    look.timers.sleepers.add(timer)
    return reason


def _trampoline(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    mode = "read" if look.flag(frame.local("read")) else "write"
    reason = Reason("fd", f"{mode} a file descriptor")
    reason.fd = look.objects.integer(frame.local("fileno"))
    reason.mode = mode
    reason.deadline = look.timers.due(frame.local("t"))
    reason.total = look.objects.real(frame.local("timeout"))
    return reason


def _select(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    """Of eventlet.green.select.select: any of several descriptors."""
    lists = {mode: look.members(frame.local(f"{mode}_list")) for mode in ("read", "write")}
    every = lists["read"] + lists["write"]
    reason = Reason("fd", f"any of {count(len(every), 'file descriptor')}")
    if len(every) == 1 and (number := look.file_number(every[0])) is not None:
        reason.fd = number
        reason.mode = "read" if lists["read"] else "write"
    timers = look.members(frame.local("timers"))
    reason.deadline = look.timers.due(timers[0]) if timers else None
    reason.total = look.objects.real(frame.local("timeout"))
    return reason


def _green_thread(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    green = frame.local("self")
    return Reason("green", look.unit(green) or "green thread that has ended", green)


def _awaitable(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    future = frame.local("future")
    name = look.unit(future)
    return Reason("task" if name else "future", name or "future", future)


def _semaphore(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    """Semaphore.acquire; eventlet's Lock is a Semaphore of one."""
    subject = frame.local("self")
    free = look.number(subject, "counter")
    if any(look.objects.type_at(base).name == "Lock" for base in _bases(look, subject)):
        reason = Reason("lock", "lock", subject)
        reason.limit = 1
    else:
        reason = Reason("semaphore", f"semaphore ({free} free)", subject)
        reason.limit = limit_of(look, subject)
    reason.total = look.objects.real(frame.local("timeout"))
    if reason.total is not None and reason.total < 0:
        reason.total = None  # -1 stands for none
    return reason


def _stands_at(look: Look, inner: Reason | None, owner: int, attribute: str) -> bool:
    """Whether what was found further in is a wait for this attribute of the owner."""
    return inner is not None and inner.subject == look.objects.attribute(owner, attribute)


def _bases(look: Look, address: int) -> tuple[int, ...]:
    return look.objects.type_of(address).mro


def _pool_slot(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    pool = frame.local("self")
    if not _stands_at(look, inner, pool, "sem"):
        return inner  # who spawns from within a full pool runs the function itself
    size = look.number(pool, "size")
    return Reason("semaphore", f"a free place in GreenPool of {size}", pool)


def _pool_all(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    pool = frame.local("self")
    running = look.members(look.objects.attribute(pool, "coroutines_running"))
    reason = Reason("gather", f"GreenPool: {count(len(running), 'green thread')} not done", pool)
    reason.targets = running
    reason.via = "GreenPool.waitall"
    return reason


def _resource(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    pool = frame.local("self")
    if not _stands_at(look, inner, pool, "channel"):
        return inner  # it makes the item: a connection, say
    return Reason("queue", f"a free item of Pool of {look.number(pool, 'max_size')}", pool)


def queue_get(look: Look, subject: int) -> str:
    """What a getter says of a queue."""
    return f"{EMPTY} queue"


def queue_put(look: Look, subject: int) -> str:
    """What a putter says of a queue."""
    limit = look.number(subject, "maxsize") or look.number(subject, "_maxsize")
    return f"put to full queue of {limit}" if limit else "put to queue: no getter"


def _tpool(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    event = frame.local("e")
    if inner is None or inner.subject != event:
        return inner  # without threads, or in one of them, it calls the function itself
    function = frame.local("meth")
    name = callable_name(look.objects, function) if function else None
    reason = Reason("thread", f"tpool thread: {name or '?'}", event)
    queue = look.objects.attribute(frame.globals("_reqq"), "queue")
    if any(event in look.objects.items(message, 1) for message in look.members(queue)):
        reason.text += f", {NOT_STARTED}"
    return reason


def _process(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    """It polls for the end of a subprocess between short sleeps."""
    child = frame.local("self")
    reason = Reason("future", f"process {look.number(child, 'pid')} to end", child)
    reason.total = look.objects.real(frame.local("timeout"))
    return reason


def _child(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    """Of os.waitpid and os.wait, which poll as well."""
    number = look.objects.integer(frame.local("pid"))
    which = f"process {number}" if number is not None and number > 0 else "a process"
    return Reason("future", f"{which} to end")


def _event(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    subject = frame.local("self")
    reason = Reason("event", "event", subject)
    reason.deadline = look.timers.due(frame.local("timer"))
    reason.total = look.objects.real(frame.local("timeout"))
    return reason


RULES: Rules = {
    ("eventlet.greenthread", "sleep"): _sleep,
    ("eventlet.greenthread", "GreenThread.wait"): _green_thread,
    ("eventlet.hubs", "trampoline"): _trampoline,
    ("eventlet.green.select", "select"): _select,
    ("eventlet.asyncio", "spawn_for_awaitable.<locals>._run"): _awaitable,
    ("eventlet.semaphore", "Semaphore.acquire"): _semaphore,
    ("eventlet.event", "Event.wait"): _event,
    ("eventlet.queue", "LightQueue.get"): primitive("queue", "", describe=queue_get),
    ("eventlet.queue", "LightQueue.put"): primitive("queue", "", describe=queue_put),
    ("eventlet.queue", "Queue.join"): primitive("queue", "queue to be worked off"),
    ("eventlet.greenpool", "GreenPool.spawn"): _pool_slot,
    ("eventlet.greenpool", "GreenPool.spawn_n"): _pool_slot,
    ("eventlet.greenpool", "GreenPool.waitall"): _pool_all,
    ("eventlet.pools", "Pool.get"): _resource,
    ("eventlet.tpool", "execute"): _tpool,
    ("eventlet.green.subprocess", "Popen.wait"): _process,
    ("eventlet.green.os", "waitpid"): _child,
}
