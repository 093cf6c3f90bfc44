"""What one look at a process yields: plain, frozen values, no behaviour.

The JSON of ``docs/schema/`` is this shape, plus what `bridge.graph` derives from it.
Named tuples, not dataclasses: they are made by the ten thousand, in a third of the time, and
generating the classes would cost a tenth of what a small ``ps`` takes.
Times are seconds unless a name says otherwise; addresses are the target's.
"""

from __future__ import annotations

from inspector.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from inspector.arguments import Arguments

    Kind = Literal["task", "green", "main", "hub"]
    State = Literal["running", "runnable", "waiting", "not_started"]
    KernelState = Literal["running", "sleeping", "uninterruptible", "stopped", "ended"]
    WaitOn = Literal[
        "sleep",
        "fd",
        "lock",
        "condition",
        "semaphore",
        "event",
        "queue",
        "task",
        "green",
        "future",
        "gather",
        "thread",
        "timeout",
        "unknown",
    ]


class Frame(Record):
    """One Python frame. ``args`` maps call arguments to bounded reprs, None when not read."""

    function: str  # qualified name
    file: str
    line: int  # 1-based; 0 when the position table gives none
    args: Mapping[str, str] | None = None
    coroutine: bool = False  # a coroutine's or async generator's own frame


class Wait(Record):
    """What a unit's innermost frame waits on. ``text`` is a short phrase for people."""

    on: WaitOn
    text: str
    seconds_left: float | None = None
    seconds_total: float | None = None
    fd: int | None = None
    mode: Literal["read", "write"] | None = None
    peer: str | None = None
    object: int | None = None  # address of the primitive waited on
    waiters: int | None = None  # how many units wait on the same object, this one included


class Runtime(Record):
    """How long a unit lives or sleeps, and how that is known; never a guess."""

    seconds: float
    how: Literal["exact", "tracked", "observed"]


class Spawned(Record):
    """Where a unit was born, known only under `bridge.tracking`."""

    file: str
    line: int
    by: str | None  # id of the unit that spawned it
    at: float  # UNIX time


class Unit(Record):
    """A task or a greenlet: anything that can wait."""

    id: str  # "task:0x7f.." or "green:0x7f.."
    kind: Kind
    type: str  # "_asyncio.Task", "eventlet.greenthread.GreenThread"
    name: str
    tid: int | None  # native thread id, None when it cannot be told
    state: State
    stack: tuple[Frame, ...]  # innermost first
    moving: bool = False  # changed while it was read: the stack may be stale
    inside: str | None = None  # the unit whose stack this one's continues, or the reverse
    wait: Wait | None = None
    runtime: Runtime | None = None
    spawned: Spawned | None = None


class Edge(Record):
    """``waiter`` cannot go on before ``target`` does something. ``via`` names the means."""

    waiter: str
    target: str
    via: str  # "awaits", "GreenThread.wait", "spawn_for_awaitable", "await GreenThread", ..


class Thread(Record):
    """An OS thread that runs Python."""

    tid: int
    name: str | None
    holds_gil: bool | None
    current_task: str | None
    current_greenlet: str | None
    stack: tuple[Frame, ...]  # innermost first
    state: KernelState | None = None  # as the kernel sees it, None when it does not say
    system_call: str | None = None  # "epoll_wait": in which it is; None for none, or unknown


class Completeness(Record):
    """How much of the truth the snapshot holds."""

    complete: bool
    units_read: int
    units_moving: int
    units_failed: int
    retries: int
    frozen: bool
    capture_ms: float
    notes: tuple[str, ...] = ()  # what could not be read, one line each
    restless: bool = False  # a list of units changed whenever it was read


class Unretrieved(Record):
    """A task or future that has ended with an exception which nobody has asked for."""

    id: str  # "task:0x7f.." or "future:0x7f.."
    type: str
    name: str  # of a task, "" of a future
    exception: str  # its type: "ValueError", "aiohttp.client_exceptions.ClientError"
    text: str  # its arguments
    stack: tuple[Frame, ...]  # where it was raised, innermost first


class Turn(Record):
    """One time around an event loop or hub."""

    began: float  # CLOCK_MONOTONIC seconds: no two turns have the same
    age: float  # seconds since then


class Snapshot(Record):
    """One process at one moment."""

    pid: int
    ppid: int
    command: str
    python: str  # "3.14.8"
    greenlet: str | None
    eventlet: str | None
    hub: str | None  # "eventlet.hubs.asyncio"
    taken_at: float  # UNIX time
    completeness: Completeness
    threads: tuple[Thread, ...]
    units: tuple[Unit, ...]
    edges: tuple[Edge, ...]
    unretrieved: tuple[Unretrieved, ...] | None = None  # None when it was not looked for
    unread: tuple[int, ...] = ()  # addresses of the units that failed
    orphans: frozenset[str] = frozenset()  # units that wait for what nobody else knows
    # Both empty unless asked for, and never to be changed.
    marks: Mapping[str, int] = {}  # unit -> what differs when it has run in between
    turns: Mapping[int, Turn] = {}  # tid -> the present turn of the loop or hub there
    arguments: Arguments | None = None  # decodes those that frames lack; None: there are none
