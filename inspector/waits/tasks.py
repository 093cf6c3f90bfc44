"""Rules for tasks: the coroutines of asyncio that wait, by module and name, and the futures.

Sources: Lib/asyncio of 3.11 to 3.15. Where no rule knows the innermost coroutines, the
future itself tells: its type, its timer, its callbacks.
"""

from __future__ import annotations

from inspector.values import callable_name
from inspector.waits.futures import as_completed, of_future
from inspector.waits.green import queue_get, queue_put
from inspector.waits.reason import Reason, count, primitive, several

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.frames import FrameView
    from inspector.waits.reason import Look, Rule, Rules


def _sleep(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    reason = Reason("sleep", "sleeping", until="%s left")
    real = look.objects.real
    reason.total = real(frame.local("delay"))
    if handle := frame.local("h"):
        reason.deadline = real(look.objects.attribute(handle, "_when"))
    return reason


def _descriptor(mode: str, local: str) -> Rule:
    """The sock_* functions of the loop: ``local`` holds a descriptor or a socket."""

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
        reason = Reason("fd", f"{mode} a file descriptor")
        reason.fd = look.file_number(frame.local(local))
        reason.mode = mode
        return reason

    return read


def _stream(mode: str) -> Rule:
    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
        stream = frame.local("self")
        reason = Reason("fd", f"{mode} a stream", stream)
        reason.mode = mode
        reason.fd = transport_descriptor(look, look.objects.attribute(stream, "_transport"))
        return reason

    return read


def _handshake(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    reason = Reason("fd", "handshake of a new connection")
    reason.mode = "read"
    reason.fd = transport_descriptor(look, frame.local("transport"))
    return reason


def transport_descriptor(look: Look, transport: int) -> int | None:
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
    if inner is not None:
        return inner  # it was cancelled, and closes
    sockets = look.members(look.objects.attribute(frame.local("self"), "_sockets"))
    reason = Reason("fd", f"connections on {count(len(sockets), 'socket')}")
    if len(sockets) == 1:
        reason.fd = look.file_number(sockets[0])
        reason.mode = "read"
    return reason


def semaphore(look: Look, subject: int) -> str:
    """What is said of a semaphore of the standard library."""
    return f"semaphore ({look.number(subject, '_value')} free)"


def _condition(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    if inner is not None and inner.on == "lock":
        inner.released = inner.subject
        return inner  # it was notified and takes its lock again
    condition = frame.local("self")
    reason = Reason("condition", "condition", condition)
    reason.released = look.objects.attribute(condition, "_lock")
    return reason


def _wait(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    futures = look.members(frame.local("fs"))
    when = look.objects.text(frame.local("return_when"), 32) or ""
    reason = Reason("gather", several(len(futures), when))
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
    if inner is None and total is not None:
        inner = of_future(look, frame.local("fut"), 0)
    if inner is not None and frame.local("waiter"):
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
    reason = Reason("event", "eventlet's hub", frame.local("self"), "next timer in %s")
    if inner is not None:
        reason.deadline, reason.total = inner.deadline, inner.total
    return reason


def _end(text: str) -> Rule:
    """What closes or ends; ``self`` is that, or stands for it."""

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
        return Reason("event", text, frame.local("self"))

    return read


_SELECTOR = "asyncio.selector_events"

RULES: Rules = {
    ("asyncio.tasks", "sleep"): _sleep,
    ("asyncio.tasks", "_wait"): _wait,
    ("asyncio.tasks", "wait_for"): _wait_for,
    ("asyncio.tasks", "as_completed.<locals>._wait_for_one"): as_completed,
    ("asyncio.tasks", "_AsCompletedIterator._wait_for_one"): as_completed,
    ("asyncio.locks", "Lock.acquire"): primitive("lock", "lock"),
    ("asyncio.locks", "Condition.wait"): _condition,
    ("asyncio.locks", "Event.wait"): primitive("event", "event"),
    ("asyncio.locks", "Semaphore.acquire"): primitive("semaphore", "", describe=semaphore),
    ("asyncio.locks", "Barrier.wait"): primitive("condition", "barrier"),
    ("asyncio.queues", "Queue.get"): primitive("queue", "", describe=queue_get),
    ("asyncio.queues", "Queue.put"): primitive("queue", "", describe=queue_put),
    ("asyncio.queues", "Queue.join"): primitive("queue", "queue to be worked off"),
    ("asyncio.taskgroups", "TaskGroup._aexit"): _group,
    ("asyncio.taskgroups", "TaskGroup.__aexit__"): _group,
    ("asyncio.threads", "to_thread"): _thread,
    ("asyncio.base_events", "BaseEventLoop.getaddrinfo"): _lookup,
    ("asyncio.base_events", "BaseEventLoop._create_connection_transport"): _handshake,
    ("asyncio.base_events", "BaseEventLoop.start_tls"): _handshake,
    ("asyncio.base_events", "BaseEventLoop.shutdown_default_executor"): _end(
        "threads of the executor to end"
    ),
    ("asyncio.base_events", "Server.serve_forever"): _server,
    ("asyncio.base_events", "Server.wait_closed"): _end("server to close"),
    ("asyncio.base_subprocess", "BaseSubprocessTransport._wait"): _process,
    ("asyncio.streams", "StreamReader._wait_for_data"): _stream("read"),
    ("asyncio.streams", "StreamWriter.drain"): _stream("write"),
    ("asyncio.streams", "StreamWriter.wait_closed"): _end("connection to close"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_recv"): _descriptor("read", "fd"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_recv_into"): _descriptor("read", "fd"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_recvfrom"): _descriptor("read", "fd"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_recvfrom_into"): _descriptor("read", "fd"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_sendall"): _descriptor("write", "fd"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_sendto"): _descriptor("write", "fd"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_connect"): _descriptor("write", "sock"),
    (_SELECTOR, "BaseSelectorEventLoop.sock_accept"): _descriptor("read", "sock"),
    ("asyncio.unix_events", "_UnixSelectorEventLoop._sock_sendfile_native"): _descriptor(
        "write", "sock"
    ),
    ("eventlet.hubs.asyncio", "Hub.run.<locals>.async_run"): _hub,
}
