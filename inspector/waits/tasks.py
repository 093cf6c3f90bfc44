"""Rules for tasks: the coroutines of asyncio that wait, by file and name, and the futures.

Sources: Lib/asyncio of 3.11 to 3.15. Where no rule knows the innermost coroutines, the
future itself tells: its type, its timer, its callbacks.
"""

from __future__ import annotations

from inspector.edges import SHIELDS
from inspector.memory import BadMemory
from inspector.values import callable_name
from inspector.waits.green import queue_get, queue_put
from inspector.waits.reason import Reason, count, primitive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.frames import FrameView
    from inspector.waits.reason import Look, Rule, Rules

NEVER_DONE = "future that nobody else refers to: it will never be done"
_MAX_CALLBACKS = 64
_WEAKREFS_AFTER_FLAGS = 40  # tp_weaklistoffset: below the object where Python keeps the list


def _sleep(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    reason = Reason("sleep", "sleeping", until="{} left")
    real = look.objects.real
    reason.total = real(frame.local("delay"))
    if handle := frame.local("h"):
        reason.deadline = real(look.objects.attribute(handle, "_when"))
    return reason


def _descriptor(mode: str, local: str) -> Rule:
    """The sock_* functions of the loop: ``local`` holds a descriptor or a socket."""

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
        reason = Reason("fd", "")
        reason.fd = look.file_number(frame.local(local))
        reason.mode = mode
        return reason

    return read


def _stream(mode: str) -> Rule:
    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
        reason = Reason("fd", "")
        reason.mode = mode
        reason.subject = frame.local("self")
        reason.fd = _transport_descriptor(
            look, look.objects.attribute(reason.subject, "_transport")
        )
        return reason

    return read


def _transport_descriptor(look: Look, transport: int) -> int | None:
    """A transport's descriptor; TLS transports stand on another one."""
    objects = look.objects
    for _ in range(4):
        if not transport or objects.is_none(transport):
            return None
        for name in ("_sock_fd", "_fileno"):  # _SelectorTransport, _Unix{Read,Write}PipeTransport
            if (number := look.number(transport, name)) is not None:
                return number
        protocol = objects.attribute(transport, "_ssl_protocol")
        transport = objects.attribute(protocol, "_transport") if protocol else 0
    return None


def _server(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    sockets = look.members(look.objects.attribute(frame.local("self"), "_sockets"))
    reason = Reason("fd", f"connections on {count(len(sockets), 'socket')}")
    if len(sockets) == 1:
        reason.fd = look.file_number(sockets[0])
        reason.mode = "read"
    return reason


def _semaphore(look: Look, subject: int) -> str:
    return f"semaphore ({look.number(subject, '_value')} free)"


def _condition(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    if inner is not None and inner.on == "lock":
        return inner  # it was notified and takes its lock again
    return Reason("condition", "condition", frame.local("self"))


def _pending(look: Look, futures: list[int]) -> list[int]:
    """Those of ``futures`` that are not done, as far as can be told."""
    state = look.objects.layout.at["future.state"]

    def is_pending(future: int) -> bool:
        if look.objects.type_of(future).full != "_asyncio.Future":
            return future in look.capture.tasks  # those that are done are not in there
        return look.memory.u8(future + state) == 0

    return [future for future in futures if is_pending(future)]


def _wait(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    futures = look.members(frame.local("fs"))
    when = look.objects.text(frame.local("return_when"), 32) or ""
    reason = Reason("gather", f"{'all' if when == 'ALL_COMPLETED' else 'first'} of "
                              f"{count(len(futures), 'future')}")  # fmt: skip
    reason.subject = frame.local("waiter")
    look.timers.read_loop(frame.local("loop"))
    reason.deadline = look.timers.due(frame.local("timeout_handle"))
    reason.total = look.objects.real(frame.local("timeout"))
    return reason


def _group(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    group = frame.local("self")
    number = look.size(group, "_tasks")
    return Reason("gather", f"TaskGroup: {count(number, 'task')} not done", group)


def _wait_for(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    """Before 3.12 it makes a task and waits for that; later ones leave no trace but a timer."""
    total = look.objects.real(frame.local("timeout"))
    waiter = frame.local("waiter")
    if waiter:
        future = frame.local("fut")
        name = look.unit(future)
        inner = Reason("task" if name else "future", name or "future", future)
        look.timers.read_loop(frame.local("loop"))
        inner.deadline = look.timers.due(frame.local("timeout_handle"))
    if inner is not None and inner.on != "sleep":
        inner.total = total
    return inner


def _thread(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    function = frame.local("func")
    name = callable_name(look.objects, function) if function else None
    return Reason("thread", f"thread: {name or '?'}", inner.subject if inner else 0)


def _lookup(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    host = look.objects.text(frame.local("host"), 80)
    return Reason("thread", f"thread: address of {host or '?'}")


def _process(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    transport = frame.local("self")
    return Reason("future", f"process {look.number(transport, '_pid')} to end", transport)


def _hub(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    """The task in which eventlet's asyncio hub runs: wakes up for the next timer or event."""
    reason = Reason("event", "eventlet's hub", frame.local("self"), "next timer in {}")
    if inner is not None:
        reason.deadline, reason.total = inner.deadline, inner.total
    return reason


def _shutdown(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    return Reason("event", "server to close", frame.local("self"))


_SELECTOR = "asyncio/selector_events.py"

RULES: Rules = {
    ("asyncio/tasks.py", "sleep"): _sleep,
    ("asyncio/tasks.py", "_wait"): _wait,
    ("asyncio/tasks.py", "wait_for"): _wait_for,
    ("asyncio/locks.py", "Lock.acquire"): primitive("lock", "lock"),
    ("asyncio/locks.py", "Condition.wait"): _condition,
    ("asyncio/locks.py", "Event.wait"): primitive("event", "event"),
    ("asyncio/locks.py", "Semaphore.acquire"): primitive("semaphore", "", describe=_semaphore),
    ("asyncio/locks.py", "Barrier.wait"): primitive("condition", "barrier"),
    ("asyncio/queues.py", "Queue.get"): primitive("queue", "", describe=queue_get),
    ("asyncio/queues.py", "Queue.put"): primitive("queue", "", describe=queue_put),
    ("asyncio/queues.py", "Queue.join"): primitive("queue", "queue to be worked off"),
    ("asyncio/taskgroups.py", "TaskGroup._aexit"): _group,
    ("asyncio/taskgroups.py", "TaskGroup.__aexit__"): _group,
    ("asyncio/threads.py", "to_thread"): _thread,
    ("asyncio/base_events.py", "BaseEventLoop.getaddrinfo"): _lookup,
    ("asyncio/base_events.py", "Server.serve_forever"): _server,
    ("asyncio/base_events.py", "Server.wait_closed"): _shutdown,
    ("asyncio/base_subprocess.py", "BaseSubprocessTransport._wait"): _process,
    ("asyncio/streams.py", "StreamReader._wait_for_data"): _stream("read"),
    ("asyncio/streams.py", "StreamWriter.drain"): _stream("write"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_recv"): _descriptor("read", "fd"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_recv_into"): _descriptor("read", "fd"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_recvfrom"): _descriptor("read", "fd"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_recvfrom_into"): _descriptor("read", "fd"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_sendall"): _descriptor("write", "fd"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_sendto"): _descriptor("write", "fd"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_connect"): _descriptor("write", "sock"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_accept"): _descriptor("read", "sock"),
    ("hubs/asyncio.py", "Hub.run.<locals>.async_run"): _hub,
}


def of_future(look: Look, future: int, own_references: int) -> Reason:
    """What a future that a task awaits itself says about who will complete it.

    ``own_references`` is how many references the waiting task and its frames account for:
    when there are no others, nothing can complete it.
    """
    objects, memory = look.objects, look.memory
    if future in look.capture.tasks:
        return Reason("task", look.unit(future), future)
    kind = objects.type_of(future)
    if kind.name == "_GatheringFuture":
        children = look.members(objects.attribute(future, "_children"))
        pending = _pending(look, children)
        reason = Reason("gather", f"gather: {len(pending)} of {len(children)} not done", future)
        reason.targets, reason.via = pending, "awaits"
        return reason
    reason = Reason("future", "future", future)
    if kind.full != "_asyncio.Future":
        return reason
    look.timers.read_loop(memory.word(future + objects.layout.at["future.loop"]))
    for callback in _callbacks(look, future):
        _read_callback(look, callback, reason)
        if reason.text != "future":
            return reason
    if future in look.timers.futures:
        reason.on, reason.text, reason.until = "sleep", "timer", "{} left"
        reason.deadline = look.timers.futures[future]
    elif memory.u32(future) <= own_references and not _is_known_weakly(look, future):
        reason.text = NEVER_DONE
    return reason


def _is_known_weakly(look: Look, address: int) -> bool:
    """Whether there are weak references to an object: who has one can use it, too."""
    memory = look.memory
    kind = memory.word(address + 8)
    offset = memory.signed(kind + look.objects.layout.at["type.tp_flags"] + _WEAKREFS_AFTER_FLAGS)
    return bool(offset and memory.word(address + offset))


def _callbacks(look: Look, future: int) -> list[int]:
    objects, memory = look.objects, look.memory
    at = objects.layout.at
    found = [memory.word(future + at["future.callback0"])]
    if more := memory.word(future + at["future.callbacks"]):
        for pair in objects.items(more, _MAX_CALLBACKS):
            found += objects.items(pair, 1)
    return [callback for callback in found if callback]


def _read_callback(look: Look, callback: int, reason: Reason) -> None:
    """Closures of asyncio and eventlet that pass a future's end on to what it stands for."""
    objects, memory = look.objects, look.memory
    at = objects.layout.at
    if objects.type_of(callback).name != "function":
        return
    code = objects.text(memory.word(callback + at["function.qualname"]), 256) or ""
    closure = memory.word(callback + at["function.closure"])
    cells = [memory.word(cell + at["cell.contents"]) for cell in look.members(closure)]
    if code.startswith("_chain_future.<locals>"):  # wrap_future, run_in_executor
        reason.on, reason.text = "thread", "a thread's result"
    elif code.startswith("GreenThread.__await__.<locals>"):
        for value in cells:
            if value in look.capture.greenlets:
                reason.on, reason.text, reason.subject = "green", look.unit(value), value
    elif code == SHIELDS:
        inner = cells[-1] if cells else 0
        if inner in look.capture.tasks:
            reason.on, reason.text, reason.subject = "task", look.unit(inner), inner
            reason.targets, reason.via = (inner,), "awaits"


def references_of(future: int, frames: list[FrameView]) -> int:
    """How many references to a future the task that awaits it and its frames hold.

    Two are there whenever a coroutine awaits a future: the task's own and that of the
    iterator on the innermost frame's stack. Raises no error: what cannot be read is none.
    """
    found = 2
    for frame in frames:
        try:
            found += frame.locals().count(future)
        except BadMemory:
            continue
    return found
