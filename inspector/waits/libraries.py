"""Rules for libraries that wait on futures of their own, where asyncio would say no more.

Sources: anyio 4, aiohttp 3, websockets 13, psycopg 3, aiosqlite 0.2x, and eventlet's pyzmq.
"""

from __future__ import annotations

from inspector.values import callable_name
from inspector.waits.reason import Reason, count, primitive
from inspector.waits.tasks import semaphore, transport_descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.frames import FrameView
    from inspector.waits.reason import Look, Rule, Rules


def _transport(mode: str, *path: str) -> Rule:
    """Of a connection: the attributes that lead from ``self`` to its transport."""

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
        owner = value = frame.local("self")
        for name in path:
            value = look.objects.attribute(value, name) if value else 0
        reason = Reason("fd", f"{mode} a connection", owner)
        reason.mode = mode
        reason.fd = transport_descriptor(look, value)
        return reason

    return read


def _next_request(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    """Of a server's connection, unless a request is being handled."""
    waiter = look.objects.attribute(frame.local("self"), "_waiter")
    if not waiter or look.objects.is_none(waiter):
        return inner
    return _transport("read", "transport")(look, frame, inner)


def _conversation(*path: str) -> Rule:
    """Of a connection's ``recv``, which may also wait for something else further in."""
    receive = _transport("read", *path)

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
        return receive(look, frame, inner) if inner is None else inner

    return read


def _free_connection(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    connector = frame.local("self")
    limit = look.number(connector, "_limit")
    return Reason("semaphore", f"a free connection of {limit or 'its host'}", connector)


def _function(local: str) -> Rule:
    """Of what a thread of the library runs."""

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
        if inner is not None:
            return inner  # no thread is free
        function = frame.local(local)
        name = callable_name(look.objects, function) if function else None
        return Reason("thread", f"thread: {name or '?'}")

    return read


def _owned(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    """A lock of anyio's knows the task that has it."""
    lock = frame.local("self")
    reason = Reason("lock", "lock", lock)
    owner = look.objects.attribute(lock, "_owner_task")
    if owner in look.capture.tasks:
        reason.text = f"lock held by {look.unit(owner)}"
        reason.targets, reason.via = (owner,), "lock"
    return reason


def _limiter(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    limiter = frame.local("self")
    taken = look.size(limiter, "_borrowers")
    return Reason("semaphore", f"capacity limiter ({taken} taken)", limiter)


def _group(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    if inner is not None:
        return inner
    group = frame.local("self")
    tasks = look.members(look.objects.attribute(group, "_tasks"))
    reason = Reason("gather", f"task group: {count(len(tasks), 'task')} not done", group)
    reason.targets, reason.via = tasks, "awaits"
    return reason


def _channel(text: str) -> Rule:
    """Of anyio's memory streams: ends of one stream share its state."""

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
        return Reason("queue", text, look.objects.attribute(frame.local("self"), "_state"))

    return read


def _polled(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    """A connection of psycopg's is polled: each wait is for its descriptor."""
    mode = "write" if look.flag(frame.local("writer")) else "read"
    reason = Reason("fd", f"{mode} a connection")
    reason.mode = mode
    reason.fd = look.objects.integer(frame.local("fileno"))
    return reason


def _message(mode: str) -> Rule:
    """Of a green socket of pyzmq, whose descriptor is the library's secret."""

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
        if inner is not None:
            return inner  # another green thread is at it
        reason = Reason("fd", f"{mode} a zmq socket", frame.local("self"))
        reason.mode = mode
        return reason

    return read


_ANYIO = "anyio._backends._asyncio"
_ZMQ = "eventlet.green.zmq"

RULES: Rules = {
    (_ANYIO, "Lock.acquire"): _owned,
    (_ANYIO, "Semaphore.acquire"): primitive("semaphore", "", describe=semaphore),
    (_ANYIO, "CapacityLimiter.acquire_on_behalf_of"): _limiter,
    (_ANYIO, "TaskGroup.__aexit__"): _group,
    (_ANYIO, "AsyncIOBackend.run_sync_in_worker_thread"): _function("func"),
    (_ANYIO, "SocketStream.receive"): _transport("read", "_transport"),
    (_ANYIO, "SocketStream.send"): _transport("write", "_transport"),
    ("anyio._core._synchronization", "Condition.wait"): primitive("condition", "condition"),
    ("anyio.streams.memory", "MemoryObjectReceiveStream.receive"): _channel(
        "get from empty stream"
    ),
    ("anyio.streams.memory", "MemoryObjectSendStream.send"): _channel("put to full stream"),
    ("aiohttp.streams", "StreamReader._wait"): _transport("read", "_protocol", "transport"),
    ("aiohttp.streams", "DataQueue.read"): _transport("read", "transport"),
    ("aiohttp.base_protocol", "BaseProtocol._drain_helper"): _transport("write", "transport"),
    ("aiohttp.client_ws", "ClientWebSocketResponse.receive"): _conversation(
        "_conn", "_protocol", "transport"
    ),
    ("aiohttp.web_ws", "WebSocketResponse.receive"): _conversation(
        "_req", "_protocol", "transport"
    ),
    ("aiohttp.web_protocol", "RequestHandler.start"): _next_request,
    ("aiohttp.connector", "BaseConnector._wait_for_available_connection"): _free_connection,
    ("websockets.asyncio.connection", "Connection.recv"): _conversation("transport"),
    ("psycopg.waiting", "wait_async"): _polled,
    ("psycopg.waiting", "wait_conn_async"): _polled,
    ("aiosqlite.core", "Connection._execute"): _function("fn"),
    (_ZMQ, "_QueueLock.acquire"): primitive("lock", "lock"),
    (_ZMQ, "Socket.recv"): _message("read"),
    (_ZMQ, "Socket.send"): _message("write"),
}
