"""Rules for libraries that wait on futures of their own, where asyncio would say no more.

Sources: anyio 4, aiohttp 3, httpcore 1, psycopg 3, asyncpg 0.3x, redis 5, aiosqlite 0.2x, and
eventlet's pyzmq. Those of servers are in `inspector.waits.servers`.
"""

from __future__ import annotations

from inspector.values import callable_name
from inspector.waits.reason import EMPTY, Reason, count, primitive
from inspector.waits.tasks import semaphore, transport_descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inspector.frames import FrameView
    from inspector.waits.reason import Look, Rule, Rules


def transport(mode: str, *path: str, of: str = "a connection", end: str = "") -> Rule:
    """Of a connection: the attributes that lead from ``self`` to its transport.

    ``end`` is said of who waits for it to be over, and for nothing that comes through it.
    """

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
        owner = value = frame.local("self")
        for name in path:
            value = look.objects.attribute(value, name) if value else 0
        reason = Reason("event", end, owner) if end else Reason("fd", f"{mode} {of}", owner)
        reason.mode = mode
        reason.fd = transport_descriptor(look, value)
        return reason

    return read


def conversation(*path: str, of: str = "a connection") -> Rule:
    """Of a connection's ``recv``, which may also wait for something else further in."""
    receive = transport("read", *path, of=of)

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
        return receive(look, frame, inner) if inner is None else inner

    return read


def _free_connection(look: Look, frame: FrameView, inner: Reason | None) -> Reason:
    connector = frame.local("self")
    limit = look.number(connector, "_limit")
    return Reason("semaphore", f"a free connection of {limit or 'its host'}", connector)


def _pooled(limit: str = "", on: str = "") -> Rule:
    """Of who waits for a connection of a pool, whatever it is that the pool waits with."""

    def read(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
        if inner is not None and on and inner.on != on:
            return inner  # a connection is there, and is made or tried
        pool = frame.local("self")
        number = look.number(pool, limit) if pool and limit else None
        reason = Reason("semaphore", f"a free connection of {number or 'its pool'}", pool)
        if inner is not None:
            reason.deadline, reason.total = inner.deadline, inner.total
        return reason

    return read


def _subscription(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    """Of who waits for what others may publish: no answer that is due."""
    if inner is None or inner.on not in ("fd", "future", "unknown"):
        return inner
    reason = Reason("queue", f"{EMPTY} subscription", frame.local("self"))
    reason.fd, reason.mode = inner.fd, inner.mode
    reason.deadline, reason.total = inner.deadline, inner.total
    return reason


def timer(look: Look, frame: FrameView, inner: Reason | None) -> Reason | None:
    """Of a task that sleeps by waiting, with a timeout, for an event that may come sooner."""
    if inner is None or inner.on != "event":
        return inner
    reason = Reason("sleep", "sleeping", until="%s left")
    reason.deadline, reason.total = inner.deadline, inner.total
    return reason


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
    (_ANYIO, "SocketStream.receive"): transport("read", "_transport"),
    (_ANYIO, "SocketStream.send"): transport("write", "_transport"),
    ("anyio._core._synchronization", "Condition.wait"): primitive("condition", "condition"),
    ("anyio.streams.memory", "MemoryObjectReceiveStream.receive"): _channel(f"{EMPTY} stream"),
    ("anyio.streams.memory", "MemoryObjectSendStream.send"): _channel("put to full stream"),
    ("aiohttp.streams", "StreamReader._wait"): transport("read", "_protocol", "transport"),
    ("aiohttp.streams", "DataQueue.read"): transport("read", "transport"),
    ("aiohttp.base_protocol", "BaseProtocol._drain_helper"): transport("write", "transport"),
    ("aiohttp.client_ws", "ClientWebSocketResponse.receive"): conversation(
        "_conn", "_protocol", "transport"
    ),
    ("aiohttp.connector", "BaseConnector._wait_for_available_connection"): _free_connection,
    ("websockets.asyncio.connection", "Connection.recv"): conversation("transport"),
    ("httpcore._async.connection_pool", "AsyncPoolRequest.wait_for_connection"): _pooled(),
    ("redis.asyncio.connection", "BlockingConnectionPool.get_connection"): _pooled(
        "max_connections", "condition"
    ),
    ("redis.asyncio.client", "PubSub.parse_response"): _subscription,
    ("psycopg_pool.pool_async", "WaitingClient.wait"): _pooled(),
    ("psycopg_pool.sched_async", "AsyncScheduler.run"): timer,
    ("psycopg.connection_async", "AsyncConnection.notifies"): _subscription,
    ("psycopg.waiting", "wait_async"): _polled,
    ("psycopg.waiting", "wait_conn_async"): _polled,
    **{
        ("asyncpg.connection", f"Connection.{name}"): conversation("_transport")
        for name in ("execute", "_do_execute", "_get_statement", "_executemany")
    },
    **{
        (module, name): conversation("_connection", "_transport")
        for module, name in (
            ("asyncpg.prepared_stmt", "PreparedStatement.__do_execute"),
            ("asyncpg.cursor", "BaseCursor._bind"),
            ("asyncpg.cursor", "BaseCursor._bind_exec"),
            ("asyncpg.cursor", "BaseCursor._exec"),
        )
    },
    ("sqlalchemy.util.queue", "AsyncAdaptedQueue.get"): _pooled("maxsize", "queue"),
    ("asyncpg.pool", "Pool._acquire.<locals>._acquire_impl"): _pooled("_maxsize", "queue"),
    ("aiosqlite.core", "Connection._execute"): _function("fn"),
    (_ZMQ, "_QueueLock.acquire"): primitive("lock", "lock"),
    (_ZMQ, "Socket.recv"): _message("read"),
    (_ZMQ, "Socket.send"): _message("write"),
}
